"""Tables of an older geography, read onto the zones that their zones were merged into.

A zone of today that was merged from several holds, in a table from before the merger, the sum of
what these held. Nothing is ever split: a table of merged zones cannot be read onto their parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import ControlSpec, SourceSpec
from synthestat.sources.cube import CellStatus, Cube, Dimension, number_status


def merger_faults(source: SourceSpec, codes: Iterable[str], pack: CountryPack) -> list[str]:
    """Return faults of a table's zones that were merged: beside their whole, or not all there.

    `codes` are the zone codes of the table.
    """
    there = set(codes)
    parts: dict[str, list[str]] = {}
    for old, new in pack.merged.items():
        parts.setdefault(new, []).append(old)
    faults = []
    for new, olds in parts.items():
        present = [old for old in olds if old in there]
        absent = [old for old in olds if old not in there]
        if present and new in there:
            faults.append(
                f"{source.id}: zone {new} stands beside {', '.join(present)}, which "
                "concordance.csv says were merged into it"
            )
        elif present and absent:
            faults.append(
                f"{source.id}: has {', '.join(present)} without {', '.join(absent)}, merged with "
                f"it into {new}"
            )
    return faults


def bridge_fault(spec: ControlSpec, source: SourceSpec) -> str | None:
    """Return why a control may not be summed over zones merged since, None where it may.

    GUIDE and INFORMATIONAL controls may; FIRM and SOFT ones with a written `bridge`, of figures
    that stand for no interval; HARD ones may not.
    """
    if spec.level in ("GUIDE", "INFORMATIONAL"):
        return None
    if spec.level == "HARD" or spec.bridge is None:
        bare = "" if spec.bridge else " without a bridge"
        return (
            f"controls.yaml: {spec.id} is {spec.level}{bare}, and {source.id} has zones that were "
            "merged since; declare it GUIDE, or FIRM with a bridge"
        )
    if source.inexact:
        return (
            f"controls.yaml: {spec.id}: figures of {source.id} stand for intervals, which are not "
            "summed over zones merged since; declare it GUIDE"
        )
    return None


def on_present_zones(cube: Cube, zone_dimension: str, merged: Mapping[str, str]) -> Cube:
    """Return a table with every merged zone's cells summed under the zone that it is part of now.

    A merged zone takes the place of the first of its parts. A sum of which a part has no figure has
    none, and the status of that part. The table itself where none of its zones was merged.
    """
    dimension = cube.dimension(zone_dimension)
    now = [merged.get(code, code) for code in dimension.codes]
    if tuple(now) == dimension.codes:
        return cube
    codes = tuple(dict.fromkeys(now))
    axis = [d.id for d in cube.dimensions].index(zone_dimension)
    values, status = np.moveaxis(cube.values, axis, 0), np.moveaxis(cube.status, axis, 0)
    summed = np.zeros((len(codes), *values.shape[1:]))
    blank = np.zeros(summed.shape, dtype=np.uint8)
    for at, code in enumerate(now):
        summed[codes.index(code)] += values[at]
        gap = np.where(status[at] > CellStatus.ZERO, status[at], 0)
        blank[codes.index(code)] = np.maximum(blank[codes.index(code)], gap)
    told = np.where(blank > 0, blank, number_status(summed)).astype(np.uint8)
    zones = Dimension(zone_dimension, dimension.label, codes, _labels(dimension, now, codes))
    return replace(
        cube,
        dimensions=tuple(zones if d.id == zone_dimension else d for d in cube.dimensions),
        values=np.ascontiguousarray(np.moveaxis(summed, 0, axis)),
        status=np.ascontiguousarray(np.moveaxis(told, 0, axis)),
    )


def _labels(dimension: Dimension, now: list[str], codes: tuple[str, ...]) -> tuple[str, ...]:
    label = dict(zip(dimension.codes, dimension.labels, strict=True))
    return tuple(label.get(code, code) if now.count(code) == 1 else code for code in codes)
