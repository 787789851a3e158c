"""Words of a pack that would like to be code: they stay text, in pages, in data and in CSV."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from synthestat.site.site_files import csv_text, script_text, slug
from synthestat.site.svg_parts import bars, text


def test_no_hostile_tag_is_in_a_page(hostile_site, read_page):
    pages = list(hostile_site.rglob("*.html"))
    assert len(pages) > 20
    for path in pages:
        page = read_page(path)
        for tag, attributes in page.tags:
            assert tag not in {"img", "iframe", "object", "embed", "form", "base"}, path.name
            assert not any(name.startswith("on") for name in attributes), path.name
            if tag == "script":
                assert set(attributes) == {"src", "defer"}, path.name
        assert not [link for link in page.links if link.lower().startswith("javascript:")]


def test_the_words_are_shown(hostile_site):
    run_page = (hostile_site / "country_ZZ_run.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;window.ran=1&lt;/script&gt;" in run_page
    assert "javascript:window.ran=4" in run_page  # the address, as text


def test_data_scripts_hold_data_alone(hostile_site):
    scripts = [path for path in hostile_site.rglob("*.js") if path.parent.name != "assets"]
    assert len(scripts) > 10
    for path in scripts:
        script = path.read_text(encoding="utf-8")
        found = re.fullmatch(r'synthestatData\("\w+", (.*)\);\n', script, re.DOTALL)
        assert found, path.name
        assert not set("<>&\u2028\u2029") & set(found[1]), path.name
        json.loads(found[1])


def test_no_cell_of_a_csv_begins_a_formula(hostile_site):
    paths = list(hostile_site.rglob("*.csv"))
    assert len(paths) > 15
    guarded = 0
    for path in paths:
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines):
                for cell in row:
                    number = re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", cell)
                    assert number or not cell.startswith(("=", "+", "-", "@")), (path.name, cell)
                    guarded += cell.startswith("'=")
    assert guarded > 10


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\u202e=1", "\ufeff=1", "\uff1d1"],
)
def test_a_formula_is_made_text(cell):
    assert csv_text([{"a": cell}]).split("\r\n", 1)[1].strip('"').startswith("'")


def test_numbers_and_plain_words_stay_as_they_are():
    text = csv_text([{"a": -1.5, "b": "Çedar", "c": None, "d": True, "e": [1, "x"]}])
    assert text == 'a,b,c,d,e\r\n-1.5,Çedar,,true,"[1, ""x""]"\r\n'


def test_a_script_cannot_be_ended_by_its_data():
    script = script_text("x", {"a": "</script><!--\u2028"})
    assert "</" not in script
    assert "\u2028" not in script
    assert json.loads(script[len('synthestatData("x", ') : -3]) == {"a": "</script><!--\u2028"}


@pytest.mark.parametrize("code", ["../../etc", "a b", "Ç<>\"'", "", "..", "a/b", "CON", "é"])
def test_a_code_becomes_one_file_name(code):
    assert re.fullmatch(r"[A-Za-z0-9_~-]+", slug(code))
    assert slug("a/b") != slug("a~b") != slug("a_b")


def test_text_in_a_drawing_is_escaped(hostile_words):
    assert "<script" not in text(0, 0, hostile_words)
    drawn = bars([{"label": hostile_words, "value": 1.0}], hostile_words)
    assert "<script" not in drawn
    assert "<img" not in drawn


def test_no_site_of_the_test_holds_a_raw_hostile_label(hostile_site, hostile_words):
    for path in Path(hostile_site).rglob("*.html"):
        assert hostile_words not in path.read_text(encoding="utf-8")
