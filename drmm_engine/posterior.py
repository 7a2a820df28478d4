# SPDX-License-Identifier: Apache-2.0
"""The draws of a query: joint density, importance weights, resampling, Gibbs sweeps over the components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .arrays import Array, namespace
from .evidence import Evidence, Observations, shift
from .layer import Layer, choose, widened_variances


@dataclass(frozen=True)
class Draw:
    """Samples of one query, NumPy.

    values [count, variables] in data units, columns in schema order; log_weight [count] log importance weight (its
    log-mean-exp estimates the evidence); log_joint [count] log p(components, conditions); components [count, L].
    Densities of conditions in both are per model unit: comparable between draws of one model, whatever its scaling.
    """

    values: np.ndarray
    log_weight: np.ndarray
    log_joint: np.ndarray
    components: np.ndarray
    names: tuple[str, ...]

    def __getitem__(self, name: str) -> np.ndarray:
        """One variable's column, [count]."""
        if name not in self.names:
            raise ValueError(f"no variable {name!r} in this draw")
        return self.values[:, self.names.index(name)]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def effective_sample_size(self) -> float:
        """(sum w)^2 / sum w^2 of the importance weights: how many exact draws this one is worth before resampling."""
        w = np.exp(self.log_weight - self.log_weight.max())
        return float(w.sum() ** 2 / (w * w).sum())

    def ranked(self, by: str = "log_weight") -> Draw:
        """The same draws, largest first; equal weights in order of their joint density."""
        order = np.lexsort((-self.log_joint, -getattr(self, by)))
        values, components = self.values[order], self.components[order]
        return Draw(values, self.log_weight[order], self.log_joint[order], components, self.names)


def log_joint(layers: Sequence[Layer], evidence: Evidence, h: Array) -> Array:
    """log p(h, conditions) [B] of paths h [B, L] (paper, Eq. 8 and 14): the last layer's logit given the others."""
    evidence = residual_path(layers[:-1], evidence, h)
    everyone = namespace(h).integers(np.arange(len(h)), h)
    last = layers[-1].logits(evidence, h[:, :-1])
    return (last if len(last) == len(h) else last[0 * everyone])[everyone, h[:, -1]]


def residual_path(layers: Sequence[Layer], evidence: Evidence, h: Array) -> Evidence:
    """Evidence about what layers leave of x on paths h [B, l]."""
    case = namespace(h).integers(np.arange(len(h)) if evidence.rows > 1 else np.zeros(len(h)), h)
    for j, layer in enumerate(layers):
        evidence = layer.residual_evidence(evidence, case, h[:, j])
        case = namespace(h).integers(np.arange(len(h)), h)
    return evidence


def uniform(rng: np.random.Generator, shape: int | tuple[int, ...]) -> np.ndarray:
    """Numbers in [0, 1) that no device rounds up to 1: drawn in single precision."""
    return rng.random(shape, dtype=np.float32)


def resample(log_weight: Array, count: int, rng: np.random.Generator) -> np.ndarray:
    """Indices [count] drawn in proportion to the weights, with the least variance (systematic resampling)."""
    w = namespace(log_weight).numpy(log_weight)
    p = np.exp(w - w.max()).cumsum()
    points = (rng.random() + np.arange(count)) / count * p[-1]
    return np.minimum(np.searchsorted(p, points, side="right"), len(p) - 1)


def sweep(layers: Sequence[Layer], evidence: Evidence, h: Array, rng: np.random.Generator) -> Array:
    """One Gibbs sweep: each layer's component redrawn from p(h_l | the others, conditions), shift residuals.

    By Eq. 14 a path's mean is the sum of its components' means and its covariance the last layer's, so h_l enters by
    its mean and, through the last layer's tables, by P_L,l[h_L][h_l].
    """
    xp, last = namespace(h), layers[-1]
    everyone = xp.integers(np.arange(len(h)), h)
    for level, layer in enumerate(layers):
        others = [j for j in range(len(layers)) if j != level]
        rest = residual_path([layers[j] for j in others], evidence, h[:, others])
        rest = rest if rest.rows == len(h) else shift(rest, 0 * everyone, 0.0, 0.0)
        if level == len(layers) - 1:
            logits = last.logits(rest, h[:, :-1])
        else:
            table = last.latent_table[last.latent_start[level] :][: layer.components]
            logits = _given_last(last, h[:, -1], rest, layer.mean) + table.T[h[:, -1]]
        u = xp.asarray(uniform(rng, len(h)), logits)
        drawn, _, _ = choose(logits if len(logits) == len(h) else logits[0 * everyone], everyone, u, 0.0)
        h = xp.concatenate([h[:, :level], drawn[:, None], h[:, level + 1 :]])
    return h


def _given_last(last: Layer, h: Array, evidence: Evidence, mean: Array) -> Array:
    """`real_logits` of components with means [K, N] under the covariance of each case's last component h, [B, K]."""
    if len(last.log_sigma) == 1:
        return last.real_logits(evidence, mean)
    xp = namespace(h)
    logits = 0.0 * h[:, None] + 0.0 * mean.sum(-1)[None, :]
    for own in np.unique(xp.numpy(h)):
        cases = xp.integers(np.flatnonzero(xp.numpy(h) == own), h)
        part = replace(last, log_sigma=last.log_sigma[own][None])
        logits[cases] = part.real_logits(shift(evidence, cases, 0.0, 0.0), mean)
    return logits


def left_over(
    last: Layer, o: Observations, mean: Array, h: Array, rng: np.random.Generator, noise: bool
) -> Observations:
    """The observations less their values at a sample [B, N] (and less their own noise: Matheron's rule)."""
    xp = namespace(mean)
    z = o.z - o.rows.apply(mean)
    if noise:
        variance = last.variance[h[:, -1]] if len(last.variance) > 1 else last.variance
        own = o.rows.variances(variance)
        z = z - xp.sqrt(widened_variances(o, own) - own) * xp.asarray(rng.standard_normal(z.shape), z)
    return replace(o, z=z)
