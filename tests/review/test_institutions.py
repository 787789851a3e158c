"""The gate over institutions: a good run passes, each planted defect is found by its check."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import every_kind
from planted.kinds import INSTITUTIONS, Kind
from planted.kit import PlantedRun
from planted.planting import plant

from synthestat.packs.pack import CountryPack
from synthestat.review.record import Status
from synthestat.review.verify import verify_run
from synthestat.sources.snapshots import SnapshotStore


@pytest.fixture(scope="module")
def snapshots(institution_pack: CountryPack) -> SnapshotStore:
    return SnapshotStore(institution_pack.snapshots)


def test_a_run_with_institutions_passes(institution_run: Path, snapshots: SnapshotStore) -> None:
    verification = verify_run(institution_run, snapshots)
    assert [f"{c.id}: {c.notes}" for c in verification.checks if c.status is Status.FAIL] == []
    apart = next(check for check in verification.checks if check.id == "institutions_apart")
    assert apart.status is Status.PASS
    assert apart.figures == {"institutional residents": 245}


@pytest.mark.parametrize(
    "kind", [pytest.param(k, id=k.id) for k in every_kind() if k.base == INSTITUTIONS]
)
def test_a_planted_defect_is_found(
    kind: Kind, institution_run: Path, snapshots: SnapshotStore, tmp_path: Path
) -> None:
    run = PlantedRun(institution_run, snapshots, tmp_path)
    plant(kind, run)
    checks = {found.id: found for found in verify_run(run.folder, snapshots).checks}
    found = checks[kind.check]
    assert found.status is Status.FAIL, found.notes
    assert found.offending or found.figures
    assert found.remedy
    assert checks["checksums"].status is Status.PASS
    assert found.finding == kind.finding or kind.check == "closed_words"
