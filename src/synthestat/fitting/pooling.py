"""Shares that a place does not publish, from places like it: pooling with honest spread.

The model is hierarchical multinomial-Dirichlet. Each source j (a comparable country, or zone) has
counts over K categories in each of R rows (groups, such as age bands by sex):

    counts[j, r] ~ Multinomial(n[j, r], p[j, r])        p[j, r] ~ Dirichlet(a * m[r])

The sources set the mean m; how well each is predicted from the others sets the concentration a. A
place without counts is one more draw of p, so its intervals hold the variance between sources, not
only the error of their mean. Three things keep the intervals as wide as they must be:

* a is not plugged in but integrated over a grid: few sources leave it open, and tails grow like
  Student's t;
* m has a posterior of its own;
* cells that move together between sources move together in the draws, else sums over many cells
  come out too narrow. First, what is common to all rows (a country with more of a category has more
  of it at every age) may vary more, or less, than what is special to a row. Then the covariance
  between sources is shrunk towards that (Ledoit & Wolf 2004, doi 10.1016/S0047-259X(03)00096-4;
  estimated as in Schäfer & Strimmer 2005, doi 10.2202/1544-6115.1175) by as much as their number
  asks for.

`transfer_dependence` takes odds ratios only, and leaves levels to the place's own margins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from synthestat.errors import InputError, NotConvergedError
from synthestat.fitting.dense import TableMargin, fit_table
from synthestat.fitting.ipf import Floats

COARSE = np.geomspace(0.05, 1e7, 40)  # concentrations, in persons; assumption: none lies outside
FINE = 48
FEWEST_FOR_COVARIANCE = 4  # sources; assumption: fewer do not tell which cells move together
LEAST_SHARE = 1e-12  # of a cell that is possible; keeps proportional fitting away from zeros
MARGIN_ERROR = 1e-6  # share of the total by which a fitted margin may be off
MOST_ROUNDS = 20_000  # a draw with a share near zero needs many
IMPUTATIONS = 16  # posterior draws of the sources' own shares behind the covariance; assumption
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Pool:
    """What the sources say.

    `counts` (J, R, K) and `possible` (R, K) are the inputs; `mean` (R, K) sums to 1 in each row.
    `grid` (G,) are concentrations in persons, `evidence` (G,) their leave-one-source-out predictive
    log-likelihood, `weights` (G,) their posterior; `concentration` is its median. `common` and
    `special` multiply the Dirichlet's standard deviation of what rows share and of what they do
    not (1: as the Dirichlet). `together` (0 to 1) is the share of the draws' variance that takes
    the sources' own covariance.
    """

    counts: Floats
    possible: Mask
    mean: Floats
    concentration: float
    grid: Floats
    evidence: Floats
    weights: Floats
    common: float
    special: float
    together: float

    @property
    def sources(self) -> int:
        """Number of sources."""
        return len(self.counts)


@dataclass(frozen=True)
class Pooled:
    """Shares of one place: `mean` (R, K), `draws` (draws, R, K), each row sums to 1."""

    mean: Floats
    draws: Floats
    concentration: float
    evidence: Floats


def pool_sources(
    counts: Floats, *, possible: Mask | None = None, concentration: float | None = None
) -> Pool:
    """Learn mean and concentration from the counts of J sources, shape (J, R, K) or (J, K).

    A source may lack a row (all zero). `possible` (R, K) or (K,) excludes cells that hold nobody by
    definition; every other zero is a small number. `concentration`, in persons, is declared where
    it cannot be learnt: from one source. Raises InputError, naming source and row, for counts that
    are negative or no numbers, for a row that no source has, for counts in impossible cells, and
    for one source without a declared concentration.
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[:, None, :] if table.ndim == 2 else table
    allowed = np.ones(table.shape[1:], bool) if possible is None else np.atleast_2d(possible)
    _check(table, allowed, concentration)
    grid, evidence, weights = _concentrations(table, allowed, concentration)
    middle = _median(grid, weights)
    mean, _ = _mean(table, allowed, middle)
    common, special, together = _moving_together(table, mean, middle)
    return Pool(table, allowed, mean, middle, grid, evidence, weights, common, special, together)


def draw_target(
    pool: Pool, rng: np.random.Generator, draws: int, *, own: Floats | None = None
) -> Pooled:
    """Draw the shares of a place that is like the sources: posterior predictive, (draws, R, K).

    `own` (R, K) are counts of its own, however few (None, or a row of zeros: none); they outweigh
    the sources as they exceed the concentration. Rows with counts of their own vary by the
    Dirichlet alone.
    """
    shape = pool.mean.shape
    counts = np.zeros(shape) if own is None else np.asarray(own, dtype=np.float64).reshape(shape)
    _check(counts[None], pool.possible, 1.0, empty_rows=True)
    weights = pool.weights * _likelihood_of(counts, pool)
    return _draw(pool, pool.counts, counts, weights / weights.sum(), rng, draws)


def draw_source(pool: Pool, source: int, rng: np.random.Generator, draws: int) -> Pooled:
    """Draw the shares of one of the sources: its own counts, partially pooled with the others'."""
    others = np.delete(pool.counts, source, axis=0)
    return _draw(pool, others, pool.counts[source], pool.weights, rng, draws)


def transfer_dependence(
    shares: Floats, rows: Floats, columns: Floats, *, error: float = MARGIN_ERROR
) -> Floats:
    """Fit tables (..., R, K) to a place's known margins: odds ratios stay, levels do not.

    `rows` (R,) and `columns` (K,) are counts of equal sum; `rows` (tables, R) gives each table its
    own, where they are known no better than the cells. `error` is the share of the total by which a
    margin may be off. Shares of rows will do: scaling a row or
    a column leaves odds ratios as they are. Apply it to each draw, and intervals of the result
    hold the variance of odds ratios between sources. InputError where the margins have unequal
    sums; NotConvergedError where cells that are zero cannot meet them.
    """
    rows, columns = np.asarray(rows, dtype=np.float64), np.asarray(columns, dtype=np.float64)
    totals = np.atleast_1d(rows.sum(axis=-1))
    total = float(totals[0])
    off = totals[np.argmax(np.abs(totals - columns.sum()))]
    if abs(off - columns.sum()) > 1e-6 * max(total, 1.0):
        raise InputError(
            f"rows sum to {off:,.6g} and columns to {columns.sum():,.6g}",
            remedy="give margins of one universe and year",
        )
    levels = columns * (total / columns.sum()) if total else columns
    stack = np.asarray(shares, dtype=np.float64).reshape(-1, rows.shape[-1], len(columns))
    margins = [
        TableMargin.exact((0, 2), np.ascontiguousarray(np.broadcast_to(rows, stack.shape[:2]).T)),
        TableMargin.exact((1, 2), np.repeat(levels[:, None], len(stack), axis=1)),
    ]
    seed = np.moveaxis(stack, 0, 2) * total  # draws last: they are fitted side by side
    tolerance = error * max(total, 1.0)
    fit = fit_table(seed, margins, tolerance=tolerance, max_iterations=MOST_ROUNDS)
    if not fit.converged:
        raise NotConvergedError(
            f"a margin is {fit.residual:,.3g} away from its figure after {fit.iterations} rounds",
            remedy="see whether a cell that is zero must hold somebody",
        )
    return np.moveaxis(fit.cells, 2, 0).reshape(np.shape(shares))


def filtered_sum(draws: Floats, cells: Mask, sizes: Floats | None = None) -> Floats:
    """Return the sum over the chosen cells (R, K) of each draw, shape (draws,).

    `sizes` (R,) are persons by row (default: 1, the sum of shares). Take its interval, never the
    sum of the cells' intervals.
    """
    weights = cells * (1.0 if sizes is None else np.asarray(sizes, dtype=np.float64)[:, None])
    return np.asarray(np.tensordot(draws, weights, axes=2), dtype=np.float64)


def interval(draws: Floats, probability: float = 0.95) -> tuple[Floats, Floats]:
    """Return (low, high) over the first axis: the central interval of draws."""
    tail = (1.0 - probability) / 2.0
    low, high = np.quantile(draws, (tail, 1.0 - tail), axis=0)
    return low, high


def _check(
    counts: Floats, possible: Mask, concentration: float | None, *, empty_rows: bool = False
) -> None:
    if counts.ndim != 3 or not counts.size or possible.shape != counts.shape[1:]:
        raise InputError(
            f"counts of shape {counts.shape} with possible cells of shape {possible.shape}",
            remedy="give counts (sources, rows, categories) and cells (rows, categories)",
        )
    wrong = ~(np.isfinite(counts) & (counts >= 0)).all(axis=2)
    outside = ((counts > 0) & ~possible).any(axis=2)
    said = "a count is negative or no number"
    faults = [f"source {j}, row {r}: {said}" for j, r in np.argwhere(wrong)]
    said = "a count in a cell that is declared impossible"
    faults += [f"source {j}, row {r}: {said}" for j, r in np.argwhere(outside)]
    faults += [f"row {r}: no cell is possible" for r in np.flatnonzero(~possible.any(axis=1))]
    if not empty_rows:
        empty = np.flatnonzero(counts.sum(axis=(0, 2)) == 0)
        faults += [f"row {r}: no source has counts" for r in empty]
    if concentration is None and len(counts) < 2:
        faults.append("one source says nothing about how sources differ")
    if concentration is not None and not 0 < concentration < np.inf:
        faults.append(f"the concentration {concentration} is not a positive number")
    if faults:
        raise InputError(
            "these sources cannot be pooled",
            faults=faults,
            remedy="mend the counts; with one source, declare a concentration in persons",
        )


def _concentrations(
    counts: Floats, possible: Mask, declared: float | None
) -> tuple[Floats, Floats, Floats]:
    """Return (grid, evidence, weights), each (G,): a coarse grid, then a fine one where it matters.

    Weights are those of equal steps of log a.
    """
    grid = COARSE if declared is None else np.array([float(declared)])
    for _ in range(2):
        evidence = np.array([_left_out(counts, possible, a) for a in grid])
        logs = evidence + np.log(_prior(counts, grid))
        if len(grid) != len(COARSE):
            break
        (near,) = np.nonzero(logs > logs.max() - 14.0)  # all but a millionth
        ends = grid[max(near[0] - 1, 0)], grid[min(near[-1] + 1, len(grid) - 1)]
        grid = np.geomspace(*ends, FINE)
    weights = np.exp(logs - logs.max())
    return grid, evidence, weights / weights.sum()


def _median(grid: Floats, weights: Floats) -> float:
    return float(grid[np.searchsorted(weights.cumsum(), 0.5)])


def _prior(counts: Floats, grid: Floats) -> Floats:
    """Return prior weights of concentrations, shape (G,), per equal step of log a.

    Flat in log a where sources differ by more than sampling does, which gives the t intervals of
    J - 1 degrees of freedom in the normal limit; falling as n / (n + a) beyond, where counts of n
    cannot tell (flat in the variance between sources, as Morris 1983,
    doi 10.1080/01621459.1983.10477920).
    """
    totals = counts.sum(axis=2)
    typical = float(np.median(totals[totals > 0]))
    return np.asarray(typical / (typical + grid), dtype=np.float64)


def _weighted(counts: Floats, a: float) -> tuple[Floats, Floats]:
    """Return (weights (J, R), weighted shares (J, R, K)) of the sources.

    A source's share varies around the mean by m (1 - m) (n + a) / (n (a + 1)): its weight is the
    inverse, so that weights add up to the concentration of the mean's own posterior.
    """
    totals = counts.sum(axis=2)
    weights = totals * (a + 1.0) / (totals + a)
    shares = counts / np.maximum(totals, 1e-300)[:, :, None]
    return weights, weights[:, :, None] * shares


def _prior_persons(weight: Floats, possible: Mask) -> Floats:
    """Return the prior of the mean (..., R, K) in persons, for sources of `weight` (..., R).

    Half a person a cell (Jeffreys), so that a cell that few sources happen to have little of is not
    thought rarer and steadier than it may be; in all at most the square root of the weight, so that
    many empty cells do not take over.
    """
    cells = possible.sum(axis=1)
    total = np.minimum(cells / 2.0, np.sqrt(np.maximum(weight, 1.0)))
    return np.asarray((total / cells)[..., None] * possible, dtype=np.float64)


def _mean(counts: Floats, possible: Mask, a: float) -> tuple[Floats, Floats]:
    """Return the mean (R, K) and the concentration of its Dirichlet posterior (R,)."""
    weights, shares = _weighted(counts, a)
    posterior = shares.sum(axis=0) + _prior_persons(weights.sum(axis=0), possible)
    total = posterior.sum(axis=1)
    return posterior / total[:, None], total


def _left_out(counts: Floats, possible: Mask, a: float) -> float:
    """Return the log-likelihood of each source as the others predict it, summed.

    Raised to the power (J - 1) / J by row: in the normal limit that is the marginal likelihood,
    with the J - 1 degrees of freedom that J deviations from their own mean have.
    """
    weights, shares = _weighted(counts, a)
    others = np.maximum(weights.sum(axis=0) - weights, 0.0)
    posterior = np.maximum(shares.sum(axis=0) - shares, 0.0) + _prior_persons(others, possible)
    total = posterior.sum(axis=2)
    has = counts.sum(axis=2) > 0
    number = has.sum(axis=0)
    predictive = _predictive(np.full_like(total, a), total)
    told = _log_likelihood(counts, posterior / total[:, :, None], predictive, possible)
    known = np.where(has & (number > 1), told, 0.0).sum(axis=0)
    return float((known * (number - 1) / np.maximum(number, 1)).sum())


def _predictive(a: Floats, of_mean: Floats) -> Floats:
    """Return the concentration of a prediction whose mean is itself uncertain, by its variance."""
    return np.asarray((a + 1.0) / (1.0 + a / (of_mean + 1.0)) - 1.0, dtype=np.float64)


def _log_likelihood(counts: Floats, mean: Floats, a: Floats, possible: Mask) -> Floats:
    """Return Dirichlet-multinomial log-likelihoods (..., R), up to the multinomial coefficient."""
    alpha = np.where(possible, mean * a[..., None], 1.0)
    cells = gammaln(counts + alpha) - gammaln(alpha)
    total = gammaln(a) - gammaln(counts.sum(axis=-1) + a)
    return np.asarray(cells.sum(axis=-1) + total, dtype=np.float64)


def _moving_together(counts: Floats, mean: Floats, a: float) -> tuple[float, float, float]:
    """Return (common, special, together) of a pool, see there.

    In the metric (p - m) / sqrt(m), where the Dirichlet's covariance is a projection / (a + 1),
    averaged over imputations of the sources' shares. All three are shrunk by what chance explains.
    """
    sources, rows, _ = counts.shape
    free = (mean > 0).sum() / rows - 1.0  # of one row
    if sources < FEWEST_FOR_COVARIANCE or free <= 0:
        return 1.0, 1.0, 0.0
    rng = np.random.Generator(np.random.PCG64(sources))  # the answer is a figure, not a draw
    root = np.sqrt(np.where(mean > 0, mean, 1.0))
    tables = []
    for _ in range(IMPUTATIONS):
        away = (dirichlet(counts + a * mean, rng) - mean) / root
        tables.append(away - away.mean(axis=0))
    norms = np.array([_norms(x * root, mean) for x in tables])
    expected = (sources - 1.0) / (a + 1.0) * _expected_norms(mean)
    common = special = 1.0
    if rows > 1:
        of_common, of_special = norms.mean(axis=0) / expected
        freedom = (sources - 1.0) * free
        common = _beyond_chance(float(of_common), freedom)
        special = _beyond_chance(float(of_special), freedom * (rows - 1))
    noise = distance = 0.0
    for x, of_all in zip(tables, norms, strict=True):
        products = x.reshape(sources, -1) @ x.reshape(sources, -1).T
        square, own = float((products**2).sum()), np.diag(products)
        noise += sources / (sources - 1.0) ** 3 * (float((own**2).sum()) - square / sources)
        along = (common * of_all[0] + special * of_all[1]) / (a + 1.0)
        size = free * (common**2 + special**2 * (rows - 1)) / (a + 1.0) ** 2
        distance += square / (sources - 1.0) ** 2 - 2.0 * along / (sources - 1.0) + size
    together = 1.0 - min(1.0, noise / distance) if distance > 0 else 0.0
    return float(np.sqrt(common)), float(np.sqrt(special)), together


def _shared(away: Floats, mean: Floats) -> Floats:
    """Return what rows share of relative deviations (..., R, K): one lift of each category."""
    lift = (away * mean).sum(axis=-2, keepdims=True) / np.maximum(mean.sum(axis=0), 1e-300)
    return np.asarray(lift - (lift * mean).sum(axis=-1, keepdims=True), dtype=np.float64)


def _norms(away: Floats, mean: Floats) -> tuple[float, float]:
    """Return squared lengths, weighed by 1 / m, of what rows share of p - m and of the rest."""
    relative = away / np.where(mean > 0, mean, 1.0)
    shared = _shared(relative, mean)
    rest = relative - shared
    return float((mean * shared**2).sum()), float((mean * rest**2).sum())


def _expected_norms(mean: Floats) -> Floats:
    """Return (a + 1) times what `_norms` expects of one draw of the Dirichlet."""
    within = np.array([np.diag(row) - np.outer(row, row) for row in mean])
    levels = np.maximum(mean.sum(axis=0), 1e-300)
    lift = within.sum(axis=0) / np.outer(levels, levels)
    shared = float(np.einsum("rkl,kl->", within, lift))
    both = float((levels * np.diag(lift)).sum())
    whole = float((mean > 0).sum() - len(mean))
    return np.array([shared, max(whole - 2.0 * both + shared, 1e-12)])


def _beyond_chance(ratio: float, freedom: float) -> float:
    """Shrink a ratio of variances towards 1 by the share of its distance that chance explains."""
    chance = ratio**2 * 2.0 / max(freedom, 1.0)
    distance = (ratio - 1.0) ** 2
    return 1.0 + (ratio - 1.0) * max(0.0, 1.0 - chance / distance) if distance > 0 else 1.0


def _likelihood_of(own: Floats, pool: Pool) -> Floats:
    """Return the likelihood of a place's own counts by concentration (G,), the largest 1."""
    if not own.any():
        return np.ones_like(pool.grid)
    logs = []
    for a in pool.grid:
        mean, of_mean = _mean(pool.counts, pool.possible, a)
        predictive = _predictive(np.full(len(mean), a), of_mean)
        logs.append(_log_likelihood(own, mean, predictive, pool.possible).sum())
    return np.asarray(np.exp(np.array(logs) - max(logs)), dtype=np.float64)


def dirichlet(alpha: Floats, rng: np.random.Generator) -> Floats:
    """Draw shares over the last axis; cells of alpha 0 are 0, tiny ones do not underflow together.

    Gamma(alpha) = Gamma(alpha + 1) U^(1/alpha) in logarithms (Marsaglia & Tsang 2000).
    """
    possible = alpha > 0
    safe = np.where(possible, alpha, 1.0)
    logs = np.log(rng.standard_gamma(safe + 1.0)) + np.log1p(-rng.random(safe.shape)) / safe
    return _shares(np.where(possible, logs, -np.inf))


def _shares(logs: Floats) -> Floats:
    """Return exp(logs) scaled to sum 1 over the last axis, no possible cell below LEAST_SHARE."""
    shares = np.exp(logs - logs.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return np.where(np.isneginf(logs), 0.0, np.maximum(shares, LEAST_SHARE))


def _draw(
    pool: Pool,
    sources: Floats,
    own: Floats,
    weights: Floats,
    rng: np.random.Generator,
    draws: int,
) -> Pooled:
    """Draw a concentration, then a mean, then shares, `draws` times."""
    number = rng.multinomial(draws, weights)
    found = []
    for a, times in zip(pool.grid, number, strict=True):
        if times:
            mean, of_mean = _mean(sources, pool.possible, a)
            means = dirichlet(np.tile(mean * of_mean[:, None], (times, 1, 1)), rng)
            found.append(dirichlet(a * means + own, rng))
    shares = np.concatenate(found)[rng.permutation(draws)]
    open_rows = own.sum(axis=1) == 0
    if (pool.common, pool.special, pool.together) != (1.0, 1.0, 0.0) and open_rows.any():
        shares[:, open_rows] = _moved_together(pool, sources, shares, rng)[:, open_rows]
    return Pooled(shares.mean(axis=0), shares, _median(pool.grid, weights), pool.evidence)


def _moved_together(
    pool: Pool, sources: Floats, shares: Floats, rng: np.random.Generator
) -> Floats:
    """Give part of the draws' variance the covariance that the sources have.

    Deviations of the sources from their mean are combined with normal weights over a chi, so that
    every sum of cells has a Student t of J - 1 degrees of freedom in the normal limit. A deviation
    is 2 (p - m) / (p + m), the logarithm of p / m to second order and never beyond 2.
    """
    many, draws = len(sources), len(shares)
    centre, _ = _mean(sources, pool.possible, pool.concentration)
    logs = np.log(np.where(pool.possible, centre, 1.0))
    step = np.empty_like(shares)
    for part in np.array_split(np.arange(draws), min(IMPUTATIONS, draws)):
        imputed = dirichlet(sources + pool.concentration * centre, rng)
        away = 2.0 * (imputed - centre) / np.where(pool.possible, imputed + centre, 1.0)
        away -= away.mean(axis=0)
        spread = np.sqrt((1.0 + 1.0 / many) / rng.chisquare(many - 1, len(part)))
        mix = rng.standard_normal((len(part), many)) * spread[:, None]
        step[part] = np.tensordot(mix, away, axes=1)
    own = np.log(np.where(pool.possible, shares, 1.0)) - logs
    own -= (own * centre).sum(axis=2, keepdims=True)
    shared = _shared(own, centre)
    own = pool.special * (own - shared) + pool.common * shared
    moved = logs + np.sqrt(1.0 - pool.together) * own + np.sqrt(pool.together) * step
    return _shares(np.where(pool.possible, moved, -np.inf))
