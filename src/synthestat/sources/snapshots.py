"""Frozen extracts, kept under the hash of their own bytes.

A folder of files `<sha256>.json`. Nothing but the hash is needed to ask for an extract, and no
byte of it reaches a reader before the hash has been checked.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path

from synthestat.errors import SnapshotError

_SHA256 = re.compile(r"[0-9a-f]{64}")


class SnapshotStore:
    """Folders of frozen extracts: reads from the first that holds one, writes to the first.

    Folders need not exist yet; `put` makes the first one. Raises SnapshotError if none is given.
    """

    def __init__(self, *folders: str | os.PathLike[str]) -> None:
        if not folders:
            raise SnapshotError("A snapshot store needs a folder", remedy="name at least one")
        self.folders = tuple(Path(folder) for folder in folders)

    def put(self, document: bytes) -> str:
        """Freeze the document in the first folder; returns its sha256 (64 lower-case hex digits).

        The file appears whole or not at all. Putting the same bytes again changes nothing;
        a file of that name whose bytes have been damaged is replaced.

        Raises SnapshotError if the folder cannot be written.
        """
        sha256 = hashlib.sha256(document).hexdigest()
        file = self.folders[0] / f"{sha256}.json"
        try:
            if file.is_file() and file.read_bytes() == document:
                return sha256
            file.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(file, document)
        except OSError as error:
            raise SnapshotError(
                f"The snapshot {file} cannot be written",
                faults=[str(error)],
                remedy="check that the folder is writable and the disk not full",
            ) from error
        return sha256

    def read(self, sha256: str) -> bytes:
        """The bytes that were frozen, checked against their hash.

        Raises SnapshotError if no folder holds them, the file cannot be read or they have changed.
        """
        file = self.path(sha256)
        try:
            document = file.read_bytes()
        except OSError as error:
            raise SnapshotError(
                f"The snapshot {file} cannot be read",
                faults=[str(error)],
                remedy="check who may read the file",
            ) from error
        found = hashlib.sha256(document).hexdigest()
        if found != sha256:
            raise SnapshotError(
                f"The snapshot {file} is not what was frozen",
                faults=[f"expected sha256 {sha256}", f"found sha256    {found}"],
                remedy="restore the file from version control or an archive, or delete it and "
                "freeze the table again; never adjust the recorded hash to the file",
            )
        return document

    def has(self, sha256: str) -> bool:
        """Whether a folder holds a file for this hash; its bytes are not checked.

        Raises SnapshotError if `sha256` is not 64 lower-case hexadecimal digits.
        """
        return self._find(sha256) is not None

    def path(self, sha256: str) -> Path:
        """The file for this hash in the first folder that holds it; its bytes are not checked.

        Raises SnapshotError if none does, or `sha256` is not 64 lower-case hexadecimal digits.
        """
        file = self._find(sha256)
        if file is None:
            raise SnapshotError(
                f"There is no snapshot {sha256}",
                faults=[f"looked in {folder}" for folder in self.folders],
                remedy="freeze the table again, or name the folder that holds its extract",
            )
        return file

    def _find(self, sha256: str) -> Path | None:
        if not _SHA256.fullmatch(sha256):
            raise SnapshotError(
                f"{sha256!r} is no sha256",
                remedy="give 64 hexadecimal digits in lower case, as put() returned them",
            )
        files = (folder / f"{sha256}.json" for folder in self.folders)
        return next((file for file in files if file.is_file()), None)


def _write_whole(file: Path, document: bytes) -> None:
    """Write beside the file, flush to disk, then rename over it: readers see all or nothing."""
    draft = file.with_name(f".{file.stem}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with draft.open("xb") as stream:
            stream.write(document)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, file)
    finally:
        draft.unlink(missing_ok=True)
