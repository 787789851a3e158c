"""A sample of synthetic households, for those who want to look at some: never more than released.

A population for internal use is shown with that word; for release, only once disclosure checks
were made and found nothing. Any other release mode shows none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from synthestat.site.run_facts import Run

MOST = 2_000  # households of a sample
TREES = 6
LARGEST_TREE = 9  # members of a household that is drawn
PERSON = ("person_id", "household_id", "age", "sex", "household_role")
TIES = ("partner_id", "mother_id", "father_id")
_NOT_SHOWN = {*PERSON, *TIES, "zone_code", "universe"}


@dataclass(frozen=True)
class Sample:
    """Households with their members, as plain rows; `withheld` says why there are none."""

    households: tuple[Mapping[str, Any], ...]
    of: int
    mode: str
    withheld: str


def withheld(privacy: Mapping[str, Any], *, public: bool) -> str:
    """Return why no household may be shown, "" where they may.

    `public` is whether the site is made to be published.
    """
    mode = str(privacy.get("release_mode", "not stated"))
    if mode == "internal":
        return "the run is for internal use, and this site is to be published" if public else ""
    if mode != "public":
        return f"the release mode is {mode}, which allows no record to be shown"
    if not privacy.get("checks"):
        return "no disclosure check has been made"
    return "a disclosure check found something" if privacy.get("findings") else ""


def read_sample(run: Run, *, public: bool = False, most: int = MOST) -> Sample:
    """Take every n-th household of the run, in the order of its table, with all its members."""
    privacy = run.optional("privacy_report.json")
    mode = str(privacy.get("release_mode", "not stated"))
    why = withheld(privacy, public=public)
    if not why and not (run.has("synthetic_households") and run.has("synthetic_persons")):
        why = "the bundle has no tables of persons and households"
    if why:
        return Sample((), 0, mode, why)
    table = pl.scan_parquet(run.bundle.table("synthetic_households"))
    every = int(table.select(pl.len()).collect().item())
    step = max(1, -(-every // most))
    homes = (
        table.with_row_index("place")
        .filter(pl.col("place") % step == 0)
        .select("household_id", "zone_code", "universe", "kind", "size", "household_type")
        .collect()
    )
    members = _members(run, homes["household_id"])
    rows = tuple(
        {**home, "members": members.get(home["household_id"], [])} for home in homes.to_dicts()
    )
    return Sample(rows, every, mode, "")


def _members(run: Run, households: pl.Series) -> dict[int, list[dict[str, Any]]]:
    table = pl.scan_parquet(run.bundle.table("synthetic_persons"))
    known = table.collect_schema().names()
    more = [c for c in known if c not in _NOT_SHOWN and not c.endswith("_evidence")]
    people = (
        table.filter(pl.col("household_id").is_in(households.implode()))
        .select(*PERSON, *TIES, *more)
        .collect()
        .sort("household_id", "person_id")
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for row in people.to_dicts():
        found.setdefault(row["household_id"], []).append(row)
    return found


def explorer_rows(run: Run, sample: Sample) -> list[list[Any]]:
    """Return a sample as short rows: id, zone, kind or type, size, members in words."""
    return [
        [
            home["household_id"],
            run.zone_name(home["zone_code"]),
            home["household_type"] or home["kind"],
            home["size"],
            [_in_words(person) for person in home["members"]],
        ]
        for home in sample.households
    ]


def _in_words(person: Mapping[str, Any]) -> str:
    said = [f"{person['sex']} {person['age']}", str(person["household_role"] or "")]
    said += [
        f"{name.replace('_', ' ')} {value}"
        for name, value in person.items()
        if name not in _NOT_SHOWN and value is not None
    ]
    return ", ".join(filter(None, said)).replace("_", " ")


def drawn_households(sample: Sample) -> list[Mapping[str, Any]]:
    """Return a few households of different types, the first of each that is worth drawing."""
    chosen: dict[str, Mapping[str, Any]] = {}
    for home in sorted(sample.households, key=lambda home: home["household_id"] * 7919 % 10007):
        kind = home["household_type"]
        fits = kind and 2 <= home["size"] <= LARGEST_TREE and home["kind"] == "private"
        if fits and (kind not in chosen or _depth(home) > _depth(chosen[kind])):
            chosen[kind] = home
    ordered = sorted(chosen.values(), key=lambda home: (-_depth(home), -home["size"]))
    return ordered[:TREES]


def _depth(home: Mapping[str, Any]) -> int:
    return max(generations(home["members"]).values(), default=0)


def generations(members: list[Mapping[str, Any]]) -> dict[int, int]:
    """Return each member's generation in the household, 0 for those without a parent in it.

    Partners stand in one generation: the later of the two.
    """
    by_id = {person["person_id"]: person for person in members}
    found = dict.fromkeys(by_id, 0)
    for _ in members:  # ties are at most as long as the household is large
        for person in members:
            above = [found[p] + 1 for p in (person["mother_id"], person["father_id"]) if p in by_id]
            beside = [found[p] for p in (person["partner_id"],) if p in by_id]
            found[person["person_id"]] = max([found[person["person_id"]], *above, *beside])
    return found
