# SPDX-License-Identifier: GPL-3.0-or-later
"""Control rigs, as Rigify makes them, for whole-body motion: by their FK controls, as Find Bones saw them carried."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

from drmm_engine.motion.rig import OPTIONAL, Rig
from drmm_engine.motion.skeleton import JOINTS


def seen(armature: bpy.types.Object) -> bool:
    """Whether Find Bones looked at what carries what in a control rig."""
    return armature.drmm.rig.measured


def mapping(armature: bpy.types.Object) -> dict[str, str]:
    """Canonical joint -> FK control, of those that can be driven; empty for rigs of other names."""
    from .rig import choose  # which itself rests on armature.py

    return choose.controls({row.name for row in armature.drmm.rig.bones if row.driven})


def check(armature: bpy.types.Object) -> None:
    """Raise ValueError for a control rig mapped by bones that it moves itself: it would overrule their keys."""
    from .rig import choose

    if choose.controls(set(armature.pose.bones.keys())):
        raise ValueError(
            f"{armature.name!r} is a control rig: set its arms and legs to FK, use Find Bones in the Rig panel, and "
            "guess the mapping of its bones again"
        )


def rest(armature: bpy.types.Object, joints: Mapping[str, str]) -> Rig:
    """The driven bones as they hang from one another, at rest with what is above the hips, in the armature's units.

    ValueError where a joint that a body needs has no control.
    """
    from .rig import reader

    missing = [joint for joint in JOINTS if joint not in joints and joint not in OPTIONAL]
    if missing:
        raise ValueError(
            f"no FK control of {armature.name!r} carries {', '.join(missing)} along: set arms and legs to FK, neck and "
            "head to follow the body, and use Find Bones again"
        )
    carried = reader.read(armature).joints.armature
    above = armature.pose.bones[joints["Hips"]].parent
    moved = np.array(above.matrix @ above.bone.matrix_local.inverted()) if above else np.eye(4)
    return Rig(carried.names, carried.parents, np.linalg.inv(moved) @ carried.rest)


def above(armature: bpy.types.Object, hips: str) -> list[bpy.types.PoseBone]:
    """The bones that carry the hips bone, nearest first; of a control rig its root, though it is no parent."""
    root = armature.pose.bones.get("root") if seen(armature) else None
    return [root] if root else list(armature.pose.bones[hips].parent_recursive)
