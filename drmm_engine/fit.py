# SPDX-License-Identifier: Apache-2.0
"""Greedy start, layer by layer: k-means on the residuals, sigma and tables from what falls to each component.

NumPy alone, so that a model can be learned where there is no torch. One pass of hard expectation-maximisation a layer
(the paper's residual vector quantisation, Sec. 2), with the probabilities that quantisation lacks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .layer import Layer
from .model import Model
from .schema import Schema

SIGMA_FLOOR = 1e-3  # model units: duplicates and constant columns must not make a density infinite
STEPS = 8  # Lloyd steps a layer
ROWS_A_COMPONENT = 64  # rows that k-means looks at, at most
SEED_ROWS_A_COMPONENT = 8  # rows among which the seeds are looked for
CLASS_WEIGHT = 0.5  # squared distance of two different classes: 1
BLOCK = 1 << 22  # numbers in the largest block of distances


def fit(
    schema: Schema,
    data: np.ndarray,
    components: Sequence[int],
    covariance: str = "isotropic",
    weight: np.ndarray | None = None,
    seed: int = 0,
) -> Model:
    """A model of len(components) layers; data [rows, variables] in model units, NaN = missing, weight [rows].

    Rows without a value or a weight are left out. ValueError on infinite values, where no row is left, or where the
    covariance is neither isotropic nor diagonal.
    """
    if covariance not in ("isotropic", "diagonal"):
        raise ValueError(f"covariance must be isotropic or diagonal, got {covariance!r}")
    data = np.asarray(data, dtype=np.float32)
    if data.ndim != 2 or data.shape[1] != len(schema.names):
        raise ValueError(f"the data need {len(schema.names)} columns, got shape {data.shape}")
    if np.isinf(data).any():
        raise ValueError("the data hold an infinite value")
    weight = np.ones(len(data)) if weight is None else np.asarray(weight, dtype=float)
    keep = ~np.isnan(data).all(axis=1) & (weight > 0)
    data, weight = data[keep], weight[keep]
    if not len(data):
        raise ValueError("there is no row with a value to fit")
    rng = np.random.default_rng(seed)
    r, m = _features(schema, data)
    n, codes = len(schema.real_columns), data[:, schema.categorical_columns]
    layers: list[Layer] = []
    paths: list[np.ndarray] = []
    for k in components:
        means = _k_means(r, m, weight, k, rng)
        h = nearest(r, m, means)
        r[:, :n] -= means[h][:, :n] if m is None else m[:, :n] * means[h][:, :n]
        sigma = _sigma(schema, r[:, :n], m if m is None else m[:, :n], weight, covariance)
        layers.append(_layer(schema, means[:, :n], sigma, h, paths, codes, weight, components, covariance))
        paths.append(h)
    return Model(schema, tuple(layers))


def _features(schema: Schema, data: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Real values and indicators of classes side by side [rows, F], 0 where missing, and what is known [rows, F]."""
    parts = [data[:, schema.real_columns]]
    for column, stream in zip(schema.categorical_columns, schema.categorical_streams, strict=True):
        code = data[:, column, None]
        indicator = np.sqrt(CLASS_WEIGHT) * (code == np.arange(len(stream.classes)))
        parts.append(np.where(np.isnan(code), np.nan, indicator))
    features = np.concatenate(parts, axis=1, dtype=np.float32)
    missing = np.isnan(features)
    features[missing] = 0
    return features, (~missing).astype(np.float32) if missing.any() else None


def nearest(x: np.ndarray, known: np.ndarray | None, means: np.ndarray) -> np.ndarray:
    """The mean [rows] that is nearest to each row in its known variables; x and known [rows, F], means [K, F]."""
    out = np.empty(len(x), dtype=np.intp)
    squares, size = means * means, max(1, BLOCK // len(means))
    for i in range(0, len(x), size):
        part = slice(i, i + size)
        norm = squares.sum(1) if known is None else known[part] @ squares.T
        out[part] = np.argmin(norm - 2 * (x[part] @ means.T), axis=1)
    return out


def _k_means(
    x: np.ndarray, known: np.ndarray | None, weight: np.ndarray, k: int, rng: np.random.Generator
) -> np.ndarray:
    """K means [K, F] after a few Lloyd steps on a sample of the rows; a mean that loses its rows stays."""
    if len(x) > k * ROWS_A_COMPONENT:
        some = rng.choice(len(x), k * ROWS_A_COMPONENT, replace=False)
        x, known, weight = x[some], known if known is None else known[some], weight[some]
    means = _seeds(x, known, weight, k, rng)
    for _ in range(STEPS):
        h = nearest(x, known, means)
        total = _sums(h, weight[:, None] * x, k)
        count = _sums(h, np.broadcast_to(weight[:, None], x.shape) if known is None else weight[:, None] * known, k)
        means = np.where(count > 0, total / np.maximum(count, 1e-30), means).astype(np.float32)
    return means


def _seeds(
    x: np.ndarray, known: np.ndarray | None, weight: np.ndarray, k: int, rng: np.random.Generator
) -> np.ndarray:
    """k-means++: each seed a row drawn in proportion to its squared distance from the seeds before it."""
    some = rng.permutation(len(x))[: k * SEED_ROWS_A_COMPONENT]
    x, weight = x[some], weight[some]
    known = np.ones_like(x) if known is None else known[some]
    # A seed must stand somewhere in the variables that its row misses: at their mean.
    filled = np.where(known > 0, x, (known * x).sum(0) / np.maximum(known.sum(0), 1))
    seeds = np.empty((k, x.shape[1]), dtype=np.float32)
    distance = np.ones(len(x))
    for i in range(k):
        p = weight * distance
        p = np.cumsum(p if p.sum() > 0 else weight)
        seeds[i] = filled[min(np.searchsorted(p, rng.random() * p[-1], side="right"), len(x) - 1)]
        own = (known * (x - seeds[i]) ** 2).sum(1)
        distance = own if i == 0 else np.minimum(distance, own)
    return seeds


def _sums(h: np.ndarray, x: np.ndarray, k: int) -> np.ndarray:
    """Sums of rows x [rows, F] by component h [rows], [K, F]."""
    order = np.argsort(h, kind="stable")
    present, first = np.unique(h[order], return_index=True)
    out = np.zeros((k, x.shape[1]))
    if x.shape[1]:
        out[present] = np.add.reduceat(x[order], first, axis=0, dtype=float)
    return out


def _sigma(
    schema: Schema, residual: np.ndarray, known: np.ndarray | None, weight: np.ndarray, covariance: str
) -> np.ndarray:
    """Root mean squared residual [N], one value a stream or one a variable, not below the floor."""
    squares = weight @ (residual.astype(float) ** 2)
    count = np.full(len(squares), weight.sum()) if known is None else weight @ known
    if covariance == "isotropic":
        starts = np.cumsum([0] + [len(s.variables) for s in schema.real_streams])
        for first, last in zip(starts[:-1], starts[1:], strict=True):
            squares[first:last], count[first:last] = squares[first:last].sum(), count[first:last].sum()
    return np.maximum(np.sqrt(squares / np.maximum(count, 1e-30)), SIGMA_FLOOR)


def _layer(
    schema: Schema, mean: np.ndarray, sigma: np.ndarray, h: np.ndarray, paths: list[np.ndarray], codes: np.ndarray,
    weight: np.ndarray, components: Sequence[int], covariance: str,
) -> Layer:
    k = len(mean)
    count = np.bincount(h, weights=weight, minlength=k)
    tables = []
    for c, stream in enumerate(schema.categorical_streams):
        named = ~np.isnan(codes[:, c])
        tables.append(_log_table(h[named], codes[named, c].astype(int), weight[named], (k, len(stream.classes))))
    blocks = [_log_table(h, path, weight, (k, size)).T for path, size in zip(paths, components, strict=False)]
    start = np.cumsum([0] + [len(b) for b in blocks])[:-1] if blocks else None
    return Layer(
        np.log(count + 1) - np.log(count.sum() + k), mean.astype(float), np.log(sigma)[None], tuple(tables),
        np.concatenate(blocks) if blocks else None, start, covariance,
    )


def _log_table(row: np.ndarray, column: np.ndarray, weight: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """log p(column | row) [rows, columns] from counts; one count a row is spread as the columns are in all."""
    count = np.bincount(row * shape[1] + column, weights=weight, minlength=shape[0] * shape[1]).reshape(shape)
    prior = (count.sum(0) + 1) / (count.sum() + shape[1])
    return np.log((count + prior) / (count.sum(1, keepdims=True) + 1))
