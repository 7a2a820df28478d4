# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample Pose: draw poses that meet goals, look at them, key one or go back."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import IntProperty, StringProperty

from .. import action, models, posing, review
from .. import armature as rigs
from ..properties import GOALS
from .common import ARMATURE, find_armature, find_object, present, refuse, setting

ACTION = "DRMM Pose"


class DRMM_OT_sample_pose(bpy.types.Operator):
    """Draw poses that meet the goals, ranked, and show the best one"""

    bl_idname = "drmm.sample_pose"
    bl_label = "Sample Pose"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    goals: StringProperty(
        name="Goals", description="Part:Object pairs separated by commas, as in Head:A,LeftHand:B; empty: the panel's"
    )
    model: StringProperty(name="Model", subtype="FILE_PATH", description="A pose model; empty: the one of the panel")
    count: IntProperty(name="Poses", default=64, min=1, max=1024, description="How many poses to draw")
    seed: IntProperty(name="Seed", min=0, description="Another number gives other poses")

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.drmm
        try:
            context.view_layer.update()
            armature = find_armature(context, self.armature)
            with review.put_back(armature, context.view_layer):
                character = rigs.read_character(armature)
            goals = self._goals(context.scene)
            model = models.load(bpy.path.abspath(self.model or settings.pose_model), "pose")
            count, seed = setting(self, "count", settings.count), setting(self, "seed", settings.seed)
            sampled = posing.sample(model, character, goals, count, seed)
        except ValueError as problem:
            return refuse(self, problem)
        self._keep(armature, character, sampled)
        unit = context.scene.unit_settings.scale_length * 1000.0
        for item, plausibility, error in zip(armature.drmm.poses, sampled.plausibility, sampled.error, strict=True):
            item.plausibility, item.error = plausibility, error * unit
        armature.drmm.pose_index = 0
        self.report({"INFO"}, f"{count} poses, the first misses its goals by {sampled.error[0] * unit:.0f} mm")
        return {"FINISHED"}

    def _keep(self, armature: bpy.types.Object, character: rigs.Character, sampled: posing.Sampled) -> None:
        location, *turns = character.channels(sampled.keys)
        padded = [np.pad(turn.values, ((0, 0), (0, 4 - turn.values.shape[1]))) for turn in turns]
        rows = np.concatenate([location.values, *padded], axis=1)
        review.begin(armature, character.mapping["Hips"], sampled.keys.bones, rows)

    def _goals(self, scene: bpy.types.Scene) -> dict[str, tuple[float, float, float]]:
        if not self.goals:
            pairs = [(item.joint, item.empty) for item in scene.drmm.goals]
            for joint, empty in pairs:
                present(scene, empty, f"goal {empty.name!r}" if empty else f"empty of the goal for {joint}")
        else:
            pairs = [(joint, find_object(scene, name, "goal")) for joint, name in parse_goals(self.goals)]
        joints = [joint for joint, _ in pairs]
        twice = sorted({joint for joint in joints if joints.count(joint) > 1})
        if twice:
            raise ValueError(f"there are two goals for {twice[0]}; remove one")
        return {joint: tuple(empty.matrix_world.translation) for joint, empty in pairs}


class DRMM_OT_step_pose(bpy.types.Operator):
    """Show the next or the previous of the sampled poses"""

    bl_idname = "drmm.step_pose"
    bl_label = "Step through Poses"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    step: IntProperty(name="Step", default=1, description="How many places further down the list")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
            review.bones(armature)
        except ValueError as problem:
            return refuse(self, problem)
        settings = armature.drmm
        settings.pose_index = (settings.pose_index + self.step) % len(settings.poses)
        return {"FINISHED"}


class DRMM_OT_key_pose(bpy.types.Operator):
    """Key the pose shown at the current frame"""

    bl_idname = "drmm.key_pose"
    bl_label = "Key Pose"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
            rigs.check_editable(armature)
            hips, bones = review.bones(armature)
            action.key_pose(armature, ACTION, hips, bones, context.scene.frame_current)
        except ValueError as problem:
            return refuse(self, problem)
        review.forget(armature)
        self.report({"INFO"}, f"Keyed at frame {context.scene.frame_current}")
        return {"FINISHED"}


class DRMM_OT_revert_pose(bpy.types.Operator):
    """Go back to the pose from before Sample Pose"""

    bl_idname = "drmm.revert_pose"
    bl_label = "Revert"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
            review.bones(armature)
        except ValueError as problem:
            return refuse(self, problem)
        review.cancel(armature)
        return {"FINISHED"}


def parse_goals(text: str) -> list[tuple[str, str]]:
    """Pairs of a canonical joint and an object's name, written as in "Head:A,LeftHand:B"."""
    known = [name for name, *_ in GOALS]
    pairs = []
    for entry in text.split(","):
        joint, colon, name = (part.strip() for part in entry.partition(":"))
        if not colon or joint not in known:
            raise ValueError(f"{entry!r} is no goal; write Part:Object, the part one of {', '.join(known)}")
        pairs.append((joint, name))
    return pairs


CLASSES = (DRMM_OT_sample_pose, DRMM_OT_step_pose, DRMM_OT_key_pose, DRMM_OT_revert_pose)
