# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of a rig's bones that is kept with an armature: filled with sensible defaults, then the animator's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import bpy
import numpy as np

from drmm_engine.body.armature import Armature

from ..armature import check_editable
from . import anatomy, choose, follow, limits

NEAR = 1e-4  # of a bone's length: a bone at rest here is the one of the list under another name
STEP = 0.5  # of the stature: how far the bone that carries the body may move


def present(armature: bpy.types.Object) -> dict[str, bpy.types.PropertyGroup]:
    """Bone -> row, of the driven bones and the effectors; renamed bones are found by where they are at rest.

    ValueError names those that are gone.
    """
    rows, gone = matched(armature, used(armature))
    if gone:
        some = ", ".join(repr(row.name) for row in gone[:3]) + (" and more" if len(gone) > 3 else "")
        raise ValueError(f"of {armature.name!r} the bones {some} are gone; use Find Bones again, or untick them")
    return rows


def used(armature: bpy.types.Object) -> list[bpy.types.PropertyGroup]:
    """The rows of driven bones and effectors."""
    listed = armature.drmm.rig.bones
    flags = np.zeros((3, len(listed)), bool)
    for name, flag in zip(("driven", "use_head", "use_tail"), flags, strict=True):
        listed.foreach_get(name, flag)
    return [listed[place] for place in np.flatnonzero(flags.any(axis=0))]


def matched(
    armature: bpy.types.Object, rows: Iterable[bpy.types.PropertyGroup]
) -> tuple[dict[str, bpy.types.PropertyGroup], list[bpy.types.PropertyGroup]]:
    """Bone -> row, and the rows of which there is no bone, under its own name or another."""
    bones, listed = armature.data.bones, armature.drmm.rig.bones
    found, gone = {}, []
    for row in rows:
        name = row.name
        if name not in bones:
            others = (bone.name for bone in bones if listed.find(bone.name) < 0 and _same_place(row, bone))
            name = next(others, None)
        if name:
            found[name] = row
        else:
            gone.append(row)
    return found, gone


def rename(armature: bpy.types.Object) -> None:
    """Give the rows of renamed bones their new names, and drop unused rows without a bone."""
    listed = armature.drmm.rig.bones
    rows, gone = matched(armature, listed)
    renamed = {row.name: name for name, row in rows.items()}
    for name, row in rows.items():
        row.follows = renamed.get(row.follows, row.follows)
        if row.name != name:
            row.name = name
    keep = {row.name for row in gone if row.driven or row.use_head or row.use_tail} | set(rows)
    for place in reversed(range(len(listed))):
        if listed[place].name not in keep:
            listed.remove(place)


def row(armature: bpy.types.Object, name: str = "") -> bpy.types.PropertyGroup:
    """The row of a bone, or the one chosen in the list; ValueError where there is none."""
    settings = armature.drmm.rig
    if not name and 0 <= settings.bone_index < len(settings.bones):
        name = settings.bones[settings.bone_index].name
    found = next((item for item in settings.bones if item.name == name), None)
    if found is None:
        raise ValueError(f"the bone {name!r} of {armature.name!r} is not listed; use Find Bones first")
    return found


def find(armature: bpy.types.Object) -> int:
    """Fill the list anew with all bones: which are driven, how far, what is reached for, and what cannot be driven.

    Returns how many are driven.
    """
    from .reader import blocked, check, read_bones  # reading rests on the list, and filling it on reading

    check(armature)
    check_editable(armature)
    bones = sorted(armature.pose.bones, key=lambda bone: len(bone.parent_recursive))
    if not bones:
        raise ValueError(f"the armature {armature.name!r} has no bones; add some in Edit Mode")
    rest, reasons = read_bones(bones), limits.overruled(armature)
    free = {bone.name for bone in bones if bone.name not in reasons and not limits.locked(bone)}
    mapping = choose.joints(rest, free)
    chosen = choose.driven(rest, free, _wanted(armature, free), mapping)
    settings = armature.drmm.rig
    new = not settings.bones
    settings.measured = any(blocked(armature, name, reasons, chosen) for name in chosen)
    _fill(armature, rest, chosen, mapping)
    for item in settings.bones:
        item.problem = reasons.get(item.name) or limits.locked(armature.pose.bones[item.name])
    count = measure(armature) if settings.measured else len(chosen)
    if new:
        settings.use_mocap = bool(mapping) and _can_stand(armature)
    return count


def forgotten(armature: bpy.types.Object) -> str:
    """A warning where Blender will not keep the list with the file; else empty.

    From 5.0 on a library override keeps settings only where the linked rig has some, whatever they are.
    """
    override = armature.override_library
    if override is None or bpy.app.version < (5, 0, 0) or _has_settings(override.reference, "drmm"):
        return ""
    library = override.reference.library.name
    return f"this override keeps its list only until the file is closed: use Find Bones in {library!r} too, once"


def _has_settings(owner: bpy.types.bpy_struct, name: str) -> bool:
    """Whether a property, or one of the group that it is, was given a value: a group is made by looking at it."""
    if not owner.is_property_set(name):
        return False
    value = getattr(owner, name)
    if not isinstance(value, bpy.types.PropertyGroup):
        return True
    names = [each.identifier for each in value.bl_rna.properties if each.identifier != "rna_type"]
    return any(_has_settings(value, name) for name in names)


def measure(armature: bpy.types.Object) -> int:
    """Find out what carries what in a control rig, and drive no bone that does not follow the driven ones rigidly.

    Returns how many are driven.
    """
    settings = armature.drmm.rig
    rows = {row.name: row for row in settings.bones if row.name in armature.pose.bones}
    reasons = limits.overruled(armature)
    for name, row in rows.items():
        row.problem = reasons.get(name) or limits.locked(armature.pose.bones[name])
    driven = [name for name, row in rows.items() if row.driven and not row.problem]
    seen = follow.measure(armature, driven, bpy.context.view_layer)
    for name, row in rows.items():
        row.follows, row.turned = seen.parents[name], name in driven
        row.problem = row.problem or seen.problems.get(name, "")
        row.driven = row.driven and not row.problem
        row.use_head, row.use_tail = (row.use_head and not row.problem), (row.use_tail and not row.problem)
        if name in seen.idle:
            row.source = "nothing that deforms follows it: set the rig to FK"
    return sum(row.driven for row in rows.values())


def _fill(armature: bpy.types.Object, rest: Armature, chosen: Sequence[str], mapping: dict[str, str]) -> None:
    """Write the rows, in Blender's order of the bones."""
    reached = choose.effectors(rest, chosen, mapping)
    listed = armature.drmm.rig.bones
    for number in reversed(range(len(listed))):  # others are used again: an override cannot take out its library's
        if listed[number].name not in armature.pose.bones:
            listed.remove(number)
    up = np.array(armature.matrix_world.inverted().to_3x3().col[2], float)
    frame = anatomy.body(rest, mapping, up)
    joints = {bone: joint for joint, bone in mapping.items()}
    trunk = _trunk(rest, mapping)
    carrier = choose.carrier(rest, chosen, mapping)
    place = {name: row for row, name in enumerate(rest.names)}
    stature = float(np.ptp(rest.rest[:, :3, 3], axis=0).max())
    for bone in armature.pose.bones:
        row, at = listed.get(bone.name) or listed.add(), place[bone.name]
        row.name, row.follows, row.turned = bone.name, "", False
        row.head, row.tail = bone.bone.head_local, bone.bone.tail_local
        row.driven = bone.name in chosen
        row.use_head, row.use_tail = ((bone.name, end) in reached for end in ("head", "tail"))
        if bone.name == carrier:
            low, high = anatomy.root_ranges(rest, at, frame)
        else:
            low, high = anatomy.ranges(rest, at, joints.get(bone.name) or trunk.get(bone.name), frame)
        kind, low, high, row.source = limits.angles(bone, low, high)
        row.kind = kind
        row.low, row.high = low, high
        row.moves = bone.name == carrier and limits.can_move(bone)
        row.move_low, row.move_high = limits.moves(bone, STEP * stature)


def _trunk(rest: Armature, mapping: dict[str, str]) -> dict[str, str]:
    """The bones between hips, chest and head that the canonical skeleton has no joint for."""
    between = {}
    for joint, part in (("Chest", "Spine"), ("Head", "Neck")):
        if joint in mapping:
            for name in choose.up_to(rest, mapping[joint], mapping["Hips"]):
                if name not in mapping.values():
                    between.setdefault(name, part)
    return between


def _wanted(armature: bpy.types.Object, free: set[str]) -> set[str]:
    """Those of the free bones that move the character: the visible ones that deform it, else all visible ones."""
    visible = {bone.name for bone in armature.pose.bones if bone.name in free and _visible(bone)}
    deforming = {name for name in visible if armature.data.bones[name].use_deform}
    return deforming or visible


def _can_stand(armature: bpy.types.Object) -> bool:
    """Whether poses of people can be carried over to the armature."""
    from . import reader, sources

    try:
        sources.character_of(armature, reader.read(armature).joints)
    except ValueError:
        return False
    return True


def _visible(bone: bpy.types.PoseBone) -> bool:
    collections = bone.bone.collections
    hidden = bone.bone.hide or getattr(bone, "hide", False)  # from 5.0 on, pose bones are hidden
    return not hidden and (not collections or any(c.is_visible_effectively for c in collections))


def _same_place(row: bpy.types.PropertyGroup, bone: bpy.types.Bone) -> bool:
    ends = np.array([bone.head_local, bone.tail_local]) - np.array([row.head, row.tail])
    return bool(np.abs(ends).max() <= NEAR * bone.length)
