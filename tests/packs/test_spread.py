"""The declared spread, pools of comparable places, and rules of tiers, with what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthestat.errors import PackError
from synthestat.packs.pack import CountryPack, read_pack
from synthestat.packs.spec import PriorSpec
from synthestat.packs.spread import pool_of, pooled_odds, spread_of, weakest
from synthestat.packs.tier_rules import tier_rules

PLACES = [
    {"source": "Hither", "counts": {"Free": 400, "Wed": 500, "Widowed": 100}},
    {"source": "Yon", "counts": {"Free": 480, "Wed": 400, "Widowed": 120}},
    {"source": "Beyond", "counts": {"Free": 350, "Wed": 560, "Widowed": 90}},
]


def entry(pack: CountryPack, family: str, **changes: Any) -> PriorSpec:
    return pack.priors.used(family).model_copy(update=changes)


def with_entry(pack: CountryPack, made: PriorSpec) -> CountryPack:
    kept = tuple(e for e in pack.priors.entries if e.family != made.family)
    return replace(pack, priors=replace(pack.priors, entries=(*kept, made)))


def pooled(pack: CountryPack, places: object, **changes: Any) -> PriorSpec:
    words = {"variant": "comparable_country", "evidence": "modelled", **changes}
    return entry(pack, "bond_by_age", values={"pool": places}, **words)


def test_the_default_spread_applies_and_a_pack_may_overrule_it(tiny_pack: CountryPack) -> None:
    spread = spread_of(tiny_pack.priors)
    assert (spread.entry, spread.draws, spread.probability) == ("default.spread", 200, 0.95)
    assert spread.national["high"] > spread.national["medium"] > spread.national["low"] > 0
    values = {**tiny_pack.priors.used("spread").values, "draws": 500}
    own = with_entry(tiny_pack, entry(tiny_pack, "spread", id="zz.spread", values=values))
    assert (spread_of(own.priors).entry, spread_of(own.priors).draws) == ("zz.spread", 500)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"draws": 20}, "draws must be a whole number >= 100"),
        ({"probability": 1.0}, "probability must lie in 0.5..1"),
        ({"national": {"high": 1, "low": 2}}, "national needs a figure above 0 for high, medium"),
        ({"zone": {"high": 1, "medium": 0, "low": 2}}, "zone needs a figure above 0"),
    ],
)
def test_an_impossible_spread_is_refused(
    tiny_pack: CountryPack, change: dict[str, object], said: str
) -> None:
    values = {**tiny_pack.priors.used("spread").values, **change}
    with pytest.raises(PackError, match=said):
        spread_of(with_entry(tiny_pack, entry(tiny_pack, "spread", values=values)).priors)


def test_the_weakest_word_counts() -> None:
    assert weakest(["high", "low", "medium"]) == "low"
    assert weakest(["high", "medium"]) == "medium"
    assert weakest([]) == "low"


def test_a_pool_gives_its_mean_as_odds_and_keeps_its_sources(tiny_pack: CountryPack) -> None:
    made = pooled(tiny_pack, PLACES)
    pool = pool_of(made)
    assert pool is not None
    assert pool.sources == ("Hither", "Yon", "Beyond")
    odds = pooled_odds(made)
    assert {str(name): curve[0] for name, curve in odds.items()} == pytest.approx(  # type: ignore[index]
        {"Free": 0.41, "Wed": 0.487, "Widowed": 0.103}, abs=0.01
    )


def test_a_pool_by_age_is_flat_within_bands(tiny_pack: CountryPack) -> None:
    young, old = {"Free": 90, "Wed": 9, "Widowed": 1}, {"Free": 20, "Wed": 60, "Widowed": 20}
    places = [{"source": s, "counts": {"0-39": young, "40+": old}} for s in ("Hither", "Yon")]
    curve: Any = pooled_odds(pooled(tiny_pack, places))["Free"]
    ages = np.interp([0, 39, 40, 90], list(curve), list(curve.values()))
    assert ages[0] == ages[1] > 0.8
    assert ages[2] == ages[3] < 0.3


@pytest.mark.parametrize(
    ("places", "changes", "said"),
    [
        (PLACES[:1], {}, "two sources or more"),
        ([*PLACES, {"counts": {"Free": 1}}], {}, "source 4 needs its name"),
        ([*PLACES, {"source": "Odd", "counts": {"Free": 1, "Wed": 2}}], {}, "Odd has other bands"),
        (
            [PLACES[0], {**PLACES[1], "counts": {"Free": -1, "Wed": 1, "Widowed": 1}}],
            {},
            "negative",
        ),
        ([PLACES[0], {**PLACES[1], "counts": {"Free": "x", "Wed": 1, "Widowed": 1}}], {}, "no num"),
        (PLACES, {"variant": "current"}, "its variant is comparable_country"),
        (
            [{"source": s, "counts": {"5-9": {"Free": 1}, "10+": {"Free": 1}}} for s in "ab"],
            {},
            "bands must follow each other from 0",
        ),
    ],
)
def test_a_pool_that_cannot_be_read_is_refused(
    tiny_pack: CountryPack, places: list[Any], changes: dict[str, str], said: str
) -> None:
    with pytest.raises(PackError, match=said):
        pool_of(pooled(tiny_pack, places, **changes))


def test_faults_of_spread_and_tiers_are_faults_of_the_pack(
    copy_pack: Callable[[Path], Path], tmp_path: Path
) -> None:
    folder = copy_pack(tmp_path)
    text = (folder / "priors.yaml").read_text(encoding="utf-8")
    words = (
        "    label: none\n    kind: parameters\n    geography: ZZ\n    status: used\n"
        "    variant: current\n    confidence: low\n    evidence: modelled\n"
        '    citation: assumption\n    address: ""\n'
    )
    text += f"\n  - id: zz.spread\n    family: spread\n{words}    values: {{draws: 100}}\n"
    text += f"\n  - id: zz.tiers\n    family: quality_tiers\n{words}    values: {{most: 1}}\n"
    (folder / "priors.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PackError) as raised:
        read_pack(folder)
    said = " ".join(raised.value.faults)
    assert "zz.spread: 'probability' is not a number" in said
    assert "zz.tiers: most must give bounds of modelled_share" in said


def test_tiers_follow_their_bounds(tiny_pack: CountryPack) -> None:
    rules = tier_rules(tiny_pack.priors)
    good = {
        "modelled_share": 0.1,
        "median_relative_width": 0.2,
        "estimated_share": 0.0,
        "relaxations": 0,
        "modelled_household_counts": 0,
        "tables": 9,
    }
    assert rules.tier(good, ()) == ("A", [])
    for name, figure, tier in (
        ("modelled_share", 0.4, "B"),
        ("median_relative_width", 3.0, "C"),
        ("median_relative_width", 9.0, "D"),
        ("estimated_share", 0.01, "D"),
        ("relaxations", 5000, "C"),
        ("tables", 2, "C"),
        ("tables", 0, "D"),
    ):
        found, reasons = rules.tier({**good, name: figure}, ())
        assert found == tier, name
        assert name.replace("_", " ") in reasons[0]
    assert rules.tier(good, ("synthetic_building_assignments",))[0] == "B"
    assert rules.tier(good, ("work_school_assignments",))[0] == "A"
    assert rules.tier({**good, "tables": 2}, ("synthetic_dwellings",))[1] == [
        "C: tables 2, tier B asks for at least 3",
        "B: synthetic dwellings unavailable",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"without_layer": {"synthetic_dwellings": "Z"}}, "a tier A to D by layer"),
        ({"least": {"tables": {"A": 1, "B": 3, "C": 1}}}, "a better tier asks for less"),
        ({"least": {"tables": {"B": 3}}}, "needs figures for A, B, C"),
        ({"least": {"tables": {"A": "many"}}}, "bounds must be numbers"),
        ({"most": {}}, "most must give bounds of modelled_share"),
    ],
)
def test_rules_of_tiers_that_contradict_themselves_are_refused(
    tiny_pack: CountryPack, change: dict[str, object], said: str
) -> None:
    values = {**tiny_pack.priors.used("quality_tiers").values, **change}
    with pytest.raises(PackError, match=said):
        tier_rules(with_entry(tiny_pack, entry(tiny_pack, "quality_tiers", values=values)).priors)
