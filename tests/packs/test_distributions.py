"""The list of every distribution of a pack, and the rule for the best source of a family."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from synthestat.errors import PackError
from synthestat.packs.distributions import (
    Distribution,
    best_source,
    described,
    distributions,
    table_levels,
)
from synthestat.packs.pack import CountryPack, find_pack
from synthestat.packs.registry import Registry
from synthestat.sources.snapshots import SnapshotStore

PLAIN = Distribution(
    id="b",
    label="l",
    family="f",
    type="prior",
    geography="ZZ",
    geography_level="country",
    status="available",
    variant="robust",
    confidence="medium",
    evidence="modelled",
    address="",
    citation="assumption",
    reference_period="",
)

# The rule ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"variant": "current", "confidence": "low"}, {"variant": "robust", "confidence": "high"}),
        ({"variant": "robust"}, {"variant": "comparable_country", "confidence": "high"}),
        ({"variant": "comparable_country"}, {"variant": "transferred", "confidence": "high"}),
        ({"confidence": "high", "id": "z"}, {"confidence": "medium", "id": "a"}),
        ({"confidence": "medium", "id": "z"}, {"confidence": "low", "id": "a"}),
        ({"id": "a"}, {"id": "b"}),
        ({"status": "used", "variant": "transferred", "confidence": "low"}, {"variant": "current"}),
    ],
)
def test_what_the_rule_prefers(better: dict[str, str], worse: dict[str, str]) -> None:
    first = replace(PLAIN, **({"id": "good"} | better))
    second = replace(PLAIN, **({"id": "poor"} | worse))
    for order in itertools.permutations([first, second]):
        assert best_source(order)[0] is first


def test_the_reason_names_what_the_rule_would_take() -> None:
    chosen = replace(PLAIN, id="ours", status="used", variant="transferred")
    other = replace(PLAIN, id="theirs", variant="current")
    assert best_source([chosen])[1] == "the pack's choice, and the best by the rule"
    assert best_source([other, chosen])[1] == "the pack's choice; by the rule it would be theirs"
    assert "no entry has the status used" in best_source([other])[1]


def test_two_entries_in_use_are_refused() -> None:
    two = [replace(PLAIN, id=name, status="used") for name in ("a", "b")]
    with pytest.raises(PackError, match="'f' has 2 entries with status used") as caught:
        best_source(two)
    assert caught.value.faults == ("a", "b")


# The list ------------------------------------------------------------------------------------


def test_every_entry_of_a_pack_stands_once(tiny_pack: CountryPack) -> None:
    entries = distributions(tiny_pack)
    named = [entry.id for entry in entries]
    assert len(set(named)) == len(named)
    controls = {control.id for control in tiny_pack.controls}
    own = {prior.id for prior in tiny_pack.priors.entries}
    defaults = {prior.id for prior in tiny_pack.priors.defaults}
    assert set(named) == controls | own | defaults
    assert all(entry.why for entry in entries)


def test_what_is_used_is_what_the_build_takes(tiny_pack: CountryPack) -> None:
    """The used priors of the list, beside the registry that the build asks."""
    used = {e.id for e in distributions(tiny_pack) if e.status == "used" and not e.binding}
    taken = {e.id for e in tiny_pack.priors.applying if e.status == "used"}
    assert used == taken
    assert {e.id for e in described(tiny_pack) if e.status == "used" and not e.binding} == taken


def test_a_control_is_described_by_what_its_table_says(tiny_pack: CountryPack) -> None:
    known = {entry.id: entry for entry in distributions(tiny_pack)}
    age, crossed = known["persons_age"], known["persons_sex_language"]
    assert (age.type, age.binding, age.evidence, age.variant, age.confidence) == (
        "marginal",
        "HARD",
        "constrained",
        "current",
        "high",
    )
    assert crossed.type == "cross-table"
    source = tiny_pack.sources["tiny_age"]
    assert source.publisher in age.citation
    assert (age.address, age.reference_period) == (source.address, source.reference_period)


def test_doubts_lower_the_confidence_of_a_control(tiny_pack: CountryPack) -> None:
    control = tiny_pack.control("persons_sex_language")
    noisy = tiny_pack.sources["tiny_language"].model_copy(update={"noise": "rounded"})

    def confidence(**changes: object) -> tuple[str, str, str]:
        changed = control.model_copy(update=changes)
        pack = replace(tiny_pack, controls=(changed,))
        (entry,) = (e for e in described(pack) if e.binding)
        return entry.confidence, entry.variant, entry.evidence

    assert confidence(level="SOFT") == ("medium", "current", "constrained")
    assert confidence(bridge="why not") == ("medium", "transferred", "constrained")
    assert confidence(level="GUIDE", bridge="why not") == ("medium", "transferred", "measured")
    tiny_pack = replace(tiny_pack, sources=tiny_pack.sources | {"tiny_language": noisy})
    assert confidence(level="SOFT", bridge="why not") == ("low", "transferred", "constrained")


def test_a_pack_of_its_own_overrules_the_default(tiny_pack: CountryPack) -> None:
    alike = [e for e in distributions(tiny_pack) if e.family == "sex_ratio_by_age"]
    assert [(e.id, e.status) for e in alike] == [
        ("zz.sex_ratio", "used"),
        ("default.sex_ratio_by_age", "available"),
    ]
    bare = replace(tiny_pack, priors=Registry((), tiny_pack.priors.defaults))
    (entry,) = (e for e in distributions(bare) if e.family == "sex_ratio_by_age")
    assert (entry.id, entry.status) == ("default.sex_ratio_by_age", "used")
    assert "no entry of this family" in entry.why


def test_two_priors_in_use_of_a_family_are_refused(tiny_pack: CountryPack) -> None:
    (one,) = (e for e in tiny_pack.priors.entries if e.family == "sex_ratio_by_age")
    twice = (*tiny_pack.priors.entries, one.model_copy(update={"id": "zz.second"}))
    pack = replace(tiny_pack, priors=Registry(twice, tiny_pack.priors.defaults))
    with pytest.raises(PackError, match="'sex_ratio_by_age' has 2 entries"):
        distributions(pack)
    spare = (*twice[:-1], twice[-1].model_copy(update={"status": "available"}))
    entries = distributions(replace(pack, priors=Registry(spare)))
    (second,) = (e for e in entries if e.id == "zz.second")
    assert second.why == "the family takes zz.sex_ratio"


def test_levels_are_those_of_the_rows(tiny_pack: CountryPack) -> None:
    levels = table_levels(tiny_pack, SnapshotStore(tiny_pack.snapshots))
    assert levels["tiny_age"] == tiny_pack.country.zone_level
    assert levels["neighbour_sizes"] == tiny_pack.geography.root.level
    known = {entry.id: entry for entry in distributions(tiny_pack, levels)}
    assert known["zz.household_size"].geography_level == "elsewhere"
    assert known["default.housemate_gap"].geography_level == "world"
    assert known["zz.household_size"].reference_period == (
        tiny_pack.sources["neighbour_sizes"].reference_period
    )


@pytest.mark.parametrize("code", ["XK", "LU"])
def test_the_packs_that_ship_have_one_source_a_family(code: str) -> None:
    pack = find_pack(code)
    priors = [e for e in distributions(pack) if not e.binding and e.type != "target"]
    for family, group in itertools.groupby(priors, key=lambda entry: entry.family):
        assert [e.status for e in group].count("used") == 1, family
