# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of a rig's bones that is kept with an armature: filled with sensible defaults, then the animator's."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from drmm_engine.body.armature import Armature

from ..armature import check_editable
from . import anatomy, choose, limits

NEAR = 1e-4  # of a bone's length: a bone at rest here is the one of the list under another name
STEP = 0.5  # of the stature: how far the bone that carries the body may move


def present(armature: bpy.types.Object) -> dict[str, bpy.types.PropertyGroup]:
    """Bone -> row of the list, renamed bones found by where they are at rest.

    ValueError names those of the driven bones and effectors that are gone.
    """
    rows, gone = matched(armature)
    if gone:
        some = ", ".join(repr(name) for name in gone[:3]) + (" and more" if len(gone) > 3 else "")
        raise ValueError(f"of {armature.name!r} the bones {some} are gone; use Find Bones again, or untick them")
    return rows


def matched(armature: bpy.types.Object) -> tuple[dict[str, bpy.types.PropertyGroup], list[str]]:
    """Bone -> row, and the names of the used rows of which there is no bone."""
    bones = armature.data.bones
    rows = {row.name: row for row in armature.drmm.rig.bones if row.name in bones}
    lost = [row for row in armature.drmm.rig.bones if row.name not in bones]
    gone = []
    for row in lost:
        other = next((bone.name for bone in bones if bone.name not in rows and _same_place(row, bone)), None)
        if other:
            rows[other] = row
        elif row.driven or row.use_head or row.use_tail:
            gone.append(row.name)
    return rows, gone


def rename(armature: bpy.types.Object) -> None:
    """Give the rows of renamed bones their new names, and drop unused rows without a bone."""
    rows, gone = matched(armature)
    for name, row in rows.items():
        if row.name != name:
            row.name = name
    listed = armature.drmm.rig.bones
    for place in reversed(range(len(listed))):
        if listed[place].name not in rows and listed[place].name not in gone:
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
    free = {bone.name for bone in bones if bone.name not in reasons}
    mapping = choose.joints(rest, free)
    chosen = choose.driven(rest, free, _wanted(armature, free), mapping)
    chosen = [name for name in chosen if not blocked(armature, name, reasons, chosen)]
    reached = choose.effectors(rest, chosen, mapping)
    _fill(armature, bones, rest, chosen, reached, mapping)
    for item in armature.drmm.rig.bones:
        item.problem = blocked(armature, item.name, reasons, chosen)
    return len(chosen)


def _fill(
    armature: bpy.types.Object, bones: Sequence[bpy.types.PoseBone], rest: Armature, chosen: Sequence[str],
    reached: Sequence[tuple[str, str]], mapping: dict[str, str],
) -> None:  # fmt: skip
    """Write the rows, in Blender's order of the bones."""
    listed = armature.drmm.rig.bones
    listed.clear()
    up = np.array(armature.matrix_world.inverted().to_3x3().col[2], float)
    frame = anatomy.body(rest, mapping, up)
    joints = {bone: joint for joint, bone in mapping.items()}
    trunk = _trunk(rest, mapping)
    carrier = choose.carrier(rest, chosen, mapping)
    place = {name: row for row, name in enumerate(rest.names)}
    stature = float(np.ptp(rest.rest[:, :3, 3], axis=0).max())
    for bone in armature.pose.bones:
        row, at = listed.add(), place[bone.name]
        row.name = bone.name
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


def _visible(bone: bpy.types.PoseBone) -> bool:
    collections = bone.bone.collections
    hidden = bone.bone.hide or getattr(bone, "hide", False)  # from 5.0 on, pose bones are hidden
    return not hidden and (not collections or any(c.is_visible_effectively for c in collections))


def _same_place(row: bpy.types.PropertyGroup, bone: bpy.types.Bone) -> bool:
    ends = np.array([bone.head_local, bone.tail_local]) - np.array([row.head, row.tail])
    return bool(np.abs(ends).max() <= NEAR * bone.length)
