"""The small parts of the pages, one by one."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from synthestat.site import charts
from synthestat.site.boundaries import simplified, wound
from synthestat.site.drawing import draw, inline_svg
from synthestat.site.markdown import read_markdown
from synthestat.site.pages import figure, file_size, percent, safe_link
from synthestat.site.population_tables import in_classes, official_ages


def test_svg_is_cut_down_to_what_is_harmless():
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'width="10" height="5" onload="x()"><script>x()</script><image href="http://a.b/c"/>'
        '<a xlink:href="http://a.b"><text>gone</text></a><g clip-path="url(#c1)" onclick="x()">'
        '<rect fill="url(http://a.b)" width="3.14159" style="fill:url(http://a.b)"/></g>'
        '<text font-family="x">&lt;b&gt;</text><defs><clipPath id="c1"/></defs></svg>'
    )
    kept = str(inline_svg(svg, "map-", 'a "label"'))
    assert "http://a.b" not in kept
    assert "script" not in kept
    assert "onclick" not in kept
    assert 'clip-path="url(#map-c1)"' in kept
    assert 'id="map-c1"' in kept
    assert 'width="3.14"' in kept
    assert "&lt;b&gt;" in kept
    assert 'aria-label="a &#34;label&#34;"' in kept


def test_simplifying_keeps_the_shape_within_the_tolerance():
    turns = np.linspace(0, 2 * math.pi, 2001)
    circle = np.column_stack([np.cos(turns), np.sin(turns)])
    circle[-1] = circle[0]
    thin = simplified(circle, 0.01)
    assert 8 < len(thin) < 60
    assert (thin[0] == thin[-1]).all()
    middles = (thin[1:] + thin[:-1]) / 2
    assert np.hypot(*middles.T).min() > 0.989
    assert len(simplified(circle * 0.001, 0.01)) == 0


def test_holes_run_against_their_outer_ring():
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)], dtype=float)
    outer, hole = wound([square[::-1], square * 0.5])
    assert (outer == square).all()
    assert (hole == (square * 0.5)[::-1]).all()


def test_numbers_are_written_for_readers():
    assert figure(1602515) == "1,602,515"
    assert figure(4.3251) == "4.33"
    assert figure(4124.0) == "4,124"
    assert figure(None) == "–"
    assert percent(0.0056197, 3) == "0.562 %"
    assert percent(1.0) == "100 %"
    assert percent(0.0) == "0 %"
    assert percent(None) == "–"
    assert file_size(4_298_493) == "4.3 MB"
    assert file_size(None) == "absent"


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//a.b", "", None, "http://[", "ftp://a"]
)
def test_only_web_addresses_become_links(address):
    assert safe_link(address) is None
    assert safe_link("https://a.example/x?y=1") == "https://a.example/x?y=1"


def test_markdown_is_read_into_plain_values():
    text = "# Title\n\n* **Bold.** one\n  two\n* `code`\n\nA line\nand another.\n"
    heading, items, paragraph = read_markdown(text)
    assert (heading.kind, heading.items[0][0].text) == ("heading", "Title")
    assert [[span.text for span in item] for item in items.items] == [
        ["Bold.", " one two"],
        ["code"],
    ]
    assert paragraph.items[0][0].text == "A line and another."


def official_rows(control: str, classes: dict[str, int]) -> list[dict[str, object]]:
    fixed = {"control_id": control, "family": "age", "universe": "all", "zone": "ZZ"}
    return [{**fixed, "category": label, "target": count} for label, count in classes.items()]


def test_official_ages_are_read_by_class_and_sex():
    by_sex = {"age=0-4;sex=male": 50, "age=0-4;sex=female": 45, "age=5+;sex=male": 7}
    rows = official_rows("fine", by_sex) + official_rows("whole", {"age=0": 1})
    rows += official_rows("other", {"age=0": 1, "band=x": 2, "age=3": 1, "age=4": 2})
    found = official_ages(pl.DataFrame(rows), "ZZ")
    assert found is not None
    assert (found.control_id, found.by_sex) == ("fine", True)
    totals = found.totals().select("low", "high", "label", "people").rows()
    assert totals == [(0, 4, "0-4", 95), (5, None, "5+", 7)]
    ages = pl.DataFrame({"age": [0, 4, 5, 90], "people": [10, 20, 3, 4]})
    assert in_classes(ages, found.totals())["people"].to_list() == [30, 7]
    people = pl.DataFrame({"age": [0, 4], "sex": ["male", "female"], "people": [10, 20]})
    drawn = draw("p", "", "", "", charts.pyramid(people, found.table))
    assert [theme for theme, _ in drawn.pictures] == ["light", "dark"]
    assert official_ages(pl.DataFrame(rows), "YY") is None
