"""The JSON-stat reader and writer: what is read, every refusal, and the exact round trip."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthestat.errors import CubeError
from synthestat.sources.cube import CellStatus, Cube, Dimension
from synthestat.sources.jsonstat import (
    DEFAULT_SYMBOLS,
    MAX_CELLS,
    read_jsonstat,
    write_jsonstat,
)

CONNECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "connectors"
GENUINE = CONNECTORS / "jsonstat"
GENUINE_SETS: dict[str, tuple[tuple[int, ...], dict[str, str], float]] = {
    # file: shape, the codes of one cell and its figure
    "cantabria.json": (
        (60, 3, 5, 6),
        {
            "Trimestre": "2016 - 4",
            "Sexo": "Mujeres",
            "Grupo de edad": "De 55 y más años",
            "Variables": "Inactivos",
        },
        87.0,
    ),
    "galicia-2.0.json": (
        (6, 22, 3, 2, 5, 1),
        {
            "birth": "T",
            "age": "T",
            "gender": "T",
            "time": "2001",
            "residence": "15",
            "concept": "pop",
        },
        1_096_027.0,
    ),
}
GENUINE_OTHERS = {
    "A02Level.json": "JSON-stat 1 bundle of: A02Level",
    "CPI15.json": "JSON-stat 1 bundle of: CPI15",
    "QS104EW.json": "JSON-stat 1 bundle of: QS104EW",
    "galicia.json": "JSON-stat 1 bundle of: dataset",
    "oecd-canada.json": "JSON-stat 1 bundle of: oecd, canada",
    "ons.json": "JSON-stat 1 bundle of: ST1117EWla",
    "sample_data.json": "JSON-stat 1 bundle of: dataset",
    "statswe.json": "JSON-stat 1 bundle of: dataset",
    "galicia-ds.json": 'version: absent, must be "2.0"',
    "us-labor-ds.json": 'version: absent, must be "2.0"',
    "collection.json": 'class: "collection", must be "dataset"',
    "dimension.json": 'class: "dimension", must be "dataset"',
}


def document() -> dict[str, object]:
    """A small table: two zones by three sexes, one figure zero."""
    return {
        "version": "2.0",
        "class": "dataset",
        "label": "Residents",
        "source": "Office",
        "updated": "2025-01-31",
        "id": ["zone", "sex"],
        "size": [2, 3],
        "dimension": {
            "zone": {
                "label": "Municipality",
                "category": {"index": {"B": 1, "A": 0}, "label": {"A": "Aš", "B": "Bë"}},
            },
            "sex": {"category": {"index": ["T", "F", "M"]}},
        },
        "value": [5, 3, 2, 4, 0, 4],
    }


def read(
    raw: object, symbols: Mapping[str, str] | None = None, *, name: str = "residents.json"
) -> Cube:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    return read_jsonstat(text.encode(), name=name, symbols=symbols or {})


def refusal(raw: object, symbols: Mapping[str, str] | None = None) -> CubeError:
    with pytest.raises(CubeError) as caught:
        read(raw, symbols)
    assert caught.value.message == "residents.json is not a JSON-stat 2.0 data set"
    assert caught.value.remedy
    return caught.value


def with_member(path: str, item: object) -> dict[str, object]:
    """The small table with one member set (or, for ..., taken away); dots in `path` go down."""
    raw = document()
    *above, last = path.split(".")
    parent: dict[str, object] = raw
    for key in above:
        child = parent[key]
        assert isinstance(child, dict)
        parent = child
    if item is ...:
        del parent[last]
    else:
        parent[last] = item
    return raw


# What is read


def test_reads_a_small_table() -> None:
    cube = read(document())
    assert (cube.label, cube.source, cube.updated) == ("Residents", "Office", "2025-01-31")
    assert cube.dimensions == (
        Dimension("zone", "Municipality", ("A", "B"), ("Aš", "Bë")),
        Dimension("sex", "sex", ("T", "F", "M"), ("T", "F", "M")),
    )
    assert cube.values.tolist() == [[5, 3, 2], [4, 0, 4]]
    assert cube.status.tolist() == [[0, 0, 0], [0, 1, 0]]
    assert cube.values.dtype == np.float64
    assert cube.status.dtype == np.uint8
    assert cube.size == 6
    assert cube.extension == {}


def test_a_single_category_needs_no_index() -> None:
    raw = document()
    raw["id"], raw["size"] = ["zone", "sex", "year"], [2, 3, 1]
    dimensions = raw["dimension"]
    assert isinstance(dimensions, dict)
    dimensions["year"] = {"category": {"label": {"2024": "Census 2024"}}}
    assert read(raw).dimension("year") == Dimension("year", "year", ("2024",), ("Census 2024",))


def test_a_sparse_value_object_leaves_the_rest_missing() -> None:
    cube = read(with_member("value", {"4": 0, "0": 5.5, "1": None}))
    assert cube.cell(zone="A", sex="T") == (5.5, CellStatus.VALUE)
    assert cube.cell(zone="B", sex="F") == (0.0, CellStatus.ZERO)
    assert cube.cell(zone="A", sex="F") == (None, CellStatus.MISSING)
    assert cube.cell(zone="B", sex="M") == (None, CellStatus.MISSING)


SYMBOLS = {"c": "suppressed", ":": "missing", ".": "not_applicable"}


@pytest.mark.parametrize(
    "status",
    [
        ["p", "c", ":", ".", "p", None],
        {"0": "p", "1": "c", "2": ":", "3": ".", "4": "p"},
        {"4": "c", "3": ".", "2": None, "1": "c"},
    ],
)
@pytest.mark.parametrize(
    "value", [[5, None, None, None, 0, None], {"0": 5, "1": None, "3": None, "4": 0}]
)
def test_the_kinds_of_cell_are_kept_apart(status: object, value: object) -> None:
    cube = read(with_member("value", value) | {"status": status}, SYMBOLS)
    assert cube.status.ravel().tolist() == [
        CellStatus.VALUE,
        CellStatus.SUPPRESSED,
        CellStatus.MISSING,
        CellStatus.NOT_APPLICABLE,
        CellStatus.ZERO,  # a symbol beside a number, known or not, leaves the number alone
        CellStatus.MISSING,
    ]
    assert np.isnan(cube.values).ravel().tolist() == [False, True, True, True, False, True]


def test_one_status_text_is_for_every_cell_without_a_number() -> None:
    cube = read(with_member("value", [1, 0, 2, None, 3, None]) | {"status": "c"}, SYMBOLS)
    assert cube.status.ravel().tolist() == [0, 1, 0, 2, 0, 2]


def test_minus_zero_is_zero() -> None:
    cube = read(json.dumps(document()).replace("0, 4]", "-0.0, 4]"))
    value, status = cube.cell(zone="B", sex="F")
    assert value is not None
    assert math.copysign(1, value) == 1
    assert status is CellStatus.ZERO


def test_texts_and_extension_may_be_absent_or_null() -> None:
    raw = document() | {"label": None, "extension": None}
    del raw["source"], raw["updated"]
    cube = read(raw)
    assert (cube.label, cube.source, cube.updated, cube.extension) == ("", "", "", {})


def test_the_extension_is_kept_and_other_members_are_passed_over() -> None:
    raw = document() | {
        "extension": {"px": {"decimals": 0}, "noise": ["cell key"]},
        "note": ["n"],
        "role": {"geo": ["zone"]},
        "link": {},
    }
    assert read(raw).extension == {"px": {"decimals": 0}, "noise": ["cell key"]}


def test_a_byte_order_mark_is_skipped() -> None:
    marked = b"\xef\xbb\xbf" + json.dumps(document()).encode()
    assert read_jsonstat(marked, name="marked").size == 6


def test_escaped_letters_outside_the_basic_plane_are_text() -> None:
    assert read(json.dumps(document() | {"label": "\U0001f3e0"})).label == "\U0001f3e0"


def test_a_dimension_without_categories_makes_an_empty_cube() -> None:
    raw = with_member("dimension.sex.category.index", []) | {"size": [2, 0], "value": []}
    cube = read(raw)
    assert cube.size == 0
    assert cube.to_frame().shape == (0, 4)


def test_a_million_cells() -> None:
    raw = document() | {"size": [1000, 1000], "value": [7, None] * 500_000}
    codes = [str(code) for code in range(1000)]
    raw["dimension"] = {id: {"category": {"index": codes}} for id in ("zone", "sex")}
    cube = read(raw)
    assert cube.cell(zone="999", sex="998") == (7, CellStatus.VALUE)
    assert int(np.sum(cube.status == CellStatus.MISSING)) == 500_000
    assert read_jsonstat(write_jsonstat(cube), name="own", symbols=DEFAULT_SYMBOLS).size == 10**6


# Refusals: the document


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ('{"version": "2.0",\n  "class" "dataset"}', "line 2, column 11"),
        ("", "line 1, column 1"),
        ("{} {}", "line 1, column 4"),
        ('{"a": 01}', "line 1, column 8"),
        ('{"a": "\n"}', "line 1, column 8"),
    ],
)
def test_not_json(raw: str, place: str) -> None:
    (fault,) = refusal(raw).faults
    assert fault.startswith(f"not JSON: {place}: ")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_not_utf8(mark: bytes) -> None:
    with pytest.raises(CubeError) as caught:
        read_jsonstat(mark + '{\n"é": "'.encode() + b'\xe9"}', name="latin")
    assert caught.value.faults == ("not UTF-8: line 2, column 7: byte 0xe9",)


def test_utf16_is_not_guessed() -> None:
    with pytest.raises(CubeError, match="not UTF-8: line 1, column 1"):
        read_jsonstat(json.dumps(document()).encode("utf-16"), name="wide")


@pytest.mark.parametrize("raw", ["[" * 100_000, '{"a": ' + "9" * 5000 + "}"])
def test_beyond_what_can_be_parsed(raw: str) -> None:
    (fault,) = refusal(raw).faults
    assert fault.startswith("cannot be parsed: ")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"label": "Res', '"label": "", "label": "Res', 'top level: repeated key "label"'),
        ('"B": 1,', '"B": 1, "B": 1,', 'dimension.zone.category.index: repeated key "B"'),
        ('"A": "A', '"A": "", "A": "A', 'dimension.zone.category.label: repeated key "A"'),
        ('"value":', '"link": [{"x y": {"a": 1, "a": 1}}], "value":', 'link[0]["x y"]: repeated'),
        ("[5, 3, 2, 4, 0, 4]", '{"0": 1, "0": 2}', 'value: repeated key "0"'),
        ('"value":', '"status": {"3": "c", "3": ":"}, "value":', 'status: repeated key "3"'),
    ],
)
def test_repeated_keys(old: str, new: str, fault: str) -> None:
    text = json.dumps(document(), ensure_ascii=False)
    assert text.count(old) == 1
    assert refusal(text.replace(old, new)).faults[0].startswith(fault)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_literals_that_are_not_json(literal: str) -> None:
    text = json.dumps(document() | {"extension": {"low": [1]}})
    text = text.replace("[5, 3", f"[5, {literal}").replace("[1]", f"[1, {literal}]")
    assert set(refusal(text).faults) == {
        f"value[1]: {literal} is no JSON number",
        f"extension.low[1]: {literal} is no JSON number",
    }


def test_half_a_surrogate_pair() -> None:
    text = json.dumps(document(), ensure_ascii=False)
    text = text.replace("Aš", "A\\udc00").replace('"F"', '"\\uD83D"')
    assert set(refusal(text).faults) >= {
        "dimension.zone.category.label.A: text with half a surrogate pair: 'A\\udc00'",
        "dimension.sex.category.index[1]: text with half a surrogate pair: '\\ud83d'",
    }
    key = json.dumps(document() | {"extension": {"k": 1}}).replace('"k"', '"\\ud83d"')
    assert refusal(key).faults == (
        "extension: a key is text with half a surrogate pair: '\\ud83d'",
    )


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ("[]", "top level: an empty list, must be an object"),
        ("5", "top level: a number, must be an object"),
        ("null", "top level: absent or null, must be an object"),
        (with_member("version", "1.0"), 'version: "1.0", must be "2.0"'),
        (with_member("version", 2.0), 'version: 2.0, must be "2.0"'),
        (with_member("version", "2.1"), 'version: "2.1", must be "2.0"'),
        (with_member("version", ...), 'version: absent, must be "2.0"'),
        (with_member("class", "collection"), 'class: "collection", must be "dataset"'),
        (with_member("class", ...), 'class: absent, must be "dataset"'),
        ({"population": {"dimension": {}}}, "a JSON-stat 1 bundle of: population"),
    ],
)
def test_not_a_data_set_of_this_version(raw: object, fault: str) -> None:
    assert refusal(raw).faults[0].startswith(fault)


def test_all_faults_are_collected() -> None:
    raw = with_member("dimension.zone.category.label", {"A": 1, "B": "b"})
    raw |= {"id": ["zone", "sex"], "size": [2, 4], "value": [1, "2", True], "source": 5}
    text = (
        json.dumps(raw).replace('"Office"', "5").replace('"updated": "', '"updated": NaN, "x": "')
    )
    assert len(refusal(text, {"-": "unknown"}).faults) == 8


def test_a_long_row_of_like_faults_is_cut_short() -> None:
    raw = document() | {"size": [2, 3], "value": ["1"] * 40}
    faults = refusal(raw).faults
    assert faults[0] == "value: 40 values, but size says 6 cells"
    assert len(faults) == 12
    assert faults[-1] == "... and 30 more like the last one"


# Refusals: dimensions


@pytest.mark.parametrize(
    ("path", "item", "fault"),
    [
        ("id", ..., "id: absent or null, must be a list"),
        ("id", [], "id: an empty list, must be a list of at least one"),
        ("id", "zone", "id: text, must be a list"),
        ("id", ["zone", 1], "id[1]: 1, must be text"),
        ("id", ["zone", "zone"], "id: more than once: zone"),
        ("id", ["zone"], "size: 2 sizes for the 1 dimensions in id"),
        ("id", ["zone", "age"], "dimension: not named in id: sex"),
        ("size", ..., "size: absent or null, must be a list"),
        ("size", [2], "size: 1 sizes for the 2 dimensions in id"),
        ("size", [2, -3], "size[1]: -3, must be a whole number of 0 or more"),
        ("size", [2.0, 3], "size[0]: 2.0, must be a whole number"),
        ("size", [2, True], "size[1]: true, must be a whole number"),
        ("size", [2, "3"], 'size[1]: "3", must be a whole number'),
        ("size", [3, 2], "dimension.zone.category: 2 categories, but size says 3"),
        ("dimension", ..., "dimension: absent or null, must be an object"),
        ("dimension", [], "dimension: an empty list, must be an object"),
        ("dimension.age", {}, "dimension: not named in id: age"),
        ("dimension.sex", ..., "dimension.sex: absent or null, must be an object"),
        ("dimension.sex", "s", "dimension.sex: text, must be an object"),
        ("dimension.sex.label", 4, "dimension.sex.label: a number, must be text"),
        ("dimension.sex.category", ..., "dimension.sex.category: absent or null, must be an obj"),
        ("dimension.sex.category.index", "TFM", "dimension.sex.category.index: text, must be a "),
        ("dimension.sex.category.index", ..., "dimension.sex.category.index: absent or null"),
        ("dimension.sex.category.index", ["T", "F"], "dimension.sex.category: 2 categories, but"),
        ("dimension.sex.category.index", ["T", 1, "M"], "dimension.sex.category.index[1]: 1, must"),
        ("dimension.sex.category.index", ["T", "F", "T"], "dimension.sex.category.index: more tha"),
        (
            "dimension.zone.category.index",
            {"A": 0, "B": 2},
            "dimension.zone.category.index.B: 2, must be a whole number from 0 to 1",
        ),
        (
            "dimension.zone.category.index",
            {"A": 0, "B": 0},
            'dimension.zone.category.index.B: position 0 is taken by "A"',
        ),
        (
            "dimension.zone.category.index",
            {"A": 0, "B": True},
            "dimension.zone.category.index.B: true, must be a whole number",
        ),
        (
            "dimension.zone.category.index",
            {"A": -1, "B": 0},
            "dimension.zone.category.index.A: -1, must be a whole number",
        ),
        (
            "dimension.zone.category.label",
            {"A": "a"},
            "dimension.zone.category.label: no label for: B",
        ),
        (
            "dimension.zone.category.label",
            {"A": "a", "B": "b", "C": "c"},
            "dimension.zone.category.label: not in index: C",
        ),
        (
            "dimension.zone.category.label",
            {"A": "a", "B": 2},
            "dimension.zone.category.label.B: 2, must be text",
        ),
        ("dimension.zone.category.label", ["a"], "dimension.zone.category.label: a list, must be"),
    ],
)
def test_faulty_dimensions(path: str, item: object, fault: str) -> None:
    assert refusal(with_member(path, item)).faults[0].startswith(fault)


def test_a_gap_in_the_positions_is_named() -> None:
    index = {"A": 0, "B": 2, "C": 3}
    faults = refusal(with_member("dimension.zone.category.index", index)).faults
    assert "dimension.zone.category.index: no category at position 1" in faults


def test_a_huge_cube_is_refused_before_memory_is_taken() -> None:
    index = [str(code) for code in range(10_001)]
    raw = document() | {"size": [10_001, 10_001], "value": {}}
    raw["dimension"] = {id: {"category": {"index": index}} for id in ("zone", "sex")}
    assert refusal(raw).faults == (
        f"size: declares 100020001 cells, more than the {MAX_CELLS} that are read",
    )
    endless = document() | {"size": [10**30, 10**30], "value": {}}
    assert "more than the" in refusal(endless).faults[-1]


# Refusals: cells


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (..., "value: absent or null, must be a list or an object"),
        ("1", "value: text, must be a list or an object"),
        ([1, 2, 3], "value: 3 values, but size says 6 cells"),
        ([1] * 7, "value: 7 values, but size says 6 cells"),
        ([], "value: 0 values, but size says 6 cells"),
        ([1, 2, 3, 4, "5", 6], 'value[4] (zone=B, sex=F): "5" is no number'),
        ([1, True, 3, 4, 5, 6], "value[1] (zone=A, sex=F): true is no number"),
        ([1, [2], 3, 4, 5, 6], "value[1] (zone=A, sex=F): [2] is no number"),
        ({"4": "5"}, 'value[4] (zone=B, sex=F): "5" is no number'),
        ({"4": False}, "value[4] (zone=B, sex=F): false is no number"),
        ({"6": 1}, 'value: key "6" is no cell below 6'),
        ({"-1": 1}, 'value: key "-1" is no cell below 6'),
        ({"01": 1}, 'value: key "01" is no cell below 6'),
        ({"1.0": 1}, 'value: key "1.0" is no cell below 6'),
        ({"٣": 1}, 'value: key "٣" is no cell below 6'),
        ({"": 1}, 'value: key "" is no cell below 6'),
        ({"9" * 30: 1}, 'value: key "999'),
        ([2**53 + 1, 2, 3, 4, 5, 6], "value[0] (zone=A, sex=T): 9007199254740993 cannot be held"),
        ([10**400, 2, 3, 4, 5, 6], "value[0] (zone=A, sex=T): 1000"),
    ],
)
def test_faulty_values(value: object, fault: str) -> None:
    assert refusal(with_member("value", value)).faults[0].startswith(fault)


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_numbers_beyond_a_float64(number: str) -> None:
    text = json.dumps(document() | {"extension": {"most": 77}})
    (extension, value) = refusal(text.replace("[5", f"[{number}").replace("77", number)).faults
    assert extension == "extension.most: a number too large for a float64"
    assert value.startswith("value[0] (zone=A, sex=T): ")
    assert value.endswith("is too large for a float64")


def test_whole_numbers_that_a_float64_holds_are_read() -> None:
    cube = read(with_member("value", [2**53, 2**60, -(2**70), 10**22, 1e300, 0]))
    assert cube.values.ravel().tolist() == [2**53, 2**60, -(2**70), 10**22, 1e300, 0]


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (5, "status: a number, must be text, a list or an object"),
        (True, "status: true or false, must be text, a list or an object"),
        (["c"], "status: 1 statuses, but size says 6 cells"),
        ([":"] * 7, "status: 7 statuses, but size says 6 cells"),
        ([1, None, None, None, None, None], "status[0]: 1, must be text or null"),
        ({"2": 5}, "status[2]: 5, must be text or null"),
        ({"6": ":"}, 'status: key "6" is no cell below 6'),
        ({"x": ":"}, 'status: key "x" is no cell below 6'),
    ],
)
def test_faulty_statuses(status: object, fault: str) -> None:
    assert refusal(document() | {"status": status}, SYMBOLS).faults[0].startswith(fault)


@pytest.mark.parametrize("status", ["x", ["x"] * 6, {"1": "x", "2": "x", "3": "p"}])
def test_an_unknown_symbol_on_a_cell_without_a_number(status: object) -> None:
    raw = with_member("value", [1, None, None, 4, 5, 6]) | {"status": status}
    assert refusal(raw, {":": "missing"}).faults == (
        'status: symbol "x" on 2 cells without a number (value[1], value[2]) has no meaning given; '
        'known symbols: ":"',
    )


def test_symbols_must_have_a_known_meaning() -> None:
    (fault,) = refusal(document(), {"-": "nothing", ":": "missing"}).faults
    assert fault.startswith('symbols given: "-" means "nothing", must be one of: suppressed, miss')


@pytest.mark.parametrize("key", ["label", "source", "updated"])
def test_texts_must_be_texts(key: str) -> None:
    assert refusal(document() | {key: ["x"]}).faults == (f"{key}: a list, must be text",)


@pytest.mark.parametrize("extension", [[], "x", 0, False, ""])
def test_the_extension_must_be_an_object(extension: object) -> None:
    (fault,) = refusal(document() | {"extension": extension}).faults
    assert fault.startswith("extension: ")


# The cube


def test_cell_names_what_is_available() -> None:
    cube = read(document())
    with pytest.raises(CubeError) as caught:
        cube.cell(zone="C", age="1")
    assert caught.value.faults == (
        'no dimension "age"; there are: zone, sex',
        'dimension "zone" has no code "C"; there are: A, B',
        'no code given for dimension "sex"',
    )


def test_dimension_and_position_name_what_is_available() -> None:
    cube = read(document())
    assert cube.dimension("zone").position("B") == 1
    with pytest.raises(CubeError, match=r'has no dimension "age"[\s\S]*use one of: zone, sex'):
        cube.dimension("age")
    with pytest.raises(CubeError, match=r'has no code "X"[\s\S]*use one of: T, F, M'):
        cube.dimension("sex").position("X")


def test_to_frame() -> None:
    raw = with_member("value", [5, None, None, 0, 2.5, None])
    frame = read(raw | {"status": [None, "c", ":", None, None, "."]}, SYMBOLS).to_frame()
    assert frame.schema == pl.Schema(
        {"zone": pl.String, "sex": pl.String, "value": pl.Float64, "status": pl.String}
    )
    assert frame.rows() == [
        ("A", "T", 5.0, "value"),
        ("A", "F", None, "suppressed"),
        ("A", "M", None, "missing"),
        ("B", "T", 0.0, "zero"),
        ("B", "F", 2.5, "value"),
        ("B", "M", None, "not_applicable"),
    ]


def test_to_frame_refuses_a_dimension_with_a_column_name() -> None:
    axis = Dimension("status", "", ("a",), ("a",))
    cube = Cube("t", "", "", (axis,), np.ones(1), np.zeros(1, np.uint8), {})
    with pytest.raises(CubeError, match='a dimension is called "status"'):
        cube.to_frame()


AXIS = Dimension("zone", "Zone", ("a", "b"), ("A", "B"))


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: Dimension("z", "", ("a", "a"), ("A", "B")), "z: codes that occur more than once"),
        (lambda: Dimension("z", "", ("a", "b"), ("A",)), "z: 2 codes, 1 labels"),
        (lambda: cube_of([1, 2], [0, 0], dimensions=()), "there is no dimension"),
        (lambda: cube_of([[1, 2]] * 2, [[0, 0]] * 2, (AXIS, AXIS)), "dimension ids that occur mo"),
        (lambda: cube_of([1, 2, 3], [0, 0, 0]), "values: shape (3,), but the dimensions say (2,)"),
        (lambda: cube_of([1, 2], [0]), "status: shape (1,), but the dimensions say (2,)"),
        (lambda: cube_of([1, math.inf], [0, 0]), "values: an infinite number"),
        (lambda: cube_of([1, math.nan], [0, 0]), "status: 1 cells whose status contradicts"),
        (lambda: cube_of([1, 2], [0, 3]), "status: 1 cells whose status contradicts"),
        (lambda: cube_of([1, 0], [1, 0]), "status: 2 cells whose status contradicts"),
        (lambda: cube_of([1, math.nan], [0, 9]), "status: a number above 4 is no CellStatus"),
    ],
)
def test_parts_that_do_not_fit(make: Callable[[], object], fault: str) -> None:
    with pytest.raises(CubeError) as caught:
        make()
    assert caught.value.faults[0].startswith(fault)


def cube_of(values: object, status: object, dimensions: tuple[Dimension, ...] = (AXIS,)) -> Cube:
    figures = np.array(values, dtype=np.float64)
    return Cube("t", "", "", dimensions, figures, np.array(status, dtype=np.uint8), {})


def test_arrays_of_another_type_do_not_fit() -> None:
    with pytest.raises(CubeError, match="values: type int64, must be float64"):
        Cube("", "", "", (AXIS,), np.array([1, 2]), np.zeros(2, np.uint8), {})


def test_figures_cannot_be_changed() -> None:
    figures = np.array([1.0, 2.0])
    cube = Cube("", "", "", (AXIS,), figures, np.zeros(2, np.uint8), {})
    with pytest.raises(ValueError, match="read-only"):
        cube.values[0] = 3
    figures[0] = 1.0  # the giver's own array stays writable


# Writing


def test_the_written_bytes() -> None:
    cube = read(with_member("value", [5, None, 2.5, 0, None, -1]) | {"status": [":"] * 6}, SYMBOLS)
    assert write_jsonstat(cube, note=["Enumerated only"]).decode() == (
        '{\n"version":"2.0",\n"class":"dataset",\n"label":"Residents",\n"source":"Office",\n'
        '"updated":"2025-01-31",\n"note":["Enumerated only"],\n"id":["zone","sex"],\n"size":[2,3],'
        '\n"dimension":{"zone":{"label":"Municipality","category":{"index":["A","B"],'
        '"label":{"A":"Aš","B":"Bë"}}},"sex":{"label":"sex","category":{"index":["T","F","M"]}}},'
        '\n"value":[5,null,2.5,0,null,-1],\n"status":{"1":":","4":":"}\n}\n'
    )


def test_what_is_unknown_is_left_out() -> None:
    written = json.loads(write_jsonstat(cube_of([1, 2], [0, 0])))
    assert set(written) == {"version", "class", "label", "id", "size", "dimension", "value"}


def test_the_order_of_extension_keys_does_not_show() -> None:
    one, other = ({"b": 1, "a": {"y": 1, "x": [2]}}, {"a": {"x": [2], "y": 1}, "b": 1})
    cubes = [read(document() | {"extension": extension}) for extension in (one, other)]
    assert write_jsonstat(cubes[0]) == write_jsonstat(cubes[1])


@pytest.mark.parametrize(
    "extension", [{"a": math.nan}, {"a": {1: "x"}}, {"a": {1, 2}}, {"a": "\ud800"}]
)
def test_an_extension_that_is_not_json_is_refused(extension: dict[str, object]) -> None:
    cube = Cube("t", "", "", (AXIS,), np.ones(2), np.zeros(2, np.uint8), extension)
    with pytest.raises(CubeError, match='The cube "t" cannot be written as JSON-stat'):
        write_jsonstat(cube)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON_ITEMS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda items: st.lists(items, max_size=3) | st.dictionaries(TEXTS, items, max_size=3),
    max_leaves=6,
)  # fmt: skip
FIGURES = st.one_of(
    st.integers(-10, 10**7).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([CellStatus.SUPPRESSED, CellStatus.MISSING, CellStatus.NOT_APPLICABLE]),
)


@st.composite
def cubes(draw: st.DrawFn) -> Cube:
    dimensions = []
    for id in draw(st.lists(TEXTS, min_size=1, max_size=3, unique=True)):
        codes = draw(st.lists(TEXTS, min_size=1, max_size=4, unique=True))
        same = draw(st.booleans())
        labels = codes if same else [draw(TEXTS) for _ in codes]
        dimensions.append(Dimension(id, draw(TEXTS), tuple(codes), tuple(labels)))
    shape = tuple(len(each.codes) for each in dimensions)
    size = math.prod(shape)
    figures = draw(st.lists(FIGURES, min_size=size, max_size=size))
    values = [math.nan if isinstance(each, CellStatus) else each for each in figures]
    status = [
        each if isinstance(each, CellStatus) else CellStatus.VALUE if each else CellStatus.ZERO
        for each in figures
    ]
    return Cube(
        label=draw(TEXTS),
        source=draw(TEXTS),
        updated=draw(TEXTS),
        dimensions=tuple(dimensions),
        values=np.array(values, dtype=np.float64).reshape(shape),
        status=np.array(status, dtype=np.uint8).reshape(shape),
        extension=draw(st.dictionaries(TEXTS, JSON_ITEMS, max_size=3)),
    )


@given(cubes())
def test_round_trip(cube: Cube) -> None:
    written = write_jsonstat(cube)
    again = read_jsonstat(written, name="own", symbols=DEFAULT_SYMBOLS)
    for part in ("label", "source", "updated", "dimensions", "extension"):
        assert getattr(again, part) == getattr(cube, part)
    np.testing.assert_array_equal(again.values, cube.values, strict=True)
    np.testing.assert_array_equal(again.status, cube.status, strict=True)
    assert write_jsonstat(again) == written


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(CubeError):
        read_jsonstat(content, name="noise")


@given(JSON_ITEMS, st.sampled_from(["id", "size", "dimension", "value", "status", "extension"]))
def test_any_member_is_read_or_refused(item: object, key: str) -> None:
    with contextlib.suppress(CubeError):
        assert read(document() | {key: item}, SYMBOLS).size == 6


# Genuine answers of offices


@pytest.fixture
def genuine() -> Path:
    if not GENUINE.is_dir():
        pytest.skip("the folder of recorded JSON-stat answers is not beside this project")
    return GENUINE


@pytest.mark.parametrize("name", GENUINE_SETS)
def test_genuine_data_sets(genuine: Path, name: str) -> None:
    document = (genuine / name).read_bytes()
    shape, codes, figure = GENUINE_SETS[name]
    cube = read_jsonstat(document, name=name)
    raw = json.loads(document)
    assert cube.values.shape == shape
    assert cube.cell(**codes) == (figure, CellStatus.VALUE)
    figures = [math.nan if item is None else item for item in raw["value"]]
    np.testing.assert_array_equal(cube.values.ravel(), figures)
    again = read_jsonstat(write_jsonstat(cube), name="own", symbols=DEFAULT_SYMBOLS)
    np.testing.assert_array_equal(again.values, cube.values)
    assert again.dimensions == cube.dimensions


@pytest.mark.parametrize("name", GENUINE_OTHERS)
def test_genuine_documents_of_other_kinds_are_refused(genuine: Path, name: str) -> None:
    with pytest.raises(CubeError) as caught:
        read_jsonstat((genuine / name).read_bytes(), name=name)
    assert caught.value.faults[0].startswith(("a ", "version", "class"))
    assert GENUINE_OTHERS[name] in caught.value.faults[0]


def test_no_genuine_document_goes_unread(genuine: Path) -> None:
    assert {file.name for file in genuine.glob("*.json")} == GENUINE_SETS.keys() | GENUINE_OTHERS


@pytest.fixture
def pxweb() -> Path:
    if not (CONNECTORS / "pxweb_v2_scb").is_dir():
        pytest.skip("the folder of recorded PxWeb answers is not beside this project")
    return CONNECTORS / "pxweb_v2_scb"


def test_a_genuine_pxweb_answer(pxweb: Path) -> None:
    cube = read_jsonstat((pxweb / "TAB6471_data.json").read_bytes(), name="TAB6471")
    assert cube.values.shape == (21, 11, 3, 1, 4)
    codes = {"Region": "01", "Alder": "0-9", "Kon": "TotSa", "ContentsCode": "000007SF"}
    assert cube.cell(**codes, Tid="2026M02") == (247_245.0, CellStatus.VALUE)
    assert cube.dimension("Region").labels[0] == "Stockholms län"


def test_a_table_description_without_figures_is_refused(pxweb: Path) -> None:
    with pytest.raises(CubeError, match="value: 0 values, but size says 2006784 cells"):
        read_jsonstat((pxweb / "TAB6471_metadata.json").read_bytes(), name="TAB6471")
