# SPDX-License-Identifier: GPL-3.0-or-later
"""Which channels of the driven bones are keyed: as the active keying set and the user's settings of keys say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import bpy

from .. import action as actions
from .. import compat
from ..channels import Channel

Channels = Sequence[tuple[str, str]]
# What Blender's own keying sets key of a bone, of the two properties that a pose has.
SETS = {
    "Location": ("location",),
    "Rotation": ("rotation",),
    "Scaling": (),
    "LocRot": ("location", "rotation"),
    "LocRotScale": ("location", "rotation"),
    "LocRotScaleCProp": ("location", "rotation"),
    "LocScale": ("location",),
    "RotScale": ("rotation",),
    "Loc": ("location",),
    "Rot": ("rotation",),
    "DeltaLocation": (),
    "DeltaRotation": (),
    "DeltaScale": (),
    "BendyBones": (),
    "WholeCharacter": ("location", "rotation"),
    "WholeCharacterSelected": ("location", "rotation"),
}
PREFERENCES = {"INSERTKEY_NEEDED": "use_keyframe_insert_needed", "INSERTKEY_VISUAL": "use_visual_keying"}
ACTION = "DRMM Pose"
OWN = "own"  # in place of an identifier: a keying set of the user's, which lists paths


def wanted(channels: Channels, identifier: str, paths: Iterable[str], keyed: Iterable[str]) -> list[tuple[str, str]]:
    """Those of the driven channels that a keying set keys.

    `identifier` is its bl_idname: "" for no set; "Available" takes those `keyed` already (RNA paths); OWN takes
    those among the `paths`.
    """
    word = identifier.removeprefix("BUILTIN_KSI_").removeprefix("Visual")
    if not identifier:
        return list(channels)
    if word in SETS:
        return [(bone, name) for bone, name in channels if name.partition("_")[0] in SETS[word]]
    allowed = set(keyed) if word == "Available" else set(paths)
    return [(bone, name) for bone, name in channels if Channel(bone, name, ()).path in allowed]


def insert(context: bpy.types.Context, armature: bpy.types.Object, channels: Channels) -> int:
    """Key driven channels at the current frame, as the active keying set says; how many, ValueError where none."""
    chosen = wanted(channels, *_set(context.scene, armature), keyed_paths(armature))
    if not chosen:
        raise ValueError("the active keying set keys none of the driven bones; choose another, or none")
    return _insert(context, armature, chosen)


def automatic(context: bpy.types.Context, armature: bpy.types.Object, channels: Channels) -> int:
    """Key driven channels as auto-keying does after a transform; how many, 0 where it is off."""
    tools = context.scene.tool_settings
    if not tools.use_keyframe_insert_auto:
        return 0
    keyed = keyed_paths(armature)
    if tools.use_keyframe_insert_keyingset:
        channels = wanted(channels, *_set(context.scene, armature), keyed)
    if tools.auto_keying_mode == "REPLACE_KEYS":
        channels = wanted(channels, "Available", (), keyed)
    return _insert(context, armature, channels) if channels else 0


def _insert(context: bpy.types.Context, armature: bpy.types.Object, channels: Channels) -> int:
    actions.check_action(armature)
    animation = armature.animation_data
    if animation is None or animation.action is None:
        compat.assign(armature, bpy.data.actions.new(ACTION))
    elif animation.action.library:
        raise ValueError(f"the Action {animation.action.name!r} of {armature.name!r} is linked; give it one of its own")
    options = {word for word, name in PREFERENCES.items() if getattr(context.preferences.edit, name, False)}
    for bone, name in channels:
        armature.pose.bones[bone].keyframe_insert(
            name, frame=context.scene.frame_current, group=bone, options=options
        )
    return len(channels)


def keyed_paths(armature: bpy.types.Object) -> list[str]:
    """RNA paths of the channels of an armature that have an F-curve."""
    animation = armature.animation_data
    if animation is None or animation.action is None:
        return []
    return sorted({curve.data_path for curve in compat.curves(armature).fcurves})


def pose_asset(armature: bpy.types.Object, channels: Channels, name: str) -> bpy.types.Action:
    """An Action with the pose as it is, marked as an asset, so that it is in the pose library."""
    stored = bpy.data.actions.new(name)
    bag = compat.new_curves(stored, armature)
    for bone, property_name in channels:
        values = getattr(armature.pose.bones[bone], property_name)
        path = Channel(bone, property_name, ()).path
        group = bag.groups.get(bone) or bag.groups.new(bone)
        for index, value in enumerate(values):
            curve = bag.fcurves.new(path, index=index)
            curve.group = group
            curve.keyframe_points.insert(1.0, value)
    stored.asset_mark()
    return stored


def _set(scene: bpy.types.Scene, armature: bpy.types.Object) -> tuple[str, list[str]]:
    """The active keying set's identifier and its paths in an armature; an empty identifier where there is none."""
    active = scene.keying_sets_all.active
    if active is None:
        return "", []
    if not active.is_path_absolute:
        return active.bl_idname, []
    return OWN, [path.data_path for path in active.paths if path.id == armature]
