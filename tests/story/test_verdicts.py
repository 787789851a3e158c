"""The verdicts of Kosovo and Luxembourg, which a statistician would give too, with their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synthestat.packs.pack import find_pack
from synthestat.review.report import review_run
from synthestat.review.witness import check_witness
from synthestat.sources.snapshots import SnapshotStore

pytestmark = pytest.mark.national


def judged(run: Path, pack: str) -> dict[str, Any]:
    """The record of a review, each of its witnesses checked from the files."""
    snapshots = SnapshotStore(find_pack(pack).snapshots)
    document = review_run(run, snapshots).document
    for witness in document["witnesses"]:
        assert check_witness(witness, run, snapshots) == []
    for finding in document["findings"]["blocking"]:
        assert finding["rows"]
    assert not document["claims_false"]
    assert document["status"]["hard_constraints"]["status"] == "PASS"
    return document


def needs_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {need["id"]: need for need in document["rubric"]}


def test_kosovo_needs_more_sources(xk_run: Path) -> None:
    """Every claim is true and every target met; what lacks is evidence that nobody looked for."""
    document = judged(xk_run, "XK")
    assert document["verdict"] == "NEEDS_MORE_SOURCES"
    assert [f["check"] for f in document["findings"]["blocking"]] == [
        "missing_layers",
        "national_widths",
    ]
    layers = document["findings"]["blocking"][0]["rows"]
    assert {row.split(":")[0] for row in layers} == {
        "hidden_population_overlays",
        "synthetic_building_assignments",
        "work_school_assignments",
    }
    needs = needs_of(document)
    assert needs["coverage"]["state"] == "constrained"
    assert needs["coverage"]["gap"] < 15  # the north is estimated, institutions are not told apart
    assert needs["households"]["state"] == "modelled"
    assert needs["overlays"]["gap"] == needs["assignments"]["gap"] == 100
    assert needs["dwellings"]["moves_most"] == "find a building register or footprints"
    assert 0 < document["confidence"]["value"] < 1


def test_luxembourg_needs_a_model_fix(lu_run: Path) -> None:
    """Couples lie far below the share that the press quotes, and a population could have them.

    Not with the run's own household sizes: these leave 20 households too few of two and more.
    """
    document = judged(lu_run, "LU-2021")
    assert document["verdict"] == "NEEDS_MODEL_FIX"
    assert document["rule"] == "target_missed"
    first = document["findings"]["blocking"][0]
    assert first["check"] == "soft_targets"
    assert [row.split(":")[0] for row in first["rows"]] == ["lu.target.couples"]
    kinds = {w["kind"]: w for w in document["witnesses"]}
    assert kinds["conflicting_set"]["system"]["run_sizes"] is True
    assert kinds["feasible_solution"]["system"]["run_sizes"] is False
    table = kinds["feasible_solution"]["solution"]
    assert sum(table.values()) == 250_325
    couples = sum(number for name, number in table.items() if "=couple_with" in name)
    assert abs(couples / 250_325 - 0.631) <= 0.03
    roles = {action["role"] for action in document["next_actions"]}
    assert {"modeler", "distribution researcher", "marginals researcher"} <= roles
    assert needs_of(document)["coverage"]["gap"] == 0
