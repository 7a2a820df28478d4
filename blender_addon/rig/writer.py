# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters written to pose bones: only what is driven, in each bone's own rotation mode."""

from __future__ import annotations

import bpy
import numpy as np

from drmm_engine.body.joints import Joints
from drmm_engine.body.rotations import Array

from ..channels import nearest_euler, rotation_property, rotation_values


def write(armature: bpy.types.Object, joints: Joints, theta: Array) -> None:
    """Put the driven bones into the pose of parameters `[P]`, with the angles nearest to those they have.

    ValueError names a driven bone that is gone; then nothing is changed. The view layer is not updated.
    """
    basis = joints.basis(np.asarray(theta, float))
    place = {name: row for row, name in enumerate(joints.armature.names)}
    bones = {joint.bone: armature.pose.bones.get(joint.bone) for joint in joints.joints}
    for name, bone in bones.items():
        if bone is None:
            raise ValueError(f"the bone {name!r} of {armature.name!r} is gone; use Find Bones again")
    for joint in joints.joints:
        bone, row = bones[joint.bone], place[joint.bone]
        _turn(bone, basis.rotation[row])
        if joint.move_low is not None:
            bone.location = basis.location[row]


def channels(armature: bpy.types.Object, joints: Joints) -> list[tuple[str, str]]:
    """The properties that `write` sets, as (bone, property): ("thigh.L", "rotation_euler"), ("hips", "location")."""
    result = []
    for joint in joints.joints:
        result.append((joint.bone, rotation_property(armature.pose.bones[joint.bone].rotation_mode)))
        if joint.move_low is not None:
            result.append((joint.bone, "location"))
    return result


def _turn(bone: bpy.types.PoseBone, q: Array) -> None:
    mode = bone.rotation_mode
    if mode == "QUATERNION":
        bone.rotation_quaternion = q if q @ np.array(bone.rotation_quaternion) >= 0.0 else -q
        return
    values = rotation_values(q[None], mode)[0]
    if mode == "AXIS_ANGLE":
        bone.rotation_axis_angle = _nearest_axis_angle(values, np.array(bone.rotation_axis_angle))
    else:
        bone.rotation_euler = nearest_euler(values, np.array(bone.rotation_euler), mode)


def _nearest_axis_angle(values: Array, before: Array) -> Array:
    """The same turn about the axis on the side of the one before, with the nearest angle."""
    if abs(values[0]) < 1e-6:
        values = np.array([0.0, *before[1:]])
    elif values[1:] @ before[1:] < 0.0:
        values = -values
    values[0] += 2 * np.pi * np.round((before[0] - values[0]) / (2 * np.pi))
    return values
