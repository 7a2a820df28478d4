# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion from the pose at the current frame to another one, put into a copy of the armature's Action."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import bpy
import numpy as np

from drmm_engine.motion import between

from .. import armature as rigs
from .. import compat, models, takes
from .. import walk as walks
from ..channels import Channel
from ..takes import patch
from . import gather, plan, poses


def made(
    context: bpy.types.Context, armature: bpy.types.Object, end: int, other: bpy.types.Object | None, seed: int
) -> Generator[float, None, tuple[dict[str, Any], takes.Motion, list[Channel]]]:
    """Record, motion and channels from the current frame to `end`: to the pose there, or to that of another armature.

    Yields how far it is, from 0 to 1. ValueError where there is no time for it.
    """
    scene = context.scene
    path = scene.drmm.walk_model
    model = models.load(bpy.path.abspath(path), "locomotion")
    rest = np.array(model.skeleton["rest"], float)
    keying = gather.keying_of(scene.drmm.walk) | {"root": "HIPS", "blend": 0}
    record = gather.record(scene, armature, model, [], 1.0, seed, path, keying)
    count = round((end - record["start"]) * record["rate"] / record["fps"])
    if count < 2:
        raise ValueError(f"there are no frames between {record['start']} and {end}; choose a later end")
    history = poses.bodies(context, armature, record, rest, poses.history_frames(record))
    last = poses.pose_of(other, record, rest)[None] if other else poses.bodies(context, armature, record, rest, [end])
    positions = yield from between.between_steps(model, history, last, count, seed, plan.rooms(record))
    motion = takes.Motion.plain(np.concatenate([history[-1:], positions]))
    stood = record["unit"], np.reshape(record["stand"], (4, 4))
    return record, motion, walks.channels(rigs.read_character(armature, stood), record, motion, rest)


def insert(armature: bpy.types.Object, channels: Sequence[Channel], start: int, end: int) -> None:
    """Put keys between two frames of a copy of the armature's Action; the keys at both stay, and so does the Action."""
    before = armature.animation_data.action
    after = patch.patched(armature, before, channels, start, start, end)
    if before.library is None:
        before.use_fake_user = True
    compat.assign(armature, after)
