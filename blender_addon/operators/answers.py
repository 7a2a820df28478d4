# SPDX-License-Identifier: GPL-3.0-or-later
"""Find Poses: several exact answers to the conditions; look at them, blend, apply, key, store or go back."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from .. import armature as armatures
from .. import rig as rigs
from ..answers import keying, query, store
from ..conditions import renamed
from .common import ARMATURE, find_armature, refuse, setting


class DRMM_OT_find_poses(bpy.types.Operator):
    """Find poses that meet the conditions exactly, the likeliest first, and show the best as ghosts"""

    bl_idname = "drmm.find_poses"
    bl_label = "Find Poses"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    count: IntProperty(name="Poses", default=64, min=1, max=1024, description="How many poses to draw")
    seed: IntProperty(name="Seed", min=0, description="Another number gives other poses")
    others: BoolProperty(name="Others", options={"SKIP_SAVE"}, description="Look for others than the last time")

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.drmm
        try:
            context.view_layer.update()
            armature = find_armature(context, self.armature)
            armatures.check_editable(armature)
            renamed.mend(armature)
            model = rigs.model(armature)
            if model is None:
                raise ValueError(f"there is no learned model for {armature.name!r}; use Learn This Rig first")
            count = setting(self, "count", settings.count)
            seed = setting(self, "seed", settings.seed) + self.others * (1 + armature.drmm.looked)
            with store.put_back(armature, context.view_layer):
                asked = query.gather(armature, context.scene)
            rigs.check_fits(armature, asked.rig, model)
            found = query.answer(model, asked, count, seed)
            store.begin(armature, asked, found)
        except ValueError as problem:
            return refuse(self, problem)
        armature.drmm.looked = armature.drmm.looked + 1 if self.others else 0
        missed = armature.drmm.answers[0].missed
        if missed:
            self.report({"WARNING"}, f"Not all can be met; the best pose misses: {missed}")
        else:
            self.report({"INFO"}, f"{len(armature.drmm.answers)} poses, the first meets every condition")
        return {"FINISHED"}


class DRMM_OT_step_answer(bpy.types.Operator):
    """Show the next or the previous pose (Page Down, Page Up in the 3D viewport)"""

    bl_idname = "drmm.step_answer"
    bl_label = "Step through Answers"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    step: IntProperty(name="Step", default=1, description="How many places further down the list")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = context.scene.drmm.armature
        return armature is not None and len(armature.drmm.answers) > 0

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = _found(context, self.armature)
            settings = armature.drmm
            settings.answer_index = (settings.answer_index + self.step) % len(settings.answers)
        except ValueError as problem:
            return refuse(self, problem)
        return {"FINISHED"}


class DRMM_OT_apply_answer(bpy.types.Operator):
    """Take the pose shown; with auto-keying on, it is keyed"""

    bl_idname = "drmm.apply_answer"
    bl_label = "Apply"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = _on_trial(context, self.armature)
            keyed = keying.automatic(context, armature, rigs.channels(armature, rigs.read(armature).joints))
        except ValueError as problem:
            return refuse(self, problem)
        store.forget(armature)
        if keyed:
            self.report({"INFO"}, f"Keyed at frame {context.scene.frame_current}")
        return {"FINISHED"}


class DRMM_OT_key_answer(bpy.types.Operator):
    """Take the pose shown and key the driven bones, as the active keying set says"""

    bl_idname = "drmm.key_answer"
    bl_label = "Key"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
            armatures.check_editable(armature)
            keying.insert(context, armature, rigs.channels(armature, rigs.read(armature).joints))
        except ValueError as problem:
            return refuse(self, problem)
        store.forget(armature)
        self.report({"INFO"}, f"Keyed at frame {context.scene.frame_current}")
        return {"FINISHED"}


class DRMM_OT_store_answer(bpy.types.Operator):
    """Store the pose shown as a pose asset, for the pose library"""

    bl_idname = "drmm.store_answer"
    bl_label = "Store as Pose Asset"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    name: StringProperty(name="Name", default="Pose", description="Name of the pose in the library")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
            channels = rigs.channels(armature, rigs.read(armature).joints)
            stored = keying.pose_asset(armature, channels, self.name)
        except ValueError as problem:
            return refuse(self, problem)
        self.report({"INFO"}, f"The pose {stored.name!r} is in the library of this file")
        return {"FINISHED"}


class DRMM_OT_revert_answer(bpy.types.Operator):
    """Go back to the pose from before"""

    bl_idname = "drmm.revert_answer"
    bl_label = "Revert"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = _on_trial(context, self.armature)
        except ValueError as problem:
            return refuse(self, problem)
        store.revert(armature)
        return {"FINISHED"}


def _on_trial(context: bpy.types.Context, name: str) -> bpy.types.Object:
    """An armature with a pose to take or to put back."""
    armature = find_armature(context, name)
    armatures.check_editable(armature)
    if not store.on_trial(armature):
        raise ValueError(f"no poses were found for {armature.name!r}; use Find Poses first")
    return armature


def _found(context: bpy.types.Context, name: str) -> bpy.types.Object:
    """An armature with answers to look at."""
    armature = _on_trial(context, name)
    if not len(armature.drmm.answers):
        raise ValueError(f"there are no other poses of {armature.name!r} to show; use Find Poses")
    return armature


CLASSES = (
    DRMM_OT_find_poses,
    DRMM_OT_step_answer,
    DRMM_OT_apply_answer,
    DRMM_OT_key_answer,
    DRMM_OT_store_answer,
    DRMM_OT_revert_answer,
)
