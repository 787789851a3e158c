"""Checks of work and school: who goes where, at what age, within what room, and all of them.

`work_school_assignments` has one row per person and kind; docs/layers.md gives its columns, and
those of `pack/assignment.yaml` and `assignment_diagnostics.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthestat.review.case import Case
from synthestat.review.definitions import read_yaml
from synthestat.review.links import PLACEHOLDER
from synthestat.review.record import Answer, Status, found, no_rows

KINDS = ("work", "school")
DESTINATIONS = ("place", "external", "unassigned")
"""A place in a zone of the country; a zone abroad; nowhere, said openly."""
YOUNGEST_WORKER = 15  # years: minimum age for work, ILO Convention 138 (1973), article 2(3)
DIAGNOSTICS = "assignment_diagnostics.json"
PACK = "assignment.yaml"
NEAR = 1e-6  # relative, of a mean of distances

assignment_rows = no_rows(
    {
        "persons who do not exist": """
            SELECT person_id, kind FROM places WHERE person_id IS NULL
              OR person_id NOT IN (SELECT person_id FROM persons)""",
        "persons with two rows of one kind": """
            SELECT person_id, kind, count(*) AS times FROM places
            GROUP BY ALL HAVING count(*) > 1""",
        "places without an id or a zone, or with a zone abroad": """
            SELECT person_id, kind, place_id, zone_code, external_zone FROM places
            WHERE destination = 'place' AND (place_id IS NULL OR zone_code IS NULL
                                             OR external_zone IS NOT NULL)""",
        "external rows without a zone abroad, or with a place": """
            SELECT person_id, kind, place_id, zone_code, external_zone FROM places
            WHERE destination = 'external' AND (external_zone IS NULL OR zone_code IS NOT NULL
                                                OR place_id IS NOT NULL)""",
        "unassigned rows that lead somewhere": """
            SELECT person_id, kind, place_id, zone_code, external_zone, distance_km FROM places
            WHERE destination = 'unassigned' AND (place_id IS NOT NULL OR zone_code IS NOT NULL
              OR external_zone IS NOT NULL OR distance_km IS NOT NULL)""",
        "place ids that only fill a place": f"""
            SELECT person_id, kind, place_id FROM places
            WHERE place_id IS NOT NULL AND ({PLACEHOLDER.format("place_id")}
                                            OR place_id::VARCHAR = zone_code::VARCHAR)""",
        "distances that are none": """
            SELECT person_id, kind, distance_km FROM places
            WHERE distance_km < 0 OR NOT isfinite(distance_km)""",
    },
    "every row leads one person to one place, abroad or openly nowhere",
)

_places = no_rows(
    {
        "places of two zones or, for one kind, two capacities": """
            SELECT place_id, kind, count(DISTINCT capacity) AS capacities, 1 AS zones
            FROM places WHERE destination = 'place' GROUP BY place_id, kind
            HAVING capacities > 1 OR count(capacity) NOT IN (0, count(*))
            UNION ALL
            SELECT place_id, 'either', 0, count(DISTINCT zone_code) FROM places
            WHERE destination = 'place' GROUP BY place_id HAVING count(DISTINCT zone_code) > 1""",
        "places with more persons of a kind than their capacity": """
            SELECT place_id, kind, min(capacity) AS capacity, count(*) AS persons_there
            FROM places WHERE destination = 'place' GROUP BY ALL
            HAVING count(*) > min(capacity)""",
    },
    "no place takes more persons than it can",
)


def assignment_places(case: Case) -> Answer:
    """Places keep one zone of the country and their capacity; WARN where none states one."""
    answer = _places(case)
    known = {zone.code for zone in case.pack.geography}
    sql = "SELECT zone_code::VARCHAR, count(*) FROM places GROUP BY ALL ORDER BY ALL"
    faults = [
        f"{number:,} rows lead to {zone}, no zone of geography.csv"
        for zone, number in case.rows(sql)
        if zone is not None and zone not in known
    ]
    if faults or answer.status is not Status.PASS:
        return found([*answer.offending, *faults], "", figures=answer.figures)
    bare = case.count(
        "SELECT count(DISTINCT place_id) FROM places WHERE destination = 'place' "
        "AND capacity IS NULL"
    )
    figures = {**answer.figures, "places without a capacity": bare}
    said = f"{bare:,} places state no capacity: nothing bounds who goes there"
    return Answer(Status.WARN if bare else Status.PASS, said if bare else answer.notes, figures)


def external_zones(case: Case) -> Answer:
    """Zones abroad are those that the pack lists, none of them a zone of the country."""
    listed = {str(each["code"]) for each in _pack(case).get("external_zones") or ()}
    known = {zone.code for zone in case.pack.geography}
    faults = [f"{code}: abroad and a zone of geography.csv" for code in sorted(listed & known)]
    sql = (
        "SELECT external_zone::VARCHAR, count(*) FROM places WHERE external_zone IS NOT NULL "
        "GROUP BY ALL ORDER BY ALL"
    )
    rows = case.rows(sql)
    faults += [
        f"{number:,} rows lead to {zone}, which pack/{PACK} does not list"
        for zone, number in rows
        if zone not in listed
    ]
    figures = {str(zone): int(number) for zone, number in rows}
    return found(faults, f"{len(listed)} zones abroad", figures=figures)


def assignment_ages(case: Case) -> Answer:
    """Nobody works under 15 or outside the pack's ages; pupils have the pack's ages."""
    faults, figures = [], {}
    for kind in KINDS:
        first, last = _ages(case, kind)
        sql = (
            "SELECT p.person_id, p.age FROM persons p JOIN places USING (person_id) "
            f"WHERE kind = '{kind}' AND p.age NOT BETWEEN {first} AND {last}"
        )
        count, rows = case.offenders(sql, 10)
        figures[kind] = count
        faults += [f"{kind}, {count:,} outside {first} to {last}: {row}" for row in rows]
    return found(faults, "workers and pupils are of the ages that the pack gives", figures=figures)


def assignment_totals(case: Case) -> Answer:
    """Those who work or learn, by attribute and age, have one row each, and nobody else has one."""
    faults: list[str] = []
    figures: dict[str, object] = {}
    open_ = []
    for kind in KINDS:
        rule = _pack(case)[kind]
        if not rule.get("attribute"):
            open_.append(kind)
            continue
        column = '"' + str(rule["attribute"]).replace('"', '""') + '"'
        words = ", ".join(_quoted(str(word)) for word in rule["categories"])
        first, last = _ages(case, kind)
        wanted = (
            f"SELECT person_id FROM persons WHERE {column}::VARCHAR IN ({words}) "
            f"AND age BETWEEN {first} AND {last}"
        )
        placed = f"SELECT person_id FROM places WHERE kind = '{kind}'"
        figures[kind] = case.count(f"SELECT count(*) FROM ({wanted})")
        for what, sql in (
            ("without a row", f"{wanted} EXCEPT {placed}"),
            ("with a row, and not of these categories", f"{placed} EXCEPT {wanted}"),
        ):
            count, rows = case.offenders(sql, 5)
            faults += [f"{kind}: {count:,} persons {what}: {row}" for row in rows]
    answer = found(faults, "workers and pupils are all there, assigned or not", figures=figures)
    if answer.status is Status.PASS and open_:
        said = f"pack/{PACK} names no attribute of {' and '.join(open_)}: totals not judged"
        return Answer(Status.WARN, said, figures)
    return answer


def assignment_summary(case: Case) -> Answer:
    """assignment_diagnostics.json as recomputed; without the layer it says so and nothing else."""
    stated = case.json(DIAGNOSTICS)
    if case.declared_unavailable("places"):
        faults = [
            f"{key} is {stated.get(key)!r}, must be {word!r}: the layer is unavailable"
            for key, word in (("scope", "none"), ("status", "unavailable"))
            if stated.get(key) != word
        ]
        faults += [f"{key}: stated without a table" for key in _RECOMPUTED if stated.get(key)]
        return found(faults, "the diagnostics say that the layer is unavailable")
    faults = []
    if stated.get("scope") != case.manifest["scope"]:
        faults.append(f"scope {stated.get('scope')!r}, manifest {case.manifest['scope']!r}")
    for key, recompute in _RECOMPUTED.items():
        faults += _apart(key, dict(_stated(stated.get(key), key)), dict(recompute(case)))
    return found(faults, "flows, distances and capacities are those of the table")


def _pack(case: Case) -> dict[str, Any]:
    """pack/assignment.yaml: ages, attributes and zones abroad. BundleError where absent."""
    return read_yaml(case.pack.folder / PACK)


def _ages(case: Case, kind: str) -> tuple[int, int]:
    """First and last age of a kind: the pack's, and no work before YOUNGEST_WORKER."""
    first, last = (int(age) for age in _pack(case)[kind]["ages"])
    return (max(first, YOUNGEST_WORKER) if kind == "work" else first), last


Counted = Iterator[tuple[tuple[str, ...], float]]


def _persons(case: Case) -> Counted:
    sql = "SELECT kind, destination, count(*) FROM places GROUP BY ALL"
    for kind, destination, number in case.rows(sql):
        yield (str(kind), str(destination)), int(number)


def _flows(case: Case) -> Counted:
    """Persons by kind, home zone and zone of the place, or zone abroad."""
    sql = """SELECT kind, p.zone_code::VARCHAR,
               coalesce(places.zone_code::VARCHAR, external_zone::VARCHAR), count(*)
             FROM places JOIN persons p USING (person_id)
             WHERE destination <> 'unassigned' GROUP BY ALL"""
    for kind, home, away, number in case.rows(sql):
        yield (str(kind), str(home), str(away)), int(number)


def _lengths(case: Case) -> Counted:
    """Persons with a distance, their mean and largest distance in km, by kind."""
    sql = """SELECT kind, count(distance_km), avg(distance_km), max(distance_km)
             FROM places WHERE distance_km IS NOT NULL GROUP BY ALL"""
    for kind, *figures in case.rows(sql):
        for name, figure in zip(("persons", "mean_km", "max_km"), figures, strict=True):
            yield (str(kind), name), float(figure)


def _capacities(case: Case) -> Counted:
    """Places, those with a capacity and its sum, by kind."""
    sql = """SELECT kind, count(*), count(capacity), coalesce(sum(capacity), 0) FROM (
               SELECT kind, place_id, min(capacity) AS capacity FROM places
               WHERE destination = 'place' GROUP BY ALL) GROUP BY ALL"""
    for kind, *figures in case.rows(sql):
        for name, figure in zip(("places", "with_capacity", "capacity"), figures, strict=True):
            yield (str(kind), name), float(figure)


_RECOMPUTED = {
    "persons": _persons,
    "flows": _flows,
    "trip_lengths": _lengths,
    "capacities": _capacities,
}
"""The figures of the diagnostics, each with how it is counted again."""


def _stated(entry: Any, key: str) -> Counted:
    """The same figures as the document gives them: nested by kind, or a list of flows."""
    if key == "flows":
        for flow in entry or ():
            yield (str(flow["kind"]), str(flow["from"]), str(flow["to"])), int(flow["persons"])
        return
    for kind, figures in (entry or {}).items():
        for name, figure in figures.items():
            yield (str(kind), str(name)), float(figure)


def _apart(
    name: str,
    stated: Mapping[tuple[str, ...], float],
    counted: Mapping[tuple[str, ...], float],
) -> Iterator[str]:
    for key in sorted(stated.keys() | counted.keys()):
        told, seen = stated.get(key, 0.0), counted.get(key, 0.0)
        if abs(told - seen) > NEAR * max(abs(seen), 1.0):
            yield f"{name}.{'.'.join(key)}: {told:,.6g} stated, {seen:,.6g} recomputed"


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"
