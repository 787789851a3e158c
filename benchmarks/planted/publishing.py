"""Publishing the record: the file that ships with the package, and the tables of the docs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planted.kinds import BYTES, GRADED
from planted.outcomes import text_of

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "src" / "synthestat" / "review" / "calibration.json"
PAGE = ROOT / "docs" / "reviewer.md"
BEGIN = "<!-- figures: begin (written by benchmarks/reviewer_calibration.py --publish) -->"
END = "<!-- figures: end -->"
FAMILY_NAMES = {
    "files": "files and bytes",
    "links": "keys and links",
    "households": "ages and sizes of households",
    "families": "types, roles, family nuclei",
    "institutions": "institutions",
    "universes": "universes and places",
    "levels": "levels, residuals, relaxations",
    "relaxations": "words and proofs of relaxations",
    "geography": "zones and published tables",
    "attributes": "attributes of persons",
    "intervals": "intervals and tiers",
    "summaries": "notes and summaries",
    "statements": "manifest, crate, methods",
    "evidence": "evidence words, SYNTHETIC",
    "sources": "provenance and layers",
    "buildings": "buildings (invented)",
    "overlays": "hidden populations (invented)",
    "assignments": "work and school (invented)",
    "releases": "releases (invented)",
    "replicates": "replicates",
}


def table_of(record: Mapping[str, Any]) -> str:
    """The figures of a record as Markdown: by family and severity, by country, missed, clean."""
    parts = (_summary, _families, _countries, _exceptions, _clean)
    return "\n\n".join(part(record) for part in parts)


def _summary(record: Mapping[str, Any]) -> str:
    kinds, countries = record["kinds"].values(), record["countries"].values()
    several = sum(len(kind["outcomes"]) > 1 for kind in kinds)
    planted, caught, own = (
        sum(counts[name] for counts in countries) for name in ("planted", "caught", "attributed")
    )
    wrong = sum(bool(run["failed"]) for run in record["clean"])
    return (
        f"Engine {record['engine']}, reviewer `{record['reviewer'][:12]}`, {record['date']}, "
        f"seed {record['seed']}: {len(kinds)} kinds, {several} of them at several severities; "
        f"{planted:,} plantings, {caught:,} caught ({_share(caught, planted)}), {own:,} of them by "
        f"the check named for the kind. {len(record['clean'])} clean runs, {wrong} with a false "
        "alarm."
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _families(record: Mapping[str, Any]) -> str:
    """Caught of planted by family and severity; bytes of files beside rows."""
    lines = [
        "| family | kinds | one row, cell or byte | few rows, a block | many rows, whole file |",
        "|---|---:|---:|---:|---:|",
    ]
    for family, by_severity in record["families"].items():
        kinds = sum(kind["family"] == family for kind in record["kinds"].values())
        cells = [FAMILY_NAMES.get(family, family), str(kinds)]
        for row, byte in zip(GRADED, BYTES, strict=True):
            counts = [by_severity[name] for name in (row, byte) if name in by_severity]
            planted = sum(each["planted"] for each in counts)
            caught = sum(each["caught"] for each in counts)
            cells.append(f"{caught:,} of {planted:,}" if planted else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _countries(record: Mapping[str, Any]) -> str:
    lines = [
        "| country | planted | caught | by the check named | changes no claim | not applicable | "
        "seconds to plant and seal | seconds to review |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for country, counts in record["countries"].items():
        named = ("planted", "caught", "attributed", "changes_no_claim", "not_applicable")
        cells = [country, *(f"{counts[name]:,}" for name in named)]
        cells += [str(counts.get(f"{name}_seconds", "")) for name in ("planting", "review")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _exceptions(record: Mapping[str, Any]) -> str:
    """What was missed, and what only another check caught, by name."""
    parts = []
    for key, title in (("missed", "Missed"), ("by_another", "Caught by another check only")):
        rows = record[key]
        if not rows:
            parts.append(f"{title}: none.")
            continue
        merged: dict[tuple[str, str], list[str]] = {}
        for row in rows:
            failed = ", ".join(f"`{name}`" for name in row["failed"])
            merged.setdefault((row["kind"], failed), []).append(
                f"{row['country']} {row['severity']}"
            )
        lines = [f"{title}:", ""]
        for (kind, failed), where in merged.items():
            own = record["kinds"][kind]["check"]
            by = f", by {failed}" if failed else ""
            lines.append(f"- `{kind}` (named: `{own}`): {'; '.join(where)}{by}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _clean(record: Mapping[str, Any]) -> str:
    lines = ["| clean run | what | false alarms | warnings | seconds |", "|---|---|---|---|---:|"]
    for run in record["clean"]:
        words = [", ".join(f"`{name}`" for name in run[key]) for key in ("failed", "warned")]
        cells = [run["country"], run["what"], words[0] or "none", words[1] or "none"]
        lines.append(f"| {' | '.join([*cells, str(run['seconds'])])} |")
    return "\n".join(lines)


def publish(record: Mapping[str, Any]) -> None:
    """Write the record into the package and its tables into the page."""
    RECORD.write_text(text_of(record), encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_figures(page, record), encoding="utf-8")


def with_figures(page: str, record: Mapping[str, Any]) -> str:
    """The page with the figures of a record between its marks."""
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n\n{table_of(record)}\n\n{END}{tail}"
