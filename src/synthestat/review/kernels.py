"""The kernels shown beside age gaps, computed again from the registry of the pack."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from math import exp, fsum, lgamma, log1p, pi, sqrt
from typing import Any

from synthestat.review.case import Case

FAMILIES: dict[str, tuple[str, str | None]] = {
    "partner": ("partner_age_gap", "partner_age_gap"),
    "same_sex_partner": ("same_sex_partner_gap", None),
    "mother_child": ("mother_child_gap", "mother_age_at_birth"),
    "father_child": ("father_child_gap", "father_age_at_birth"),
}
"""By gap: the family of its kernel, and the rule of country.yaml that is its band; None: none."""
WITHOUT_KERNEL = "mother_youngest_child"
EVERY_GAP = (-120, 120)  # the band of a kernel without a rule: all differences of two ages
ROUNDED = 2.1e-8  # densities have eight decimals; a folded one is the sum of two


def kernel_faults(case: Case, gaps: Mapping[str, Any]) -> Iterator[str]:
    """Kernels of other entries, or with other densities by year, than the registry gives.

    An entry that varies with mean size is taken at that of the published private households.
    """
    mean = mean_size(case)
    if not abs(float(gaps["mean_size_of_kernels"]) - mean) <= ROUNDED:
        yield f"gaps: mean_size_of_kernels {gaps['mean_size_of_kernels']} stated, {mean} recomputed"
    for name in (*FAMILIES, WITHOUT_KERNEL):
        of, told = FAMILIES.get(name), gaps[name]["kernel"]
        if of is None or told is None:
            if (of is None) != (told is None):
                yield f"gaps.{name}: {'no kernel' if told is None else 'a kernel'} is stated"
            continue
        entry = case.pack.used[of[0]]
        if told["entry"] != entry["id"]:
            yield f"gaps.{name}: kernel of {told['entry']}, the pack takes {entry['id']}"
        density = declared_density(case, name, mean)
        stated = {int(year): float(share) for year, share in told["density"].items()}
        for year in sorted(density.keys() | stated.keys()):
            share, own = stated.get(year), density.get(year)
            if share is None or own is None or not abs(share - own) <= ROUNDED:
                yield f"gaps.{name}: density at {year} is {share}, {own} by {entry['id']}"


def declared_density(case: Case, gap: str, mean: float) -> dict[int, float]:
    """The share of each whole year of a gap by the registry, at a mean size; within its band."""
    family, rule = FAMILIES[gap]
    values = _at_mean_size(case.pack.used[family]["values"], mean)
    if rule is None:
        return _folded(_density(values, EVERY_GAP))
    return _density(values, (case.pack.rules[f"{rule}_low"], case.pack.rules[f"{rule}_high"]))


def mean_size(case: Case) -> float:
    """The mean size of private households of the household universe; 1 where there is none."""
    words = ", ".join(
        "'" + word.replace("'", "''") + "'"
        for word in case.pack.universe_parts[case.pack.household_universe]
    )
    where = f"kind = 'private' AND universe::VARCHAR IN ({words})"
    return float(case.rows(f"SELECT avg(size) FROM households WHERE {where}")[0][0] or 1.0)


def _at_mean_size(values: Mapping[str, Any], mean: float) -> dict[str, float]:
    """Location, scale and df at a mean size: linear between the declared sizes, flat beyond."""
    patterns = values.get("by_mean_size") or {mean: values}
    known = sorted((float(size), of) for size, of in patterns.items())
    sizes = [size for size, _ in known]
    above = min(bisect_right(sizes, mean), len(sizes) - 1)
    below = max(above - 1, 0)
    reach = sizes[above] - sizes[below]
    share = min(max((mean - sizes[below]) / reach, 0.0), 1.0) if reach else 0.0
    low, high = known[below][1], known[above][1]
    return {
        key: float(low[key]) + share * (float(high[key]) - float(low[key]))
        for key in ("location", "scale", "df")
    }


def _density(kernel: Mapping[str, float], band: tuple[int, int]) -> dict[int, float]:
    """Student's t by whole year within a band, where it sums to 1."""
    location, scale, df = (kernel[key] for key in ("location", "scale", "df"))
    front = exp(lgamma((df + 1) / 2) - lgamma(df / 2)) / (sqrt(df * pi) * scale)
    years = {
        year: front * exp(-(df + 1) / 2 * log1p(((year - location) / scale) ** 2 / df))
        for year in range(int(band[0]), int(band[1]) + 1)
    }
    whole = fsum(years.values())
    return {year: density / whole for year, density in years.items()}


def _folded(density: Mapping[int, float]) -> dict[int, float]:
    """The density of the difference without its sign."""
    folded: dict[int, float] = {}
    for year, share in density.items():
        folded[abs(year)] = folded.get(abs(year), 0.0) + share
    return folded
