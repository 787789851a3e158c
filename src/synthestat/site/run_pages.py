"""The pages and files of one run in a site: its page, its residuals, its sample, its documents."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from synthestat.site import run_facts
from synthestat.site.boundaries import Polygon
from synthestat.site.diagnostic_facts import (
    diagnostic_csv_rows,
    diagnostic_pictures,
    fit_by_control,
)
from synthestat.site.drawing import Figure
from synthestat.site.family_trees import household_tree
from synthestat.site.history import Country, Entry
from synthestat.site.interval_facts import interval_table
from synthestat.site.markdown import read_markdown
from synthestat.site.picker_map import PickerMap, Variable, picker_map
from synthestat.site.run_context import SECTIONS, run_context
from synthestat.site.run_facts import Run
from synthestat.site.sample import Sample, drawn_households, explorer_rows, read_sample
from synthestat.site.site_files import csv_text, script_text, slug
from synthestat.site.writing import Site, country_page, run_files, run_page, zone_page
from synthestat.site.zone_map import ZoneFigures

COPIED = (".json", ".md", ".sha256", ".yaml")
"""Kinds of a bundle's files that a site holds, as they are.

Its tables stay in the run's folder, and so does its CSV, whose cells nobody made still.
"""
SITE_SECTIONS = (
    *(entry for entry in SECTIONS if entry[0] != "files"),
    ("diagnostics", "Diagnostics"),
    ("sample", "A sample of households"),
    ("notes", "Notes"),
    ("documents", "Documents"),
    ("files", "Files"),
)
RESIDUALS = (
    ("zone", "zone", False, True),
    ("control_id", "control", False, True),
    ("category", "category", False, False),
    ("level", "level", False, True),
    ("universe", "universe", False, True),
    ("status", "status", False, True),
    ("target", "official", True, False),
    ("observed", "synthetic", True, False),
    ("residual", "residual", True, False),
    ("relative_error", "relative error", True, False),
    ("tolerance", "tolerance", True, False),
)
"""Columns of the residual explorer: name, label, whether a number, whether to be chosen from."""


def write_run(
    site: Site,
    country: Country,
    entry: Entry,
    run: Run,
    shapes: Mapping[str, list[Polygon]],
    *,
    newest: bool,
) -> dict[str, Any]:
    """Write all of a run but its zones' pages; return the context of its page.

    `newest` is whether the zones of this run have pages that its map may lead to.
    """
    data = run_files(entry.name)
    zones = run_facts.zone_figures(run)
    sample = read_sample(run, public=site.public)
    context = run_context(
        run, zones, maps={}, verified=run_facts.recorded(entry.review), review=entry.review
    )
    context |= {
        "picker": zone_map(run, zones, shapes, entry.name if newest else None),
        "unreviewed": entry.unreviewed,
        "sections": [s for s in SITE_SECTIONS if s[0] != "review" or entry.review],
        "crumbs": (("index.html", "Countries"), (country_page(country.code), country.name)),
        "sample": sample,
        "trees": [
            {"home": home, "zone": run.zone_name(home["zone_code"]), "drawn": household_tree(home)}
            for home in drawn_households(sample)
        ],
        "diagnostic_pictures": diagnostic_pictures(run),
        "fit": fit_by_control(run),
        "notes": _notes(run),
        "documents": _documents(entry),
        "copied": _copy(site, run, data),
        "zone_pages": {z.zone.code: zone_page(entry.name, z.zone.code) for z in zones}
        if newest
        else {},
        "run_address": run_page(entry.name),
        "residual_rows": run.residuals.height,
        "folder": "",
    }
    _write_pictures(site, data, context)
    _write_residuals(site, data, run, context)
    _write_sample(site, data, run, sample, context)
    _write_documents(site, data, entry, context)
    write_page(site, run_page(entry.name), entry, context)
    return context


def write_page(site: Site, address: str, entry: Entry, context: dict[str, Any]) -> None:
    """Write a run's page to an address: its own, or that of its country's newest run."""
    root = "../" * address.count("/")
    site.write(address, "run.html.j2", {**context, "data": f"{root}{run_files(entry.name)}"})


def zone_map(
    run: Run,
    zones: Sequence[ZoneFigures],
    shapes: Mapping[str, list[Polygon]],
    name: str | None,
) -> PickerMap | None:
    """Return the map of a run's zones; `name` is the run's where its zones have pages.

    Addresses are from the site's root: the template puts the way there before them.
    """

    def address(code: str) -> str | None:
        return None if name is None else zone_page(name, code)

    return picker_map(zones, _variables(run, zones), shapes, address, run.manifest["country_name"])


def _variables(run: Run, zones: Sequence[ZoneFigures]) -> list[Variable]:
    figures = {
        entry["zone"]: entry.get("figures", {})
        for entry in run.optional("geography_quality_tiers.json").get("tiers", [])
    }
    young, old = _age_shares(run)
    vacant = {
        row["zone_code"]: row["vacant"] / row["dwellings"]
        for row in run.optional("dwelling_building_diagnostics.json").get("by_zone", [])
        if row.get("dwellings")
    }

    def figure_of(key: str) -> dict[str, float | str]:
        return {z: f[key] for z, f in figures.items() if isinstance(f.get(key), int | float)}

    sizes: dict[str, float | str] = {
        z.zone.code: z.mean_size for z in zones if z.mean_size is not None
    }
    tiers: dict[str, float | str] = {z.zone.code: z.tier for z in zones if z.tier is not None}
    people: dict[str, float | str] = {z.zone.code: z.residents for z in zones}
    return [
        Variable("mean_size", "Mean household size", sizes),
        Variable("tier", "Quality tier", tiers),
        Variable("residents", "Residents", people),
        Variable("young", "Share of residents under 15", young, as_share=True),
        Variable("old", "Share of residents of 65 and over", old, as_share=True),
        Variable("vacant", "Share of dwellings vacant", {**vacant}, as_share=True),
        Variable("modelled", "Share of values modelled", figure_of("modelled_share"), True),
        Variable("width", "Median interval width over count", figure_of("median_relative_width")),
    ]


def _age_shares(run: Run) -> tuple[dict[str, float | str], dict[str, float | str]]:
    """Shares of residents under 15 and of 65 and over, by zone."""
    if not run.has("synthetic_persons"):
        return {}, {}
    counted = (
        pl.scan_parquet(run.bundle.table("synthetic_persons"))
        .group_by(pl.col("zone_code").cast(pl.String))
        .agg(young=(pl.col("age") < 15).mean(), old=(pl.col("age") >= 65).mean())
        .collect()
    )
    rows = counted.to_dicts()
    return (
        {row["zone_code"]: row["young"] for row in rows},
        {row["zone_code"]: row["old"] for row in rows},
    )


def figures_of(context: Mapping[str, Any]) -> list[Figure]:
    """Return every drawn picture of a run's page."""
    listed = [*context["age_figures"], *context["household_figures"], *context["interval_figures"]]
    return [*listed, *filter(None, [context["residual_figure"]])]


def _write_pictures(site: Site, data: str, context: Mapping[str, Any]) -> None:
    """Write the data of each picture as CSV, and all of them to be explored as one script."""
    drawn = figures_of(context)
    for figure in drawn:
        site.put(f"{data}{figure.key}.csv", csv_text(figure.rows))
    charts = {figure.key: figure.specifications for figure in drawn}
    site.put(f"{data}pictures.js", script_text("pictures", charts))
    rows = diagnostic_csv_rows(context["diagnostic_pictures"])
    site.put(f"{data}diagnostics.csv", csv_text(rows, ("picture", "label", "value")))
    if context["picker"] is not None:
        site.put(f"{data}map.csv", csv_text(context["picker"].rows))


def _write_residuals(site: Site, data: str, run: Run, context: dict[str, Any]) -> None:
    rows = run.residuals.with_columns(
        pl.col("relative_error").round(6),
        name=pl.col("zone").map_elements(run.zone_name, pl.String),
    )
    site.put(f"{data}residuals.csv", csv_text(rows.to_dicts()))
    shown = rows.with_columns(zone=pl.col("name"))
    columns = [
        _column(shown[name], label, number=number, chosen=chosen)
        for name, label, number, chosen in RESIDUALS
    ]
    columns[-3]["size"] = columns[-2]["size"] = True  # the largest error first, of either sign
    table = {
        "name": f"{run.bundle.run_id}-residuals",
        "title": "Residuals",
        "rows": rows.height,
        "columns": columns,
    }
    site.put(f"{data}residuals.js", script_text("residuals", table))
    intervals = interval_table(run)
    if not intervals.is_empty():
        named = intervals.with_columns(name=pl.col("zone").map_elements(run.zone_name, pl.String))
        site.put(f"{data}intervals.csv", csv_text(named.to_dicts()))
    site.write(f"{data}residuals.html", "residuals.html.j2", context)


def _column(values: pl.Series, label: str, *, number: bool, chosen: bool) -> dict[str, Any]:
    """One column for the page's script: numbers as they are, words as places in a list."""
    column: dict[str, Any] = {
        "id": values.name,
        "label": label,
        "number": number,
        "filter": chosen,
    }
    if number:
        return {**column, "values": values.to_list()}
    words = list(dict.fromkeys(values.to_list()))
    place = {word: at for at, word in enumerate(words)}
    return {**column, "words": words, "values": [place[word] for word in values.to_list()]}


def _write_sample(site: Site, data: str, run: Run, sample: Sample, context: dict[str, Any]) -> None:
    if sample.withheld:
        return
    rows = explorer_rows(run, sample)
    heads = [
        ("household_id", "household", True, False),
        ("zone", "zone", False, True),
        ("type", "type", False, True),
        ("size", "size", True, True),
        ("members", "members (SYNTHETIC)", False, False),
    ]
    columns = [
        {
            "id": name,
            "label": label,
            "number": number,
            "filter": chosen,
            "values": [row[at] for row in rows],
        }
        for at, (name, label, number, chosen) in enumerate(heads)
    ]
    table = {
        "name": f"SYNTHETIC-{run.bundle.run_id}-sample",
        "title": "Synthetic households",
        "rows": len(rows),
        "columns": columns,
    }
    site.put(f"{data}sample.js", script_text("sample", table))
    site.write(f"{data}sample.html", "sample.html.j2", context)


def _documents(entry: Entry) -> list[dict[str, Any]]:
    """The bundle's JSON documents, and the review, each with the address of its pages and size."""
    paths = sorted(entry.bundle.folder.glob("*.json"))
    named = [(path.name, path) for path in paths]
    if entry.review is not None:
        folder = entry.bundle.folder
        named.append(("review.json", folder.with_name(f"{folder.name}.review.json")))
    return [
        {"name": name, "address": f"{slug(name)}.html", "bytes": path.stat().st_size, "path": path}
        for name, path in named
    ]


def _write_documents(site: Site, data: str, entry: Entry, context: dict[str, Any]) -> None:
    for document in context["documents"]:
        name = document["name"]
        value = entry.review if name == "review.json" else entry.bundle.json(name)
        site.put(f"{data}{slug(name)}.js", script_text("document", value))
        if name == "review.json":
            shutil.copyfile(document["path"], site.folder / data / "files" / name)
        page = {**context, "document": document, "script": f"{slug(name)}.js"}
        site.write(f"{data}{document['address']}", "document.html.j2", page)


def _copy(site: Site, run: Run, data: str) -> set[str]:
    """Copy the bundle's small files beside the pages; return the names of those copied."""
    copied = set()
    for file in run_facts.files(run):
        source = run.bundle.path(file["name"])
        if source.suffix in COPIED and source.is_file():
            target = site.folder / data / "files" / Path(file["name"])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            copied.add(file["name"])
    sealed = run.bundle.path("checksums.sha256")
    if sealed.is_file():
        (site.folder / data / "files").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sealed, site.folder / data / "files" / sealed.name)
    return copied


def _notes(run: Run) -> Iterable[Any]:
    path = run.bundle.path("model_notes.md")
    return read_markdown(path.read_text(encoding="utf-8")) if path.is_file() else ()
