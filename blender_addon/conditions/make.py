# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions made: a row in the list, and the empty that it lies at, of the right kind, place and size."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from .. import armature as rigs
from . import words
from .read import Array, angle_now, keep, world_now
from .space import Space

OWN = "drmm_condition"  # custom property of the empties that were made here
# Empty's display and size, the size in statures of the armature; and what its name ends with.
EMPTIES = {
    "KNOWN": ("PLAIN_AXES", 0.05, "Goal"),
    "PRIOR": ("SPHERE", 0.08, "Prior"),
    "HALF_SPACE": ("SINGLE_ARROW", 0.15, "Plane"),
    "BOX": ("CUBE", 0.1, "Box"),
}
FOOT = ("foot", "ankle", "paw", "hoof", "pes")
LOW = 0.15  # an effector no higher than this above the lowest, in statures, is a foot where no name says more


def add(
    context: bpy.types.Context,
    armature: bpy.types.Object,
    what: str,
    how: str,
    bone: str = "",
    axis: str = "Y",
    chosen: bpy.types.Object | None = None,
) -> bpy.types.PropertyGroup:
    """Add a condition to an armature's list, and where it needs an object and none is chosen, an empty.

    ValueError where the thing cannot be asked for in that way, or the armature has no such bone.
    """
    if how not in words.ways(what):
        raise ValueError(f"{what.lower()} has no {how.lower()} condition; choose one of {', '.join(words.ways(what))}")
    if words.needs_bone(what) and bone not in armature.data.bones:
        raise ValueError(f"there is no bone {bone!r} in {armature.name!r}; select a bone in Pose Mode, or name one")
    Space.of(armature.matrix_world, armature.name)
    if words.takes_object(what, how) and chosen is None and not (what == "BODY" and how == "HALF_SPACE"):
        chosen = new_empty(context, armature, what, how, bone)
    return _fill(armature, what, how, bone, axis, chosen)


def fit(context: bpy.types.Context, armature: bpy.types.Object, item: bpy.types.PropertyGroup) -> None:
    """Make a row's empty look as its way is asked for; where it has none and needs one, make it."""
    if item.how not in words.ways(item.what) or item.what == "ANGLE":
        return
    if item.how == "KEEP":
        keep(item, armature)
    elif item.object is None and words.needs_object(item.what, item.how):
        item.object = new_empty(context, armature, item.what, item.how, item.bone)
    elif item.object and item.object.get(OWN):
        item.object.empty_display_type = _display(item.what, item.how)
        item.object.name = _name(item.what, item.how, item.bone)


def floor(armature: bpy.types.Object, chosen: bpy.types.Object | None = None) -> bpy.types.PropertyGroup:
    """Keep hands, feet, knees and head above the floor: the plane z = 0 of the world, or an object's X-Y plane."""
    for item in armature.drmm.conditions:
        if (item.what, item.how) == ("BODY", "HALF_SPACE") and item.object == chosen:
            item.use = True
            return item
    return _fill(armature, "BODY", "HALF_SPACE", "", "Y", chosen)


def feet_stay(armature: bpy.types.Object) -> list[str]:
    """Keep every foot where and as it is now; the bones of the feet. ValueError where none is found."""
    found = feet(armature)
    if not found:
        raise ValueError(f"no foot was found in {armature.name!r}; map its feet, or add Keep conditions for its bones")
    for bone in found:
        rows = (row for row in armature.drmm.conditions if (row.what, row.how, row.bone) == ("TRANSFORM", "KEEP", bone))
        item = next(rows, None) or _fill(armature, "TRANSFORM", "KEEP", bone, "Y", None)
        item.use = True
        keep(item, armature)
    return found


def feet(armature: bpy.types.Object) -> list[str]:
    """The bones of the feet: the mapped ones, or those named so, or the lowest effectors at rest."""
    bones = armature.data.bones
    mapping = rigs.mapping_of(armature)
    mapped = [mapping.get(joint) for joint in ("LeftFoot", "RightFoot")]
    if any(name in bones for name in mapped if name):
        return [name for name in mapped if name in bones]
    from .. import rig as rig_of

    described = rig_of.read(armature)
    driven = {joint.bone for joint in described.joints.joints}
    order = [name for name in described.joints.armature.names if name in driven]
    named = [name for name in order if any(word in name.lower() for word in FOOT)]
    if named:
        return named
    heights = {bone: bones[bone].tail_local.z for bone, _ in described.effectors}
    lowest = min(heights.values(), default=0.0)
    return [bone for bone, height in heights.items() if height - lowest <= LOW * described.stature]


def new_empty(
    context: bpy.types.Context, armature: bpy.types.Object, what: str, how: str, bone: str
) -> bpy.types.Object:
    """The empty for a condition, where the thing is now, in the scene's current collection."""
    empty = bpy.data.objects.new(_name(what, how, bone), None)
    empty[OWN] = True
    empty.empty_display_type, empty.empty_display_size = _display(what, how), EMPTIES[how][1] * stature(armature)
    empty.show_in_front = True
    empty.matrix_world = Matrix(_where(world_now(armature, what, bone), what in words.TURNS))
    context.collection.objects.link(empty)
    return empty


def stature(armature: bpy.types.Object) -> float:
    """The longest side of the box about the bones at rest, in world units."""
    ends = np.array([end for bone in armature.data.bones for end in (bone.head_local, bone.tail_local)], float)
    return float(np.ptp(ends, axis=0).max()) * Space.of(armature.matrix_world, armature.name).scale


def remove(armature: bpy.types.Object, index: int) -> None:
    """Take a row off the list, and with it the empty that was made for it where no other row uses that."""
    rows = armature.drmm.conditions
    chosen = rows[index].object
    rows.remove(index)
    if chosen and chosen.get(OWN) and all(row.object != chosen for row in rows) and not chosen.children:
        bpy.data.objects.remove(chosen)


def _unique(label: str, rows: bpy.types.bpy_prop_collection) -> str:
    """A name that no other row has: library overrides tell items apart by their names."""
    names = [label, *(f"{label} {number}" for number in range(1, len(rows) + 1))]
    return next(name for name in names if name not in rows)


def _name(what: str, how: str, bone: str) -> str:
    return f"{bone or words.label(what, bone).title()} {EMPTIES[how][2]}"


def _display(what: str, how: str) -> str:
    return "ARROWS" if what in words.TURNS else EMPTIES[how][0]


def _where(world: Array, turned: bool) -> Array:
    """A world matrix without its scale, and without its turn where that is not asked."""
    matrix = np.eye(4)
    matrix[:3, 3] = world[:3, 3]
    if turned:
        matrix[:3, :3] = world[:3, :3] / np.linalg.norm(world[:3, :3], axis=0)
    return matrix


def _fill(
    armature: bpy.types.Object, what: str, how: str, bone: str, axis: str, chosen: bpy.types.Object | None
) -> bpy.types.PropertyGroup:
    settings = armature.drmm
    value = angle_now(armature, bone, axis) if what == "ANGLE" else 0.0
    item = settings.conditions.add()
    item.name = _unique(words.label(what, bone, axis), settings.conditions)
    item.object, item.axis = chosen, axis
    item.what, item.how = what, how
    item.bone = bone  # last: until then a change of the others fits nothing to it
    item.low = item.high = value
    settings.condition_index = len(settings.conditions) - 1
    if how == "KEEP":
        keep(item, armature)
    return item
