# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel in which a walk is learned from one's own clips; it draws what is known and computes nothing."""

from __future__ import annotations

import bpy

from ..rig import learn as rigs
from ..screen import Sidebar
from . import learn


class DRMM_PT_data(Sidebar, bpy.types.Panel):
    """Clips, their licence, and Learn to Walk."""

    bl_label = "Learn from Own Clips"
    bl_parent_id = "DRMM_PT_walk"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.drmm.data
        column = layout.column(align=True)
        column.prop(settings, "folder", text="", icon="FILE_FOLDER", placeholder="Folder, zip or file of clips")
        row = column.row(align=True)
        row.prop(settings, "use_actions", toggle=True, icon="ACTION")
        layout.prop(settings, "mapping", text="", icon="BONE_DATA", placeholder="Joint names: known")
        row = layout.row(align=True)
        row.prop(settings, "styles", text="")
        if settings.styles == "TABLE":
            row.prop(settings, "table", text="", placeholder="Table")
        column = layout.column(align=True)
        row = column.row(align=True)
        row.alert = settings.licence == "NONE"
        row.prop(settings, "licence", text="")
        if settings.licence == "OTHER":
            column.prop(settings, "other_licence", text="", placeholder="The licence in your words")
        column.prop(settings, "source", text="", placeholder="Whose clips these are")
        column.prop(settings, "seed")
        self._draw_learning(layout, learn.job())

    def _draw_learning(self, layout: bpy.types.UILayout, job: learn.Job | None) -> None:
        row = layout.row(align=True)
        row.scale_y = 1.4
        if job and not job.over:
            row.progress(factor=job.fraction, text=job.text)
            row.operator("drmm.cancel_learning_to_walk", text="", icon="CANCEL")
        else:
            row.operator("drmm.learn_to_walk", icon="EXPERIMENTAL")
        if job and job.error:
            self._draw_lines(layout, rigs.lines(job.error), alert=True)
        elif job and job.over:
            done = f"The walk model is {job.out.name}" if job.models else job.text
            self._draw_lines(layout, rigs.lines(done), alert=False)
        if job and "report" in job.facts:
            self._draw_lines(layout, job.facts["summary"], alert=False)
            layout.operator("drmm.report_clips", icon="TEXT")

    def _draw_lines(self, layout: bpy.types.UILayout, shown: list[str], alert: bool) -> None:
        column = layout.column(align=True)
        column.scale_y = 0.8
        column.alert = alert
        for line in shown:
            column.label(text=line)


CLASSES = (DRMM_PT_data,)
