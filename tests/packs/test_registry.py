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
