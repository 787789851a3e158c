"""Household trees: a few sampled synthetic households, drawn by generation and marked SYNTHETIC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from synthestat.site.charts import spoken
from synthestat.site.sample import generations
from synthestat.site.svg_parts import line, picture, rect, short, text

BOX_WIDTH = 76.0
BOX_HEIGHT = 34.0
ACROSS = 12.0
DOWN = 30.0


def household_tree(home: Mapping[str, Any]) -> Markup:
    """Draw a household: a generation a row, partners side by side, lines from parents to children.

    Reads household_type, size and members (person_id, age, sex, household_role, partner_id,
    mother_id, father_id).
    """
    members = list(home["members"])
    depth = generations(members)
    rows: dict[int, list[dict[str, Any]]] = {}
    for person in _partners_beside(members):
        rows.setdefault(depth[person["person_id"]], []).append(person)
    widest = max(map(len, rows.values()), default=1)
    width = widest * (BOX_WIDTH + ACROSS) + ACROSS
    spots: dict[int, tuple[float, float]] = {}
    for place, generation in enumerate(sorted(rows)):
        people = rows[generation]
        start = (width - len(people) * (BOX_WIDTH + ACROSS) + ACROSS) / 2
        for number, person in enumerate(people):
            x = start + number * (BOX_WIDTH + ACROSS)
            spots[person["person_id"]] = (x, 14 + place * (BOX_HEIGHT + DOWN))
    parts = [*_ties(members, spots), *(_box(person, spots) for person in members)]
    height = 14 + len(rows) * (BOX_HEIGHT + DOWN) - DOWN + 16
    parts.append(text(width / 2, height - 3, "SYNTHETIC", "age", "middle"))
    said = ", ".join(f"{person['sex']} {person['age']}" for person in members)
    kind = spoken(str(home["household_type"]))
    return picture(width, height, f"Synthetic household, {kind}: {said}", parts)


def _partners_beside(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_id = {person["person_id"]: person for person in members}
    ordered: list[dict[str, Any]] = []
    for person in sorted(members, key=lambda p: -int(p["age"])):
        for each in (person, by_id.get(person["partner_id"])):
            if each is not None and each not in ordered:
                ordered.append(each)
    return ordered


def _ties(members: list[dict[str, Any]], spots: Mapping[int, tuple[float, float]]) -> list[str]:
    drawn = []
    for person in members:
        x, y = spots[person["person_id"]]
        partner = spots.get(person["partner_id"])
        if partner is not None and partner[0] > x:
            middle = y + BOX_HEIGHT / 2
            drawn.append(line(x + BOX_WIDTH, middle, partner[0], middle, "tie"))
        parents = [spots[p] for p in (person["mother_id"], person["father_id"]) if p in spots]
        if parents:
            from_x = sum(at for at, _ in parents) / len(parents) + BOX_WIDTH / 2
            beside = len(parents) == 2 and parents[0][1] == parents[1][1]
            from_y = parents[0][1] + (BOX_HEIGHT / 2 if beside else BOX_HEIGHT)
            to_x, half = x + BOX_WIDTH / 2, y - DOWN / 2
            drawn.append(
                f'<path class="tie" d="M{short(from_x)},{short(from_y)}V{short(half)}'
                f'H{short(to_x)}V{short(y)}"/>'
            )
    return drawn


def _box(person: Mapping[str, Any], spots: Mapping[int, tuple[float, float]]) -> str:
    x, y = spots[person["person_id"]]
    kind = "person second" if person["sex"] == "female" else "person"
    role = spoken(str(person["household_role"] or ""))
    role = role if len(role) <= 13 else f"{role[:12]}…"
    return (
        rect(x, y, BOX_WIDTH, BOX_HEIGHT, kind)
        + text(x + BOX_WIDTH / 2, y + 14, f"{person['sex']} {person['age']}", "who", "middle")
        + text(x + BOX_WIDTH / 2, y + 27, role, "age", "middle")
    )
