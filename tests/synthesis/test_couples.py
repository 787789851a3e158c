"""Couples in a category together: declared shares bent to quotas by the nearest way, then drawn."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import synthestat
from synthestat.diagnostics.attributes import attribute_diagnostics
from synthestat.errors import PackError
from synthestat.fitting.ipf import Floats, Whole
from synthestat.packs.attribute_odds import CoupleShares, couple_shares
from synthestat.packs.pack import CountryPack, read_pack
from synthestat.packs.targets import soft_targets
from synthestat.review.record import Status
from synthestat.review.verify import verify_run
from synthestat.sources.snapshots import SnapshotStore
from synthestat.synthesis.couples import (
    COUPLE_IN,
    COUPLE_OUT,
    NO_PARTNER,
    Members,
    couple_states,
    odds_by_state,
)

seeds = st.integers(0, 2**32 - 1)
SHARES = CoupleShares(np.linspace(0.1, 0.95, 101), np.full((2, 101), 0.1))


def town(rng: np.random.Generator, couples: int, alone: int) -> Members:
    """Couples of a woman and a man, a tenth of them of two women, and persons alone."""
    count = 2 * couples + alone
    sex = rng.integers(0, 2, count).astype(np.int8)
    sex[: 2 * couples : 2], sex[1 : 2 * couples : 2] = 0, 1
    sex[: 2 * (couples // 10)] = 1
    partner = np.full(count, -1, dtype=np.int64)
    partner[: 2 * couples] = np.arange(2 * couples) ^ 1
    age = rng.integers(16, 90, count).astype(np.int16)
    return Members(partner, sex, age, sex, age >= 18)


def declared(people: Members, shares: CoupleShares = SHARES) -> Whole:
    """Persons of each sex in the category if every declared share holds, rounded."""
    mean_age = (people.age + people.age[people.partner]) // 2
    both = people.may & people.may[people.partner]
    share = np.where(both, shares.together[mean_age], 0.0)
    single = np.where(people.may, shares.apart[people.sex, people.age], 0.0)
    each = np.where(people.partner >= 0, share, single)
    return np.round(np.bincount(people.sex, each, 2)).astype(np.int64)


def inside(people: Members, state: NDArray[np.int8]) -> Whole:
    return np.bincount(people.sex[state == COUPLE_IN], minlength=2).astype(np.int64)


@given(seeds, st.integers(0, 60), st.integers(0, 60))
def test_partners_share_a_state_and_nobody_under_age_is_in(
    seed: int, couples: int, alone: int
) -> None:
    rng = np.random.default_rng(seed)
    people = town(rng, couples, alone)
    quota = rng.integers(0, couples + alone + 1, 2)
    state = couple_states(people, quota, SHARES, rng)
    paired = people.partner >= 0
    assert (state[~paired] == NO_PARTNER).all()
    assert (state[paired] == state[people.partner[paired]]).all()
    assert np.isin(state[paired], (COUPLE_OUT, COUPLE_IN)).all()
    assert people.may[state == COUPLE_IN].all()


@given(seeds)
def test_quotas_that_fit_leave_the_declared_shares_as_they_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = town(rng, 400, 300)
    state = couple_states(people, declared(people), SHARES, rng)
    ones = np.flatnonzero(people.partner > np.arange(len(people.partner)))
    mean_age = (people.age[ones] + people.age[people.partner[ones]]) // 2
    may = people.may[ones] & people.may[people.partner[ones]]
    drawn = state[ones] == COUPLE_IN
    for ages in (mean_age < 45, mean_age >= 45):
        wanted = np.where(may, SHARES.together[mean_age], 0.0)[ages].sum()
        assert abs(drawn[ages].sum() - wanted) < 4  # drawn in the order of ages, quotas rounded


@given(seeds, st.floats(0.5, 1.4))
def test_couples_and_persons_alone_bend_to_quotas_by_one_multiplier(
    seed: int, factor: float
) -> None:
    """What couples leave of the quotas is what the multiplied odds give of those alone."""
    rng = np.random.default_rng(seed)
    people = town(rng, 300, 300)
    quota = np.round(declared(people) * factor).astype(np.int64)
    state = couple_states(people, quota, SHARES, rng)
    left = quota - inside(people, state)
    alone = (people.partner < 0) & people.may
    for sex in (0, 1):
        mine = int((alone & (people.sex == sex)).sum())
        assert -2 <= left[sex] <= mine + 2
    more = couple_states(people, np.minimum(quota + 40, 500), SHARES, np.random.default_rng(1))
    assert inside(people, more).sum() >= inside(people, state).sum() - 2


def test_a_quota_out_of_reach_takes_all_couples_and_one_of_nothing_none() -> None:
    rng = np.random.default_rng(5)
    people = town(rng, 50, 0)
    everybody = np.bincount(people.sex, minlength=2)
    full = couple_states(people, everybody, SHARES, rng)
    both = people.may & people.may[people.partner]
    assert (full[both] == COUPLE_IN).mean() > 0.97
    none = couple_states(people, np.zeros(2, dtype=np.int64), SHARES, rng)
    assert (none == COUPLE_IN).sum() <= 2


def test_odds_follow_the_state_and_zeros_stay() -> None:
    odds: Floats = np.array([[1.0, 1.0, 2.0]] * 3 + [[1.0, 0.0, 2.0]] * 2)
    state = np.array([NO_PARTNER, COUPLE_OUT, COUPLE_IN, NO_PARTNER, COUPLE_IN])
    bent = odds_by_state(odds, state, np.full(5, 0.25), 1)
    shares = bent / bent.sum(axis=1, keepdims=True)
    assert shares[0].tolist() == pytest.approx([0.25, 0.25, 0.5])
    assert shares[1] == pytest.approx([1 / 3, 0, 2 / 3], abs=1e-5)
    assert (bent[1] > 0).all()
    assert shares[2] == pytest.approx([0, 1, 0], abs=1e-5)
    assert (bent[2] > 0).all()
    assert not bent[3:, 1].any()


# Tinyland, whose couples speak Plain together as often as declared -------------------------------

TINY = Path(__file__).parents[1] / "packs" / "tiny"
LANGUAGE = """    control: persons_sex_language
    stratum: sex
"""
COUPLES = """    control: persons_sex_language
    household: partners
    alike: [Plain]
    couples: plain_couples
"""
ENTRY = """
  - id: zz.plain_couples
    family: plain_couples
    label: Couples who speak Plain together
    kind: anchors
    geography: ZZ
    status: used
    variant: robust
    confidence: low
    evidence: modelled
    citation: assumption
    address: ""
    values:
      together: {18: 0.5, 40: 0.8, 90: 0.9}
      apart: {male: 0.85, female: {0: 0.85, 90: 0.9}}
"""


@pytest.fixture(scope="module")
def plain_pack(tmp_path_factory: pytest.TempPathFactory) -> CountryPack:
    folder = Path(shutil.copytree(TINY, tmp_path_factory.mktemp("plain") / "tiny"))
    attributes = folder / "attributes.yaml"
    text = attributes.read_text(encoding="utf-8")
    assert text.count(LANGUAGE) == 1
    attributes.write_text(text.replace(LANGUAGE, COUPLES), encoding="utf-8")
    with (folder / "priors.yaml").open("a", encoding="utf-8") as priors:
        priors.write(ENTRY)
    return read_pack(folder)


@pytest.fixture(scope="module")
def plain_run(plain_pack: CountryPack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    return synthestat.build(plain_pack.folder, seed=2, out=out, workers=1)


def test_quotas_stay_exact_and_couples_agree(
    plain_pack: CountryPack, plain_run: Path, tiny_run: Path
) -> None:
    by = ["zone_code", "sex", "language"]
    tables = [pl.read_parquet(run / "synthetic_persons.parquet") for run in (plain_run, tiny_run)]
    plain = [table.cast(dict.fromkeys(by, pl.String)).drop_nulls("language") for table in tables]
    counts = [table.group_by(by).len().sort(by) for table in plain]
    assert counts[0].equals(counts[1])
    language = attribute_diagnostics(plain_pack, tables[0])[0]
    rows = language["couples_by_age"]
    persons = sum(row["persons"] for row in rows)
    assert persons == 2 * language["couples"] > 1000
    assert sum(row["one"] for row in rows) < 0.01 * persons
    both = sum(row["both"] for row in rows) / persons
    means = sum(row["declared"] * row["persons"] for row in rows) / persons
    assert abs(both - means) < 0.1  # bent to the table of every zone
    young, old = rows[2], rows[-4]
    assert young["declared"] < old["declared"]
    assert "share of couples by age" in language["method"]
    assert "zz.plain_couples" in language["registry"]


def test_the_reviewer_recounts_couples_by_age(
    plain_pack: CountryPack, plain_run: Path, tmp_path: Path
) -> None:
    snapshots = SnapshotStore(plain_pack.snapshots)
    checks = verify_run(plain_run, snapshots).checks
    assert [c.id for c in checks if c.required and c.status is Status.FAIL] == []
    file = "distribution_diagnostics.json"
    for key in ("persons", "both", "one", "declared"):
        copy = Path(shutil.copytree(plain_run, tmp_path / key))
        document = json.loads((copy / file).read_text(encoding="utf-8"))
        row = document["attributes"][0]["couples_by_age"][1]
        row[key] += 1
        (copy / file).write_text(json.dumps(document), encoding="utf-8")
        found = next(c for c in verify_run(copy, snapshots).checks if c.id == "attributes_rules")
        assert found.status is Status.FAIL
        assert f"couples aged {row['ages']}: {key}" in found.notes


Change = Callable[[Path, str, str], None]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("      together: {18: 0.5, 40: 0.8, 90: 0.9}\n", "", "no odds for together"),
        ("{18: 0.5, 40: 0.8, 90: 0.9}", "{18: 0.5, 40: 1.8}", "between 0 and 1"),
        ("apart: {male: 0.85, female: {0: 0.85, 90: 0.9}}", "apart: {male: 1}", "odds by sex"),
        ("family: plain_couples", "family: other_couples", "family 'plain_couples' has 0"),
    ],
)
def test_an_entry_that_gives_no_shares_is_refused(
    plain_pack: CountryPack, change_text: Change, tmp_path: Path, old: str, new: str, said: str
) -> None:
    folder = Path(shutil.copytree(plain_pack.folder, tmp_path / "tiny"))
    change_text(folder / "priors.yaml", old, new)
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    assert any("language" in fault and said in fault for fault in caught.value.faults)


@pytest.mark.parametrize("old", ["    control: persons_sex_language\n", "    alike: [Plain]\n"])
def test_couples_need_a_table_and_one_category(
    plain_pack: CountryPack, change_text: Change, tmp_path: Path, old: str
) -> None:
    folder = Path(shutil.copytree(plain_pack.folder, tmp_path / "tiny"))
    new = "    pattern: plain\n" if "control" in old else "    alike: [Plain, Hill]\n"
    change_text(folder / "attributes.yaml", old, new)
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    assert any(
        "couples goes with a control or guide, and one category" in f for f in caught.value.faults
    )


def test_an_attribute_without_declared_couples_has_no_shares(tiny_pack: CountryPack) -> None:
    for attribute in tiny_pack.attributes:
        assert couple_shares(attribute, tiny_pack.country, tiny_pack.priors) is None


TARGET = """
  - id: zz.target
    family: soft_targets
    label: Couples
    kind: target
    geography: ZZ
    status: used
    variant: robust
    confidence: low
    evidence: modelled
    citation: assumption
    address: ""
    values: {measure: couples_in_category_share, tolerance: 0.1, %s}
"""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("value: 1.2, attribute: bond, categories: [Wed]", "between 0 and 1"),
        ("value: 0.2, attribute: bond", "attribute and categories are listed"),
        ("value: 0.2, attribute: bond, categories: [Wed], ages: [40, 30]", "first and the last"),
        ("value: 0.2, attribute: bond, categories: [Wed], ages: [young, 30]", "first and the last"),
    ],
)
def test_a_target_about_couples_says_whose(
    copy_pack: Callable[[Path], Path], tmp_path: Path, values: str, said: str
) -> None:
    folder = copy_pack(tmp_path)
    with (folder / "priors.yaml").open("a", encoding="utf-8") as priors:
        priors.write(TARGET % values)
    with pytest.raises(PackError, match=said):
        soft_targets(read_pack(folder).priors)
