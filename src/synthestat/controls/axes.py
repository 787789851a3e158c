"""Columns of controls: which published code stands for which value, checked to cover them all."""

from __future__ import annotations

from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import (
    FAMILY_COLUMN,
    FAMILY_STATUS,
    HOUSEHOLD_TYPES,
    ColumnMap,
    ControlSpec,
    age_band,
    age_band_name,
    type_group,
)
from synthestat.sources.cube import Cube

Axis = dict[str, str]
Span = tuple[int, int | None]
_NO_BAND = {
    "age": "no age and no band such as 0-4 or 85+; leave it out, or give its ages",
    "size": "no size and no class such as 7-9 or 6+; leave it out, or give its sizes",
}


def column_axis(
    pack: CountryPack, spec: ControlSpec, column: str, cube: Cube, faults: list[str]
) -> Axis | None:
    """Return {published code: category} of one column, in order of the categories.

    None, with lines in `faults`, where codes do not cover the column: a classification, ages,
    sizes of households, or types of households.
    """
    mapping: ColumnMap = spec.by[column]
    codes = [c for c in cube.dimension(mapping.dimension).codes if c not in mapping.leave_out]
    if column == "size" or mapping.bands:
        return _band_axis(pack, spec, column, codes, faults)
    if column == "household_type":
        return _type_axis(spec, codes, faults)
    values = {code: mapping.codes.get(code, code) for code in codes}
    if column == "age":
        expected = [str(age) for age in range(pack.country.ages.open_from)]
        expected.append(f"{pack.country.ages.open_from}+")
        if mapping.open_class is not None:
            values[mapping.open_class] = expected[-1]
    elif column == FAMILY_COLUMN:
        expected = list(FAMILY_STATUS)
    else:
        expected = list(pack.country.classifications[column])
    gaps = sorted(set(expected) - set(values.values()))
    extra = sorted(set(values.values()) - set(expected))
    twice = len(set(values.values())) != len(values)
    if gaps or extra or twice:
        faults.append(
            f"controls.yaml: {spec.id}: {column} does not match its classification"
            + (f"; absent: {', '.join(gaps)}" if gaps else "")
            + (f"; unknown: {', '.join(extra)}" if extra else "")
            + ("; two codes share a value" if twice else "")
        )
        return None
    order = {value: number for number, value in enumerate(expected)}
    return dict(sorted(values.items(), key=lambda item: order[item[1]]))


def _band_axis(
    pack: CountryPack, spec: ControlSpec, column: str, codes: list[str], faults: list[str]
) -> Axis | None:
    """Return {published code: band name}, checked to partition ages from 0 or sizes from 1."""
    mapping = spec.by[column]
    place = f"controls.yaml: {spec.id}: {'sizes' if column == 'size' else 'bands'}"
    found = []
    if column not in _NO_BAND:
        faults.append(f"{place}: only age and size have bands, not {column}")
        return None
    named = set(mapping.bands) | ({mapping.open_class} if mapping.open_class else set())
    unknown = sorted(named - set(codes))
    found += [f"{place}: {code!r} is no code of {mapping.dimension}" for code in unknown]
    bands: dict[str, Span] = {}
    for code in codes:
        try:
            bands[code] = _span(mapping, code)
        except ValueError:
            found.append(f"{place}: {mapping.codes.get(code, code)!r} is {_NO_BAND[column]}")
    ordered = sorted(bands.items(), key=lambda item: item[1][0])
    rules = pack.country.household_rules
    if column == "size":
        largest = rules.largest_household.value
        found += [f"{place}: {f}" for f in _band_faults(ordered, 1, largest, "largest household")]
    else:
        oldest = pack.country.ages.oldest
        found += [f"{place}: {fault}" for fault in _band_faults(ordered, 0, oldest, "oldest age")]
    faults.extend(found)
    return None if found else {code: age_band_name(*band) for code, band in ordered}


def _span(mapping: ColumnMap, code: str) -> Span:
    """Return (first, last or None) of a code: as declared, else as its value says."""
    if code in mapping.bands:
        return mapping.bands[code]
    first, last = age_band(mapping.codes.get(code, code))
    return first, None if code == mapping.open_class else last


def _band_faults(bands: list[tuple[str, Span]], start: int, end: int, last_word: str) -> list[str]:
    """Return gaps, overlaps and ends that do not suit start..end; bands in ascending order.

    Ages end in an open band; sizes may also end in a closed one, at the largest household.
    """
    faults = []
    due: int | None = start
    for code, (first, last) in bands:
        word = f"{code!r} ({age_band_name(first, last)})"
        if last is not None and last < first:
            faults.append(f"{word} ends before it begins")
        if first > end or (last is not None and last > end):
            faults.append(f"{word} goes beyond the {last_word}, {end}")
        if due is None or first < due:
            faults.append(f"{word} overlaps the band before it")
        elif first > due:
            faults.append(f"a gap from {due} to {first - 1}, before {word}")
        due = None if last is None else last + 1
    if due is not None and not (start == 1 and due == end + 1):
        faults.append(f"no open band begins at {due}")
    return faults


def _type_axis(spec: ControlSpec, codes: list[str], faults: list[str]) -> Axis | None:
    """Return {published code: group of household types}, checked to partition the types."""
    mapping, place = spec.by["household_type"], f"controls.yaml: {spec.id}: household_type"
    found: list[str] = []
    groups: dict[str, tuple[str, ...]] = {}
    for code in codes:
        try:
            groups[code] = type_group(mapping.codes.get(code, code))
        except ValueError as error:
            found.append(f"{place}: {error}; leave it out, or map it under codes")
    holding = {
        kind: [code for code, group in groups.items() if kind in group] for kind in HOUSEHOLD_TYPES
    }
    for kind, where in holding.items():
        if len(where) > 1:
            found.append(f"{place}: {kind} stands under {' and '.join(map(repr, where))}")
        elif not where and not found:
            found.append(f"{place}: no code stands for {kind}")
    faults.extend(found)
    if found:
        return None
    ordered = sorted(groups.items(), key=lambda item: HOUSEHOLD_TYPES.index(item[1][0]))
    return {code: "|".join(group) for code, group in ordered}
