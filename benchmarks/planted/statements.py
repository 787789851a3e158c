"""What documents say of the run, its pack, its files and its methods, and is not so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from planted.kinds import GRADED, NotApplicable, kind
from planted.kit import CRATE, DISTRIBUTIONS, MANIFEST, PRIORS, PROVENANCE, PlantedRun

REPORT = "privacy_report.json"


def crate_run(document: dict[str, Any]) -> dict[str, Any]:
    """The entity of the run in a crate."""
    return next(each for each in document["@graph"] if each["@id"] == "./")


# The manifest -------------------------------------------------------------------------------------


@kind(20, "run_identity")
def times_that_run_backwards(run: PlantedRun) -> None:
    """The run ends before it starts; the crate gives the date that is said."""

    def exchange(document: dict[str, Any]) -> None:
        times = document["times"]
        times["started"], times["finished"] = times["finished"], times["started"]
        if times["started"] == times["finished"]:
            raise NotApplicable("the run took less than a second")

    run.edit_json(MANIFEST, exchange)
    said = run.read_json(MANIFEST)["times"]["finished"]
    run.edit_json(CRATE, lambda crate: crate_run(crate).update(datePublished=said))


@kind(20, "run_identity")
def seconds_with_a_slipped_point(run: PlantedRun) -> None:
    run.edit_json(MANIFEST, lambda m: m["times"].update(seconds=m["times"]["seconds"] * 10 + 2))


@kind(20, "run_identity", *GRADED)
def words_of_another_pack(run: PlantedRun) -> None:
    """Edition, period, name or universe of the manifest are others than the pack's."""

    def rename(document: dict[str, Any]) -> None:
        keys = ("country_name", "edition", "reference_period", "household_universe")
        for key in run.pick(keys):
            document[key] = f"{document[key]} (revised)"

    run.edit_json(MANIFEST, rename)


@kind(20, "run_identity", *GRADED)
def categories_that_the_pack_has_not(run: PlantedRun) -> None:
    def add(document: dict[str, Any]) -> None:
        for name in run.pick(list(document["classifications"])):
            document["classifications"][name].append("Atlantis")

    run.edit_json(MANIFEST, add)


@kind(20, "run_identity")
def zones_of_another_level(run: PlantedRun) -> None:
    run.edit_json(MANIFEST, lambda m: m["geography"].update(level="district"))


@kind(20, "run_identity", *GRADED)
def library_without_a_version(run: PlantedRun) -> None:
    def blur(document: dict[str, Any]) -> None:
        libraries = document["engine"]["libraries"]
        for name in run.pick(list(libraries)):
            libraries[name] = "latest"

    run.edit_json(MANIFEST, blur)


@kind(20, "run_identity")
def work_that_nobody_did(run: PlantedRun) -> None:
    run.edit_json(MANIFEST, lambda m: m["times"].update(workers=0))


# The crate ----------------------------------------------------------------------------------------


@kind(13, "crate_entities")
def crate_of_another_day(run: PlantedRun) -> None:
    def date(document: dict[str, Any]) -> None:
        entity = crate_run(document)
        day = datetime.fromisoformat(entity["datePublished"]) + timedelta(days=1)
        entity["datePublished"] = day.isoformat(timespec="seconds")

    run.edit_json(CRATE, date)


@kind(13, "crate_entities", *GRADED)
def file_left_out_of_the_crate(run: PlantedRun) -> None:
    def leave_out(document: dict[str, Any]) -> None:
        entity = crate_run(document)
        gone = [part["@id"] for part in run.pick(entity["hasPart"])]
        for listed in (entity["hasPart"], document["@graph"]):
            listed[:] = [each for each in listed if each["@id"] not in gone]

    run.edit_json(CRATE, leave_out)


@kind(13, "crate_entities")
def crate_without_parts(run: PlantedRun) -> None:
    run.edit_json(CRATE, lambda crate: crate_run(crate).update(hasPart=[]))


def restated(run: PlantedRun, key: str, word: str) -> None:
    """Give a word of some source tables of the crate another value."""

    def edit(document: dict[str, Any]) -> None:
        tables = [each for each in document["@graph"] if each["@id"].startswith("#")]
        for entity in run.pick(tables):
            entity[key] = word

    run.edit_json(CRATE, edit)


@kind(13, "crate_entities", *GRADED)
def hash_of_another_table_in_the_crate(run: PlantedRun) -> None:
    restated(run, "sha256", "0" * 64)


@kind(13, "crate_entities", *GRADED)
def freer_licence_of_a_table_in_the_crate(run: PlantedRun) -> None:
    restated(run, "license", "public domain")


@kind(13, "crate_entities")
def internal_run_licensed_to_all(run: PlantedRun) -> None:
    run.edit_json(CRATE, lambda crate: crate_run(crate).update(license="CC-BY-4.0"))


# Methods and the registry -------------------------------------------------------------------------


@kind(19, "registry_entries")
def neighbours_pattern_called_current(run: PlantedRun) -> None:
    """A distribution of another country is called this one's own, in all documents alike."""
    for entry in run.pack("priors.yaml")["priors"]:
        if entry["variant"] == "comparable_country":
            break
    else:
        raise NotApplicable("no distribution is of another country")
    text = run.path(PRIORS).read_text(encoding="utf-8")
    head, own, tail = text.partition(f"- id: {entry['id']}\n")
    tail = tail.replace("variant: comparable_country", "variant: current", 1)
    run.put_bytes(PRIORS, (head + own + tail).encode())
    for file, listed in ((MANIFEST, "distributions_used"), (DISTRIBUTIONS, "registry")):

        def call(document: dict[str, Any], listed: str = listed) -> None:
            for each in document[listed]:
                if each["id"] == entry["id"]:
                    each["variant"] = "current"

        run.edit_json(file, call)


@kind(19, "registry_entries", *GRADED)
def sources_of_distributions_that_nobody_cited(run: PlantedRun) -> None:
    def cite(document: dict[str, Any]) -> None:
        for entry in run.pick(document["registry"]):
            entry["citation"] = "National Statistical Office, yearbook"

    run.edit_json(DISTRIBUTIONS, cite)


@kind(25, "attributes_rules", *GRADED)
def attributes_drawn_otherwise_than_said(run: PlantedRun) -> None:
    def boast(document: dict[str, Any]) -> None:
        for entry in run.pick(document["attributes"]):
            entry["method"] = "register of persons"

    run.edit_json(DISTRIBUTIONS, boast)


@kind(13, "attributes_rules")
def partners_whose_share_alike_is_raised(run: PlantedRun) -> None:
    def boast(document: dict[str, Any]) -> None:
        shares = [e for e in document["attributes"] if (e["partner_agreement"] or 1.0) < 1.0]
        if not shares:
            raise NotApplicable("no partners differ")
        shares[0]["partner_agreement"] = 1.0

    run.edit_json(DISTRIBUTIONS, boast)


@kind(13, "fit_summary", *GRADED)
def sizes_beside_another_guide(run: PlantedRun) -> None:
    """Sizes are moved to what was built of them, so that the guide seems to be kept."""

    def move(document: dict[str, Any]) -> None:
        of = document["household_size_guide"]
        apart = [at for at, share in enumerate(of["built"]) if abs(share - of["guide"][at]) > 1e-5]
        for at in run.pick(apart):
            of["guide"][at] = of["built"][at]

    run.edit_json(DISTRIBUTIONS, move)


@kind(13, "fit_summary")
def used_table_said_to_be_held_out(run: PlantedRun) -> None:
    table = run.read_json(PROVENANCE)["tables"][0]["id"]
    run.edit_json(DISTRIBUTIONS, lambda document: document.update(held_out_tables=table))


@kind(27, "release_mode")
def checks_said_to_be_passed_that_nobody_ran(run: PlantedRun) -> None:
    said = "Made from published aggregate tables alone. Every disclosure check was run and passed."
    run.edit_json(REPORT, lambda report: report.update(statement=said))
