"""The registry of distributions: entries become arrays, and a bad entry is named."""

from __future__ import annotations

import numpy as np
import pytest

from synthestat.errors import PackError
from synthestat.packs.pack import CountryPack
from synthestat.packs.registry import Registry
from synthestat.packs.spec import PriorSpec


def entry(values: dict[str | int, object], **changes: object) -> PriorSpec:
    plain: dict[str, object] = {
        "id": "e",
        "family": "f",
        "label": "l",
        "kind": "parameters",
        "geography": "ZZ",
        "status": "used",
        "variant": "current",
        "confidence": "low",
        "evidence": "modelled",
        "citation": "assumption",
        "address": "",
        "values": values,
    }
    return PriorSpec.model_validate(plain | changes)


def test_exactly_one_entry_of_a_family_is_used() -> None:
    two = Registry((entry({"a": 1}), entry({"a": 2}, id="e2")))
    with pytest.raises(PackError, match="2 entries with status used"):
        two.used("f")
    with pytest.raises(PackError, match="0 entries") as caught:
        two.used("g")
    assert caught.value.faults == ("families in the registry: f",)
    one = Registry((entry({"a": 1}), entry({"a": 2}, id="e2", status="available")))
    assert one.number("f", "a") == 1.0


@pytest.mark.parametrize("value", [True, "3", None, [1]])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(PackError, match="is not a number"):
        Registry((entry({"a": value}),)).number("f", "a")


@pytest.mark.parametrize("weights", [{}, {"a": 0, "b": 0}, {"a": -1, "b": 2}])
def test_weights_are_positive_somewhere_and_negative_nowhere(
    weights: dict[str | int, object],
) -> None:
    with pytest.raises(PackError, match="weights must be"):
        Registry((entry(weights),)).weights("f")


def test_weights_of_a_part_and_of_a_list() -> None:
    registry = Registry((entry({"row": {"a": 1, "b": 3}, "list": [4, 5]}),))
    assert registry.weights("f", "row") == {"a": 1.0, "b": 3.0}
    assert registry.weights("f", "list") == {"0": 4.0, "1": 5.0}
    with pytest.raises(PackError, match="'column' is not a set of weights"):
        registry.weights("f", "column")


def test_anchors_are_joined_by_lines_and_flat_beyond() -> None:
    registry = Registry((entry({10: 1.0, 20: 3.0}),))
    curve = registry.by_age("f", 31)
    assert curve[:11].tolist() == [1.0] * 11
    assert curve[15] == 2.0
    assert curve[20:].tolist() == [3.0] * 11
    with pytest.raises(PackError, match="no anchors at male"):
        registry.by_age("f", 5, "male")


def test_a_kernel_is_a_distribution_cut_to_its_band(tiny_pack: CountryPack) -> None:
    first, log_density = tiny_pack.priors.log_kernel("mother_child_gap", (15, 50))
    assert first == 15
    assert len(log_density) == 36
    assert np.exp(log_density).sum() == pytest.approx(1.0)
    assert 15 + int(np.argmax(log_density)) == 27


def test_the_oldest_ages_fall_steadily(tiny_pack: CountryPack) -> None:
    shares = tiny_pack.priors.oldest_ages(75, 95)
    assert shares.sum() == pytest.approx(1.0)
    assert (np.diff(shares) < 0).all()


def test_every_family_that_the_engine_asks_for_is_in_the_registry(tiny_pack: CountryPack) -> None:
    for family in {prior.family for prior in tiny_pack.priors.entries}:
        assert tiny_pack.priors.used(family).family == family


# Values by mean size of households ------------------------------------------------------------


BY_SIZE: dict[str | int, object] = {
    "by_mean_size": {
        "5.0": {"a": 4, "curve": {0: 1.0, 30: 3.0}},
        "2.0": {"a": 1, "curve": {0: 0.0, 30: 1.0}},
        "3.0": {"a": 2, "curve": {0: 0.0, 30: 1.0}},
    }
}


@pytest.mark.parametrize(
    ("mean", "number"), [(0.5, 1), (2, 1), (2.25, 1.25), (3, 2), (4, 3), (5, 4), (9.0, 4)]
)
def test_values_by_mean_size_are_linear_between_and_flat_beyond(mean: float, number: float) -> None:
    registry = Registry((entry(BY_SIZE),)).at_mean_size(mean)
    assert registry.number("f", "a") == pytest.approx(number)
    top = float(np.interp(mean, [3, 5], [1, 3]))
    assert registry.by_age("f", 31, "curve")[30] == pytest.approx(top)
    assert registry.by_age("f", 31, "curve")[15] == pytest.approx(
        (top + np.interp(mean, [3, 5], [0, 1])) / 2
    )


def test_entries_without_mean_sizes_stay_and_defaults_move() -> None:
    plain = entry({"a": 7}, id="plain", family="p")
    registry = Registry((plain,), (entry(BY_SIZE),)).at_mean_size(4.0)
    assert registry.entries == (plain,)
    assert registry.number("f", "a") == 3.0
    assert registry.at_mean_size(2.0) == registry  # what stands at one size has no other


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"by_mean_size": {"2": {"a": 1}, "5": {"b": 1}}}, "unlike parts"),
        ({"by_mean_size": {"2": {"a": 1}, "5": {"a": {"b": 1}}}}, "unlike parts"),
        ({"by_mean_size": {"2": {"a": [1, 2]}, "5": {"a": [1, 2]}}}, "unlike parts"),
        ({"by_mean_size": {"2": {"a": "x"}, "5": {"a": "x"}}}, "unlike parts"),
        ({"by_mean_size": {"2": {"a": 1}}}, "needs two mean sizes"),
        ({"by_mean_size": [1, 2]}, "needs two mean sizes"),
        ({"by_mean_size": {"2": {"a": 1}, "5": {"a": 1}}, "a": 1}, "needs two mean sizes"),
        ({"by_mean_size": {"small": {"a": 1}, "large": {"a": 2}}}, "names mean sizes"),
        ({"by_mean_size": {"2": {"a": 1}, "2.0": {"a": 2}}}, "names mean sizes"),
        ({"by_mean_size": {"2": {"a": 1}, "nan": {"a": 2}}}, "names mean sizes"),
    ],
)
def test_values_by_mean_size_that_cannot_be_joined_are_refused(
    values: dict[str | int, object], words: str
) -> None:
    with pytest.raises(PackError, match=words) as caught:
        Registry((entry(values),)).at_mean_size(3.0)
    assert "priors.yaml: e: " in str(caught.value)


def test_the_default_registry_stands_at_any_mean_size(tiny_pack: CountryPack) -> None:
    """Shares of living arrangements stay shares, and reach the ends of their range."""
    defaults = Registry((), tiny_pack.priors.defaults)
    couples = []
    for mean in (1.2, 2.2, 3.7, 5.0, 8.0):
        registry = defaults.at_mean_size(mean)
        for sex in ("male", "female"):
            shares = [
                registry.by_age("living_arrangements", 101, name, sex)
                for name in registry.used("living_arrangements").values
            ]
            assert np.min(shares) >= 0
            assert np.max(shares) <= 1
        couples.append(registry.number("partner_age_gap", "location"))
    assert couples == pytest.approx([2.2, 2.2, 4.2357, 6.0, 6.0], abs=1e-3)


def test_a_narrow_kernel_has_a_finite_density_far_from_its_centre() -> None:
    """What underflows as a density is still a number as a log-density."""
    values: dict[str | int, object] = {"location": 0.0, "scale": 0.1, "df": 400.0}
    first, density = Registry((entry(values, kind="kernel"),)).log_kernel("f", (-60, 60))
    assert first == -60
    assert np.isfinite(density).all()
    assert np.exp(density).sum() == pytest.approx(1.0)
    assert density.argmax() == 60
