# SPDX-License-Identifier: Apache-2.0
"""A route along a line as targets one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from drmm_engine.body.rotations import Array
from drmm_engine.motion.directions import Target

RADIUS = 0.4  # metres; nearer than a target of its own, so that bends are not cut


def targets(points: ArrayLike, speed: float | None = None, spacing: float = 1.0, stop: bool = False, **asked: Any
            ) -> list[Target]:
    """Targets at most `spacing` metres apart along a line through points `[n, 2 or 3]` (metres), the last at its end.

    speed (m/s) and what else is `asked` hold for all of them (fields of `Target`); stop: come to a stand at the end.
    ValueError: fewer than two points, points that are not finite or in one place, a spacing that is not positive.
    """
    line = np.asarray(points, float)
    if line.ndim != 2 or len(line) < 2 or line.shape[1] not in (2, 3) or not np.isfinite(line).all():
        raise ValueError(f"a route needs two points or more, [n, 2] or [n, 3] and finite, got shape {line.shape}")
    if not 0 < spacing < np.inf:
        raise ValueError(f"spacing must be positive, got {spacing!r}")
    places = along(line[:, :2], spacing)
    last = len(places) - 1
    options: dict[str, Any] = {"radius": RADIUS, "facing": "along"} | asked
    return [Target((float(x), float(y)), speed=speed, stop=stop and k == last, **options)
            for k, (x, y) in enumerate(places)]


def along(line: Array, spacing: float) -> Array:
    """Places `[m, 2]` at even distances of at most `spacing` along a line `[n, 2]`, without its start."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=-1))])
    if length[-1] <= 0:
        raise ValueError("a route needs a length: all its points are in one place")
    count = int(np.ceil(length[-1] / spacing - 1e-9))
    at = length[-1] * np.arange(1, count + 1) / count
    return np.stack([np.interp(at, length, line[:, k]) for k in (0, 1)], axis=-1)
