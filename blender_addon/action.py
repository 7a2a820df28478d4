# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys written to Actions, in bulk."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from . import compat
from .channels import Channel, rotation_property

OBJECT = "Object Transforms"  # the group of what moves the object itself, as Blender calls it
LINEAR, BEZIER = 1, 2  # interpolations, and
FREE = 0  # the kind of handles, as Blender counts them


def check_action(armature: bpy.types.Object) -> None:
    """Raise ValueError where the armature's Action cannot be changed or replaced now."""
    animation = armature.animation_data
    if animation and animation.use_tweak_mode:
        raise ValueError(f"an NLA strip of {armature.name!r} is being tweaked; leave tweak mode first (Tab in the NLA)")


def new(armature: bpy.types.Object, name: str, channels: Sequence[Channel], start: int) -> bpy.types.Action:
    """A new Action with the keys of channels from the frame `start` on, which the armature does not use yet."""
    action = bpy.data.actions.new(name)
    bag = compat.new_curves(action, armature)
    for channel in channels:
        _write(bag, channel, start)
    return action


def key_pose(armature: bpy.types.Object, name: str, hips: str, bones: Sequence[str], frame: float) -> None:
    """Key the hips bone's location and the bones' rotations as they stand, in the armature's Action or a new one."""
    check_action(armature)
    animation = armature.animation_data
    if animation is None or animation.action is None:
        compat.assign(armature, bpy.data.actions.new(name))
    elif animation.action.library:
        raise ValueError(f"the Action {animation.action.name!r} of {armature.name!r} is linked; give it one of its own")
    pose_bones = armature.pose.bones
    pose_bones[hips].keyframe_insert("location", frame=frame, group=hips)
    for bone in bones:
        pose_bones[bone].keyframe_insert(rotation_property(pose_bones[bone].rotation_mode), frame=frame, group=bone)


def group_of(bag: bpy.types.bpy_struct, channel: Channel) -> bpy.types.ActionGroup:
    """The group of a channel's curves, named after its bone."""
    title = channel.bone or OBJECT
    return bag.groups.get(title) or bag.groups.new(title)


def _write(bag: bpy.types.bpy_struct, channel: Channel, start: int) -> None:
    group = group_of(bag, channel)
    frames = start + (np.arange(len(channel.values)) if channel.frames is None else channel.frames)
    for index, values in enumerate(channel.values.T):
        curve = bag.fcurves.new(channel.path, index=index)
        curve.group = group
        points = curve.keyframe_points
        points.add(len(frames))
        points.foreach_set("co", np.stack([frames, values], axis=1).astype(np.float32).ravel())
        points.foreach_set("interpolation", np.full(len(frames), LINEAR, np.int32))
        if channel.slopes is not None:
            _bend(points, frames, values, channel.slopes[:, index])
        curve.update()


def _bend(points: bpy.types.bpy_prop_collection, frames: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> None:
    """Cubics with these slopes at the keys: with handles a third of the way off, Blender's curves are just that."""
    third = np.diff(frames, prepend=frames[0] - 3.0, append=frames[-1] + 3.0) / 3
    for name, offset in (("left", -third[:-1]), ("right", third[1:])):
        places = np.stack([frames + offset, values + offset * slopes], axis=1)
        points.foreach_set(f"handle_{name}_type", np.full(len(frames), FREE, np.int32))
        points.foreach_set(f"handle_{name}", places.astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(frames), BEZIER, np.int32))
