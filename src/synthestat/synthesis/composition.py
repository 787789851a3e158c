"""Which structures a zone's households have: one maximum-entropy fit of structures and roles.

Households by size (and type, where published) ask for positions; persons by age and sex fill them.
Both sides have a prior: the registry's weights of structures and its living arrangements by age and
sex. The fit is the pair of distributions nearest to both priors (in Kullback-Leibler divergence)
under which every class of position has as many places as persons, sizes and types exact. Its dual
is smooth and convex with one multiplier per class and published type, solved by Newton's method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Floats, Whole
from synthestat.fitting.rounding import WeightedSum, round_to_margins
from synthestat.synthesis.nuclei import Nuclei, meet_nuclei
from synthestat.synthesis.structures import (
    ANY_AGE,
    FEMALE_ONLY,
    MALE_ONLY,
    PARTNERED,
    Position,
    Structures,
)

_HOUSEHOLD_WEIGHT = (
    0.5  # of a household's divergence against a person's: assumption, see methods.md
)
_RIDGE = 1e-7  # of the penalty on multipliers, against all persons: breaks ties only


@dataclass(frozen=True)
class TypeTarget:
    """Households of some sizes and types: `members` marks structures, shape (structures,)."""

    members: Floats
    households: float


@dataclass(frozen=True)
class Composition:
    """Expected households by structure and expected persons by class, age and sex.

    `multipliers` are those of the type targets: log-weights that their members gain.
    """

    structures: Floats
    roles: Floats
    multipliers: Floats
    residual: float


def fit_composition(
    structures: Structures,
    sizes: Whole | Floats,
    counts: Whole,
    shares: Floats,
    targets: Sequence[TypeTarget] = (),
    *,
    max_steps: int = 60,
) -> Composition:
    """Fit structures to households by size, shape (largest,), and roles to persons by age and sex.

    `counts` has shape (ages, sexes), `shares` (classes, ages, sexes) with sum 1 over classes.
    `residual` is the largest gap, in persons or households, that the fit leaves.
    """
    problem = _Problem(structures, sizes, counts, shares, targets)
    here = problem.evaluate(np.zeros(problem.dimension))
    for _ in range(max_steps):
        if np.abs(here.gradient).max() <= 1e-7 * problem.scale:
            break
        step = np.linalg.solve(problem.hessian(here), here.gradient)
        size = 1.0
        while size > 1e-8:
            new = problem.evaluate(here.at - size * step)
            if new.value <= here.value - 1e-4 * size * float(here.gradient @ step):
                break
            size /= 2
        else:
            break
        here = new
    multipliers = here.at[problem.classes :] / _HOUSEHOLD_WEIGHT
    return Composition(here.x, here.y, multipliers, float(np.abs(problem.gaps(here)).max()))


@dataclass(frozen=True)
class _Point:
    """The dual at some multipliers, with the structures `x` and roles `y` that they give."""

    at: Floats
    value: float
    gradient: Floats
    x: Floats
    y: Floats


class _Problem:
    """The dual of the fit; evaluated at multipliers of classes, then of type targets."""

    def __init__(
        self,
        structures: Structures,
        sizes: Whole | Floats,
        counts: Whole,
        shares: Floats,
        targets: Sequence[TypeTarget],
    ) -> None:
        members = [target.members for target in targets]
        self.features = np.column_stack([structures.positions.astype(np.float64), *members])
        self.columns = np.ascontiguousarray(self.features.T)
        self.classes = structures.positions.shape[1]
        self.households = np.array([target.households for target in targets])
        self.group = structures.sizes - 1  # structures stand in order of size
        self.edges = np.searchsorted(self.group, np.arange(len(sizes)))
        self.log_weights = structures.log_weights
        self.sizes = sizes.astype(np.float64)
        self.persons = counts.astype(np.float64).ravel()
        with np.errstate(divide="ignore"):
            self.log_shares = np.log(shares.reshape(len(Position), -1))
        self.scale = max(float(counts.sum()), 1.0)
        self.dimension = self.features.shape[1]

    def evaluate(self, at: Floats) -> _Point:
        """Return the dual and its gradient at some multipliers."""
        w, classes, group = _HOUSEHOLD_WEIGHT, self.classes, self.group
        score = self.log_weights + _product(self.features, at / w)
        top = np.maximum.reduceat(score, self.edges)
        weight = np.exp(score - top[group])
        norm = np.add.reduceat(weight, self.edges)
        x = weight * (self.sizes / norm)[group]
        odds = self.log_shares - at[:classes, None]
        peak = odds.max(axis=0)
        y = np.exp(odds - peak)
        total = y.sum(axis=0)
        y *= self.persons / total
        penalty = _RIDGE * self.scale
        value = w * float(self.sizes @ (np.log(norm) + top)) + penalty / 2 * float(at @ at)
        value += float(self.persons @ (np.log(total) + peak))
        value -= float(self.households @ at[classes:])
        gradient = _product(self.columns, x) + penalty * at
        gradient[:classes] -= y.sum(axis=1)
        gradient[classes:] -= self.households
        return _Point(at, value, gradient, x, y)

    def hessian(self, point: _Point) -> Floats:
        """Return the second derivatives of the dual."""
        x, y, classes = point.x, point.y, self.classes
        sums = np.add.reduceat(self.features * x[:, None], self.edges, axis=0)
        between = sums / np.sqrt(np.maximum(self.sizes, 1e-300))[:, None]
        within = np.einsum("is,js,s->ij", self.columns, self.columns, x) - between.T @ between
        hessian = within / _HOUSEHOLD_WEIGHT + _RIDGE * self.scale * np.eye(self.dimension)
        per_person = y / np.maximum(self.persons, 1e-300)
        hessian[:classes, :classes] += np.diag(y.sum(axis=1)) - y @ per_person.T
        return np.asarray(hessian, dtype=np.float64)

    def gaps(self, point: _Point) -> Floats:
        """Return places minus persons of each class, and households minus each type target."""
        have = _product(self.columns, point.x)
        want = np.concatenate([point.y.sum(axis=1), self.households])
        return np.asarray(have - want, dtype=np.float64)


def _product(matrix: Floats, vector: Floats) -> Floats:
    """Return matrix @ vector by plain loops: threads of a BLAS would fight with those of zones."""
    return np.asarray(np.einsum("ij,j->i", matrix, vector), dtype=np.float64)


def whole_structures(
    fitted: Floats,
    structures: Structures,
    size_by_type: Whole,
    counts: Whole,
    adult: int,
    rng: np.random.Generator,
    *,
    partner_age: int = 0,
    published: Sequence[CellMargin] = (),
    nuclei: Nuclei | None = None,
    place: str,
) -> Whole:
    """Return households by structure, exact in size x type, shape (sizes, types).

    Structures of one size and type are drawn systematically (Madow 1949) in the order of the
    grammar. Where the draw asks for more adults, men, women or partners (of `partner_age` and over)
    than there are, the nearest whole table that does not is taken instead: exact in size x type,
    or, where few persons leave no such table, in the `published` margins over structures alone.
    So it is where `nuclei` are published and exchanges within size x type do not meet them.
    Raises NotConvergedError naming `place` where there is none either.
    """
    types = size_by_type.shape[1]
    group = (structures.sizes - 1) * types + structures.types
    chosen = np.zeros(len(fitted), dtype=np.int64)
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(size_by_type.size + 1))
    starts = rng.random(size_by_type.size)
    for cell, households in enumerate(size_by_type.ravel()):
        mine = order[edges[cell] : edges[cell + 1]]
        if households:
            weight = np.maximum(fitted[mine], 1e-12)
            steps = np.concatenate([[0.0], np.cumsum(weight / weight.sum())]) * households
            steps[-1] = households
            chosen[mine] = np.diff(np.floor(steps + starts[cell]).astype(np.int64))
    limits = _limits(structures, counts, adult, partner_age)
    if nuclei is not None:
        limits += nuclei.limits(structures)
        chosen = meet_nuclei(chosen, fitted, group, structures, nuclei.inside, rng)
    if all(limit.low <= float(limit.weights @ chosen) <= limit.high for limit in limits):
        return chosen
    place = f"household structures of {place}"
    margin = CellMargin(group.astype(np.int64), size_by_type.ravel().astype(np.float64))
    near = np.where(size_by_type.ravel()[group] > 0, np.maximum(fitted, 1e-12), 0.0)
    try:
        return round_to_margins(near, [margin], rng, sums=limits, place=place)
    except NotConvergedError:
        if not published:
            raise
    near = np.maximum(fitted, 1e-12)
    return round_to_margins(near, published, rng, sums=limits, place=place)


def _limits(
    structures: Structures, counts: Whole, adult: int, partner_age: int
) -> list[WeightedSum]:
    """Return what persons allow: places open to minors, places for men and women, and partners."""
    of = structures.positions.astype(np.float64)
    limits = [WeightedSum(of[:, list(ANY_AGE)].sum(axis=1), float(counts[:adult].sum()), np.inf)]
    for sex, classes in enumerate((MALE_ONLY, FEMALE_ONLY)):
        partners = [position for position in classes if position in PARTNERED]
        for positions, age in ((list(classes), adult), (partners, max(partner_age, adult))):
            places = of[:, positions].sum(axis=1)
            limits.append(WeightedSum(places, 0.0, float(counts[age:, sex].sum())))
    return limits
