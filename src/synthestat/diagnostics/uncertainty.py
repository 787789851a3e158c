"""Intervals of every modelled count, by zone and for the country, and what they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from scipy.special import ndtri

from synthestat.controls.household_totals import HouseholdTotal, shared_level
from synthestat.diagnostics.ledger import Ledger, Place
from synthestat.diagnostics.quantities import (
    attribute_quantities,
    covered_households,
    household_quantities,
)
from synthestat.diagnostics.sex_and_age import sex_and_age
from synthestat.packs.registry import Floats
from synthestat.packs.spread import spread_of
from synthestat.random_streams import RandomStreams
from synthestat.story import Population
from synthestat.synthesis.institutions import FAMILY, institution_size, institutions_in
from synthestat.synthesis.uncertainty import (
    Drawn,
    Flags,
    Learnt,
    Quantity,
    Total,
    doubt_of,
    draw_table,
    draw_zone,
    learn_concentration,
    modelled_cells,
    stage,
)

HOUSEHOLDS = "households"
Words = Mapping[str, Mapping[str, str]]
POLICY = (
    "Every modelled count carries an interval of its own, by zone and for the country: numbers, "
    "sizes and types of households, and persons by attribute, sex and age wherever no table gives "
    "them. Draws of the country's shares move all zones together, zones differ by a concentration "
    "that is learnt from their tables or declared, and whole units are drawn last; cells of "
    "attributes with a table keep its margins in every draw. Bounds lie half a unit outside the "
    "counts that they include. Counts of residents who were not enumerated, and of institutions, "
    "have declared bounds."
)


def uncertainty(
    population: Population, tables: Mapping[str, pl.DataFrame], evidence: Words
) -> tuple[pl.DataFrame, dict[str, object]]:
    """Return the table of intervals, columns as in `ledger.SCHEMA`, and its summary.

    `tables` are the written persons and households, `evidence` the word of every column by table.
    Every draw comes from streams keyed by the quantity and the zone.
    """
    learnt = learn_concentration(population.controls.zones, population.pack)
    ledger = Ledger(spread_of(population.pack.priors))
    totals = _household_totals(population, ledger)
    ages = sex_and_age(population, tables["persons"], ledger)
    for quantity in household_quantities(population, tables["households"]):
        _households(quantity, population, totals, ledger)
    for quantity in attribute_quantities(population, tables["persons"]):
        _attribute(quantity, population, learnt, ages, ledger)
    table = ledger.table()
    return table, _summary(table, ledger, population, evidence)


Count = tuple[str, str, int, float, float, str]
"""A modelled number of households: zone, universe, number, its bounds and its method."""


def _household_totals(population: Population, ledger: Ledger) -> dict[Place, Floats]:
    """State numbers of households and institutions; return draws of those of private ones.

    Draws of the household universe sum to its national count where a table gives it.
    """
    home = population.pack.country.household_universe
    probability = population.pack.priors.number("household_count", "interval")
    modelled = [t for t in population.totals if t.evidence == "modelled"]
    draws = {(t.zone, t.universe): _draws_of(t, population, ledger) for t in modelled}
    counts: list[Count] = [
        (t.zone, t.universe, t.households, t.low, t.high, t.method) for t in modelled
    ]
    counts += list(_institutions(population))
    for zone, universe, number, low, high, method in counts:
        stated = probability if universe == home else None
        figures = _figures(number, low, high, stated)
        ledger.add(HOUSEHOLDS, (zone, universe), [""], figures, stated, method)
    for universe in dict.fromkeys(row[1] for row in counts):
        own = [row for row in counts if row[1] == universe]
        entries = sorted({row[5] for row in own})
        ledger.sources[HOUSEHOLDS, universe] = {"zones": {"entries": entries}}
        each = [draws[row[0], universe] for row in own if universe == home]
        if each and population.controls.national_households is not None:
            _sum_to(each, sum(row[2] for row in own))
        else:
            _country_count(universe, own, each, population, ledger)
    return draws


def _country_count(
    universe: str,
    own: Sequence[Count],
    draws: Sequence[Floats],
    population: Population,
    ledger: Ledger,
) -> None:
    """State the country's number of households of a universe that no table gives.

    With draws by zone, as they vary in sum; else one doubt (the mean size) moves all zones alike,
    and the zones' bounds are the country's in sum.
    """
    known = {row[0] for row in own}
    rest = sum(
        t.households for t in population.totals if t.universe == universe and t.zone not in known
    )
    number = float(sum(row[2] for row in own) + rest)
    low, high = sum(row[3] for row in own) + rest, sum(row[4] for row in own) + rest
    stated = None
    if draws:
        stated = population.pack.priors.number("household_count", "interval")
        half = float(np.sum(draws, axis=0).std()) / _deviation(0.0, 2.0, stated)
        low, high = number - half, number + half
    figures = _figures(number, low, high, stated)
    root = population.pack.geography.root.code
    ledger.add(HOUSEHOLDS, (root, universe), [""], figures, stated, own[0][5])


def _institutions(population: Population) -> Iterator[Count]:
    """Yield zone, universe, modelled number of institutions, its bounds and their entry."""
    pack = population.pack
    for zone in population.controls.zones:
        for universe, count in institutions_in(zone, pack).items():
            if count:
                size = institution_size(str(pack.country.institution(universe)), pack)
                low, high = size.bounds(zone.residents[universe])
                yield zone.code, universe, count, low, high, pack.priors.used(FAMILY).id


def _figures(
    estimate: float, low: float, high: float, probability: float | None
) -> dict[str, Floats]:
    """Return the figures of a number of households; it is no count of draws, so within is 0."""
    between = _deviation(low, high, probability) ** 2
    named = {"estimate": estimate, "low": low, "high": high, "between": between, "within": 0.0}
    return {name: np.array([value], dtype=np.float64) for name, value in named.items()}


def _deviation(low: float, high: float, probability: float | None) -> float:
    """Return the standard deviation of a normal of that interval; of bounds, of a uniform."""
    if probability is None:
        return float((high - low) / np.sqrt(12.0))
    return float((high - low) / 2.0 / ndtri(0.5 + probability / 2.0))


def _draws_of(total: HouseholdTotal, population: Population, ledger: Ledger) -> Floats:
    """Return draws of a zone's number of households, (draws,), at least one.

    Normal in the household universe: what its rates miss in every zone alike, and what is the
    zone's own; elsewhere uniform between the bounds, all zones alike.
    """
    pack, draws = population.pack, ledger.spread.draws
    streams = RandomStreams(population.seed)
    everywhere = streams.stream(stage(HOUSEHOLDS), pack.geography.root.code)
    if total.universe != pack.country.household_universe:
        common = everywhere.random(draws)
        return np.asarray(np.maximum(total.low + common * (total.high - total.low), 1.0))
    probability = pack.priors.number("household_count", "interval")
    normal = streams.stream(stage(HOUSEHOLDS), total.zone).standard_normal(draws)
    reach = _deviation(total.low, total.high, probability)
    shared = min(shared_level(pack.priors) * total.households, reach)
    away = shared * everywhere.standard_normal(draws) + np.sqrt(reach**2 - shared**2) * normal
    return np.asarray(np.maximum(total.households + away, 1.0), dtype=np.float64)


def _sum_to(draws: Sequence[Floats], total: int) -> None:
    """Scale zones' draws, in place, so that they sum to a known number."""
    scale = total / np.sum(draws, axis=0)
    for at in range(len(draws)):
        draws[at][:] = draws[at] * scale


def _households(
    quantity: Quantity, population: Population, totals: dict[Place, Floats], ledger: Ledger
) -> None:
    """State households by size or type: zones without a table of them, and the country."""
    pack, controls = population.pack, population.controls
    streams, root = RandomStreams(population.seed), pack.geography.root.code
    doubt = doubt_of(quantity, ledger.spread, None, streams, root)
    country = Total(quantity.counts.shape[1:], ledger.spread.draws)
    for at, zone in enumerate(controls.zones):
        built = quantity.counts[at]
        if built.any() and covered_households(zone.household_margins, quantity, pack):
            country.know(built)
        elif built.any():
            number = totals.get((zone.code, quantity.universe))
            rows = None if number is None else number[:, None]
            drawn = draw_zone(quantity, at, doubt, streams, totals=rows)
            country.add(drawn)
            _state(quantity, zone.code, built, drawn, quantity.possible, ledger)
    known = covered_households(controls.national_household_margins, quantity, pack)
    if country.zones and not known:
        _state(quantity, root, quantity.national, country.draws, quantity.possible, ledger)
    if country.zones:
        ledger.sources[quantity.name, quantity.universe] = _spread_words(quantity, None, ledger)


def _attribute(
    quantity: Quantity,
    population: Population,
    learnt: Learnt | None,
    ages: dict[Place, Floats],
    ledger: Ledger,
) -> None:
    """State persons by an attribute's categories, within age groups where a table gives these."""
    pack, streams = population.pack, RandomStreams(population.seed)
    name = quantity.attribute
    learnt = None if learnt is None or name is None else learnt.of(name)
    doubt = doubt_of(quantity, ledger.spread, learnt, streams, pack.geography.root.code)
    country = Total(quantity.counts.shape[1:], ledger.spread.draws)
    shown = np.zeros_like(quantity.possible)
    for at, zone in enumerate(quantity.zones):
        built = quantity.counts[at]
        if not built.any():
            continue
        if len(built) > 1:
            own = [ages.get((zone, u)) for u in pack.country.atoms(quantity.universe)]
            rows = np.sum([each for each in own if each is not None], axis=0)
            drawn = draw_table(quantity, at, doubt, streams, rows=rows)
        else:
            drawn = draw_zone(quantity, at, doubt, streams)
        chosen = modelled_cells(built, quantity.possible)
        shown |= chosen
        country.add(drawn)
        _state(quantity, zone, built, drawn, chosen, ledger)
    root = pack.geography.root.code
    _state(quantity, root, quantity.national, country.draws, shown, ledger)
    ledger.sources[quantity.name, quantity.universe] = _spread_words(quantity, learnt, ledger)


def _state(
    quantity: Quantity, zone: str, built: Floats, drawn: Drawn, chosen: Flags, ledger: Ledger
) -> None:
    """Add the chosen cells of a zone, or of the country, to the ledger."""
    place = (zone, quantity.universe)
    categories, method = quantity.categories, quantity.method
    ledger.state(quantity.name, place, categories, built, drawn, chosen, method)


def _spread_words(quantity: Quantity, learnt: Learnt | None, ledger: Ledger) -> dict[str, object]:
    """Return where the spread of country and zones comes from, each with its figure."""
    spread = ledger.spread
    country: dict[str, object] = {"declared": spread.national[quantity.confidence]}
    if quantity.pool is not None:
        country = {"pooled": list(quantity.pool.sources)}
    if learnt is None:
        return {"country": country, "zones": {"declared": spread.zone[quantity.confidence]}}
    figures = {
        name: round(pool.concentration, 1)
        for name, pool in zip(learnt.attributes, learnt.pools, strict=True)
    }
    return {"country": country, "zones": {"learnt": round(learnt.median, 1), "from": figures}}


def _summary(
    table: pl.DataFrame, ledger: Ledger, population: Population, evidence: Words
) -> dict[str, object]:
    """Return the policy, each quantity's figures and sources of spread, and what has none."""
    width = (pl.col("high") - pl.col("low")) / pl.max_horizontal(pl.col("estimate"), 1.0)
    root = population.pack.geography.root.code
    zones = pl.col("zone") != root
    figures = table.group_by("quantity", "universe", maintain_order=True).agg(
        rows=pl.len(),
        zones=pl.col("zone").filter(zones).n_unique(),
        median_relative_width=width.filter(zones).median().round(6),
        between_variance=pl.col("between").filter(zones).sum(),
        within_variance=pl.col("within").filter(zones).sum(),
    )
    missing = _without_interval(table, evidence)
    return {
        "policy": POLICY,
        "draws": ledger.spread.draws,
        "probability": ledger.spread.probability,
        "spread_entry": ledger.spread.entry,
        "quantities": [
            {**row, "spread": ledger.sources[row["quantity"], row["universe"]]}
            for row in figures.to_dicts()
        ],
        "replicates": 1,
        "without_interval": missing,
        "status": (
            f"Every modelled count has an interval; {len(missing)} modelled columns are no counts "
            "of cells stated here and have none"
        ),
    }


def _without_interval(table: pl.DataFrame, evidence: Words) -> list[str]:
    """Return the modelled columns of the run's tables of which no quantity states counts."""
    stated = set(table.get_column("quantity"))
    found = []
    for name, words in evidence.items():
        for column, word in words.items():
            short = column.removeprefix("household_") if name == "households" else column
            quantities = {f"{name}_by_{short}", f"{name}_by_{short}_and_age"}
            if word == "modelled" and not quantities & stated:
                found.append(f"{name}: {column}")
    return [*found, "persons: single years inside an age group"]
