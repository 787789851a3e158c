"""A country whose office disturbs its figures: built, verified, and caught beyond the noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import synthestat
from synthestat.sources.jsonstat import read_jsonstat
from synthestat.sources.snapshots import SnapshotStore


@pytest.fixture
def noisy_pack(
    copy_pack: Callable[[Path], Path],
    edit_table: Callable[..., None],
    change_text: Callable[[Path, str, str], None],
    tmp_path: Path,
) -> Path:
    """Tinyland with its table of faith perturbed by up to two persons a cell."""
    folder = copy_pack(tmp_path)
    from synthestat.packs.pack import read_pack

    source = read_pack(folder).sources["tiny_faith"]
    store = SnapshotStore(folder / "snapshots")
    cube = read_jsonstat(store.read(source.sha256), name="tiny_faith", symbols=source.symbols)
    codes = [dimension.codes for dimension in cube.dimensions]
    figures = {}
    for row, zone in enumerate(codes[0]):
        for column, faith in enumerate(codes[1]):
            figure = cube.values[row, column]
            if faith != "Total" and not np.isnan(figure):
                figures[zone, faith] = max(float(figure) + (row + 2 * column) % 5 - 2, 0.0)
    edit_table(folder, "tiny_faith", figures)
    text = (folder / "sources.yaml").read_text(encoding="utf-8")
    start = text.index("  - id: tiny_faith\n")
    end = text.find("\n  - id: ", start + 1)
    block = text[start : end if end > 0 else len(text)].rstrip("\n")
    noise = "\n    noise: {kind: perturbed, spread: 2}"
    change_text(folder / "sources.yaml", block, block + noise)
    return folder


def test_a_disturbed_table_is_met_inside_its_noise(noisy_pack: Path, tmp_path: Path) -> None:
    run = synthestat.build(noisy_pack, seed=2, out=tmp_path / "runs", workers=1)
    verification = synthestat.verify(run, snapshots=noisy_pack / "snapshots")
    failed = [(c.id, c.notes) for c in verification.checks if c.status == "FAIL"]
    assert failed == []


def test_a_count_beyond_its_noise_is_found(noisy_pack: Path, tmp_path: Path) -> None:
    """Halve the declared noise after the build: cells that leaned on it are now misses."""
    run = synthestat.build(noisy_pack, seed=2, out=tmp_path / "runs", workers=1)
    sources = run / "pack" / "sources.yaml"
    text = sources.read_text(encoding="utf-8")
    assert "spread: 2" in text
    sources.write_text(text.replace("spread: 2", "spread: 1"), encoding="utf-8")
    verification = synthestat.verify(run, snapshots=noisy_pack / "snapshots")
    failed = {check.id for check in verification.checks if check.status == "FAIL"}
    assert {"tolerances", "residual_status"} <= failed
