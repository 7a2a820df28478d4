# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel in which a rig is set up and learned; it draws what is known and computes nothing."""

from __future__ import annotations

import bpy

from ..screen import Sidebar
from . import handles, learn


class DRMM_UL_rig_bones(bpy.types.UIList):
    """Bones: whether they are driven, and which of their ends are reached for."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):  # noqa: ANN001, ANN201
        row = layout.row(align=True)
        row.prop(item, "driven", text="")
        name = row.row()
        gone = item.name not in data.id_data.data.bones
        name.alert = gone or bool(item.driven and item.problem)
        name.label(text=item.name, icon="ERROR" if name.alert else "LOCKED" if item.problem else "BONE_DATA")
        ends = row.row(align=True)
        ends.prop(item, "use_head", text="", icon="TRACKING_BACKWARDS_SINGLE", emboss=item.use_head)
        ends.prop(item, "use_tail", text="", icon="TRACKING_FORWARDS_SINGLE", emboss=item.use_tail)

    def draw_filter(self, _context, layout) -> None:  # noqa: ANN001
        layout.prop(self, "filter_name", text="", icon="VIEWZOOM")

    def filter_items(self, _context, data, property_name):  # noqa: ANN001, ANN201
        rows = getattr(data, property_name)
        helper = bpy.types.UI_UL_list
        shown = [self.bitflag_filter_item] * len(rows)
        if self.filter_name:
            shown = helper.filter_items_by_name(self.filter_name, self.bitflag_filter_item, rows, "name")
        if data.only_driven:
            used = [row.driven or row.use_head or row.use_tail for row in rows]
            shown = [flag if use else 0 for flag, use in zip(shown, used, strict=True)]
        return shown, []


class DRMM_PT_rig(Sidebar, bpy.types.Panel):
    """Driven bones, their limits, and learning."""

    bl_label = "Rig"
    bl_parent_id = "DRMM_PT_character"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.drmm.armature is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        armature = context.scene.drmm.armature
        settings = armature.drmm.rig
        row = layout.row(align=True)
        row.operator("drmm.find_bones", icon="VIEWZOOM")
        if not settings.bones:
            layout.label(text="Find the bones that poses drive", icon="INFO")
            return
        row.prop(settings, "only_driven", text="", icon="FILTER")
        layout.template_list("DRMM_UL_rig_bones", "", settings, "bones", settings, "bone_index", rows=6)
        if 0 <= settings.bone_index < len(settings.bones):
            self._draw_bone(layout, armature, settings.bones[settings.bone_index])
        self._draw_learning(layout, armature, settings)

    def _draw_bone(self, layout: bpy.types.UILayout, armature: bpy.types.Object, row: bpy.types.PropertyGroup) -> None:
        box = layout.box()
        if row.name not in armature.data.bones:
            box.label(text="There is no bone of this name", icon="ERROR")
            return
        if row.problem:
            box.label(text="Cannot be driven:", icon="LOCKED")
            box.label(text=row.problem)
        if not row.driven:
            return
        heading = box.row(align=True)
        heading.prop(row, "kind", text="")
        heading.prop(armature.drmm.rig, "show_limits", text="", icon="CON_ROTLIMIT")
        if row.source:
            box.label(text=row.source, icon="INFO")
        self._draw_ranges(box, row, "low", "high", "Twist Y" if row.kind == "swing" else "Y")
        buttons = box.split(factor=0.24, align=True)
        buttons.label(text="As posed")
        buttons = buttons.row(align=True)
        for end, text in (("LOW", "From"), ("HIGH", "To"), ("WIDEN", "Widen")):
            buttons.operator("drmm.limit_from_pose", text=text).end = end
        box.prop(row, "moves")
        if row.moves:
            self._draw_ranges(box, row, "move_low", "move_high", "Y")

    def _draw_ranges(
        self, layout: bpy.types.UILayout, row: bpy.types.PropertyGroup, low: str, high: str, middle: str
    ) -> None:
        column = layout.column(align=True)
        for axis, name in enumerate(("X", middle, "Z")):
            line = column.split(factor=0.24, align=True)
            line.label(text=name)
            pair = line.row(align=True)
            pair.prop(row, low, index=axis, text="")
            pair.prop(row, high, index=axis, text="")

    def _draw_learning(
        self, layout: bpy.types.UILayout, armature: bpy.types.Object, settings: bpy.types.PropertyGroup
    ) -> None:
        layout.label(text="Learn from random poses, and from")
        row = layout.row(align=True)
        for source in ("use_mocap", "use_actions", "use_assets"):
            row.prop(settings, source, toggle=True)
        row = layout.row(align=True)
        row.prop(settings, "count")
        row.prop(settings, "seed")
        job = learn.job_of(armature)
        row = layout.row(align=True)
        row.scale_y = 1.4
        if job and not job.over:
            row.progress(factor=job.fraction, text=job.text)
            row.operator("drmm.cancel_learning", text="", icon="CANCEL")
        else:
            row.operator("drmm.learn_rig", icon="EXPERIMENTAL")
        if job and job.error:
            self._draw_problem(layout, job.error)
        layout.label(text="Model of this rig")
        row = layout.row(align=True)
        row.prop(settings, "model", text="", placeholder="Not learned yet")
        row.operator("drmm.export_rig", text="", icon="EXPORT")

    def _draw_problem(self, layout: bpy.types.UILayout, problem: str) -> None:
        column = layout.column(align=True)
        column.alert = True
        for line in learn.lines(problem):
            column.label(text=line)


CLASSES = (DRMM_UL_rig_bones, DRMM_PT_rig, *handles.CLASSES)
