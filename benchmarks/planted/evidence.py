"""Evidence words, the registry, and what must say SYNTHETIC: findings 19 and 27."""

from __future__ import annotations

from typing import Any

import polars as pl

from planted.kinds import GRADED, NotApplicable, kind
from planted.kit import (
    DISTRIBUTIONS,
    DWELLINGS,
    HOUSEHOLDS,
    MANIFEST,
    NOTES,
    PERSONS,
    PlantedRun,
)

MARKER = "work_school_assignments.unavailable.json"


@kind(19, "registry_entries")
def default_distribution_of_high_confidence(run: PlantedRun) -> None:
    def praise(document: dict[str, Any]) -> None:
        entry = next(e for e in document["registry"] if e["id"].startswith("default."))
        entry["confidence"] = "high"

    run.edit_json(DISTRIBUTIONS, praise)


@kind(19, "registry_entries", *GRADED)
def modelled_distribution_called_measured(run: PlantedRun) -> None:
    def promote(document: dict[str, Any]) -> None:
        used = document["distributions_used"]
        for entry in run.pick([e for e in used if e["evidence"] == "modelled"]):
            entry["evidence"] = "measured"

    run.edit_json(MANIFEST, promote)


@kind(19, "registry_entries", *GRADED)
def distribution_used_and_not_said(run: PlantedRun) -> None:
    def leave_out(document: dict[str, Any]) -> None:
        gone = [entry["id"] for entry in run.pick(document["distributions_used"])]
        kept = [e for e in document["distributions_used"] if e["id"] not in gone]
        document["distributions_used"] = kept

    run.edit_json(MANIFEST, leave_out)


@kind(19, "registry_entries", *GRADED)
def default_distribution_left_out(run: PlantedRun) -> None:
    def leave_out(document: dict[str, Any]) -> None:
        defaults = [e["id"] for e in document["registry"] if e["id"].startswith("default.")]
        gone = run.pick(defaults)
        document["registry"] = [e for e in document["registry"] if e["id"] not in gone]

    run.edit_json(DISTRIBUTIONS, leave_out)


@kind(19, "evidence_words")
def evidence_word_in_the_manifest(run: PlantedRun) -> None:
    run.edit_json(MANIFEST, lambda manifest: manifest["layers"].update({PERSONS: "estimated"}))


@kind(19, "evidence_words")
def evidence_word_in_capitals_in_the_manifest(run: PlantedRun) -> None:
    def shout(manifest: dict[str, Any]) -> None:
        manifest["layers"][PERSONS] = manifest["layers"][PERSONS].capitalize()

    run.edit_json(MANIFEST, shout)


@kind(19, "evidence_words", *GRADED)
def evidence_word_in_the_table(run: PlantedRun) -> None:
    def call_real(said: dict[str, Any]) -> None:
        for column in run.pick(sorted(said["evidence"])):
            said["evidence"][column] = "real"

    run.say(PERSONS, call_real)


@kind(19, "evidence_words")
def evidence_word_misspelt_in_the_table(run: PlantedRun) -> None:
    run.say(HOUSEHOLDS, lambda said: said["evidence"].update(size="modeled"))


@kind(19, "evidence_words", *GRADED)
def evidence_word_in_rows(run: PlantedRun) -> None:
    people = run.take(run.people())
    run.put(PERSONS, "person_id", people["person_id"], age_evidence="imputed")


@kind(19, "evidence_words", *GRADED)
def evidence_word_misspelt_in_rows(run: PlantedRun) -> None:
    name = str(run.attribute("name")["name"])
    known = run.take(run.people(pl.col(name).is_not_null()))
    evidence = {f"{name}_evidence": "constraint"}
    run.put(PERSONS, "person_id", known["person_id"], **evidence)


@kind(19, "evidence_words", *GRADED)
def column_without_an_evidence_word(run: PlantedRun) -> None:
    def forget(said: dict[str, Any]) -> None:
        for column in run.pick(sorted(said["evidence"])):
            del said["evidence"][column]

    run.say(PERSONS, forget)


@kind(19, "evidence_words")
def evidence_word_misspelt_of_a_distribution(run: PlantedRun) -> None:
    """In the pack and in both lists of the run alike, so that they agree."""
    entry = next(e for e in run.pack("priors.yaml")["priors"] if e["status"] == "used")
    name, word = entry["id"], entry["evidence"]

    def misspell(entries: list[dict[str, Any]]) -> None:
        next(each for each in entries if each["id"] == name)["evidence"] = "modeled"

    def in_the_pack(text: str) -> str:
        head, rest = text.split(f"  - id: {name}\n", 1)
        misspelt = rest.replace(f"evidence: {word}", "evidence: modeled", 1)
        return f"{head}  - id: {name}\n{misspelt}"

    run.edit_text("pack/priors.yaml", in_the_pack)
    run.edit_json(DISTRIBUTIONS, lambda document: misspell(document["registry"]))
    run.edit_json(MANIFEST, lambda manifest: misspell(manifest["distributions_used"]))


@kind(19, "evidence_words")
def unavailable_layer_called_measured(run: PlantedRun) -> None:
    run.edit_json(MARKER, lambda marker: marker.update(evidence="measured"))


@kind(19, "evidence_words")
def empty_column_called_measured(run: PlantedRun) -> None:
    if not run.path(f"{DWELLINGS}.parquet").is_file():
        raise NotApplicable("there are no dwellings")
    run.say(DWELLINGS, lambda said: said["evidence"].update(building_id="measured"))


@kind(27, "synthetic_notice")
def table_that_does_not_say_synthetic(run: PlantedRun) -> None:
    run.say(PERSONS, lambda said: said.update(notice="persons"))


@kind(27, "synthetic_notice")
def notes_that_do_not_say_synthetic(run: PlantedRun) -> None:
    run.edit_text(NOTES, lambda text: text.replace("SYNTHETIC", "REAL"))


@kind(27, "synthetic_notice")
def page_that_does_not_say_synthetic(run: PlantedRun) -> None:
    run.put_bytes("map.html", b"<h1>The people of the country</h1>")


@kind(27, "synthetic_notice")
def crate_that_does_not_say_synthetic(run: PlantedRun) -> None:
    run.edit_text("ro-crate-metadata.json", lambda text: text.replace("SYNTHETIC", "Data"))


@kind(27, "release_mode")
def release_without_disclosure_checks(run: PlantedRun) -> None:
    run.edit_json("privacy_report.json", lambda report: report.update(release_mode="public"))


@kind(19, "evidence_words", *GRADED)
def year_within_the_open_class_called_constrained(run: PlantedRun) -> None:
    """A single year of age that only the split of the open class gives."""
    first = int(run.country()["ages"]["open_from"])
    old = run.people(pl.col("age") > first, pl.col("age_evidence") == "modelled")
    private = old.filter(pl.col("universe") == str(run.country()["household_universe"]))
    people = run.take(private)
    run.put(PERSONS, "person_id", people["person_id"], age_evidence="constrained")
