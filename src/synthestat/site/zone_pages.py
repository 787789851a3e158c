"""The pages of a run's zones, each with the numbers behind its pictures as CSV."""

from __future__ import annotations

from typing import Any

from synthestat.site.charts import spoken
from synthestat.site.history import Country, Entry
from synthestat.site.pyramid_picture import pyramid_picture
from synthestat.site.run_facts import Run
from synthestat.site.site_files import csv_text
from synthestat.site.svg_parts import bars
from synthestat.site.writing import Site, country_page, run_files, run_page, zone_page
from synthestat.site.zone_facts import (
    MOST_BARS,
    ZoneTables,
    age_groups,
    zone_csv_rows,
    zone_tables,
)
from synthestat.site.zone_map import ZoneFigures

TYPES = (
    *("single", "couple without children", "couple with children", "lone mother"),
    *("lone father", "extended", "other"),
)


def write_zones(
    site: Site, country: Country, entry: Entry, run: Run, run_page_context: Any
) -> None:
    """Write the page of every zone of a run's level."""
    groups = age_groups(run)
    tables = zone_tables(run, groups)
    zones: list[ZoneFigures] = run_page_context["zones"]
    rules = {tier["tier"]: tier["rule"] for tier in run_page_context["tiers"]}
    for place, figures in enumerate(zones):
        code = figures.zone.code
        address = zone_page(entry.name, code)
        own = tables[code]
        around = [
            None
            if not 0 <= at < len(zones)
            else (zone_page(entry.name, zones[at].zone.code), zones[at].zone.name)
            for at in (place - 1, place + 1)
        ]
        context = {
            "manifest": run.manifest,
            "zone": figures,
            "rule": rules.get(figures.tier, ""),
            "tables": own,
            "pictures": zone_pictures(figures, own, groups),
            "around": around,
            "run_address": run_page(entry.name),
            "explorer": f"{run_files(entry.name)}residuals.html",
            "csv": address.rpartition("/")[2].removesuffix(".html") + ".csv",
            "crumbs": (
                ("index.html", "Countries"),
                (country_page(country.code), country.name),
                (run_page(entry.name), f"run of {entry.edition}"),
            ),
        }
        site.write(address, "zone.html.j2", context)
        site.put(address.removesuffix(".html") + ".csv", csv_text(zone_csv_rows(own)))


def zone_pictures(
    figures: ZoneFigures, tables: ZoneTables, groups: list[int]
) -> list[dict[str, Any]]:
    """Return the pictures of a zone: title, caption, drawing and the rows of its table."""
    name = figures.zone.name
    found = []
    if tables.people:
        found.append(_pyramid(name, tables, groups))
    if tables.official_all and not tables.official:
        found.append(_ages(name, tables, groups))
    by_size = sorted(tables.sizes, key=lambda row: _first_number(row["label"]))
    order = {kind: at for at, kind in enumerate(TYPES)}
    by_type = sorted(tables.types, key=lambda row: order.get(row["label"], len(order)))
    for title, rows in (("Households by size", by_size), ("Households by type", by_type)):
        if rows:
            found.append(_bars(name, title, rows))
    for title, rows in tables.attributes.items():
        if 2 <= len(rows) <= MOST_BARS:
            found.append(_bars(name, title, rows))
    if tables.dwellings:
        rows = [{"label": spoken(k), "value": float(v)} for k, v in tables.dwellings.items()]
        found.append(_bars(name, "Dwellings by occupancy", rows))
    return found


def _pyramid(name: str, tables: ZoneTables, groups: list[int]) -> dict[str, Any]:
    said = ["Bars: synthetic residents, in groups of five years."]
    if tables.official:
        said.append("Marks: the official count by sex.")
    else:
        said.append("No official table of this zone has ages by sex.")
    bands = [] if tables.official else tables.bands
    if bands:
        said.append(
            "Shades: the interval of the modelled band that a group is in, relative to its count."
        )
    rows = [
        {
            "label": f"{spoken(sex)} {group}+",
            "value": float(count),
            "official": tables.official.get((group, sex)),
        }
        for (group, sex), count in tables.people.items()
    ]
    alternative = f"Population pyramid of {name}: synthetic residents by age and sex"
    return {
        "title": "Residents by age and sex",
        "caption": " ".join(said),
        "drawn": pyramid_picture(groups, tables.people, tables.official, bands, alternative),
        "rows": rows,
    }


def _ages(name: str, tables: ZoneTables, groups: list[int]) -> dict[str, Any]:
    counted = tables.people_all()
    rows = [
        {
            "label": f"{group}+" if group == groups[-1] else f"{group}–{group + 4}",
            "value": float(counted.get(group, 0)),
            "official": tables.official_all.get(group),
        }
        for group in groups
    ]
    return {
        "title": "Residents by age, synthetic against official",
        "caption": "Bars: synthetic. Marks: the official count, the sexes together.",
        "drawn": bars(rows, f"Residents of {name} by age, synthetic against official"),
        "rows": rows,
    }


def _bars(name: str, title: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    with_ends = any(row.get("low") is not None for row in rows)
    whiskers = " Whiskers: the interval of each modelled count." if with_ends else ""
    return {
        "title": title,
        "caption": f"Bars: synthetic.{whiskers}",
        "drawn": bars(rows, f"{title} in {name}"),
        "rows": rows,
    }


def _first_number(label: str) -> int:
    digits = "".join(c if c.isdigit() else " " for c in label).split()
    return int(digits[0]) if digits else 0
