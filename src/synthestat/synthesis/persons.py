"""How many persons of each universe, age and sex a zone holds: fitted, then whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthestat.controls.reconcile import Margin, ZoneControls
from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Fit, Whole, fit_margins
from synthestat.fitting.rounding import round_to_margins, systematic_split
from synthestat.packs.pack import CountryPack
from synthestat.random_streams import RandomStreams


@dataclass(frozen=True)
class Joint:
    """The fitted joint of one zone: `fit.cells` reshaped to (universes, age classes, sexes)."""

    universes: tuple[str, ...]
    fit: Fit
    margins: tuple[CellMargin, ...]
    shape: tuple[int, int, int]


def fit_joint(zone: ZoneControls, pack: CountryPack) -> Joint:
    """Fit universe x age class x sex to a zone's margins, shaped by the sex ratio at each age.

    Age classes are single years up to the highest open band that a table publishes. Inside a band
    that no other table splits, single years are alike (assumption, no source: an even spread).

    Raises NotConvergedError where the margins of the zone cannot hold together.
    """
    universes = tuple(name for name, count in zone.residents.items() if count)
    starts = [start for margin in zone.margins for start in margin.age_starts]
    classes = max(starts, default=pack.country.ages.open_from) + 1
    shape = (len(universes), classes, 2)
    males = pack.priors.by_age("sex_ratio_by_age", classes)
    by_sex = {"male": males / (1 + males), "female": 1 / (1 + males)}
    sexes = pack.country.classifications["sex"]
    sizes = np.array([zone.residents[u] for u in universes], dtype=np.float64)
    seed = sizes[:, None, None] * np.stack([by_sex[sex] for sex in sexes], axis=1)[None]
    margins = tuple(
        margin
        for margin in (_cell_margin(m, universes, shape) for m in zone.margins)
        if margin is not None
    )
    fit = fit_margins(seed.ravel(), margins)
    if not fit.converged:
        raise NotConvergedError(
            f"{zone.code}: persons by {', '.join(m.control_id for m in zone.margins)} do not fit "
            f"together: {fit.residual:.3g} persons off after {fit.iterations} iterations"
        )
    return Joint(universes, fit, margins, shape)


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


def integerize(joint: Joint, zone: str, pack: CountryPack, streams: RandomStreams) -> Whole:
    """Return whole persons of shape (universes, single ages 0..oldest, sexes).

    Every margin of the zone is met exactly; the open class is then split into single ages by its
    declared prior.
    """
    rng = streams.stream("integerize", zone)
    whole = round_to_margins(joint.fit.cells, joint.margins, rng, place=f"persons of {zone}")
    counts = whole.reshape(joint.shape)
    shares = pack.priors.oldest_ages(joint.shape[1] - 1, pack.country.ages.oldest)
    oldest = systematic_split(counts[:, -1, :].ravel(), shares, rng)
    oldest = oldest.reshape(joint.shape[0], joint.shape[2], -1).transpose(0, 2, 1)
    return np.concatenate([counts[:, :-1, :], oldest], axis=1)
