"""Random numbers from named streams.

Every draw comes from a stream keyed by (seed, stage, zone), so a result depends neither on the
order in which zones are built nor on how many workers build them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RandomStreams:
    """A family of independent generators under one seed.

    `seed` is any non-negative integer; the same seed gives the same streams on every machine.
    Replicates of one seed have streams of their own; 0 is the population itself.
    """

    seed: int
    replicate: int = 0

    def stream(self, stage: str, zone: str = "") -> np.random.Generator:
        """Return the generator of one stage in one zone, always from its beginning.

        Key words are hashed with SHA-256, so that streams of similar names are unrelated
        (Python's own `hash` differs between runs).
        """
        key = hashlib.sha256(f"{stage}\x1f{zone}".encode()).digest()
        words = [int.from_bytes(key[i : i + 4], "little") for i in range(0, 16, 4)]
        own = [self.replicate] if self.replicate else []
        seeds = np.random.SeedSequence([self.seed, *words, *own])
        return np.random.Generator(np.random.PCG64(seeds))
