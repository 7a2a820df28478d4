# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of takes: shown, accepted, rejected, removed, pushed down into the NLA."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from .. import armature as rigs
from ..takes import nla, store
from .common import ARMATURE, find_armature, refuse

KEEP = "Keep the other takes in the list, too; otherwise they and their Actions go"


def editable(context: bpy.types.Context, name: str) -> bpy.types.Object:
    """An armature that can be given another Action."""
    armature = find_armature(context, name)
    rigs.check_editable(armature)
    return armature


class DRMM_OT_step_take(bpy.types.Operator):
    """Show the next or the previous take: the armature plays its Action"""

    bl_idname = "drmm.step_take"
    bl_label = "Step through Takes"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    step: IntProperty(name="Step", default=1, description="How many places further down the list")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = editable(context, self.armature)
            store.step(armature, self.step)
        except ValueError as problem:
            return refuse(self, problem)
        return {"FINISHED"}


class DRMM_OT_accept_take(bpy.types.Operator):
    """Keep the take shown as the Action of the armature; the Action from before stays in the file"""

    bl_idname = "drmm.accept_take"
    bl_label = "Accept"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    keep: BoolProperty(name="Keep Others", description=KEEP)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            taken = store.accept(editable(context, self.armature), self.keep)
        except ValueError as problem:
            return refuse(self, problem)
        self.report({"INFO"}, f"The armature plays {taken.name!r}")
        return {"FINISHED"}


class DRMM_OT_reject_takes(bpy.types.Operator):
    """Go back to the Action and the pose from before the takes; takes accepted earlier stay"""

    bl_idname = "drmm.reject_takes"
    bl_label = "Reject"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    keep: BoolProperty(name="Keep Takes", description="Keep the takes in the list; otherwise they and their Actions go")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            store.reject(editable(context, self.armature), self.keep)
        except ValueError as problem:
            return refuse(self, problem)
        context.scene.frame_set(context.scene.frame_current)
        return {"FINISHED"}


class DRMM_OT_remove_take(bpy.types.Operator):
    """Take the take shown off the list; its Action goes, too, unless something else uses it"""

    bl_idname = "drmm.remove_take"
    bl_label = "Remove Take"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            store.remove(editable(context, self.armature))
        except ValueError as problem:
            return refuse(self, problem)
        return {"FINISHED"}


class DRMM_OT_push_take(bpy.types.Operator):
    """Accept the take shown as a strip in the NLA, over the Action that the armature played before"""

    bl_idname = "drmm.push_take"
    bl_label = "Push Down to NLA"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    keep: BoolProperty(name="Keep Others", description=KEEP)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            strip = nla.push(editable(context, self.armature), self.keep)
        except ValueError as problem:
            return refuse(self, problem)
        self.report({"INFO"}, f"A strip of {strip.action.name!r} from frame {strip.frame_start:.0f} on")
        return {"FINISHED"}


CLASSES = (DRMM_OT_step_take, DRMM_OT_accept_take, DRMM_OT_reject_takes, DRMM_OT_remove_take, DRMM_OT_push_take)
