"""GUIDE controls: tables that shape what no constraining table tells, and never bind.

Their counts are of other years or other persons; only shares within a zone are taken from them. A
GUIDE of persons by age or sex shapes the zone's joint (`synthesis/persons.py`), one by an attribute
its quotas (`synthesis/guided.py`), one by family status what households consist of
(`synthesis/households.py`), one named by `household_count` the zone's households.
"""

from __future__ import annotations

from collections.abc import Iterator

from synthestat.controls.age_bands import band_starts, nests
from synthestat.controls.control_tables import UNPUBLISHED, ControlTable, Counts, Published
from synthestat.controls.households import constrains
from synthestat.errors import PackError
from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import FAMILY_COLUMN, FAMILY_STATUS

CORE_COLUMNS = ("age", "sex")
PER_PERSON = "per_person"


def core_guides(published: Published) -> list[ControlTable]:
    """Return the GUIDE tables of persons by age, by sex or by both, in the pack's order."""
    return [
        table
        for table in published.tables.values()
        if table.spec.level == "GUIDE" and _is_core(table) and table.columns
    ]


def family_share(published: Published, zone: str) -> float | None:
    """Return the share of persons in family nuclei that a GUIDE by family status gives a zone."""
    for table in published.tables.values():
        if table.spec.level == "GUIDE" and FAMILY_COLUMN in table.columns:
            row, at = guide_row(table, zone), table.columns.index(FAMILY_COLUMN)
            inside = [category[at] == FAMILY_STATUS[0] for category in table.categories]
            return float(row[inside].sum() / row.sum())
    return None


def _is_core(table: ControlTable) -> bool:
    spec = table.spec
    return spec.counts == "persons" and set(spec.by) <= set(CORE_COLUMNS) and not spec.only


def guide_faults(published: Published, pack: CountryPack) -> list[str]:
    """Return GUIDE controls that no stage takes, and age bands that do not nest, one line each.

    Bands of a GUIDE must refine those of every other table of persons by age, or be refined by
    them: only then are its shares shares of something that the other tells.
    """
    named = {attribute.guide for attribute in pack.attributes}
    named |= set(_per_person(pack))
    bases = {table.spec.table for table in published.tables.values() if table.spec.id in named}
    faults = []
    for table in published.tables.values():
        if table.spec.level != "GUIDE" or table.spec.id in named or table in core_guides(published):
            continue
        if FAMILY_COLUMN in table.columns:
            continue
        if not (_is_core(table) and table.spec.table in bases):  # the whole that a share is of
            faults.append(
                f"controls.yaml: {table.spec.id}: no stage takes this GUIDE; name it as an "
                "attribute's guide or in household_count, or declare it INFORMATIONAL"
            )
    return faults + list(_band_faults(published))


def _per_person(pack: CountryPack) -> list[str]:
    found = [e for e in pack.priors.applying if (e.family, e.status) == ("household_count", "used")]
    rates = found[0].values.get(PER_PERSON) if found else None
    return [str(name) for name in rates] if isinstance(rates, dict) else []


def _band_faults(published: Published) -> Iterator[str]:
    guides = [table for table in core_guides(published) if "age" in table.columns]
    others = [
        table
        for table in published.tables.values()
        if constrains(table) and _is_core(table) and "age" in table.columns
    ]
    for number, guide in enumerate(guides):
        for other in (*others, *guides[number + 1 :]):
            mine, theirs = band_starts(guide), band_starts(other)
            if nests(mine, theirs):
                continue
            only_mine, only_theirs = set(mine) - set(theirs), set(theirs) - set(mine)
            yield (
                f"controls.yaml: {guide.spec.id}: its age bands do not nest with those of "
                f"{other.spec.id}: it alone begins one at {min(only_mine)}, the other alone one at "
                f"{min(only_theirs)}"
            )


def guide_row(table: ControlTable, zone: str) -> Counts:
    """Return a GUIDE's cells of one zone where persons live, shape (categories,).

    Raises PackError where a cell has no figure, or where the table counts nobody there.
    """
    row = table.row(zone)
    if row is None or (row == UNPUBLISHED).any():
        raise PackError(
            f"{table.cell_name(zone)} gives no complete row to guide by",
            remedy="leave the table INFORMATIONAL, or freeze one with a row for every zone",
        )
    if not row.sum():
        raise PackError(
            f"{table.cell_name(zone)} counts nobody: it has no shares for those who live there",
            remedy="leave the table INFORMATIONAL, or freeze one that counts persons in every zone",
        )
    return row
