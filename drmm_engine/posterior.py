# SPDX-License-Identifier: Apache-2.0
"""The draws of a query: joint density, importance weights, resampling, Gibbs sweeps over the components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .arrays import Array, namespace
from .conditions import Condition
from .conflicts import conflicts
from .evidence import Evidence, Observations
from .fulfilment import Fulfilment, fulfilment
from .gaussians import inequality_covariances, widened_variances
from .layer import Layer, choose
from .schema import Schema
from .truncated import multipliers

MOVES = 1e-7  # share of its variance that observations must leave an inequality for it to be met by moving


@dataclass(frozen=True)
class Draw:
    """Samples of one query, NumPy.

    values [count, variables] in data units, columns in schema order; log_weight [count] log importance weight;
    log_joint [count] log p(components, conditions); components [count, L]; rows [count]: each sample's place in numbers
    that the query gave one a sample; effective_sample_size: (sum w)^2 / sum w^2 of the importance weights w, how many
    exact draws these were worth before any resampling.
    Densities of conditions are per model unit: comparable between draws of one model, whatever its scaling.
    """

    values: np.ndarray
    log_weight: np.ndarray
    log_joint: np.ndarray
    components: np.ndarray
    rows: np.ndarray
    effective_sample_size: float
    conditions: tuple[Condition, ...]
    schema: Schema

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, in column order."""
        return tuple(self.schema.names)

    def __getitem__(self, name: str) -> np.ndarray:
        """One variable's column, [count]."""
        if name not in self.names:
            raise ValueError(f"no variable {name!r} in this draw")
        return self.values[:, self.names.index(name)]

    def __len__(self) -> int:
        return len(self.values)

    def fulfilment(self) -> Fulfilment:
        """How well every sample meets each condition, in data units; printed, a table."""
        return fulfilment(self.conditions, self.schema, self.values, self.rows)

    @cached_property
    def conflicts(self) -> list[str]:
        """One line for each smallest set of hard conditions that no point meets together, named as they were given."""
        return conflicts(self.conditions, self.schema, len(self))

    def ranked(self, by: str = "log_weight") -> Draw:
        """The same draws, largest first; equal weights in order of their joint density."""
        order = np.lexsort((-self.log_joint, -getattr(self, by)))
        parts = ("values", "log_weight", "log_joint", "components", "rows")
        return replace(self, **{part: getattr(self, part)[order] for part in parts})


def effective_sample_size(log_weight: np.ndarray) -> float:
    """(sum w)^2 / sum w^2 of weights [B]."""
    w = np.exp(log_weight - log_weight.max())
    return float(w.sum() ** 2 / (w * w).sum())


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
    """One Gibbs sweep: each layer's component redrawn from p(h_l | the others, conditions)^(1 / temperature).

    Samples of the same evidence and the same components share their work.
    """
    xp = namespace(h)
    for level in range(len(layers)):
        paths, case = _different(h, level) if evidence.rows == 1 else (h, xp.integers(np.arange(len(h)), h))
        logits = conditional_logits(layers, evidence, paths, level) / temperature
        case = case if len(logits) == len(paths) else 0 * case
        drawn, _, _ = choose(logits, case, xp.asarray(uniform(rng, len(h)), logits), 0.0)
        h = xp.concatenate([h[:, :level], drawn[:, None], h[:, level + 1 :]])
    return h


def _different(h: Array, level: int) -> tuple[Array, Array]:
    """Paths [U, L] that differ in a component other than that of `level`, and which of them each of h [B, L] is."""
    paths = namespace(h).numpy(h).copy()
    paths[:, level] = 0
    different, case = np.unique(paths, axis=0, return_inverse=True)
    return namespace(h).integers(different, h), namespace(h).integers(case.reshape(-1), h)


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


def values(last: Layer, rest: Evidence, h: Array, rng: np.random.Generator, noise: float) -> Array:
    """Samples [B, N] of components h [B] of the last layer given what is left of the evidence, one case each.

    Without noise the mean given the observations and inequalities; else a draw of that with the share `noise` of the
    component's variance.
    """
    xp, o, i = namespace(h), rest.observations, rest.inequalities
    x = middle = xp.take(last.mean, h)
    if noise:
        x = x + noise**0.5 * last.scaled(h, xp.asarray(rng.standard_normal(x.shape), x))
    if o is not None:
        x = x + last.correct(left_over(last, rest, x, h, rng, noise), h)
    if i is None:
        return x
    if o is not None and noise:
        middle = middle + last.correct(left_over(last, rest, middle, h, rng, 0.0), h)
    return x + _inside(last, rest, h, middle if noise else x, x, rng, noise)


def _inside(
    last: Layer, rest: Evidence, h: Array, middle: Array, x: Array, rng: np.random.Generator, noise: float
) -> Array:
    """Steps [B, N] that take the mean given the observations, or draws x around that, to where the inequalities hold.

    One of a weight below 1 binds a sample with that probability, one on known variables none.
    """
    i, own = rest.inequalities, last.own(h)
    assert i is not None
    xp, to_numpy = namespace(x), namespace(x).numpy
    k, with_x = inequality_covariances(i, rest.observations, own)
    k = np.broadcast_to(np.asarray(to_numpy(k), dtype=float), (len(x), *k.shape[1:]))
    moves = np.einsum("bhh->bh", k) > MOVES * to_numpy(own.variances(i.rows))[:, 0]
    k = np.where(moves[:, :, None] & moves[:, None, :], k, np.eye(k.shape[1]))
    rng = rng.spawn(1)[0]  # what is drawn besides stays the same whatever the inequalities are
    binds = moves & (rng.random((len(x), 1)) < to_numpy(i.weight))
    g, y = (np.asarray(to_numpy(i.rows.apply(p[:, None])[:, 0] + i.b), dtype=float) for p in (middle, x))
    steps = multipliers(g, k, binds, y if noise else None, noise, rng)
    return xp.asarray((with_x @ xp.asarray(steps, with_x)[..., None])[..., 0], x)


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
