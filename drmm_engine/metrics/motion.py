# SPDX-License-Identifier: Apache-2.0
"""Quality of motion: feet, jerk, heights, stretches that stand still or break. Positions `[F, 20, 3]`, metres, Z up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array
from drmm_engine.motion.skeleton import TOES

LOW = 0.02  # metres above its standing height below which a toe joint counts as on the floor
STRIDE = 5  # frames between two places of the hips that measure a path, which the sway of a frame would lengthen
STILL = 0.05  # m/s of the hips
FASTEST_JOINT = 15.0  # m/s; nobody's hand or foot is faster
HIPS_HEIGHTS = (0.5, 1.3)  # shares of their height at rest


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
    return float(jerks(positions, frame_rate).mean())


def jerks(positions: Array, frame_rate: float = 30.0) -> Array:
    """Lengths `[F - 3, 20]` of the third differences of joint positions, m/s³."""
    return np.linalg.norm(np.diff(positions, n=3, axis=0), axis=-1) * frame_rate**3


def accelerations(positions: Array, frame_rate: float = 30.0) -> Array:
    """Lengths `[F - 2, 20]` of the second differences of joint positions, m/s²."""
    return np.linalg.norm(np.diff(positions, n=2, axis=0), axis=-1) * frame_rate**2


def foot_depth(positions: Array, standing: float) -> Array:
    """How far each toe joint is below its height `standing` of a foot on the floor, `[F, 2]`, metres; 0 above it."""
    return np.maximum(standing - positions[:, TOES, 2], 0.0)


def path_length(positions: Array) -> float:
    """Length of the hips' way over the floor, metres, from every fifth frame's place to the next and to the last's."""
    places = np.concatenate([positions[:-1:STRIDE, 0, :2], positions[-1:, 0, :2]])
    return float(np.linalg.norm(np.diff(places, axis=0), axis=-1).sum())


def longest_still(positions: Array, frame_rate: float = 30.0) -> float:
    """The longest time over which the hips' way from one fifth frame to the next is slower than 5 cm/s, s."""
    places = positions[::STRIDE, 0, :2]
    slow = np.linalg.norm(np.diff(places, axis=0), axis=-1) * frame_rate < STILL * STRIDE
    ends = np.flatnonzero(np.concatenate([[True], ~slow, [True]]))
    return float((np.diff(ends).max() - 1) * STRIDE / frame_rate)


def broken(positions: Array, rest: Array, frame_rate: float = 30.0) -> NDArray[np.bool_]:
    """Frames `[F]` that no body shows: not finite, a joint faster than 15 m/s, or hips out of 0.5 to 1.3 of their
    height at rest `[20, 3]`."""
    speed = np.linalg.norm(np.diff(positions, axis=0, prepend=positions[:1]), axis=-1).max(axis=-1) * frame_rate
    height = positions[:, 0, 2] / rest[0, 2]
    return ~((speed <= FASTEST_JOINT) & (height >= HIPS_HEIGHTS[0]) & (height <= HIPS_HEIGHTS[1]))


def hips_range(positions: Array, rest: Array) -> tuple[float, float]:
    """Least and greatest height of the hips as a share of their height at rest `[20, 3]`."""
    height = positions[:, 0, 2] / rest[0, 2]
    return float(height.min()), float(height.max())
