"""Persons who cannot live as the run says: findings 1 to 5, and 28 for ages and sexes."""

from __future__ import annotations

import polars as pl

from planted.kinds import GRADED, MANY, ONE, NotApplicable, kind
from planted.kit import HOUSEHOLDS, PERSONS, PlantedRun


def child_of_a_couple(run: PlantedRun) -> pl.DataFrame:
    """Children of couples, one a household."""
    homes = run.homes_of("couple_with_children")["household_id"]
    members = run.people(pl.col("household_role") == "child")
    members = members.filter(pl.col("household_id").is_in(homes.implode()))
    return members.unique("household_id", keep="first", maintain_order=True)


@kind(1, "child_only", *GRADED)
def household_of_children(run: PlantedRun) -> None:
    homes = run.take(run.homes_of("couple_with_children"))
    run.put(PERSONS, "household_id", homes["household_id"], age=9)


@kind(1, "child_only", *GRADED)
def grandchildren_left_alone(run: PlantedRun) -> None:
    found = run.people(pl.col("household_role") == "grandchild").unique(
        "household_id", keep="first", maintain_order=True
    )
    run.put(PERSONS, "household_id", run.take(found)["household_id"], age=7)


@kind(2, "reference_age", *GRADED)
def reference_person_under_age(run: PlantedRun) -> None:
    homes = run.take(run.homes_of("extended", least=3))
    run.put(PERSONS, "person_id", homes["reference_person_id"], age=14)


@kind(2, "reference_age", *GRADED)
def lone_mother_under_age(run: PlantedRun) -> None:
    homes = run.take(run.homes_of("lone_mother"))
    run.put(PERSONS, "person_id", homes["reference_person_id"], age=17)


@kind(2, "reference_age", *GRADED)
def child_called_the_reference_person(run: PlantedRun) -> None:
    young = child_of_a_couple(run).filter(pl.col("age") < 10)
    chosen = run.take(young).select("household_id", "person_id")
    homes = run.table(HOUSEHOLDS).join(chosen, on="household_id")
    run.put(PERSONS, "person_id", homes["reference_person_id"], household_role="other_relative")
    run.put(PERSONS, "person_id", chosen["person_id"], household_role="reference")
    named = chosen.rename({"person_id": "reference_person_id"})
    run.put_rows(HOUSEHOLDS, "household_id", named)


def unlinked(run: PlantedRun) -> pl.DataFrame:
    """Members of homes who name nobody and whom nobody names."""
    people, links = run.people(), ("partner_id", "mother_id", "father_id")
    named = pl.concat([people[link].drop_nulls() for link in links])
    nobody = pl.all_horizontal(pl.col(links).is_null())
    homes = run.homes()["household_id"]
    return people.filter(
        nobody,
        ~pl.col("person_id").is_in(named.implode()),
        pl.col("household_id").is_in(homes.implode()),
    )


def years_between_siblings(run: PlantedRun) -> int:
    """The widest gap between children of one mother or of one father, by the declared ages."""
    rules = run.country()["household_rules"]
    bands = [rules[f"{parent}_age_at_birth"]["value"] for parent in ("mother", "father")]
    return max(int(high) - int(low) for low, high in bands)


@kind(None, "ages", *GRADED)
def older_than_the_oldest(run: PlantedRun) -> None:
    """Persons of the open class, in documents that are those of the last age, are a year older."""
    ages = run.country()["ages"]
    old = run.take(unlinked(run).filter(pl.col("age") >= ages["open_from"]))["person_id"]
    run.put(PERSONS, "person_id", old, age=int(ages["oldest"]))
    run.restate()
    run.put(PERSONS, "person_id", old, age=int(ages["oldest"]) + 1)


@kind(4, "largest_household")
def leftovers_in_one_household(run: PlantedRun) -> None:
    home = run.homes_of("extended").row(0, named=True)
    here = pl.col("household_id") == home["household_id"]
    zone = run.people(pl.col("zone_code") == home["zone_code"])
    moved = zone.filter(~here & (pl.col("household_role") == "child")).head(60)
    run.put(PERSONS, "person_id", moved["person_id"], household_id=home["household_id"])
    sizes = run.table(PERSONS).group_by("household_id").len("size")
    run.change(
        HOUSEHOLDS,
        lambda table: table.drop("size").join(sizes, on="household_id").select(table.columns),
    )


@kind(4, "largest_household", *GRADED)
def open_class_above_the_largest(run: PlantedRun) -> None:
    """The largest households of the run take in one child more than is allowed."""
    most = int(run.country()["household_rules"]["largest_household"]["value"])
    homes = run.homes().sort("size", "household_id", descending=[True, False])
    chosen = run.take(homes.head(40))
    spare = run.people(pl.col("household_role") == "child")
    spare = spare.filter(~pl.col("household_id").is_in(homes["household_id"].head(40).implode()))
    wanted = chosen.select("household_id", short=most + 1 - pl.col("size"))
    places = wanted.select(pl.col("household_id").repeat_by("short").explode())
    if len(places) > len(spare):
        raise NotApplicable("there are not enough children")
    moved = spare.head(len(places)).select("person_id").with_columns(places["household_id"])
    run.put_rows(PERSONS, "person_id", moved)


@kind(4, "mean_size", ONE, MANY)
def residents_crowded_into_few_households(run: PlantedRun) -> None:
    """Three households of a zone become one, in one zone or in nearly a third of all zones."""
    homes = run.homes().sort("household_id")
    large = homes.group_by("zone_code").len().filter(pl.col("len") >= 60)
    zones = large.sort("len", "zone_code", descending=True)["zone_code"].to_list()
    chosen = homes.filter(pl.col("zone_code").is_in(run.pick(zones)))
    place = pl.int_range(pl.len()).over("zone_code")
    merged = chosen.with_columns(
        pl.col("household_id").gather(place - place % 3).over("zone_code").alias("into")
    )
    moved = merged.select("household_id", "into")
    people = run.people().join(moved, on="household_id")
    run.put_rows(PERSONS, "person_id", people.select("person_id", household_id="into"))
    gone = moved.filter(pl.col("household_id") != pl.col("into"))["household_id"]
    run.change(
        HOUSEHOLDS, lambda table: table.filter(~pl.col("household_id").is_in(gone.implode()))
    )


def age_of_parent(run: PlantedRun, link: str, older_than: int, gap: int) -> None:
    """Make parents so many years older (or younger) than their children."""
    children = run.people(pl.col(link).is_not_null(), pl.col("age") > older_than)
    chosen = run.take(children.unique(link, keep="first", maintain_order=True))
    run.put_rows(
        PERSONS, "person_id", chosen.select(person_id=pl.col(link), age=pl.col("age") + gap)
    )


@kind(5, "parent_gaps", *GRADED)
def mother_too_young(run: PlantedRun) -> None:
    age_of_parent(run, "mother_id", 12, 5)


@kind(5, "parent_gaps", *GRADED)
def mother_too_old_at_birth(run: PlantedRun) -> None:
    children = run.people(pl.col("mother_id").is_not_null(), pl.col("age") < 20)
    chosen = run.take(children.unique("mother_id", keep="first", maintain_order=True))
    older = chosen.select(person_id="mother_id", age=pl.col("age") + 56)
    run.put_rows(PERSONS, "person_id", older)


@kind(5, "parent_gaps", *GRADED)
def father_younger_than_his_child(run: PlantedRun) -> None:
    age_of_parent(run, "father_id", 20, -1)


@kind(5, "parent_gaps", *GRADED)
def parent_as_old_as_the_couple(run: PlantedRun) -> None:
    children = run.take(child_of_a_couple(run).filter(pl.col("age") < 18))
    run.put(PERSONS, "person_id", children["person_id"], household_role="parent")


@kind(5, "parent_gaps", *GRADED)
def grandchild_as_old_as_a_child(run: PlantedRun) -> None:
    heads = run.people(pl.col("household_role").is_in(["reference", "partner"]))
    oldest = heads.group_by("household_id").agg(oldest=pl.col("age").max())
    members = run.people(pl.col("household_role") == "grandchild").join(oldest, on="household_id")
    chosen = run.take(members).select("person_id", age=pl.col("oldest") - 25)
    run.put_rows(PERSONS, "person_id", chosen)


@kind(5, "parent_gaps", *GRADED)
def sibling_two_generations_away(run: PlantedRun) -> None:
    """Siblings of the reference person change places with much older or younger members elsewhere.

    Both are tied to nobody and of one zone, and take all that is theirs along.
    """
    heads = run.people(pl.col("household_role").is_in(["reference", "partner"]))
    spans = heads.group_by("household_id").agg(low=pl.col("age").min(), high=pl.col("age").max())
    free = unlinked(run).sort("zone_code", "age", "person_id")
    siblings = free.filter(pl.col("household_role") == "sibling").join(spans, on="household_id")
    others = free.filter(pl.col("household_role").is_in(["other_relative", "non_relative"]))
    ends = [others.group_by("zone_code", maintain_order=True).head(20)]
    ends += [others.group_by("zone_code", maintain_order=True).tail(20)]
    far = pl.concat(ends).unique("person_id", maintain_order=True).select(others.columns)
    pairs = siblings.join(far, on="zone_code", suffix="_other").filter(
        (pl.col("age_other") - pl.col("high") > years_between_siblings(run))
        | (pl.col("low") - pl.col("age_other") > years_between_siblings(run))
    )
    pairs = pairs.sort("person_id", "person_id_other")
    pairs = pairs.unique("person_id", keep="first", maintain_order=True)
    pairs = run.take(pairs.unique("person_id_other", keep="first", maintain_order=True))
    stays = ("household_id", "zone_code", "universe", "household_role", "family_status")
    links = ("partner_id", "mother_id", "father_id")
    own = [name for name in run.people().columns if name not in ("person_id", *stays, *links)]
    ends = [("person_id", "person_id_other"), ("person_id_other", "person_id")]
    told = pl.concat(pairs.select(person_id=a, whose=b) for a, b in ends)
    theirs = run.people().select(pl.col("person_id").alias("whose"), *own)
    run.put_rows(PERSONS, "person_id", told.join(theirs, on="whose").drop("whose"))
    run.restate()


@kind(5, "parent_gaps", *GRADED)
def sextuplets(run: PlantedRun) -> None:
    """Five or more children under age of one mother are all as old as the youngest."""
    adult = run.country()["household_rules"]["adult_age"]["value"]
    of = run.people(pl.col("mother_id").is_not_null()).group_by("mother_id", maintain_order=True)
    families = of.agg(n=pl.len(), young=pl.col("age").min(), old=pl.col("age").max())
    families = run.take(families.filter(pl.col("n") >= 5, pl.col("old") < adult).sort("mother_id"))
    children = run.people().join(families, on="mother_id")
    run.put_rows(PERSONS, "person_id", children.select("person_id", age="young"))
    run.restate()


@kind(5, "parent_gaps", *GRADED)
def generations_out_of_order(run: PlantedRun) -> None:
    parents = run.take(run.people(pl.col("household_role") == "parent"))
    run.put(PERSONS, "person_id", parents["person_id"], age=19)


@kind(5, "partner_gaps", *GRADED)
def couple_sixty_years_apart(run: PlantedRun) -> None:
    women = run.people(pl.col("partner_id").is_not_null(), pl.col("sex") == "female")
    men = run.people(pl.col("sex") == "male").select(partner_id="person_id")
    couples = run.take(women.join(men, on="partner_id", maintain_order="left"))
    run.put(PERSONS, "person_id", couples["partner_id"], age=95)
    run.put(PERSONS, "person_id", couples["person_id"], age=25)


@kind(5, "partner_gaps", *GRADED)
def partner_under_the_age_of_marriage(run: PlantedRun) -> None:
    inlaws = run.take(run.people(pl.col("household_role") == "child_in_law"))
    run.put(PERSONS, "person_id", inlaws["person_id"], age=16)


# Distributions that the registry declares, in links and ages --------------------------------------


@kind(5, "gap_densities")
def women_older_than_their_men(run: PlantedRun) -> None:
    """Man and woman of every couple change places, and so do the parents of their children."""
    people = run.table(PERSONS)
    sexes = people.select(partner_id="person_id", other="sex")
    couples = people.join(sexes, on="partner_id").filter(pl.col("sex") != pl.col("other"))
    if not len(couples):
        raise NotApplicable("there is no couple of man and woman")
    moved = couples["person_id"].implode()
    of_them = pl.col("mother_id").is_in(moved) | pl.col("father_id").is_in(moved)
    children = people.filter(of_them).select(
        "person_id", mother_id="father_id", father_id="mother_id"
    )
    run.put_rows(PERSONS, "person_id", couples.select("person_id", sex="other"))
    run.put_rows(PERSONS, "person_id", children)


@kind(5, "gap_densities")
def youngest_mothers_of_the_oldest_children(run: PlantedRun) -> None:
    """Children under age change ages within their zone, against the order of their mothers'."""
    people = run.table(PERSONS)
    mothers = people.select(mother_id="person_id", of_mother="age")
    children = people.filter(pl.col("age") < 18).join(mothers, on="mother_id")
    if not len(children):
        raise NotApplicable("no child under age has a mother")
    ranked = children.sort("zone_code", "of_mother", "person_id")
    against = pl.col("age").sort(descending=True).over("zone_code")
    run.put_rows(PERSONS, "person_id", ranked.select("person_id", against))


@kind(5, "sibling_spacing", MANY)
def siblings_made_twins(run: PlantedRun) -> None:
    """Children of one mother have the age of her eldest child at home."""
    people = run.table(PERSONS).filter(pl.col("mother_id").is_not_null())
    homes = people.group_by("mother_id").agg(pl.len(), pl.col("age").max())
    mothers = run.take(homes.filter(pl.col("len") > 1).sort("mother_id"))
    twins = people.select("person_id", "mother_id").join(mothers, on="mother_id")
    run.put_rows(PERSONS, "person_id", twins.select("person_id", "age"))


@kind(28, "oldest_ages")
def open_class_of_one_age(run: PlantedRun) -> None:
    """Everybody of the open class is as old as it begins."""
    first = int(run.country()["ages"]["open_from"])
    old = run.people(pl.col("age") > first)["person_id"]
    if not len(old):
        raise NotApplicable("nobody is older than the open class begins")
    run.put(PERSONS, "person_id", old, age=first)


def by_ratio_alone(run: PlantedRun) -> None:
    """NotApplicable where a table gives persons by sex and age."""
    for each in run.controls():
        if each["counts"] == "persons" and {"sex", "age"} <= (each.get("by") or {}).keys():
            raise NotApplicable("a table gives persons by sex and age")


@kind(28, "sex_by_age")
def old_women_and_boys_exchange_sex(run: PlantedRun) -> None:
    """Women of 65 and more are men, and as many boys of their zone are girls."""
    by_ratio_alone(run)
    universe = str(run.country()["household_universe"])
    own = [pl.col("universe") == universe, pl.col("partner_id").is_null()]
    place = pl.int_range(pl.len()).over("zone_code").alias("place")
    women = run.people(pl.col("sex") == "female", pl.col("age") >= 65, *own).with_columns(place)
    boys = run.people(pl.col("sex") == "male", pl.col("age") < 15, *own).with_columns(place)
    both = women.join(boys, on=["zone_code", "place"])
    if not len(both):
        raise NotApplicable("no zone has an old woman alone and a boy")
    run.put(PERSONS, "person_id", both["person_id"], sex="male")
    run.put(PERSONS, "person_id", both["person_id_right"], sex="female")


@kind(28, "sex_by_age")
def universe_of_men(run: PlantedRun) -> None:
    """Residents of whom no table gives the sexes are men."""
    by_ratio_alone(run)
    _, other, _ = run.universes()
    people = run.people(pl.col("universe") == other, pl.col("partner_id").is_null())
    run.put(PERSONS, "person_id", people["person_id"], sex="male")
