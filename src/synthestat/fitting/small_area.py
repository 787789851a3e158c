"""Counts of areas without a figure, from areas that have one, benchmarked to a known total.

A log-linear ratio model of the kind usual in small-area estimation (Rao & Molina 2015, chapter 6),
followed by conditioning on the total: if x ~ N(m, diag(s^2)) then, given sum x = T, the mean is
m + s^2 / sum(s^2) (T - sum m) and the variance s^2 - s^4 / sum(s^2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import Floats


@dataclass(frozen=True)
class Prediction:
    """Expected counts and their interval per area, in units of the response."""

    mean: Floats
    low: Floats
    high: Floats
    sigma: float
    slope: float


def predict_share(
    expected: Floats,
    variation: float,
    *,
    total: float | None,
    interval: float,
    level: float = 0.0,
) -> Prediction:
    """Predict counts in proportion to what is expected of each area, where none has a figure.

    `expected` is positive, shape (areas,); `variation` the standard deviation of an area's true
    count over its expectation, as a share of it, areas independent (normal); `level` that of what
    all areas share, which a known total fixes. The other arguments are those of `predict_ratio`.
    """
    mean = expected if total is None else expected * (total / expected.sum())
    variance = (variation * mean) ** 2
    if total is None:
        variance = variance + (level * mean) ** 2
    elif variance.sum() > 0:
        variance = np.maximum(variance - variance**2 / variance.sum(), 0.0)
    reach = float(ndtri(0.5 + interval / 2)) * np.sqrt(variance)
    return Prediction(mean, np.maximum(mean - reach, 0.0), mean + reach, variation, 0.0)


def predict_ratio(
    response: Floats,
    base: Floats,
    covariate: Floats,
    new_base: Floats,
    new_covariate: Floats,
    *,
    total: float | None,
    interval: float,
) -> Prediction:
    """Predict counts in new areas by log(response/base) = a + b log(covariate/base) + noise.

    All arrays are positive, shapes (known,) and (new,). `total` is the sum that the new areas must
    have (None: unknown); `interval` the probability of the returned bounds (normal beyond the
    regression's own t). With fewer than four known areas the slope is fixed at 0.
    """
    if not len(response):
        raise NotConvergedError("no area has a figure to predict others from")
    x, y = np.log(covariate / base), np.log(response / base)
    design = np.column_stack([np.ones_like(x), x])
    new = np.column_stack([np.ones(len(new_base)), np.log(new_covariate / new_base)])
    if len(x) < 4 or np.ptp(x) == 0:
        design, new = design[:, :1], new[:, :1]
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    freedom = max(len(y) - design.shape[1], 1)
    sigma = float(np.sqrt(np.sum((y - design @ coefficients) ** 2) / freedom))
    leverage = np.einsum("ij,jk,ik->i", new, np.linalg.pinv(design.T @ design), new)
    mean = new_base * np.exp(new @ coefficients)
    spread = mean * sigma * np.sqrt(1.0 + leverage)
    if total is not None and len(mean):
        variance = spread**2
        share = variance / variance.sum() if variance.sum() > 0 else mean / mean.sum()
        mean = mean + share * (total - mean.sum())
        spread = np.sqrt(np.maximum(variance - variance * share, 0.0))
    reach = float(stdtrit(freedom, 0.5 + interval / 2)) * spread
    slope = float(coefficients[1]) if len(coefficients) > 1 else 0.0
    return Prediction(mean, np.maximum(mean - reach, 0.0), mean + reach, sigma, slope)
