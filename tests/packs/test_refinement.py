"""The family `refinement`: how many sweeps a build makes, declared and bounded."""

from __future__ import annotations

import pytest

from synthestat.errors import PackError
from synthestat.packs.pack import read_pack
from synthestat.packs.refinement import Refinement, refinement_of
from synthestat.story import build_population

ENTRY = """
  - id: zz.refinement
    family: refinement
    label: Sweeps
    kind: parameters
    geography: ZZ
    status: used
    variant: current
    confidence: low
    evidence: modelled
    citation: assumption
    address: ""
    values: {values}
"""


def with_entry(folder, values):
    with (folder / "priors.yaml").open("a", encoding="utf-8") as priors:
        priors.write(ENTRY.format(values=values))
    return folder


def test_the_default_applies_where_a_pack_says_nothing(tiny_pack):
    assert refinement_of(tiny_pack.priors) == Refinement(ages=15, attributes=5)


def test_a_build_stops_at_the_most_sweeps(copy_pack, tmp_path, tiny_snapshots, tiny_population):
    few = read_pack(with_entry(copy_pack(tmp_path), "{age_sweeps: 1, attribute_sweeps: 1}"))
    made = build_population(few, tiny_snapshots, seed=1)
    longest = [len(r.energies) for z in made.zones for r in z.refinements.values()]
    usual = [len(r.energies) for z in tiny_population.zones for r in z.refinements.values()]
    assert max(longest) == 1 < max(usual) <= 15


@pytest.mark.parametrize(
    "values",
    [
        "{age_sweeps: 0, attribute_sweeps: 5}",
        "{age_sweeps: 2.5, attribute_sweeps: 5}",
        "{age_sweeps: 5}",
        "{age_sweeps: 5, attribute_sweeps: 1001}",
    ],
)
def test_numbers_that_are_no_sweeps_are_named(copy_pack, tmp_path, values):
    with pytest.raises(PackError, match=r"zz\.refinement"):
        read_pack(with_entry(copy_pack(tmp_path), values))
