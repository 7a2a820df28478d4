# SPDX-License-Identifier: Apache-2.0
"""Gaussian components seen through evidence: densities of observations, masses of inequalities, conditional means.

Everything is affine in x, so that a component enters by A mu_k and A T_k alone, C_k = T_k T_k' (`evidence.py` has A).
Arrays have a leading axis of cases c, 1 where all cases see the same components, and an axis k, 1 where all components
share a covariance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .arrays import Array, namespace
from .evidence import Functionals, Inequalities, Observations

LOG_2PI = math.log(2 * math.pi)
WHITE = 1 << 18  # numbers that stay in the processor's cache while vectors are whitened
TINY = 1e-12  # stands for a weight of 0 where it is divided by


@dataclass(frozen=True)
class Gaussians:
    """N(mu_k, C_k): mean [c, K, N]; sigma [c, k, N], or of full covariances T or its inverse [c, k, N, N]."""

    mean: Array
    sigma: Array = None
    cholesky: Array = None
    whitening: Array = None

    @property
    def diagonal(self) -> bool:
        """Whether the covariances are."""
        return self.sigma is not None

    @cached_property
    def scale(self) -> Array:
        """T [c, k, N, N] of full covariances."""
        return namespace(self.mean).inverse(self.whitening) if self.cholesky is None else self.cholesky

    @cached_property
    def unscale(self) -> Array:
        """T^-1 [c, k, N, N] of full covariances."""
        return namespace(self.mean).inverse(self.cholesky) if self.whitening is None else self.whitening

    def centre(self, rows: Functionals) -> Array:
        """A mu_k, [c, K, M]."""
        return rows.apply(self.mean)

    def factor(self, rows: Functionals) -> Array:
        """A T_k, [c, k, M, N]: its product with its own transpose is the covariance of A x."""
        if self.diagonal:
            return rows.dense(self.mean)[..., None, :, :] * self.sigma[..., None, :]
        if rows.matrix is None:
            return self.scale[..., rows.columns, :]
        return rows.matrix[..., None, :, :] @ self.scale

    def variances(self, rows: Functionals) -> Array:
        """Variances of A x, [c, k, M]."""
        if not self.diagonal:
            return (self.factor(rows) ** 2).sum(-1)
        variance = self.sigma * self.sigma
        if rows.matrix is None:
            return variance[..., rows.columns]
        return variance @ (rows.matrix * rows.matrix).swapaxes(-1, -2)


def observation_logits(o: Observations, g: Gaussians) -> Array:
    """log N(z; A mu_k, A C_k A' + R) with weights, [U, K].

    Independent rows: sum of m_i log N(z_i; ...), the paper's Eq. 11 (and its Gaussian prior, N(m; mu, sigma^2 + s^2)).
    Coupled rows: a weight below 1 widens its row's variance to S_ii / m_i, so that 0 drops the row; the normaliser is
    that of the weighted margins and of the correlations left. For independent rows both are the same.
    """
    if g.diagonal and o.rows.disjoint:
        logits = _independent_logits(o, g)
    else:
        logits = _complete_logits(o.z, g) if o.complete else _coupled_logits(o, g)
    return logits if o.log_volume is None else logits + o.log_volume[:, None]


def _independent_logits(o: Observations, g: Gaussians) -> Array:
    """sum_i m_i log N(z_i; c_ki, v_ki)."""
    xp, centre = namespace(g.mean), g.centre(o.rows)
    variance = g.variances(o.rows) + o.noise[:, None]
    if len(centre) == len(variance) == 1:
        return _products(o.z, o.weight, centre[0], variance[0])
    difference = o.z[:, None] - centre
    terms = difference * difference / variance + xp.log(variance) + LOG_2PI
    return -0.5 * (o.weight[:, None] * terms).sum(-1)


def _products(z: Array, weight: Array, centre: Array, variance: Array) -> Array:
    """The same as matrix products; z, m [1 or U, M], c [K, M], v [1 or K, M]."""
    xp = namespace(centre)
    anchor = xp.constant(centre.mean(0))  # keeps the expanded squares small against the variances
    z, centre, precision = z - anchor, centre - anchor, 1 / variance
    log_v = xp.log(variance) + LOG_2PI
    if len(variance) > 1:
        quadratic = xp.product(weight * z * z, precision.T) - 2 * xp.product(weight * z, (centre * precision).T)
        return -0.5 * (quadratic + xp.product(weight, (centre * centre * precision + log_v).T))
    weight = weight * precision
    own = (weight * (z * z + log_v * variance)).sum(-1)[:, None]
    return xp.product(weight * z, centre.T) - 0.5 * xp.product(weight, (centre * centre).T) - 0.5 * own


def _complete_logits(z: Array, g: Gaussians) -> Array:
    """log N(z; mu_k, C_k) of whole vectors z [U, N] under full covariances, by T_k^-1 (z - mu_k)."""
    xp, w = namespace(z), g.unscale
    log_det = xp.log(_diagonal(w)).sum(-1)
    if len(w) == 1:
        squares = _white_squares(z, g.mean[0], w[0])
    else:
        squares = xp.squares((w @ (z[:, None] - g.mean)[..., None])[..., 0])
    return log_det - 0.5 * (squares + LOG_2PI * z.shape[-1])


def _white_squares(z: Array, mean: Array, w: Array) -> Array:
    """|W_k (z - mu_k)|^2 [U, K] of z [U, N], mu [K, N], W [K, N, N], as few products as there is room for."""
    xp, n = namespace(z), z.shape[-1]
    anchor = xp.constant(mean.mean(0))
    z, centre = z - anchor, (w @ (mean - anchor)[..., None])[..., 0]
    size = max(1, WHITE // (len(z) * n)) if xp.name == "numpy" else len(w)
    parts = []
    for i in range(0, len(w), size):
        white = xp.product(z, w[i : i + size].reshape(-1, n).swapaxes(0, 1)).reshape(len(z), -1, n)
        parts.append(xp.squares(white - centre[i : i + size]))
    return xp.concatenate(parts)


def _coupled_logits(o: Observations, g: Gaussians) -> Array:
    xp, o = namespace(g.mean), precise(o)
    centre, factor = (xp.asarray(x, o.z) for x in (g.centre(o.rows), g.factor(o.rows)))
    s = _covariance(o, factor, jitter=True)
    weighted = sharpen(widen(s, o.weight[:, None]), o.weight[:, None])
    whiten = xp.inverse(xp.cholesky(weighted))
    white = _times(whiten, o.z[:, None] - centre)
    margins = (o.weight[:, None] * (xp.log(_diagonal(s)) + LOG_2PI)).sum(-1)
    correlation = -2 * xp.log(_diagonal(whiten)).sum(-1) - xp.log(_diagonal(weighted)).sum(-1)
    return xp.asarray(-0.5 * ((white * white).sum(-1) + margins + correlation), g.mean)


def precise(o: Observations) -> Observations:
    """In double precision, where a jitter keeps repeated observations apart: in single precision it is lost."""
    if o.jitter is None:
        return o
    z, noise, weight, jitter = (namespace(x).double(x) for x in (o.z, o.noise, o.weight, o.jitter))
    return replace(o, z=z, noise=noise, weight=weight, jitter=jitter)


def widen(s: Array, weight: Array) -> Array:
    """S with row i's own variance S_ii / m_i where its weight m_i is below 1."""
    xp = namespace(s)
    low = xp.where(weight < 1, weight + TINY, 1 + 0 * weight)
    return s + s * _eye(s) * (1 / low - 1)[..., None]


def sharpen(s: Array, weight: Array) -> Array:
    """S with rows and columns divided by sqrt(m_i) where the weight m_i is above 1."""
    high = namespace(s).where(weight > 1, weight, 1 + 0 * weight) ** -0.5
    return s * high[..., None] * high[..., None, :]


def widened_variances(o: Observations, variance: Array) -> Array:
    """`widen` for independent rows of variances A C A' [..., M]."""
    s = variance + o.noise
    return s / namespace(s).where(o.weight < 1, o.weight + TINY, 1 + 0 * o.weight)


def correction(o: Observations, g: Gaussians) -> Array:
    """E[e | z] = C A' S^-1 z of e ~ N(0, C), [B, N], where every case has one component (axis K of length 1)."""
    if g.diagonal and o.rows.disjoint:
        variance = (g.sigma * g.sigma)[:, 0]
        return _back(o.z / widened_variances(o, g.variances(o.rows)[:, 0]), o.rows.dense(g.mean)) * variance
    xp, o = namespace(g.mean), precise(o)
    f, z = xp.asarray(g.factor(o.rows), o.z), o.z[:, None, :, None]
    s, steady = (widen(_covariance(o, f, jitter), o.weight[:, None]) for jitter in (False, True))
    inverse = xp.inverse(steady)
    once = inverse @ z
    exact = once + inverse @ (z - s @ once)  # takes the jitter's part back
    white = xp.asarray(_back(exact[:, 0, :, 0], f[:, 0]), g.mean)
    return white * g.sigma[:, 0] if g.diagonal else (g.scale[:, 0] @ white[..., None])[..., 0]


def remainder(o: Observations, g: Gaussians) -> Array:
    """Covariance C - C A' S^-1 A C of e ~ N(0, C) given z, [B, N, N], where every case has one component."""
    xp, f = namespace(g.mean), g.factor(o.rows)
    s = widen(_covariance(o, f, jitter=True), o.weight[:, None])
    left = _eye(f) - f.swapaxes(-1, -2) @ xp.inverse(s) @ f
    scale = g.sigma[..., None] * _eye(f) if g.diagonal else g.scale
    return (scale @ left @ scale.swapaxes(-1, -2))[:, 0]


def inequality_moments(i: Inequalities, o: Observations | None, g: Gaussians) -> tuple[Array, Array]:
    """Mean [c, K, H] and variance [c, k, H] of the inequalities' a.x given the observations."""
    o = _telling(i, o, g)
    if o is None:
        return g.centre(i.rows), g.variances(i.rows)
    xp = namespace(g.mean)
    a, b, expected, centre = (xp.asarray(x, o.z) for x in (
        g.factor(o.rows), g.factor(i.rows), g.centre(o.rows), g.centre(i.rows)))
    cross = b @ a.swapaxes(-1, -2)
    s = widen(_covariance(o, a, jitter=True), o.weight[:, None])
    gain = cross @ xp.inverse(s)
    # Not gain @ (known - expected): either product alone is small where gain is the same for all.
    centre = centre - _times(gain, expected) + _times(gain, o.z[:, None])
    spread = (b * b).sum(-1) - (gain * cross).sum(-1)
    spread = spread if i.floor is None else xp.where(spread > i.floor, spread, i.floor + 0 * spread)
    return xp.asarray(centre, g.mean), xp.asarray(spread, g.mean)


def inequality_covariances(i: Inequalities, o: Observations | None, g: Gaussians) -> tuple[Array, Array]:
    """Covariances of the inequalities' a.x, [B, H, H], and of x with them, [B, N, H], given the observations, where
    every case has one component."""
    o, b = _telling(i, o, g), g.factor(i.rows)
    left = b
    if o is not None:
        xp = namespace(o.z)
        a, b = (xp.asarray(x, o.z) for x in (g.factor(o.rows), b))
        s = widen(_covariance(o, a, jitter=True), o.weight[:, None])
        left = b - b @ a.swapaxes(-1, -2) @ xp.inverse(s) @ a
    k, left = left @ left.swapaxes(-1, -2) if o is None else left @ b.swapaxes(-1, -2), left.swapaxes(-1, -2)
    x = left * g.sigma[..., None] if g.diagonal else namespace(left).asarray(g.scale, left) @ left
    return k[:, 0], x[:, 0]


def _telling(i: Inequalities, o: Observations | None, g: Gaussians) -> Observations | None:
    """The observations that say something of the inequalities, in double precision where that is needed."""
    if o is None or (g.diagonal and i.shared is None):
        return None
    return precise(o.take(i.shared) if g.diagonal and o.rows.disjoint else o)


def log_masses(centre: Array, spread: Array, b: Array, weight: Array) -> Array:
    """sum of c_i log Phi((a_i.m + b_i) / sqrt(a_i V a_i)) over the last axis."""
    xp = namespace(centre)
    scale = 1 / xp.sqrt(spread)
    return xp.einsum("...h,...h->...", xp.log_ndtr(centre * scale + b * scale), weight)


def _covariance(o: Observations, factor: Array, jitter: bool) -> Array:
    """S = A C A' + R, [c, k, M, M], of factors A T [c, k, M, N]."""
    noise = o.noise + o.jitter if jitter and o.jitter is not None else o.noise
    s = factor @ factor.swapaxes(-1, -2)
    return s + noise[:, None, :, None] * _eye(s)


def _times(matrix: Array, x: Array) -> Array:
    """Matrices [c, k, M', M] times vectors [c, K, M], as few and large products as there are."""
    turned = matrix.swapaxes(-1, -2)
    if matrix.shape[1] == 1:
        return x @ turned[:, 0]
    if len(matrix) == 1 and x.shape[1] > 1:
        return (x.swapaxes(0, 1) @ turned[0]).swapaxes(0, 1)
    return (x[..., None, :] @ turned)[..., 0, :]


def _back(w: Array, a: Array) -> Array:
    """A' w, [B, N], of w [B, M] and A [M, N] or [B, M, N]."""
    return w @ a if a.ndim == 2 else (w[:, None] @ a)[:, 0]


def _diagonal(m: Array) -> Array:
    return m.diagonal(0, -2, -1)


def _eye(s: Array) -> Array:
    return namespace(s).asarray(np.eye(s.shape[-1]), s)
