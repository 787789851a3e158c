"""Bytes and files: what is not what was sealed (findings 10 and 21). Damaged after sealing."""

from __future__ import annotations

import hashlib

from planted.kinds import BLOCK, BYTE, BYTES, GRADED, Plant, kind
from planted.kit import (
    CONTROLS,
    DWELLINGS,
    HOUSEHOLDS,
    INTERVALS,
    MANIFEST,
    NOTES,
    PERSONS,
    PROVENANCE,
    RELAXED,
    RESIDUALS,
    TIERS,
    PlantedRun,
)
from planted.seals import CHECKSUMS

BLOCK_BYTES = 512


def flipped(run: PlantedRun, content: bytes) -> bytes:
    """A file's bytes with one bit, a block in the middle, or everything turned over."""
    bits = bytearray(content)
    middle = (len(bits) // 2 + run.seed) % len(bits)
    if run.severity == BYTE:
        bits[middle] ^= 1
        return bytes(bits)
    first = max(middle - BLOCK_BYTES // 2, 0) if run.severity == BLOCK else 0
    last = min(first + BLOCK_BYTES, len(bits)) if run.severity == BLOCK else len(bits)
    for at in range(first, last):
        bits[at] ^= 1
    return bytes(bits)


def flip(file: str) -> Plant:
    """Turn over bits of a file after it was sealed."""

    def plant(run: PlantedRun) -> None:
        path = run.path(file)
        if not path.is_file():
            run.table(file.removesuffix(".parquet"))  # says that it is not there
        run.put_bytes(file, flipped(run, path.read_bytes()))

    return plant


FLIPPED = {
    "persons": f"{PERSONS}.parquet",
    "households": f"{HOUSEHOLDS}.parquet",
    "dwellings": f"{DWELLINGS}.parquet",
    "residuals": f"{RESIDUALS}.parquet",
    "intervals": f"{INTERVALS}.parquet",
    "manifest": MANIFEST,
    "relaxations": RELAXED,
    "provenance": PROVENANCE,
    "tiers": TIERS,
    "notes": NOTES,
    "controls": CONTROLS,
    "attributes": "pack/attributes.yaml",
}
"""Files of which bits are turned over, by the name of the kind."""

for each, place in FLIPPED.items():
    kind(21, "checksums", *BYTES, sealed=False, name=f"bits_of_{each}")(flip(place))


@kind(21, "checksums", *BYTES, sealed=False)
def file_cut_short(run: PlantedRun) -> None:
    """The persons' table ends a byte, a block, or half of it too early."""
    content = run.path(f"{PERSONS}.parquet").read_bytes()
    cut = {BYTE: 1, BLOCK: BLOCK_BYTES}.get(run.severity, len(content) // 2)
    run.put_bytes(f"{PERSONS}.parquet", content[:-cut])


@kind(21, "checksums", sealed=False)
def file_gone(run: PlantedRun) -> None:
    run.remove(TIERS)


@kind(21, "checksums", sealed=False)
def file_that_nobody_listed(run: PlantedRun) -> None:
    run.put_bytes("extra.json", b'{"notice": "SYNTHETIC"}')


@kind(21, "checksums", *GRADED, sealed=False)
def files_left_out_of_the_checksums(run: PlantedRun) -> None:
    lines = run.path(CHECKSUMS).read_text(encoding="utf-8").splitlines(keepends=True)
    gone = set(run.pick(lines))
    run.put_bytes(CHECKSUMS, "".join(line for line in lines if line not in gone).encode())


@kind(21, "table_digests", *GRADED, sealed=False)
def table_rewritten_with_its_checksum(run: PlantedRun) -> None:
    """Persons are a year older, and the checksum is made true; the manifest's digest is not."""
    people = run.take(run.people())
    run.change(
        PERSONS,
        lambda table: table.with_columns(
            age=table["age"] + table["person_id"].is_in(people["person_id"].implode())
        ).cast({"age": table.schema["age"]}),
    )
    path = run.path(f"{PERSONS}.parquet")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    text = run.path(CHECKSUMS).read_text(encoding="utf-8")
    lines = [f"{sha256}  {path.name}" if path.name in ln else ln for ln in text.splitlines()]
    run.put_bytes(CHECKSUMS, ("\n".join(lines) + "\n").encode())


@kind(10, "pack_digest")
def comment_added_to_the_controls(run: PlantedRun) -> None:
    """The pack in the bundle is not the one of the build, if only by a comment."""
    run.identifies = False
    run.edit_text(CONTROLS, lambda text: text + "\n# \n")


@kind(10, "pack_digest")
def limits_rewritten_after_the_build(run: PlantedRun) -> None:
    run.identifies = False
    run.edit_text("pack/LIMITS.md", lambda text: text + "\nNo limits are known.\n")


@kind(10, "pack_digest")
def engine_that_is_not_the_one_of_the_run(run: PlantedRun) -> None:
    run.edit_json(MANIFEST, lambda manifest: manifest["engine"].update(source_digest="0" * 64))


@kind(None, "table_columns", *GRADED)
def column_gone(run: PlantedRun) -> None:
    """Columns of the persons' table that the contract names."""
    columns = run.pick(["partner_id", "mother_id", "father_id", "household_role"])
    run.change(PERSONS, lambda table: table.drop(columns))


@kind(None, "table_columns")
def column_of_another_type(run: PlantedRun) -> None:
    """Ages are text."""
    run.change(PERSONS, lambda table: table.cast({"age": str}))
