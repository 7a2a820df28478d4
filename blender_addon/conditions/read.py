# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions as scene objects: read where they stand, and kept places brought up to date."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np

from ..scenes import holds
from . import words
from .goals import Row
from .space import Array, Space


def rows(armature: bpy.types.Object, scene: bpy.types.Scene) -> list[Row]:
    """The conditions in use, in the armature's space; ValueError names the first that cannot be read."""
    space = Space.of(armature.matrix_world, armature.name)
    return [_row(number, item, armature, scene, space) for number, item in _used(armature)]


def locked(armature: bpy.types.Object) -> list[str]:
    """The bones that are to stay as they are; ValueError names one that is gone."""
    names = [lock.name for lock in armature.drmm.locks]
    for name in names:
        if name not in armature.data.bones:
            raise ValueError(f"the locked bone {name!r} of {armature.name!r} is gone or renamed; take it off the list")
    return names


def problem(item: bpy.types.PropertyGroup, armature: bpy.types.Object, scene: bpy.types.Scene) -> str:
    """What is wrong with a row of the list, in a few words; empty where nothing is. Cheap enough for drawing."""
    if words.needs_bone(item.what) and item.bone not in armature.data.bones:
        return f"the bone {item.bone!r} is gone or renamed" if item.bone else "no bone is chosen"
    if item.how not in words.ways(item.what):
        return "this cannot be asked so; choose another How"
    if words.takes_object(item.what, item.how):
        if item.object is None:
            return "its object is gone" if words.needs_object(item.what, item.how) else ""
        if not holds(scene, item.object):
            return f"its object {item.object.name!r} is not in the scene"
        if item.object == armature:
            return "its object is the armature itself"
    if item.what == "ANGLE" and item.how == "BOX" and item.low > item.high:
        return "its first angle is above the second"
    return ""


def keep(item: bpy.types.PropertyGroup, armature: bpy.types.Object) -> None:
    """Note how the bone, the centre of mass or the angle of a row is now; the view layer must be up to date."""
    if item.what == "ANGLE":
        item.low = angle_now(armature, item.bone, item.axis)
        return
    item.kept = np.asarray(world_now(armature, item.what, item.bone), float).ravel(order="F")


def world_now(armature: bpy.types.Object, what: str, bone: str) -> Array:
    """World matrix `[4, 4]` of a thing as it is now: a bone's, moved to its tail, or the centre of mass's place."""
    matrix = np.eye(4)
    if what in ("MASS", "BODY"):
        matrix[:3, 3] = _mass_now(armature)
    else:
        pose_bone = armature.pose.bones[bone]
        matrix = np.array(pose_bone.matrix, float)
        if what == "TAIL":
            matrix[:3, 3] = pose_bone.tail
    return np.array(armature.matrix_world, float) @ matrix


def angle_now(armature: bpy.types.Object, bone: str, axis: str) -> float:
    """An angle of a driven joint as it is now, radians; ValueError where the rig has no such joint."""
    from .. import rig as rigs

    joints = rigs.read(armature).joints
    name = f"{bone}.{axis.lower()}"
    if name not in joints.names:
        raise ValueError(f"the bone {bone!r} of {armature.name!r} has no joint angle {axis.lower()}; choose another")
    return float(rigs.theta(armature, joints)[joints.names.index(name)])


def _used(armature: bpy.types.Object) -> Iterator[tuple[int, bpy.types.PropertyGroup]]:
    return ((number, item) for number, item in enumerate(armature.drmm.conditions) if item.use and item.weight > 0.0)


def _row(
    number: int, item: bpy.types.PropertyGroup, armature: bpy.types.Object, scene: bpy.types.Scene, space: Space
) -> Row:
    wrong = problem(item, armature, scene)
    if wrong:
        about = words.label(item.what, item.bone, item.axis) if item.bone else item.what.lower()
        raise ValueError(f"condition {number + 1} of {armature.name!r} ({about}): {wrong}")
    chosen = item.object if words.takes_object(item.what, item.how) else None
    return Row(
        number=number,
        what=item.what,
        how=item.how,
        bone=item.bone if words.needs_bone(item.what) else "",
        axis=item.axis,
        place=_place(item, chosen, space),
        object=chosen.name if chosen else "",
        confidence=item.confidence if item.how == "KNOWN" else 1.0,
        weight=item.weight,
        low=item.low,
        high=item.high,
        spread=item.spread,
    )


def _place(item: bpy.types.PropertyGroup, chosen: bpy.types.Object | None, space: Space) -> Array | None:
    if item.what == "ANGLE":
        return None
    if item.how == "KEEP":
        return space.inside(np.reshape(item.kept, (4, 4), order="F"))
    if chosen is None:
        return space.inside(np.eye(4))  # the floor of the world
    seen = extent(chosen) if item.how in ("PRIOR", "BOX") else np.eye(4)
    return space.inside(np.array(chosen.matrix_world, float) @ seen)


def extent(chosen: bpy.types.Object) -> Array:
    """From a sphere or cube of half-size 1 to what is seen of an object, in the object's own space `[4, 4]`."""
    matrix = np.eye(4)
    if chosen.type == "EMPTY":
        matrix[:3, :3] *= chosen.empty_display_size
        return matrix
    corners = np.array(chosen.bound_box, float)
    half = np.ptp(corners, axis=0) / 2.0
    matrix[:3, :3] = np.diag(np.where(half > 0.0, half, 1.0))
    matrix[:3, 3] = corners.mean(axis=0) if half.any() else 0.0
    return matrix


def _mass_now(armature: bpy.types.Object) -> Array:
    """The centre of mass in the armature's space, as `goals.masses` weighs it."""
    from .. import rig as rigs
    from .goals import masses

    described = rigs.read(armature)
    bones = [armature.pose.bones[name] for name in described.joints.armature.names]
    middles = np.array([(np.array(bone.head) + np.array(bone.tail)) / 2.0 for bone in bones])
    return masses(described) @ middles
