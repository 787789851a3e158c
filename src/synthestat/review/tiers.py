"""The check of the quality tiers: figures counted again, rules read from the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from synthestat.review.case import TABLES, Case
from synthestat.review.record import Answer, found

TIERS = ("A", "B", "C", "D")
ROUNDING = 2e-6  # of a figure that is given with six places


def quality_tiers(case: Case) -> Answer:
    """Each zone has the tier that its figures earn; rules and reasons are told as they are."""
    document = case.json("geography_quality_tiers.json")
    entries = list(document["tiers"])
    declared = case.pack.used["quality_tiers"]
    rules = declared["values"]
    missing = sorted(TABLES[v] for v in TABLES if case.declared_unavailable(v))
    zones = sorted(case.pack.zones)
    there = sorted(str(entry["zone"]) for entry in entries)
    faults = []
    if there != zones:
        lost, extra = set(zones) - set(there), [z for z in there if z not in zones]
        faults.append(f"zones without a tier: {sorted(lost)}; not of this country, twice: {extra}")
        faults += [f"{zone}: twice" for zone in sorted(set(there)) if there.count(zone) > 1]
    if list(document["missing_layers"]) != missing:
        faults.append(f"missing layers {document['missing_layers']}, unavailable are {missing}")
    faults += _rule_faults(document, str(declared["id"]), rules)
    figures = _figures(case, float(rules["least_count"]))
    tables = _tables(case, "HARD", "FIRM", "SOFT")
    for entry in entries:
        if str(entry["zone"]) in figures:
            own = figures[str(entry["zone"])]
            faults += _entry_faults(entry, own, rules, missing)
            faults += _table_faults(entry, tables.get(str(entry["zone"]), set()))
    low = sorted(str(entry["zone"]) for entry in entries if entry["tier"] in ("C", "D"))
    if low != list(case.manifest["zones_degraded"]):
        faults.append("the manifest's zones_degraded are not the zones of tier C and D")
    counts = {tier: sum(entry["tier"] == tier for entry in entries) for tier in TIERS}
    return found(faults, "every zone's tier fits its evidence", figures=counts)


def _entry_faults(
    entry: Mapping[str, Any],
    figures: Mapping[str, float],
    rules: Mapping[str, Any],
    missing: list[str],
) -> Iterator[str]:
    """Faults of one zone's tier, figures and reasons."""
    zone, tier = str(entry["zone"]), str(entry["tier"])
    if tier not in TIERS:
        yield f"{zone}: {tier!r} is no tier"
        return
    for name, figure in figures.items():
        said = entry["figures"].get(name)
        if not isinstance(said, int | float) or abs(said - figure) > ROUNDING * max(figure, 1.0):
            yield f"{zone}: {name} {said} stated, {figure:.6g} recounted"
    earned, why = _earned(figures, rules, missing)
    if tier != earned:
        yield f"{zone}: tier {tier}, but {earned} by the rules{f' ({why})' if why else ''}"
    if tier != "A" and not entry.get("reasons"):
        yield f"{zone}: tier {tier} without a reason"
    wanted = set(_reasons(entry["figures"], rules, missing))
    told = {str(reason) for reason in entry.get("reasons") or ()}
    yield from (
        f"{zone}: a reason that its figures do not give: {r}" for r in sorted(told - wanted)
    )
    yield from (f"{zone}: a reason that is not told: {r}" for r in sorted(wanted - told))


def _reasons(
    figures: Mapping[str, Any], rules: Mapping[str, Any], missing: list[str]
) -> Iterator[str]:
    """What lowers a zone's tier, in words: each figure beside the bound that it breaks."""
    for part, sign in (("most", 1), ("least", -1)):
        for name, bounds in rules[part].items():
            kept = [t for t in TIERS if t not in bounds or sign * figures[name] <= sign * bounds[t]]
            if kept[0] != "A":
                better = TIERS[TIERS.index(kept[0]) - 1]
                yield (
                    f"{kept[0]}: {_spoken(name)} {figures[name]:g}, tier {better} asks for at "
                    f"{part} {bounds[better]:g}"
                )
    for layer in missing:
        if layer in rules["without_layer"]:
            yield f"{rules['without_layer'][layer]}: {_spoken(layer)} unavailable"


def _rule_faults(
    document: Mapping[str, Any], entry: str, rules: Mapping[str, Any]
) -> Iterator[str]:
    """Rules told under another entry's name, or in other words than the registry's bounds."""
    if document["entry"] != entry:
        yield f"the rules are said to be of {document['entry']!r}, the pack takes {entry!r}"
    wanted = {TIERS[-1]: {f"what {TIERS[-2]} asks for is not met"}}
    for tier in TIERS[:-1]:
        wanted[tier] = {
            f"{_spoken(name)} at {part} {bounds[tier]:g}"
            for part in ("most", "least")
            for name, bounds in rules[part].items()
            if tier in bounds
        } | {
            f"{_spoken(layer)} available"
            for layer, best in rules["without_layer"].items()
            if best > tier
        }
    for tier in sorted(wanted.keys() | document["rules"].keys()):
        asked = wanted.get(tier, set())
        told = {part for part in str(document["rules"].get(tier, "")).split("; ") if part}
        for part in sorted(told ^ asked):
            where = "is told alone" if part in told else "is in the registry alone"
            yield f"rules of tier {tier}: {part!r} {where}"


def _table_faults(entry: Mapping[str, Any], tables: set[tuple[str, str]]) -> Iterator[str]:
    """Tables listed for a zone that have no figure of it, or that are left out."""
    listed = entry.get("tables") or {}
    told = {(str(level), str(name)) for level, names in listed.items() for name in names}
    for level, name in sorted(told ^ tables):
        where = "has no figure of it" if (level, name) in told else "is not listed"
        yield f"{entry['zone']}: {name} ({level}) {where}"


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _earned(
    figures: Mapping[str, float], rules: Mapping[str, Any], missing: list[str]
) -> tuple[str, str]:
    """The tier that figures earn, and the figure or layer that keeps it from being better."""
    worst = [("A", "")]
    for part, sign in (("most", 1), ("least", -1)):
        for name, bounds in rules[part].items():
            passed = [
                t for t in TIERS if t not in bounds or sign * figures[name] <= sign * bounds[t]
            ]
            worst.append((passed[0], f"{name} {figures[name]:g}"))
    worst += [(rules["without_layer"].get(layer, "A"), layer) for layer in missing]
    tier, why = max(worst, key=lambda each: each[0])
    return tier, "" if tier == "A" else why


def _figures(case: Case, least: float) -> dict[str, dict[str, float]]:
    """The figures of every zone that the rules bound."""
    shares = dict(_shares(case))
    widths: dict[str, list[float]] = {}
    sql = "SELECT zone, estimate, low, high FROM uncertainty"
    for zone, estimate, low, high in case.rows(sql):
        if estimate >= least:
            widths.setdefault(str(zone), []).append((high - low) / estimate)
    estimated = dict(_estimated(case))
    relaxed = [str(entry["zone"]) for entry in case.relaxations]
    homes = "SELECT DISTINCT zone_code, universe FROM households WHERE kind = 'private'"
    modelled = [str(z) for z, u in case.rows(homes) if (z, u) not in case.published_households]
    tables = _tables(case, "HARD", "FIRM")
    return {
        zone: {
            "modelled_share": shares.get(zone, 0.0),
            "median_relative_width": median(widths[zone]) if zone in widths else 0.0,
            "estimated_share": estimated.get(zone, 0.0),
            "relaxations": relaxed.count(zone),
            "modelled_household_counts": modelled.count(zone),
            "tables": len(tables.get(zone, ())),
        }
        for zone in case.pack.zones
    }


def _tables(case: Case, *levels: str) -> dict[str, set[tuple[str, str]]]:
    """The controls of some levels with a figure of a zone, each with its level, by zone."""
    tables: dict[str, set[tuple[str, str]]] = {}
    for cell in case.cells:
        if cell.control.level in levels and cell.target is not None:
            tables.setdefault(cell.zone, set()).add((cell.control.level, cell.control.id))
    return tables


def _shares(case: Case) -> Iterator[tuple[str, float]]:
    """The share of persons' values that are called modelled, by zone."""
    words = [f'"{name}"' for name in case.columns("persons") if name.endswith("_evidence")]
    modelled = " + ".join(f"count(*) FILTER ({word} = 'modelled')" for word in words)
    valued = " + ".join(f"count(*) FILTER ({word} <> 'unavailable')" for word in words)
    sql = f"SELECT zone_code, {modelled}, {valued} FROM persons GROUP BY zone_code"
    for zone, some, all_ in case.rows(sql) if words else ():
        yield str(zone), some / all_ if all_ else 0.0


def _estimated(case: Case) -> Iterator[tuple[str, float]]:
    """The share of residents, by zone, of universes that only flagged zones have."""
    universes = case.pack.country["universes"].items()
    partial_ = [str(u) for u, e in universes if e.get("only_in") and not e.get("institution")]
    quoted = ", ".join("'" + word.replace("'", "''") + "'" for word in partial_) or "''"
    sql = (
        f"SELECT zone_code, count(*) FILTER (universe::VARCHAR IN ({quoted})), count(*) "
        "FROM persons GROUP BY zone_code"
    )
    for zone, some, all_ in case.rows(sql):
        yield str(zone), some / all_
