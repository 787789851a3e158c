"""Checks of the households themselves: who lives together, how old, how many, in which dwelling."""

from __future__ import annotations

from synthestat.review.case import Case
from synthestat.review.record import SHOWN, Answer, Status, found, no_rows, skipped

child_only = no_rows(
    {
        "private households without an adult": """
            SELECT household_id, count(*) AS members, max(age) AS oldest
            FROM persons JOIN households USING (household_id) WHERE kind = 'private'
            GROUP BY household_id HAVING max(age) < $adult_age"""
    },
    "an adult lives in every private household",
)

reference_age = no_rows(
    {
        "reference persons under age": """
            SELECT h.household_id, p.person_id, p.age FROM households h
            JOIN persons p ON p.person_id = h.reference_person_id
            WHERE h.kind = 'private' AND p.age < $adult_age""",
        "members with the role of reference, under age": """
            SELECT p.household_id, p.person_id, p.age FROM persons p
            JOIN households h USING (household_id)
            WHERE h.kind = 'private' AND p.household_role = 'reference' AND p.age < $adult_age""",
    },
    "every reference person is of age",
)

household_type = no_rows(
    {
        "households whose type their members contradict": """
            WITH members AS (
              SELECT household_id, count(*) AS number,
                bool_or(household_role IN ('child_in_law', 'grandchild', 'parent', 'sibling',
                                           'other_relative')) AS kin,
                bool_or(household_role = 'non_relative') AS lodger,
                bool_or(household_role = 'partner') AS partner,
                bool_or(household_role = 'child') AS child,
                max(sex) FILTER (household_role = 'reference') AS sex
              FROM persons GROUP BY household_id)
            SELECT household_id, household_type, CASE
                WHEN number = 1 THEN 'single'
                WHEN kin THEN 'extended'
                WHEN lodger THEN 'other'
                WHEN partner AND child THEN 'couple_with_children'
                WHEN partner THEN 'couple_without_children'
                WHEN child AND sex = 'female' THEN 'lone_mother'
                WHEN child AND sex = 'male' THEN 'lone_father'
                ELSE 'other' END AS by_members
            FROM households JOIN members USING (household_id)
            WHERE kind = 'private' AND household_type IS DISTINCT FROM by_members"""
    },
    "every household's type follows from its members",
)

institutional_households = no_rows(
    {
        "institutional households with what only private ones have": """
            SELECT household_id, household_type, reference_person_id, dwelling_id
            FROM households WHERE kind = 'institutional'
              AND (household_type IS NOT NULL OR reference_person_id IS NOT NULL
                   OR dwelling_id IS NOT NULL)""",
        "institutional households of no kind, or private ones of some": """
            SELECT household_id, kind, institution FROM households
            WHERE (kind = 'institutional') = (institution IS NULL)""",
        "members of institutional households with another role": """
            SELECT p.person_id, p.household_id, p.household_role
            FROM persons p JOIN households h USING (household_id)
            WHERE h.kind = 'institutional' AND p.household_role <> 'institutional'""",
        "members of private households with the role institutional": """
            SELECT p.person_id, p.household_id FROM persons p JOIN households h USING (household_id)
            WHERE h.kind = 'private' AND p.household_role = 'institutional'""",
    },
    "institutional households have members of one role, a kind, and nothing of a private household",
)

largest_household = no_rows(
    {
        "private households above the declared largest": """
            SELECT household_id, count(*) AS members FROM persons
            JOIN households USING (household_id) WHERE kind = 'private'
            GROUP BY household_id HAVING count(*) > $largest_household"""
    },
    "no household is larger than the pack declares",
)


def mean_size(case: Case) -> Answer:
    """No zone and universe whose mean household size is far above the country's."""
    groups = case.rows(
        """SELECT zone_code, universe, persons_, coalesce(households_, 0) FROM
             (SELECT p.zone_code, p.universe, count(*) AS persons_
              FROM persons p LEFT JOIN households h USING (household_id)
              WHERE h.kind IS DISTINCT FROM 'institutional' GROUP BY ALL)
           LEFT JOIN (SELECT zone_code, universe, count(*) AS households_
                      FROM households WHERE kind = 'private' GROUP BY ALL)
           USING (zone_code, universe) ORDER BY ALL"""
    )
    published = [group for group in groups if group[1] == case.pack.household_universe]
    homes = sum(group[3] for group in published)
    if not homes:
        return found(["no household of the published universe"], "")
    usual = sum(group[2] for group in published) / homes
    sizes = {(z, u): persons / held for z, u, persons, held in groups if held}
    fewest, most = case.limit("mean_size_households"), case.limit("mean_size_ratio") * usual
    faults = [
        f"{zone}, {universe}: {persons:,} persons in {held:,} households"
        for zone, universe, persons, held in groups
        if not held or (held >= fewest and persons / held > most)
    ]
    figures = {"country": round(usual, 4), "largest": round(max(sizes.values(), default=0.0), 4)}
    return found(faults, "every zone's mean size is believable", figures=figures)


def ages(case: Case) -> Answer:
    """Nobody is below 0, or above the oldest age of the pack, which stands for all beyond it."""
    oldest = int(case.pack.country["ages"]["oldest"])
    youngest, eldest = case.rows("SELECT min(age), max(age) FROM persons")[0]
    number, rows = case.offenders(
        f"""SELECT person_id, household_id, zone_code, age FROM persons
            WHERE age IS NULL OR age NOT BETWEEN 0 AND {oldest}""",
        SHOWN,
    )
    if not number:
        figures = {"youngest": youngest, "oldest": eldest}
        return found([], f"every age is one of 0 to {oldest}", figures=figures)
    notes = f"{number:,} persons are not of an age of 0 to {oldest}"
    return Answer(Status.FAIL, notes, {"persons": number}, tuple(rows))


_GAPS = {
    f"{parent}s outside the band of ages at birth": f"""
            SELECT c.person_id, c.age, p.person_id AS {parent}_id, p.age AS {parent}_age
            FROM persons c JOIN persons p ON p.person_id = c.{parent}_id
            WHERE p.age - c.age NOT BETWEEN ${parent}_age_at_birth_low
                                        AND ${parent}_age_at_birth_high"""
    for parent in ("mother", "father")
} | {
    "members called parent who are too young to be one of the couple's": """
            WITH couples AS (
              SELECT household_id, min(age) AS youngest FROM persons
              WHERE household_role IN ('reference', 'partner') GROUP BY household_id)
            SELECT person_id, household_id, age, youngest AS younger_of_the_couple
            FROM persons JOIN couples USING (household_id)
            WHERE household_role = 'parent'
              AND age - youngest < least($mother_age_at_birth_low, $father_age_at_birth_low)""",
    "members called grandchild who are too old to be one of the couple's": """
            WITH couples AS (
              SELECT household_id, max(age) AS oldest FROM persons
              WHERE household_role IN ('reference', 'partner') GROUP BY household_id)
            SELECT person_id, household_id, age, oldest AS older_of_the_couple
            FROM persons JOIN couples USING (household_id)
            WHERE household_role = 'grandchild'
              AND oldest - age
                  < 2 * least($mother_age_at_birth_low, $father_age_at_birth_low)""",
    "members called sibling who are too old or too young to be one of the couple's": """
            WITH heads AS (
              SELECT household_id, age AS heads_age FROM persons
              WHERE household_role IN ('reference', 'partner'))
            SELECT person_id, household_id, age, min(abs(age - heads_age)) AS years_apart
            FROM persons JOIN heads USING (household_id)
            WHERE household_role = 'sibling' GROUP BY ALL
            HAVING min(abs(age - heads_age))
                > greatest($mother_age_at_birth_high - $mother_age_at_birth_low,
                           $father_age_at_birth_high - $father_age_at_birth_low)""",
}
"""What may not be of ages within families, by the declared ages of parents at birth."""


def parent_gaps(case: Case) -> Answer:
    """Parents, grandchildren and siblings of possible ages; no more children of one age either."""
    most = int(case.limit("children_of_one_age"))
    births = {
        f"mothers (or lone fathers) of more than {most} children of one age": f"""
            SELECT coalesce(mother_id, father_id) AS parent_id, household_id, age,
              count(*) AS children, min(person_id) AS first_child
            FROM persons WHERE coalesce(mother_id, father_id) IS NOT NULL
            GROUP BY ALL HAVING count(*) > {most}"""
    }
    return no_rows(_GAPS | births, "every parent was of an age to be one")(case)


partner_gaps = no_rows(
    {
        "couples outside the band of age gaps": """
            SELECT m.person_id AS man, m.age AS his_age, w.person_id AS woman, w.age AS her_age,
              $partner_age_gap_low AS least_gap, $partner_age_gap_high AS widest_gap
            FROM persons m JOIN persons w ON w.person_id = m.partner_id
            WHERE m.sex = 'male' AND w.sex = 'female'
              AND m.age - w.age NOT BETWEEN $partner_age_gap_low AND $partner_age_gap_high""",
        "partners below the age of marriage": """
            SELECT person_id, age, partner_id, $partner_age AS least_age FROM persons
            WHERE partner_id IS NOT NULL AND age < $partner_age""",
    },
    "couples keep the declared ages",
)

occupancy = no_rows(
    {
        "occupied dwellings without a household": """
            SELECT dwelling_id, occupancy FROM dwellings
            WHERE occupancy = 'occupied' AND coalesce(len(household_ids), 0) = 0
              AND dwelling_id NOT IN (SELECT dwelling_id FROM households
                                      WHERE dwelling_id IS NOT NULL)""",
        "dwellings not occupied but lived in": """
            SELECT d.dwelling_id, d.occupancy, any_value(h.household_id) AS household_id
            FROM dwellings d JOIN households h USING (dwelling_id)
            WHERE d.occupancy IN ('vacant', 'secondary_or_unresolved') GROUP BY ALL
            UNION ALL
            SELECT dwelling_id, occupancy, household_ids[1] FROM dwellings
            WHERE occupancy IN ('vacant', 'secondary_or_unresolved') AND len(household_ids) > 0""",
        "dwellings with more households than declared": """
            SELECT dwelling_id, count(*) AS number FROM households
            WHERE dwelling_id IS NOT NULL
            GROUP BY ALL HAVING count(*) > $households_per_dwelling""",
    },
    "occupancy and households agree",
)


_HOMELESS = """households h WHERE h.kind IS DISTINCT FROM 'institutional'
    AND h.universe = $household_universe AND h.dwelling_id IS NULL"""
_ROOM = """(SELECT DISTINCT zone_code FROM dwellings
    WHERE occupancy = 'secondary_or_unresolved' OR (occupancy = 'occupied'
      AND coalesce(len(household_ids), 0) < $households_per_dwelling))"""
placing = no_rows(
    {
        "households that share beside a dwelling that is neither vacant nor lived in": """
            WITH shared AS (
              SELECT zone_code, dwelling_id, list_sort(list(household_id)) AS household_ids
              FROM households WHERE dwelling_id IS NOT NULL GROUP BY ALL HAVING count(*) > 1),
            free AS (
              SELECT zone_code, min(dwelling_id) AS free_dwelling_id FROM dwellings
              WHERE occupancy = 'secondary_or_unresolved' GROUP BY ALL)
            SELECT * FROM shared JOIN free USING (zone_code)""",
        "households without a dwelling in a zone that has room for them": f"""
            SELECT h.household_id, h.zone_code, h.size FROM {_HOMELESS}
              AND h.zone_code IN {_ROOM}""",
    },
    "households share only where no dwelling is left, and none is without one",
)


def dwelling_occupancy(case: Case) -> Answer:
    """Occupied dwellings lived in, others not, none overfull; homes of the covered universe.

    A household without a dwelling fails where its zone has room for it, else it is a WARN.
    """
    if case.declared_unavailable("dwellings"):
        return skipped("the layer is declared unavailable")
    faults = [each for each in (occupancy(case), placing(case)) if each.status is Status.FAIL]
    if faults:
        figures = {key: value for each in faults for key, value in each.figures.items()}
        offending = tuple(row for each in faults for row in each.offending)[:SHOWN]
        return Answer(Status.FAIL, "; ".join(f.notes for f in faults), figures, offending)
    zones = case.rows(f"SELECT h.zone_code, count(*) FROM {_HOMELESS} GROUP BY ALL ORDER BY ALL")
    homeless = sum(int(number) for _, number in zones)
    figures = {"households of the dwellings' universe without one": homeless}
    if not homeless:
        return found([], "occupancy and households agree", figures=figures)
    listed = tuple(f"{zone}: {n:,} households, and no dwelling lived in" for zone, n in zones)
    notes = f"{homeless:,} households have no dwelling, in zones without room for them"
    return Answer(Status.WARN, notes, figures, listed[:SHOWN])
