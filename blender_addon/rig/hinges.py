# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses carried over by the places of joints, made to bend elbows and knees as hinges do.

Places do not tell how a limb is twisted. Twisting the upper bone by φ about its length, and the lower one back, leaves
the lower bone as it stands; φ is chosen such that it hangs from the upper one by its hinge alone.
"""

from __future__ import annotations

import numpy as np

from drmm_engine.body import rotations
from drmm_engine.body.joints import Joint, Joints, angles_of
from drmm_engine.body.rotations import Array

STRAIGHT = 1e-3  # of a limb bent less than that, as a sine, the hinge says nothing
CHANGE = 0.02  # what a radian of φ costs in radians of misfit


def untwist(joints: Joints, rotation: Array) -> Array:
    """Basis rotations `[n, B, 4]` of the bones, the twist shared anew where a hinge hangs from a driven bone."""
    rotation, armature = np.array(rotation, float), joints.armature
    driven = {joint.bone: joint for joint in joints.joints}
    for joint in joints.joints:
        lower = armature.names.index(joint.bone)
        upper = int(armature.parents[lower])
        above = driven.get(armature.names[upper]) if upper >= 0 else None
        if above is not None and above.kind == joint.kind == "swing" and _axis(joint) is not None:
            between = rotations.from_matrix(armature.rest[upper, :3, :3].T @ armature.rest[lower, :3, :3])
            rotation[:, upper], rotation[:, lower] = _shared(
                above, joint, between, rotation[:, upper], rotation[:, lower]
            )
    return rotation


def _axis(joint: Joint) -> int | None:
    """The only axis, 0 or 2, about which a joint swings; None where it swings about both or none."""
    free = [axis for axis in (0, 2) if joint.high[axis] > joint.low[axis]]
    return free[0] if len(free) == 1 else None


def _shared(above: Joint, joint: Joint, between: Array, upper: Array, lower: Array) -> tuple[Array, Array]:
    """Of three ways to share the twist, as it is and two that lay the lower bone across its hinge, the best one."""
    hinge = rotations.rotate(between, np.eye(3)[_axis(joint)])
    along = rotations.rotate(rotations.multiply(between, lower), np.array([0.0, 1.0, 0.0]))
    bent, across = np.hypot(along[:, 0], along[:, 2]), np.hypot(hinge[0], hinge[2])
    cosine = -along[:, 1] * hinge[1] / np.maximum(bent * across, 1e-12)
    turn = np.arctan2(hinge[2], hinge[0]) - np.arctan2(along[:, 2], along[:, 0])
    apart = np.arccos(np.clip(cosine, -1.0, 1.0))
    ways = np.stack([np.zeros_like(turn), turn + apart, turn - apart])
    ways = np.where(bent > STRAIGHT, np.remainder(ways + np.pi, 2 * np.pi) - np.pi, 0.0)
    twist = rotations.from_axis_angle((0.0, 1.0, 0.0), ways)
    uppers = rotations.multiply(upper, twist)
    back = rotations.multiply(rotations.inverse(between), rotations.multiply(rotations.inverse(twist), between))
    lowers = rotations.multiply(back, lower)
    cost = _misfit(above, uppers) + _misfit(joint, lowers) + CHANGE * np.abs(ways)
    best = cost.argmin(axis=0)[None, :, None]
    return tuple(np.take_along_axis(turns, best, axis=0)[0] for turns in (uppers, lowers))


def _misfit(joint: Joint, turns: Array) -> Array:
    """By how much the angles of rotations `[..., 4]` are outside of the limits, radians."""
    angles = angles_of(turns, "swing")
    return np.abs(angles - np.clip(angles, joint.low, joint.high)).sum(axis=-1)
