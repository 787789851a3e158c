"""Zones and published tables that do not add up: findings 16, 20, 22 and 23."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from planted.kinds import GRADED, MANY, NotApplicable, kind
from planted.kit import CONTROLS, MANIFEST, PERSONS, RESIDUALS, SOURCES, PlantedRun
from planted.seals import refreeze

ZONES = "pack/geography.csv"


def swap(run: PlantedRun, file: str, old: str, new: str) -> None:
    """Replace a text once in a file. NotApplicable if it does not stand there."""
    if old not in run.path(file).read_text(encoding="utf-8"):
        raise NotApplicable(f"{file} does not say {old!r}")
    run.edit_text(file, lambda text: text.replace(old, new, 1))


def values_of(document: dict[str, Any]) -> list[float | None]:
    """The cells of a frozen table in order. NotApplicable if it lists them by place."""
    if not isinstance(document["value"], list):
        raise NotApplicable("the frozen table lists its cells by place")
    return document["value"]


@kind(16, "table_zones")
def merged_zone_counted_with_its_parts(run: PlantedRun) -> None:
    one, other = run.read_json(MANIFEST)["geography"]["zones"][:2]
    lines = f"old,new,since,source\n{other},{one},2020-01-01,invented\n"
    run.put_bytes("pack/concordance.csv", lines.encode())


@kind(16, "geography_tree", *GRADED)
def zone_that_stands_twice(run: PlantedRun) -> None:
    lines = run.path(ZONES).read_text(encoding="utf-8").rstrip("\n").split("\n")
    again = run.pick(lines[2:])
    run.edit_text(ZONES, lambda text: text.rstrip("\n") + "\n" + "\n".join(again) + "\n")


@kind(16, "geography_tree")
def zone_of_no_parent(run: PlantedRun) -> None:
    lines = run.path(ZONES).read_text(encoding="utf-8").rstrip("\n").split("\n")
    code, parent, rest = lines[-1].split(",", 2)
    run.edit_text(ZONES, lambda t: t.replace(f"{code},{parent},{rest}", f"{code},Nowhere,{rest}"))


@kind(16, "published_totals", *GRADED)
def table_whose_total_is_not_its_parts(run: PlantedRun) -> None:
    """Cells of a table with declared totals are five more than was published."""
    used = {control["table"] for control in run.controls()}
    tables = [t for t in run.pack("sources.yaml")["tables"] if t.get("totals") and t["id"] in used]
    if not tables:
        raise NotApplicable("no table declares a total")

    def raise_some(document: dict[str, Any]) -> None:
        values = values_of(document)
        for at in run.pick([at for at, value in enumerate(values) if value]):
            values[at] = (values[at] or 0) + 5

    refreeze(run, tables[0]["id"], raise_some)


@kind(9, "hard_exact", *GRADED)
def published_cells_frozen_one_off(run: PlantedRun) -> None:
    """Cells of the table behind a HARD control are one more: its figures are missed."""

    def raise_some(document: dict[str, Any]) -> None:
        values = values_of(document)
        for at in run.pick([at for at, value in enumerate(values) if value and value > 20]):
            values[at] = (values[at] or 0) + 1

    refreeze(run, run.control("HARD")["table"], raise_some)


@kind(23, "zone_spellings")
def spelling_of_two_zones(run: PlantedRun) -> None:
    def share(text: str) -> str:
        lines = text.split("\n")
        name = lines[2].split(",")[3]
        cells = lines[3].split(",")
        cells[4] = name
        return "\n".join([*lines[:3], ",".join(cells), *lines[4:]])

    run.edit_text(ZONES, share)


def zone_category(run: PlantedRun, document: dict[str, Any]) -> dict[str, Any]:
    """The category of a frozen table's dimension of zones."""
    table = run.control("HARD")["table"]
    entry = next(each for each in run.pack("sources.yaml")["tables"] if each["id"] == table)
    category: dict[str, Any] = document["dimension"][entry["zone_dimension"]]["category"]
    return category


@kind(23, "zone_spellings", *GRADED)
def zone_joined_to_none(run: PlantedRun) -> None:
    """Zones of a frozen table have codes that lead nowhere."""

    def rename(document: dict[str, Any]) -> None:
        category = zone_category(run, document)
        index = category["index"]
        codes = list(index) if isinstance(index, list) else sorted(index, key=index.get)
        lost = {code: f"Nowhere {at}" for at, code in enumerate(run.pick(codes[1:]))}
        category["index"] = [lost.get(code, code) for code in codes]
        category["label"] = {code: code for code in category["index"]}

    refreeze(run, run.control("HARD")["table"], rename)


@kind(23, "zone_spellings")
def two_zones_under_each_other_s_names(run: PlantedRun) -> None:
    one, other = run.read_json(MANIFEST)["geography"]["zones"][:2]

    def exchange(document: dict[str, Any]) -> None:
        label = zone_category(run, document).get("label") or {}
        if one not in label or other not in label:
            raise NotApplicable("the frozen table does not name its zones by their codes")
        label[one], label[other] = label[other], label[one]

    refreeze(run, run.control("HARD")["table"], exchange)


@kind(22, "provenance_counts")
def suppressed_cells_frozen_as_zero(run: PlantedRun) -> None:
    row = run.first(RESIDUALS, pl.col("target").is_null())
    table = next(c["table"] for c in run.controls() if c["id"] == row["control_id"])

    def fill(document: dict[str, Any]) -> None:
        document["value"] = [0 if value is None else value for value in document["value"]]
        document.pop("status", None)

    refreeze(run, table, fill)


@kind(22, "missing_declared")
def missing_figures_that_nobody_declared(run: PlantedRun) -> None:
    text = run.path(CONTROLS).read_text(encoding="utf-8")
    line = next((ln for ln in text.split("\n") if ln.strip().startswith("missing: modelled")), "")
    if not line:
        raise NotApplicable("no control declares missing figures")
    run.edit_text(CONTROLS, lambda text: text.replace(line + "\n", "", 1))


@kind(22, "source_years")
def control_that_reads_another_year(run: PlantedRun) -> None:
    for each in run.controls():
        for name, code in (each.get("where") or {}).items():
            if not str(code).isdigit():
                for cell in (f"{name}: {code}", f'{name}: "{code}"'):
                    if f"where: {{{cell}}}" in run.path(CONTROLS).read_text(encoding="utf-8"):
                        swap(run, CONTROLS, f"where: {{{cell}}}", f'where: {{{name}: "2011"}}')
                        return
    raise NotApplicable("no control reads one code of a dimension")


@kind(22, "source_years")
def table_of_another_year(run: PlantedRun) -> None:
    """A table's title names the census of thirty years ago."""
    title = str(run.pack("sources.yaml")["tables"][0]["title"])
    older = re.sub(r"\b(19|20)\d\d\b", "1991", title)
    older = older if older != title else f"{title}, 1991"
    swap(run, SOURCES, f'title: "{title}"', f'title: "{older}"')


@kind(20, "whole_country")
def country_whose_residents_nothing_counts(run: PlantedRun) -> None:
    swap(run, CONTROLS, "level: HARD", "level: GUIDE")


@kind(20, "whole_country", *GRADED)
def residents_left_out(run: PlantedRun) -> None:
    """Persons alone in their household are gone with it: a slice called a country."""
    homes = run.take(run.homes_of("single"))["household_id"]
    for name in (PERSONS, "synthetic_households"):
        run.change(name, lambda t: t.filter(~pl.col("household_id").is_in(homes.implode())))


@kind(20, "whole_country", MANY)
def seeded_slice_called_a_country(run: PlantedRun) -> None:
    zones = pl.col("zone_code") == run.people()["zone_code"][0]
    few = pl.int_range(pl.len()).over("zone_code") < 20
    run.change(PERSONS, lambda table: table.filter(zones | few))


@kind(20, "run_identity")
def slice_that_says_so_in_one_file_only(run: PlantedRun) -> None:
    run.edit_json(MANIFEST, lambda manifest: manifest.update(scope="slice"))


@kind(20, "real_sources")
def invented_sources_under_the_code_of_a_country(run: PlantedRun) -> None:
    """A pack of an invented country under a real code; a real one that quotes an example."""
    if run.country()["country"] == "ZZ":
        swap(run, "pack/country.yaml", 'country: "ZZ"', 'country: "XK"')
        return
    address = run.pack("sources.yaml")["tables"][0]["address"]
    swap(run, SOURCES, f"address: {address}", "address: https://example.org/tables")
