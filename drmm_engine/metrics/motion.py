# SPDX-License-Identifier: Apache-2.0
"""Quality of motion: foot slide, jerk, height of the hips. Positions are `[F, 20, 3]`, metres, Z up."""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.skeleton import TOES

LOW = 0.02  # metres above its standing height below which a toe joint counts as on the floor


def foot_slide(positions: Array, standing: float, frame_rate: float = 30.0) -> Array:
    """Horizontal speeds of toe joints, m/s, over every step between two frames that are both within 2 cm of `standing`.

    One flat array of both feet; its length against 2 F says how much of the time feet are down.
    """
    toes = positions[:, TOES]
    low = toes[..., 2] < standing + LOW
    speed = frame_rate * np.linalg.norm(np.diff(toes[..., :2], axis=0), axis=-1)
    return speed[low[1:] & low[:-1]]


def mean_jerk(positions: Array, frame_rate: float = 30.0) -> float:
    """Mean length of the third difference of joint positions, m/s³."""
    return float(np.linalg.norm(np.diff(positions, n=3, axis=0), axis=-1).mean() * frame_rate**3)


def hips_range(positions: Array, rest: Array) -> tuple[float, float]:
    """Least and greatest height of the hips as a share of their height at rest `[20, 3]`."""
    height = positions[:, 0, 2] / rest[0, 2]
    return float(height.min()), float(height.max())
