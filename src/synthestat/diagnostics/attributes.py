"""What each attribute of the persons looks like, measured from the written table."""

from __future__ import annotations

import polars as pl

from synthestat.packs.attribute_odds import couple_shares, universe_of
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
    families = [attribute.pattern, attribute.association, attribute.couples]
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
        "couples_by_age": couples_by_age(attribute, pack, persons),
    }


def couples_by_age(
    attribute: AttributeSpec, pack: CountryPack, persons: pl.DataFrame
) -> list[dict[str, object]]:
    """Return persons with a partner by age, where the attribute declares a share of couples.

    Five-year groups of their own age: `persons` of couples whose values are known, those of whom
    `both` partners or `one` alone are in the category, and the share `declared` for the mean ages
    of their couples. Empty where no share is declared.
    """
    shares = couple_shares(attribute, pack.country, pack.priors)
    if shares is None:
        return []
    inside = pl.col(attribute.name).cast(pl.String) == attribute.alike[0]
    people = persons.select("person_id", "partner_id", pl.col("age").cast(pl.Int64), inside=inside)
    people = people.drop_nulls("inside")
    theirs = people.select(
        pl.col("person_id").alias("partner_id"), their_age="age", theirs="inside"
    )
    couples = people.join(theirs, on="partner_id")
    mean_age = ((couples["age"] + couples["their_age"]) // 2).to_numpy()
    table = couples.select(
        first=pl.col("age") // 5 * 5,
        both=pl.col("inside") & pl.col("theirs"),
        one=pl.col("inside") != pl.col("theirs"),
        declared=pl.Series(shares.together[mean_age]),
    )
    groups = table.group_by("first").agg(
        pl.len().alias("persons"), pl.col("both", "one").sum(), pl.col("declared").mean()
    )
    return [
        {"ages": f"{first}-{first + 4}", "persons": n, "both": both, "one": one}
        | {"declared": round(share, 6)}
        for first, n, both, one, share in groups.sort("first").iter_rows()
    ]


def method(attribute: AttributeSpec) -> str:
    """Return in a few words how an attribute is drawn."""
    parts = ["quotas of its table, exact"] if attribute.control is not None else []
    parts += ["shares of its guide in each zone"] if attribute.guide is not None else []
    parts += ["pattern by age and sex"] if attribute.pattern is not None else []
    parts += ["share of couples by age"] if attribute.couples is not None else []
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
