# SPDX-License-Identifier: Apache-2.0
"""The draws of a query: joint density, importance weights, resampling, Gibbs sweeps over the components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .arrays import Array, namespace
from .evidence import Evidence, Observations
from .gaussians import widened_variances
from .layer import Layer, choose


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
    rest = residual_path(layers[:-1], evidence, h[:, :-1])
    return layers[-1].own_logits(rest, h[:, :-1], h[:, -1])


def residual_path(layers: Sequence[Layer], evidence: Evidence, h: Array) -> Evidence:
    """Evidence about what layers leave of x on paths h [B, l], one case each."""
    each = namespace(layers[0].mean if layers else h).integers(np.arange(len(h)), h)
    evidence = evidence.take(each if evidence.rows > 1 else 0 * each)
    for j, layer in enumerate(layers):
        evidence = layer.residual_evidence(evidence, None, h[:, j])
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


def sweep(
    layers: Sequence[Layer], evidence: Evidence, h: Array, rng: np.random.Generator, temperature: float = 1.0
) -> Array:
    """One Gibbs sweep: each layer's component redrawn from p(h_l | the others, conditions)^(1 / temperature)."""
    xp = namespace(h)
    everyone = xp.integers(np.arange(len(h)), h)
    for level in range(len(layers)):
        logits = conditional_logits(layers, evidence, h, level) / temperature
        u = xp.asarray(uniform(rng, len(h)), logits)
        drawn, _, _ = choose(logits if len(logits) == len(h) else logits[0 * everyone], everyone, u, 0.0)
        h = xp.concatenate([h[:, :level], drawn[:, None], h[:, level + 1 :]])
    return h


def conditional_logits(layers: Sequence[Layer], evidence: Evidence, h: Array, level: int) -> Array:
    """log p(h_l, the others, conditions) up to what all h_l share, for every h_l, [B or 1, K]; h [B, L]."""
    last = layers[-1]
    if level == len(layers) - 1:
        return last.logits(residual_path(layers[:-1], evidence, h[:, :-1]), h[:, :-1])
    if all(layer.residual == "shift" for layer in layers[level:-1]):
        return _shifted_logits(layers, evidence, h, level)
    return _path_logits(layers, evidence, h, level)


def _shifted_logits(layers: Sequence[Layer], evidence: Evidence, h: Array, level: int) -> Array:
    """Where shifts follow, a path's mean is the sum of its components' means and its covariance the last layer's
    (Eq. 14): h_l enters by its mean and, through the last layer's tables, by P_L,l[h_L][h_l]."""
    last, layer = layers[-1], layers[level]
    others = [j for j in range(len(layers)) if j != level]
    rest = residual_path([layers[j] for j in others], evidence, h[:, others])
    covariance = replace(last.gaussians if last.shares_covariance else last.own(h[:, -1]), mean=layer.mean[None])
    table = last.latent_table[last.latent_start[level] :][: layer.components]
    return last.real_logits(rest, covariance) + table.T[h[:, -1]]


def _path_logits(layers: Sequence[Layer], evidence: Evidence, h: Array, level: int) -> Array:
    """Where h_l turns and scales what follows: every h_l carried through to the last layer."""
    xp, k = namespace(h), layers[level].components
    each = xp.integers(np.repeat(np.arange(len(h)), k), h)
    every = xp.integers(np.tile(np.arange(k), len(h)), h)
    paths = xp.concatenate([h[each, :level], every[:, None], h[each, level + 1 :]])
    rest = residual_path(layers[:level], evidence, h[:, :level]).take(each)
    for j in range(level, len(layers) - 1):
        rest = layers[j].residual_evidence(rest, None, paths[:, j])
    return layers[-1].own_logits(rest, paths[:, :-1], paths[:, -1]).reshape(len(h), k)


def left_over(
    last: Layer, rest: Evidence, x: Array, h: Array, rng: np.random.Generator, noise: float
) -> Observations:
    """The observations less their values at samples x [B, N] of components h [B] (and less their own noise, where x has
    the share `noise` of its variance: Matheron's rule)."""
    xp, o = namespace(x), rest.observations
    assert o is not None
    z = o.z - o.rows.apply(x[:, None])[:, 0]
    if noise:
        own = last.own(h).variances(o.rows)[:, 0]
        error = noise**0.5 * xp.sqrt(widened_variances(o, own) - own)
        z = z - error * xp.asarray(rng.standard_normal(z.shape), z)
    return replace(o, z=z)
