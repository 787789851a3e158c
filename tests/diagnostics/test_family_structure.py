"""Family structure measured on a street of households made by hand, and on Tinyland."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthestat.diagnostics.family_structure import (
    ARRANGEMENTS,
    age_gaps,
    age_group_name,
    children_per_family,
    composition_by_size,
    living_arrangements,
    reference_ages,
)
from synthestat.diagnostics.households import generation_depths
from synthestat.diagnostics.soft_targets import soft_target_rows
from synthestat.packs.pack import CountryPack
from synthestat.packs.registry import Registry
from synthestat.packs.spec import PriorSpec

# person, household, age, sex, role, partner, mother, father
STREET = [
    (1, 1, 97, "female", "reference", None, None, None),
    (2, 2, 40, "male", "reference", 3, None, None),
    (3, 2, 36, "female", "partner", 2, None, None),
    (4, 2, 12, "female", "child", None, 3, 2),
    (5, 2, 3, "male", "child", None, 3, 2),
    (6, 3, 70, "male", "reference", 7, None, None),
    (7, 3, 66, "female", "partner", 6, None, None),
    (8, 3, 30, "male", "child", 9, 7, 6),
    (9, 3, 28, "female", "child_in_law", 8, None, None),
    (10, 3, 4, "male", "grandchild", None, 9, 8),
    (11, 4, 45, "female", "reference", None, 13, None),
    (12, 4, 20, "female", "child", None, 11, None),
    (13, 4, 69, "female", "parent", None, None, None),
    (14, 5, 31, "female", "reference", 15, None, None),
    (15, 5, 26, "female", "partner", 14, None, None),
    (16, 6, 50, "male", "reference", None, None, None),
    (17, 6, 48, "male", "sibling", None, None, None),
    (18, 6, 22, "male", "non_relative", None, None, None),
    (19, 7, 84, "male", "institutional", None, None, None),
    (20, 7, 82, "male", "institutional", None, None, None),
]
TYPES = [
    *("single", "couple_with_children", "extended", "extended", "couple_without_children"),
    *("extended",),
]


@pytest.fixture
def persons() -> pl.DataFrame:
    columns = ("person_id", "household_id", "age", "sex", "household_role")
    links = ("partner_id", "mother_id", "father_id")
    table = pl.DataFrame(STREET, schema=[*columns, *links], orient="row")
    return table.with_columns(pl.col("age").cast(pl.Int16))


@pytest.fixture
def private() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "household_id": [1, 2, 3, 4, 5, 6],
            "reference_person_id": [1, 2, 6, 11, 14, 16],
            "household_type": TYPES,
        }
    )


def test_every_resident_lives_in_one_arrangement(persons: pl.DataFrame) -> None:
    found = living_arrangements(persons)
    told = {
        (sex, group, kind): n
        for sex, groups in found.items()
        for group, kinds in groups.items()
        for kind, n in kinds.items()
        if n
    }
    assert told == {
        ("female", "95+", "alone"): 1,
        ("male", "40-44", "heading_couple"): 1,
        ("female", "35-39", "heading_couple"): 1,
        ("female", "10-14", "child_of_head"): 1,
        ("male", "0-4", "child_of_head"): 1,
        ("male", "70-74", "heading_couple"): 1,
        ("female", "65-69", "heading_couple"): 1,
        ("male", "30-34", "couple_in_other_household"): 1,
        ("female", "25-29", "couple_in_other_household"): 1,
        ("male", "0-4", "grandchild"): 1,
        ("female", "45-49", "lone_parent"): 1,
        ("female", "20-24", "child_of_head"): 1,
        ("female", "65-69", "parent_of_head"): 1,
        ("female", "30-34", "heading_couple"): 1,
        ("female", "25-29", "heading_couple"): 1,
        ("male", "50-54", "head_of_others"): 1,
        ("male", "45-49", "other_relative"): 1,
        ("male", "20-24", "non_relative"): 1,
        ("male", "80-84", "institutional"): 2,
    }
    assert all(tuple(kinds) == ARRANGEMENTS for ages in found.values() for kinds in ages.values())


def test_gaps_are_counted_by_year_beside_their_kernels(
    persons: pl.DataFrame, tiny_pack: CountryPack
) -> None:
    rules = tiny_pack.country.household_rules
    found = age_gaps(persons, tiny_pack.priors, rules, 3.0)
    counts = {name: gap["counts"] for name, gap in found.items() if isinstance(gap, dict)}
    assert counts == {
        "partner": {"2": 1, "4": 2},
        "same_sex_partner": {"5": 1},
        "mother_child": {"24": 3, "25": 1, "33": 1, "36": 1},
        "father_child": {"26": 1, "28": 1, "37": 1, "40": 1},
        "mother_youngest_child": {"24": 2, "25": 1, "33": 1, "36": 1},
    }
    kernels = {name: gap["kernel"] for name, gap in found.items() if isinstance(gap, dict)}
    assert kernels.pop("mother_youngest_child") is None
    for name, kernel in kernels.items():
        assert sum(kernel["density"].values()) == pytest.approx(1.0, abs=1e-5), name
    low, high = rules.mother_age_at_birth.value
    assert {int(year) for year in kernels["mother_child"]["density"]} == set(range(low, high + 1))
    first, log_density = tiny_pack.priors.log_kernel("partner_age_gap", rules.partner_age_gap.value)
    assert kernels["partner"]["density"]["3"] == pytest.approx(np.exp(log_density)[3 - first])
    both = np.exp(tiny_pack.priors.log_kernel("same_sex_partner_gap", (-120, 120))[1])
    folded = kernels["same_sex_partner"]["density"]
    assert folded["4"] == pytest.approx(both[120 + 4] + both[120 - 4], abs=1e-7)
    assert folded["0"] == pytest.approx(both[120], abs=1e-7)


def test_kernels_are_those_of_the_mean_size_given(
    persons: pl.DataFrame, tiny_pack: CountryPack
) -> None:
    entry = tiny_pack.priors.used("partner_age_gap")
    values = {"by_mean_size": {"2": dict(entry.values), "6": dict(entry.values) | {"location": 9}}}
    bent = entry.model_copy(update={"values": values})
    rest = tuple(e for e in tiny_pack.priors.applying if e.family != "partner_age_gap")
    rules = tiny_pack.country.household_rules

    def mode(mean: float) -> int:
        density = age_gaps(persons, Registry((bent, *rest)), rules, mean)["partner"]["kernel"]
        return int(max(density["density"], key=density["density"].get))

    assert mode(6.0) == 9
    assert mode(2.0) == round(float(entry.values["location"]))


def test_composition_and_families(persons: pl.DataFrame, private: pl.DataFrame) -> None:
    found = composition_by_size(persons, private, 18)
    assert found["columns"] == ["size", "children", "elderly", "households"]
    assert found["rows"] == [
        [1, 0, 1, 1],
        [2, 0, 0, 1],
        [3, 0, 0, 1],
        [3, 0, 1, 1],
        [4, 2, 0, 1],
        [5, 1, 2, 1],
    ]
    assert children_per_family(persons) == {"1": 4, "2": 1}
    assert reference_ages(persons, private) == {
        **{"30-34": 1, "40-44": 1, "45-49": 1},
        **{"50-54": 1, "70-74": 1, "95+": 1},
    }


def test_groups_have_names() -> None:
    assert [age_group_name(first) for first in (0, 90, 95)] == ["0-4", "90-94", "95+"]


# Soft targets -------------------------------------------------------------------------------------


def target(measure: str, value: float, tolerance: float, **more: object) -> PriorSpec:
    values: dict[str | int, object] = {"measure": measure, "value": value, "tolerance": tolerance}
    return PriorSpec(
        id=f"t.{measure}",
        family="soft_targets",
        label=measure,
        kind="target",
        geography="ZZ",
        status="used",
        variant="current",
        confidence="low",
        evidence="modelled",
        citation="assumption",
        address="",
        values=values | more,
    )


@pytest.mark.parametrize(
    ("entry", "observed", "met"),
    [
        (target("mean_partner_gap", 3, 0.5), (4 + 4 + 2) / 3, True),
        (target("mean_partner_gap", 3, 0.2), (4 + 4 + 2) / 3, False),
        (target("mean_age_at_birth", 29, 1), (33 + 24) / 2, True),
        (target("mean_age_at_first_birth", 29, 5), 24, True),
        (target("three_generation_share", 0.3, 0.05), 2 / 6, True),
        (target("household_type_share", 0.1, 0.1, types=["single", "lone_mother"]), 1 / 6, True),
    ],
)
def test_targets_are_measured(persons, private, entry, observed, met) -> None:
    depths = generation_depths(persons, private)
    (row,) = soft_target_rows(Registry((entry,)), persons, private, depths)
    assert row["observed"] == pytest.approx(observed)
    assert row["met"] is met
    assert (row["id"], row["citation"]) == (entry.id, "assumption")


def test_a_target_that_nobody_can_show_is_not_met(persons, private) -> None:
    alone, one = persons.filter(pl.col("household_id") == 1), private.head(1)
    depths = generation_depths(alone, one)
    registry = Registry((target("mean_partner_gap", 3, 50),))
    (row,) = soft_target_rows(registry, alone, one, depths)
    assert row["observed"] is None
    assert row["met"] is False


def test_only_targets_in_use_count(persons, private) -> None:
    spare = target("mean_partner_gap", 3, 1).model_copy(update={"status": "available"})
    depths = generation_depths(persons, private)
    assert soft_target_rows(Registry((spare,)), persons, private, depths) == []


# A run --------------------------------------------------------------------------------------------


def test_arrangements_of_a_run_add_up_to_its_residents(institution_run: Path) -> None:
    text = (institution_run / "household_diagnostics.json").read_text(encoding="utf-8")
    found = json.loads(text)
    persons = pl.read_parquet(institution_run / "synthetic_persons.parquet")
    for sex, groups in found["living_arrangements"].items():
        people = persons.filter(pl.col("sex").cast(pl.String) == sex)
        assert sum(sum(kinds.values()) for kinds in groups.values()) == people.height
        young = people.filter(pl.col("age").is_between(20, 24)).height
        assert sum(groups["20-24"].values()) == young
    apart = sum(
        kinds["institutional"]
        for groups in found["living_arrangements"].values()
        for kinds in groups.values()
    )
    assert apart == found["institutional_residents"] == 245


def test_the_refinement_is_recorded_sweep_by_sweep(tiny_run: Path, tiny_population) -> None:
    found = json.loads((tiny_run / "household_diagnostics.json").read_text(encoding="utf-8"))
    records = [
        (found["refinement"][zone.zone][universe], kept)
        for zone in tiny_population.zones
        for universe, kept in zone.refinements.items()
    ]
    summary = found["refinement_summary"]
    assert summary["records"] == len(records) > 2
    for written, kept in records:
        assert written["energies"] == pytest.approx(kept.energies, abs=1e-4)
        assert written["settled"] == (len(kept.energies) < summary["most_sweeps"])
        assert written["forbidden"] == kept.forbidden <= written["forbidden_before_repair"]
    assert summary["sweeps"] == sum(len(kept.energies) for _, kept in records)
    assert summary["settled_share"] == pytest.approx(
        sum(written["settled"] for written, _ in records) / len(records)
    )
