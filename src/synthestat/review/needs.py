"""The terms of the rubric: for each, how much is missing, from 0 to 1, counted in the files.

A maker returns the terms of one need by id, each with what was counted; None stands for a term that
says nothing of this run and is left out of the mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any

from synthestat.review.case import TABLES, Case
from synthestat.review.controls import deviation
from synthestat.review.definitions import BINDING, FIRM_TOLERANCE
from synthestat.review.evidence import RECORDS, value_counts
from synthestat.review.record import Check, Status

Term = tuple[float, str]
Terms = dict[str, Term | None]
MANY_YEARS = 10.0  # between census rounds: a lag of so many years is a gap of 1
SMALL_ZONE = 1000.0  # residents of a zone that is detailed enough for any use: assumption
WIDE = 2.0  # relative width of an interval that tells next to nothing: assumption
WORDS = ("measured", "constrained", "modelled")


@dataclass(frozen=True)
class Asked:
    """What the makers look at: the open run, its checks by id, and the census topics."""

    case: Case
    checks: Mapping[str, Check]
    topics: Sequence[str]

    def figure(self, check: str, name: str) -> float | None:
        """A number among the figures of a check; None where it is absent."""
        value = self.checks[check].figures.get(name) if check in self.checks else None
        return float(value) if isinstance(value, int | float) else None


def _share(part: float, whole: float) -> float:
    return min(max(part / whole, 0.0), 1.0) if whole else 0.0


def coverage(asked: Asked) -> Terms:
    """Residents missing, estimated, in zones without a table; institutions that are not told."""
    case = asked.case
    published = asked.figure("whole_country", "published")
    built = case.count("SELECT count(*) FROM persons")
    missing: Term | None = None
    if published:
        gap = abs(built - published)
        missing = (_share(gap, published), f"{gap:,.0f} of {published:,.0f} residents apart")
    universes = case.pack.country["universes"].items()
    apart = [str(u) for u, e in universes if e.get("only_in") and not e.get("institution")]
    words = dict(case.rows("SELECT universe::VARCHAR, count(*) FROM persons GROUP BY ALL"))
    estimated = sum(int(words.get(universe, 0)) for universe in apart)
    told = {
        cell.zone
        for cell in case.cells
        if cell.control.counts == "persons"
        and cell.control.level in ("HARD", "FIRM")
        and cell.target is not None
    }
    bare = [zone for zone in case.pack.zones if zone not in told]
    kinds = len(case.pack.institutions)
    return {
        "residents_missing": missing,
        "residents_estimated": (_share(estimated, built), f"{estimated:,} of {built:,} estimated"),
        "zones_without_table": (
            _share(len(bare), len(case.pack.zones)),
            f"{len(bare)} of {len(case.pack.zones)} zones",
        ),
        "institutions_untold": (float(not kinds), f"{kinds} universes of institutions"),
    }


def attributes(asked: Asked) -> Terms:
    """Values that are modelled, topics without a column, width of the national intervals."""
    counts = _persons_values(asked.case)
    totals = {word: sum(c[word] for c in counts.values()) for word in WORDS}
    values = sum(totals.values())
    absent = [topic for topic in asked.topics if topic not in asked.case.columns("persons")]
    return {
        "values_modelled": (
            _share(totals["modelled"], values),
            f"{totals['modelled']:,} of {values:,} values of {len(counts)} columns",
        ),
        "topics_absent": (
            _share(len(absent), len(asked.topics)),
            f"{len(absent)} of {len(asked.topics)}: {', '.join(absent) or 'none'}",
        ),
        "interval_width": _width(asked.case, "persons", national=True),
    }


def _persons_values(case: Case) -> dict[str, dict[str, int]]:
    core = {"age", "sex", *(str(entry["name"]) for entry in case.pack.attributes)}
    return {name: c for name, c in value_counts(case, "persons").items() if name in core}


def _width(case: Case, start: str, *, national: bool) -> Term | None:
    """The median relative width of intervals, over WIDE; of the country, or of the zones."""
    sign = "=" if national else "<>"
    root = case.pack.root.replace("'", "''")
    sql = (
        "SELECT (high - low) / estimate FROM uncertainty WHERE estimate >= 20 "
        f"AND quantity LIKE '{start}%' AND zone {sign} '{root}' ORDER BY 1"
    )
    widths = [float(row[0]) for row in case.rows(sql)]
    if not widths:
        return None
    return _share(median(widths), WIDE), f"median width {median(widths):.2f} of {len(widths)}"


def households(asked: Asked) -> Terms:
    """Numbers, sizes and types that no binding table gives; soft targets that are missed."""
    case = asked.case
    rows = case.rows(
        "SELECT zone_code, universe, count(*) FROM households WHERE kind = 'private' GROUP BY ALL"
    )
    homes = {(str(zone), str(universe)): int(number) for zone, universe, number in rows}
    whole = sum(homes.values())
    modelled = sum(n for key, n in homes.items() if key not in case.published_households)
    split = {
        column: sum(n for key, n in homes.items() if key not in _told(case, column))
        for column in ("size", "household_type")
    }
    targets = asked.checks["soft_targets"]
    judged = len(targets.figures)
    missed = len(targets.offending) if targets.status is Status.WARN else 0
    said = f"{missed} of {judged} targets" if judged else "no target to judge by"
    return {
        "counts_modelled": (_share(modelled, whole), f"{modelled:,} of {whole:,} households"),
        "sizes_modelled": (_share(split["size"], whole), f"{split['size']:,} of {whole:,}"),
        "types_modelled": (
            _share(split["household_type"], whole),
            f"{split['household_type']:,} of {whole:,}",
        ),
        "targets_missed": (_share(missed, judged) if judged else 1.0, said),
        "interval_width": _width(case, "households", national=True),
    }


def _told(case: Case, column: str) -> set[tuple[str, str]]:
    """(zone, universe) whose households a binding table gives by a column."""
    return {
        (cell.zone, cell.control.universe)
        for cell in case.cells
        if cell.control.counts == "households"
        and cell.control.level in BINDING
        and cell.target is not None
        and any(part.column == column for part in cell.control.by)
    }


def dwellings(asked: Asked) -> Terms:
    """Households without a dwelling; dwellings unresolved, of no type, in no building."""
    case = asked.case
    if case.declared_unavailable("dwellings"):
        nothing: Term = (1.0, "no dwellings")
        return dict.fromkeys(("households_without", "dwellings_without_building"), nothing) | {
            "dwellings_unresolved": None,
            "dwelling_type_unknown": None,
        }
    homes, without = case.rows(
        "SELECT count(*), count(*) FILTER (dwelling_id IS NULL) FROM households "
        "WHERE kind = 'private'"
    )[0]
    number, unresolved, untyped, unbuilt = case.rows(
        "SELECT count(*), count(*) FILTER (occupancy = 'secondary_or_unresolved'), "
        "count(*) - count(dwelling_type), count(*) - count(building_id) FROM dwellings"
    )[0]
    return {
        "households_without": (_share(without, homes), f"{without:,} of {homes:,} households"),
        "dwellings_unresolved": (_share(unresolved, number), f"{unresolved:,} of {number:,}"),
        "dwellings_without_building": (_share(unbuilt, number), f"{unbuilt:,} of {number:,}"),
        "dwelling_type_unknown": (_share(untyped, number), f"{untyped:,} of {number:,}"),
    }


def overlays(asked: Asked) -> Terms:
    """No overlays at all; else how far their low and high figures lie apart."""
    if asked.case.declared_unavailable("overlays"):
        return {"absent": (1.0, "no overlay"), "width": None}
    sql = 'SELECT sum("low"), sum("mid"), sum("high"), count(*) FROM overlays'
    low, mid, high, rows = asked.case.rows(sql)[0]
    width = _share((high or 0) - (low or 0), WIDE * (mid or 0)) if mid else 1.0
    return {
        "absent": (float(not rows), f"{rows:,} rows"),
        "width": (width, f"{low or 0:,.0f} to {high or 0:,.0f} around {mid or 0:,.0f}"),
    }


def assignments(asked: Asked) -> Terms:
    """No assignments at all; else the share of rows that are called modelled."""
    case = asked.case
    if case.declared_unavailable("places"):
        return {"absent": (1.0, "no assignment"), "rows_modelled": None}
    rows = case.count("SELECT count(*) FROM places")
    modelled = rows
    if "evidence" in case.columns("places"):
        modelled = case.count("SELECT count(*) FROM places WHERE evidence = 'modelled'")
    return {
        "absent": (float(not rows), f"{rows:,} rows"),
        "rows_modelled": (_share(modelled, rows), f"{modelled:,} of {rows:,} rows"),
    }


def joints(asked: Asked) -> Terms:
    """The largest deviation, pairs of attributes in no table, couples, widths of zones' counts."""
    case = asked.case
    worst = deviation(case)
    names = sorted({"age", "sex", *(str(entry["name"]) for entry in case.pack.attributes)})
    crossed = {
        pair
        for control in case.pack.controls
        if control.level in BINDING and control.counts == "persons"
        for pair in combinations(sorted({*(p.column for p in control.by), *control.only}), 2)
    }
    pairs = list(combinations(names, 2))
    open_ = [pair for pair in pairs if pair not in crossed]
    declared = [e for e in case.pack.attributes if e.get("household") == "partners"]
    alone = len(case.pack.attributes) - len(declared)
    return {
        "deviation": (_share(worst, FIRM_TOLERANCE), f"{worst:.4%} at most"),
        "pairs_untabulated": (
            _share(len(open_), len(pairs)),
            f"{len(open_)} of {len(pairs)} pairs",
        ),
        "couples_alike": (
            _share(alone, len(case.pack.attributes)),
            f"{alone} of {len(case.pack.attributes)} attributes without agreement of partners",
        ),
        "zones_width": _width(case, "", national=False),
    }


def lag(asked: Asked) -> Terms:
    """Years from reference to build and to the oldest table; distributions from elsewhere."""
    case = asked.case
    reference = _last_year(case.pack.country["reference_period"])
    built = _last_year(case.manifest["times"]["finished"])
    behind: Term | None = None
    apart: Term | None = None
    if reference and built:
        years = max(built - reference, 0)
        behind = (_share(years, MANY_YEARS), f"{years} years from {reference} to {built}")
    tables = [_last_year(source.entry.get("reference_period")) for source in _sources(case)]
    known = [year for year in tables if year]
    if reference and known:
        years = max(reference - min(known), 0)
        apart = (_share(years, MANY_YEARS), f"the oldest table is {years} years older")
    used = [entry for entry in case.pack.registry.values() if entry["status"] == "used"]
    other = [e for e in used if e["variant"] in ("transferred", "comparable_country", "robust")]
    return {
        "years_behind": behind,
        "sources_apart": apart,
        "transferred": (
            _share(len(other), len(used)),
            f"{len(other)} of {len(used)} distributions in use",
        ),
    }


def _sources(case: Case) -> list[Any]:
    return list(case.pack.sources.values())


def _last_year(text: object) -> int | None:
    years = re.findall(r"\b(?:1[89]|20)\d\d\b", str(text))
    return max(int(year) for year in years) if years else None


def privacy(asked: Asked) -> Terms:
    """Disclosure checks that were not run, those with findings, and residents of a usual zone."""
    case = asked.case
    report = case.json("privacy_report.json")
    checks, findings = list(report["checks"]), list(report["findings"])
    sizes = [int(n) for _, n in case.rows("SELECT zone_code, count(*) FROM persons GROUP BY ALL")]
    usual = median(sizes) if sizes else 0.0
    detail = 1 - _share(SMALL_ZONE, usual) if usual else 1.0
    return {
        "checks_absent": (float(not checks), f"{len(checks)} disclosure checks"),
        "findings": (_share(len(findings), len(checks)), f"{len(findings)} findings")
        if checks
        else None,
        "detail": (detail, f"{usual:,.0f} residents in the middle zone"),
    }


def audit(asked: Asked) -> Terms:
    """Checks failed or with nothing to judge, columns without interval; nothing is rebuilt."""
    checks = list(asked.checks.values())
    failed = [check for check in checks if check.status is Status.FAIL]
    open_ = [check for check in checks if check.status is Status.SKIP]
    without = asked.case.json("uncertainty_summary.json").get("without_interval") or []
    columns = sum(len(value_counts(asked.case, view)) for view in RECORDS)
    return {
        "checks_failed": (_share(len(failed), len(checks)), f"{len(failed)} of {len(checks)}"),
        "checks_open": (_share(len(open_), len(checks)), f"{len(open_)} of {len(checks)}"),
        "columns_without_interval": (
            _share(len(without), columns + len(without)),
            f"{len(without)} listed",
        ),
        "not_rebuilt": (1.0, "judged from the files; not built again"),
    }


MAKERS: Mapping[str, Callable[[Asked], Terms]] = {
    "coverage": coverage,
    "attributes": attributes,
    "households": households,
    "dwellings": dwellings,
    "overlays": overlays,
    "assignments": assignments,
    "joints": joints,
    "lag": lag,
    "privacy": privacy,
    "audit": audit,
}
LAYER_OF = {"dwellings": "dwellings", "overlays": "overlays", "assignments": "places"}
"""Needs that are unavailable where their layer is, as the reviewer's SQL names it."""
CHECKS_OF: Mapping[str, tuple[str, ...]] = {
    "coverage": ("whole_country", "universe_totals", "hard_exact", "table_zones"),
    "attributes": (
        *("attributes_rules", "attribute_shares", "evidence_words"),
        *("attribute_ages", "attribute_association", "attribute_sharing"),
    ),
    "households": ("child_only", "household_type", "roles", "family_status", "family_structure"),
    "dwellings": ("dwelling_links", "dwelling_occupancy", "dwelling_universe"),
    "overlays": ("layers",),
    "assignments": ("layers",),
    "joints": ("hard_exact", "tolerances", "relaxations_minimal"),
    "lag": ("provenance_fields",),
    "privacy": ("release_mode",),
    "audit": ("checksums", "table_digests", "snapshot_hashes", "pack_digest"),
}
"""Checks whose failure blocks a need: what it is then worth cannot be said."""


def state_of(need: str, asked: Asked, terms: Terms) -> str:
    """The state of a need that is not blocked: measured, constrained, modelled or unavailable.

    The word of most of its values where it has some; constrained where all residents are met
    (coverage) or most pairs are tabulated (joints); measured where the files themselves tell.
    """
    case = asked.case
    if need in LAYER_OF and case.declared_unavailable(LAYER_OF[need]):
        return "unavailable"
    if need == "attributes":
        return _most(_persons_values(case))
    if need in ("households", "dwellings"):
        return _most(value_counts(case, need))
    if need in LAYER_OF:
        word = case.manifest["layers"].get(TABLES[LAYER_OF[need]])
        return str(word) if word in WORDS else "modelled"
    return _state_of_figures(need, terms)


def _state_of_figures(need: str, terms: Terms) -> str:
    """The state of a need without values of its own, by the term that decides it."""
    term, most, within, beyond = {
        "coverage": ("residents_missing", 0.0, "constrained", "modelled"),
        "joints": ("pairs_untabulated", 0.5, "constrained", "modelled"),
        "privacy": ("checks_absent", 0.0, "measured", "unavailable"),
    }.get(need, ("", 1.0, "measured", "measured"))
    figure = terms.get(term)
    if not term:
        return within
    return within if figure is not None and figure[0] <= most else beyond


def _most(counts: Mapping[str, Mapping[str, int]]) -> str:
    totals = {word: sum(each[word] for each in counts.values()) for word in WORDS}
    return max(totals, key=lambda word: totals[word]) if any(totals.values()) else "unavailable"
