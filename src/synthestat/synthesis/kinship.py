"""Ages within families: exchanges between positions of one class until ages follow their kernels.

The state is which age stands in which position. A move exchanges the persons of two positions of
one class in different households (or two couples at once), so every count of class x age x sex,
and with it every HARD count, stays as it is. Moves are accepted by the Metropolis rule at
temperature one (Metropolis et al. 1953, doi 10.1063/1.1699114), so that the states visited follow
the product of the declared kernels over family links, given those counts: partners by their gap, a
child by its mother's age (by its father's where no mother is present), siblings by their spacing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synthestat.packs.registry import Registry
from synthestat.packs.spec import HouseholdRules
from synthestat.synthesis.structures import Position

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
_FORBIDDEN = 60.0  # energy of a link outside its band: far above any kernel's range
_REACH = 121  # gaps from -120 to 120 years
_MEN_IN_COUPLES = (int(Position.HUSBAND), int(Position.ELDER_FATHER), int(Position.SON))


@dataclass(frozen=True)
class KinshipEnergies:
    """Minus log-density of each family link by whole years, index = gap + 120."""

    partner: Floats
    mother: Floats
    father: Floats
    sibling: Floats


@dataclass(frozen=True)
class Positions:
    """All positions of the households of one zone and universe, households contiguous.

    `start` has shape (households + 1,); the others (positions,). Links are positions, -1 for none.
    """

    start: Ints
    household: Ints
    kind: NDArray[np.int8]
    partner: Ints
    mother: Ints
    father: Ints


@dataclass(frozen=True)
class Refinement:
    """Convergence record: mean energy per position after each sweep, share of moves accepted."""

    energies: tuple[float, ...]
    accepted: float
    forbidden_before_repair: int
    forbidden: int


def kinship_energies(registry: Registry, rules: HouseholdRules) -> KinshipEnergies:
    """Turn the registry's kernels and the pack's bands into energies by whole years."""

    def of(family: str, band: tuple[int, int]) -> Floats:
        first, log_density = registry.log_kernel(family, band)
        energy = np.full(2 * _REACH - 1, _FORBIDDEN)
        at = first + _REACH - 1
        energy[at : at + len(log_density)] = -log_density
        return energy

    spacing = registry.weights("sibling_spacing")
    return KinshipEnergies(
        partner=of("partner_age_gap", rules.partner_age_gap.value),
        mother=of("mother_child_gap", rules.mother_age_at_birth.value),
        father=of("father_child_gap", rules.father_age_at_birth.value),
        sibling=-np.log(np.array([spacing["0"], spacing["1"], spacing["2+"]])),
    )


def refine_ages(
    positions: Positions,
    age: NDArray[np.int16],
    sex: NDArray[np.int8],
    energies: KinshipEnergies,
    rng: np.random.Generator,
    *,
    sweeps: int = 30,
    repair_tries: int = 400,
) -> Refinement:
    """Exchange persons in place for `sweeps` proposals per position, then repair forbidden links.

    `age` (years) and `sex` (0 male, 1 female) have shape (positions,) and are changed in place.
    """
    order = np.argsort(positions.kind, kind="stable").astype(np.int32)
    bounds = np.searchsorted(positions.kind[order], np.arange(len(Position) + 1)).astype(np.int32)
    links = (positions.kind, positions.partner, positions.mother, positions.father)
    arrays = (positions.start, positions.household, *links)
    tables = (energies.partner, energies.mother, energies.father, energies.sibling)
    everywhere = np.arange(len(age), dtype=np.int32)
    trace, accepted = [], 0
    for _ in range(sweeps):
        accepted += _exchange(
            everywhere, len(age), False, order, bounds, age, sex, rng, *arrays, *tables
        )
        trace.append(float(_total_energy(age, positions.start, *links, *tables)) / max(len(age), 1))
    before = forbidden_positions(positions, age, energies)
    left = before
    for _ in range(5):
        if not len(left):
            break
        _exchange(
            left, repair_tries * len(left), True, order, bounds, age, sex, rng, *arrays, *tables
        )
        left = forbidden_positions(positions, age, energies)
    return Refinement(tuple(trace), accepted / max(sweeps * len(age), 1), len(before), len(left))


def forbidden_positions(
    positions: Positions, age: NDArray[np.int16], energies: KinshipEnergies
) -> Ints:
    """Return positions whose link to a parent, or (men) to a partner, lies outside its band."""
    bad = _bad_parents(positions, age, energies) | _bad_partners(positions, age, energies)
    return np.flatnonzero(bad).astype(np.int32)


def untie(positions: Positions, age: NDArray[np.int16], energies: KinshipEnergies) -> int:
    """Clear, in place, links outside their bands; return how many persons lost one."""
    child = _bad_parents(positions, age, energies)
    positions.mother[child] = -1
    positions.father[child] = -1
    men = np.flatnonzero(_bad_partners(positions, age, energies))
    positions.partner[positions.partner[men]] = -1
    positions.partner[men] = -1
    return int(child.sum()) + 2 * len(men)


def _bad_parents(
    positions: Positions, age: NDArray[np.int16], energies: KinshipEnergies
) -> NDArray[np.bool_]:
    years = age.astype(np.int64)
    bad = np.zeros(len(age), dtype=bool)
    for links, table in (
        (positions.mother, energies.mother),
        (positions.father, energies.father),
    ):
        linked = np.flatnonzero(links >= 0)
        gap = years[links[linked]] - years[linked]
        bad[linked[table[gap + _REACH - 1] >= _FORBIDDEN]] = True
    return bad


def _bad_partners(
    positions: Positions, age: NDArray[np.int16], energies: KinshipEnergies
) -> NDArray[np.bool_]:
    years = age.astype(np.int64)
    bad = np.zeros(len(age), dtype=bool)
    men = np.flatnonzero((positions.partner >= 0) & np.isin(positions.kind, _MEN_IN_COUPLES))
    gap = years[men] - years[positions.partner[men]]
    bad[men[energies.partner[gap + _REACH - 1] >= _FORBIDDEN]] = True
    return bad


@njit(cache=True, nogil=True)
def _household_energy(h, age, start, kind, partner, mother, father, ep, em, ef, es):  # type: ignore[no-untyped-def]
    total = 0.0
    first, last = start[h], start[h + 1]
    for i in range(first, last):
        if partner[i] >= 0 and (kind[i] == 1 or kind[i] == 7 or kind[i] == 8):
            total += ep[age[i] - age[partner[i]] + 120]
        m, f = mother[i], father[i]
        if m >= 0:
            total += em[age[m] - age[i] + 120]
        if f >= 0:
            away = ef[age[f] - age[i] + 120]
            if m < 0 or away >= 60.0:  # beside a mother, the couple's own gap says the rest
                total += away
        if m >= 0 or f >= 0:
            for j in range(first, i):
                if mother[j] == m and father[j] == f:
                    total += es[min(abs(age[i] - age[j]), 2)]
    return total


@njit(cache=True, nogil=True)
def _total_energy(age, start, kind, partner, mother, father, ep, em, ef, es):  # type: ignore[no-untyped-def]
    total = 0.0
    for h in range(len(start) - 1):
        total += _household_energy(h, age, start, kind, partner, mother, father, ep, em, ef, es)
    return total


@njit(cache=True, nogil=True)
def _swap(i, j, age, sex):  # type: ignore[no-untyped-def]
    age[i], age[j] = age[j], age[i]
    sex[i], sex[j] = sex[j], sex[i]


@njit(cache=True, nogil=True)
def _exchange(  # type: ignore[no-untyped-def]
    candidates,
    proposals,
    downhill,
    order,
    bounds,
    age,
    sex,
    rng,
    start,
    household,
    kind,
    partner,
    mother,
    father,
    ep,
    em,
    ef,
    es,
):
    """Propose exchanges between a random candidate and a random position of its class.

    With `downhill` only moves that lower the energy are taken. Returns the number accepted.
    """
    accepted = 0
    for _ in range(proposals):
        i = candidates[int(rng.random() * len(candidates))]
        low, high = bounds[kind[i]], bounds[kind[i] + 1]
        j = order[low + int(rng.random() * (high - low))]
        hi, hj = household[i], household[j]
        if hi == hj or (age[i] == age[j] and partner[i] < 0):
            continue
        pi, pj = partner[i], partner[j]
        both = pi >= 0 and pj >= 0 and kind[pi] == kind[pj] and rng.random() < 0.5
        before = _household_energy(hi, age, start, kind, partner, mother, father, ep, em, ef, es)
        before += _household_energy(hj, age, start, kind, partner, mother, father, ep, em, ef, es)
        _swap(i, j, age, sex)
        if both:
            _swap(pi, pj, age, sex)
        after = _household_energy(hi, age, start, kind, partner, mother, father, ep, em, ef, es)
        after += _household_energy(hj, age, start, kind, partner, mother, father, ep, em, ef, es)
        rise = after - before
        if rise < 0 or (not downhill and rng.random() < np.exp(-rise)):
            accepted += 1
        else:
            _swap(i, j, age, sex)
            if both:
                _swap(pi, pj, age, sex)
    return accepted
