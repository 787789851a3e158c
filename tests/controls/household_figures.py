"""Tables of private households for Tinyland: figures that agree, and how to publish them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from synthestat.sources.cube import CellStatus, Cube, Dimension
from synthestat.sources.jsonstat import write_jsonstat

ZONES = ("ZZ", "01", "02", "03", "04", "05", "06")
SIZES = ("1", "2", "3", "4-5", "6+")
TYPES = ("S", "CN", "CC", "LP", "X")
TYPE_CODES = (
    "{S: single, CN: couple_without_children, CC: couple_with_children, "
    "LP: lone_mother|lone_father, X: other|extended}"
)
BY_SIZE = "size: {dimension: size}"
BY_TYPE = f"household_type: {{dimension: kind, codes: {TYPE_CODES}}}"
ELMAU = [16, 16, 16, 20, 12]  # 80 households, 260 persons
ELMAU_TYPES = [16, 10, 30, 10, 14]
ELMAU_BOTH = [
    *[16, 0, 0, 0, 0],
    *[0, 10, 0, 6, 0],
    *[0, 0, 10, 4, 2],
    *[0, 0, 15, 0, 5],
    *[0, 0, 5, 0, 7],
]
Rows = Mapping[str, Sequence[float]]
Publish = Callable[..., None]


@pytest.fixture
def publish(workshop: Any) -> Publish:
    """Freeze a table of households and constrain by it: `publish("sizes", {"05": [...]})`.

    `axes` are (dimension, codes); `by` is the YAML under `by`; zones without a row have no figure.
    """

    def add(
        name: str,
        rows: Rows,
        axes: Sequence[tuple[str, Sequence[str]]] = (("size", SIZES),),
        by: Sequence[str] = (BY_SIZE,),
        level: str = "HARD",
        more: str = "    missing: unconstrained\n",
        noise: str = "",
        zones: Sequence[str] = ZONES,
    ) -> None:
        shape = [len(codes) for _, codes in axes]
        figures = [rows.get(zone, [np.nan] * int(np.prod(shape))) for zone in zones]
        values = np.array(figures, dtype=np.float64).reshape([len(zones), *shape])
        blank = np.where(np.isnan(values), CellStatus.MISSING, CellStatus.VALUE)
        if "suppressed" in noise:
            told = np.array([zone in rows for zone in zones]).reshape(-1, *[1] * len(shape))
            blank = np.where(told & np.isnan(values), CellStatus.SUPPRESSED, blank)
        status = np.where(values == 0, CellStatus.ZERO, blank).astype(np.uint8)
        dimensions = tuple(
            Dimension(axis, axis, tuple(codes), tuple(codes))
            for axis, codes in (("zone", zones), *axes)
        )
        cube = Cube(name, "", "", dimensions, values, status, {})
        sha256 = workshop.store().put(write_jsonstat(cube))
        source = (
            f"  - id: {name}\n    title: t\n    publisher: Office\n    address: a\n"
            f"    query: {name}\n"
            f"    licence: l\n    reference_period: census 2021\n    retrieved: r\n"
            f"    sha256: {sha256}\n    zone_dimension: zone\n{noise}"
            '    symbols: {":": missing, "c": suppressed}\n'
        )
        lines = "".join(f"      {line}\n" for line in by)
        control = (
            f"  - id: h_{name}\n    label: l\n    family: household_size\n    table: {name}\n"
            f"    level: {level}\n    universe: enumerated\n    counts: households\n"
            f"    by:\n{lines}{more}"
        )
        for file, text in (("sources.yaml", source), ("controls.yaml", control)):
            path = workshop.folder / file
            path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    return add


def types(publish: Publish, rows: Rows, **how: Any) -> None:
    publish("types", rows, axes=[("kind", TYPES)], by=[BY_TYPE], **how)
