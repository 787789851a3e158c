"""Checks of the measured family structure: arrangements, gaps and soft targets, recomputed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthestat.review.case import Case
from synthestat.review.controls import EXACT
from synthestat.review.kernels import kernel_faults
from synthestat.review.record import Answer, Status, found, skipped

GAPS = {
    "mother_child": """SELECT p.age - c.age AS years
        FROM persons c JOIN persons p ON p.person_id = c.mother_id""",
    "father_child": """SELECT p.age - c.age AS years
        FROM persons c JOIN persons p ON p.person_id = c.father_id""",
    "partner": """SELECT m.age - w.age AS years
        FROM persons m JOIN persons w ON w.person_id = m.partner_id
        WHERE m.sex = 'male' AND w.sex = 'female'""",
}
"""Age differences in years, older generation minus younger, man minus woman."""
_OTHER_GAPS = {
    "same_sex_partner": """SELECT abs(a.age - b.age) AS years
        FROM persons a JOIN persons b ON b.person_id = a.partner_id
        WHERE a.sex = b.sex AND a.person_id < b.person_id""",
    "mother_youngest_child": """SELECT min(p.age - c.age) FILTER (c.age = y.age) AS years
        FROM persons c JOIN persons p ON p.person_id = c.mother_id
        JOIN (SELECT mother_id, min(age) AS age FROM persons GROUP BY 1) y
          ON y.mother_id = c.mother_id GROUP BY c.mother_id""",
}
ELDERLY, LARGEST_SHOWN = 65, 10
"""Years from which a member counts as elderly, and the open class of sizes: the contract."""
_FIVE_YEARS = "CASE WHEN {0} >= 95 THEN '95+' ELSE ({0} // 5 * 5) || '-' || ({0} // 5 * 5 + 4) END"
_ARRANGEMENTS = f"""
    WITH parents AS (
      SELECT mother_id AS parent FROM persons WHERE mother_id IS NOT NULL
      UNION SELECT father_id FROM persons WHERE father_id IS NOT NULL),
    homes AS (
      SELECT household_id, any_value(kind) AS kind, any_value(size) AS size,
        bool_or(household_role = 'child') AS with_child
      FROM persons JOIN households USING (household_id) GROUP BY household_id)
    SELECT sex, {_FIVE_YEARS.format("age")},
      CASE WHEN kind = 'institutional' THEN 'institutional'
        WHEN size = 1 THEN 'alone'
        WHEN partner_id IS NOT NULL AND household_role IN ('reference', 'partner')
          THEN 'heading_couple'
        WHEN partner_id IS NOT NULL THEN 'couple_in_other_household'
        WHEN household_role = 'reference' AND (parent IS NOT NULL OR with_child)
          THEN 'lone_parent'
        WHEN household_role = 'reference' THEN 'head_of_others'
        WHEN household_role = 'child' THEN 'child_of_head'
        WHEN household_role = 'parent' THEN 'parent_of_head'
        WHEN household_role IN ('grandchild', 'non_relative') THEN household_role
        ELSE 'other_relative' END AS arrangement,
      count(*)
    FROM persons JOIN homes USING (household_id) LEFT JOIN parents ON parent = person_id
    GROUP BY ALL"""
_COMPOSITION = f"""
    SELECT least(n, {LARGEST_SHOWN}), children, elderly, count(*) FROM (
      SELECT household_id, count(*) AS n, count(*) FILTER (age < $adult_age) AS children,
        count(*) FILTER (age >= {ELDERLY}) AS elderly
      FROM persons JOIN households USING (household_id) WHERE kind = 'private'
      GROUP BY household_id) GROUP BY ALL"""
_COUNTS = {
    "reference_age": f"""SELECT {_FIVE_YEARS.format("p.age")}, count(*) FROM households h
        JOIN persons p ON p.person_id = h.reference_person_id
        WHERE h.kind = 'private' GROUP BY ALL""",
    "children_per_family": """SELECT children, count(*) FROM (
        SELECT coalesce(mother_id, father_id) AS parent, count(*) AS children FROM persons
        WHERE coalesce(mother_id, father_id) IS NOT NULL GROUP BY 1) GROUP BY ALL""",
    "generations": """WITH known AS (SELECT * FROM (
          SELECT household_id, person_id AS child, unnest([mother_id, father_id]) AS parent
          FROM persons) WHERE parent IS NOT NULL),
        third AS (SELECT DISTINCT a.household_id, b.parent
                  FROM known a JOIN known b ON b.child = a.parent),
        fourth AS (SELECT DISTINCT a.household_id, b.parent
                   FROM third a JOIN known b ON b.child = a.parent),
        fifth AS (SELECT DISTINCT a.household_id FROM fourth a JOIN known b ON b.child = a.parent)
        SELECT depth, count(*) FROM (
          SELECT household_id, max(depth) AS depth FROM (
            SELECT household_id, 1 AS depth FROM households
            UNION ALL SELECT household_id, 2 FROM known
            UNION ALL SELECT household_id, 3 FROM third
            UNION ALL SELECT household_id, 4 FROM fourth
            UNION ALL SELECT household_id, 5 FROM fifth)
          WHERE household_id IN (SELECT household_id FROM households WHERE kind = 'private')
          GROUP BY 1) GROUP BY ALL""",
}


def family_structure(case: Case) -> Answer:
    """Living arrangements, gaps, their kernels and compositions as recomputed."""
    stated = case.json("household_diagnostics.json")
    faults = list(
        _apart(
            "living_arrangements",
            {
                (sex, group, kind): number
                for sex, groups in stated["living_arrangements"].items()
                for group, kinds in groups.items()
                for kind, number in kinds.items()
            },
            {(s, g, kind): number for s, g, kind, number in case.rows(_ARRANGEMENTS)},
        )
    )
    for name, pairs in (GAPS | _OTHER_GAPS).items():
        told = {(str(year),): n for year, n in stated["gaps"][name]["counts"].items()}
        counted_gaps = {(str(y),): n for y, n in gap_counts(case, pairs)}
        faults += _apart(f"gaps.{name}", told, counted_gaps)
    rows = {tuple(row[:3]): row[3] for row in stated["composition_by_size"]["rows"]}
    counted = {tuple(row[:3]): row[3] for row in case.rows(_COMPOSITION)}
    faults += _apart("composition_by_size", rows, counted)
    known = {"largest_size_is_open": LARGEST_SHOWN, "elderly_from": ELDERLY}
    known["children_below"] = case.pack.rules["adult_age"]
    faults += [
        f"composition_by_size.{key}: {stated['composition_by_size'].get(key)} stated, {value} used"
        for key, value in known.items()
        if stated["composition_by_size"].get(key) != value
    ]
    faults += kernel_faults(case, stated["gaps"])
    for name, sql in _COUNTS.items():
        told = {(str(group),): n for group, n in stated[name].items()}
        faults += _apart(name, told, {(str(group),): n for group, n in case.rows(sql)})
    couples = case.count(f"SELECT count(*) FROM ({_OTHER_GAPS['same_sex_partner']})")
    if stated["same_sex_couples"] != couples:
        faults.append(f"same_sex_couples: {stated['same_sex_couples']} stated, {couples} counted")
    residents = case.count("SELECT count(*) FROM persons")
    return found(
        faults, "who lives with whom is as the tables say", figures={"residents": residents}
    )


def gap_counts(case: Case, pairs: str) -> list[tuple[Any, ...]]:
    """(years, pairs) of a query of `GAPS`."""
    return case.rows_once(f"SELECT years, count(*) FROM ({pairs}) GROUP BY ALL")


def _apart(
    name: str, stated: Mapping[tuple[Any, ...], int], counted: Mapping[tuple[Any, ...], int]
) -> Iterator[str]:
    for key in sorted(stated.keys() | counted.keys(), key=str):
        told, seen = stated.get(key, 0), counted.get(key, 0)
        if told != seen:
            yield f"{name}.{'.'.join(map(str, key))}: {told} stated, {seen} recomputed"


def soft_targets(case: Case) -> Answer:
    """Every soft target of the registry as recomputed; WARN where one is missed."""
    targets = {
        name: entry["values"]
        for name, entry in case.pack.registry.items()
        if entry["kind"] == "target" and entry["status"] == "used"
    }
    told = {str(row["id"]): row for row in case.json("household_diagnostics.json")["soft_targets"]}
    if not targets and not told:
        return skipped("the registry has no soft target")
    faults = [f"{name}: no target of the registry" for name in sorted(told.keys() - targets.keys())]
    figures: dict[str, object] = {}
    missed = []
    for name, target in targets.items():
        observed = observed_target(case, target)
        met = observed is not None and (
            abs(observed - float(target["value"])) <= float(target["tolerance"])
        )
        figures[name] = observed
        wanted = {key: target[key] for key in ("measure", "value", "tolerance")}
        wanted |= {"types": list(target.get("types", [])), "observed": observed, "met": met}
        wanted |= {"attribute": target.get("attribute", ""), "ages": target.get("ages")}
        wanted["categories"] = list(target.get("categories", []))
        row = told.get(name)
        if row is None:
            faults.append(f"{name}: not in household_diagnostics.json")
            continue
        faults += [
            f"{name}: {key} {row.get(key)} stated, {value} recomputed"
            for key, value in wanted.items()
            if not _same(row.get(key), value)
        ]
        if not met:
            missed.append(
                f"{name}: {observed} observed, {target['value']} within {target['tolerance']}"
            )
    if faults or not missed:
        return found(faults, f"{len(targets)} targets as recomputed, all met", figures=figures)
    return Answer(Status.WARN, "; ".join(missed), figures, tuple(missed))


def _same(stated: object, value: object) -> bool:
    if isinstance(stated, (int, float)) and isinstance(value, (int, float)):
        return abs(stated - value) <= EXACT
    return stated == value


def observed_target(case: Case, target: Mapping[str, Any]) -> float | None:
    """Recompute a target's measure over private households of the household universe.

    A `person_share` is over all persons with a value of its attribute, within its ages. None where
    there is nobody to measure; BundleError as `Case.rows`, ValueError for a measure that there is
    not.
    """
    if target["measure"] == "person_share":
        return _person_share(case, target)
    words = case.pack.universe_parts[case.pack.household_universe]
    listed = ", ".join(_quoted(word) for word in words)
    homes = f"""homes AS (SELECT household_id, household_type FROM households
        WHERE kind = 'private' AND universe IN ({listed}))"""
    types = ", ".join(_quoted(str(word)) for word in target.get("types", [])) or "NULL"
    measures = {
        "household_type_share": f"SELECT avg((household_type IN ({types}))::INT) FROM homes",
        "three_generation_share": """
            SELECT avg((household_id IN (
              SELECT c.household_id FROM persons c
              JOIN persons p ON p.household_id = c.household_id
                AND (p.person_id = c.mother_id OR p.person_id = c.father_id)
              WHERE coalesce(p.mother_id, p.father_id) IS NOT NULL))::INT) FROM homes""",
        "mean_partner_gap": """
            SELECT avg(m.age - w.age) FROM persons m JOIN homes USING (household_id)
            JOIN persons w ON w.person_id = m.partner_id
            WHERE m.sex = 'male' AND w.sex = 'female'""",
        "mean_age_at_birth": """
            SELECT avg(m.age - c.age) FROM persons c JOIN homes USING (household_id)
            JOIN persons m ON m.person_id = c.mother_id WHERE c.age < 5""",
        "mean_age_at_first_birth": """
            SELECT avg(m.age - eldest) FROM (
              SELECT c.mother_id, max(c.age) AS eldest FROM persons c JOIN homes
              USING (household_id) WHERE c.mother_id IS NOT NULL GROUP BY 1) born
            JOIN persons m ON m.person_id = born.mother_id WHERE eldest < 5""",
    }
    if target["measure"] == "couples_in_category_share":
        return _couples_in_category(case, target, homes)
    if target["measure"] not in measures:
        raise ValueError(f"{target['measure']!r} is no measure of a soft target")
    observed = case.rows(f"WITH {homes} {measures[target['measure']]}")[0][0]
    return None if observed is None else float(observed)


def _person_share(case: Case, target: Mapping[str, Any]) -> float | None:
    column = '"' + str(target["attribute"]).replace('"', '""') + '"'
    words = ", ".join(_quoted(str(word)) for word in target["categories"])
    first, last = target.get("ages") or (0, 999)
    sql = f"""SELECT avg(({column} IN ({words}))::INT) FROM persons
        WHERE {column} IS NOT NULL AND age BETWEEN {int(first)} AND {int(last)}"""
    observed = case.rows(sql)[0][0]
    return None if observed is None else float(observed)


def _couples_in_category(case: Case, target: Mapping[str, Any], homes: str) -> float | None:
    """The share of persons with a partner, of the target's ages, who are both in its category."""
    if target["attribute"] not in case.columns("persons"):
        return None
    column = '"' + str(target["attribute"]) + '"'
    words = ", ".join(_quoted(str(word)) for word in target["categories"])
    first, last = target.get("ages") or (0, 999)
    observed = case.rows(
        f"""WITH {homes} SELECT avg((p.{column} IN ({words}) AND q.{column} IN ({words}))::INT)
        FROM persons p JOIN homes USING (household_id) JOIN persons q ON q.person_id = p.partner_id
        WHERE p.{column} IS NOT NULL AND q.{column} IS NOT NULL
          AND p.age BETWEEN {int(first)} AND {int(last)}"""
    )[0][0]
    return None if observed is None else float(observed)


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"
