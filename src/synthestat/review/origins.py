"""Where intervals come from: the entries behind each quantity, its spread, columns without one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from synthestat.review.case import TABLES, Case
from synthestat.review.evidence import RECORDS
from synthestat.review.honesty import table_metadata

CONFIDENCE = ("high", "medium", "low")
BY_CHANCE = "by chance within "
SEX_AND_AGE = "persons_by_sex_and_age"
SINGLE_YEARS = "persons: single years inside an age group"
"""What every run lists beside its columns: ages are counted in groups."""


def method_faults(case: Case, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Intervals whose method does not name just the entries behind their quantity."""
    known: dict[tuple[str, str], list[set[str]]] = {}
    for row in rows:
        key = (str(row["quantity"]), str(row["universe"]))
        if key not in known:
            known[key] = _methods(case, *key)
        said = {word.strip() for word in str(row["method"] or "").split(";")}
        if row["method"] and known[key] and said not in known[key]:
            place = " ".join(filter(None, (*key[:1], row["zone"], key[1], row["category"])))
            wanted = " or ".join("; ".join(sorted(each)) for each in known[key])
            yield f"{place}: its method is {row['method']}, behind it stands {wanted}"


def _methods(case: Case, quantity: str, universe: str) -> list[set[str]]:
    """The sets of registry entries that may stand behind a quantity; empty where it is unknown."""
    if quantity == "households":
        found = [{name} for f in _of_number(case, universe) if (name := _entry_id(case, f))]
    elif (control := _by_chance(case, quantity)) is not None:
        found = [{BY_CHANCE + control}]
    else:
        names = {_entry_id(case, family) for family in _families(case, quantity, universe)}
        found = [{name for name in names if name}]
    return [each for each in found if each]


def _of_number(case: Case, universe: str) -> tuple[str, ...]:
    """The families that may give a universe's number of households."""
    if universe in case.pack.institutions:
        return ("institution_size",)
    if universe != case.pack.household_universe:
        return ("mean_size_unpublished_universe",)
    published = any(word == universe for _, word in case.published_households)
    values = case.pack.used.get("household_count", {}).get("values") or {}
    if "per_person" in values:
        return ("household_count",)
    return ("household_count", "headship_rates") if published else ("headship_rates",)


def _families(case: Case, quantity: str, universe: str) -> tuple[str, ...]:
    if quantity == "households_by_size":
        return ("household_size",)
    if quantity == "households_by_type":
        return ("living_arrangements", "household_structure")
    if quantity == SEX_AND_AGE:
        return ("institutional_ages" if universe in case.pack.institutions else "sex_ratio_by_age",)
    entry = _attribute(case, quantity) or {}
    given = (entry.get("given") or {}).get("family")
    return tuple(str(f) for f in (entry.get("pattern"), entry.get("association"), given) if f)


def _attribute(case: Case, quantity: str) -> Mapping[str, Any] | None:
    """The attribute that a quantity counts, None where it counts something else."""
    for entry in case.pack.attributes:
        by = f"persons_by_{entry['name']}"
        if quantity == (f"{by}_and_age" if entry.get("control") else by):
            return entry
    return None


def _by_chance(case: Case, quantity: str) -> str | None:
    """The control within which an attribute without any entry is drawn by chance."""
    entry = _attribute(case, quantity)
    if entry is None or _families(case, quantity, ""):
        return None
    return str(entry.get("control"))


def _entry_id(case: Case, family: str) -> str:
    return str(case.pack.used.get(family, {}).get("id", ""))


# The spread


def spread_faults(
    case: Case, summary: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """Faults of what the spread is said to come from: declared, pooled, learnt, or entries."""
    entry = case.pack.used["spread"]
    if summary["spread_entry"] != entry["id"]:
        yield f"spread_entry is {summary['spread_entry']}, the pack takes {entry['id']}"
    for name in ("probability", "draws"):
        if summary[name] != entry["values"][name]:
            yield f"{name} {summary[name]} stated, {entry['values'][name]} declared"
    named: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        named.setdefault((str(row["quantity"]), str(row["universe"])), set()).add(
            str(row["method"])
        )
    tables = {e["name"] for e in case.pack.attributes if e.get("control")}
    for each in summary["quantities"]:
        quantity, universe = str(each["quantity"]), str(each["universe"])
        methods = named.get((quantity, universe), set())
        for part, declared in (("country", "national"), ("zones", "zone")):
            spread = each["spread"].get(part, {})
            if quantity == "households":
                if part == "zones" and sorted(spread.get("entries", [])) != sorted(methods):
                    yield f"{quantity} {universe}: its spread is of {spread.get('entries')}"
                continue
            word = _confidence(case, quantity, methods, part)
            figure = entry["values"][declared][word]
            if not isinstance(spread, Mapping) or not spread:
                yield f"{quantity} {universe}: nothing says what the spread of {part} comes from"
            elif "declared" in spread and spread["declared"] != figure:
                yield (
                    f"{quantity} {universe}: {spread['declared']} is not the spread of {part} "
                    f"that is declared for {word} confidence, {figure}"
                )
            elif not set(spread.get("from", {})) <= tables:
                yield f"{quantity}: its spread is learnt from an attribute without a table"
            if "pooled" in spread and spread["pooled"] != _pooled(case, methods):
                yield f"{quantity}: {spread['pooled']} are not the places pooled in its entries"


def _confidence(case: Case, quantity: str, methods: Iterable[str], part: str) -> str:
    """The lowest confidence of the entries named; of sexes and ages in zones, of all universes."""
    names = {word.strip() for method in methods for word in method.split(";")}
    if quantity == SEX_AND_AGE and part == "zones":
        lived = {str(row[0]) for row in case.rows("SELECT DISTINCT universe FROM persons")}
        names = {_entry_id(case, f) for u in lived for f in _families(case, quantity, u)}
    words = [str(case.pack.registry[n]["confidence"]) for n in names if n in case.pack.registry]
    return max(words, key=CONFIDENCE.index, default="low")


def _pooled(case: Case, methods: Iterable[str]) -> list[str]:
    """The comparable places of the entries named, in their order."""
    names = {word.strip() for method in methods for word in method.split(";")}
    entries = [case.pack.registry[name] for name in sorted(names) if name in case.pack.registry]
    pools = [e["values"]["pool"] for e in entries if "pool" in (e.get("values") or {})]
    return [str(place["source"]) for pool in pools for place in pool]


# Columns without an interval


def without_faults(case: Case, summary: Mapping[str, Any], quantities: set[str]) -> Iterator[str]:
    """Modelled columns of which no quantity states counts, and that are not listed; and others."""
    if "without_interval" not in summary:
        return
    wanted = {SINGLE_YEARS}
    for view in RECORDS:
        if not (case.folder / f"{TABLES[view]}.parquet").is_file():
            continue
        for column, word in (table_metadata(case, view).get("evidence") or {}).items():
            short = column.removeprefix("household_") if view == "households" else column
            counted = {f"{view}_by_{short}", f"{view}_by_{short}_and_age"}
            if word == "modelled" and not counted & quantities:
                wanted.add(f"{view}: {column}")
    listed = [str(each) for each in summary["without_interval"]]
    for each in sorted(wanted - set(listed)):
        yield f"without_interval: {each} is modelled, has no interval and is not listed"
    for each in sorted(set(listed) - wanted):
        yield f"without_interval: {each} is no modelled column without an interval"
    if len(listed) != len(set(listed)):
        yield "without_interval: a column is listed twice"
    if f" {len(listed)} modelled columns" not in str(summary.get("status")):
        yield f"status does not say {len(listed)} modelled columns: {summary.get('status')}"
    if not str(summary.get("policy") or "").strip():
        yield "no policy is stated"
