"""The one door by which snapshots and changes of a pack come in: checked whole, or refused."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from synthestat.controls.control_tables import read_controls
from synthestat.errors import InputError, OutputError, PackError
from synthestat.packs.pack import DEFAULT_PRIORS, DEFINITIONS, CountryPack, read_pack
from synthestat.sources.snapshots import SnapshotStore

LARGEST = 64 * 1024 * 1024  # bytes of one file that is brought: assumption, a big table has 10 MB
MOST_FILES = 200  # assumption
PACK, SNAPSHOTS = "pack", "snapshots"


def take_in(pack: Path, brought: Mapping[str, bytes], into: Path) -> CountryPack:
    """Write a copy of the pack in `pack`, changed by the files brought, as the new folder `into`.

    `brought` maps `pack/NAME` (a definition file, whole) and `snapshots/NAME.json` (an extract, of
    whatever name) to bytes. An extract is frozen under its hash, which a table of sources.yaml must
    name. The new pack is read as a build reads it, tables and controls too. Raises InputError,
    PackError, SnapshotError or CubeError with every fault, and then leaves nothing.
    """
    faults = [fault for name, content in brought.items() for fault in _faults(name, content)]
    if not brought or len(brought) > MOST_FILES:
        faults.append(f"{len(brought)} files are brought: from 1 to {MOST_FILES} can be")
    if faults:
        raise InputError(
            "what was brought is not taken in",
            faults=faults,
            remedy="bring definition files as pack/NAME and extracts as snapshots/NAME.json",
        )
    if into.exists():
        raise OutputError(f"{into} is there already", remedy="give a folder that is not")
    staging = into.with_name(f".{into.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        copy_pack(pack, staging)
        _write(brought, staging)
        _check(staging, brought)
        staging.rename(into)
    except OSError as error:
        raise OutputError(
            f"the pack cannot be written to {into}: {error.strerror or error}",
            remedy="free space, or give a folder that you may write to",
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return read_pack(into)


def copy_pack(pack: Path, to: Path) -> None:
    """Copy a pack's definition files and extracts into a new folder."""
    (to / SNAPSHOTS).mkdir(parents=True)
    for name in (*DEFINITIONS, DEFAULT_PRIORS):
        if (pack / name).is_file():
            shutil.copyfile(pack / name, to / name)
    for file in sorted((pack / SNAPSHOTS).glob("*.json")):
        shutil.copyfile(file, to / SNAPSHOTS / file.name)


def _faults(name: str, content: bytes) -> list[str]:
    parts = PurePosixPath(name).parts
    if len(parts) != 2 or "\\" in name:
        return [f"{name}: no such place in a pack"]
    faults = []
    if parts[0] == PACK and parts[1] not in DEFINITIONS:
        faults.append(f"{name}: definition files are {', '.join(DEFINITIONS)}")
    elif parts[0] == SNAPSHOTS and not parts[1].endswith(".json"):
        faults.append(f"{name}: an extract is a .json file in JSON-stat 2.0")
    elif parts[0] not in (PACK, SNAPSHOTS):
        faults.append(f"{name}: no such place in a pack")
    if len(content) > LARGEST:
        faults.append(f"{name}: {len(content):,} bytes; the most is {LARGEST:,}")
    if parts[0] == PACK:
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            faults.append(f"{name}: is not UTF-8")
    return faults


def _write(brought: Mapping[str, bytes], staging: Path) -> None:
    store = SnapshotStore(staging / SNAPSHOTS)
    for name, content in brought.items():
        place, file = PurePosixPath(name).parts
        if place == SNAPSHOTS:
            store.put(content)
        else:
            (staging / file).write_bytes(content)


def _check(staging: Path, brought: Mapping[str, bytes]) -> None:
    """Read the changed pack as a build does; PackError names extracts that no table asks for."""
    try:
        changed = read_pack(staging)
    except PackError as error:
        raise PackError(
            f"with what was brought the pack has {len(error.faults)} fault(s)",
            faults=error.faults,
            remedy="bring corrected files",
        ) from None
    named = {source.sha256 for source in changed.sources.values()}
    faults = []
    for name, content in brought.items():
        sha256 = hashlib.sha256(content).hexdigest()
        if name.startswith(f"{SNAPSHOTS}/") and sha256 not in named:
            faults.append(f"{name}: no table of sources.yaml has sha256 {sha256}")
    if faults:
        raise PackError(
            "extracts without a table", faults=faults, remedy="describe each in sources.yaml"
        )
    read_controls(changed, SnapshotStore(changed.snapshots))


def brought_from(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder with `pack/` and `snapshots/`, as `take_in` takes them."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for part in (PACK, SNAPSHOTS)
        for path in sorted((folder / part).glob("*"))
        if path.is_file()
    }
