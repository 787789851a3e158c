"""The plain files of a site: names that every system takes, CSV that no spreadsheet runs, scripts
of data that hold nothing but data, and the folder that appears whole or not at all.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthestat.errors import OutputError

MARK = "synthestat-site.json"
"""The file by which a folder is known to be a site of ours."""
_STAGED = ".synthestat-site-"
_PLAIN = re.compile(r"[A-Za-z0-9_-]")
_FORMULA = re.compile(
    r"[\t\r\n]|[\s\ufeff\u200b-\u200f\u202a-\u202e\u2066-\u2069]*[=+\-@\uff1d\uff0b\uff0d\uff20]"
)
"""What makes a spreadsheet run a cell, also behind spaces and marks without width."""


def slug(text: str) -> str:
    """Return a file name for a code or id: letters, digits, - and _ stay, others become ~hex."""
    return "".join(c if _PLAIN.match(c) else f"~{ord(c):x}" for c in text) or "~"


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Iterable[str] = ()) -> str:
    """Return rows as CSV (RFC 4180) with a header; text that begins a formula is made text.

    A spreadsheet runs a cell that begins with = + - or @: an apostrophe before it keeps it still.
    Numbers are never touched. Columns not given are those of the rows, as they come.
    """
    rows = list(rows)
    names = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([_still(name) for name in names])
    writer.writerows([_still(row.get(name)) for name in names] for row in rows)
    return stream.getvalue()


def _still(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if _FORMULA.match(text) else text


def script_text(name: str, value: Any) -> str:
    """Return a script that hands `value` to the page's own script, as data under `name`.

    Pages opened from disk may not fetch files, but may run those beside them. The value is JSON in
    which no character can end a script or a line.
    """
    return f"synthestatData({json_text(name)}, {json_text(value)});\n"


def json_text(value: Any) -> str:
    """Return JSON that may stand inside a script: <, >, & and the line separators escaped."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


@contextmanager
def staged_site(out: Path) -> Iterator[Path]:
    """Give an empty folder beside `out`; on success it becomes `out`, on any error it is gone.

    A site of ours that is there is replaced; OutputError where `out` is anything else.
    """
    refuse_foreign(out)
    staging = out.resolve().parent / f"{_STAGED}{os.getpid()}"
    replaced = staging.with_name(f"{staging.name}-replaced")
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        yield staging
        if out.exists():
            out.rename(replaced)
        staging.rename(out)
    except OSError as error:
        if replaced.exists() and not out.exists():
            replaced.rename(out)
        raise OutputError(
            f"the site could not be written to {out}: {error.strerror or error}",
            remedy="free space or give --out another folder; no partial site was left",
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def refuse_foreign(out: Path) -> None:
    """Raise OutputError where `out` exists and is neither empty nor a site of ours."""
    if out.is_dir() and (not any(out.iterdir()) or (out / MARK).is_file()):
        return
    if out.exists() or out.is_symlink():
        raise OutputError(
            f"{out} is there and is no site of Synthestat",
            remedy="give --out a new folder, or move that one away",
        )
