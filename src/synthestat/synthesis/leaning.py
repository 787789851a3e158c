"""What tables and targets of a whole country ask of the structures of every zone's households."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthestat.fitting.ipf import Floats
from synthestat.packs.spec import HOUSEHOLD_TYPES
from synthestat.packs.targets import SoftTarget
from synthestat.synthesis.structures import Structures


@dataclass(frozen=True)
class Leaning:
    """A log-weight that members gain; `members` marks structures, shape (structures,)."""

    members: Callable[[Structures], Floats]
    log_weight: float


def leant(structures: Structures, leaning: Sequence[Leaning]) -> Structures:
    """Return structures with the log-weights of every leaning added."""
    weights = structures.log_weights
    for one in leaning:
        weights = weights + one.log_weight * one.members(structures)
    return replace(structures, log_weights=weights)


def members_of(target: SoftTarget) -> Callable[[Structures], Floats]:
    """Return which structures count in a soft target that is a share of households."""
    if target.measure == "three_generation_share":
        return three_generations
    codes = [HOUSEHOLD_TYPES.index(name) for name in target.types]
    return lambda structures: np.isin(structures.types, codes).astype(np.float64)


def three_generations(structures: Structures) -> Floats:
    """Mark structures with a chain of three persons, each the parent of the next."""
    found = [
        bool(p.elders and (p.children or p.couples or p.mothers))
        or bool((p.couples or p.mothers) and p.grandchildren)
        for p in structures.parts
    ]
    return np.array(found, dtype=np.float64)
