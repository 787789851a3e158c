"""Quotas of attributes that no table of the reference date gives, from GUIDE tables.

A zone's expected persons by sex and category are the guide's shares times the persons present. Soft
targets that steer bend them in the whole country (proportional fitting: rows by zone and sex stay,
the target's categories get their share together, odds ratios between zones stay). They are rounded
once, for all zones together (controlled rounding, Cox 1987), so that nothing is lost to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from synthestat.controls.control_tables import ControlTable
from synthestat.controls.guides import guide_row
from synthestat.controls.reconcile import Controls
from synthestat.errors import NotConvergedError, PackError
from synthestat.fitting.ipf import CellMargin, Floats, Whole, fit_margins
from synthestat.fitting.rounding import largest_remainder
from synthestat.fitting.two_way import round_two_way
from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import AttributeSpec
from synthestat.packs.targets import SoftTarget, soft_targets
from synthestat.random_streams import RandomStreams


def guided_quotas(
    controls: Controls,
    persons: Mapping[str, Mapping[str, Whole]],
    pack: CountryPack,
    streams: RandomStreams,
) -> Controls:
    """Return controls with quotas for every attribute that has a guide.

    `persons[zone][universe]` has shape (single ages, sexes). Quotas have shape (sexes, categories),
    or (categories,) where the guide does not split by sex; they sum to the persons present. Raises
    PackError where a guide has no shares for persons who are there, NotConvergedError where a soft
    target cannot be reached.
    """
    found: dict[str, dict[str, Whole]] = {zone.code: {} for zone in controls.zones}
    for attribute in pack.attributes:
        if attribute.guide is None:
            continue
        table = controls.published.tables[attribute.guide]
        present = _present(table, persons, pack)
        zones = [code for code in found if present[code].sum()]
        if not zones:
            continue
        rows = np.concatenate([present[code] for code in zones])
        names = pack.country.classifications[attribute.name]
        shares = [_shares(table, code, attribute, names, present[code]) for code in zones]
        expected = rows[:, None] * np.concatenate(shares)
        bent = _bent(expected, attribute, names, pack)
        rng = streams.stream(f"quotas {attribute.name}", "whole country")
        totals = largest_remainder(bent.sum(axis=0), int(rows.sum()))
        quotas = round_two_way(bent, rows, totals, rng, place=f"quotas of {attribute.name}")
        per_zone = quotas.reshape(len(zones), -1, len(names))
        for code, own in zip(zones, per_zone, strict=True):
            found[code][attribute.name] = own if "sex" in table.columns else own[0]
    return replace(
        controls,
        zones=tuple(replace(z, quotas={**z.quotas, **found[z.code]}) for z in controls.zones),
    )


def _present(
    table: ControlTable, persons: Mapping[str, Mapping[str, Whole]], pack: CountryPack
) -> dict[str, Whole]:
    """Return persons of the guide's universe by zone, shape (sexes,) or (1,) where it has none."""
    atoms = pack.country.atoms(table.spec.universe)
    counts = {}
    for zone, of in persons.items():
        by_sex = sum((of[u].sum(axis=0) for u in atoms if u in of), np.zeros(2, dtype=np.int64))
        counts[zone] = by_sex if "sex" in table.columns else by_sex.sum(keepdims=True)
    return counts


def _shares(
    table: ControlTable,
    zone: str,
    attribute: AttributeSpec,
    names: tuple[str, ...],
    present: Whole,
) -> Floats:
    """Return the guide's shares of categories in one zone, shape (sexes or 1, categories)."""
    row = guide_row(table, zone)
    at = table.columns.index(attribute.name)
    sizes = [len(names) if column == attribute.name else len(present) for column in table.columns]
    counts = np.moveaxis(row.reshape(sizes), at, -1).reshape(-1, len(names)).astype(np.float64)
    sums = counts.sum(axis=1)
    if ((sums == 0) & (present > 0)).any():
        raise PackError(
            f"{table.cell_name(zone)} counts nobody of one sex, where {int(present.max()):,} live",
            remedy="give the guide no split by sex, or freeze a table that counts them",
        )
    return np.asarray(counts / np.maximum(sums, 1.0)[:, None], dtype=np.float64)


def _bent(
    expected: Floats, attribute: AttributeSpec, names: tuple[str, ...], pack: CountryPack
) -> Floats:
    """Return expected persons (rows, categories) that keep their rows and meet steering targets."""
    steering = [t for t in soft_targets(pack.priors) if t.steers and t.attribute == attribute.name]
    if not steering:
        return expected
    rows, persons = expected.sum(axis=1), float(expected.sum())
    row, category = (of.ravel() for of in np.indices(expected.shape))
    margins = [CellMargin(row, rows)]
    for target in steering:
        inside = np.isin(np.array(names), target.categories)[category].astype(np.int64)
        wanted = np.array([1 - target.value, target.value]) * persons
        margins.append(CellMargin(inside, wanted))
    fit = fit_margins(expected.ravel(), [*margins[1:], margins[0]], tolerance=1e-9)
    if not fit.converged:
        raise NotConvergedError(
            f"{attribute.name}: its guide cannot be bent to {_named(steering)}: "
            f"{fit.residual:,.0f} persons off",
            remedy="let the target judge alone (steers: false), or correct its value",
        )
    return fit.cells.reshape(expected.shape)


def _named(targets: list[SoftTarget]) -> str:
    return ", ".join(target.id for target in targets)
