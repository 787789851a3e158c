"""Buildings and the dwellings in them, on invented layers: findings 6 to 9, 13 and 19."""

from __future__ import annotations

import polars as pl

from planted.invented_layers import BUILDINGS
from planted.kinds import GRADED, LAYERED, kind
from planted.kit import DWELLING_FIGURES as HOMES
from planted.kit import DWELLINGS, MANIFEST, RESIDUALS, PlantedRun


def units(run: PlantedRun) -> pl.Series:
    """Dwellings to damage."""
    return run.take(run.table(BUILDINGS))["dwelling_id"]


def shared(run: PlantedRun) -> pl.DataFrame:
    """Rows to damage, one of each building of several dwellings."""
    rows = run.table(BUILDINGS).filter(pl.len().over("building_id") > 1)
    return run.take(rows.unique("building_id", keep="first", maintain_order=True))


@kind(7, "building_rows", *GRADED, base=LAYERED)
def dwelling_without_a_building(run: PlantedRun) -> None:
    gone = units(run).implode()
    run.change(BUILDINGS, lambda table: table.filter(~pl.col("dwelling_id").is_in(gone)))


@kind(7, "building_rows", *GRADED, base=LAYERED)
def dwelling_in_two_buildings(run: PlantedRun) -> None:
    rows = run.take(run.table(BUILDINGS))
    run.change(BUILDINGS, lambda table: pl.concat([table, rows]))


@kind(7, "building_rows", *GRADED, base=LAYERED)
def row_of_a_dwelling_that_does_not_exist(run: PlantedRun) -> None:
    ids = units(run)
    run.put(BUILDINGS, "dwelling_id", ids, dwelling_id=10**9 + pl.col("dwelling_id"))


@kind(7, "building_rows", *GRADED, base=LAYERED)
def placeholder_building(run: PlantedRun) -> None:
    ids = units(run)
    for name in (BUILDINGS, DWELLINGS):
        run.put(name, "dwelling_id", ids, building_id="unknown")


@kind(7, "building_rows", base=LAYERED)
def one_building_for_a_zone(run: PlantedRun) -> None:
    here = pl.col("zone_code") == "01"
    own = pl.when(here).then("zone_code").otherwise("building_id").alias("building_id")
    for name in (BUILDINGS, DWELLINGS):
        run.change(name, lambda table: table.with_columns(own))


@kind(7, "building_rows", *GRADED, base=LAYERED)
def building_in_two_zones(run: PlantedRun) -> None:
    rows = run.table(BUILDINGS)
    here = rows.filter(pl.col("zone_code") == rows["zone_code"][0])
    far = rows.filter(pl.col("zone_code") != rows["zone_code"][0])["building_id"][0]
    ids = run.take(here)["dwelling_id"]
    for name in (BUILDINGS, DWELLINGS):
        run.put(name, "dwelling_id", ids, building_id=far)


@kind(7, "building_rows", *GRADED, base=LAYERED)
def building_both_real_and_modelled(run: PlantedRun) -> None:
    footprint, unit = pl.lit("real_footprint"), pl.lit("modelled_unit")
    other = pl.when(pl.col("evidence") == "real_footprint").then(unit).otherwise(footprint)
    run.put(BUILDINGS, "dwelling_id", shared(run)["dwelling_id"], evidence=other)


@kind(6, "building_links", *GRADED, base=LAYERED)
def dwellings_that_name_no_building(run: PlantedRun) -> None:
    ids = run.take(run.table(DWELLINGS))["dwelling_id"]
    run.put(DWELLINGS, "dwelling_id", ids, building_id=None)


@kind(6, "building_links", *GRADED, base=LAYERED)
def dwelling_that_names_another_building(run: PlantedRun) -> None:
    ids = run.table(BUILDINGS)["building_id"].unique(maintain_order=True)
    buildings = run.pick(ids.to_list()[:-1])
    run.put(DWELLINGS, "building_id", buildings, building_id=ids[-1])


@kind(6, "building_links", *GRADED, base=LAYERED)
def building_in_another_zone_than_its_dwelling(run: PlantedRun) -> None:
    rows = run.table(BUILDINGS).filter(pl.col("zone_code") != "05")
    buildings = run.pick(rows["building_id"].unique(maintain_order=True).to_list())
    run.put(BUILDINGS, "building_id", buildings, zone_code="05")


@kind(8, "building_capacity", *GRADED, base=LAYERED)
def overfull_building(run: PlantedRun) -> None:
    run.put(BUILDINGS, "building_id", shared(run)["building_id"], capacity=1)


@kind(8, "building_capacity", *GRADED, base=LAYERED)
def building_of_two_capacities(run: PlantedRun) -> None:
    more = pl.col("capacity") + 1
    run.put(BUILDINGS, "dwelling_id", shared(run)["dwelling_id"], capacity=more)


@kind(19, "closed_words", *GRADED, base=LAYERED)
def building_of_an_unknown_evidence_word(run: PlantedRun) -> None:
    run.put(BUILDINGS, "dwelling_id", units(run), evidence="satellite")


@kind(19, "building_sources", base=LAYERED)
def real_buildings_without_a_source(run: PlantedRun) -> None:
    said = {key: word for key, word in run.said(BUILDINGS).items() if key != "sources"}
    run.write(BUILDINGS, run.table(BUILDINGS), said)


@kind(19, "building_sources", base=LAYERED)
def modelled_buildings_with_a_source(run: PlantedRun) -> None:
    run.change(BUILDINGS, lambda t: t.with_columns(evidence=pl.lit("modelled_unit")))


@kind(9, "building_counts", base=LAYERED)
def buildings_far_from_the_published_count(run: PlantedRun) -> None:
    rows = run.table(BUILDINGS).filter(pl.col("zone_code") == "01")
    ids = rows["building_id"].unique(maintain_order=True).to_list()
    fewer = dict.fromkeys(ids[: len(ids) // 2], ids[0])
    for name in (BUILDINGS, DWELLINGS):
        run.change(name, lambda t: t.with_columns(pl.col("building_id").replace(fewer)))


@kind(9, "residual_rows", *GRADED, base=LAYERED)
def buildings_that_the_residuals_do_not_count(run: PlantedRun) -> None:
    rows = run.take(run.table(RESIDUALS).filter(pl.col("counts") == "buildings"))
    more = pl.col("observed") + 1
    run.put(RESIDUALS, "constraint_id", rows["constraint_id"], observed=more)


@kind(13, "building_summary", base=LAYERED)
def diagnostics_with_other_buildings(run: PlantedRun) -> None:
    run.edit_json(HOMES, lambda document: document["buildings"].update(buildings=1))


@kind(13, "manifest_coverage", base=LAYERED)
def manifest_that_counts_dwellings_as_buildings(run: PlantedRun) -> None:
    built = {"all": len(run.table(BUILDINGS))}
    run.edit_json(MANIFEST, lambda m: m["coverage"]["built"].update(buildings=built))
