"""Checks of keys and links: every reference answered, both ways, within one household."""

from __future__ import annotations

from synthestat.review.case import Case
from synthestat.review.record import Answer, found, no_rows

_KEYS = (
    *(("persons", "person_id"), ("households", "household_id")),
    ("dwellings", "dwelling_id"),
)
PLACEHOLDER = (
    "regexp_matches(lower(trim({0}::VARCHAR)), "
    "'^(-?0+|-[0-9]+|n/?a|nan|none|null|unknown|placeholder|dummy|tbd|todo|x+|[?.-]+)?$')"
)
"""SQL that tells whether an id only fills a place; `{0}` is the column."""

keys = no_rows(
    {f"{view}: {key} empty": f"SELECT * FROM {view} WHERE {key} IS NULL" for view, key in _KEYS}
    | {
        f"{view}: {key} more than once": (
            f"SELECT {key}, count(*) AS times FROM {view} WHERE {key} IS NOT NULL "
            "GROUP BY ALL HAVING count(*) > 1"
        )
        for view, key in _KEYS
    }
    | {
        f"{view}: {key} that only fills a place": f"SELECT * FROM {view} WHERE {key} < 1"
        for view, key in _KEYS
    },
    "every key is there, once",
)

_dangling = no_rows(
    {
        f"{view}: {column} leads nowhere": (
            f"SELECT {own}, {column} FROM {view} "
            f"ANTI JOIN (SELECT {key} AS there FROM {target}) ON there = {column} "
            f"WHERE {column} IS NOT NULL"
        )
        for view, own, column, target, key in (
            ("persons", "person_id", "household_id", "households", "household_id"),
            ("persons", "person_id", "partner_id", "persons", "person_id"),
            ("persons", "person_id", "mother_id", "persons", "person_id"),
            ("persons", "person_id", "father_id", "persons", "person_id"),
            ("households", "household_id", "reference_person_id", "persons", "person_id"),
            ("households", "household_id", "dwelling_id", "dwellings", "dwelling_id"),
        )
    },
    "every foreign key is answered",
)


def foreign_keys(case: Case) -> Answer:
    """No foreign key leads nowhere; no placeholder for a layer that is unavailable."""
    faults = []
    for view, column, layer in (
        ("households", "dwelling_id", "dwellings"),
        ("dwellings", "building_id", "buildings"),
    ):
        if case.declared_unavailable(layer) and not case.declared_unavailable(view):
            sql = f"SELECT * FROM {view} WHERE {column} IS NOT NULL"
            count, rows = case.offenders(sql, 5)
            faults += [f"{layer} are unavailable, but {count:,} rows name one: {r}" for r in rows]
    return found(faults, "") if faults else _dangling(case)


household_members = no_rows(
    {
        "households whose size is not the number of members": """
            SELECT household_id, size, coalesce(members, 0) AS members FROM households
            LEFT JOIN (SELECT household_id, count(*) AS members FROM persons GROUP BY ALL)
            USING (household_id) WHERE size IS DISTINCT FROM coalesce(members, 0)""",
        "reference persons who are no member with that role": """
            SELECT h.household_id, h.reference_person_id, p.household_id AS lives_in,
                   p.household_role
            FROM households h LEFT JOIN persons p ON p.person_id = h.reference_person_id
            WHERE h.kind IS DISTINCT FROM 'institutional'
              AND (p.household_id IS DISTINCT FROM h.household_id
                   OR p.household_role IS DISTINCT FROM 'reference')""",
        "private households without exactly one reference person": """
            SELECT household_id, count(*) FILTER (household_role = 'reference') AS references_
            FROM persons JOIN households USING (household_id)
            WHERE kind IS DISTINCT FROM 'institutional'
            GROUP BY ALL HAVING references_ <> 1""",
    },
    "sizes, members and reference persons agree",
)

partner_links = no_rows(
    {
        "partners that are not each other's": """
            SELECT p.person_id, p.partner_id, q.partner_id AS partner_of_partner
            FROM persons p LEFT JOIN persons q ON q.person_id = p.partner_id
            WHERE p.partner_id IS NOT NULL
              AND (q.partner_id IS DISTINCT FROM p.person_id OR p.partner_id = p.person_id)""",
        "partners in two households": """
            SELECT p.person_id, p.partner_id, p.household_id, q.household_id AS of_partner
            FROM persons p JOIN persons q ON q.person_id = p.partner_id
            WHERE q.household_id IS DISTINCT FROM p.household_id""",
        "members called partner who are not the reference person's": """
            SELECT p.person_id, p.household_id, h.reference_person_id, p.partner_id
            FROM persons p JOIN households h USING (household_id)
            WHERE p.household_role = 'partner'
              AND p.partner_id IS DISTINCT FROM h.reference_person_id""",
        "reference persons' partners with another role": """
            SELECT q.person_id, q.household_id, q.household_role
            FROM persons p JOIN persons q ON q.person_id = p.partner_id
            WHERE p.household_role = 'reference' AND q.household_id = p.household_id
              AND q.household_role <> 'partner'""",
        "partners who are parent and child": """
            SELECT person_id, household_id, partner_id, mother_id, father_id FROM persons
            WHERE partner_id IN (mother_id, father_id)""",
        "partners who have a mother or a father in common": """
            SELECT p.person_id, p.household_id, p.partner_id, p.mother_id, p.father_id,
                   q.mother_id AS partners_mother, q.father_id AS partners_father
            FROM persons p JOIN persons q ON q.person_id = p.partner_id
            WHERE p.person_id < q.person_id
              AND (p.mother_id = q.mother_id OR p.father_id = q.father_id)""",
    },
    "every partner is the partner's partner, in the same household, and no parent or sibling",
)

_BOTH = "c.person_id, c.household_id, c.mother_id, c.father_id"
_PARENTS = """persons c JOIN persons m ON m.person_id = c.mother_id
            JOIN persons f ON f.person_id = c.father_id"""

parent_links = no_rows(
    {
        f"{parent}s who are not {sex}": f"""
            SELECT c.person_id, c.{parent}_id, p.sex FROM persons c
            JOIN persons p ON p.person_id = c.{parent}_id
            WHERE p.sex IS DISTINCT FROM '{sex}'"""
        for parent, sex in (("mother", "female"), ("father", "male"))
    }
    | {
        "persons who are their own parent": """
            SELECT person_id, mother_id, father_id FROM persons
            WHERE mother_id = person_id OR father_id = person_id OR mother_id = father_id""",
        "children of neither the reference person nor the partner": """
            SELECT c.person_id, c.household_id, c.mother_id, c.father_id FROM persons c
            WHERE c.household_role = 'child' AND NOT EXISTS (
              SELECT 1 FROM persons p WHERE p.household_id = c.household_id
              AND p.household_role IN ('reference', 'partner')
              AND (p.person_id = c.mother_id OR p.person_id = c.father_id))""",
        "mothers and fathers of one child of whom either is another's partner": f"""
            SELECT {_BOTH}, m.partner_id AS mothers_partner, f.partner_id AS fathers_partner
            FROM {_PARENTS}
            WHERE m.partner_id <> f.person_id OR f.partner_id <> m.person_id""",
        "mothers and fathers of one child who are parent and child, or siblings": f"""
            SELECT {_BOTH} FROM {_PARENTS}
            WHERE m.father_id = f.person_id OR f.mother_id = m.person_id
               OR m.mother_id = f.mother_id OR m.father_id = f.father_id""",
    },
    "mothers are women, fathers men and their partners, and children theirs",
)

institutional_links = no_rows(
    {
        "residents of institutions with a family link": """
            SELECT p.person_id, p.household_id, p.partner_id, p.mother_id, p.father_id
            FROM persons p JOIN households h USING (household_id)
            WHERE h.kind = 'institutional'
              AND coalesce(p.partner_id, p.mother_id, p.father_id) IS NOT NULL""",
        "persons whose relative lives in an institution": """
            WITH apart AS (
              SELECT person_id FROM persons JOIN households USING (household_id)
              WHERE kind = 'institutional')
            SELECT person_id, partner_id, mother_id, father_id FROM persons
            WHERE partner_id IN (FROM apart) OR mother_id IN (FROM apart)
               OR father_id IN (FROM apart)""",
    },
    "no family link leads into or out of an institution",
)

dwelling_links = no_rows(
    {
        "households whose dwelling does not name them": """
            SELECT household_id, dwelling_id FROM households WHERE dwelling_id IS NOT NULL
            EXCEPT SELECT unnest(household_ids), dwelling_id FROM dwellings""",
        "dwellings whose household does not name them": """
            SELECT unnest(household_ids) AS household_id, dwelling_id FROM dwellings
            EXCEPT SELECT household_id, dwelling_id FROM households""",
        "dwellings whose household_count is not their list's length": """
            SELECT dwelling_id, household_count, household_ids FROM dwellings
            WHERE household_count IS DISTINCT FROM coalesce(len(list_distinct(household_ids)), 0)
               OR len(household_ids) <> len(list_distinct(household_ids))""",
    },
    "dwellings and households name each other, and counts agree",
)

same_place = no_rows(
    {
        "persons outside their household's zone": """
            SELECT p.person_id, p.zone_code, h.household_id, h.zone_code AS of_household
            FROM persons p JOIN households h USING (household_id)
            WHERE p.zone_code IS DISTINCT FROM h.zone_code""",
        "households outside their dwelling's zone": """
            SELECT h.household_id, h.zone_code, d.dwelling_id, d.zone_code AS of_dwelling
            FROM households h JOIN dwellings d USING (dwelling_id)
            WHERE h.zone_code IS DISTINCT FROM d.zone_code""",
    },
    "persons, households and dwellings stand in the same zone",
)
