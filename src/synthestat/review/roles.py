"""Check of roles: whoever is called a relative of the reference person is one by the links."""

from __future__ import annotations

from synthestat.review.record import no_rows

_HEADS = """heads AS (
    SELECT person_id, household_id, mother_id, father_id, age FROM persons
    WHERE household_role IN ('reference', 'partner'))"""
_TIED = """tied AS (
    SELECT c.person_id, c.partner_id, c.household_id FROM persons c
    JOIN heads h ON h.household_id = c.household_id
      AND (h.person_id = c.mother_id OR h.person_id = c.father_id))"""
_PARENTS = """parents AS (
    SELECT unnest([mother_id, father_id]) AS person_id FROM heads)"""

roles = no_rows(
    {
        "children of the reference person or the partner with another role": f"""
            WITH {_HEADS}, {_TIED}
            SELECT DISTINCT p.person_id, p.household_id, p.household_role
            FROM persons p JOIN tied USING (person_id) WHERE p.household_role <> 'child'""",
        "children-in-law whose partner is no child": """
            SELECT c.person_id, c.household_id, c.partner_id FROM persons c
            LEFT JOIN persons p ON p.person_id = c.partner_id
            WHERE c.household_role = 'child_in_law'
              AND p.household_role IS DISTINCT FROM 'child'""",
        "partners of children with a role that is not theirs": """
            SELECT c.person_id, c.household_id, c.household_role FROM persons c
            JOIN persons p ON p.person_id = c.partner_id
            WHERE p.household_role = 'child'
              AND c.household_role NOT IN ('child', 'child_in_law')""",
        "grandchildren of nobody's child": """
            SELECT g.person_id, g.household_id, g.mother_id, g.father_id FROM persons g
            WHERE g.household_role = 'grandchild'
              AND coalesce(g.mother_id, g.father_id) IS NOT NULL
              AND NOT EXISTS (
                SELECT 1 FROM persons p WHERE p.household_id = g.household_id
                AND p.household_role IN ('child', 'child_in_law')
                AND (p.person_id = g.mother_id OR p.person_id = g.father_id))""",
        "children of children with another role": """
            SELECT g.person_id, g.household_id, g.household_role FROM persons g
            JOIN persons p ON p.household_id = g.household_id
              AND (p.person_id = g.mother_id OR p.person_id = g.father_id)
            WHERE p.household_role IN ('child', 'child_in_law')
              AND g.household_role <> 'grandchild'""",
        "parents of neither the reference person nor the partner": f"""
            WITH {_HEADS}, {_PARENTS}
            SELECT person_id, household_id FROM persons WHERE household_role = 'parent'
              AND person_id NOT IN (SELECT person_id FROM parents WHERE person_id IS NOT NULL)""",
        "parents of the reference person or the partner with another role": f"""
            WITH {_HEADS}, {_PARENTS}
            SELECT DISTINCT p.person_id, p.household_id, p.household_role
            FROM persons p JOIN parents USING (person_id) WHERE p.household_role <> 'parent'""",
        "siblings who are of another generation by their links": """
            SELECT s.person_id, s.household_id, s.mother_id, s.father_id FROM persons s
            WHERE s.household_role = 'sibling' AND EXISTS (
              SELECT 1 FROM persons p WHERE p.household_id = s.household_id
              AND p.household_role <> 'parent'
              AND (p.person_id = s.mother_id OR p.person_id = s.father_id))""",
        "non-relatives with a family link to a relative": """
            SELECT n.person_id, n.household_id, p.person_id AS relative, p.household_role
            FROM persons n JOIN persons p
              ON p.household_id = n.household_id
              AND p.person_id IN (n.partner_id, n.mother_id, n.father_id)
            WHERE (n.household_role = 'non_relative') <> (p.household_role = 'non_relative')""",
    },
    "every role follows from links to the reference person and the partner",
)

family_status = no_rows(
    {
        "persons whose family status their links contradict": """
            WITH parents AS (
              SELECT mother_id AS parent FROM persons WHERE mother_id IS NOT NULL
              UNION SELECT father_id FROM persons WHERE father_id IS NOT NULL),
            children AS (
              SELECT person_id, mother_id, father_id FROM persons
              ANTI JOIN parents ON parent = person_id
              WHERE partner_id IS NULL AND coalesce(mother_id, father_id) IS NOT NULL),
            nuclei AS (
              SELECT person_id AS member FROM persons WHERE partner_id IS NOT NULL
              UNION SELECT person_id FROM children
              UNION SELECT mother_id FROM children WHERE mother_id IS NOT NULL
              UNION SELECT father_id FROM children WHERE father_id IS NOT NULL)
            SELECT person_id, household_id, family_status, by_links FROM (
              SELECT p.person_id, p.household_id, p.family_status, CASE
                  WHEN h.kind = 'institutional' THEN NULL
                  WHEN member IS NOT NULL THEN 'in a family nucleus'
                  ELSE 'in no family nucleus' END AS by_links
              FROM persons p JOIN households h USING (household_id)
              LEFT JOIN nuclei ON member = p.person_id)
            WHERE family_status IS DISTINCT FROM by_links"""
    },
    "family status follows from partners, parents and children of the household",
)
