# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions on poses: add, remove, floor, feet, and locks."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from .. import armature as rigs
from ..conditions import make, read, renamed, words
from .common import ARMATURE, find_armature, find_object, refuse, setting

BONES = "Names of bones, separated by commas; empty: the selected ones"


class DRMM_OT_add_condition(bpy.types.Operator):
    """Add a condition on the selected bones, with an empty where each is now: move it, and the poses follow"""

    bl_idname = "drmm.add_condition"
    bl_label = "Add Condition"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    what: EnumProperty(name="What", items=words.WHAT, description="What the condition is on")
    how: EnumProperty(name="How", items=words.HOW, description="What is asked of it")
    bone: StringProperty(name="Bones", description=BONES)
    axis: EnumProperty(name="Axis", items=words.AXES, default="X", description="Which angle of a joint")
    object: StringProperty(name="Object", description="Name of the object that it lies at; empty: a new one")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            context.view_layer.update()
            armature = find_armature(context, self.armature)
            rigs.check_editable(armature)
            chosen = find_object(context.scene, self.object, "object") if self.object else None
            bones = chosen_bones(armature, self.bone) if words.needs_bone(self.what) else [""]
            how = setting(self, "how", words.ways(self.what)[0])
            for bone in bones:
                make.add(context, armature, self.what, how, bone, self.axis, chosen)
        except ValueError as problem:
            return refuse(self, problem)
        return {"FINISHED"}


class DRMM_OT_remove_condition(bpy.types.Operator):
    """Take the condition off the list, and with it the empty that was made for it"""

    bl_idname = "drmm.remove_condition"
    bl_label = "Remove Condition"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
            rigs.check_editable(armature)
        except ValueError as problem:
            return refuse(self, problem)
        settings = armature.drmm
        if not 0 <= settings.condition_index < len(settings.conditions):
            return {"CANCELLED"}
        make.remove(armature, settings.condition_index)
        settings.condition_index = max(0, min(settings.condition_index, len(settings.conditions) - 1))
        return {"FINISHED"}


class DRMM_OT_add_floor(bpy.types.Operator):
    """Keep hands, feet, knees and head above the floor: the height 0, or the plane of an object"""

    bl_idname = "drmm.add_floor"
    bl_label = "Floor"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    object: StringProperty(name="Object", description="Name of an object whose X-Y plane is the floor; empty: height 0")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
            rigs.check_editable(armature)
            make.floor(armature, find_object(context.scene, self.object, "floor") if self.object else None)
        except ValueError as problem:
            return refuse(self, problem)
        return {"FINISHED"}


class DRMM_OT_keep_feet(bpy.types.Operator):
    """Keep the feet where they are now, turned as they are now"""

    bl_idname = "drmm.keep_feet"
    bl_label = "Feet Stay"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            context.view_layer.update()
            armature = find_armature(context, self.armature)
            rigs.check_editable(armature)
            found = make.feet_stay(armature)
        except ValueError as problem:
            return refuse(self, problem)
        self.report({"INFO"}, f"Kept where they are: {', '.join(found)}")
        return {"FINISHED"}


class DRMM_OT_update_kept(bpy.types.Operator):
    """Have every Keep condition keep what is there now"""

    bl_idname = "drmm.update_kept"
    bl_label = "Update Kept"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            context.view_layer.update()
            armature = find_armature(context, self.armature)
            rigs.check_editable(armature)
            for item in armature.drmm.conditions:
                if item.how == "KEEP" and (not words.needs_bone(item.what) or item.bone in armature.data.bones):
                    read.keep(item, armature)
        except ValueError as problem:
            return refuse(self, problem)
        return {"FINISHED"}


class DRMM_OT_select_condition(bpy.types.Operator):
    """Select the object of the condition, to move it"""

    bl_idname = "drmm.select_condition"
    bl_label = "Select Its Object"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
            settings = armature.drmm
            rows = settings.conditions[settings.condition_index : settings.condition_index + 1]
            if not rows or rows[0].object is None:
                raise ValueError("this condition has no object to select")
            chosen = find_object(context.scene, rows[0].object.name, "object")
            if context.mode != "OBJECT":
                bpy.ops.object.mode_set(mode="OBJECT")
            for other in context.selected_objects:
                other.select_set(False)
            chosen.select_set(True)
            context.view_layer.objects.active = chosen
        except (ValueError, RuntimeError) as problem:
            return refuse(self, ValueError(str(problem)))
        return {"FINISHED"}


class DRMM_OT_lock_bones(bpy.types.Operator):
    """Lock the selected bones: they stay as they are, and the others make the pose"""

    bl_idname = "drmm.lock_bones"
    bl_label = "Lock Bones"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    bone: StringProperty(name="Bones", description=BONES)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
            rigs.check_editable(armature)
            bones = chosen_bones(armature, self.bone)
        except ValueError as problem:
            return refuse(self, problem)
        locks = armature.drmm.locks
        for bone in bones:
            if bone not in locks:
                lock = locks.add()
                lock.name = bone
                renamed.note(lock, bone)
        return {"FINISHED"}


class DRMM_OT_free_bones(bpy.types.Operator):
    """Free the selected bones, or all of them, so that poses may move them again"""

    bl_idname = "drmm.free_bones"
    bl_label = "Free Bones"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    bone: StringProperty(name="Bones", description=BONES)
    all: BoolProperty(name="All", description="Free all locked bones")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
            rigs.check_editable(armature)
            locks = armature.drmm.locks
            bones = locks.keys() if self.all else chosen_bones(armature, self.bone, gone=True)
        except ValueError as problem:
            return refuse(self, problem)
        for bone in bones:
            if bone in locks:
                locks.remove(locks.find(bone))
        return {"FINISHED"}


def chosen_bones(armature: bpy.types.Object, text: str, gone: bool = False) -> list[str]:
    """The bones that are named, or else the selected ones; ValueError where there are none, or unless `gone` one is."""
    bones = armature.data.bones
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        names = [bone.name for bone in armature.pose.bones if selected(bone)]
        if not names and armature.mode == "POSE" and bones.active:
            names = [bones.active.name]
    if not names:
        raise ValueError(f"no bone of {armature.name!r} is selected; select some in Pose Mode")
    for name in names:
        if name not in bones and not gone:
            raise ValueError(f"there is no bone {name!r} in {armature.name!r}; choose another")
    return names


def selected(bone: bpy.types.PoseBone) -> bool:
    """Whether a bone is selected: from Blender 5.0 on the pose bone says so, before that the bone."""
    return bone.select if hasattr(bone, "select") else bone.bone.select


CLASSES = (
    DRMM_OT_add_condition,
    DRMM_OT_remove_condition,
    DRMM_OT_add_floor,
    DRMM_OT_keep_feet,
    DRMM_OT_update_kept,
    DRMM_OT_select_condition,
    DRMM_OT_lock_bones,
    DRMM_OT_free_bones,
)
