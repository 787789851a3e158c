"""Attributes of persons: impossible ages, wrong words, one category for all, and categories that
hang on nothing: findings 25 and 28."""

from __future__ import annotations

from typing import Any

import polars as pl

from planted.kinds import GRADED, MANY, NotApplicable, kind
from planted.kit import DISTRIBUTIONS, PERSONS, PlantedRun


def ruled(run: PlantedRun, rule: str) -> tuple[str, str, int]:
    """The first (attribute, category, age) with a rule `from_age` or `to_age`."""
    for entry in run.pack("attributes.yaml")["attributes"]:
        for category, ages in (entry.get("rules") or {}).items():
            if ages.get(rule) is not None:
                return str(entry["name"]), str(category), int(ages[rule])
    raise NotApplicable(f"no attribute has a rule {rule}")


def commonest(run: PlantedRun, name: str) -> tuple[str, float]:
    """The commonest category of an attribute, and its share of those with a value."""
    counts = run.table(PERSONS)[name].drop_nulls().value_counts().sort("count", name)
    return str(counts[name][-1]), float(counts["count"][-1] / counts["count"].sum())


@kind(25, "attributes_rules", *GRADED)
def category_before_its_first_age(run: PlantedRun) -> None:
    """A married child, an employed one, as the country's rules have it."""
    name, category, first = ruled(run, "from_age")
    people = run.people(pl.col(name).is_not_null(), pl.col("age") < first)
    run.put(PERSONS, "person_id", run.take(people)["person_id"], **{name: category})


@kind(25, "attributes_rules", *GRADED)
def category_after_its_last_age(run: PlantedRun) -> None:
    """A pupil of sixty, one below working age who is grown up."""
    name, category, last = ruled(run, "to_age")
    people = run.people(pl.col(name).is_not_null(), pl.col("age") > last)
    run.put(PERSONS, "person_id", run.take(people)["person_id"], **{name: category})


@kind(25, "attributes_rules", *GRADED)
def category_that_another_attribute_forbids(run: PlantedRun) -> None:
    """Odds of zero given another attribute, and yet somebody has both."""
    families = {e["family"]: e["values"] for e in run.pack("priors.yaml")["priors"]}
    for entry in run.pack("attributes.yaml")["attributes"]:
        if not entry.get("given"):
            continue
        name = str(entry["name"])
        words = [str(word) for word in run.country()["classifications"][name]]
        for beside, odds in families[entry["given"]["family"]].items():
            free = [word for word in words if not odds.get(word)]
            of = pl.col(entry["given"]["attribute"]) == str(beside)
            people = run.people(of, pl.col(name).is_not_null(), pl.col("age") < 30)
            if free and len(people):
                run.put(PERSONS, "person_id", run.take(people)["person_id"], **{name: free[0]})
                return
    raise NotApplicable("no odds given another attribute are zero")


@kind(25, "attributes_rules", *GRADED)
def worker_at_an_age_of_zero_odds(run: PlantedRun) -> None:
    """A pattern whose odds are zero at the youngest ages, and yet a child has the category."""
    used = {e["family"]: e["values"] for e in run.pack("priors.yaml")["priors"]}
    for entry in run.pack("attributes.yaml")["attributes"]:
        curves = used.get(entry.get("pattern"), {})
        for category, curve in curves.items():
            ages = curve.get("male", curve) if isinstance(curve, dict) else {}
            zeros = [age for age, odds in ages.items() if isinstance(age, int) and not odds]
            if zeros and str(category) not in (entry.get("rules") or {}):
                name = str(entry["name"])
                people = run.people(
                    pl.col(name).is_not_null(), pl.col("age") == min(zeros), pl.col("sex") == "male"
                )
                chosen = run.take(people.filter(pl.col(name) != str(category)))["person_id"]
                run.put(PERSONS, "person_id", chosen, **{name: str(category)})
                return
    raise NotApplicable("no pattern alone has odds of zero")


def evidence_of(run: PlantedRun, keys: str, word: str) -> None:
    """Call the values of an attribute by another evidence word."""
    name = str(run.attribute(*keys.split())["name"])
    known = run.take(run.people(pl.col(name).is_not_null()))["person_id"]
    run.put(PERSONS, "person_id", known, **{f"{name}_evidence": word})


@kind(19, "attributes_rules", *GRADED)
def modelled_attribute_called_constrained(run: PlantedRun) -> None:
    evidence_of(run, "pattern", "constrained")


@kind(19, "attributes_rules", *GRADED)
def constrained_attribute_called_measured(run: PlantedRun) -> None:
    evidence_of(run, "control", "measured")


@kind(13, "attributes_rules", *GRADED)
def modelled_value_exchanged(run: PlantedRun) -> None:
    """Persons get the commonest category of an attribute that is modelled."""
    name = str(run.attribute("pattern")["name"])
    word, _ = commonest(run, name)
    oldest = pl.col("age").is_between(30, 44)
    people = run.take(run.people(oldest, pl.col(name).is_not_null(), pl.col(name) != word))
    run.put(PERSONS, "person_id", people["person_id"], **{name: word})


@kind(12, "tolerances", *GRADED)
def constrained_value_exchanged(run: PlantedRun) -> None:
    """Persons get the commonest category of an attribute with a table."""
    name = str(run.attribute("control")["name"])
    word, _ = commonest(run, name)
    people = run.take(run.people(pl.col(name).is_not_null(), pl.col(name) != word))
    run.put(PERSONS, "person_id", people["person_id"], **{name: word})


@kind(13, "attributes_rules", *GRADED)
def guided_value_exchanged(run: PlantedRun) -> None:
    """Persons get the commonest category of an attribute that has a guide's shares by zone."""
    name = str(run.attribute("guide")["name"])
    word, _ = commonest(run, name)
    people = run.take(run.people(pl.col(name).is_not_null(), pl.col(name) != word))
    run.put(PERSONS, "person_id", people["person_id"], **{name: word})


@kind(13, "attributes_rules", *GRADED)
def value_lost(run: PlantedRun) -> None:
    """Persons whose attribute is known have it no more."""
    name = str(run.attribute("pattern")["name"])
    people = run.take(run.people(pl.col(name).is_not_null()))
    run.put(PERSONS, "person_id", people["person_id"], **{name: None})


def depended_on(run: PlantedRun) -> set[str]:
    """The attributes that others are given."""
    entries = run.pack("attributes.yaml")["attributes"]
    return {str(each["given"]["attribute"]) for each in entries if each.get("given")}


@kind(14, "attributes_rules", *GRADED)
def value_outside_the_universe(run: PlantedRun) -> None:
    """Persons of a universe that an attribute does not cover get its commonest category."""
    for entry in run.pack("attributes.yaml")["attributes"]:
        name = str(entry["name"])
        without = run.people(pl.col(name).is_null())
        if len(without) and name not in depended_on(run):
            told = {name: commonest(run, name)[0]}
            told[f"{name}_evidence"] = "constrained" if entry.get("control") else "modelled"
            run.put(PERSONS, "person_id", run.take(without)["person_id"], **told)
            run.restate()
            return
    raise NotApplicable("every attribute covers all persons")


@kind(13, "attributes_rules", *GRADED)
def value_never_drawn(run: PlantedRun) -> None:
    """Persons of an attribute's universe have none, and every document says so."""
    for entry in run.pack("attributes.yaml")["attributes"]:
        name = str(entry["name"])
        quotas = entry.get("control") or entry.get("guide")
        if not quotas and name not in depended_on(run):
            people = run.take(run.people(pl.col(name).is_not_null()))["person_id"]
            run.put(PERSONS, "person_id", people, **{name: None, f"{name}_evidence": "unavailable"})
            run.restate()
            return
    raise NotApplicable("every attribute has a table, or another is given it")


def given_to_another(run: PlantedRun) -> tuple[str, pl.DataFrame]:
    """An attribute that another is given, and persons who have both."""
    entry = run.attribute("given")
    name = str(entry["given"]["attribute"])
    return name, run.people(pl.col(name).is_not_null(), pl.col(str(entry["name"])).is_not_null())


@kind(13, "attributes_rules", *GRADED)
def value_lost_that_another_is_given(run: PlantedRun) -> None:
    name, people = given_to_another(run)
    lost = {name: None, f"{name}_evidence": "unavailable"}
    run.put(PERSONS, "person_id", run.take(people)["person_id"], **lost)


@kind(13, "attributes_rules", *GRADED)
def unknown_word_that_another_is_given(run: PlantedRun) -> None:
    name, people = given_to_another(run)
    run.put(PERSONS, "person_id", run.take(people)["person_id"], **{name: "atlantis"})


@kind(19, "closed_words", *GRADED)
def word_outside_the_classification(run: PlantedRun) -> None:
    name = str(run.attribute("name")["name"])
    people = run.take(run.people(pl.col(name).is_not_null()))
    run.put(PERSONS, "person_id", people["person_id"], **{name: "Atlantis"})


@kind(13, "attributes_rules")
def partners_said_to_agree_more(run: PlantedRun) -> None:
    def raise_agreement(document: dict[str, Any]) -> None:
        entry = next(e for e in document["attributes"] if e["couples_alike"] < e["couples"])
        entry["couples_alike"] = entry["couples"]

    run.edit_json(DISTRIBUTIONS, raise_agreement)


@kind(19, "attributes_rules")
def modelled_attribute_called_measured_in_the_diagnostics(run: PlantedRun) -> None:
    def promote(document: dict[str, Any]) -> None:
        row = next(each for each in document["attributes"] if each["evidence"] == "modelled")
        row["evidence"] = "measured"

    run.edit_json(DISTRIBUTIONS, promote)


def everybody(run: PlantedRun, keys: str, *conditions: Any) -> None:
    """Give everyone of some the same category."""
    name = str(run.attribute(*keys.split())["name"])
    known = run.people(pl.col(name).is_not_null(), *conditions)["person_id"]
    rarest = run.people()[name].drop_nulls().value_counts().sort("count", name)[name][0]
    run.put(PERSONS, "person_id", known, **{name: rarest})


@kind(25, "attribute_shares", MANY)
def one_modelled_category_for_everybody(run: PlantedRun) -> None:
    everybody(run, "pattern")


@kind(25, "attribute_shares", MANY)
def one_constrained_category_for_everybody(run: PlantedRun) -> None:
    everybody(run, "control")


@kind(25, "attribute_shares", MANY)
def one_category_given_another_for_everybody(run: PlantedRun) -> None:
    everybody(run, "given")


@kind(25, "attribute_shares", MANY)
def default_category_for_those_over_thirty(run: PlantedRun) -> None:
    everybody(run, "given", pl.col("age") > 30)


# Attributes beside each other ---------------------------------------------------------------------


def deal_anew(run: PlantedRun, name: str, within: list[str], *conditions: Any) -> None:
    """Let the persons of a group exchange a column at random; groups stay as they are."""
    people = run.people(pl.col(name).is_not_null(), *conditions)
    if people[name].n_unique() < 2:
        raise NotApplicable(f"all have one {name}")
    dealt = pl.col(name).shuffle(seed=run.seed + 1).over(within)
    run.put_rows(PERSONS, "person_id", people.select("person_id", dealt))


def alone(run: PlantedRun, key: str) -> str:
    """The first attribute with this key that nothing but odds gives. NotApplicable if none."""
    for entry in run.pack("attributes.yaml")["attributes"]:
        if entry.get(key) and not entry.get("control") and not entry.get("guide"):
            return str(entry["name"])
    raise NotApplicable(f"no attribute of odds alone has {key}")


@kind(28, "attribute_ages")
def category_that_no_age_has_more_of(run: PlantedRun) -> None:
    """All grown up exchange an attribute that hangs on age; its categories have their shares."""
    deal_anew(run, alone(run, "pattern"), ["sex"], pl.col("age") >= 18)


@kind(28, "attribute_ages")
def category_blind_to_what_it_is_given(run: PlantedRun) -> None:
    """Persons of one age and sex exchange an attribute that hangs on another."""
    deal_anew(run, alone(run, "given"), ["sex", "age"])


@kind(28, "attribute_association")
def category_blind_to_its_stratum(run: PlantedRun) -> None:
    """Persons of one zone exchange an attribute that is associated with another."""
    deal_anew(run, str(run.attribute("association")["name"]), ["zone_code"])


@kind(28, "attribute_sharing")
def category_shared_by_nobody(run: PlantedRun) -> None:
    """Persons of one zone and sex exchange an attribute that whole households share."""
    for entry in run.pack("attributes.yaml")["attributes"]:
        shaped = any(entry.get(key) for key in ("pattern", "given", "rules"))
        if (entry.get("household") or ("" if shaped else "shared")) == "shared":
            deal_anew(run, str(entry["name"]), ["zone_code", "sex"])
            return
    raise NotApplicable("no attribute is shared in households")


@kind(28, "attribute_sharing")
def partners_drawn_apart(run: PlantedRun) -> None:
    """Persons of one zone and sex over 35 exchange an attribute in which partners are alike."""
    name = str(run.attribute("alike")["name"])
    deal_anew(run, name, ["zone_code", "sex"], pl.col("age") > 35)
