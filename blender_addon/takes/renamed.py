# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes that follow their bones when these are renamed: Blender mends only the Action that is played just then."""

from __future__ import annotations

import json
from collections.abc import Iterable

import bpy
import numpy as np

from .. import compat
from .record import RECORD

BONES = "bones"
NEAR = 1e-4  # of its length: a bone whose ends at rest are that near is the one that was keyed


def ends(armature: bpy.types.Object, names: Iterable[str]) -> dict[str, list[float]]:
    """Where bones are at rest: name -> head and tail, six numbers."""
    bones = armature.data.bones
    return {name: [*bones[name].head_local, *bones[name].tail_local] for name in names if name in bones}


def mend(armature: bpy.types.Object, action: bpy.types.Action) -> None:
    """Give a take's curves the present names of its bones, where those were renamed since."""
    bones, record = armature.data.bones, json.loads(action[RECORD])
    kept = record.get(BONES, {})
    if action.library or all(name in bones for name in kept):
        return
    words = {name: _present(rest, bones, kept) for name, rest in kept.items() if name not in bones}
    words = {old: new for old, new in words.items() if new}
    for curve in compat.all_curves(action):
        for old, new in words.items():
            before = f'pose.bones["{bpy.utils.escape_identifier(old)}"]'
            if curve.data_path.startswith(before):
                curve.data_path = f'pose.bones["{bpy.utils.escape_identifier(new)}"]{curve.data_path[len(before) :]}'
                break
    record[BONES] = {words.get(name, name): rest for name, rest in kept.items()}
    action[RECORD] = json.dumps(record)


def _present(rest: list[float], bones: bpy.types.bpy_prop_collection, taken: Iterable[str]) -> str:
    """The bone that is at rest where another was; empty where none is, or only one of the take's own."""
    for bone in bones:
        apart = np.abs(np.array((*bone.head_local, *bone.tail_local)) - rest).max()
        if apart <= NEAR * bone.length and bone.name not in taken:
            return bone.name
    return ""
