"""A country pack without one of its tables: copied, the table's FIRM controls taken out.

Nothing else changes, so whatever the build says of the cells left out follows from other tables
and from the registry. Two variants: `whole`, the table is gone; `zones`, the country's figures of
the table stand as a pattern in the registry, as where an office publishes the country alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from ruamel.yaml import YAML

from synthestat.packs.attribute_odds import category_odds, given_odds, universe_of
from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import SEXES, AttributeSpec, GivenSpec

Floats = NDArray[np.float64]
Entry = dict[str, Any]
VARIANTS = ("whole", "zones")
EVIDENCE = ("pattern", "given", "guide")
"""Keys of an attribute that say something of its categories without a table of quotas."""
OF_THE_CONTROL = ("control", "stratum", "association", "couples")
_ONE_LINE = 10**6  # the writer must not break a key such as `outside the EU` over two lines
_ROUNDS = 500  # of the fit of a pattern to the country's figures; each is cheap. Assumption


def held_out(pack: CountryPack) -> dict[str, tuple[str, ...]]:
    """Return the tables that FIRM controls rest on, each with the ids of these controls."""
    tables: dict[str, tuple[str, ...]] = {}
    for control in pack.controls:
        if control.level == "FIRM":
            tables[control.table] = (*tables.get(control.table, ()), control.id)
    return tables


def leave_out(
    pack: CountryPack, controls: Sequence[str], folder: Path, national: Mapping[str, Entry]
) -> Path:
    """Copy a pack to `folder` without some controls; return the folder.

    `national` are registry entries by the name of the attribute that they shape (or `sex`), as
    `national_patterns` makes them; without one, an attribute keeps the evidence that does not come
    from its table, and where there is none it is not drawn at all.
    """
    shutil.copytree(pack.folder, folder)
    _edit(folder / "controls.yaml", "controls", lambda e: _without(e, controls))
    kept = _attributes(pack, controls, national)
    _edit(folder / "attributes.yaml", "attributes", lambda _: kept)
    if national:
        _edit(folder / "priors.yaml", "priors", lambda e: _with_entries(e, national))
    return folder


def _without(entries: Iterable[Entry], controls: Sequence[str]) -> list[Entry]:
    return [entry for entry in entries if entry["id"] not in controls]


def _with_entries(entries: Iterable[Entry], national: Mapping[str, Entry]) -> list[Entry]:
    families = {entry["family"] for entry in national.values()}
    return [*(e for e in entries if e["family"] not in families), *national.values()]


def _edit(path: Path, key: str, edit: Any) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.width = _ONE_LINE
    document = yaml.load(path.read_text(encoding="utf-8"))
    document[key] = edit(document[key])
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(document, stream)


def _attributes(
    pack: CountryPack, controls: Sequence[str], national: Mapping[str, Entry]
) -> list[Entry]:
    """Return the entries of attributes.yaml that are left, adapted, in their order."""
    yaml = YAML(typ="safe", pure=True)
    text = (pack.folder / "attributes.yaml").read_text(encoding="utf-8")
    kept: list[Entry] = []
    for entry in yaml.load(text)["attributes"]:
        spec = next(a for a in pack.attributes if a.name == entry["name"])
        adapted = dict(entry)
        if entry.get("control") in controls:
            adapted = _freed(entry, spec, pack, national)
        names = {"sex", *(e["name"] for e in kept)}
        if adapted.get("stratum", "sex") not in names:
            adapted = {k: v for k, v in adapted.items() if k not in ("stratum", "association")}
        if adapted.get("given", {"attribute": "sex"})["attribute"] not in names:
            del adapted["given"]
        if any(key in adapted for key in ("control", *EVIDENCE)):
            kept.append(adapted)
    return kept


def _freed(
    entry: Entry, spec: AttributeSpec, pack: CountryPack, national: Mapping[str, Entry]
) -> Entry:
    """Return an attribute without its table: the association becomes odds given the stratum."""
    freed = {key: value for key, value in entry.items() if key not in OF_THE_CONTROL}
    given = given_of(spec)
    if given is not None:
        freed["given"] = {"attribute": given.attribute, "family": given.family}
    if spec.name in national:
        freed["pattern"] = national[spec.name]["family"]
    if any(key in freed for key in EVIDENCE):
        freed["universe"] = universe_of(spec, pack.country, pack.controls)
        freed["household"] = spec.household_rule
    return freed


def given_of(spec: AttributeSpec) -> GivenSpec | None:
    """Return what an attribute is given once its table is gone, None for nothing."""
    if spec.given is None and spec.association is not None and spec.stratum is not None:
        return GivenSpec(attribute=spec.stratum, family=spec.association)
    return spec.given


def national_patterns(
    pack: CountryPack,
    controls: Sequence[str],
    published: Mapping[str, Mapping[tuple[str, ...], int]],
    persons: pl.DataFrame,
) -> dict[str, Entry]:
    """Return registry entries that hold the country's figures of some controls, none by zone.

    `published` are the country's counts by control and category, `persons` those of a build with
    every table: only how many there are by sex, age and given category is read. The entry of an
    attribute is its pattern times a factor for each category (and sex, where the table splits by
    it) such that the odds give the published counts in the mean. Of a table by sex, the registry's
    sex ratio is scaled. A control of neither kind has no entry.
    """
    entries: dict[str, Entry] = {}
    for name in controls:
        control = pack.control(name)
        if control.counts != "persons":
            continue
        atoms = list(pack.country.atoms(control.universe))
        inside = persons.filter(pl.col("universe").cast(pl.String).is_in(atoms))
        spec = next((a for a in pack.attributes if a.control == name), None)
        if spec is not None:
            entries[spec.name] = _pattern_entry(spec, pack, published[name], inside)
        elif tuple(control.by) == ("sex",):
            entries["sex"] = _sex_ratio_entry(pack, published[name], inside)
    return entries


def _pattern_entry(
    spec: AttributeSpec,
    pack: CountryPack,
    published: Mapping[tuple[str, ...], int],
    persons: pl.DataFrame,
) -> Entry:
    names = pack.country.classifications[spec.name]
    given = given_of(spec)
    bare = spec.model_copy(update={"given": given, "association": None, "stratum": None})
    counts = _cells(pack, given, persons)
    odds = category_odds(spec, pack.country, pack.priors)[:, :, None, :]
    odds = odds * given_odds(bare, pack.country, pack.priors)
    columns = list(pack.control(str(spec.control)).by)
    wanted = np.zeros((len(SEXES), len(names)))
    for category, number in published.items():
        word = names.index(category[columns.index(spec.name)])
        if "sex" in columns:
            wanted[SEXES.index(category[columns.index("sex")]), word] += number
        else:
            wanted[:, word] += number / len(SEXES)
    factors = fitted_factors(counts, odds, wanted, by_sex="sex" in columns)
    own = pack.priors.used(spec.pattern).values if spec.pattern is not None else {}
    of = {str(key): value for key, value in own.items()}
    values = {
        name: {
            sex: _times(of.get(name, 1.0), sex, float(factors[at, k]))
            for at, sex in enumerate(SEXES)
        }
        for k, name in enumerate(names)
    }
    return _entry(f"held_out_{spec.name}", pack.code, "anchors", values)


def fitted_factors(counts: Floats, odds: Floats, wanted: Floats, *, by_sex: bool) -> Floats:
    """Return factors of shape (sexes, categories) by which odds meet the wanted totals in the mean.

    `counts` has shape (sexes, ages, given); `odds` that and categories; `wanted` is (sexes,
    categories), of which only the sums over sexes are met unless `by_sex`. Totals are scaled to the
    persons counted. Iterative proportional fitting; a category that nobody wants gets 0.
    """
    factors = np.ones(wanted.shape)
    persons = counts.sum(axis=(1, 2))
    for _ in range(_ROUNDS):
        shares = odds * factors[:, None, None, :]
        sums = shares.sum(axis=3, keepdims=True)
        shares = np.divide(shares, sums, out=np.zeros_like(shares), where=sums > 0)
        built = (counts[..., None] * shares).sum(axis=(1, 2))
        if by_sex:
            target = wanted * (persons / wanted.sum(axis=1))[:, None]
        else:
            target = wanted.sum(axis=0)[None, :] / wanted.sum() * persons.sum()
            built = built.sum(axis=0, keepdims=True)
        factors = factors * np.divide(target, built, out=np.zeros_like(built), where=built > 0)
    return factors


def _cells(pack: CountryPack, given: GivenSpec | None, persons: pl.DataFrame) -> Floats:
    """Count persons by sex, single age and category of what is given."""
    rows = ["none"] if given is None else list(pack.country.classifications[given.attribute])
    word = pl.lit("none") if given is None else pl.col(given.attribute).cast(pl.String)
    table = persons.group_by(pl.col("sex").cast(pl.String), "age", word.alias("beside")).len()
    counts = np.zeros((len(SEXES), pack.country.ages.oldest + 1, len(rows)))
    for sex, age, beside, number in table.iter_rows():
        counts[SEXES.index(sex), age, rows.index(beside)] += number
    return counts


def _times(curve: object, sex: str, factor: float) -> dict[int, float]:
    """Return the anchors of one sex times a factor; a single number stands at age 0."""
    if isinstance(curve, Mapping) and sex in curve:
        curve = curve[sex]
    if not isinstance(curve, Mapping):
        curve = {0: curve}
    return {int(age): float(value) * factor for age, value in curve.items()}


def _sex_ratio_entry(
    pack: CountryPack, published: Mapping[tuple[str, ...], int], persons: pl.DataFrame
) -> Entry:
    """Return the registry's males per female at each age, scaled to the country's sexes."""
    ages = pack.country.ages.oldest + 1
    number = np.bincount(persons["age"].to_numpy(), minlength=ages).astype(np.float64)
    ratio = pack.priors.by_age("sex_ratio_by_age", ages)
    share = published["male",] / (published["male",] + published["female",])
    low, high = 1e-3, 1e3
    for _ in range(100):
        middle = float(np.sqrt(low * high))
        males = (number * ratio * middle / (1 + ratio * middle)).sum() / number.sum()
        low, high = (middle, high) if males < share else (low, middle)
    entry = pack.priors.used("sex_ratio_by_age")
    values = {int(age): float(value) * low for age, value in entry.values.items()}  # type: ignore[arg-type]
    return _entry("sex_ratio_by_age", pack.code, "anchors", values)


def _entry(family: str, geography: str, kind: str, values: object) -> Entry:
    return {
        "id": f"held_out.{family}",
        "family": family,
        "label": "The country's figures of a table that is left out by zone",
        "kind": kind,
        "geography": geography,
        "status": "used",
        "variant": "current",
        "confidence": "medium",
        "evidence": "modelled",
        "citation": "The table that is left out, summed over its zones.",
        "address": "",
        "values": values,
    }
