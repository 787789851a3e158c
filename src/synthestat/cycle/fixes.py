"""What a modeler can try without a person: other declared entries of the registry, more sweeps.

A fix is a change of priors.yaml alone, in a copy of the pack, so it shows in the run's id and lies
in its bundle. Each is tried once in a cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from synthestat.cycle.process import process
from synthestat.packs.pack import CountryPack
from synthestat.packs.refinement import FAMILY as REFINEMENT
from synthestat.packs.refinement import refinement_of
from synthestat.packs.spec import PriorSpec


@dataclass(frozen=True)
class Fix:
    """One thing to try: `id` tells it apart, `what` says it, `edit` changes the list of priors."""

    id: str
    what: str
    edit: Callable[[list[dict[str, Any]]], None]


def next_fix(
    pack: CountryPack, blocking: Sequence[Mapping[str, Any]], tried: Collection[str]
) -> Fix | None:
    """Return the first fix, in the declared order, that bears on what failed and was not tried.

    `blocking` are findings with `check` and `family`; None where nothing is left.
    """
    families = _families(pack, blocking)
    makers = {
        "wider_pool": _wider_pools,
        "other_entry": _other_entries,
        "more_refinement": _more_refinement,
        "default_entry": _default_entries,
    }
    for kind in process()["fixes"]:
        for fix in makers[kind](pack, families):
            if fix.id not in tried:
                return fix
    return None


def fixed_priors(pack: CountryPack, fix: Fix) -> bytes:
    """Return priors.yaml as the fix leaves it; comments and order stay."""
    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load((pack.folder / "priors.yaml").read_text(encoding="utf-8"))
    fix.edit(document["priors"])
    text = StringIO()
    yaml.dump(document, text)
    return text.getvalue().encode()


def _families(pack: CountryPack, blocking: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the families of priors that bear on what failed: as declared, and of attributes."""
    declared = process()["families"]
    names = [name for f in blocking for name in (f["check"], f["family"])]
    found = [family for name in names for family in declared.get(name, ())]
    if "attributes" in names:
        found += [a.pattern for a in pack.attributes if a.pattern is not None]
    return list(dict.fromkeys(found))


def _available(pack: CountryPack, families: Sequence[str]) -> list[PriorSpec]:
    own = [entry for entry in pack.priors.entries if entry.kind != "target"]
    return [e for family in families for e in own if e.family == family and e.status != "used"]


def _pool(entry: PriorSpec) -> int:
    """Return from how many places an entry is pooled, 0 where from none."""
    pool = entry.values.get("pool")
    return len(pool) if isinstance(pool, list) else 0


def _wider_pools(pack: CountryPack, families: Sequence[str]) -> list[Fix]:
    """Return the fixes that take an entry pooled from more places than the one in use."""
    return [
        _take(entry, f"pooled from {_pool(entry)} places")
        for entry in _available(pack, families)
        if _pool(entry) > _pool(pack.priors.used(entry.family))
    ]


def _other_entries(pack: CountryPack, families: Sequence[str]) -> list[Fix]:
    return [_take(entry, entry.variant) for entry in _available(pack, families)]


def _take(entry: PriorSpec, said: str) -> Fix:
    def edit(priors: list[dict[str, Any]]) -> None:
        for each in priors:
            if each["family"] == entry.family and each["kind"] != "target":
                each["status"] = "used" if each["id"] == entry.id else "available"

    return Fix(f"entry {entry.id}", f"{entry.family} by {entry.id} ({said})", edit)


def _more_refinement(pack: CountryPack, _: Sequence[str]) -> list[Fix]:
    now, declared = refinement_of(pack.priors), process()["more_refinement"]
    ages = min(now.ages * declared["times"], declared["most"])
    attributes = min(now.attributes * declared["times"], declared["most"])
    if (ages, attributes) == (now.ages, now.attributes):
        return []
    used = pack.priors.used(REFINEMENT)

    def edit(priors: list[dict[str, Any]]) -> None:
        entry = next((each for each in priors if each["id"] == used.id), None)
        if entry is None:
            entry = {name: value for name, value in used.model_dump().items() if value is not None}
            entry |= {"id": f"{pack.code.lower()}.{REFINEMENT}", "geography": pack.code}
            priors.append(entry)
        entry["values"] = {"age_sweeps": ages, "attribute_sweeps": attributes}

    said = f"up to {ages} sweeps of ages and {attributes} of attributes"
    return [Fix(f"refinement {ages} {attributes}", said, edit)]


def _default_entries(pack: CountryPack, families: Sequence[str]) -> list[Fix]:
    """Return the fixes that leave a family to the engine's default."""
    defaults = {entry.family: entry for entry in pack.priors.defaults}
    own = {entry.family for entry in pack.priors.entries if entry.kind != "target"}
    return [_leave(defaults[f]) for f in families if f in defaults and f in own]


def _leave(default: PriorSpec) -> Fix:
    def edit(priors: list[dict[str, Any]]) -> None:
        priors[:] = [each for each in priors if each["family"] != default.family]

    return Fix(f"entry {default.id}", f"{default.family} by the engine's {default.id}", edit)
