# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses of an armature over time, as the model's body would have them; and motions between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import bpy
import numpy as np

from drmm_engine.motion import recover
from drmm_engine.motion.features import HISTORY
from drmm_engine.motion.rig import canonical_rest, mapped_bones
from drmm_engine.motion.skeleton import JOINTS, PARENTS

from .. import armature as rigs
from .. import compat
from ..character import Character
from . import plan

Array = plan.Array
MOST = 30.0  # seconds of an Action that are looked through for a cycle


def bodies(
    context: bpy.types.Context, armature: bpy.types.Object, record: plan.Record, rest: Array, frames: Iterable[float]
) -> Array:
    """The model's body `[n, 20, 3]`, at rest `[20, 3]`, posed as an armature is at frames of the scene."""
    stood = record["unit"], np.reshape(record["stand"], (4, 4))
    character = rigs.read_character(armature, stood)
    return _recovered(character, evaluated(context, armature, character, frames), record, rest)


def pose_of(armature: bpy.types.Object, record: plan.Record, rest: Array) -> Array:
    """The model's body `[20, 3]` in the pose and the place of any armature, seen in a record's space."""
    character = rigs.read_character(armature)
    return _recovered(character, joints(armature, character)[None], record, rest)[0]


def _recovered(character: Character, positions: Array, record: plan.Record, rest: Array) -> Array:
    own = canonical_rest(character.rig, mapped_bones(character.rig, character.mapping))
    made = recover.body(positions, own, rest)
    scale, _ = character.fit(rest)
    made[..., :2] += plan.inside(record, positions[:, None, 0, :2]) - positions[:, None, 0, :2] / scale
    return made


def evaluated(
    context: bpy.types.Context, armature: bpy.types.Object, character: Character, frames: Iterable[float]
) -> Array:
    """Canonical joints `[n, 20, 3]` of an armature at frames of the scene, world space; the scene's frame stays."""
    scene, made = context.scene, []
    before = scene.frame_current, scene.frame_subframe
    try:
        for frame in frames:
            scene.frame_set(int(np.floor(frame)), subframe=float(frame - np.floor(frame)))
            made.append(joints(armature, character))
    finally:
        scene.frame_set(before[0], subframe=before[1])
    return np.array(made)


def joints(armature: bpy.types.Object, character: Character) -> Array:
    """Where the canonical joints are now `[20, 3]`, world space; what no bone is mapped to goes with the bone above."""
    bones = mapped_bones(character.rig, character.mapping)
    rest = canonical_rest(character.rig, bones)
    world, made = np.array(armature.matrix_world), np.empty((len(JOINTS), 3))
    for joint in range(len(JOINTS)):
        carrier = joint
        while JOINTS[carrier] not in bones:
            carrier = int(PARENTS[carrier])
        bone = bones[JOINTS[carrier]]
        matrix = world @ np.array(armature.pose.bones[character.rig.names[bone]].matrix)
        turn = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
        at_rest = character.rig.rest[bone]
        made[joint] = matrix[:3, 3] + turn @ at_rest[:3, :3].T @ (rest[joint] - at_rest[:3, 3])
    return made


def history_frames(record: plan.Record) -> Array:
    """The frames of the scene at which the ten poses up to the record's first frame are."""
    return record["start"] - np.arange(HISTORY - 1, -1, -1) * record["fps"] / record["rate"]


def next_key(armature: bpy.types.Object, frame: float) -> int:
    """The next frame at which a bone is keyed; ValueError where there is none."""
    bag = compat.curves(armature)
    keyed = [point.co.x for curve in (bag.fcurves if bag else ()) if curve.data_path.startswith("pose.bones")
             for point in curve.keyframe_points if point.co.x > frame + 0.5]  # fmt: skip
    if not keyed:
        raise ValueError(
            f"no pose of {armature.name!r} is keyed after frame {frame:g}; pose it at a later frame, key the pose, and "
            "go back to where the motion is to begin"
        )
    return int(np.ceil(min(keyed)))


def action_frames(armature: bpy.types.Object, record: dict[str, Any]) -> Sequence[float]:
    """The frames of the scene, at the model's rate, through which an armature's Action moves it."""
    animation = armature.animation_data
    if animation is None or animation.action is None:
        raise ValueError(f"{armature.name!r} has no motion to make a cycle of; use Generate first")
    first, last = animation.action.frame_range
    step = record["fps"] / record["rate"]
    return np.arange(first, min(last, first + MOST * record["fps"]) + 1e-6, step).tolist()
