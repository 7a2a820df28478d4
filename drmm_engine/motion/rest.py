# SPDX-License-Identifier: Apache-2.0
"""The rest pose of a body that is known from motion only."""

from __future__ import annotations

import numpy as np

from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array
from drmm_engine.model import Model
from drmm_engine.motion.skeleton import JOINTS, MIRROR, PARENTS, facing, index

_MIRRORED = (1.0, -1.0, 1.0)
_STANDING = 0.02  # metres above its lowest at which a toe joint counts as standing


def rest_of(model: Model) -> Array:
    """The rest pose `[20, 3]` of the body that a motion model moves; ValueError where its file tells of none."""
    if not model.skeleton:
        raise ValueError("the model's file tells of no body: train one with training.locomotion or training.pose")
    return np.array(model.skeleton["rest"], dtype=float)


def rest_pose(positions: Array) -> Array:
    """A symmetric T-pose `[20, 3]` of the body in `positions` `[F, 20, 3]`, facing +x, its hips above the origin.

    Metres, Z up, floor at z = 0, feet flat. Bone lengths are medians; the trunk is held as it is on average, the arms
    point sideways, the legs down, and the feet forwards with the slope from ankle to toes that they have on the floor.
    """
    positions = np.asarray(positions, float)
    offsets = positions[:, 1:] - positions[:, PARENTS[1:]]
    lengths = np.concatenate([[0.0], np.median(np.linalg.norm(offsets, axis=-1), axis=0)])
    lengths = 0.5 * (lengths + lengths[MIRROR])
    forward = facing(positions)
    heading = rot.inverse(rot.from_axis_angle((0.0, 0.0, 1.0), np.arctan2(forward[:, 1], forward[:, 0])))
    directions = np.zeros((len(JOINTS), 3))
    directions[1:] = np.median(rot.rotate(heading[:, None], offsets), axis=0)
    directions = rot.normalize(directions + directions[MIRROR] * _MIRRORED)
    standing, slope = _soles(positions)
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        for part in ("LowerArm", "Hand"):
            directions[index(side + part)] = (0.0, sign, 0.0)
        for part in ("LowerLeg", "Foot"):
            directions[index(side + part)] = (0.0, 0.0, -1.0)
        directions[index(side + "Toes")] = (np.sqrt(1.0 - slope**2), 0.0, slope)
    rest = np.zeros((len(JOINTS), 3))
    for joint, parent in enumerate(PARENTS[1:], start=1):
        rest[joint] = rest[parent] + lengths[joint] * directions[joint]
    rest[:, 2] += standing - rest[index("LeftToes"), 2]
    return rest


def _soles(positions: Array) -> tuple[float, float]:
    """Height of the toe joints while they stand, and the sine of the slope from ankle to toes then (negative)."""
    heights, slopes = [], []
    for side in ("Left", "Right"):
        foot, toes = positions[:, index(f"{side}Foot")], positions[:, index(f"{side}Toes")]
        height = np.percentile(toes[:, 2], 5)
        standing = toes[:, 2] < height + _STANDING
        heights.append(height)
        slopes.append(np.median(rot.normalize(toes[standing] - foot[standing])[:, 2]))
    return float(np.mean(heights)), float(np.mean(slopes))
