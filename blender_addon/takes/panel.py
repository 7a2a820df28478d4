# SPDX-License-Identifier: GPL-3.0-or-later
"""The Takes panel: the list, and what becomes of a take; it draws what is known and computes nothing."""

from __future__ import annotations

import bpy

from ..screen import Sidebar
from . import ghosts, store


class DRMM_UL_takes(bpy.types.UIList):
    """Takes, oldest first: number, seed, frames, plausibility."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):  # noqa: ANN001, ANN201
        number, row = _columns(layout)
        number.label(text=item.name, icon=ghosts.icon(item.name), translate=False)
        if item.action is None:
            row.alert = True
            row.label(text="Its Action is gone", icon="ERROR")
            return
        row.label(text=str(item.seed), translate=False)
        row.label(text=f"{item.first}-{item.last}", translate=False)
        row.label(text=f"{item.plausibility:.1f}", icon="CHECKMARK" if item.kept else "NONE", translate=False)


def _columns(layout: bpy.types.UILayout) -> tuple[bpy.types.UILayout, bpy.types.UILayout]:
    """Room for a take's number, and for what else is said of it in even columns."""
    parts = layout.split(factor=0.24)
    return parts.row(), parts.row()


class DRMM_PT_takes(Sidebar, bpy.types.Panel):
    """Takes of the armature, on trial until one is accepted."""

    bl_label = "Takes"
    bl_parent_id = "DRMM_PT_walk"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = context.scene.drmm.armature
        return armature is not None and len(armature.drmm.takes.rows) > 0

    def draw(self, context: bpy.types.Context) -> None:
        armature = context.scene.drmm.armature
        settings, layout = armature.drmm.takes, self.layout
        layout.enabled = not context.window_manager.drmm.running
        row = layout.row()
        listed = row.column()
        number, heads = _columns(listed.row())
        number.label(text="Take")
        for text in ("Seed", "Frames", "Plausible"):
            heads.label(text=text)
        listed.template_list("DRMM_UL_takes", "", settings, "rows", settings, "index", rows=4)
        buttons = row.column(align=True)
        buttons.label(text="", icon="BLANK1")
        buttons.operator("drmm.vary_take", text="", icon="ADD")
        buttons.operator("drmm.remove_take", text="", icon="REMOVE")
        buttons.separator()
        buttons.operator("drmm.step_take", text="", icon="TRIA_UP").step = -1
        buttons.operator("drmm.step_take", text="", icon="TRIA_DOWN").step = 1
        if settings.index < len(settings.rows) and settings.rows[settings.index].note:
            layout.label(text=settings.rows[settings.index].note, icon="INFO", translate=False)
        self._draw_ends(layout, store.reviewing(armature))
        row = layout.row(align=True)
        row.prop(settings, "view", expand=True)
        if settings.view == "SIDE":
            layout.prop(settings, "gap")
        self._draw_changes(layout)

    def _draw_changes(self, layout: bpy.types.UILayout) -> None:
        column = layout.column(align=True)
        column.operator("drmm.remake_stretch", icon="PREVIEW_RANGE")
        row = column.row(align=True)
        row.operator("drmm.update_take", text="Follow Targets", icon="FILE_REFRESH")
        row.operator("drmm.extend_take", icon="FORWARD")
        column.operator("drmm.push_take", icon="NLA_PUSHDOWN")

    def _draw_ends(self, layout: bpy.types.UILayout, reviewing: bool) -> None:
        row = layout.row(align=True)
        row.scale_y = 1.4
        row.enabled = reviewing
        row.operator("drmm.accept_take", icon="CHECKMARK")
        row.operator("drmm.reject_takes", icon="LOOP_BACK")


CLASSES = (DRMM_UL_takes, DRMM_PT_takes)
