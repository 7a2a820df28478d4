# SPDX-License-Identifier: Apache-2.0
"""The benchmark's takes in Blender: how fast a walk of 300 frames becomes the keys of a rig. Needs the bpy module."""

from __future__ import annotations

import time

import bpy

import blender_addon
from tests.addon import rigs

SECONDS = 10.0
FAR = 100.0  # metres; further than a walk of so long gets
REPEATS = 3


def written(model: str | None) -> dict:
    """Frames/s of Generate on a Rigify metarig, feet locked and a key a frame, and seconds of it, on the processor.

    model: a file, None for the shipped one. The middle one of three runs, after one that loads the model.
    """
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    rigs.rigify()
    target = bpy.data.objects.new("Target", None)
    target.location = (0.0, -FAR, 0.0)
    bpy.context.collection.objects.link(target)
    bpy.context.scene.render.fps = 30
    seconds = [_seconds(model) for _ in range(REPEATS + 1)]
    frames = round(SECONDS * 30)
    middle = sorted(seconds[1:])[REPEATS // 2]
    return {"keyed_frames_per_second": round(frames / middle), "take_s": round(middle, 2)}


def _seconds(model: str | None) -> float:
    begin = time.process_time()
    bpy.ops.drmm.generate(armature="Rig", targets="Target", seconds=SECONDS, model=model or "")
    return time.process_time() - begin
