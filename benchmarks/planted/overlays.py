"""Hidden populations beside the residents, on invented layers: findings 16, 17, 21 and 24."""

from __future__ import annotations

import polars as pl

from planted.invented_layers import OVERLAYS
from planted.kinds import GRADED, LAYERED, MANY, ONE, kind
from planted.kit import HOUSEHOLDS, MANIFEST, PERSONS, PlantedRun


def group(run: PlantedRun, category: str = "shepherds", **values: object) -> None:
    """Set columns in rows of a category: one, or all where more than one is damaged."""
    rows = run.table(OVERLAYS).filter(pl.col("category") == category)
    zones = rows["zone_code"].to_list()
    chosen = zones[:1] if run.severity == ONE else zones
    hit = (pl.col("category") == category) & pl.col("zone_code").is_in(chosen)
    run.change(
        OVERLAYS,
        lambda t: t.with_columns(
            pl.when(hit)
            .then(value if isinstance(value, pl.Expr) else pl.lit(value))
            .otherwise(pl.col(column))
            .cast(t.schema[column])
            .alias(column)
            for column, value in values.items()
        ),
    )


@kind(17, "overlay_bounds", ONE, MANY, base=LAYERED)
def overlay_of_no_width(run: PlantedRun) -> None:
    group(run, low=pl.col("mid"), high=pl.col("mid"))


@kind(17, "overlay_bounds", ONE, MANY, base=LAYERED)
def overlay_outside_its_band(run: PlantedRun) -> None:
    group(run, mid=pl.col("high") + 1)


@kind(17, "overlay_bounds", ONE, MANY, base=LAYERED)
def overlay_below_nothing(run: PlantedRun) -> None:
    group(run, low=-1.0)


@kind(17, "overlay_bounds", ONE, MANY, base=LAYERED)
def overlay_without_a_number(run: PlantedRun) -> None:
    group(run, high=float("nan"))


@kind(17, "overlay_bounds", base=LAYERED)
def one_band_for_every_category(run: PlantedRun) -> None:
    said = run.said(OVERLAYS)
    table = run.table(OVERLAYS).with_columns(low=pl.col("mid") * 0.5, high=pl.col("mid") * 2)
    run.write(OVERLAYS, table.with_columns(evidence=pl.lit("modelled")), said)


@kind(21, "overlay_sources", ONE, MANY, base=LAYERED)
def overlay_from_nowhere(run: PlantedRun) -> None:
    group(run, source="an expert")


@kind(21, "overlay_sources", ONE, MANY, base=LAYERED)
def overlay_of_no_day(run: PlantedRun) -> None:
    group(run, date="last year")


@kind(21, "overlay_sources", ONE, MANY, base=LAYERED)
def overlay_of_tomorrow(run: PlantedRun) -> None:
    group(run, date="2999-01-01")


@kind(21, "overlay_sources", ONE, MANY, base=LAYERED)
def two_lists_without_their_dependence(run: PlantedRun) -> None:
    group(run, dependence_high=None)


@kind(21, "overlay_sources", ONE, MANY, base=LAYERED)
def independence_taken_for_granted(run: PlantedRun) -> None:
    group(run, dependence_low=1.0, dependence_high=1.0)


@kind(21, "overlay_sources", ONE, MANY, base=LAYERED)
def many_systems_from_two_lists(run: PlantedRun) -> None:
    group(run, method="multiple_systems")


@kind(21, "overlay_sources", ONE, MANY, base=LAYERED)
def estimate_called_measured(run: PlantedRun) -> None:
    group(run, evidence="measured")


@kind(19, "closed_words", ONE, MANY, base=LAYERED)
def overlay_half_inside(run: PlantedRun) -> None:
    group(run, de_jure="partly")


@kind(16, "overlay_zones", base=LAYERED)
def overlay_of_an_unknown_zone(run: PlantedRun) -> None:
    run.put(OVERLAYS, "zone_code", "02", zone_code="99")


@kind(16, "overlay_zones", base=LAYERED)
def overlay_row_twice(run: PlantedRun) -> None:
    run.change(OVERLAYS, lambda table: pl.concat([table, table.head(1)]))


@kind(16, "overlay_zones", base=LAYERED)
def overlay_whose_zones_exceed_the_country(run: PlantedRun) -> None:
    table = run.table(OVERLAYS)
    one, zones = table.head(1), run.read_json(MANIFEST)["geography"]["zones"]
    each = [one.with_columns(zone_code=pl.lit(zone), mid=pl.lit(39.0)) for zone in zones]
    kept = table.filter(~pl.col("zone_code").is_in(zones))
    run.change(OVERLAYS, lambda _: pl.concat([kept, *each]))


@kind(24, "overlay_apart", *GRADED, base=LAYERED)
def overlay_added_to_the_residents(run: PlantedRun) -> None:
    people = run.take(run.people(pl.col("zone_code") == "01"))
    ids = 10**6 + pl.int_range(pl.len(), dtype=pl.Int64)
    more = people.with_columns(person_id=ids)
    run.change(PERSONS, lambda t: pl.concat([t, more.cast(t.schema)]))


@kind(24, "overlay_apart", *GRADED, base=LAYERED)
def residents_taken_for_an_overlay(run: PlantedRun) -> None:
    people = run.take(run.people())["person_id"]
    run.put(PERSONS, "person_id", people, universe="shepherds")


@kind(24, "overlay_apart", *GRADED, base=LAYERED)
def household_of_an_overlay(run: PlantedRun) -> None:
    homes = run.take(run.homes())["household_id"]
    run.put(HOUSEHOLDS, "household_id", homes, universe="Sailors")


@kind(24, "overlay_apart", base=LAYERED)
def more_inside_than_there_are_residents(run: PlantedRun) -> None:
    group(run, "sailors", low=1e9, mid=1e9, high=1e9)
