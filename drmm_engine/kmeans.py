# SPDX-License-Identifier: Apache-2.0
"""k-means on rows with missing values: where expectation-maximisation of a layer starts (NumPy)."""

from __future__ import annotations

import numpy as np

STEPS = 8  # Lloyd steps
ROWS_A_COMPONENT = 64  # rows that k-means needs to see, at most
SEED_ROWS_A_COMPONENT = 8  # rows among which the seeds are looked for
BLOCK = 1 << 22  # numbers in the largest block of distances


def nearest(x: np.ndarray, known: np.ndarray | None, means: np.ndarray) -> np.ndarray:
    """The mean [rows] that is nearest to each row in its known variables; x and known [rows, F], means [K, F]."""
    out = np.empty(len(x), dtype=np.intp)
    squares, size = means * means, max(1, BLOCK // len(means))
    for i in range(0, len(x), size):
        part = slice(i, i + size)
        norm = squares.sum(1) if known is None else known[part] @ squares.T
        out[part] = np.argmin(norm - 2 * (x[part] @ means.T), axis=1)
    return out


def k_means(
    x: np.ndarray, known: np.ndarray | None, weight: np.ndarray, k: int, rng: np.random.Generator
) -> np.ndarray:
    """K means [K, F] after a few Lloyd steps; a mean that loses its rows stays."""
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
