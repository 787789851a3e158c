"""What a calibration has done, line by line, so that one that was interrupted is taken up again.

The first line says which engine, reviewer, kinds and seed it is of; each further line is a planting
or a clean run as it ended. A last line that was cut off is done again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from planted.good_runs import Variant
from planted.planting import Row
from synthestat.bundle.manifest import engine_digest
from synthestat.review.report import reviewer_digest


class Journal:
    """What was done, in memory and, where a path is given, in a file as well.

    Raises SystemExit if the file is of another engine, reviewer, set of kinds or seed.
    """

    def __init__(self, path: Path | None, seed: int) -> None:
        self.path = path
        self._rows: dict[tuple[str, str, str], Row] = {}
        self._variants: dict[tuple[str, str], Variant] = {}
        if path is None:
            return
        head = {"of": _digest(), "seed": seed}
        held = _lines(path)
        if held and held[0] != head:
            raise SystemExit(
                f"{path} is of another engine, reviewer, set of kinds or seed: "
                "remove it to begin anew"
            )
        for line in held[1:]:
            self._hold(_entry(line))
        path.write_text("".join(_text(line) for line in held or [head]), encoding="utf-8")

    def row(self, country: str, kind: str, severity: str) -> Row | None:
        """A planting that was done."""
        return self._rows.get((country, kind, severity))

    def variant(self, country: str, what: str) -> Variant | None:
        """A clean run that was reviewed."""
        return self._variants.get((country, what))

    def add(self, entry: Row | Variant) -> None:
        """Keep what ended."""
        self._hold(entry)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(_text(asdict(entry)))

    def _hold(self, entry: Row | Variant) -> None:
        if isinstance(entry, Row):
            self._rows[entry.country, entry.kind, entry.severity] = entry
        else:
            self._variants[entry.country, entry.what] = entry


def _digest() -> str:
    kinds = sorted(Path(__file__).parent.glob("*.py"))
    texts = [engine_digest(), reviewer_digest(), *(path.read_text("utf-8") for path in kinds)]
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()


def _lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal; none where there is no file."""
    if not path.exists():
        return []
    whole = [line for line in path.read_text("utf-8").splitlines(keepends=True) if "\n" in line]
    return [json.loads(line) for line in whole]


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line) + "\n"


def _entry(line: dict[str, Any]) -> Row | Variant:
    kind = Row if "kind" in line else Variant
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in line.items()})
