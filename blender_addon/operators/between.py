# SPDX-License-Identifier: GPL-3.0-or-later
"""In-Between, from pose to pose, and Loop Cycle."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np
from bpy.props import BoolProperty, IntProperty, StringProperty

from .. import action as actions
from .. import armature as rigs
from .. import compat, models, takes
from ..direction import cycles, gather, inbetweens, poses
from . import steps
from .common import ARMATURE, find_armature, refuse

CYCLE = "DRMM Cycle"


class DRMM_OT_in_between(bpy.types.Operator):
    """Walk from the pose at the current frame to the next pose that is keyed, or to that of another armature"""

    bl_idname = "drmm.in_between"
    bl_label = "In-Between"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    pose_of: StringProperty(
        name="Pose of", description="Name of an armature that stands as and where the motion ends; empty: the next key"
    )
    end: IntProperty(name="End", description="The frame at which to be there; 0: the next key, or in two seconds")
    seed: IntProperty(name="Seed", min=0, description="Another number gives another motion")

    def work(self, context: bpy.types.Context) -> Iterator[float]:
        context.view_layer.update()
        armature = find_armature(context, self.armature)
        actions.check_action(armature)
        other = find_armature(context, self.pose_of) if self.pose_of else None
        start = context.scene.frame_current
        end = self.end or self._end(context.scene, armature, start, other)
        record, motion, channels = yield from inbetweens.made(context, armature, end, other, self.seed)
        if other:
            takes.add(armature, record, motion, channels, start)
        else:
            inbetweens.insert(armature, channels, start, end)
        self.report({"INFO"}, f"Frames {start} to {end} are new; the poses at both ends are kept")

    execute, invoke, modal, cancel = steps.execute, steps.invoke, steps.modal, steps.cancel

    def _end(
        self, scene: bpy.types.Scene, armature: bpy.types.Object, start: int, other: bpy.types.Object | None
    ) -> int:
        render = scene.render
        return start + round(2 * render.fps / render.fps_base) if other else poses.next_key(armature, start)


class DRMM_OT_loop_cycle(bpy.types.Operator):
    """Make a closed cycle out of the character's motion, in an Action of its own that repeats"""

    bl_idname = "drmm.loop_cycle"
    bl_label = "Loop Cycle"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    in_place: BoolProperty(name="In Place", description="Walk on the spot; otherwise each round goes on from the last")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            context.view_layer.update()
            armature = find_armature(context, self.armature)
            actions.check_action(armature)
            path = context.scene.drmm.walk_model
            rest = np.array(models.load(bpy.path.abspath(path), "locomotion").skeleton["rest"], float)
            record, positions = motion_of(context, armature, path, rest)
            stood = record["unit"], np.reshape(record["stand"], (4, 4))
            made = cycles.channels(rigs.read_character(armature, stood), record, positions, rest, self.in_place)
        except ValueError as problem:
            return refuse(self, problem)
        cyclic(armature, actions.new(armature, CYCLE, made, context.scene.frame_current), self.in_place)
        context.scene.frame_set(context.scene.frame_current)
        self.report({"INFO"}, f"A cycle of {len(made[0].values) - 1} frames")
        return {"FINISHED"}


def motion_of(
    context: bpy.types.Context, armature: bpy.types.Object, path: str, rest: np.ndarray
) -> tuple[dict, np.ndarray]:
    """A record and the motion `[F, 20, 3]` of the model's body: the take that is played, or else whatever is keyed."""
    take = takes.shown(armature)
    if take is not None:
        return take.record, take.motion.positions
    model = models.load(bpy.path.abspath(path), "locomotion")
    record = gather.record(context.scene, armature, model, [], 1.0, 0, path, gather.keying_of(context.scene.drmm.walk))
    return record, poses.bodies(context, armature, record, rest, poses.action_frames(armature, record))


def cyclic(armature: bpy.types.Object, action: bpy.types.Action, in_place: bool) -> None:
    """Have the armature play an Action over and over; what it played is kept."""
    before = armature.animation_data.action if armature.animation_data else None
    if before and before.library is None:
        before.use_fake_user = True
    action.use_frame_range = action.use_cyclic = True
    action.frame_start, action.frame_end = action.curve_frame_range if hasattr(action, "curve_frame_range") else (1, 1)
    compat.assign(armature, action)
    for curve in compat.curves(armature).fcurves:
        modifier = curve.modifiers.new("CYCLES")
        goes_on = not in_place and curve.data_path.endswith("location")
        modifier.mode_after = modifier.mode_before = "REPEAT_OFFSET" if goes_on else "REPEAT"


CLASSES = (DRMM_OT_in_between, DRMM_OT_loop_cycle)
