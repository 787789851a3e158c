"""Ages within families: exchanges of persons between positions until ages follow their kernels.

The state is which person stands in which position. A move exchanges the persons of two positions of
one class in different households (or two couples at once), so every count of class x age x sex,
and with it every HARD count, stays as it is. Moves are accepted by the Metropolis rule at
temperature one (Metropolis et al. 1953, doi 10.1063/1.1699114), so that the states visited follow
the product of the declared kernels over ties, given those counts. What is still outside a band at
the end is repaired by exchanges across classes too: they keep persons by age and sex, household
sizes and types, and only move a person to another role.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synthestat.packs.registry import Registry
from synthestat.packs.spec import HouseholdRules
from synthestat.synthesis.layout import Ints, Positions, Tie
from synthestat.synthesis.structures import ANY_AGE, FEMALE_ONLY, MALE_ONLY, PARTNERED, Position

Floats = NDArray[np.float32]
_FORBIDDEN = 60.0  # energy of a tie outside its band, or of weight zero
_RAREST = 50.0  # the most that a gap inside its band may have, however narrow the kernel: exp(-50)
_REACH = 121  # gaps from -120 to 120 years
_EVERY_GAP = (-120, 120)
_SETTLED = (
    0.005  # change of mean energy per position between sweeps that counts as none: assumption
)
_STILL = 2  # sweeps in a row without change before the exchange stops: assumption
_PARENTAL = (Tie.MOTHER, Tie.FATHER, Tie.FATHER_BESIDE)


@dataclass(frozen=True)
class Refinement:
    """Convergence record: mean energy per position after each sweep, share of moves accepted."""

    energies: tuple[float, ...]
    accepted: float
    forbidden_before_repair: int
    forbidden: int


def kinship_energies(registry: Registry, rules: HouseholdRules) -> Floats:
    """Return minus log-density of each tie by whole years, shape (2 x ties, 241).

    Row t is Tie t by the second's age minus the first's, plus 120; row t + len(Tie) is the same tie
    seen from its second end. Gaps outside a band of the pack's rules, and between siblings those of
    weight zero, have a prohibitive energy; so have gaps between the head and a brother or sister
    that are wider than the ages at which one mother, or one father, may have both.
    """

    def of(family: str, band: tuple[int, int]) -> Floats:
        first, log_density = registry.log_kernel(family, band)
        energy = np.full(2 * _REACH - 1, _FORBIDDEN)
        at = first + _REACH - 1
        energy[at : at + len(log_density)] = np.minimum(-log_density, _RAREST)
        return energy

    fathers = rules.father_age_at_birth.value
    spacing = registry.weights("sibling_spacing")
    siblings = np.array([_energy(spacing[years]) for years in ("0", "1", "2+")])
    gaps = np.abs(np.arange(2 * _REACH - 1) - _REACH + 1)
    away = np.minimum(gaps, 2)
    widest = max(high - low for low, high in (rules.mother_age_at_birth.value, fathers))
    heads_sibling = of("heads_sibling_gap", _EVERY_GAP)
    tables = {
        Tie.PARTNER: of("partner_age_gap", rules.partner_age_gap.value),
        Tie.SAME_SEX_PARTNER: of("same_sex_partner_gap", _EVERY_GAP),
        Tie.MOTHER: of("mother_child_gap", rules.mother_age_at_birth.value),
        Tie.FATHER: of("father_child_gap", fathers),
        Tie.FATHER_BESIDE: np.where(of("father_child_gap", fathers) < _FORBIDDEN, 0.0, _FORBIDDEN),
        Tie.SIBLING: siblings[away],
        Tie.GRANDPARENT: of("grandparent_gap", (2 * rules.mother_age_at_birth.value[0], 120)),
        Tie.HEADS_SIBLING: np.where(gaps <= widest, heads_sibling, _FORBIDDEN),
        Tie.RELATIVE: of("relative_gap", _EVERY_GAP),
        Tie.HOUSEMATE: of("housemate_gap", _EVERY_GAP),
    }
    ordered = np.stack([tables[tie] for tie in Tie])
    return np.concatenate([ordered, ordered[:, ::-1]]).astype(np.float32)


def _energy(weight: float) -> float:
    return float(min(-np.log(weight), _RAREST)) if weight > 0 else _FORBIDDEN


def refine_ages(
    positions: Positions,
    age: NDArray[np.int16],
    sex: NDArray[np.int8],
    energies: Floats,
    rules: HouseholdRules,
    rng: np.random.Generator,
    *,
    group: NDArray[np.int8] | None = None,
    sweeps: int,
    repair_tries: int = 400,
) -> Refinement:
    """Exchange persons in place until the mean energy settles, then repair forbidden ties.

    `age` (years) and `sex` (0 male, 1 female) have shape (positions,) and are changed in place. One
    sweep proposes as many exchanges as there are positions with ties; at most `sweeps` are made.
    `group`, shape (positions,), tells apart positions of one class between which no exchange may
    move a person of another sex: a multiple of all classes more than the class.
    """
    group = positions.kind if group is None else group
    tied = np.flatnonzero(np.diff(positions.tie_start) > 0).astype(np.int32)
    order = np.argsort(group, kind="stable").astype(np.int32)
    groups = np.arange(int(group.max(initial=0)) + 2)
    bounds = np.searchsorted(group[order], groups).astype(np.int32)
    ties = (positions.tie_start, positions.tie_other, positions.tie_table)
    links = (positions.household, group, positions.partner)
    apart = (positions.household, positions.kind, (group // len(Position)).astype(np.int8))
    trace: list[float] = []
    accepted = still = proposed = 0
    while len(tied) and len(trace) < sweeps and still < _STILL:
        accepted += _exchange(tied, order, bounds, age, sex, rng, *links, *ties, energies)
        proposed += len(tied)
        trace.append(float(_total_energy(age, *ties, energies)) / len(age))
        unchanged = len(trace) > 1 and abs(trace[-1] - trace[-2]) < _SETTLED
        still = still + 1 if unchanged else 0
    before = left = forbidden_positions(positions, age, energies)
    allowed = _allowed(rules)
    for _ in range(20):
        if not len(left):
            break
        _repair(left, repair_tries * len(left), age, sex, rng, *apart, *ties, energies, *allowed)
        left = forbidden_positions(positions, age, energies)
    return Refinement(tuple(trace) or (0.0,), accepted / max(proposed, 1), len(before), len(left))


def _allowed(rules: HouseholdRules) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Return the least age and the only sex (-1: any) of each class of position."""
    least = np.full(len(Position), rules.adult_age.value, dtype=np.int16)
    least[list(ANY_AGE)] = 0
    least[list(PARTNERED)] = max(rules.partner_age.value, rules.adult_age.value)
    only = np.full(len(Position), -1, dtype=np.int8)
    only[list(MALE_ONLY)], only[list(FEMALE_ONLY)] = 0, 1
    return least, only


def _forbidden_ties(
    positions: Positions, age: NDArray[np.int16], energies: Floats
) -> tuple[Ints, NDArray[np.int8], Ints]:
    """Return (first, tie, second) of every tie whose gap lies outside its band."""
    first = np.repeat(np.arange(len(age), dtype=np.int32), np.diff(positions.tie_start))
    gap = age[positions.tie_other].astype(np.int64) - age[first]
    outside = energies[positions.tie_table, gap + _REACH - 1] >= _FORBIDDEN
    outside &= positions.tie_table < len(Tie)
    return first[outside], positions.tie_table[outside], positions.tie_other[outside]


def forbidden_positions(positions: Positions, age: NDArray[np.int16], energies: Floats) -> Ints:
    """Return the positions at either end of a tie whose gap lies outside its band."""
    first, _, second = _forbidden_ties(positions, age, energies)
    return np.unique(np.concatenate([first, second])).astype(np.int32)


def untie(positions: Positions, age: NDArray[np.int16], energies: Floats) -> int:
    """Clear, in place, links outside their bands; return how many persons lost one.

    A grandchild or sibling of the head who cannot be one by age becomes another relative.
    """
    first, tie, second = _forbidden_ties(positions, age, energies)
    children = np.unique(first[np.isin(tie, _PARENTAL)])
    positions.mother[children] = -1
    positions.father[children] = -1
    apart = tie == Tie.PARTNER
    positions.partner[first[apart]] = -1
    positions.partner[second[apart]] = -1
    kin = first[np.isin(tie, (Tie.GRANDPARENT, Tie.HEADS_SIBLING))]
    positions.kind[kin] = Position.RELATIVE
    return len(children) + 2 * int(apart.sum()) + len(kin)


@njit(cache=True, nogil=True)
def _tie_energy(i, age, start, other, table, energies):  # type: ignore[no-untyped-def]
    total = 0.0
    for t in range(start[i], start[i + 1]):
        total += energies[table[t], age[other[t]] - age[i] + 120]
    return total


@njit(cache=True, nogil=True)
def _total_energy(age, start, other, table, energies):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(len(age)):
        total += _tie_energy(i, age, start, other, table, energies)
    return total / 2


@njit(cache=True, nogil=True)
def _rise(i, new, skip, age, start, other, table, energies):  # type: ignore[no-untyped-def]
    """Return what the energy of position i's ties, but that with `skip`, gains by a new age."""
    total = 0.0
    old = age[i]
    for t in range(start[i], start[i + 1]):
        if other[t] != skip:
            gap = age[other[t]] + 120
            total += energies[table[t], gap - new] - energies[table[t], gap - old]
    return total


@njit(cache=True, nogil=True)
def _swap(i, j, age, sex):  # type: ignore[no-untyped-def]
    age[i], age[j] = age[j], age[i]
    sex[i], sex[j] = sex[j], sex[i]


@njit(cache=True, nogil=True)
def _exchange(  # type: ignore[no-untyped-def]
    candidates,
    order,
    bounds,
    age,
    sex,
    rng,
    household,
    group,
    partner,
    start,
    other,
    table,
    energies,
):
    """Propose an exchange of each candidate in turn with a random position of its group.

    Returns the number accepted.
    """
    accepted = 0
    for i in candidates:
        low, high = bounds[group[i]], bounds[group[i] + 1]
        j = order[low + int(rng.random() * (high - low))]
        if household[i] == household[j] or (age[i] == age[j] and partner[i] < 0):
            continue
        pi, pj = partner[i], partner[j]
        both = pi >= 0 and pj >= 0 and group[pi] == group[pj] and rng.random() < 0.5
        skip_i, skip_j = (pi, pj) if both else (-1, -1)  # a couple that moves keeps its own gap
        rise = _rise(i, age[j], skip_i, age, start, other, table, energies)
        rise += _rise(j, age[i], skip_j, age, start, other, table, energies)
        if both:
            rise += _rise(pi, age[pj], i, age, start, other, table, energies)
            rise += _rise(pj, age[pi], j, age, start, other, table, energies)
        if rise <= 0 or rng.random() < np.exp(-rise):
            accepted += 1
            _swap(i, j, age, sex)
            if both:
                _swap(pi, pj, age, sex)
    return accepted


@njit(cache=True, nogil=True)
def _repair(  # type: ignore[no-untyped-def]
    candidates,
    proposals,
    age,
    sex,
    rng,
    household,
    kind,
    status,
    start,
    other,
    table,
    energies,
    least,
    only,
):
    """Exchange candidates with persons of any class, where both suit and the energy falls.

    Between positions of another `status`, only persons of one sex.
    """
    for _ in range(proposals):
        i = candidates[int(rng.random() * len(candidates))]
        j = int(rng.random() * len(age))
        if household[i] == household[j] or age[i] == age[j]:
            continue
        if status[i] != status[j] and sex[i] != sex[j]:
            continue
        if age[j] < least[kind[i]] or age[i] < least[kind[j]]:
            continue
        if only[kind[i]] >= 0 and sex[j] != only[kind[i]]:
            continue
        if only[kind[j]] >= 0 and sex[i] != only[kind[j]]:
            continue
        rise = _rise(i, age[j], -1, age, start, other, table, energies)
        if rise + _rise(j, age[i], -1, age, start, other, table, energies) < 0:
            _swap(i, j, age, sex)
