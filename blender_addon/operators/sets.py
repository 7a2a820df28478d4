# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of conditions by name: save, load, delete."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from .. import armature as rigs
from ..conditions import presets
from .common import ARMATURE, find_armature, refuse


class DRMM_OT_save_conditions(bpy.types.Operator):
    """Save the conditions as a set by name, to use them again on this rig or another with such bones"""

    bl_idname = "drmm.save_conditions"
    bl_label = "Save Conditions"
    bl_options = {"REGISTER"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    name: StringProperty(name="Name", default="Conditions", description="Name of the set; an older one is replaced")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            context.view_layer.update()
            presets.save(find_armature(context, self.armature), self.name)
        except ValueError as problem:
            return refuse(self, problem)
        return {"FINISHED"}


class DRMM_OT_load_conditions(bpy.types.Operator):
    """Put a saved set in the place of the conditions"""

    bl_idname = "drmm.load_conditions"
    bl_label = "Load Conditions"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    name: StringProperty(name="Name", description="Name of the set")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            context.view_layer.update()
            armature = find_armature(context, self.armature)
            rigs.check_editable(armature)
            missing = presets.load(context, armature, self.name)
        except ValueError as problem:
            return refuse(self, problem)
        if missing:
            self.report({"WARNING"}, f"Left out, for {armature.name!r} has no such bones: {', '.join(missing)}")
        return {"FINISHED"}


class DRMM_OT_delete_conditions(bpy.types.Operator):
    """Delete a saved set of conditions"""

    bl_idname = "drmm.delete_conditions"
    bl_label = "Delete Saved Conditions"
    bl_options = {"REGISTER"}

    name: StringProperty(name="Name", description="Name of the set")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            presets.delete(self.name)
        except ValueError as problem:
            return refuse(self, problem)
        return {"FINISHED"}


CLASSES = (DRMM_OT_save_conditions, DRMM_OT_load_conditions, DRMM_OT_delete_conditions)
