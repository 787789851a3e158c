"""Which tables are held out of a build: measured from the pack, never just said."""

from __future__ import annotations

from dataclasses import replace

from synthestat.diagnostics.distributions import held_out_tables
from synthestat.packs.pack import CountryPack


def test_a_table_that_is_only_shown_is_held_out(tiny_pack: CountryPack) -> None:
    assert held_out_tables(tiny_pack).startswith("none: ")
    shown = tuple(
        control.model_copy(update={"level": "INFORMATIONAL"})
        if control.table == "tiny_faith"
        else control
        for control in tiny_pack.controls
    )
    assert held_out_tables(replace(tiny_pack, controls=shown)) == "tiny_faith"


def test_a_table_that_guides_alone_is_not_held_out(tiny_pack: CountryPack) -> None:
    entry = tiny_pack.priors.used("household_size")
    guide = str(entry.values["table"])
    assert guide in tiny_pack.sources
    controls = tuple(control for control in tiny_pack.controls if control.table != guide)
    assert held_out_tables(replace(tiny_pack, controls=controls)).startswith("none: ")
