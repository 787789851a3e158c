"""Every distribution that a pack knows, and which source each family takes.

A marginal or cross-table of `controls.yaml`, a prior, kernel or target of `priors.yaml`, and the
default entries for families that a pack leaves open stand in one list, described by the same words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, get_args

from synthestat.errors import PackError
from synthestat.packs.geography import Geography
from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import (
    LEVELS_IN_DEVIATION,
    ControlSpec,
    Evidence,
    PriorSpec,
    SourceSpec,
)
from synthestat.sources.jsonstat import read_jsonstat
from synthestat.sources.snapshots import SnapshotStore

Kind = Literal["marginal", "cross-table", "prior", "kernel", "target"]
Variant = Literal["current", "robust", "comparable_country", "transferred"]
Confidence = Literal["high", "medium", "low"]
RULE = (
    "the entry that the pack gives the status used; else by variant "
    f"({', '.join(get_args(Variant))}), then confidence ({', '.join(get_args(Confidence))}), "
    "then id"
)
OVERRULED = "default; the pack has its own entry of this family"


@dataclass(frozen=True)
class Distribution:
    """One entry of the list.

    `geography` is a zone code, `geography_level` the finest level that the entry speaks of;
    `binding` the level of a control (HARD ... INFORMATIONAL), "" for others; `status` says whether
    a build takes it, `why` for what reason.
    """

    id: str
    label: str
    family: str
    type: Kind
    geography: str
    geography_level: str
    status: Literal["used", "available"]
    variant: Variant
    confidence: Confidence
    evidence: Evidence
    address: str
    citation: str
    reference_period: str
    binding: str = ""
    why: str = ""


def best_source(entries: Sequence[Distribution]) -> tuple[Distribution, str]:
    """Return the best source among the entries of one family, and why it is.

    The pack's explicit choice wins; else RULE's order. PackError where several are chosen.
    """
    chosen = [entry for entry in entries if entry.status == "used"]
    if len(chosen) > 1:
        raise PackError(
            f"priors.yaml: family {chosen[0].family!r} has {len(chosen)} entries with status used",
            faults=[entry.id for entry in chosen],
            remedy=f"give exactly one entry of family {chosen[0].family!r} the status used",
        )
    first = min(entries, key=_rank)
    if not chosen:
        return first, "best by variant, then confidence, then id; no entry has the status used"
    if chosen[0] is first:
        return first, "the pack's choice, and the best by the rule"
    return chosen[0], f"the pack's choice; by the rule it would be {first.id}"


def _rank(entry: Distribution) -> tuple[int, int, str]:
    variants, confidences = get_args(Variant), get_args(Confidence)
    return variants.index(entry.variant), confidences.index(entry.confidence), entry.id


def described(
    pack: CountryPack, levels: Mapping[str, str] | None = None
) -> tuple[Distribution, ...]:
    """Return every distribution of a pack, with the status that it has in a build.

    `levels` are the finest zone levels by table, as `table_levels` reads them (default: the pack's
    zone level for every table that has zones). A default entry is `available` where the pack has an
    entry of its family.
    """
    known = levels or {
        source.id: pack.country.zone_level if source.zone_dimension else pack.geography.root.level
        for source in pack.sources.values()
    }
    entries = [
        _of_control(control, pack.sources[control.table], pack.geography, known)
        for control in pack.controls
    ]
    entries += [_of_prior(prior, pack) for prior in pack.priors.entries]
    families = {prior.family for prior in pack.priors.entries}
    for prior in pack.priors.defaults:
        entry = _of_prior(prior, pack)
        if prior.family in families:
            entries.append(replace(entry, status="available", why=OVERRULED))
        else:
            entries.append(replace(entry, why="default; the pack has no entry of this family"))
    return tuple(entries)


def distributions(
    pack: CountryPack, levels: Mapping[str, str] | None = None
) -> tuple[Distribution, ...]:
    """Return the distributions of a pack by family, what is used first, each with its reason.

    PackError where a family of priors has two entries in use.
    """
    entries = described(pack, levels)
    ranked = [e for e in entries if not e.binding and e.type != "target" and e.why != OVERRULED]
    found = [e for e in entries if e not in ranked]
    ranked.sort(key=lambda entry: entry.family)
    for _, group in groupby(ranked, key=lambda entry: entry.family):
        alike = list(group)
        best, why = best_source(alike)
        found += [
            replace(e, why=e.why or (why if e is best else f"the family takes {best.id}"))
            for e in alike
        ]
    return tuple(sorted(found, key=lambda e: (e.family, e.status != "used", e.id)))


def table_levels(pack: CountryPack, snapshots: SnapshotStore) -> dict[str, str]:
    """Return the finest zone level that each frozen table has rows of.

    Raises SnapshotError or CubeError for a table that cannot be read.
    """
    levels = {}
    for source in pack.sources.values():
        levels[source.id] = pack.geography.root.level
        if source.zone_dimension is not None:
            document = snapshots.read(source.sha256)
            cube = read_jsonstat(document, name=source.id, symbols=source.symbols)
            codes = cube.dimension(source.zone_dimension).codes
            known = [code for code in codes if code in pack.geography.zones]
            if known:
                finest = max(known, key=lambda code: len(pack.geography.lineage(code)))
                levels[source.id] = pack.geography.zones[finest].level
    return levels


def _of_control(
    control: ControlSpec, source: SourceSpec, geography: Geography, levels: Mapping[str, str]
) -> Distribution:
    """Describe a control; its figures are measured, and constrain where its level binds.

    Confidence: high; medium where the office disturbs figures or the control is SOFT or bridges to
    another year (which is the variant `transferred`); low where two of these hold. Assumption.
    """
    doubts = [source.disturbs, control.level == "SOFT", control.bridge is not None]
    binds = control.level in LEVELS_IN_DEVIATION
    used = control.level != "INFORMATIONAL"
    why = {
        "GUIDE": "shapes the fit, never binds",
        "INFORMATIONAL": "shown beside the result, takes no part in the build",
    }
    bridged = "" if control.bridge is None else f" Bridge: {control.bridge}"
    return Distribution(
        id=control.id,
        label=control.label,
        family=control.family,
        type="cross-table" if len(control.by) > 1 else "marginal",
        geography=geography.root.code,
        geography_level=levels[source.id],
        status="used" if used else "available",
        variant="current" if control.bridge is None else "transferred",
        confidence=("high", "medium", "low", "low")[sum(doubts)],
        evidence="constrained" if binds else "measured",
        address=source.address,
        citation=f"{source.publisher}: {source.title}.{bridged}",
        reference_period=source.reference_period,
        binding=control.level,
        why=why.get(control.level, f"{control.level}: the population must meet it"),
    )


def _of_prior(prior: PriorSpec, pack: CountryPack) -> Distribution:
    """Describe an entry of a registry; its period is that of its frozen table where it has one."""
    zone = pack.geography.zones.get(prior.geography)
    elsewhere = "world" if prior.geography == "WORLD" else "elsewhere"
    table = pack.sources.get(str(prior.values.get("table")))
    period = prior.reference_period or ("" if table is None else table.reference_period)
    why = "the result is judged by its tolerance; a family may have several"
    named: dict[str, Kind] = {"kernel": "kernel", "target": "target"}
    return Distribution(
        id=prior.id,
        label=prior.label,
        family=prior.family,
        type=named.get(prior.kind, "prior"),
        geography=prior.geography,
        geography_level=elsewhere if zone is None else zone.level,
        status=prior.status,
        variant=prior.variant,
        confidence=prior.confidence,
        evidence=prior.evidence,
        address=prior.address,
        citation=" ".join(prior.citation.split()),
        reference_period=period,
        why=why if prior.kind == "target" and prior.status == "used" else "",
    )
