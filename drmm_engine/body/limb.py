# SPDX-License-Identifier: Apache-2.0
"""Inverse kinematics of a limb of two bones in closed form, on joint positions; leading dimensions broadcast."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array


def two_bone(
    top: ArrayLike, target: ArrayLike, side: ArrayLike, upper: ArrayLike, lower: ArrayLike
) -> tuple[Array, Array]:
    """Middle and end joints `[..., 3]` of a limb from `top` whose end is at `target`, or as near as it reaches.

    `upper`, `lower` `[...]` are the lengths of the bones. The middle joint lies on the side `side` `[..., 3]` of the
    line from top to end:
    at a = (d² + upper² - lower²) / 2 d along a line of length d (law of cosines).
    """
    top, upper, lower = np.asarray(top, float), np.asarray(upper, float)[..., None], np.asarray(lower, float)[..., None]
    line = np.asarray(target, float) - top
    along = rot.normalize(line)
    distance = np.clip(np.linalg.norm(line, axis=-1, keepdims=True), np.abs(upper - lower), upper + lower)
    distance = np.maximum(distance, 1e-9)
    a = (distance**2 + upper**2 - lower**2) / (2.0 * distance)
    height = np.sqrt(np.maximum(upper**2 - a**2, 0.0))
    side = np.asarray(side, float)
    aside = rot.normalize(side - along * np.sum(side * along, axis=-1, keepdims=True))
    return top + a * along + height * aside, top + distance * along
