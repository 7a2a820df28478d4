# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions and locks that follow their bones when these are renamed: by where the bone is at rest."""

from __future__ import annotations

import bpy
import numpy as np

NEAR = 1e-4  # of its length: a bone whose ends at rest are that near is the one that was named


def note(row: bpy.types.PropertyGroup, bone: str) -> None:
    """Note where a row's bone is at rest, if there is one of that name."""
    found = row.id_data.data.bones.get(bone)
    if found:
        row.rest = (*found.head_local, *found.tail_local)


def mend(armature: bpy.types.Object) -> None:
    """Give rows of renamed bones their present names."""
    bones, settings = armature.data.bones, armature.drmm
    for row in settings.conditions:
        if row.bone and row.bone not in bones:
            row.bone = _present(row, bones) or row.bone
    for row in settings.locks:
        if row.name not in bones:
            row.name = _present(row, bones) or row.name


def _present(row: bpy.types.PropertyGroup, bones: bpy.types.bpy_prop_collection) -> str:
    """The bone whose ends at rest are those noted; empty where none is."""
    ends = np.array(row.rest)
    for bone in bones:
        apart = np.abs(np.array((*bone.head_local, *bone.tail_local)) - ends).max()
        if apart <= NEAR * bone.length:
            return bone.name
    return ""
