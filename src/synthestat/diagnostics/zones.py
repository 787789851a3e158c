"""What is known about each zone: quality tiers by declared rules, intervals of modelled counts."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from synthestat.controls.household_totals import national_total
from synthestat.controls.reconcile import ZoneControls
from synthestat.story import Population
from synthestat.synthesis.institutions import FAMILY, institution_size, institutions_in

TIER_RULES = {
    "A": "every table published for the zone, buildings grounded, nothing relaxed",
    "B": "every table published for the zone and nothing relaxed, but no building evidence",
    "C": "the household count is modelled, or a FIRM control had to be relaxed",
    "D": "some residents were estimated by the office, not enumerated",
}


def quality_tiers(population: Population) -> dict[str, object]:
    """Return a tier A to D for every zone, with the reasons; no zone is better than its layers."""
    country = population.pack.country
    absent = {layer.layer for layer in country.unavailable_layers}
    modelled = {t.zone for t in population.totals if t.evidence == "modelled"}
    relaxed = {r.zone for r in population.controls.relaxations}
    tiers = []
    for zone in population.controls.zones:
        outside = sum(
            n
            for u, n in zone.residents.items()
            if u != country.household_universe and country.institution(u) is None
        )
        reasons = []
        if outside:
            share = outside / sum(zone.residents.values())
            reasons.append(("D", f"{outside:,} residents ({share:.0%}) were not enumerated"))
        if zone.code in modelled:
            reasons.append(("C", "a household count is modelled"))
        if zone.code in relaxed:
            reasons.append(("C", "a FIRM control is relaxed"))
        if "synthetic_building_assignments" in absent:
            reasons.append(("B", "no building evidence"))
        tier = max((reason[0] for reason in reasons), default="A")
        tiers.append({"zone": zone.code, "tier": tier, "reasons": [text for _, text in reasons]})
    return {"rules": TIER_RULES, "tiers": tiers}


def uncertainty_table(population: Population) -> pl.DataFrame:
    """Return intervals of modelled counts; columns quantity, zone, universe, estimate, low, high,
    interval (probability, null where the bounds are declared), method."""
    probability = population.pack.priors.number("household_count", "interval")
    home = population.pack.country.household_universe
    whole = national_total(population.controls, population.totals, population.pack)
    rows: list[dict[str, object]] = [
        {
            "quantity": "households",
            "zone": total.zone,
            "universe": total.universe,
            "estimate": float(total.households),
            "low": total.low,
            "high": total.high,
            "interval": probability if total.universe == home else None,
            "method": total.method,
        }
        for total in (*population.totals, *([] if whole is None else [whole]))
        if total.evidence == "modelled"
    ]
    rows += [row for zone in population.controls.zones for row in _institutions(zone, population)]
    schema = {
        "quantity": pl.String,
        "zone": pl.String,
        "universe": pl.String,
        "estimate": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "interval": pl.Float64,
        "method": pl.String,
    }
    return pl.DataFrame(rows, schema=schema)


def _institutions(zone: ZoneControls, population: Population) -> Iterator[dict[str, object]]:
    """Yield the modelled numbers of institutional households of one zone, with their bounds."""
    pack = population.pack
    for universe, count in institutions_in(zone, pack).items():
        if count:
            size = institution_size(str(pack.country.institution(universe)), pack)
            low, high = size.bounds(zone.residents[universe])
            yield {
                "quantity": "households",
                "zone": zone.code,
                "universe": universe,
                "estimate": float(count),
                "low": low,
                "high": high,
                "interval": None,
                "method": pack.priors.used(FAMILY).id,
            }


def uncertainty_summary(table: pl.DataFrame) -> dict[str, object]:
    """Return the policy in force and what it leaves open."""
    return {
        "policy": (
            "Household counts that no table gives carry an interval each. Counts of the published "
            "universe come from a regression conditioned on the national count; those of residents "
            "who were not enumerated, and numbers of institutions, have declared bounds."
        ),
        "quantities": table.group_by("quantity", "universe").len().sort("universe").to_dicts(),
        "replicates": 1,
        "between_variance": None,
        "within_variance": None,
        "without_interval": [
            "sex of residents who were not enumerated",
            "single ages in the open class",
            "household sizes, types and family ties",
            "ethnicity and religion by age",
        ],
        "status": "partial: one replicate, intervals for household counts only",
    }
