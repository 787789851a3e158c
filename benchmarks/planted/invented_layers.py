"""Layers that no build makes yet, invented by hand for Tinyland's run, and sealed with it.

Persons, households and dwellings are those of the run. Buildings stand for every dwelling, the
overlay counts two invented groups, and everyone who works in a mill goes to one: small enough to
count by hand. The files that speak of the layers (manifest, tiers, diagnostics, notes, residuals)
are rewritten, as a build that has them would write them.
"""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from planted.kit import (
    DWELLINGS,
    MANIFEST,
    NOTES,
    PERSONS,
    RESIDUALS,
    SPREADS,
    TIERS,
    PlantedRun,
)

BUILDINGS = "synthetic_building_assignments"
OVERLAYS = "hidden_population_overlays"
PLACES = "work_school_assignments"
ASSIGNED = "assignment_diagnostics.json"
HOMES = "dwelling_building_diagnostics.json"
ASSIGNMENT = """# Who works and who learns, in an invented country.
work: {ages: [15, 99], attribute: work, categories: [Fields, Mill]}
school: {ages: [0, 30], attribute: work, categories: [School]}
external_zones:
  - {code: NEXT, name: The Neighbour}
"""
ROOM = 400  # persons that a mill or a school takes


def add_layers(run: PlantedRun) -> None:
    """Write the three layers into a copy of Tinyland's run, and mend what speaks of them."""
    add_buildings(run)
    add_overlays(run)
    add_places(run)
    tell(run)


def put_table(run: PlantedRun, name: str, table: pl.DataFrame, word: str, **said: Any) -> None:
    """Write a layer's table, with one evidence word for its columns, and take its marker away."""
    note = {"notice": "SYNTHETIC", "run_id": run.read_json(MANIFEST)["run_id"], **said}
    note["evidence"] = dict.fromkeys(table.columns, word)
    for column in table.columns:
        if table[column].null_count() == len(table):
            note["evidence"][column] = "unavailable"
    run.write(name, table, note)
    run.path(f"{name}.unavailable.json").unlink()

    def state(manifest: dict[str, Any]) -> None:
        manifest["layers"][name] = word
        manifest["table_digests"][name] = ""

    run.edit_json(MANIFEST, state)


def add_buildings(run: PlantedRun) -> None:
    """As many buildings in each zone as are published, the last one taking the other dwellings."""
    homes = run.table(DWELLINGS).select("dwelling_id", "zone_code")
    published = run.table(RESIDUALS).filter(pl.col("control_id") == "residential_buildings")
    number = dict(published.select("zone", "target").iter_rows())
    place = pl.int_range(pl.len()).over("zone_code")
    last = pl.col("zone_code").replace_strict(number, return_dtype=pl.Int64) - 1
    unit = pl.min_horizontal(place, last).cast(pl.String)
    table = homes.with_columns(building_id=pl.col("zone_code") + "-B" + unit)
    table = table.with_columns(
        evidence=pl.when(place % 2 == 0)
        .then(pl.lit("real_footprint"))
        .otherwise(pl.lit("modelled_unit")),
        capacity=pl.len().over("building_id").cast(pl.Int64) + 1,
    ).with_columns(evidence=pl.col("evidence").first().over("building_id"))
    order = ("dwelling_id", "building_id", "zone_code", "evidence", "capacity")
    put_table(run, BUILDINGS, table.select(order), "modelled", sources=["tiny_dwellings"])
    listed_without_interval(run, "dwellings: building_id")
    own = table.select("dwelling_id", named="building_id")
    run.write(
        DWELLINGS,
        run.table(DWELLINGS)
        .join(own, on="dwelling_id", how="left", maintain_order="left")
        .with_columns(building_id=pl.col("named"))
        .drop("named"),
        _worded(run, DWELLINGS, "building_id", "modelled"),
    )
    counted = {
        "buildings": table["building_id"].n_unique(),
        "dwellings": len(table),
        "by_evidence": dict(
            table.group_by("evidence").agg(pl.col("building_id").n_unique()).iter_rows()
        ),
        "most_dwellings_in_one": table.select(pl.col("capacity").max()).item() - 1,
    }
    run.edit_json(HOMES, lambda document: document.update(buildings=counted))
    per_zone = table.group_by("zone_code").agg(pl.col("building_id").n_unique()).rows()
    held = dict(per_zone) | {run.read_json(MANIFEST)["geography"]["root"]: counted["buildings"]}
    mine = pl.col("control_id") == "residential_buildings"
    observed = pl.col("zone").replace_strict(held, default=None, return_dtype=pl.Int64)
    run.change(RESIDUALS, lambda t: _compared(t, mine, observed))
    run.edit_json(
        MANIFEST,
        lambda m: m["coverage"]["built"].update(buildings={"all": counted["buildings"]}),
    )


def _worded(run: PlantedRun, name: str, column: str, word: str) -> dict[str, Any]:
    said = run.said(name)
    said["evidence"][column] = word
    return said


def _compared(table: pl.DataFrame, mine: pl.Expr, observed: pl.Expr) -> pl.DataFrame:
    """Residual rows with an observed figure where `mine` holds."""
    seen = table.with_columns(pl.when(mine).then(observed).otherwise("observed").alias("observed"))
    off = pl.col("observed") - pl.col("target")
    share = pl.when(pl.col("target") != 0).then(off / pl.col("target"))
    return seen.with_columns(
        pl.when(mine).then(off).otherwise("residual").alias("residual"),
        pl.when(mine).then(share).otherwise("relative_error").alias("relative_error"),
    ).cast(table.schema)


def listed_without_interval(run: PlantedRun, column: str) -> None:
    """Say of a modelled column that it has no interval."""

    def state(summary: dict[str, Any]) -> None:
        listed = summary["without_interval"]
        before, after = (f"{n} modelled columns" for n in (len(listed), len(listed) + 1))
        listed.append(column)
        summary["status"] = summary["status"].replace(before, after)

    run.edit_json(SPREADS, state)


def add_overlays(run: PlantedRun) -> None:
    """Two groups: shepherds from two lists in two zones, sailors as published for the country."""
    root = run.read_json(MANIFEST)["geography"]["root"]
    shared = {"period": "2021", "date": "2021-06-30", "source": "tiny_language"}
    shepherds = {"category": "shepherds", "method": "two_list", "lists": 2, "de_jure": "outside"}
    shepherds |= {"dependence_low": 0.5, "dependence_high": 2.0, "evidence": "modelled", **shared}
    sailors = {"category": "sailors", "method": "published", "lists": 0, "de_jure": "inside"}
    sailors |= {"dependence_low": None, "dependence_high": None, "evidence": "measured", **shared}
    sailors |= {"source": "https://example.org/tinyland/sailors"}
    table = pl.DataFrame(
        [
            {"zone_code": "01", "low": 10.0, "mid": 21.0, "high": 40.0, **shepherds},
            {"zone_code": "02", "low": 5.0, "mid": 8.0, "high": 19.0, **shepherds},
            {"zone_code": root, "low": 15.0, "mid": 30.0, "high": 60.0, **shepherds},
            {"zone_code": root, "low": 12.0, "mid": 12.0, "high": 12.0, **sailors},
        ],
        infer_schema_length=None,
    )
    put_table(run, OVERLAYS, table, "modelled")


def add_places(run: PlantedRun) -> None:
    """Mill hands go to the mill of their zone, some abroad; field hands nowhere; pupils to school.

    Mills and schools take at most ROOM persons; a zone has as many as it needs.
    """
    of_age = (pl.col("work") == "School") | (pl.col("age") >= 15)
    people = run.table(PERSONS).filter(pl.col("work").is_not_null() & of_age)
    place = pl.int_range(pl.len()).over("zone_code", "work")
    zone, works = pl.col("zone_code"), pl.col("work")
    unit = (place // ROOM).cast(pl.String)
    abroad = (works == "Mill") & (place % 10 == 3)
    there = works.is_in(["Mill", "School"]) & ~abroad
    table = people.select(
        "person_id",
        kind=pl.when(works == "School").then(pl.lit("school")).otherwise(pl.lit("work")),
        destination=pl.when(there)
        .then(pl.lit("place"))
        .when(abroad)
        .then(pl.lit("external"))
        .otherwise(pl.lit("unassigned")),
        place_id=pl.when(there).then(works + " " + zone + "-" + unit),
        zone_code=pl.when(there).then(zone),
        external_zone=pl.when(abroad).then(pl.lit("NEXT")),
        capacity=pl.when(there).then(pl.lit(ROOM, dtype=pl.Int64)),
        distance_km=pl.when(there).then((place % 7 + 1).cast(pl.Float64) / 2),
        evidence=pl.lit("modelled"),
    )
    put_table(run, PLACES, table, "modelled")
    run.path("pack/assignment.yaml").write_text(ASSIGNMENT, encoding="utf-8")
    homes = people.select("person_id", home="zone_code")
    run.path(ASSIGNED).write_text(json.dumps(_summed(table.join(homes, on="person_id"))))


def _summed(table: pl.DataFrame) -> dict[str, Any]:
    """assignment_diagnostics.json of a table with the home zone of each person."""
    led = table.filter(pl.col("destination") != "unassigned")
    led = led.with_columns(away=pl.coalesce("zone_code", "external_zone"))
    places = table.filter(pl.col("destination") == "place").group_by("kind", "place_id")
    rooms = places.agg(pl.col("capacity").first())
    persons: dict[str, dict[str, int]] = {}
    for kind, destination, number in table.group_by("kind", "destination").len().rows():
        persons.setdefault(kind, {})[destination] = number
    far = table.filter(pl.col("distance_km").is_not_null()).group_by("kind")
    lengths = far.agg(
        persons=pl.len(),
        mean_km=pl.col("distance_km").mean(),
        max_km=pl.col("distance_km").max(),
    )
    room = rooms.group_by("kind").agg(
        places=pl.len(), with_capacity=pl.col("capacity").count(), capacity=pl.col("capacity").sum()
    )
    flows = led.group_by("kind", "home", "away").len().rows()
    return {
        "scope": "national",
        "status": "modelled",
        "persons": persons,
        "flows": [
            {"kind": kind, "from": home, "to": away, "persons": number}
            for kind, home, away, number in flows
        ],
        "trip_lengths": {row.pop("kind"): row for row in lengths.to_dicts()},
        "capacities": {row.pop("kind"): row for row in room.to_dicts()},
    }


def tell(run: PlantedRun) -> None:
    """Let notes and tiers know which layers the run has."""
    layers = run.read_json(MANIFEST)["layers"]

    def name_layers(text: str) -> str:
        for layer, word in layers.items():
            text = text.replace(f"* {layer}: unavailable", f"* {layer}: {word}")
        return text

    run.edit_text(NOTES, name_layers)
    missing = sorted(layer for layer, word in layers.items() if word == "unavailable")

    def place(document: dict[str, Any]) -> None:
        document["missing_layers"] = missing
        gone = [f"{layer.replace('_', ' ')} unavailable" for layer in missing]
        for entry in document["tiers"]:
            kept = [r for r in entry["reasons"] if not r.endswith("unavailable") or r[3:] in gone]
            entry["reasons"] = kept

    run.edit_json(TIERS, place)
