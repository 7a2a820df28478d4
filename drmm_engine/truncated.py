# SPDX-License-Identifier: Apache-2.0
"""Gaussians restricted to where inequalities hold: their means, likeliest points and draws (NumPy).

All sees the values y = A x + b of the inequalities alone, y ~ N(g, K) with rows brought to unit variance, which are to
lie within limits; what it answers are multipliers l [B, H], by which y moves by K l, and x by Cov(x, y) l: the least
change of x, in its own distribution, that moves y so. Rows along the same line are one interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .arrays import log_ndtr

MARGIN = 1e-7  # within the limits, standard deviations: rounding leads nobody out
FAR = 5.0  # standard deviations within a limit at which it cuts hardly anything off
EASY = 1e3  # room that a row has which does not bind, standard deviations
ALIKE = 1e-9  # rows are along the same line where their correlation is so near to 1 or -1
PASSES, CLOSE = 15, 1e-4  # of expectation propagation, and the change that ends it, standard deviations
LEAST, SHARPEST = 1e-24, 1e12  # precisions
DAMPED = 0.9  # share of a site's change that is made where there are several
ROUNDS = 60  # of the solver of the likeliest point
CENTRED, GAP = 0.1, 1e-8  # share of complementarity that a round of it leaves, and what it may end with
DEPENDS = 1e-9  # share of its variance that a row has of its own
SWEEPS = 50  # of the Gibbs sampler
NARROW = 4.0  # nats by which the density may change across an interval that is integrated numerically
NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
LOG_2PI = math.log(2 * math.pi)


def multipliers(
    g: np.ndarray, k: np.ndarray, binds: np.ndarray, y: np.ndarray | None, temperature: float, rng: np.random.Generator
) -> np.ndarray:
    """Multipliers [B, H] that lead y to where those of its rows that bind [B, H] are positive.

    y ~ N(g, K), g [B, H], K [B, H, H]. y None: from g to the mean of y there; else from draws y [B, H] of N(g, T K) to
    draws of that within the limits, which those that lie there already are.
    """
    sd = np.sqrt(np.einsum("bhh->bh", k))
    within = np.where(binds, g / sd, EASY)
    far = FAR + 2 * np.maximum(-within.min(1), 0.0)  # the others may push a row about as far as the worst of them
    now = (within if y is None else np.where(binds, y / sd, EASY)).min(1) < (FAR if y is None else 0.0)
    rows, cases = np.flatnonzero((within < far[:, None])[now].any(0)), np.flatnonzero(now)
    out = np.zeros(g.shape)
    while len(cases):
        some = np.ix_(cases, rows)
        c = cut(g[some], k[np.ix_(cases, rows, rows)], binds[some])
        found = to_mean(c) if y is None else to_draw(c, y[some][:, c.kept] / c.scale, temperature, rng)
        out[some] = c.spread(found, len(rows))
        moved = (g if y is None else y)[cases] + _times(k[cases], out[cases])
        over = np.any(binds[cases] & (moved < 0), axis=1) & (len(rows) < g.shape[1])
        rows, cases = np.arange(g.shape[1]), cases[over]  # after all a row that seemed far away
    return out


@dataclass(frozen=True)
class Cut:
    """y ~ N(g, K), to lie in [low, high]: g, low, high [B, H] and K [B, H, H] of unit diagonal; of the rows given,
    those `kept`, divided by their standard deviations `scale` [B, H]."""

    g: np.ndarray
    k: np.ndarray
    low: np.ndarray
    high: np.ndarray
    kept: np.ndarray
    scale: np.ndarray

    def take(self, cases: np.ndarray) -> Cut:
        """Some of the cases."""
        return Cut(self.g[cases], self.k[cases], self.low[cases], self.high[cases], self.kept, self.scale[cases])

    def misses(self, multipliers: np.ndarray) -> np.ndarray:
        """How far the worst row lies outside its limits, [B], standard deviations."""
        y = self.g + _times(self.k, multipliers)
        return np.maximum(np.maximum(self.low - y, y - self.high).max(1), 0.0)

    def spread(self, multipliers: np.ndarray, rows: int) -> np.ndarray:
        """Multipliers of all rows as they were given, [B, rows]."""
        out = np.zeros((len(self.g), rows))
        out[:, self.kept] = multipliers / self.scale
        return out


def cut(g: np.ndarray, k: np.ndarray, binds: np.ndarray) -> Cut:
    """Rows y > 0 of means g [B, H] and covariance K [B, H, H], those that bind [B, H] alone; same lines made one."""
    scale = np.sqrt(np.einsum("bhh->bh", k))
    g, k = g / scale, k / (scale[:, :, None] * scale[:, None, :])
    low, high = np.where(binds, MARGIN, -EASY), np.full_like(g, np.inf)
    kept: list[int] = []
    for j in range(g.shape[1]):
        same = next((i for i in kept if _one_line(k[:, i, j], binds[:, i] | binds[:, j])), None)
        if same is None:
            kept.append(j)
            continue
        above, below = (binds[:, j] & (sign * k[:, same, j] > 0) for sign in (1, -1))
        low[:, same] = np.maximum(low[:, same], np.where(above, g[:, same] - g[:, j] + MARGIN, -EASY))
        high[:, same] = np.minimum(high[:, same], np.where(below, g[:, same] + g[:, j] - MARGIN, np.inf))
    empty = low > high
    middle = 0.5 * (low + np.where(empty, high, low))
    low, high = np.where(empty, middle, low), np.where(empty, middle, high)
    rows = np.array(kept, dtype=np.intp)
    return Cut(g[:, rows], k[:, rows[:, None], rows], low[:, rows], high[:, rows], rows, scale[:, rows])


def _one_line(correlation: np.ndarray, binds: np.ndarray) -> bool:
    """Whether two rows are along the same line, wherever either binds, [B]."""
    alike = np.abs(correlation) > 1 - ALIKE
    return bool(alike.any() and np.all(alike | ~binds))


def to_mean(c: Cut) -> np.ndarray:
    """Multipliers [B, H] that lead from g to the mean of y within its limits.

    Exact for one row and for independent rows, by expectation propagation for several (Minka 2001, all sites at once);
    where that ends outside the limits, the likeliest point within them.
    """
    found = _propagated(c)
    wrong = np.flatnonzero(~(c.misses(found) < MARGIN))
    if len(wrong):
        found[wrong] = to_mode(c.take(wrong))
    return found


def _propagated(c: Cut) -> np.ndarray:
    precision, shift, mean = np.zeros_like(c.g), np.zeros_like(c.g), c.g
    out, left = np.zeros_like(c.g), np.arange(len(c.g))
    for _ in range(PASSES):
        precision, shift = _sites(c, mean, precision, shift)
        out[left] = _pull(c.k, precision, shift - precision * c.g)
        before, mean = mean, c.g + _times(c.k, out[left])
        more = ~(np.abs(mean - before).max(1) < CLOSE)
        if not more.any():
            break
        left, c, mean, precision, shift = left[more], c.take(more), mean[more], precision[more], shift[more]
    return out


def _sites(c: Cut, mean: np.ndarray, precision: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precisions and shifts of the normal densities that stand for the rows' limits, after one pass."""
    damped = 1.0 if c.g.shape[1] == 1 else DAMPED
    variance = np.einsum("bhh->bh", _posterior(c.k, precision))
    cavity = np.maximum(1 / variance - precision, 1e-9)
    m = (mean / variance - shift) / cavity
    with np.errstate(all="ignore"):  # where it does not converge, numbers grow; the likeliest point takes over
        hat, spread = interval_moments(m, 1 / cavity, c.low, c.high)
    precision = precision + damped * (np.clip(1 / spread - cavity, 0.0, SHARPEST) - precision)
    shift = shift + damped * (hat / spread - cavity * m - shift)
    return np.nan_to_num(precision), np.nan_to_num(shift)


def _posterior(k: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """(K^-1 + diag(precision))^-1."""
    root = np.sqrt(precision)
    within = root[:, :, None] * k * root[:, None, :] + np.eye(k.shape[1])
    return k - k @ (root[:, :, None] * np.linalg.inv(within) * root[:, None, :]) @ k


def _pull(k: np.ndarray, precision: np.ndarray, w: np.ndarray) -> np.ndarray:
    """(I + diag(precision) K)^-1 w."""
    root = np.sqrt(np.clip(precision, LEAST, SHARPEST))
    within = root[:, :, None] * k * root[:, None, :] + np.eye(k.shape[1])
    return root * np.linalg.solve(within, (w / root)[..., None])[..., 0]


def interval_moments(
    m: np.ndarray, v: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of N(m, v) within [low, high] (high may be infinite), stable in both tails."""
    sd = np.sqrt(v)
    a, b = (low - m) / sd, (high - m) / sd
    turned = a + b > 0  # so that the mass lies on the left of 0 or across it
    sign = np.where(turned, -1.0, 1.0)
    a, b = np.where(turned, -b, a), np.where(turned, -a, b)
    finite = np.where(np.isfinite(a), a, -1e6)
    narrow = (b - finite) * np.maximum(1.0, np.abs(b)) < NARROW
    mean, variance = (np.where(narrow, few, wide) for few, wide in zip(
        _by_quadrature(finite, np.where(narrow, b, finite)), _in_closed_form(finite, b), strict=True))
    return m + sd * sign * np.clip(mean, finite, b), v * np.maximum(variance, 1e-14)


def _in_closed_form(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moments of N(0, 1) within [a, b] from densities and masses, a + b <= 0."""
    log_b = log_ndtr(b)
    log_mass = log_b + np.log1p(-np.exp(np.minimum(log_ndtr(a) - log_b, -1e-12)))
    at_a, at_b = (np.exp(-0.5 * (x * x + LOG_2PI) - log_mass) for x in (a, b))
    mean = at_a - at_b
    return mean, np.clip(1 + a * at_a - b * at_b - mean * mean, 0.1 / (1 + b * b), 1.0)


def _by_quadrature(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same where the logarithm of the density changes by little from a to b."""
    s = 0.5 * (b - a)[..., None] * NODES
    middle = 0.5 * (a + b)
    density = WEIGHTS * np.exp(-s * (middle[..., None] + 0.5 * s))
    mass = density.sum(-1)
    mean = (density * s).sum(-1) / mass
    return middle + mean, (density * s * s).sum(-1) / mass - mean * mean


def to_mode(c: Cut) -> np.ndarray:
    """Multipliers [B, H] that lead from g to the likeliest point within the limits, the least change that gets there.

    min l' K l / 2 with g + K l within the limits, by a primal-dual interior-point method; where no point is within all
    limits it ends between them.
    """
    out, best, left = np.zeros_like(c.g), np.full(len(c.g), np.inf), np.arange(len(c.g))
    has = np.stack([np.ones_like(c.high), 1.0 * np.isfinite(c.high)])  # low and high limits
    size = 1 + c.misses(out)[:, None]  # a start as far from its limits as the way is long
    slack, dual = np.where(has > 0, np.maximum(_slacks(c, has, c.g), size), 1.0), size * has
    for _ in range(ROUNDS):
        y, slack, dual = _step(c, has, slack, dual)
        lack = has * (slack - _slacks(c, has, y))
        wrong = np.maximum((slack * dual).max((0, 2)) / GAP, np.abs(lack).max((0, 2)) / (0.1 * MARGIN))
        better = wrong < best[left]
        out[left[better]], best[left[better]] = (dual[0] - dual[1])[better], wrong[better]
        more = wrong > 1
        if not more.any():
            break
        left, c, has, slack, dual = left[more], c.take(more), has[:, more], slack[:, more], dual[:, more]
    return out


def _slacks(c: Cut, has: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far y [B, H] is within its low and high limits, [2, B, H]; 1 where there is none."""
    return np.stack([y - c.low, np.where(has[1] > 0, c.high - y, 1.0)])


def _step(
    c: Cut, has: np.ndarray, slack: np.ndarray, dual: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, slacks and multipliers of the limits after one of the interior-point method's steps."""
    sign, ratio = np.array([1.0, -1.0])[:, None, None], dual / slack
    lack = slack - _slacks(c, has, c.g + _times(c.k, dual[0] - dual[1]))
    target = CENTRED * (slack * dual).sum((0, 2)) / has.sum((0, 2))
    wanted = has * target[:, None] / slack - dual + ratio * lack
    change = sign * _times(c.k, _pull(c.k, ratio.sum(0), (sign * wanted).sum(0)))
    d_slack, d_dual = has * (change - lack), has * (wanted - ratio * change)
    share = np.minimum(_most(slack, d_slack), _most(dual, d_dual))[:, None]
    slack, dual = slack + share * d_slack, dual + share * d_dual
    return c.g + _times(c.k, dual[0] - dual[1]), slack, dual


def _most(x: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The largest share of a step, at most 1, with which x [2, B, H] stays positive, [B]."""
    with np.errstate(divide="ignore"):
        reach = np.where(step < 0, -x / np.where(step < 0, step, -1.0), np.inf)
    return np.minimum(1.0, 0.995 * reach.min((0, 2)))


def to_draw(c: Cut, y: np.ndarray, temperature: float, rng: np.random.Generator) -> np.ndarray:
    """Multipliers [B, H] that lead from draws y [B, H] of N(g, T K) to draws of the same within the limits.

    Gibbs sweeps over v of y = g + L v, v ~ N(0, I), from the likeliest point, a uniform slice of the density at a time.
    """
    factor, free = _factor(c.k)
    both = free[:, :, None] & free[:, None, :]
    k = np.where(both, c.k, np.eye(c.k.shape[1]))
    sides, start = factor * temperature**0.5, to_mode(c)
    v = _times(factor.swapaxes(1, 2), start) / temperature**0.5
    now = c.g + _times(sides, v)
    for _ in range(SWEEPS):
        for i in range(v.shape[1]):
            side = sides[:, :, i]
            moved = _slice(v[:, i], *_room(now, side, c.low, c.high), rng)
            now += (moved - v[:, i])[:, None] * side
            v[:, i] = moved
    return np.linalg.solve(k, np.where(free, now - y, 0.0)[..., None])[..., 0]


def _factor(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """L [B, H, H], lower triangular, of K = L L', and which rows do not depend on those before, [B, H]."""
    rest, out = k.copy(), np.zeros_like(k)
    for i in range(k.shape[1]):
        pivot = rest[:, i, i]
        column = rest[:, :, i] / np.sqrt(np.where(pivot > DEPENDS, pivot, np.inf))[:, None]
        out[:, i:, i] = column[:, i:]
        rest -= column[:, :, None] * column[:, None, :]
    return out, np.einsum("bhh->bh", out) > 0


def _room(y: np.ndarray, side: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far y [B, H] can go along side [B, H] each way and stay within the limits, [B] <= 0 and >= 0."""
    moves = np.abs(side) > 1e-9
    by = np.where(moves, side, 1.0)
    to_low, to_high = ((limit - y) / by for limit in (low, high))
    least = np.where(moves, np.minimum(to_low, to_high), -np.inf).max(1)
    most = np.where(moves, np.maximum(to_low, to_high), np.inf).min(1)
    return np.minimum(least, 0.0), np.maximum(most, 0.0)


def _slice(t: np.ndarray, least: np.ndarray, most: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A step that leaves N(0, 1) within [t + least, t + most] as it is: uniform where the density exceeds a level below
    that at t."""
    radius = np.sqrt(t * t + 2 * rng.exponential(size=len(t)))
    low, high = np.maximum(t + least, -radius), np.minimum(t + most, radius)
    return low + (high - low) * rng.random(len(t))


def _times(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    return (matrix @ x[..., None])[..., 0]
