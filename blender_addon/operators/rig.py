# SPDX-License-Identifier: GPL-3.0-or-later
"""Learn this Rig: find the bones to drive, set their limits, learn in a process of its own."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ..rig import bones, learn, reader
from .common import ARMATURE, find_armature, redraw, refuse, setting


class DRMM_OT_find_bones(bpy.types.Operator):
    """List the armature's bones anew."""

    bl_description = (
        "List the armature's bones anew, and choose by names, sizes, limits and constraints which of "
        "them posing drives and how far they turn"
    )
    bl_idname = "drmm.find_bones"
    bl_label = "Find Bones"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Asked first where there is a list already: what was changed in it by hand would be lost."""
        armature = context.scene.objects.get(self.armature) if self.armature else context.scene.drmm.armature
        if armature is None or not len(armature.drmm.rig.bones):
            return self.execute(context)
        return context.window_manager.invoke_confirm(
            self, event, title="Find Bones anew?", message="Changes made by hand in the list of bones are lost",
            confirm_text="Find Bones")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            context.view_layer.update()
            armature = find_armature(context, self.armature)
            count = bones.find(armature)
        except ValueError as problem:
            return refuse(self, problem)
        warning = bones.forgotten(armature)
        if warning:
            self.report({"WARNING"}, f"{count} bones are driven; but {warning}")
        elif count == 0:
            self.report({"WARNING"}, f"No bone of {armature.name!r} can be driven; the list says why")
        else:
            self.report({"INFO"}, f"{count} of {len(armature.pose.bones)} bones are driven")
        return {"FINISHED"}


class DRMM_OT_limit_from_pose(bpy.types.Operator):
    """Take the listed bone's angles as it is posed now for one end of its limits."""

    bl_description = (
        "Take the listed bone's angles as it is posed now for one end of its limits: turn it as far as "
        "it may go, then press this"
    )
    bl_idname = "drmm.limit_from_pose"
    bl_label = "Limit from Pose"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    bone: StringProperty(name="Bone", description="Name of the bone; empty: the one chosen in the list")
    end: EnumProperty(
        name="End", items=[("LOW", "From", "The least angles"), ("HIGH", "To", "The greatest angles"),
                           ("WIDEN", "Widen", "Widen the limits as far as this pose needs")],
    )  # fmt: skip

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
            row = bones.row(armature, self.bone)
            angles = reader.angles(armature, row)
        except ValueError as problem:
            return refuse(self, problem)
        if self.end != "HIGH":
            row.low = angles if self.end == "LOW" else [min(pair) for pair in zip(angles, row.low, strict=True)]
        if self.end != "LOW":
            row.high = angles if self.end == "HIGH" else [max(pair) for pair in zip(angles, row.high, strict=True)]
        return {"FINISHED"}


class DRMM_OT_learn_rig(bpy.types.Operator):
    """Learn how this rig's bones move together."""

    bl_description = (
        "Learn how this rig's bones move together, from random poses within the limits and from the "
        "poses ticked above. It runs beside Blender: go on working; a first model is there in seconds"
    )
    bl_idname = "drmm.learn_rig"
    bl_label = "Learn this Rig"
    bl_options = {"REGISTER"}  # its undo step is made when the model is there

    armature: StringProperty(name="Armature", description=ARMATURE)
    count: IntProperty(
        name="Poses", default=200_000, min=2_000, max=2_000_000, description="How many poses to learn from"
    )
    seed: IntProperty(name="Seed", min=0, description="Another number draws other random poses")
    path: StringProperty(
        name="Model", subtype="FILE_PATH", description="Where the model goes; empty: the extension's folder for it"
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            context.view_layer.update()
            armature = find_armature(context, self.armature)
            settings = armature.drmm.rig
            count, seed = setting(self, "count", settings.count), setting(self, "seed", settings.seed)
            job = learn.begin(armature, count, seed, self.path)
            if bpy.app.background:
                learn.finish(armature, job)
                self.report({"INFO"}, f"The rig of {armature.name!r} is learned: {job.out}")
        except ValueError as problem:
            return refuse(self, problem)
        redraw(context)
        return {"FINISHED"}


class DRMM_OT_cancel_learning(bpy.types.Operator):
    """Stop learning; a first model that is there already stays"""

    bl_idname = "drmm.cancel_learning"
    bl_label = "Cancel Learning"
    bl_options = {"REGISTER"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            learn.cancel(find_armature(context, self.armature))
        except ValueError as problem:
            return refuse(self, problem)
        redraw(context)
        return {"FINISHED"}


class DRMM_OT_export_rig(bpy.types.Operator):
    """Write the rig's bones."""

    bl_description = (
        "Write the rig's bones, limits and effectors to a file that `python -m training.pose` learns "
        "from without Blender"
    )
    bl_idname = "drmm.export_rig"
    bl_label = "Export Rig"
    bl_options = {"REGISTER"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    filepath: StringProperty(name="File", subtype="FILE_PATH", description="The file to write, *.rig.json")
    filter_glob: StringProperty(default="*.rig.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if not self.filepath and context.scene.drmm.armature:
            self.filepath = f"{bpy.path.clean_name(context.scene.drmm.armature.name)}.rig.json"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            context.view_layer.update()
            reader.read(find_armature(context, self.armature)).save(bpy.path.abspath(self.filepath))
        except ValueError as problem:
            return refuse(self, problem)
        self.report({"INFO"}, f"Written: {self.filepath}")
        return {"FINISHED"}


CLASSES = (
    DRMM_OT_find_bones, DRMM_OT_limit_from_pose, DRMM_OT_learn_rig, DRMM_OT_cancel_learning, DRMM_OT_export_rig,
)  # fmt: skip
