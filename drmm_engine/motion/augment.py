# SPDX-License-Identifier: Apache-2.0
"""More motion from little: bent and time-warped copies in which planted feet stay planted."""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.bones import bone_lengths, with_lengths
from drmm_engine.motion.features import HISTORY, placement, to_local, turned
from drmm_engine.motion.skeleton import index

_FEET = [index(side + part) for side in ("Left", "Right") for part in ("Foot", "Toes")]


def bent(window: Array, curvature: Array) -> Array:
    """Windows `[n, 40, 20, 3]` whose floor is bent: the x-axis becomes an arc of `curvature` `[n]`, 1/m, left positive.

    The floor is mapped by w = (exp(i c z) - 1) / (i c), z = x + i y from the last history frame, which keeps angles: a
    foot that stands goes to one point and stands there. The body rides on its hips, turned by c x as the path is, and
    the legs reach for the mapped feet, so bone lengths are kept exactly.
    """
    local = to_local(window, *placement(window[:, HISTORY - 1]))
    c = np.where(np.abs(curvature) < 1e-6, 1e-6, curvature)[:, None, None]
    hips = local[..., :1, :]
    body = turned(local - hips * (1, 1, 0), c * local[..., :1, 0])
    out = body + _mapped(hips, c) * (1, 1, 0)
    out[..., _FEET, :] = _mapped(local[..., _FEET, :], c)
    lengths = np.median(bone_lengths(local), axis=(0, 1))
    return with_lengths(out, lengths)


def _mapped(points: Array, c: Array) -> Array:
    w = (np.exp(1j * c * (points[..., 0] + 1j * points[..., 1])) - 1) / (1j * c)
    return np.stack([w.real, w.imag, points[..., 2]], axis=-1)


def time_warped(positions: Array, speed: float) -> Array:
    """A clip `[F, 20, 3]` played `speed` times as fast, by linear interpolation."""
    at = np.arange(0, len(positions) - 1, speed)
    low = at.astype(int)
    part = (at - low)[:, None, None]
    return (1 - part) * positions[low] + part * positions[low + 1]
