# SPDX-License-Identifier: Apache-2.0
"""What makes a row unlikely: log p(variable | the rest of the row), for every variable.

Under one component path x is Gaussian, N(m, C), and what a variable v says given the rest is closed form in the
precision matrix P = C^-1: N(x_v ; x_v - (P (x - m))_v / P_vv, 1 / P_vv). Paths weigh as the rest of the row says.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from .gaussians import LOG_2PI
from .layer import Layer
from .model import ENUMERATE, Model
from .posterior import sweep, uniform

SWEEPS = 2  # after which draws of an unlikely row have found its paths


def log_conditionals(model: Model, x: np.ndarray, samples: int = 32, seed: int = 0) -> np.ndarray:
    """log p(x_v | rest of the row), [rows, variables], nats per model unit; NaN where x is.

    Where a layer has full covariances, in closed form: summed over all paths of components where those before the last
    layer are few, else over those of samples / 8 swept draws given the row and given it without each of its variables
    (the model computes with NumPy). Elsewhere as the difference of two importance estimates of `Model.log_prob`.
    """
    if all(layer.covariance != "full" for layer in model.layers):
        return _differences(model, x, samples, seed)
    out = np.full(x.shape, np.nan)
    known = ~np.isnan(x)
    for pattern in np.unique(known, axis=0):
        rows = np.flatnonzero((known == pattern).all(1))
        for group in [rows] if _few(model) else rows[:, None]:
            out[np.ix_(group, pattern)] = _closed_form(model, x[group], _paths(model, x[group], samples, seed))
    return out


def _differences(model: Model, x: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """log p(row) - log p(row without v), in model units."""
    out = np.full(x.shape, np.nan)
    rows, variables = np.nonzero(~np.isnan(x))
    without = x[rows]
    without[np.arange(len(rows)), variables] = np.nan
    scale = np.array([v.scale for v in model.schema.variables])
    whole, rest = model.log_prob(x, samples, seed), model.log_prob(without, samples, seed)
    out[rows, variables] = whole[rows] - rest + np.log(scale[variables])
    return out


def _few(model: Model) -> bool:
    return math.prod(layer.components for layer in model.layers[:-1]) <= ENUMERATE


def _paths(model: Model, x: np.ndarray, samples: int, seed: int) -> list[tuple[int, ...]]:
    """Paths through the layers before the last."""
    if _few(model):
        return list(itertools.product(*(range(layer.components) for layer in model.layers[:-1])))
    without = np.repeat(x, x.shape[1] + 1, axis=0)
    without[np.arange(x.shape[1]), np.arange(x.shape[1])] = np.nan
    case, rng = np.repeat(np.arange(len(without)), max(1, samples // 8)), np.random.default_rng(seed)
    evidence = model.data_evidence(without)
    h, _, _ = model.forward(evidence, case, uniform(rng, (len(case), len(model.layers))), 0.0)
    for _ in range(SWEEPS):
        h = sweep(model.layers, evidence.take(case), h, rng)
    return [tuple(path) for path in np.unique(h[:, :-1], axis=0).tolist()]


def _closed_form(model: Model, x: np.ndarray, paths: list[tuple[int, ...]]) -> np.ndarray:
    """log p(x_v | rest), [rows, known variables], of rows that are alike in their NaN, over some paths."""
    real, codes = model.schema.split(x)
    columns, streams = np.flatnonzero(~np.isnan(real[0])), np.flatnonzero(~np.isnan(codes[0]))
    last = model.layers[-1]
    classes = [last.log_prob[c][:, codes[:, c].astype(int)].T for c in streams]
    whole, rest = np.array(-np.inf), np.array(-np.inf)
    for path in paths:
        joint, terms = _gaussian_terms(real[:, columns], *_components(model.layers, path, columns))
        joint = joint + _log_prior(last, path) + sum(classes)
        terms = np.concatenate([terms, *(t[..., None] for t in classes)], axis=-1)
        whole = np.logaddexp(whole, np.logaddexp.reduce(joint, axis=1))
        rest = np.logaddexp(rest, np.logaddexp.reduce(joint[..., None] - terms, axis=1))
    order = np.argsort(np.concatenate([model.schema.real_columns[columns], model.schema.categorical_columns[streams]]))
    return (whole[:, None] - rest)[:, order]


def _components(layers: tuple[Layer, ...], path: tuple[int, ...], columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means [K, n] and covariances [K, n, n] of some variables, for every component of the last layer after a path."""
    *before, last = layers
    mean, turn = np.zeros(last.mean.shape[1]), np.eye(last.mean.shape[1])
    for layer, h in zip(before, path, strict=True):
        mean = mean + turn @ layer.mean[h]
        if layer.residual == "whiten":
            turn = turn @ _factors(layer)[h if len(_factors(layer)) > 1 else 0]
    factor = turn[columns] @ _factors(last)
    return mean[columns] + last.mean @ turn[columns].T, factor @ factor.swapaxes(-1, -2)


def _factors(layer: Layer) -> np.ndarray:
    """Cholesky factors, [K or 1, N, N]."""
    g = layer.gaussians
    return g.sigma[0][..., None] * np.eye(g.sigma.shape[-1]) if g.diagonal else g.scale[0]


def _log_prior(last: Layer, path: tuple[int, ...]) -> np.ndarray:
    """log of w_h times the latent tables, [K]."""
    if last.latent_table is None:
        return last.log_weight
    return last.log_weight + last.latent_logits(np.array([path]))[0]


def _gaussian_terms(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log N(x; m_k, C_k) [rows, K] and log N(x_v; the rest) [rows, K, n] of whole vectors x [rows, n]."""
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))
    white = np.einsum("kij,rkj->rki", whiten, x[:, None] - mean)
    precision = (whiten * whiten).sum(-2)
    pull = np.einsum("kij,rki->rkj", whiten, white)
    joint = np.log(whiten.diagonal(0, -2, -1)).sum(-1) - 0.5 * ((white * white).sum(-1) + LOG_2PI * x.shape[1])
    return joint, 0.5 * (np.log(precision) - LOG_2PI - pull * pull / precision)
