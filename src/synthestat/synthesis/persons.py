"""How many persons of each universe, age and sex a zone holds: fitted, then whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from synthestat.controls.reconcile import Margin, ZoneControls
from synthestat.errors import NotConvergedError, PackError
from synthestat.fitting.ipf import CellMargin, Fit, Floats, Whole, fit_margins
from synthestat.fitting.rounding import round_to_margins, systematic_split
from synthestat.packs.pack import CountryPack
from synthestat.random_streams import RandomStreams

_LEAST_OF_EVEN = 1e-3  # an age inside a band is never empty by the curve alone: assumption
_GUIDED = 1e-6  # of the largest guide, by which a seed may miss it: assumption, a guide never binds
_GUIDE_ROUNDS = 200  # of fitting a seed to guides and margins: assumption, about ten are needed
_LEAST_GUIDED = 1e-9  # of a seed's cell that a guide leaves empty: assumption


@dataclass(frozen=True)
class Joint:
    """The fitted joint of one zone: `fit.cells` reshaped to (universes, age classes, sexes)."""

    universes: tuple[str, ...]
    fit: Fit
    margins: tuple[CellMargin, ...]
    shape: tuple[int, int, int]


def fit_joint(zone: ZoneControls, pack: CountryPack) -> Joint:
    """Fit universe x age class x sex to a zone's margins, shaped by the sex ratio at each age.

    Universes of institutions are also shaped by the registry's odds of living there at each age.
    Age classes are single years up to the highest open band that a table publishes. Inside bands
    single years follow a smooth curve through the zone's bands, which stay exact (`within_bands`).
    GUIDE tables shape the seed by the shares that they have in the zone (`guided`); margins alone
    are met.

    Raises NotConvergedError where the margins of the zone cannot hold together.
    """
    universes = tuple(name for name, count in zone.residents.items() if count)
    starts = [start for margin in (*zone.margins, *zone.guides) for start in margin.age_starts]
    classes = max(starts, default=pack.country.ages.open_from) + 1
    shape = (len(universes), classes, 2)
    seed = _seed(zone, universes, classes, pack)
    margins = tuple(
        margin
        for margin in (_cell_margin(m, universes, shape) for m in zone.margins)
        if margin is not None
    )
    margins += _universe_margin(zone, universes, shape)
    fit = fit_margins(guided(seed, margins, zone, universes), margins)
    if not fit.converged:
        raise NotConvergedError(
            f"{zone.code}: persons by {', '.join(m.control_id for m in zone.margins)} do not fit "
            f"together: {fit.residual:.3g} persons off after {fit.iterations} iterations"
        )
    return Joint(universes, fit, margins, shape)


def guided(
    seed: Floats, margins: tuple[CellMargin, ...], zone: ZoneControls, universes: tuple[str, ...]
) -> Floats:
    """Return the flat seed with the shares that a zone's GUIDE tables give, cells in persons.

    `seed` has shape (universes, age classes, sexes). Each guide becomes a margin of the persons
    present of its universes, in its shares; the seed is fitted to guides and margins together.
    Where these cannot all hold the fit ends between them, and what follows meets the margins. A
    cell that a guide leaves empty stays possible, at a billionth of its seed.
    """
    guides = []
    for guide in zone.guides:
        present = sum(zone.residents[universe] for universe in guide.universes)
        cells = _cell_margin(guide, universes, (len(seed), seed.shape[1], seed.shape[2]))
        if cells is not None:
            targets = cells.targets * (present / cells.targets.sum())
            guides.append(CellMargin(cells.index, targets))
    if not guides:
        return seed.ravel()
    fit = fit_margins(
        seed.ravel(), (*guides, *margins), tolerance=_GUIDED, max_iterations=_GUIDE_ROUNDS
    )
    return np.maximum(fit.cells, _LEAST_GUIDED * seed.ravel())


def within_bands(zone: ZoneControls, classes: int) -> Floats:
    """Return persons of each age class over an even spread of its band, shape (classes,).

    From the finest table by age (of equally fine ones, a margin before a guide), both sexes
    together: a monotone cubic through the persons below each band's first age (Fritsch & Carlson
    1980, doi 10.1137/0717021), so no age is negative. One everywhere where every band is one age
    class.
    """
    by_age = [margin for margin in (*zone.margins, *zone.guides) if margin.age_starts]
    finest = max(by_age, key=lambda m: len(m.age_starts), default=None)
    if finest is None or len(finest.age_starts) >= classes or not finest.counts.sum():
        return np.ones(classes)
    starts = np.array(finest.age_starts)
    sizes = [len(starts) if column == "age" else -1 for column in finest.columns]
    counts = np.moveaxis(finest.counts.reshape(sizes), finest.columns.index("age"), 0)
    bands = counts.reshape(len(starts), -1).sum(axis=1).astype(np.float64)
    edges = np.append(starts, classes)
    below = np.concatenate([[0.0], np.cumsum(bands)])
    single = np.diff(PchipInterpolator(edges, below)(np.arange(classes + 1)))
    band = np.searchsorted(starts, np.arange(classes), side="right") - 1
    even = (bands / np.diff(edges))[band]
    shape = np.where(even > 0, single / np.maximum(even, 1e-12), 1.0)
    return np.asarray(np.maximum(shape, _LEAST_OF_EVEN), dtype=np.float64)


def _seed(
    zone: ZoneControls, universes: tuple[str, ...], classes: int, pack: CountryPack
) -> Floats:
    """Return the shape before any margin, (universes, age classes, sexes), in persons.

    Where no table by age covers a universe of institutions, its odds meet the zone's own ages.
    """
    males = pack.priors.by_age("sex_ratio_by_age", classes)
    by_sex = {"male": males / (1 + males), "female": 1 / (1 + males)}
    pattern = np.stack([by_sex[sex] for sex in pack.country.classifications["sex"]], axis=1)
    pattern = pattern * within_bands(zone, classes)[:, None]
    patterns = []
    for universe in universes:
        own = pattern
        kind = pack.country.institution(universe)
        if kind is not None:
            own = pattern * _odds_by_class(kind, classes, pack)
            tables = (*zone.margins, *zone.guides)
            if not any(m.age_starts and universe in m.universes for m in tables):
                own = own * _ages_present(zone, classes)[:, None]
            own = own * (pattern.sum() / own.sum())
        patterns.append(zone.residents[universe] * own)
    return np.stack(patterns)


def institutional_odds(kind: str, pack: CountryPack) -> Floats:
    """Return odds of living in a kind of institution, shape (single ages 0..oldest, sexes).

    Relative to a private household, by the registry's `institutional_ages`. An odds of 0 stands as
    a billionth of the largest, so that a published figure can always be met.
    """
    ages = pack.country.ages.oldest + 1
    curves = [
        pack.priors.by_age("institutional_ages", ages, kind, sex)
        for sex in pack.country.classifications["sex"]
    ]
    odds: Floats = np.stack(curves, axis=1)
    if not odds.max() > 0 or odds.min() < 0:
        entry = pack.priors.used("institutional_ages").id
        raise PackError(f"priors.yaml: {entry}: odds of {kind} must be >= 0 and not all zero")
    floored: Floats = np.maximum(odds, 1e-9 * odds.max())
    return floored


def _odds_by_class(kind: str, classes: int, pack: CountryPack) -> Floats:
    """Return odds by age class: single years, then the open class by its ages' shares."""
    odds = institutional_odds(kind, pack)
    shares = pack.priors.oldest_ages(classes - 1, pack.country.ages.oldest)
    return np.concatenate([odds[: classes - 1], (shares @ odds[classes - 1 :])[None]])


def _ages_present(zone: ZoneControls, classes: int) -> Floats:
    """Return persons by age class in the largest table by age, bands spread evenly; else ones."""
    by_age = [margin for margin in zone.margins if margin.age_starts and margin.counts.sum()]
    if not by_age:
        return np.ones(classes)
    margin = max(by_age, key=lambda m: int(m.counts.sum()))
    sizes = [len(margin.age_starts) if column == "age" else 2 for column in margin.columns]
    others = tuple(at for at, column in enumerate(margin.columns) if column != "age")
    counts = margin.counts.reshape(sizes).sum(axis=others)
    bands = np.searchsorted(margin.age_starts, np.arange(classes), side="right") - 1
    present: Floats = np.maximum(counts[bands] / np.bincount(bands)[bands], 1e-6)
    return present


def _cell_margin(
    margin: Margin, universes: tuple[str, ...], shape: tuple[int, int, int]
) -> CellMargin | None:
    """Return a zone margin over the flat cells of the joint, or None where it speaks of nobody."""
    inside = np.array([universe in margin.universes for universe in universes])
    if not inside.any():
        return None
    sizes = {"age": shape[1], "sex": shape[2]}
    bands = np.arange(shape[1])
    if margin.age_starts:
        sizes["age"] = len(margin.age_starts)
        bands = np.searchsorted(margin.age_starts, bands, side="right") - 1
    places = {"age": bands[None, :, None], "sex": np.arange(shape[2])[None, None, :]}
    index = np.zeros(shape, dtype=np.int64)
    for column in margin.columns:
        index = index * sizes[column] + places[column]
    index = np.where(inside[:, None, None], index, -1)
    return CellMargin(index.ravel(), margin.counts.astype(np.float64))


def _universe_margin(
    zone: ZoneControls, universes: tuple[str, ...], shape: tuple[int, int, int]
) -> tuple[CellMargin, ...]:
    """Return the zone's residents by universe as a margin, where the others do not imply them.

    They imply them where their sets of universes span every single one: tables of attributes alone,
    such as religion, may give a universe's total without being a margin of the joint.
    """
    spoken = [[universe in margin.universes for universe in universes] for margin in zone.margins]
    if spoken and np.linalg.matrix_rank(np.array(spoken, dtype=np.float64)) == len(universes):
        return ()
    index = np.broadcast_to(np.arange(len(universes))[:, None, None], shape).ravel()
    counts = np.array([zone.residents[universe] for universe in universes], dtype=np.float64)
    return (CellMargin(index.astype(np.int64), counts),)


def integerize(joint: Joint, zone: str, pack: CountryPack, streams: RandomStreams) -> Whole:
    """Return whole persons of shape (universes, single ages 0..oldest, sexes).

    Every margin of the zone is met exactly; the open class is then split into single ages by its
    declared prior, in institutions bent by their odds at each age.
    """
    rng = streams.stream("integerize", zone)
    whole = round_to_margins(joint.fit.cells, joint.margins, rng, place=f"persons of {zone}")
    counts = whole.reshape(joint.shape)
    shares = pack.priors.oldest_ages(joint.shape[1] - 1, pack.country.ages.oldest)
    if any(pack.country.institution(universe) for universe in joint.universes):
        split = _split_by_odds(counts[:, -1, :], joint.universes, shares, pack)
        oldest = np.stack(
            [
                systematic_split(np.array([number]), row, rng)[0]
                for number, row in zip(counts[:, -1, :].ravel(), split, strict=True)
            ]
        )
    else:
        oldest = systematic_split(counts[:, -1, :].ravel(), shares, rng)
    oldest = oldest.reshape(joint.shape[0], joint.shape[2], -1).transpose(0, 2, 1)
    return np.concatenate([counts[:, :-1, :], oldest], axis=1)


def _split_by_odds(
    counts: Whole, universes: tuple[str, ...], shares: Floats, pack: CountryPack
) -> Floats:
    """Return shares of single ages in the open class, shape (universes * sexes, ages).

    `counts` has shape (universes, sexes). Over all universes the ages keep the prior's `shares`.
    """
    first = pack.country.ages.oldest + 1 - len(shares)
    odds = np.ones((*counts.shape, len(shares)))
    for at, universe in enumerate(universes):
        kind = pack.country.institution(universe)
        if kind is not None:
            odds[at] = institutional_odds(kind, pack)[first:].T
    rows = np.arange(counts.size)
    sexes = np.tile(np.arange(counts.shape[1]), len(counts))
    ages = sexes[:, None] * len(shares) + np.arange(len(shares))
    margins = (
        CellMargin(np.repeat(rows, len(shares)), counts.ravel().astype(np.float64)),
        CellMargin(ages.ravel(), np.outer(counts.sum(axis=0), shares).ravel()),
    )
    seed = odds.reshape(-1, len(shares)) * shares
    fitted = fit_margins(seed.ravel(), margins, tolerance=1e-7).cells.reshape(seed.shape)
    totals = fitted.sum(axis=1, keepdims=True)
    return np.where(totals > 0, fitted / np.where(totals > 0, totals, 1.0), shares)
