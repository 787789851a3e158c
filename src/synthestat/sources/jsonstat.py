"""JSON-stat 2.0 data sets: a strict reader, and a writer whose bytes depend on the cube alone.

The format: https://json-stat.org/full/ (class `dataset`, version 2.0). The reader goes further
than the format where a figure could otherwise be misread: it refuses what Python's own parser
lets through (repeated keys, NaN and Infinity, broken surrogates), text or booleans as figures,
whole numbers that a float64 cannot hold, and any disagreement between sizes, categories and
values. It keeps zero, suppressed, missing and not applicable apart.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType, NoneType
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from synthestat.errors import CubeError
from synthestat.sources.cube import (
    CellStatus,
    Cube,
    Dimension,
    listed,
    number_status,
    repeated_names,
)

MAX_CELLS = 100_000_000
"""The largest cube that is read: 900 MB of values and statuses. Assumption, no source."""

DEFAULT_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {"c": "suppressed", ":": "missing", ".": "not_applicable"}
)
"""The status symbols that `write_jsonstat` uses: Eurostat's flags "c" (confidential) and ":" (not
available), and the "." (not applicable) of the Nordic offices' tables."""

_NO_SYMBOLS: Mapping[str, str] = MappingProxyType({})
_MEANINGS = {
    "suppressed": CellStatus.SUPPRESSED,
    "missing": CellStatus.MISSING,
    "not_applicable": CellStatus.NOT_APPLICABLE,
}
_NUMBERS = {int, float, NoneType}  # type(True) is bool, so booleans are not numbers here
_PLACE = re.compile("0|[1-9][0-9]{0,17}")  # a key of a sparse object
_EXACT = 2.0**53  # from here on, a float64 skips whole numbers
_SHOWN = 10  # faults of one kind shown before the rest is counted; assumption, no source
_REMEDY = "fetch the table again as JSON-stat 2.0 (PxWeb: json-stat2); never mend an extract"


def read_jsonstat(document: bytes, *, name: str, symbols: Mapping[str, str] = _NO_SYMBOLS) -> Cube:
    """Read one JSON-stat 2.0 data set.

    `document` is UTF-8 (a byte order mark is skipped); `name` is how errors call it. `symbols`
    maps the office's status symbols to "suppressed", "missing" or "not_applicable".

    A number is VALUE, or ZERO if it is 0, whatever symbol stands beside it; a null with a symbol
    is what `symbols` says; a null without one, or a cell left out of a sparse `value` object, is
    MISSING. Notes, roles, units, links and child categories are not kept.

    Raises CubeError with every fault found, each with its place in the document.
    """
    faults: list[str] = []
    meanings = _status_meanings(symbols, faults)
    root = _parse(document, name, faults)
    if kind_faults := _kind_faults(root):
        raise _refusal(name, faults + kind_faults)
    assert isinstance(root, dict)  # _kind_faults has refused everything else
    dimensions, cells = _read_dimensions(root, faults)
    if cells is not None and cells > MAX_CELLS:
        faults.append(f"size: declares {cells} cells, more than the {MAX_CELLS} that are read")
        raise _refusal(name, faults)
    values = _read_values(root.get("value"), cells, dimensions, faults)
    blanks = np.flatnonzero(np.isnan(values))
    blank_status = _read_blanks(root.get("status"), blanks, cells, meanings, faults)
    texts = {key: _text(root.get(key), key, "", faults) for key in ("label", "source", "updated")}
    extension = root.get("extension")
    if not (extension is None or _is_object(extension, "extension", faults)) or faults:
        raise _refusal(name, faults)
    status = number_status(values)
    status[blanks] = blank_status
    shape = tuple(len(each.codes) for each in dimensions)
    parts = (dimensions, values.reshape(shape), status.reshape(shape), extension or {})
    return Cube(texts["label"], texts["source"], texts["updated"], *parts)


def write_jsonstat(cube: Cube, *, note: Sequence[str] = ()) -> bytes:
    """The cube as JSON-stat 2.0: UTF-8, one top-level member a line, the same bytes every time.

    Whole numbers are written without a decimal point; `status` holds only the cells without a
    number, as DEFAULT_SYMBOLS; keys inside the extension are sorted. `read_jsonstat` with
    DEFAULT_SYMBOLS gives the same cube back (but not `note`, which is for human readers).

    Raises CubeError if a text cannot be UTF-8 or the extension cannot be JSON.
    """
    try:
        lines = [f"{_json(key)}:{_json(member)}" for key, member in _members(cube, note).items()]
        return ("{\n" + ",\n".join(lines) + "\n}\n").encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise CubeError(
            f'The cube "{cube.label}" cannot be written as JSON-stat',
            faults=[str(error)],
            remedy="keep texts to valid Unicode and the extension to plain JSON values",
        ) from error


# --- the document -------------------------------------------------------------------------


class _RepeatedKeys(dict[str, object]):
    """A JSON object in which `keys_seen_again` each occur more than once (the last one counts)."""

    keys_seen_again: list[str]


class _NotJson(str):
    """A literal that Python's parser accepts and JSON does not: NaN, Infinity, -Infinity."""


def _parse(document: bytes, name: str, faults: list[str]) -> object:
    """The parsed document; adds what JSON allows but no figure should rest on to `faults`.

    Raises CubeError if the bytes are not UTF-8 or not JSON.
    """
    text = _decode(document, name)
    marks: list[object] = re.findall(r"\\u[dD]", text)  # perhaps half a surrogate pair

    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        marks.append(marked := _RepeatedKeys(found))
        marked.keys_seen_again = repeated_names(key for key, _ in pairs)
        return marked

    def literal(text: str) -> _NotJson:
        marks.append(marked := _NotJson(text))
        return marked

    try:
        root = json.loads(text, object_pairs_hook=members, parse_constant=literal)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise _refusal(name, [f"not JSON: {place}"]) from error
    except (ValueError, RecursionError) as error:  # numbers or nesting beyond Python's limits
        raise _refusal(name, [f"cannot be parsed: {error}"]) from error
    if marks:
        faults.extend(_sweep(root, ""))
    elif isinstance(root, dict):
        faults.extend(_sweep(root.get("extension"), "extension"))
    return root


def _decode(document: bytes, name: str) -> str:
    """The document as text, without a byte order mark. Raises CubeError if it is not UTF-8."""
    content = document.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        place = f"line {line}, column {column}: byte 0x{content[error.start]:02x}"
        raise _refusal(name, [f"not UTF-8: {place}"]) from error


def _sweep(root: object, place: str) -> list[str]:
    """Faults of JSON itself anywhere under `root`, which stands at `place`.

    Takes each faulty literal or key out, so that it is not reported a second time.
    """
    faults: list[str] = []
    stack: list[tuple[str, object]] = [(place, root)]
    while stack:
        where, node = stack.pop()
        if isinstance(node, _RepeatedKeys):
            at = where or "top level"
            faults += [f"{at}: repeated key {_shown(key)}" for key in node.keys_seen_again]
        if not isinstance(node, dict | list):
            continue
        for key, child in list(node.items() if isinstance(node, dict) else enumerate(node)):
            if isinstance(node, dict) and (fault := _scalar_fault(key)):
                faults.append(f"{where or 'top level'}: a key is {fault}")
                del node[key]
            elif fault := _scalar_fault(child):
                faults.append(f"{_inside(where, key)}: {fault}")
                node[key] = None
            elif isinstance(child, dict | list):
                stack.append((_inside(where, key), child))
    return faults


def _scalar_fault(item: object) -> str:
    """What is wrong with a single JSON literal, "" if nothing."""
    if isinstance(item, _NotJson):
        return f"{item} is no JSON number"
    if isinstance(item, float) and math.isinf(item):
        return "a number too large for a float64"
    if isinstance(item, str) and any("\ud800" <= letter <= "\udfff" for letter in item):
        return f"text with half a surrogate pair: {item!a}"
    return ""


def _inside(where: str, key: str | int) -> str:
    """The place of a member: `dimension.zone`, `dimension["Grupo de edad"]`, `value[3]`."""
    if isinstance(key, str) and key.isidentifier():
        return f"{where}.{key}" if where else key
    return f"{where}[{_shown(key)}]"


def _kind_faults(root: object) -> list[str]:
    """Why the document is no JSON-stat 2.0 data set at all; empty if it is one."""
    if not isinstance(root, dict):
        return [f"top level: {_kind(root)}, must be an object"]
    bundled = [key for key in root if isinstance(at := root[key], dict) and "dimension" in at]
    if "class" not in root and "version" not in root and bundled:
        return [f"a JSON-stat 1 bundle of: {listed(bundled)}; only version 2.0 is read"]
    faults = []
    for key, wanted in (("version", "2.0"), ("class", "dataset")):
        if root.get(key) != wanted:
            found = _shown(root[key]) if key in root else "absent"
            faults.append(f'{key}: {found}, must be "{wanted}"')
    return faults


def _status_meanings(symbols: Mapping[str, str], faults: list[str]) -> dict[str, CellStatus]:
    """The CellStatus of each symbol that the caller declares."""
    must = f"must be one of: {listed(_MEANINGS)}"
    wrong = [(key, meaning) for key, meaning in symbols.items() if meaning not in _MEANINGS]
    _add(faults, [f"symbols given: {_shown(key)} means {_shown(to)}, {must}" for key, to in wrong])
    return {key: _MEANINGS[meaning] for key, meaning in symbols.items() if meaning in _MEANINGS}


# --- dimensions ---------------------------------------------------------------------------


def _read_dimensions(
    root: dict[str, object], faults: list[str]
) -> tuple[tuple[Dimension, ...], int | None]:
    """The dimensions, and how many cells they declare.

    Where something is wrong there are no dimensions, and the number of cells is None if the
    sizes themselves cannot be trusted.
    """
    ids, sizes = _read_ids(root, faults), _read_sizes(root, faults)
    if ids is not None and sizes is not None and len(ids) != len(sizes):
        faults.append(f"size: {len(sizes)} sizes for the {len(ids)} dimensions in id")
        sizes = None
    cells = None if sizes is None else math.prod(sizes)
    described = root.get("dimension")
    if not _is_object(described, "dimension", faults) or ids is None:
        return (), cells
    if extra := [key for key in described if key not in set(ids)]:
        faults.append(f"dimension: not named in id: {listed(extra)}")
    known: Sequence[int | None] = sizes or [None] * len(ids)
    found = [_read_dimension(id, described.get(id), known[i], faults) for i, id in enumerate(ids)]
    complete = tuple(each for each in found if each is not None)
    return (complete if len(complete) == len(found) else ()), cells


def _read_ids(root: dict[str, object], faults: list[str]) -> list[str] | None:
    """`id`: the dimensions' ids in order; None if they cannot be told."""
    ids = root.get("id")
    if isinstance(ids, list) and ids:
        return _distinct_texts(ids, "id", faults)
    faults.append(f"id: {_kind(ids)}, must be a list of at least one dimension id")
    return None


def _read_sizes(root: dict[str, object], faults: list[str]) -> list[int] | None:
    """`size`: the number of categories of each dimension; None if they cannot be told."""
    sizes = root.get("size")
    if not isinstance(sizes, list):
        faults.append(f"size: {_kind(sizes)}, must be a list of whole numbers")
        return None
    wrong = [
        f"size[{i}]: {_shown(size)}, must be a whole number of 0 or more"
        for i, size in enumerate(sizes)
        if type(size) is not int or size < 0
    ]
    _add(faults, wrong)
    return None if wrong else sizes


def _read_dimension(
    id: str, described: object, size: int | None, faults: list[str]
) -> Dimension | None:
    """One member of `dimension`, of `size` categories if that is known; None if it is faulty."""
    place = _inside("dimension", id)
    if not _is_object(described, place, faults):
        return None
    category = described.get("category")
    label = _text(described.get("label"), f"{place}.label", id, faults)
    place += ".category"
    if not _is_object(category, place, faults):
        return None
    before = len(faults)
    codes = _read_codes(category, place, faults)
    if codes is None:
        return None
    if size is not None and len(codes) != size:
        faults.append(f"{place}: {len(codes)} categories, but size says {size}")
    labels = _read_labels(category, codes, place, faults)
    if len(faults) > before:
        return None
    return Dimension(id, label, tuple(codes), tuple(labels))


def _read_codes(category: dict[str, object], place: str, faults: list[str]) -> list[str] | None:
    """The category codes in order, from a list, an object of positions, or a single label."""
    index, label = category.get("index"), category.get("label")
    if isinstance(index, list):
        return _distinct_texts(index, f"{place}.index", faults)
    if isinstance(index, dict):
        return _positioned_codes(index, f"{place}.index", faults)
    if index is None and isinstance(label, dict) and len(label) == 1:
        return list(label)
    faults.append(
        f"{place}.index: {_kind(index)}, must be a list or an object; "
        "only a single category with a label may do without"
    )
    return None


def _distinct_texts(items: list[object], place: str, faults: list[str]) -> list[str] | None:
    """The items, which must be texts and all different; None if they are not."""
    texts = [item for item in items if isinstance(item, str)]
    wrong = [(i, item) for i, item in enumerate(items) if not isinstance(item, str)]
    _add(faults, [f"{place}[{i}]: {_shown(item)}, must be text" for i, item in wrong])
    if repeated := repeated_names(texts):
        faults.append(f"{place}: more than once: {listed(repeated)}")
    return None if wrong or repeated else texts


def _positioned_codes(index: dict[str, object], place: str, faults: list[str]) -> list[str] | None:
    """Codes given with their positions, which must be 0, 1, 2 ... without gap or repetition."""
    wrong: list[str] = []
    codes: dict[int, str] = {}
    for code, at in index.items():
        if type(at) is not int or not 0 <= at < len(index):
            must = f"must be a whole number from 0 to {len(index) - 1}"
            wrong.append(f"{_inside(place, code)}: {_shown(at)}, {must}")
        elif at in codes:
            wrong.append(f"{_inside(place, code)}: position {at} is taken by {_shown(codes[at])}")
        else:
            codes[at] = code
    _add(faults, wrong)
    if gaps := [str(at) for at in range(len(index)) if at not in codes]:
        faults.append(f"{place}: no category at position {listed(gaps)}")
    return None if gaps else [codes[at] for at in range(len(index))]


def _read_labels(
    category: dict[str, object], codes: list[str], place: str, faults: list[str]
) -> list[str]:
    """The label of each code, in order; the codes themselves if there is no `label` at all."""
    labels = category.get("label")
    place += ".label"
    if labels is None or not _is_object(labels, place, faults):
        return codes
    known = set(codes)
    if unknown := [code for code in labels if code not in known]:
        faults.append(f"{place}: not in index: {listed(unknown)}")
    if absent := [code for code in codes if code not in labels]:
        faults.append(f"{place}: no label for: {listed(absent)}")
    wrong = [
        f"{_inside(place, code)}: {_shown(label)}, must be text"
        for code, label in labels.items()
        if not isinstance(label, str)
    ]
    _add(faults, wrong)
    return [str(labels.get(code)) for code in codes]


# --- cells --------------------------------------------------------------------------------


def _read_values(
    raw: object, cells: int | None, dimensions: tuple[Dimension, ...], faults: list[str]
) -> NDArray[np.float64]:
    """The figures, flat and in order, NaN for null; not always `cells` many where faulty."""
    if isinstance(raw, list):
        if cells is not None and len(raw) != cells:
            faults.append(f"value: {len(raw)} values, but size says {cells} cells")
            dimensions = ()
        return _numbers(raw, range(len(raw)), dimensions, faults)
    if isinstance(raw, dict):
        places = _positions(raw, cells, "value", faults)
        numbers = _numbers(list(raw.values()), places, dimensions, faults)
        values = np.full(cells or 0, np.nan)
        if -1 not in places and cells is not None:
            values[places] = numbers
        return values
    faults.append(f"value: {_kind(raw)}, must be a list or an object")
    return np.empty(0)


def _numbers(
    raw: list[object], places: Sequence[int], dimensions: tuple[Dimension, ...], faults: list[str]
) -> NDArray[np.float64]:
    """`raw` as float64, NaN for null and for what is no finite number held exactly (a fault)."""

    def refuse(wrong: Iterable[int], reason: str) -> None:
        at = [(_cell_name(places[i], dimensions), raw[i]) for i in wrong]
        _add(faults, [f"{place}: {_shown(item)} {reason}" for place, item in at])

    if not set(map(type, raw)) <= _NUMBERS:
        refuse([i for i, item in enumerate(raw) if type(item) not in _NUMBERS], "is no number")
        raw = [item if type(item) in _NUMBERS else None for item in raw]
    try:
        numbers = np.array(raw, dtype=np.float64)
    except OverflowError:  # a whole number beyond 1.8e308
        near = [math.inf if type(n) is int and n.bit_length() > 1023 else n for n in raw]
        numbers = np.array(near, dtype=np.float64)
    large = np.flatnonzero(np.abs(numbers) >= _EXACT).tolist()
    endless = [i for i in large if np.isinf(numbers[i])]
    refuse(endless, "is too large for a float64")
    inexact = [i for i in large if np.isfinite(numbers[i]) and raw[i] != numbers[i].item()]
    refuse(inexact, "cannot be held exactly by a float64")
    numbers[endless + inexact] = np.nan
    return numbers + 0.0  # makes -0.0 a plain 0.0


def _read_blanks(
    raw: object,
    blanks: NDArray[np.intp],
    cells: int | None,
    meanings: Mapping[str, CellStatus],
    faults: list[str],
) -> NDArray[np.uint8]:
    """The CellStatus of each cell in `blanks`, the flat positions of the cells without a number."""
    symbols = _symbols_by_place(raw, blanks, cells, faults)
    found = np.full(len(blanks), CellStatus.MISSING, dtype=np.uint8)
    unknown: dict[str, list[int]] = {}
    for i, place in enumerate(blanks.tolist() if symbols else []):
        symbol = symbols.get(place)
        if isinstance(symbol, str) and symbol in meanings:
            found[i] = meanings[symbol]
        elif isinstance(symbol, str):
            unknown.setdefault(symbol, []).append(place)
    for symbol, places in unknown.items():
        where = listed(f"value[{place}]" for place in places[:_SHOWN])
        faults.append(
            f"status: symbol {_shown(symbol)} on {len(places)} cells without a number ({where}"
            f"{' ...' if len(places) > _SHOWN else ''}) has no meaning given; "
            f"known symbols: {listed(map(_shown, meanings)) or 'none'}"
        )
    return found


def _symbols_by_place(
    raw: object, blanks: NDArray[np.intp], cells: int | None, faults: list[str]
) -> dict[int, object]:
    """The status symbol, if any, at each flat position: at least those of the cells in `blanks`."""
    if raw is None or isinstance(raw, str):
        return {} if raw is None else dict.fromkeys(blanks.tolist(), raw)
    symbols: dict[int, object] = {}
    if isinstance(raw, dict):
        symbols = dict(zip(_positions(raw, cells, "status", faults), raw.values(), strict=True))
    elif isinstance(raw, list):
        symbols = dict(enumerate(raw))
        if cells is not None and len(raw) != cells:
            faults.append(f"status: {len(raw)} statuses, but size says {cells} cells")
    else:
        faults.append(f"status: {_kind(raw)}, must be text, a list or an object")
    wrong = [(at, item) for at, item in symbols.items() if not isinstance(item, str | None)]
    _add(faults, [f"status[{at}]: {_shown(item)}, must be text or null" for at, item in wrong])
    return symbols


def _positions(
    sparse: dict[str, object], cells: int | None, where: str, faults: list[str]
) -> list[int]:
    """The keys of a sparse object as flat positions, -1 (and a fault) where a key is none."""
    limit = MAX_CELLS if cells is None else cells
    places = [int(key) if _PLACE.fullmatch(key) else -1 for key in sparse]
    if places and not 0 <= min(places) <= max(places) < limit:
        places = [place if place < limit else -1 for place in places]
        bad = [key for key, place in zip(sparse, places, strict=True) if place < 0]
        _add(faults, [f"{where}: key {_shown(key)} is no cell below {limit}" for key in bad])
    return places


def _cell_name(place: int, dimensions: tuple[Dimension, ...]) -> str:
    """`value[17] (zone=XK, age=17)`, or without the codes where they are not to be had."""
    shape = tuple(len(each.codes) for each in dimensions)
    if not 0 <= place < math.prod(shape) or not dimensions:
        return f"value[{place}]"
    axes = zip(dimensions, np.unravel_index(place, shape), strict=True)
    return f"value[{place}] ({', '.join(f'{each.id}={each.codes[i]}' for each, i in axes)})"


# --- words --------------------------------------------------------------------------------


def _text(item: object, place: str, default: str, faults: list[str]) -> str:
    """A text; the default if it is absent or null."""
    if item is None or isinstance(item, str):
        return default if item is None else item
    faults.append(f"{place}: {_kind(item)}, must be text")
    return default


def _is_object(item: object, place: str, faults: list[str]) -> TypeGuard[dict[str, object]]:
    """Whether the item is a JSON object; a fault if not."""
    if not isinstance(item, dict):
        faults.append(f"{place}: {_kind(item)}, must be an object")
    return isinstance(item, dict)


def _add(faults: list[str], more: list[str]) -> None:
    """Add faults of one kind: the first ten, then how many more there are."""
    faults += more[:_SHOWN]
    if len(more) > _SHOWN:
        faults.append(f"... and {len(more) - _SHOWN} more like the last one")


def _refusal(name: str, faults: list[str]) -> CubeError:
    """The one error that the reader raises."""
    return CubeError(f"{name} is not a JSON-stat 2.0 data set", faults=faults, remedy=_REMEDY)


def _kind(item: object) -> str:
    """What an item is in JSON's own terms."""
    names = {NoneType: "absent or null", bool: "true or false", str: "text", list: "a list"}
    if isinstance(item, list) and not item:
        return "an empty list"
    return names.get(type(item), "an object" if isinstance(item, dict) else "a number")


def _shown(item: object) -> str:
    """An item as JSON for an error message, cut short."""
    text = json.dumps(item, default=str, ensure_ascii=False)
    text = text if text.isprintable() else json.dumps(item, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


# --- writing ------------------------------------------------------------------------------


def _json(item: object) -> str:
    """Compact JSON, letters kept as they are. Raises ValueError on NaN and infinities."""
    return json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _members(cube: Cube, note: Sequence[str]) -> dict[str, object]:
    """The members of the data set, in the order in which they are written."""
    symbol_of = {int(_MEANINGS[word]): symbol for symbol, word in DEFAULT_SYMBOLS.items()}
    texts = {"label": cube.label, "source": cube.source, "updated": cube.updated}
    members: dict[str, object] = {"version": "2.0", "class": "dataset"}
    members |= {key: text for key, text in texts.items() if text}
    if note:
        members["note"] = list(note)
    members["id"] = [each.id for each in cube.dimensions]
    members["size"] = [len(each.codes) for each in cube.dimensions]
    members["dimension"] = {each.id: _written_dimension(each) for each in cube.dimensions}
    members["value"] = [_written_number(value) for value in cube.values.ravel().tolist()]
    status = cube.status.ravel()
    if blanks := np.flatnonzero(status > CellStatus.ZERO).tolist():
        members["status"] = {str(place): symbol_of[int(status[place])] for place in blanks}
    if cube.extension:
        members["extension"] = _sorted_keys(cube.extension)
    return members


def _written_number(value: float) -> int | float | None:
    """A figure as JSON holds it: null for NaN, no decimal point if whole."""
    if math.isnan(value):
        return None
    return int(value) if value.is_integer() else value


def _written_dimension(dimension: Dimension) -> dict[str, object]:
    """A member of `dimension`; category labels only where they differ from the codes."""
    category: dict[str, object] = {"index": list(dimension.codes)}
    if dimension.labels != dimension.codes:
        category["label"] = dict(zip(dimension.codes, dimension.labels, strict=True))
    return {"label": dimension.label, "category": category}


def _sorted_keys(item: object) -> object:
    """The same JSON value with the keys of every object in order. Raises TypeError on others."""
    if isinstance(item, Mapping):
        if wrong := [key for key in item if not isinstance(key, str)]:
            raise TypeError(f"extension: keys that are not text: {listed(map(repr, wrong))}")
        return {key: _sorted_keys(item[key]) for key in sorted(item)}
    if isinstance(item, list | tuple):
        return [_sorted_keys(member) for member in item]
    return item
