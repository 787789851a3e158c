"""What each quality tier asks of a zone: the family `quality_tiers` of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synthestat.errors import PackError
from synthestat.packs.registry import Registry

FAMILY = "quality_tiers"
TIERS = ("A", "B", "C", "D")
MOST = (
    "modelled_share",
    "median_relative_width",
    "estimated_share",
    "relaxations",
    "modelled_household_counts",
)
LEAST = ("tables",)
Bounds = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class TierRules:
    """Bounds of figures by tier, a tier without one having none, and the best tier without a layer.

    Every figure keeps tier D.
    """

    entry: str
    most: Bounds
    least: Bounds
    without_layer: Mapping[str, str]
    least_count: float

    def tier(self, figures: Mapping[str, float], missing: tuple[str, ...]) -> tuple[str, list[str]]:
        """Return the tier of a zone with these figures and missing layers, and what lowers it."""
        lowered: list[tuple[str, str]] = []
        for name, bounds in (*self.most.items(), *self.least.items()):
            above = name in self.most
            kept = [tier for tier in TIERS if _keeps(figures[name], bounds.get(tier), above=above)]
            if kept[0] != TIERS[0]:
                side, better = "most" if above else "least", TIERS[TIERS.index(kept[0]) - 1]
                said = f"{_spoken(name)} {figures[name]:g}, tier {better} asks for at {side}"
                lowered.append((kept[0], f"{said} {bounds[better]:g}"))
        lowered += [
            (self.without_layer[layer], f"{_spoken(layer)} unavailable")
            for layer in missing
            if layer in self.without_layer
        ]
        worst = max((tier for tier, _ in lowered), default=TIERS[0])
        return worst, [f"{tier}: {said}" for tier, said in sorted(lowered, reverse=True)]

    def words(self) -> dict[str, str]:
        """Return what each tier asks for, in words."""
        found = {}
        for tier in TIERS[:-1]:
            parts = [f"{n} at most {b[tier]:g}" for n, b in self.most.items() if tier in b]
            parts += [f"{n} at least {b[tier]:g}" for n, b in self.least.items() if tier in b]
            parts += [
                f"{layer} available"
                for layer, best in self.without_layer.items()
                if TIERS.index(best) > TIERS.index(tier)
            ]
            found[tier] = "; ".join(map(_spoken, parts))
        return found | {TIERS[-1]: f"what {TIERS[-2]} asks for is not met"}


def tier_rules(registry: Registry) -> TierRules:
    """Return the declared rules; PackError where a figure or tier is absent or out of order."""
    entry = registry.used(FAMILY)
    place = f"priors.yaml: {entry.id}"
    found: dict[str, Bounds] = {}
    for part, names in (("most", MOST), ("least", LEAST)):
        values = entry.values.get(part)
        if not isinstance(values, Mapping) or set(values) != set(names):
            raise PackError(f"{place}: {part} must give bounds of {', '.join(names)}")
        found[part] = {name: _bounds(values[name], f"{place}: {part}: {name}") for name in names}
        sign = 1 if part == "most" else -1
        for name, bounds in found[part].items():
            steps = [sign * bound for bound in bounds.values()]
            if steps != sorted(steps):
                raise PackError(f"{place}: {part}: {name}: a better tier asks for less")
    layers = entry.values.get("without_layer")
    if not isinstance(layers, Mapping) or not set(layers.values()) <= set(TIERS):
        raise PackError(f"{place}: without_layer must give a tier A to D by layer")
    without = {str(layer): str(tier) for layer, tier in layers.items()}
    count = registry.number(FAMILY, "least_count")
    return TierRules(entry.id, found["most"], found["least"], without, count)


def _keeps(figure: float, bound: float | None, *, above: bool) -> bool:
    """Tell whether a figure keeps a bound; None: there is none."""
    return bound is None or (figure <= bound if above else figure >= bound)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _bounds(values: object, place: str) -> dict[str, float]:
    named = list(values) if isinstance(values, Mapping) else []
    if not isinstance(values, Mapping) or named != list(TIERS[: len(named)]) or len(named) > 3:
        raise PackError(f"{place}: needs figures for {', '.join(TIERS[:-1])}, the last may be open")
    figures = {str(tier): value for tier, value in values.items()}
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in figures.values()):
        raise PackError(f"{place}: bounds must be numbers")
    return {tier: float(value) for tier, value in figures.items()}


def tier_faults(registry: Registry) -> list[str]:
    """Return what is wrong with the declared rules, as faults of a pack."""
    try:
        tier_rules(registry)
    except PackError as error:
        return [error.message, *error.faults]
    return []
