"""What a modeler tries by itself: other declared entries and more sweeps, each once, bounded."""

from __future__ import annotations

import pytest

from synthestat.cycle.fixes import fixed_priors, next_fix
from synthestat.cycle.intake import take_in
from synthestat.packs.pack import read_pack
from synthestat.packs.refinement import Refinement, refinement_of

MISSED = [{"check": "soft_targets", "family": "notes"}]
OTHER = """
  - id: zz.{name}
    family: {family}
    label: Another
    kind: {kind}
    geography: ZZ
    status: available
    variant: {variant}
    confidence: low
    evidence: modelled
    citation: assumption
    address: ""
    values: {values}
"""
KERNEL = {"kind": "kernel", "variant": "robust", "values": "{location: 3.0, scale: 4.0, df: 5}"}


@pytest.fixture
def pack_with(copy_pack, tmp_path):
    """Tinyland's pack with further entries: `pack_with(name=..., family=...)`."""

    def make(*entries):
        folder = copy_pack(tmp_path)
        with (folder / "priors.yaml").open("a", encoding="utf-8") as priors:
            for entry in entries:
                priors.write(OTHER.format(**entry))
        return read_pack(folder)

    return make


def course(pack, tmp_path, blocking=MISSED):
    """Take every fix in turn, each on the pack that the one before made."""
    tried = []
    while (fix := next_fix(pack, blocking, tried)) is not None:
        tried.append(fix.id)
        brought = {"pack/priors.yaml": fixed_priors(pack, fix)}
        pack = take_in(pack.folder, brought, tmp_path / f"pack-{len(tried)}")
        yield fix, pack


def test_an_entry_that_lies_ready_is_tried_first_then_sweeps_then_defaults(pack_with, tmp_path):
    pack = pack_with({"name": "gap.robust", "family": "partner_age_gap", **KERNEL})
    made = list(course(pack, tmp_path))
    assert [fix.id for fix, _ in made] == [
        "entry zz.gap.robust",
        "entry zz.partner_age_gap",
        "refinement 60 20",
        "refinement 240 80",
        "refinement 240 240",
        "entry default.living_arrangements",
        "entry default.household_structure",
        "entry default.partner_age_gap",
        "entry default.mother_child_gap",
    ]
    first, second = made[0][1], made[1][1]
    assert first.priors.used("partner_age_gap").id == "zz.gap.robust"
    assert second.priors.used("partner_age_gap").id == "zz.partner_age_gap"
    assert refinement_of(made[2][1].priors) == Refinement(60, 20)
    assert made[-1][1].priors.used("mother_child_gap").id == "default.mother_child_gap"


def test_a_wider_pool_goes_before_other_entries(pack_with, tmp_path):
    pool = (
        "{pool: [{source: a, counts: {Free: 10, Wed: 5}}, {source: b, counts: {Free: 9, Wed: 6}}]}"
    )
    entries = (
        {"name": "plain", "kind": "anchors", "variant": "robust", "values": "{0: 1.0, 90: 1.0}"},
        {"name": "pooled", "kind": "anchors", "variant": "comparable_country", "values": pool},
    )
    pack = pack_with(*({"family": "bond_by_age", **entry} for entry in entries))
    missed = [{"check": "x", "family": "attributes"}]
    assert next_fix(pack, missed, []).id == "entry zz.pooled"
    assert next_fix(pack, missed, ["entry zz.pooled"]).id == "entry zz.plain"


def test_a_fix_changes_one_family_and_keeps_the_rest(pack_with, tmp_path):
    pack = pack_with({"name": "gap.robust", "family": "partner_age_gap", **KERNEL})
    fix, fixed = next(course(pack, tmp_path))
    assert fix.what == "partner_age_gap by zz.gap.robust (robust)"
    before = {entry.id: entry for entry in pack.priors.entries}
    for entry in fixed.priors.entries:
        if entry.family != "partner_age_gap":
            assert entry == before[entry.id]
    comments = [
        line
        for line in (pack.folder / "priors.yaml").read_text("utf-8").splitlines()
        if line.startswith("#")
    ]
    assert comments
    assert all(line in (fixed.folder / "priors.yaml").read_text("utf-8") for line in comments)


def test_what_bears_on_nothing_that_failed_is_not_tried(pack_with):
    pack = pack_with({"name": "gap.robust", "family": "partner_age_gap", **KERNEL})
    assert next_fix(pack, [{"check": "x", "family": "y"}], []).id == "refinement 60 20"
