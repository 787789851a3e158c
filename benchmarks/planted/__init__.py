"""Defects to plant in good runs: every kind, in the order of the families of the review.

A new family is a file beside these and a line here; a new kind is a function in such a file.
"""

from __future__ import annotations

from importlib import import_module

from planted.kinds import KINDS, Kind

FAMILIES = (
    *("files", "links", "households", "families", "institutions", "universes", "levels"),
    *("relaxations", "geography", "attributes", "intervals", "summaries", "statements", "evidence"),
    *("sources", "buildings", "overlays", "assignments", "releases", "replicates"),
)


def every_kind() -> tuple[Kind, ...]:
    """Every kind of every family."""
    for family in FAMILIES:
        import_module(f"planted.{family}")
    return tuple(KINDS)
