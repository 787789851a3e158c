"""Files of a folder that is shown: none elsewhere, whatever an address says or links lead to."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path, PurePosixPath


def file_below(folder: Path | None, path: str, suffixes: Container[str]) -> Path | None:
    """Return the file of an address below a resolved folder, None where none may be shown.

    Only files with one of these suffixes are, none that is hidden, and none that lies elsewhere.
    """
    parts = path.split("/")
    if folder is None or "\0" in path or "\\" in path or not all(parts):
        return None
    if any(part.startswith(".") for part in parts) or PurePosixPath(path).is_absolute():
        return None
    try:
        place = (folder / path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
    shown = place.is_relative_to(folder) and place.is_file() and place.suffix in suffixes
    return place if shown else None
