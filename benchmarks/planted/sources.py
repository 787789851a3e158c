"""Provenance, snapshots, layers and markers: findings 21, 22 and 26."""

from __future__ import annotations

import re
from typing import Any

from planted.kinds import BYTE, GRADED, WHOLE, NotApplicable, kind
from planted.kit import DWELLINGS, MANIFEST, PERSONS, PROVENANCE, SOURCES, PlantedRun

MARKER = "work_school_assignments.unavailable.json"
BUILDINGS = "synthetic_building_assignments"


def blank(run: PlantedRun, key: str, word: str) -> None:
    """Leave a field of some entries of the provenance without a word."""

    def empty(document: dict[str, Any]) -> None:
        for entry in run.pick(document["tables"]):
            entry[key] = word

    run.edit_json(PROVENANCE, empty)


@kind(21, "provenance_fields", *GRADED)
def source_without_a_licence(run: PlantedRun) -> None:
    blank(run, "licence", "")


@kind(21, "provenance_fields", *GRADED)
def source_without_an_address(run: PlantedRun) -> None:
    blank(run, "address", " ")


@kind(21, "provenance_fields", *GRADED)
def source_without_a_reference_period(run: PlantedRun) -> None:
    blank(run, "reference_period", "")


@kind(22, "provenance_counts", *GRADED)
def sum_of_a_table_one_off(run: PlantedRun) -> None:
    def raise_some(document: dict[str, Any]) -> None:
        for entry in run.pick(document["tables"]):
            entry["numeric_sum"] += 1

    run.edit_json(PROVENANCE, raise_some)


@kind(22, "provenance_counts", *GRADED)
def zeros_counted_one_off(run: PlantedRun) -> None:
    def raise_some(document: dict[str, Any]) -> None:
        for entry in run.pick(document["tables"]):
            entry["symbols"]["zero"] += 1

    run.edit_json(PROVENANCE, raise_some)


@kind(22, "provenance_counts")
def missing_cells_read_as_zero(run: PlantedRun) -> None:
    if not any(e["symbols"].get("missing") for e in run.read_json(PROVENANCE)["tables"]):
        raise NotApplicable("no frozen table has missing cells")

    def fill(document: dict[str, Any]) -> None:
        symbols = next(e["symbols"] for e in document["tables"] if e["symbols"].get("missing"))
        symbols["zero"] += symbols.pop("missing")

    run.edit_json(PROVENANCE, fill)


@kind(21, "snapshot_hashes")
def two_hashes_for_one_table(run: PlantedRun) -> None:
    def exchange(manifest: dict[str, Any]) -> None:
        one, other = list(manifest["snapshots"])[:2]
        manifest["snapshots"][one] = manifest["snapshots"][other]

    run.edit_json(MANIFEST, exchange)


@kind(21, "snapshot_hashes")
def two_hashes_for_one_answer(run: PlantedRun) -> None:
    """Two tables say that they are the answer to one query."""
    one, other = run.read_json(PROVENANCE)["tables"][:2]
    text = run.path(SOURCES).read_text(encoding="utf-8")
    place = text.index(f"  - id: {other['id']}\n")
    head, tail = text[:place], text[place:]
    for key in ("address", "query"):
        tail = tail.replace(str(other[key]), str(one[key]), 1)
    if head + tail != text:
        run.put_bytes(SOURCES, (head + tail).encode())

    def agree(document: dict[str, Any]) -> None:
        document["tables"][1] |= {key: one[key] for key in ("address", "query")}

    run.edit_json(PROVENANCE, agree)


@kind(21, "snapshot_hashes", BYTE, WHOLE)
def snapshot_whose_bytes_changed(run: PlantedRun) -> None:
    """One digit of a frozen table, or all of its digits, are others."""
    sha256 = next(iter(run.read_json(MANIFEST)["snapshots"].values()))
    file = run.snapshots.path(sha256)
    content = file.read_bytes()
    file.write_bytes(content.replace(b"0", b"1", 1 if run.severity != WHOLE else -1))
    run.altered.add(file.name)


@kind(21, "snapshot_hashes")
def snapshot_that_is_gone(run: PlantedRun) -> None:
    file = run.snapshots.path(next(iter(run.read_json(MANIFEST)["snapshots"].values())))
    file.unlink()
    run.altered.add(file.name)


@kind(26, "layers")
def layer_neither_there_nor_declared(run: PlantedRun) -> None:
    run.remove(MARKER)


@kind(26, "layers")
def layer_both_there_and_declared(run: PlantedRun) -> None:
    run.put_bytes(f"{BUILDINGS}.parquet", run.path(f"{PERSONS}.parquet").read_bytes())


@kind(26, "layers")
def marker_without_a_reason(run: PlantedRun) -> None:
    run.edit_json(MARKER, lambda marker: marker.update(reason=""))


@kind(26, "layers")
def marker_of_another_run(run: PlantedRun) -> None:
    run.edit_json(MARKER, lambda marker: marker.update(run_id="zz_national_00000000_seed1"))


@kind(26, "layers")
def layer_that_the_manifest_alone_has(run: PlantedRun) -> None:
    run.edit_json(MANIFEST, lambda m: m["layers"].update(work_school_assignments="modelled"))


@kind(26, "layers")
def layer_gone_with_its_marker(run: PlantedRun) -> None:
    """The table of dwellings, or what says that there is none, is taken away."""
    table, marker = f"{DWELLINGS}.parquet", f"{DWELLINGS}.unavailable.json"
    run.remove(table if run.path(table).is_file() else marker)


@kind(26, "layers", *GRADED)
def place_that_nobody_looked_in(run: PlantedRun) -> None:
    """Markers name a place where the pack has not looked, the register offices."""
    for path in run.pick(sorted(run.folder.glob("*.unavailable.json"))):
        run.edit_json(path.name, lambda m: m["looked_in"].append("administrative registers: all"))


@kind(26, "layers")
def reason_that_the_pack_does_not_give(run: PlantedRun) -> None:
    run.edit_json(MARKER, lambda marker: marker.update(reason="Left to the next edition."))


@kind(26, "layers")
def evidence_that_is_easier_to_find(run: PlantedRun) -> None:
    run.edit_json(MARKER, lambda marker: marker.update(evidence_needed=["a web search"]))


@kind(21, "provenance_fields", *GRADED)
def quirks_untold(run: PlantedRun) -> None:
    """Quality flags of some tables leave out what the pack knows of them."""

    def hush(document: dict[str, Any]) -> None:
        for entry in run.pick([e for e in document["tables"] if e["quality_flags"]]):
            entry["quality_flags"].pop()

    run.edit_json(PROVENANCE, hush)


@kind(21, "provenance_fields", *GRADED)
def noise_that_the_pack_does_not_declare(run: PlantedRun) -> None:
    def disturb(document: dict[str, Any]) -> None:
        for entry in run.pick(document["tables"]):
            entry["noise"] = "rounded" if entry["noise"] == "none" else "none"

    run.edit_json(PROVENANCE, disturb)


@kind(21, "provenance_fields", *GRADED)
def uses_untold(run: PlantedRun) -> None:
    def hush(document: dict[str, Any]) -> None:
        for entry in run.pick([e for e in document["tables"] if e["used_by"]]):
            entry["used_by"].pop()

    run.edit_json(PROVENANCE, hush)


@kind(21, "provenance_fields")
def tables_retrieved_after_the_run(run: PlantedRun) -> None:
    """Pack and provenance agree on a day of retrieval that had not come when the run was made."""
    later = str(int(run.read_json(MANIFEST)["times"]["finished"][:4]) + 5)
    told = str(run.read_json(PROVENANCE)["tables"][0]["retrieved"])
    day = re.search(r"\d{4}(-\d\d-\d\d)", told)
    if day is None:
        raise NotApplicable("the table is retrieved on no day")
    changed = told.replace(day[0], later + day[1])
    run.edit_text(SOURCES, lambda text: text.replace(told, changed))

    def put_off(document: dict[str, Any]) -> None:
        for entry in document["tables"]:
            entry["retrieved"] = changed if entry["retrieved"] == told else entry["retrieved"]

    run.edit_json(PROVENANCE, put_off)
