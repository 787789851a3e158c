"""Relaxations that nothing asked for, or whose words are not those of their cell: finding 12."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from planted.kinds import GRADED, NotApplicable, kind
from planted.kit import MANIFEST, NOTES, RELAXED, RESIDUALS, PlantedRun
from planted.levels import relaxed


@kind(12, "relaxations_minimal", *GRADED)
def relaxation_that_moves_nothing(run: PlantedRun) -> None:
    """Cells that are met are logged as relaxed beside one that had to be, in every file."""
    example = relaxed(run)[-1]
    met = run.table(RESIDUALS).filter(
        pl.col("control_id") == example["control_id"],
        pl.col("residual") == 0,
        pl.col("relaxation_id").is_null(),
        pl.col("target") > 0,
    )
    rows = run.take(met)
    entries = []
    for row in rows.to_dicts():
        own = {key: row[key] for key in ("constraint_id", "control_id", "zone", "category")}
        name, number = f"relax.{row['constraint_id']}", int(row["target"])
        said = example["cells"][0].replace(example["zone"], row["zone"])
        entries.append(
            example
            | own
            | {"id": name, "target": number, "achieved": number, "moved": 0}
            | {"cells": [said.replace(*_categories(example, row))]}
            | {"proof": f"the zones, as relaxed or as published, sum to {number:,}"}
        )
    ids = rows["constraint_id"]
    run.put(RESIDUALS, "constraint_id", ids, relaxation_id="relax." + pl.col("constraint_id"))
    run.edit_json(RELAXED, lambda document: document["relaxations"].extend(entries))
    names = [entry["id"] for entry in entries]
    run.edit_json(MANIFEST, lambda manifest: manifest["constraints_relaxed"].extend(names))


def _categories(example: dict[str, Any], row: dict[str, Any]) -> tuple[str, str]:
    """The category of an example and of a row, as cells spell them."""
    one, other = (str(each["category"]).replace(";", ", ") for each in (example, row))
    return (one, other) if one else ("\0", "")


def reworded(run: PlantedRun, entry: dict[str, Any], proof: str) -> None:
    """Give a relaxation another proof, in its file and in the notes."""

    def swap(document: dict[str, Any]) -> None:
        own = next(each for each in document["relaxations"] if each["id"] == entry["id"])
        own["proof"] = proof

    run.edit_json(RELAXED, swap)
    line = re.compile(rf"(`{re.escape(entry['id'])}`: .*? \w+\. ).*(?=\.$)", re.MULTILINE)
    run.edit_text(NOTES, lambda text: line.sub(lambda found: found[1] + proof, text))


@kind(12, "relaxations_logged", *GRADED)
def proof_with_another_sum(run: PlantedRun) -> None:
    """The last number of a proof, far from its others, is another (notes alike)."""
    for entry in run.pick([each for each in relaxed(run) if re.search(r"\d", each["proof"])]):
        numbers = list(re.finditer(r"\d[\d,]*", entry["proof"]))
        last = max(numbers, key=lambda found: int(found[0].replace(",", "")))
        other = int(last[0].replace(",", "")) * 3 + 17
        proof = entry["proof"][: last.start()] + f"{other:,}" + entry["proof"][last.end() :]
        reworded(run, entry, proof)


@kind(12, "relaxations_logged", *GRADED)
def proof_that_proves_nothing(run: PlantedRun) -> None:
    for entry in run.pick(relaxed(run)):
        reworded(run, entry, "see above")


@kind(13, "notes_figures", *GRADED)
def proof_that_only_the_notes_have(run: PlantedRun) -> None:
    chosen = run.pick(relaxed(run))

    def reword(text: str) -> str:
        for entry in chosen:
            text = text.replace(f" {entry['unit']}. {entry['proof']}.", f" {entry['unit']}. So.")
        return text

    run.edit_text(NOTES, reword)


@kind(12, "relaxations_logged", *GRADED)
def relaxed_cell_of_another_table(run: PlantedRun) -> None:
    tables = sorted({str(control["table"]) for control in run.controls()})
    chosen = [entry["id"] for entry in run.pick(relaxed(run))]
    if len(tables) < 2:
        raise NotApplicable("all controls are of one table")

    def swap(document: dict[str, Any]) -> None:
        for entry in document["relaxations"]:
            if entry["id"] in chosen:
                own = next(t for t in tables if entry["cells"][0].endswith(f" {t})"))
                other = next(table for table in tables if table != own)
                entry["cells"] = [cell.replace(f" {own})", f" {other})") for cell in entry["cells"]]

    run.edit_json(RELAXED, swap)


@kind(12, "relaxations_logged")
def finished_run_with_a_conflict(run: PlantedRun) -> None:
    rows = run.table(RESIDUALS).filter(pl.col("level") == "HARD")["constraint_id"].to_list()
    run.edit_json(RELAXED, lambda document: document.update(conflicts=[rows[:2]]))
