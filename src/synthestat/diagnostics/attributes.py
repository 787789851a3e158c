"""What each attribute of the persons looks like, measured from the written table."""

from __future__ import annotations

import polars as pl

from synthestat.packs.attribute_odds import universe_of
from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import AttributeSpec


def attribute_diagnostics(pack: CountryPack, persons: pl.DataFrame) -> list[dict[str, object]]:
    """Return counts by category, method, registry entries and agreement of partners, by attribute.

    `couples` are those of whom both partners have a value, `alike` those of them whose values are
    the same; for partners who agree in some categories alone, any two others are the same.
    """
    return [_attribute(attribute, pack, persons) for attribute in pack.attributes]


def _attribute(
    attribute: AttributeSpec, pack: CountryPack, persons: pl.DataFrame
) -> dict[str, object]:
    families = [attribute.pattern, attribute.association]
    families += [] if attribute.given is None else [attribute.given.family]
    column = pl.col(attribute.name).cast(pl.String)
    counts = dict(persons.select(column).group_by(attribute.name).len().iter_rows())
    couples, alike = partner_agreement(attribute, persons)
    return {
        "name": attribute.name,
        "universe": universe_of(attribute, pack.country, pack.controls),
        "evidence": attribute.evidence,
        "method": method(attribute),
        "control": attribute.control,
        "guide": attribute.guide,
        "registry": [pack.priors.used(family).id for family in families if family is not None],
        "given": None if attribute.given is None else attribute.given.attribute,
        "household": attribute.household_rule,
        "alike_in": list(attribute.alike),
        "households_together": attribute.together,
        "categories": {
            name: counts.get(name, 0) for name in pack.country.classifications[attribute.name]
        },
        "unknown": counts.get(None, 0),
        "couples": couples,
        "couples_alike": alike,
        "partner_agreement": round(alike / couples, 6) if couples else None,
    }


def method(attribute: AttributeSpec) -> str:
    """Return in a few words how an attribute is drawn."""
    parts = ["quotas of its table, exact"] if attribute.control is not None else []
    parts += ["shares of its guide in each zone"] if attribute.guide is not None else []
    parts += ["pattern by age and sex"] if attribute.pattern is not None else []
    parts += ["association with its stratum"] if attribute.association is not None else []
    parts += [f"odds given {attribute.given.attribute}"] if attribute.given is not None else []
    parts += ["rules of age"] if attribute.rules else []
    return "; ".join(parts)


def partner_agreement(attribute: AttributeSpec, persons: pl.DataFrame) -> tuple[int, int]:
    """Return couples of known values, and how many of them are alike."""
    value = pl.col(attribute.name).cast(pl.String)
    if attribute.alike:
        value = pl.when(value.is_null() | value.is_in(attribute.alike)).then(value)
        value = value.otherwise(pl.lit(""))
    known = persons.select("person_id", "partner_id", value.alias("value")).drop_nulls("value")
    partners = known.select(
        pl.col("person_id").alias("partner_id"), pl.col("value").alias("theirs")
    )
    paired = known.drop_nulls("partner_id").filter(pl.col("person_id") < pl.col("partner_id"))
    both = paired.join(partners, on="partner_id", how="inner")
    return len(both), int((both["value"] == both["theirs"]).sum())
