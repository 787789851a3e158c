"""Checks of the buildings: every dwelling in one building, of known evidence, room and place.

`synthetic_building_assignments` has one row per dwelling: docs/layers.md gives its columns.
"""

from __future__ import annotations

from collections.abc import Iterator

from synthestat.review.case import Case
from synthestat.review.definitions import BINDING, FIRM_TOLERANCE
from synthestat.review.honesty import table_metadata
from synthestat.review.links import PLACEHOLDER
from synthestat.review.record import Answer, Status, found, no_rows, skipped
from synthestat.review.recount import Cell

EVIDENCE = ("real_register", "real_footprint", "modelled_unit")
"""A record of a register; an outline on a map; a unit that stands for an unknown building."""
MODELLED = "modelled_unit"
NEAR = FIRM_TOLERANCE  # how far from an INFORMATIONAL count is worth a look: as for a FIRM one

building_rows = no_rows(
    {
        "dwellings without a building": """
            SELECT dwelling_id, zone_code FROM dwellings
            WHERE dwelling_id NOT IN (SELECT dwelling_id FROM buildings
                                      WHERE dwelling_id IS NOT NULL)""",
        "rows of a dwelling that does not exist": """
            SELECT dwelling_id, building_id FROM buildings
            WHERE dwelling_id IS NULL OR dwelling_id NOT IN (SELECT dwelling_id FROM dwellings)""",
        "dwellings in more than one building": """
            SELECT dwelling_id, count(*) AS times FROM buildings
            GROUP BY ALL HAVING count(*) > 1""",
        "building ids that only fill a place": f"""
            SELECT dwelling_id, building_id FROM buildings
            WHERE building_id IS NULL OR {PLACEHOLDER.format("building_id")}""",
        "building ids that are a zone's code": """
            SELECT dwelling_id, building_id, zone_code FROM buildings
            WHERE building_id::VARCHAR = zone_code::VARCHAR""",
        "buildings with two zones or two evidence words": """
            SELECT building_id, count(DISTINCT zone_code) AS zones,
                   count(DISTINCT evidence) AS words
            FROM buildings GROUP BY ALL HAVING zones > 1 OR words > 1""",
    },
    "every dwelling stands in one building of one zone and one evidence word",
)

building_links = no_rows(
    {
        "dwellings that name another building": """
            SELECT d.dwelling_id, d.building_id, b.building_id AS assigned
            FROM dwellings d JOIN buildings b USING (dwelling_id)
            WHERE d.building_id::VARCHAR IS DISTINCT FROM b.building_id::VARCHAR""",
        "dwellings that name a building and have no row": """
            SELECT dwelling_id, building_id FROM dwellings WHERE building_id IS NOT NULL
              AND dwelling_id NOT IN (SELECT dwelling_id FROM buildings
                                      WHERE dwelling_id IS NOT NULL)""",
        "dwellings outside their building's zone": """
            SELECT d.dwelling_id, d.zone_code, b.building_id, b.zone_code AS of_building
            FROM dwellings d JOIN buildings b USING (dwelling_id)
            WHERE d.zone_code::VARCHAR IS DISTINCT FROM b.zone_code::VARCHAR""",
    },
    "dwellings and buildings name each other, in one zone",
)

_capacity = no_rows(
    {
        "buildings with more dwellings than their capacity": """
            SELECT building_id, any_value(capacity) AS capacity, count(*) AS number
            FROM buildings GROUP BY building_id HAVING count(*) > min(capacity)""",
        "buildings of two capacities, or of less than 1": """
            SELECT building_id, min(capacity) AS least, max(capacity) AS most
            FROM buildings GROUP BY building_id
            HAVING min(capacity) < 1 OR min(capacity) <> max(capacity)
                OR count(capacity) NOT IN (0, count(*))""",
    },
    "no building holds more dwellings than its capacity",
)


def building_capacity(case: Case) -> Answer:
    """No building holds more dwellings than its row states; WARN where none states a capacity."""
    answer = _capacity(case)
    stated = case.count("SELECT count(DISTINCT building_id) FROM buildings WHERE capacity > 0")
    if answer.status is Status.PASS and not stated:
        said = "no building states its capacity: nothing bounds the dwellings in one"
        return Answer(Status.WARN, said, answer.figures)
    figures = {**answer.figures, "buildings with a capacity": stated}
    return Answer(answer.status, answer.notes, figures, answer.offending)


def building_sources(case: Case) -> Answer:
    """Buildings called real come from a frozen source that the table's metadata names."""
    held = dict(
        case.rows("SELECT evidence, count(DISTINCT building_id) FROM buildings GROUP BY ALL")
    )
    real = sum(number for word, number in held.items() if word != MODELLED)
    named = [str(each) for each in table_metadata(case, "buildings").get("sources") or ()]
    faults = [
        f"{name}: not in pack/sources.yaml" for name in named if name not in case.pack.sources
    ]
    if real and not named:
        faults.append(
            f"{real:,} buildings are called real, and the table's metadata names no `sources`"
        )
    if named and not real:
        faults.append(f"{', '.join(named)}: named as source, but every building is {MODELLED}")
    figures = {str(word): number for word, number in held.items()}
    return found(faults, "every building called real has a source", figures=figures)


def building_counts(case: Case) -> Answer:
    """Buildings by zone against every published count of them; WARN beside what does not bind."""
    cells = [cell for cell in case.cells if cell.control.counts == "buildings" and cell.compared]
    if not cells:
        return skipped("no table counts buildings")
    faults = [
        _told(cell) for cell in cells if cell.control.level in BINDING and not cell.within_tolerance
    ]
    doubts = [
        _told(cell)
        for cell in cells
        if cell.control.level not in BINDING
        and abs(cell.residual) > max(NEAR * (cell.target or 0), 1)
    ]
    figures = {"compared": len(cells), "apart": len(faults) + len(doubts)}
    if faults or not doubts:
        return found(faults, f"{len(cells)} published counts of buildings", figures=figures)
    return Answer(Status.WARN, f"{len(doubts)}: {doubts[0]}", figures, tuple(doubts[:20]))


def building_summary(case: Case) -> Answer:
    """`buildings` of dwelling_building_diagnostics.json as recomputed from the table."""
    stated = case.json("dwelling_building_diagnostics.json").get("buildings")
    if not isinstance(stated, dict):
        return found(["dwelling_building_diagnostics.json: nothing under 'buildings'"], "")
    faults = [
        f"{key}: {stated.get(key)} stated, {value} recomputed"
        for key, value in _recomputed(case)
        if stated.get(key) != value
    ]
    return found(faults, "the diagnostics are those of the table")


def _recomputed(case: Case) -> Iterator[tuple[str, object]]:
    """Figures of the summary by name, counted in the table."""
    yield "buildings", case.count("SELECT count(DISTINCT building_id) FROM buildings")
    yield "dwellings", case.count("SELECT count(*) FROM buildings")
    words = "SELECT evidence, count(DISTINCT building_id) FROM buildings GROUP BY ALL"
    yield "by_evidence", {str(word): int(number) for word, number in case.rows(words)}
    each = "SELECT count(*) AS n FROM buildings GROUP BY building_id"
    yield "most_dwellings_in_one", case.count(f"SELECT max(n) FROM ({each})")


def _told(cell: Cell) -> str:
    return f"{cell.id}: {cell.target:,.0f} buildings published, {cell.observed:,} in the run"
