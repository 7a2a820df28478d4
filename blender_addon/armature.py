# SPDX-License-Identifier: GPL-3.0-or-later
"""Armature objects read for the engine: mapping, rest pose, pose, and what stands in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import bpy
import numpy as np

from drmm_engine.motion import mapping as names
from drmm_engine.motion import skeleton
from drmm_engine.motion.rig import OPTIONAL, Rig, mapped_bones

from . import controls
from .channels import rotation_property
from .character import Character
from .spaces import similarity


def propose_mapping(armature: bpy.types.Object) -> dict[str, str]:
    """The bones that by their names are the canonical joints; of a control rig that was looked at, its controls."""
    found = controls.mapping(armature) if controls.seen(armature) else {}
    if found:
        return found
    bones = _bones(armature)
    index = {bone.name: i for i, bone in enumerate(bones)}
    parents = [index[bone.parent.name] if bone.parent else -1 for bone in bones]
    return names.propose([bone.name for bone in bones], parents)


def guess_mapping(armature: bpy.types.Object) -> list[str]:
    """Fill an armature's mapping with the proposed bones; the joints that need a bone and got none."""
    proposed, rows = propose_mapping(armature), armature.drmm.mapping
    rows.clear()
    for joint in skeleton.JOINTS:
        row = rows.add()
        row.joint, row.bone = joint, proposed.get(joint, "")
    return [joint for joint in names.missing(proposed) if joint not in OPTIONAL]


def mapping_of(armature: bpy.types.Object) -> dict[str, str]:
    """The mapping chosen for an armature; the proposed one as long as none was chosen."""
    chosen = armature.drmm.mapping
    if len(chosen) == 0:
        return propose_mapping(armature)
    return {item.joint: item.bone for item in chosen if item.bone}


def read_character(armature: bpy.types.Object, stand: tuple[float, np.ndarray] | None = None) -> Character:
    """The armature where it stands, or stood by an earlier `stand_of`; ValueError with what stands in the way."""
    check_editable(armature)
    mapping = mapping_of(armature)
    rest = _rest(armature, mapping)
    unit, stand = stand or stand_of(armature)
    matrices = rest.rest.copy()
    matrices[:, :3, 3] *= unit
    return Character(
        name=armature.name,
        rig=replace(rest, rest=stand @ matrices),
        mapping=mapping,
        unit=unit,
        pose=joint_positions(armature, mapping),
        modes={bone.name: bone.rotation_mode for bone in armature.pose.bones},
    )


def stand_of(armature: bpy.types.Object) -> tuple[float, np.ndarray]:
    """What carries the rest pose to where object and parent of the hips bone are: scale, and rigid matrix `[4, 4]`."""
    return _stand(armature, armature.pose.bones[mapping_of(armature)["Hips"]].parent)


def check_editable(armature: bpy.types.Object) -> None:
    """Raise ValueError unless the armature can be given keys."""
    override = armature.override_library
    if armature.library or (override and override.is_system_override):
        raise ValueError(f"the armature {armature.name!r} is linked; make a library override of it that can be edited")
    if armature.mode == "EDIT":
        raise ValueError(f"the armature {armature.name!r} is in Edit Mode; leave it first (Tab)")


def joint_positions(armature: bpy.types.Object, mapping: dict[str, str]) -> np.ndarray:
    """Where the canonical joints are now, world space, `[20, 3]`; nan where no bone is mapped."""
    positions = np.full((len(skeleton.JOINTS), 3), np.nan)
    for row, joint in enumerate(skeleton.JOINTS):
        if mapping.get(joint):
            positions[row] = armature.matrix_world @ armature.pose.bones[mapping[joint]].head
    return positions


def constrained(armature: bpy.types.Object, bones: Sequence[str]) -> list[str]:
    """Those of the bones whose active constraints may overrule their keys."""
    return [
        name for name in bones if any(c.enabled and c.influence > 0 for c in armature.pose.bones[name].constraints)
    ]


def read_pose(armature: bpy.types.Object, hips: str, bones: Sequence[str]) -> np.ndarray:
    """The hips bone's location and each bone's rotation property, four numbers a bone, as one row of numbers."""
    row = list(armature.pose.bones[hips].location)
    for name in bones:
        bone = armature.pose.bones[name]
        values = list(getattr(bone, rotation_property(bone.rotation_mode)))
        row += values + [0.0] * (4 - len(values))
    return np.array(row)


def write_pose(armature: bpy.types.Object, hips: str, bones: Sequence[str], row: np.ndarray) -> None:
    """Set what `read_pose` reads."""
    armature.pose.bones[hips].location = row[:3]
    for name, values in zip(bones, np.reshape(row[3:], (-1, 4)), strict=True):
        bone = armature.pose.bones[name]
        setattr(bone, rotation_property(bone.rotation_mode), values if len(bone.rotation_mode) > 3 else values[:3])


def _bones(armature: bpy.types.Object) -> list[bpy.types.Bone]:
    """Bones with parents before children."""
    return sorted(armature.data.bones, key=lambda bone: len(bone.parent_recursive))


def _rest(armature: bpy.types.Object, mapping: dict[str, str]) -> Rig:
    """The bones as they are in Edit Mode, or as the controls hang from one another, in the armature's own units."""
    if controls.seen(armature) and mapping == controls.mapping(armature):
        rest = controls.rest(armature, mapping)
        mapped_bones(rest, mapping)
        return rest
    controls.check(armature)
    bones = _bones(armature)
    index = {bone.name: i for i, bone in enumerate(bones)}
    parents = np.array([index[bone.parent.name] if bone.parent else -1 for bone in bones])
    rest = Rig(tuple(index), parents, np.array([bone.matrix_local for bone in bones], float))
    _check_bones(armature, mapped_bones(rest, mapping))
    return rest


def _stand(armature: bpy.types.Object, above: bpy.types.PoseBone | None) -> tuple[float, np.ndarray]:
    """Scale and rigid matrix `[4, 4]` from the rest pose to where the object, and the bone above the hips, are now."""
    where = f"the armature {armature.name!r}"
    result = similarity(armature.matrix_world, where)
    if above is None:
        return result
    moved = armature.matrix_world @ above.matrix @ above.bone.matrix_local.inverted()
    return similarity(moved, f"the bone {above.name!r} of {where}")


def _check_bones(armature: bpy.types.Object, mapped: dict[str, int]) -> None:
    """Raise ValueError where a mapped bone does not move as its keys say."""
    bones = _bones(armature)
    where = f"of the armature {armature.name!r}"
    hips = bones[mapped["Hips"]]
    if hips.use_connect and hips.parent:
        raise ValueError(f"the hips bone {hips.name!r} {where} is connected to its parent; disconnect it in Edit Mode")
    if not hips.use_local_location:
        raise ValueError(f"the hips bone {hips.name!r} {where} does not move in its own axes; turn Local Location on")
    for bone in (bones[index] for index in mapped.values()):
        if bone.parent and not bone.use_inherit_rotation:
            raise ValueError(f"the bone {bone.name!r} {where} does not inherit rotation; turn that on")
