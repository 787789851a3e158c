"""Do 95 % intervals of pooled shares hold the truth 95 times in 100?

    python benchmarks/calibration.py [--cases 1000] [--seed N] [--draw IMAGE.svg] [--json PATH]

Each case is a world of its own: J comparable countries with known true shares of K categories in R
rows, of which only counts are seen, and one country of which nothing is seen but, for the
constrained cells, its margins. A case's figure is the share of its cells, of 10 sums over random
cells, and of its cells fitted to the margins, that their intervals hold; cases are independent.
Worlds differ in how countries vary:

    dirichlet   rows vary independently (the model's own assumption)
    levels      a country with more of a category has more of it in every row
    neighbours  neighbouring categories rise and fall together (logistic-normal, correlation 0.7)
    zones       one country: its zones' table of one attribute tells how much zones differ, and the
                intervals are those that a build states of others (`synthesis.uncertainty`): of an
                attribute without a table (cells, and sums over random sets of zones and
                categories), and of age by category in zones that publish both margins
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthestat.fitting.intervals import bounds
from synthestat.fitting.pooling import (
    draw_target,
    filtered_sum,
    interval,
    pool_sources,
    transfer_dependence,
)
from synthestat.packs.pack import find_pack
from synthestat.packs.spread import spread_of
from synthestat.random_streams import RandomStreams
from synthestat.synthesis.uncertainty import Learnt, Quantity, doubt_of, draw_table, draw_zone

Floats = NDArray[np.float64]
KINDS = ("cell", "filtered", "constrained")
RATES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
AIM = (0.936, 0.964)  # of 0.95, over 1,000 cases
SEED = 420987
SUBSETS = 10


@dataclass(frozen=True)
class World:
    """How simulated countries are made: `sources` of them, persons seen per row, a way to vary."""

    name: str
    sources: int
    rows: int
    categories: int
    persons: int
    spread: str = "dirichlet"
    concentration: float = 40.0
    judged: bool = True
    confidence: str = "medium"


WORLDS = (
    World("12 countries", 12, 4, 6, 20_000),
    World("12 countries, shared levels", 12, 4, 6, 20_000, "levels"),
    World("12 countries, neighbours", 12, 1, 10, 20_000, "neighbours"),
    World("60 zones, few persons", 60, 1, 10, 60),
    World("5 countries", 5, 4, 6, 20_000),
    World("3 countries", 3, 4, 6, 20_000),
    World("2 countries", 2, 4, 6, 20_000, judged=False),
    World("30 zones of a country", 30, 4, 5, 8_000, "zones", 60.0),
    World("30 zones that differ little", 30, 4, 5, 8_000, "zones", 500.0, confidence="high"),
)
STATED = 6  # zones of which a case states intervals
DECLARED = spread_of(find_pack("LU-2021").priors)


def true_shares(world: World, rng: np.random.Generator) -> Floats:
    """Return true shares (sources + 1, rows, categories); the last country is the target."""
    shape = (world.sources + 1, world.rows, world.categories)
    mean = rng.dirichlet(np.full(world.categories, 3.0), world.rows)
    if world.spread == "dirichlet":
        return _dirichlet(np.broadcast_to(world.concentration * mean, shape), rng)
    if world.spread == "levels":
        lift = rng.normal(0.0, 0.35, (shape[0], 1, shape[2]))
        tilted = mean * np.exp(lift)
        tilted /= tilted.sum(axis=2, keepdims=True)
        return _dirichlet(4 * world.concentration * tilted, rng)
    at = np.arange(world.categories)
    covariance = 0.16 * 0.7 ** np.abs(at[:, None] - at)
    moved = np.log(mean) + rng.multivariate_normal(np.zeros(len(at)), covariance, shape[:2])
    shares = np.exp(moved)
    return np.asarray(shares / shares.sum(axis=2, keepdims=True))


def _dirichlet(alpha: Floats, rng: np.random.Generator) -> Floats:
    gammas = rng.standard_gamma(alpha)
    return np.asarray(gammas / gammas.sum(axis=-1, keepdims=True))


def one_case(world: World, rng: np.random.Generator, draws: int) -> dict[str, Floats]:
    """Return for each kind the share of intervals of each rate that hold the truth, (rates,)."""
    if world.spread == "zones":
        return zones_case(world, rng)
    truth = true_shares(world, rng)
    seen = rng.multinomial(world.persons, truth[:-1]).astype(np.float64)
    target = truth[-1]
    sizes = rng.uniform(0.5, 1.5, world.rows) * 10_000
    pooled = draw_target(pool_sources(seen), rng, draws).draws
    cells = rng.random((SUBSETS, *target.shape)) < 0.5
    sums = np.array([filtered_sum(pooled, chosen, sizes) for chosen in cells])
    true_sums = np.array([filtered_sum(target[None], chosen, sizes)[0] for chosen in cells])
    mixed = (true_sums > 0) & (true_sums < sizes.sum() - 1e-6)  # not: none, or everybody
    held = {"cell": _held(pooled, target), "filtered": _held(sums[mixed].T, true_sums[mixed])}
    if world.rows > 1:
        table = target * sizes[:, None]
        fitted = transfer_dependence(pooled, sizes, table.sum(axis=0))
        held["constrained"] = _held(fitted, table)
    return held


def zones_case(world: World, rng: np.random.Generator) -> dict[str, Floats]:
    """Return coverage in the zones of one country, as `one_case`: by the functions of a build.

    The model's national shares are off by the declared spread, the zones differ by a concentration
    that the build does not know, and true counts are multinomial.
    """
    streams = RandomStreams(int(rng.integers(2**32)))
    persons = np.exp(rng.normal(np.log(world.persons), 0.7, world.sources))
    seen = _zones(rng.dirichlet(np.full(world.categories, 3.0)), persons, world, rng)
    learnt = Learnt(("seen",), (pool_sources(seen),))
    persons = persons[:STATED].round()
    model = rng.dirichlet(np.full(world.categories, 3.0), world.rows)
    off = _dirichlet(DECLARED.national[world.confidence] * model, rng)
    free = _zones(off[0], persons, world, rng)
    built = np.rint(persons[:, None] * model[0])[:, None]
    whole = _drawn(built, streams, learnt, world)
    cells = {"cell": (whole, built, free[:, None])}
    sums = rng.random((SUBSETS, *free.shape)) < 0.5
    mixed = [chosen for chosen in sums if chosen.any() and not chosen.all(axis=1).all()]
    cells["filtered"] = (
        np.stack([(whole[:, :, 0] * chosen).sum(axis=(1, 2)) for chosen in mixed], axis=1),
        np.array([(built[:, 0] * chosen).sum() for chosen in mixed]),
        np.array([(free * chosen).sum() for chosen in mixed]),
    )
    share = rng.dirichlet(np.full(world.rows, 8.0))
    rows = [_zones(row, persons * n, world, rng) for row, n in zip(off, share, strict=True)]
    table = np.stack(rows, axis=1)
    margins = zip(table.sum(axis=2), table.sum(axis=1), strict=True)
    fitted = np.stack([transfer_dependence(model[None], *margin)[0] for margin in margins])
    cells["constrained"] = (_drawn(fitted, streams, learnt, world), fitted, table)
    return {kind: _within(*each) for kind, each in cells.items()}


def _zones(shares: Floats, persons: Floats, world: World, rng: np.random.Generator) -> Floats:
    """Return counts (zones, categories) of zones around the country's shares (categories,)."""
    own = _dirichlet(np.tile(world.concentration * shares, (len(persons), 1)), rng)
    return np.asarray(rng.multinomial(persons.round().astype(int), own), dtype=np.float64)


def _drawn(built: Floats, streams: RandomStreams, learnt: Learnt, world: World) -> Floats:
    """Return whole draws (draws, zones, R, K) of zones whose model counts are `built`."""
    zones = tuple(str(at) for at in range(len(built)))
    size = built.shape[1:]
    names = tuple(str(at) for at in range(built[0].size))
    quantity = Quantity(
        f"cells_{size[0]}", "all", zones, built, np.ones(size, bool), names, world.confidence, ""
    )
    doubt = doubt_of(quantity, DECLARED, learnt, streams, "country")
    draw = draw_zone if len(built[0]) == 1 else draw_table
    drawn = [draw(quantity, at, doubt, streams).whole for at in range(len(built))]
    return np.stack(drawn, axis=1)


def _within(whole: Floats, built: Floats, truth: Floats) -> Floats:
    """Return the share of true counts inside their bounds, by rate, shape (rates,)."""
    ends = [bounds(whole, built, rate) for rate in RATES]
    return np.array([((low < truth) & (truth < high)).mean() for low, high in ends])


def _held(draws: Floats, truth: Floats) -> Floats:
    """Return the share of the truths that the interval of each rate holds, shape (rates,)."""
    ends = [interval(draws, rate) for rate in RATES]
    return np.array([((low <= truth) & (truth <= high)).mean() for low, high in ends])


def coverage(world: World, cases: int, draws: int = 1000, seed: int = SEED) -> dict[str, Floats]:
    """Return the share of cases in which the truth was held, by kind, shape (rates,)."""
    streams = np.random.SeedSequence([seed, sum(map(ord, world.name))]).spawn(cases)
    found = [one_case(world, np.random.default_rng(s), draws) for s in streams]
    return {kind: np.mean([case[kind] for case in found], axis=0) for kind in found[0]}


def draw_curve(found: dict[str, dict[str, Floats]], path: Path) -> None:
    """Draw held against stated rates, one panel a world, as an SVG."""
    import altair as alt

    rows = [
        {"world": world, "kind": kind, "stated": rate, "held": float(share)}
        for world, kinds in found.items()
        for kind, shares in kinds.items()
        for rate, share in zip(RATES, shares, strict=True)
    ]
    scale = alt.Scale(domain=[0.45, 1.0], nice=False)
    base = alt.Chart(alt.InlineData(values=rows))
    held = base.mark_line(point=alt.OverlayMarkDef(size=28), strokeWidth=1.5).encode(
        x=alt.X("stated:Q", title="stated", scale=scale, axis=alt.Axis(format="%")),
        y=alt.Y("held:Q", title="held the truth", scale=scale, axis=alt.Axis(format="%")),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=list(KINDS), range=["#0b6b74", "#c2813a", "#3d5a80"]),
            legend=alt.Legend(title=None, orient="top"),
        ),
    )
    honest = base.mark_line(color="#8d99a6", strokeDash=[4, 3], strokeWidth=1).encode(
        x=alt.X("stated:Q", scale=scale), y=alt.Y("stated:Q", scale=scale)
    )
    panels = alt.layer(honest, held).properties(width=200, height=180)
    header = alt.Header(title=None, labelFontSize=12)
    chart = panels.facet(
        facet=alt.Facet("world:N", sort=list(found), header=header), columns=3
    ).configure(background="#ffffff", view=alt.ViewConfig(stroke=None))
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.save(path, format="svg")


def table(found: dict[str, dict[str, Floats]]) -> str:
    """Return the coverage of 95 % intervals as a Markdown table."""
    at = RATES.index(0.95)
    lines = ["| simulated | cell | filtered | constrained |", "|---|---:|---:|---:|"]
    for world, kinds in found.items():
        shares = [f"{kinds[kind][at]:.1%}" if kind in kinds else "-" for kind in KINDS]
        lines.append(f"| {world} | {' | '.join(shares)} |")
    return "\n".join(lines)


def outside(found: dict[str, dict[str, Floats]]) -> list[str]:
    """Return the worlds and kinds whose 95 % intervals hold the truth too seldom or too often."""
    at = RATES.index(0.95)
    return [
        f"{world.name}, {kind}: {shares[at]:.1%}"
        for world in WORLDS
        if world.judged
        for kind, shares in found[world.name].items()
        if not AIM[0] <= shares[at] <= AIM[1]
    ]


def main() -> None:
    """Measure, print, draw and write."""
    layout = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--seed", type=int, default=SEED, help="the cases follow from it")
    parser.add_argument("--cases", type=int, default=1000, help="independent cases of each world")
    parser.add_argument("--draw", type=Path, help="write the coverage curves to this SVG")
    parser.add_argument("--json", type=Path, help="write name, figures, ratios and aims here")
    arguments = parser.parse_args()
    began = time.perf_counter()
    found = {world.name: coverage(world, arguments.cases, seed=arguments.seed) for world in WORLDS}
    seconds = time.perf_counter() - began
    print(f"Share of 95 % intervals that hold the truth, {arguments.cases} cases a row\n")
    print(table(found))
    late = outside(found)
    print(f"\n{seconds:.0f} s; outside {AIM[0]:.1%} to {AIM[1]:.1%}: {'; '.join(late) or 'none'}")
    if arguments.draw:
        draw_curve(found, arguments.draw)
    if arguments.json:
        figures = {
            f"{world} {kind} {rate}": round(float(share), 4)
            for world, kinds in found.items()
            for kind, shares in kinds.items()
            for rate, share in zip(RATES, shares, strict=True)
        }
        aims = {f"{w.name} {kind} 0.95": AIM for w in WORLDS if w.judged for kind in found[w.name]}
        document = {"name": "calibration", "figures": figures, "ratios": {}, "aims": aims}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if late:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
