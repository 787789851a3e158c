"""Kosovo, whole: the figures that its agency published, and the four it could not have meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from synthestat.bundle.read import open_bundle

pytestmark = pytest.mark.national


def load(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_the_country_is_there_to_the_last_person(xk_run: Path) -> None:
    built = load(xk_run, "build_manifest.json")["coverage"]["built"]
    assert built["persons"]["all"] == 1_602_515
    assert built["persons"]["enumerated"] == 1_585_566
    assert built["households"]["enumerated"] == 366_595
    assert built["dwellings"]["all"] == 556_779
    assert built["dwellings"]["vacant"] == 182_849
    assert load(xk_run, "build_manifest.json")["coverage"]["person_coverage"] == 1.0


def test_only_the_four_forced_relaxations_are_made(xk_run: Path) -> None:
    relaxations = load(xk_run, "relaxations.json")["relaxations"]
    moved = {(r["control_id"], r["zone"]): r["moved"] for r in relaxations}
    capped = "household_persons_capped"
    assert moved == {
        (capped, "XK_MUNI_009"): 78,  # Fushë Kosovë
        (capped, "XK_MUNI_010"): 43,  # Kamenicë
        (capped, "XK_MUNI_012"): 18,  # Leposaviq
        (capped, "XK_MUNI_014"): 5,  # Novobërdë
    }
    assert all(r["proof"] for r in relaxations)


def test_every_hard_cell_is_exact_and_no_cell_fails(xk_run: Path) -> None:
    rows = pl.read_parquet(xk_run / "constraint_residuals.parquet")
    assert set(rows["status"]) == {"PASS", "WARN", "SKIP"}
    assert rows.filter(pl.col("status") == "WARN").height == 4
    hard = rows.filter(pl.col("level") == "HARD", pl.col("target").is_not_null())
    assert hard.height > 3000
    assert (hard["residual"] == 0).all()


def test_no_household_is_impossible(xk_run: Path) -> None:
    figures = load(xk_run, "household_diagnostics.json")
    assert figures["child_only_households"] == 0
    assert figures["under_age_reference_persons"] == 0
    assert figures["largest_household"] <= figures["declared_largest"]
    assert figures["partner_gap_years"]["min"] >= -20
    assert figures["partner_gap_years"]["max"] <= 30
    assert figures["mother_child_gap_years"]["min"] >= 15
    assert figures["mother_child_gap_years"]["max"] <= 50
    assert figures["ties_cleared"] < 0.001 * 1_602_515


def test_each_link_leads_back_into_the_same_household(xk_run: Path) -> None:
    persons = pl.read_parquet(xk_run / "synthetic_persons.parquet")
    homes = persons.select("person_id", home="household_id", back="partner_id")
    for link in ("partner_id", "mother_id", "father_id"):
        pairs = persons.filter(pl.col(link).is_not_null()).join(
            homes, left_on=link, right_on="person_id", how="left"
        )
        assert pairs.height > 100_000
        assert (pairs["home"] == pairs["household_id"]).all()
        if link == "partner_id":
            assert (pairs["back"] == pairs["person_id"]).all()


def test_nobody_gets_a_household_of_eight_on_average(xk_run: Path) -> None:
    """Residents who were estimated have households of their own, outside the published count."""
    means = load(xk_run, "household_diagnostics.json")["mean_size"]
    assert 2.2 <= means["estimated"] <= 3.4
    assert means["enumerated"] == pytest.approx(1_585_566 / 366_595)


def test_a_row_group_is_a_municipality(xk_run: Path) -> None:
    file = pq.ParquetFile(xk_run / "synthetic_persons.parquet")
    assert file.num_row_groups == 38
    assert file.metadata.num_rows == 1_602_515
    assert open_bundle(xk_run).run_id == xk_run.name


def test_families_look_like_families(xk_run: Path) -> None:
    """Bounds are wide: a young wife's home, a widow's old age, most couples within ten years."""
    figures = load(xk_run, "household_diagnostics.json")
    women, men = (figures["living_arrangements"][sex] for sex in ("female", "male"))

    def share(groups: dict[str, dict[str, int]], age: str, *kinds: str) -> float:
        return sum(groups[age][kind] for kind in kinds) / sum(groups[age].values())

    couple = ("heading_couple", "couple_in_other_household")
    for groups in (women, men):
        assert share(groups, "10-14", "child_of_head", "grandchild") > 0.95
        assert share(groups, "40-44", *couple) > 0.7
    assert share(women, "25-29", *couple) > share(men, "25-29", *couple) + 0.1
    assert share(women, "80-84", *couple) < share(men, "80-84", *couple) - 0.2
    assert share(women, "80-84", "alone", "parent_of_head") > 0.35
    assert figures["partner_gap_years"]["over_10_share"] < 0.1
    assert figures["generations"]["3"] > 0.1 * figures["private_households"]


def test_the_mean_gap_of_partners_is_the_published_one(xk_run: Path) -> None:
    targets = load(xk_run, "household_diagnostics.json")["soft_targets"]
    found = {row["measure"]: row for row in targets}
    assert set(found) == {"mean_partner_gap", "mean_age_at_birth"}
    assert found["mean_partner_gap"]["met"]
