"""The small parts of the pages, one by one."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from synthestat.diagnostics.family_structure import ARRANGEMENTS
from synthestat.site import charts, family_charts
from synthestat.site.boundaries import simplified, wound
from synthestat.site.drawing import LIGHT, THEMES, draw, inline_svg
from synthestat.site.markdown import read_markdown
from synthestat.site.population_tables import in_classes, official_ages
from synthestat.site.wording import figure, file_size, percent, safe_link


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


def official_rows(
    control: str, classes: dict[str, int | None], zone: str = "ZZ"
) -> list[dict[str, object]]:
    fixed = {"control_id": control, "counts": "persons", "universe": "all", "zone": zone}
    return [{**fixed, "category": label, "target": count} for label, count in classes.items()]


def test_official_ages_are_read_by_class_and_sex():
    by_sex = {"age=0-4;sex=male": 50, "age=0-4;sex=female": 45, "age=5+;sex=male": 7}
    rows = official_rows("fine", by_sex) + official_rows("whole", {"age=0": 1})
    rows += official_rows("other", {"age=0": 1, "band=x": 2, "age=3": 1, "age=4": 2})
    found = official_ages(pl.DataFrame(rows), "ZZ", ["A"])
    assert found is not None
    assert (found.control_id, found.by_sex, found.summed) == ("fine", True, 0)
    totals = found.totals().select("low", "high", "label", "people").rows()
    assert totals == [(0, 4, "0-4", 95), (5, None, "5+", 7)]
    ages = pl.DataFrame({"age": [0, 4, 5, 90], "people": [10, 20, 3, 4]})
    assert in_classes(ages, found.totals())["people"].to_list() == [30, 7]
    people = pl.DataFrame({"age": [0, 4], "sex": ["male", "female"], "people": [10, 20]})
    drawn = draw("p", "", "", "", charts.pyramid(people, found.table))
    assert [theme for theme, _ in drawn.pictures] == ["light", "dark"]
    assert official_ages(pl.DataFrame(rows), "YY", ["A"]) is None


def test_official_ages_without_a_row_for_the_country_are_the_sum_over_its_zones():
    first = official_rows("bands", {"sex=male;age=0-4": 1, "sex=male;age=5+": 2}, "A")
    second = official_rows("bands", {"sex=male;age=0-4": 10, "sex=male;age=5+": 20}, "B")
    above = official_rows("bands", {"sex=male;age=0-4": 500, "sex=male;age=5+": 500}, "DISTRICT")
    found = official_ages(pl.DataFrame(first + second + above), "ZZ", ["A", "B"])
    assert found is not None
    assert (found.by_sex, found.summed) == (True, 2)
    assert found.totals()["people"].to_list() == [11, 22]
    holes = official_rows("bands", {"sex=male;age=0-4": 10, "sex=male;age=5+": None}, "B")
    assert official_ages(pl.DataFrame(first + holes), "ZZ", ["A", "B"]) is None
    assert official_ages(pl.DataFrame(first), "ZZ", ["A", "B"]) is None


def test_households_by_age_are_no_residents_by_age():
    rows = pl.DataFrame(official_rows("heads", {"age=0-17": 0, "age=18+": 4}))
    assert official_ages(rows, "ZZ", []) is not None
    assert official_ages(rows.with_columns(counts=pl.lit("households")), "ZZ", []) is None


# Families -----------------------------------------------------------------------------------------


def values_of(drawing, layer=None):
    """The rows that stand in a chart's specification."""
    specification = drawing(LIGHT).to_dict()
    part = specification if layer is None else specification["layer"][layer]
    return specification["datasets"][part["data"]["name"]]


def test_living_arrangements_are_shares_of_each_age_group():
    groups = {
        "0-4": {"child_of_head": 3, "grandchild": 1},
        "95+": {"alone": 1, "head_of_others": 2, "non_relative": 2},
    }
    rows = values_of(family_charts.living_arrangements(groups))
    shares = {(row["age"], row["how"]): row["share"] for row in rows if row["share"]}
    assert shares == {
        (0, "child of the head"): 0.75,
        (0, "grandchild"): 0.25,
        (95, "alone"): 0.2,
        (95, "with non-relatives"): 0.8,
    }
    assert "institution" not in str(rows), "what nobody lives in takes no room in the key"


def test_every_arrangement_has_a_name_and_a_colour_in_both_themes():
    assert set(family_charts.SHOWN_ARRANGEMENTS) == set(ARRANGEMENTS)
    names = set(family_charts.SHOWN_ARRANGEMENTS.values())
    for theme in THEMES:
        assert len(theme.arrangements) == len(set(theme.arrangements)) == len(names)


def test_gap_bars_are_shares_of_pairs_beside_the_density():
    drawing = family_charts.age_gaps({"-1": 1, "2": 3}, {"0": 0.4, "1": 0.6, "90": 1e-9}, "Years")
    bars = {row["gap"]: row["share"] for row in values_of(drawing, 0)}
    line = {row["gap"]: row["share"] for row in values_of(drawing, 1)}
    assert bars == {-1: 0.25, 0: 0.0, 1: 0.0, 2: 0.75}
    assert line == {0: 0.4, 1: 0.6}, "years that neither shows are not drawn"


def test_generations_are_told_in_numbers_and_shares():
    svg = draw("g", "", "", "", family_charts.generations([("1", 1), ("2", 2), ("3+", 1)]))
    for _, picture in svg.pictures:
        assert all(said in picture for said in ("1 (25.0%)", "2 (50.0%)", "3+"))
