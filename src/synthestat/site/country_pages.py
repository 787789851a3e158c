"""The page of a country: where it stands, what its editions hold and lack, and its history."""

from __future__ import annotations

from typing import Any

from synthestat.errors import SynthestatError
from synthestat.packs.distributions import RULE, Distribution, best_source, distributions
from synthestat.packs.pack import read_pack
from synthestat.site import process
from synthestat.site.comparison import compared
from synthestat.site.country_facts import (
    RunLine,
    constraints,
    country_line,
    run_line,
    source_gaps,
)
from synthestat.site.history import Country, Edition, Entry, pairs
from synthestat.site.run_facts import Run
from synthestat.site.site_files import slug
from synthestat.site.svg_parts import trend
from synthestat.site.writing import Site, comparison_page, country_page, run_files, run_page


def write_country(
    site: Site, country: Country, contexts: dict[str, dict[str, Any]], runs: dict[str, Run]
) -> None:
    """Write a country's page and the comparisons of its runs.

    `contexts` and `runs` are those of its runs' pages, by run id.
    """
    address = country_page(country.code)
    comparisons = _write_comparisons(site, country, runs)
    history = [run_line(entry) for entry in country.entries]
    default = country.editions[0] if country.editions else None
    review = default.newest.review if default else None
    blocked = any("blocked" in left.what for left in country.left)
    site.write(
        address,
        "country.html.j2",
        {
            "line": country_line(country),
            "left": country.left,
            "editions": [_edition(edition, contexts) for edition in country.editions],
            "pages": {entry.name: run_page(entry.name) for entry in country.entries},
            "main_steps": process.MAIN,
            "lanes": process.lanes(),
            "stops": process.stops(),
            "standing": process.standing(
                review,
                built=default is not None,
                blocked=blocked,
                cycle=site.cycles.get(country.code),
            ),
            "gates": process.gates(review),
            "gate_edition": default.name if default and len(country.editions) > 1 else "",
            "reviewed": review is not None,
            "history": history,
            "trends": _trends(
                [line for line in history if default and line.edition == default.name]
            ),
            "comparisons": comparisons,
            "tasks": site.tasks.get(country.code, []),
        },
    )


def _edition(edition: Edition, contexts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the page states of one edition, from its newest run."""
    newest = edition.newest
    context = contexts[newest.name]
    registry = _registry(newest, context)
    return {
        "id": f"edition-{slug(edition.name)}",
        "name": edition.name,
        "context": context,
        "unreviewed": newest.unreviewed,
        "page": run_page(newest.name),
        "data": run_files(newest.name),
        "gaps": source_gaps(edition, context["unavailable"]),
        "constraints": [
            {"level": level, "ids": ids, "count": len(ids)}
            for level, ids in constraints(newest.bundle.manifest)
        ],
        "registry": registry,
        "best": _best(registry),
        "rule": RULE,
    }


def _registry(entry: Entry, context: dict[str, Any]) -> list[Any]:
    """Every distribution that the run's own copy of its pack knows.

    Where that copy is of another version and cannot be read, the entries that the run recorded.
    """
    try:
        return list(distributions(read_pack(entry.bundle.path("pack"))))
    except (SynthestatError, OSError):
        kept = dict.fromkeys(("type", "binding", "why", "geography_level", "label", "id"), "")
        kept |= dict.fromkeys(("variant", "confidence", "evidence", "citation", "address"), "")
        recorded = context["distributions"].get("registry", [])
        return [{**kept, **each} for each in recorded]


def _best(registry: list[Any]) -> list[dict[str, Any]]:
    """The entry that each family takes, with the reason: the first in use, else the best."""
    found: dict[str, dict[str, Any]] = {}
    for entry in registry:
        row = vars(entry) if isinstance(entry, Distribution) else entry
        if row["status"] == "used":
            found.setdefault(row["family"], row)
    for family in sorted({e.family for e in registry if isinstance(e, Distribution)} - {*found}):
        alike = [entry for entry in registry if entry.family == family]
        best, why = best_source(alike)
        found[family] = {**vars(best), "why": f"not used; {why}"}
    return [found[family] for family in sorted(found)]


def _trends(lines: list[RunLine]) -> list[tuple[str, Any]]:
    """Trends over the runs of the default edition, oldest first; none with fewer than two runs."""
    oldest_first = lines[::-1]
    drawn = [
        (title, trend(values, f"{title} over {len(values)} runs, oldest to newest"))
        for title, values in (
            ("Confidence", [line.confidence for line in oldest_first]),
            ("Mean gap", [line.gap for line in oldest_first]),
            ("Coverage", [line.coverage for line in oldest_first]),
            ("Largest deviation", [line.deviation for line in oldest_first]),
        )
    ]
    return [(title, picture) for title, picture in drawn if picture]


def _write_comparisons(site: Site, country: Country, runs: dict[str, Run]) -> list[tuple[str, str]]:
    """Write the page of each pair of runs; return their addresses with a title."""
    listed = []
    for older, newer in pairs(country):
        address = comparison_page(older.name, newer.name)
        context = {
            "name": country.name,
            "country": country_page(country.code),
            "pages": [run_page(older.name), run_page(newer.name)],
            "compared": compared((older, runs[older.name]), (newer, runs[newer.name])),
        }
        site.write(address, "compare.html.j2", context)
        listed.append(
            (address, f"{older.name} ({older.edition}) and {newer.name} ({newer.edition})")
        )
    return listed
