"""What attributes.yaml may say: odds as written, and every fault named with attribute and place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synthestat.errors import PackError
from synthestat.packs.attribute_odds import category_odds, given_odds
from synthestat.packs.pack import CountryPack, read_pack

Copy = Callable[[Path], Path]
Change = Callable[[Path, str, str], None]


def test_odds_are_linear_between_anchors_and_zero_outside_rules(tiny_pack: CountryPack) -> None:
    bond = next(a for a in tiny_pack.attributes if a.name == "bond")
    odds = category_odds(bond, tiny_pack.country, tiny_pack.priors)
    assert odds.shape == (2, 96, 3)
    assert odds[0, 25, 1] == pytest.approx((0.1 + 0.65) / 2)
    assert odds[1, 18, 1] == pytest.approx(0.05)
    assert not odds[:, :18, 1:].any()
    assert odds[0, 95, 2] == pytest.approx(0.6)
    work = next(a for a in tiny_pack.attributes if a.name == "work")
    odds = category_odds(work, tiny_pack.country, tiny_pack.priors)
    assert (odds[:, :, 2] == 0.3).all()
    assert (odds[0] == odds[1]).all()
    assert not odds[:, 31:, 0].any()
    expected = [[3, 1, 1], [0, 2, 1], [0, 1, 1]]
    assert (given_odds(work, tiny_pack.country, tiny_pack.priors) == np.array(expected)).all()


DAMAGE = {
    "a prior that sums to zero somewhere": (
        "priors.yaml",
        "      Fields: {13: 0.0, 20: 0.3, 95: 0.6}\n      Mill: 0.3",
        "      Fields: 0\n      Mill: {12: 0.3, 13: 0.0}",
        ("work", "age 31", "sex male", "bond Free", "work_by_age"),
    ),
    "rules that leave an age without a category": (
        "attributes.yaml",
        "      Widowed: {from_age: 18}",
        "      Widowed: {from_age: 18}\n      Free: {to_age: 10}",
        ("bond", "no category is possible at age 11", "sex male", "7 ages"),
    ),
    "odds given that leave a category without any": (
        "priors.yaml",
        "      Wed: {Fields: 2, Mill: 1}",
        "      Wed: {School: 1}",
        ("work", "bond Wed", "age 31"),
    ),
    "a category without odds": (
        "priors.yaml",
        "      School: {13: 1.0, 14: 0.9, 20: 0.4, 30: 0.02}\n",
        "",
        ("work", "zz.work_by_age", "no odds for School"),
    ),
    "negative odds": (
        "priors.yaml",
        "      Mill: 0.3",
        "      Mill: -0.3",
        ("work", "Mill", "-0.3"),
    ),
    "odds that are no number": (
        "priors.yaml",
        "      Mill: 0.3",
        "      Mill: {young: 1}",
        ("work", "Mill", "needs odds at one age"),
    ),
    "odds of one sex": (
        "priors.yaml",
        "      Mill: 0.3",
        "      Mill: {male: 1}",
        ("work", "Mill", "male and female"),
    ),
    "a rule for no category": (
        "attributes.yaml",
        "      School: {to_age: 30}",
        "      Pupil: {to_age: 30}",
        ("work", "'Pupil' is not in country.yaml"),
    ),
    "a rule that ends before it begins": (
        "attributes.yaml",
        "      School: {to_age: 30}",
        "      School: {from_age: 40, to_age: 30}",
        ("work", "to_age 30 lies before from_age 40"),
    ),
    "a family that is not there": (
        "attributes.yaml",
        "pattern: work_by_age",
        "pattern: work_by_year",
        ("work", "'work_by_year' has 0 entries"),
    ),
    "an attribute given one that comes later": (
        "attributes.yaml",
        "  - name: bond  ",
        "  - name: bond\n    given: {attribute: work, family: work_by_bond}\n  #",
        ("bond", "given 'work' is no attribute that is drawn before it"),
    ),
    "an attribute given one of fewer persons": (
        "attributes.yaml",
        "    pattern: work_by_age",
        "    pattern: work_by_age\n    universe: residents",
        ("work", "given 'bond' is not known of the universe estimated"),
    ),
    "nothing to go by": (
        "attributes.yaml",
        "    control: persons_faith\n    stratum: language\n    association: faith_by_language\n",
        "",
        ("faith", "needs a control, a guide, a pattern, or odds"),
    ),
    "partners without categories": (
        "attributes.yaml",
        "    alike: [Wed]\n",
        "",
        ("bond", "household: partners goes with alike"),
    ),
    "a control that does not count the attribute": (
        "attributes.yaml",
        "control: persons_faith",
        "control: persons_sex_language",
        ("faith", "counts no persons by faith"),
    ),
    "a stratum that the table does not have": (
        "attributes.yaml",
        "    stratum: sex",
        "    stratum: bond",
        ("language", "splits by sex, not by bond"),
    ),
    "a universe that is not there": (
        "attributes.yaml",
        "    pattern: work_by_age",
        "    pattern: work_by_age\n    universe: citizens",
        ("work", "'citizens' is not in country.yaml"),
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_fault_names_attribute_and_place(
    kind: str, copy_pack: Copy, change_text: Change, tmp_path: Path
) -> None:
    file, old, new, words = DAMAGE[kind]
    folder = copy_pack(tmp_path)
    change_text(folder / file, old, new)
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    faults = caught.value.faults
    assert any(
        fault.startswith("attributes.yaml") and all(word in fault for word in words)
        for fault in faults
    ), faults


def test_the_default_marital_status_has_odds_at_every_age(tiny_pack: CountryPack) -> None:
    entry = next(e for e in tiny_pack.priors.defaults if e.family == "marital_status_by_age")
    assert entry.values.keys() == {"never married", "married", "widowed", "divorced", "not stated"}
    for sex in ("male", "female"):
        for name in ("married", "widowed", "divorced"):
            curve = entry.values[name]
            assert isinstance(curve, dict)
            assert curve[sex][15] == 0.0
