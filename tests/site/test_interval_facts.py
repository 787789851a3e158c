"""What the run page says of intervals."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from synthestat.bundle.read import open_bundle
from synthestat.site import interval_facts
from synthestat.site.pages import write_run_page
from synthestat.site.run_facts import read_run


def test_the_page_sums_up_by_quantity_and_lists_the_country(tiny_run: Path, tmp_path: Path) -> None:
    text = write_run_page(tiny_run, out=tmp_path / "page.html").read_text(encoding="utf-8")
    section = text.split('<section id="intervals">')[1].split("</section>")[0]
    assert "persons by work" in section
    assert "country: 100, declared; zones: 100, declared" in section
    assert "Modelled counts of the country" in section
    assert "uncertainty.parquet" in section


def test_the_widest_come_first_and_small_counts_are_left_out(tiny_run: Path) -> None:
    run = read_run(open_bundle(tiny_run))
    rows = interval_facts.widest(run)
    widths = [(row["high"] - row["low"]) / row["estimate"] for row in rows]
    assert widths == sorted(widths, reverse=True)
    assert min(row["estimate"] for row in rows) >= interval_facts.LEAST_LISTED
    assert all(row["zone"] != "ZZ" for row in rows)
    table = pl.read_parquet(tiny_run / "uncertainty.parquet")
    country = interval_facts.country_counts(run)
    assert len(country) == table.filter(pl.col("zone") == "ZZ").height


def test_sources_of_spread_in_words() -> None:
    words = interval_facts.spread_words
    assert words({"country": {"pooled": ["Up", "Far"]}, "zones": {"declared": 300.0}}) == (
        "country: pooled from Up, Far; zones: 300, declared"
    )
    learnt = {"learnt": 84.7, "from": {"marital_status": 498.6, "citizenship": 74.7}}
    assert words({"zones": learnt}) == "zones: 84.7, learnt from marital status, citizenship"
    assert words({"zones": {"entries": ["xx.count"]}}) == "zones: xx.count"
