"""What is known about each zone: quality tiers by declared rules, intervals of modelled counts."""

from __future__ import annotations

from synthestat.story import Population

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
