# SPDX-License-Identifier: Apache-2.0
"""How well samples cover data: precision and recall of k-nearest-neighbour manifolds (Kynkäänniemi et al. 2019), and
the distance between two distributions of one number."""

from __future__ import annotations

import numpy as np

NEIGHBOURS = 3
BLOCK = 1 << 24  # numbers in the largest block of distances


def precision_recall(samples: np.ndarray, data: np.ndarray, neighbours: int = NEIGHBOURS) -> dict[str, float]:
    """Shares of samples on the data's manifold (precision) and of data on the samples' (recall), and F1 = 2PR/(P+R).

    A set's manifold is the union of balls about its points that reach to their k-th nearest neighbour in the set.
    samples [S, N], data [R, N], in the same units; distances are exact in double precision, in blocks of 128 MB.
    ValueError where the shapes disagree, a value is not finite or a set has no more than k rows.
    """
    samples, data = (np.array(x, dtype=float) for x in (samples, data))
    _check(samples, data, neighbours)
    centre = data.mean(axis=0)  # |a|² - 2ab + |b|² is accurate where the origin is near
    samples -= centre
    data -= centre
    precision = float(on_manifold(samples, data, neighbours).mean())
    recall = float(on_manifold(data, samples, neighbours).mean())
    both = precision + recall
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / both if both else 0.0}


def on_manifold(x: np.ndarray, reference: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """Whether rows x [B, N] lie within the radius of a row of the reference [R, N], [B]; a radius reaches its end."""
    reach = _radii(reference, neighbours)
    inside = np.zeros(len(x), dtype=bool)
    for part in _blocks(len(x), len(reference)):
        inside[part] = (_squares(x[part], reference) <= reach).any(axis=1)
    return inside


def wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """W₁ = ∫ |F_a - F_b| of the distribution functions of two sets of numbers, in their unit; ValueError where one is
    empty or not finite."""
    a, b = (np.sort(np.ravel(x).astype(float)) for x in (a, b))
    if not (len(a) and len(b) and np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("the distance of two distributions needs finite numbers in both")
    steps = np.sort(np.concatenate([a, b]))
    gap = np.searchsorted(a, steps[:-1], "right") / len(a) - np.searchsorted(b, steps[:-1], "right") / len(b)
    return float(np.abs(gap) @ np.diff(steps))


def _radii(x: np.ndarray, neighbours: int) -> np.ndarray:
    """Squared distances [B] from rows to their k-th nearest neighbour: 0 where a row occurs more than k times."""
    out = np.empty(len(x))
    for part in _blocks(len(x), len(x)):
        squares = _squares(x[part], x)
        out[part] = np.partition(squares, neighbours, axis=1)[:, neighbours]  # place 0 is the row itself
    return out


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances [A, B]; what rounding leaves of equal rows counts as 0."""
    lengths = np.einsum("an,an->a", a, a)[:, None] + np.einsum("bn,bn->b", b, b)
    squares = lengths - 2 * (a @ b.T)
    squares[squares < 64 * np.finfo(float).eps * lengths] = 0
    return squares


def _blocks(rows: int, columns: int) -> list[slice]:
    size = max(1, BLOCK // columns)
    return [slice(i, i + size) for i in range(0, rows, size)]


def _check(samples: np.ndarray, data: np.ndarray, neighbours: int) -> None:
    if samples.ndim != 2 or data.ndim != 2 or samples.shape[1] != data.shape[1]:
        raise ValueError(f"samples and data need rows of the same variables, got {samples.shape} and {data.shape}")
    for name, x in (("samples", samples), ("data", data)):
        if not np.isfinite(x).all():
            raise ValueError(f"the {name} hold a value that is not finite; leave out such rows")
        if not 1 <= neighbours < len(x):
            raise ValueError(f"neighbours must lie between 1 and {len(x) - 1} ({len(x)} {name}), got {neighbours}")
