# SPDX-License-Identifier: Apache-2.0
"""Turning on the foot that stands: what the steps of a model lack of a turn to what lies aside or behind.

Capture of walks holds few sharp turns. Where one is wanted, whole poses turn about the ball of the standing foot, which
is what a person does who pivots: no foot slides for it.
"""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.features import FRAME_RATE, NEXT, placement
from drmm_engine.motion.skeleton import TOES

_MOST = 0.3  # radians in five frames that are added
_FROM, _FULL = 0.7, 1.4  # radians off from which and at which they are
_RATE = np.radians(150)  # a second; the fastest turn that is asked for
_TIME = 0.25  # s in which a turn is asked for
_STANDS = 0.01  # metres of height between the toes that tell which foot stands
_PART = (np.arange(1, NEXT + 1) / NEXT) ** 2  # of the turn by each frame: it sets in gently


def pivoted(poses: Array, bearing: float) -> Array:
    """Poses `[n, 5, 20, 3]`, local, turned further towards a bearing (radians) that is far off; each as much as it
    falls short itself of a turn in time."""
    most = _MOST * float(np.clip((abs(bearing) - _FROM) / (_FULL - _FROM), 0, 1))
    if not most:
        return poses
    limit = _RATE * NEXT / FRAME_RATE
    wanted = float(np.clip(bearing * NEXT / (FRAME_RATE * _TIME), -limit, limit))
    short = wanted - placement(poses[:, -1])[1]
    angle = np.clip(short, -most, most)[:, None] * _PART
    c, s = (f(angle).astype(poses.dtype)[:, :, None] for f in (np.cos, np.sin))
    pivot = _standing(poses)[:, None, None]
    x, y = np.moveaxis(poses[..., :2] - pivot, -1, 0)
    out = poses.copy()
    out[..., 0], out[..., 1] = c * x - s * y + pivot[..., 0], s * x + c * y + pivot[..., 1]
    return out


def _standing(poses: Array) -> Array:
    """Where the toes of the lower foot are at first, or between both where they are as low, `[n, 2]`."""
    left, right = np.moveaxis(poses[:, :, TOES, 2].mean(axis=1), -1, 0)
    share = 1 / (1 + np.exp(np.clip((left - right) / _STANDS, -30, 30)))[:, None]
    return share * poses[:, 0, TOES[0], :2] + (1 - share) * poses[:, 0, TOES[1], :2]
