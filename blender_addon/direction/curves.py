# SPDX-License-Identifier: GPL-3.0-or-later
"""Splines as lines of points, whatever their kind; no Blender in it, so that drawing may ask for them at any time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

STEPS = 12  # points on a segment


def bezier(points: ArrayLike, left: ArrayLike, right: ArrayLike, cyclic: bool) -> Array:
    """Points `[n, 3]` of a Bézier spline of control points and handles `[k, 3]`."""
    points, left, right = (np.asarray(value, float) for value in (points, left, right))
    after = np.roll(np.arange(len(points)), -1) if cyclic else np.arange(1, len(points))
    before = np.arange(len(after))
    t = np.linspace(0.0, 1.0, STEPS, endpoint=False)[None, :, None]
    corners = (points[before], right[before], left[after], points[after])
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    line = sum(weight * corner[:, None] for weight, corner in zip(weights, corners, strict=True))
    return np.concatenate([np.reshape(line, (-1, 3)), points[:1] if cyclic else points[-1:]])


def poly(points: ArrayLike, cyclic: bool) -> Array:
    """Points `[n, 3]` of straight lines from point to point."""
    points = np.asarray(points, float)
    return np.concatenate([points, points[:1]]) if cyclic else points


def nurbs(points: ArrayLike, order: int, cyclic: bool, clamped: bool) -> Array:
    """Points `[n, 3]` of a NURBS spline of control points and weights `[k, 4]`; `clamped`: it begins at its first."""
    points = np.asarray(points, float)
    order = min(order, len(points))
    if cyclic:
        points = np.concatenate([points, points[: order - 1]])
    count = len(points)
    knots = np.arange(count + order, dtype=float)
    if clamped and not cyclic:
        knots = np.clip(knots, order - 1, count)
    ends = knots[order - 1], knots[count]
    values = np.linspace(*ends, STEPS * count + 1)
    weighted = np.concatenate([points[:, :3] * points[:, 3:], points[:, 3:]], axis=1)
    line = np.array([_de_boor(value, weighted, knots, order) for value in values])
    return line[:, :3] / line[:, 3:]


def _de_boor(value: float, points: Array, knots: Array, order: int) -> Array:
    last = len(points) - 1
    span = int(np.clip(np.searchsorted(knots, value, "right") - 1, order - 1, last))
    row = points[span - order + 1 : span + 1].copy()
    for level in range(1, order):
        for place in range(order - 1, level - 1, -1):
            first = span - order + 1 + place
            width = knots[first + order - level] - knots[first]
            part = (value - knots[first]) / width if width > 0 else 0.0
            row[place] = (1 - part) * row[place - 1] + part * row[place]
    return row[-1]


def lengths(line: ArrayLike) -> Array:
    """Way along the floor from the first of the points `[n, 2 or 3]` to each of them `[n]`."""
    steps = np.linalg.norm(np.diff(np.asarray(line, float)[:, :2], axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def spaced(line: ArrayLike, spacing: float) -> Array:
    """Points `[m, 3]` evenly along the floor, about `spacing` apart, with both ends of `line` `[n, 3]`."""
    line = np.asarray(line, float)
    way = lengths(line)
    count = max(int(np.ceil(way[-1] / spacing)), 1)
    at = np.linspace(0.0, way[-1], count + 1)
    return np.stack([np.interp(at, way, axis) for axis in line.T], axis=1)
