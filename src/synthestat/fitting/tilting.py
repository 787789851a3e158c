"""Exponential tilting: the distribution nearest to given weights under given means.

Minimum Kullback-Leibler divergence under mean constraints is an exponential family (Kullback 1959;
Csiszár 1975); its dual is smooth and convex, so a damped Newton iteration finds it.
"""

from __future__ import annotations

import numpy as np

from synthestat.fitting.ipf import Floats, Whole


def tilt_groups(
    log_weights: Floats,
    group: Whole,
    totals: Floats,
    features: Floats,
    targets: Floats,
    *,
    ridge: float = 1e-4,
    max_steps: int = 100,
) -> Floats:
    """Return expected counts x_i, exact by group and near `targets` in their features.

    x_i = totals[group_i] * softmax within the group of (log_weights_i + features_i . t); t
    minimises the penalised dual, so targets that cannot all be met are missed smoothly, not failed.
    Shapes: log_weights, group (items,); totals (groups,); features (items, k); targets (k,).
    `ridge` weighs the penalty relative to the overall total (assumption: a tie-breaker).
    """
    t = np.zeros(features.shape[1])
    scale = max(float(totals.sum()), 1.0)
    objective, x, gradient, hessian = _dual(
        t, log_weights, group, totals, features, targets, ridge * scale
    )
    for _ in range(max_steps):
        if np.abs(gradient).max() <= 1e-9 * scale:
            break
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-8:
            trial = t - size * step
            new = _dual(trial, log_weights, group, totals, features, targets, ridge * scale)
            if new[0] <= objective - 1e-4 * size * float(gradient @ step):
                break
            size /= 2
        else:
            break
        t = trial
        objective, x, gradient, hessian = new
    return x


def _dual(
    t: Floats,
    log_weights: Floats,
    group: Whole,
    totals: Floats,
    features: Floats,
    targets: Floats,
    penalty: float,
) -> tuple[float, Floats, Floats, Floats]:
    """Return the penalised dual, the counts, the gradient and the Hessian at t."""
    score = log_weights + features @ t
    top = np.full(len(totals), -np.inf)
    np.maximum.at(top, group, score)
    weight = np.exp(score - top[group])
    norm = np.bincount(group, weight, minlength=len(totals))
    share = weight / norm[group]
    x = totals[group] * share
    live = norm > 0
    log_norm = np.log(norm[live]) + top[live]
    objective = float(totals[live] @ log_norm - targets @ t + penalty / 2 * (t @ t))
    gradient = features.T @ x - targets + penalty * t
    means = np.zeros((len(totals), features.shape[1]))
    np.add.at(means, group, share[:, None] * features)
    centred = features - means[group]
    hessian = (centred * x[:, None]).T @ centred + penalty * np.eye(len(t))
    return objective, x, gradient, hessian
