# SPDX-License-Identifier: GPL-3.0-or-later
"""The "DRMM" tab of the 3D viewport's sidebar; it draws what is known and computes nothing."""

from __future__ import annotations

import bpy

from . import armature as rigs
from . import models, review
from .answers import panel as answers
from .data import panel as data
from .direction import panel as direction
from .rig import learned
from .rig import panel as rig
from .screen import Sidebar
from .takes import panel as takes


def _wants_bone(row: bpy.types.PropertyGroup, bones: bpy.types.ArmatureBones) -> bool:
    """Whether a row of the mapping names no bone of the armature, though it names one or needs one."""
    return row.bone not in bones and bool(row.bone or row.joint not in rigs.OPTIONAL)


def _button(layout: bpy.types.UILayout, operator: str, icon: str, ready: bool, lacking: str) -> None:
    """The button that a panel is for; where it cannot be pressed yet, what it waits for."""
    row = layout.row()
    row.scale_y = 1.4
    row.enabled = ready
    row.operator(operator, icon=icon)
    if not ready:
        layout.label(text=f"Needs an armature and {lacking}", icon="INFO")


class DRMM_UL_bones(bpy.types.UIList):
    """Canonical joints and their bones."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):  # noqa: ANN001, ANN201
        bones = data.id_data.data.bones
        row = layout.row(align=True).split(factor=0.42, align=True)
        row.label(text=item.joint)
        field = row.row(align=True)
        field.alert = _wants_bone(item, bones)
        icon = "ERROR" if field.alert else "BONE_DATA"
        field.prop_search(item, "bone", data.id_data.data, "bones", text="", icon=icon)


class DRMM_UL_goals(bpy.types.UIList):
    """Parts of the body and where they go."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):  # noqa: ANN001, ANN201
        row = layout.row(align=True).split(factor=0.42, align=True)
        row.prop(item, "joint", text="")
        row.prop(item, "empty", text="", icon="EMPTY_DATA")


class DRMM_UL_poses(bpy.types.UIList):
    """Sampled poses, best first."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):  # noqa: ANN001, ANN201
        row = layout.row()
        row.label(text=str(index + 1), icon="ARMATURE_DATA")
        row.label(text=f"{item.plausibility:.1f}")
        row.label(text=f"{item.error:.0f} mm")


class DRMM_PT_character(Sidebar, bpy.types.Panel):
    """The armature, and whether its bones are known."""

    bl_label = "Character"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        armature = context.scene.drmm.armature
        layout.prop(context.scene.drmm, "armature", text="", icon="ARMATURE_DATA")
        if armature is None:
            layout.label(text="Choose an armature", icon="INFO")
            return
        bones, rows = armature.data.bones, armature.drmm.mapping
        mapped = sum(row.bone in bones for row in rows)
        wanting = any(_wants_bone(row, bones) for row in rows)
        layout.label(text=f"{mapped} of {len(rows)} joints have a bone", icon="ERROR" if wanting else "CHECKMARK")


class DRMM_PT_bones(Sidebar, bpy.types.Panel):
    """Which bone is which joint."""

    bl_label = "Bone Mapping"
    bl_parent_id = "DRMM_PT_character"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.drmm.armature is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.drmm.armature.drmm
        layout.operator("drmm.guess_mapping", icon="VIEWZOOM")
        layout.template_list("DRMM_UL_bones", "", settings, "mapping", settings, "mapping_index", rows=8)


class DRMM_PT_pose(Sidebar, bpy.types.Panel):
    """Conditions, the poses that meet them, and what becomes of those."""

    bl_label = "Pose"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        armature = context.scene.drmm.armature
        if armature is None:
            layout.label(text="Choose an armature", icon="INFO")
            return
        if not learned.known_model(armature):
            layout.label(text="Learn this rig first, or use Quick Poses", icon="INFO")
            layout.operator("drmm.learn_rig" if len(armature.drmm.rig.bones) else "drmm.find_bones")


class DRMM_PT_conditions(Sidebar, bpy.types.Panel):
    """What poses are to meet, and the bones that stay as they are."""

    bl_label = "Conditions"
    bl_parent_id = "DRMM_PT_pose"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.drmm.armature is not None

    def draw(self, context: bpy.types.Context) -> None:
        answers.draw_conditions(self.layout, context, context.scene.drmm.armature)


class DRMM_PT_answers(Sidebar, bpy.types.Panel):
    """Find Poses and Live, the poses found, and what becomes of them."""

    bl_label = "Answers"
    bl_parent_id = "DRMM_PT_pose"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.drmm.armature is not None

    def draw(self, context: bpy.types.Context) -> None:
        answers.draw_answers(self.layout, context, context.scene.drmm.armature)


class DRMM_PT_quick_poses(Sidebar, bpy.types.Panel):
    """Goals, sampled poses, and what becomes of them, for rigs that are not learned."""

    bl_label = "Quick Poses"
    bl_parent_id = "DRMM_PT_pose"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = context.scene.drmm.armature
        return armature is None or not learned.known_model(armature)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.drmm
        layout.label(text="Goals")
        row = layout.row()
        row.template_list("DRMM_UL_goals", "", settings, "goals", settings, "goal_index", rows=3)
        buttons = row.column(align=True)
        buttons.operator_menu_enum("drmm.add_goal", "joint", text="", icon="ADD")
        buttons.operator("drmm.remove_goal", text="", icon="REMOVE")
        row = layout.row(align=True)
        row.prop(settings, "count")
        row.prop(settings, "seed")
        ready = bool(settings.armature and settings.goals)
        _button(layout, "drmm.sample_pose", "OUTLINER_OB_ARMATURE", ready, "a goal")
        if settings.armature and review.active(settings.armature):
            self._draw_results(layout, settings.armature.drmm)

    def _draw_results(self, layout: bpy.types.UILayout, results: bpy.types.PropertyGroup) -> None:
        row = layout.row()
        for text in ("Best first", "Plausibility", "Error"):
            row.label(text=text)
        layout.template_list("DRMM_UL_poses", "", results, "poses", results, "pose_index", rows=4)
        row = layout.row(align=True)
        row.operator("drmm.step_pose", text="Previous", icon="TRIA_LEFT").step = -1
        row.operator("drmm.step_pose", text="Next", icon="TRIA_RIGHT").step = 1
        row = layout.row(align=True)
        row.operator("drmm.key_pose", icon="KEY_HLT")
        row.operator("drmm.revert_pose", icon="LOOP_BACK")


class DRMM_PT_models(Sidebar, bpy.types.Panel):
    """The model files and what they say of themselves."""

    bl_label = "Models"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.drmm
        for kind, field in (("locomotion", "walk_model"), ("pose", "pose_model")):
            box = self.layout.box()
            box.label(text=settings.bl_rna.properties[field].name, icon="POSE_HLT" if kind == "pose" else "ANIM")
            box.prop(settings, field, text="", placeholder="As shipped")
            entry = models.known(bpy.path.abspath(getattr(settings, field)), kind)
            if entry is None:
                box.operator("drmm.read_model", icon="FILE_REFRESH").kind = kind
                continue
            column = box.column(align=True)
            column.scale_y = 0.8
            column.alert = entry.model is None
            for line in entry.lines:
                column.label(text=line)


CLASSES = (
    DRMM_UL_bones,
    *direction.LISTS,
    DRMM_UL_goals,
    DRMM_UL_poses,
    DRMM_PT_character,
    DRMM_PT_bones,
    *rig.CLASSES,
    *answers.CLASSES,
    *direction.CLASSES,
    *takes.CLASSES,
    *data.CLASSES,
    DRMM_PT_pose,
    DRMM_PT_conditions,
    DRMM_PT_answers,
    DRMM_PT_quick_poses,
    DRMM_PT_models,
)
