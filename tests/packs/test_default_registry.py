"""The default registry: broad patterns for families that a pack leaves open, and never more."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synthestat.errors import PackError
from synthestat.packs.pack import DEFAULT_PRIORS, CountryPack, default_priors, read_pack
from synthestat.packs.registry import Registry
from synthestat.packs.spec import INSTITUTIONS, SEXES

Copy = Callable[[Path], Path]
Change = Callable[[Path, str, str], None]


@pytest.fixture
def bare(copy_pack: Copy, tmp_path: Path) -> Path:
    """A pack without any entry of its own, and without attributes that need one."""
    folder = copy_pack(tmp_path)
    (folder / "attributes.yaml").write_text("attributes: []\n", encoding="utf-8")
    (folder / "priors.yaml").write_text("priors: []\n", encoding="utf-8")
    return folder


def test_default_entries_are_broad_and_say_so(tiny_pack: CountryPack) -> None:
    defaults = tiny_pack.priors.defaults
    families = [entry.family for entry in defaults]
    assert len(families) == len(set(families))
    assert {
        *("institutional_ages", "institution_size", "household_size"),
        *("oldest_ages", "sex_ratio_by_age"),
    } <= set(families)
    for entry in defaults:
        assert entry.id.startswith("default.")
        assert (entry.geography, entry.status) == ("WORLD", "used")
        assert (entry.variant, entry.confidence) == ("robust", "low")
        assert entry.evidence == "modelled"
        assert entry.citation.strip()


def test_every_kind_of_institution_has_ages_and_sizes(tiny_pack: CountryPack) -> None:
    defaults = Registry((), tiny_pack.priors.defaults)
    assert set(defaults.used("institution_size").values) == set(INSTITUTIONS)
    assert set(defaults.used("institutional_ages").values) == set(INSTITUTIONS)
    for kind in INSTITUTIONS:
        curves = np.stack([defaults.by_age("institutional_ages", 101, kind, sex) for sex in SEXES])
        assert curves.min() >= 0
        assert curves.max() > 0
    care = defaults.by_age("institutional_ages", 101, "care_home", "female")
    assert (np.diff(care[65:]) > 0).all()
    prison = [defaults.by_age("institutional_ages", 101, "prison", sex) for sex in SEXES]
    assert (prison[0][18:] > 5 * prison[1][18:]).all()


def test_a_pack_without_entries_goes_by_the_defaults(bare: Path) -> None:
    priors = read_pack(bare).priors
    assert priors.entries == ()
    assert priors.applying == priors.defaults
    sizes = priors.weights("household_size", "sizes")
    assert list(sizes) == ["1", "2", "3", "4", "5", "6+"]
    ratio = priors.number("household_size", "tail_ratio")
    tail = 6 + ratio / (1 - ratio)
    mean = sum(w * (tail if s == "6+" else int(s)) for s, w in sizes.items()) / sum(sizes.values())
    assert mean == pytest.approx(3.6, abs=0.05)  # as its label says
    males = priors.by_age("sex_ratio_by_age", 101)
    assert males[0] == 1.06
    assert (np.diff(males[30:]) < 0).all()
    shares = priors.oldest_ages(85, 110)
    assert shares.sum() == pytest.approx(1.0)
    assert (np.diff(shares) < 0).all()


def test_an_entry_of_the_pack_replaces_the_default(tiny_pack: CountryPack) -> None:
    assert tiny_pack.priors.used("oldest_ages").id == "zz.oldest_ages"
    assert tiny_pack.priors.used("institution_size").id == "default.institution_size"
    applying = [entry.id for entry in tiny_pack.priors.applying]
    assert "default.oldest_ages" not in applying
    assert applying[: len(tiny_pack.priors.entries)] == [e.id for e in tiny_pack.priors.entries]


def test_a_family_with_no_entry_in_use_does_not_fall_back(tiny_pack: CountryPack) -> None:
    """A pack that lists a family but uses none of it has made a mistake, not a choice."""
    idle = tuple(
        entry.model_copy(update={"status": "available"}) for entry in tiny_pack.priors.entries
    )
    with pytest.raises(PackError, match="'oldest_ages' has 0 entries"):
        Registry(idle, tiny_pack.priors.defaults).used("oldest_ages")


def test_the_digest_covers_the_defaults(
    tiny_pack: CountryPack, copy_pack: Copy, tmp_path: Path, change_text: Change
) -> None:
    folder = copy_pack(tmp_path)
    shutil.copy(default_priors(folder), folder / DEFAULT_PRIORS)
    assert read_pack(folder).digest == tiny_pack.digest  # a copy of the same is the same
    change_text(folder / DEFAULT_PRIORS, "hazard: 0.11, growth: 0.10", "hazard: 0.12, growth: 0.10")
    own = read_pack(folder)
    assert own.digest != tiny_pack.digest
    entry = next(e for e in own.priors.defaults if e.family == "oldest_ages")
    assert entry.values["hazard"] == 0.12


def test_a_fault_in_the_defaults_is_named(copy_pack: Copy, tmp_path: Path) -> None:
    folder = copy_pack(tmp_path)
    (folder / DEFAULT_PRIORS).write_text("priors:\n  - id: default.x\n", encoding="utf-8")
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    assert all(fault.startswith(f"{DEFAULT_PRIORS}: default.x") for fault in caught.value.faults)


# Universes of institutions --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "parts: [enumerated, estimated]",
            "parts: [enumerated, estimated]\n    institution: prison",
            "not of a whole",
        ),
        ("    only_in: estimated", "    institution: hotel", "care_home"),
        (
            "the household and dwelling tables cover only them",
            "the household and dwelling tables cover only them\n    institution: other",
            "household_universe lives in private households",
        ),
    ],
)
def test_a_universe_that_cannot_be_of_institutions_is_a_fault(
    old: str, new: str, words: str, copy_pack: Copy, change_text: Change, tmp_path: Path
) -> None:
    folder = copy_pack(tmp_path)
    change_text(folder / "country.yaml", old, new)
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    assert any(words in fault for fault in caught.value.faults)


def test_a_universe_of_institutions_says_its_kind(institution_pack: CountryPack) -> None:
    country = institution_pack.country
    assert country.institution("care") == "care_home"
    assert country.institution("enumerated") is None
    assert country.atoms("residents") == ("enumerated", "estimated", "care", "halls")
