# SPDX-License-Identifier: GPL-3.0-or-later
"""Learn to Walk from one's own clips, in a process of its own, and the report of the clips."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ..data import learn
from .common import redraw, refuse


class DRMM_OT_learn_to_walk(bpy.types.Operator):
    """Learn to walk from the clips above."""

    bl_description = (
        "Learn to walk from the clips above; the model becomes the walk model. It runs beside Blender: go on working; "
        "some minutes of clips take a minute or two"
    )
    bl_idname = "drmm.learn_to_walk"
    bl_label = "Learn to Walk"
    bl_options = {"REGISTER"}  # its undo step is made when the model is there

    path: StringProperty(
        name="Model", subtype="FILE_PATH", description="Where the model goes; empty: the extension's folder for it"
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            job = learn.begin(context.scene, self.path)
            if bpy.app.background:
                learn.finish(context.scene, job)
                self.report({"INFO"}, f"Learned to walk: {job.out}")
        except ValueError as problem:
            return refuse(self, problem)
        redraw(context)
        return {"FINISHED"}


class DRMM_OT_cancel_learning_to_walk(bpy.types.Operator):
    """Stop learning to walk; the model that was there stays"""

    bl_idname = "drmm.cancel_learning_to_walk"
    bl_label = "Cancel Learning"
    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            learn.cancel()
        except ValueError as problem:
            return refuse(self, problem)
        redraw(context)
        return {"FINISHED"}


class DRMM_OT_report_clips(bpy.types.Operator):
    """Write what the clips hold, and which were left out and why, into a text block, and show it"""

    bl_idname = "drmm.report_clips"
    bl_label = "Report of the Clips"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        job = learn.job()
        return job is not None and "report" in job.facts

    def execute(self, context: bpy.types.Context) -> set[str]:
        text = learn.report_text(learn.job().facts["report"])
        if not bpy.app.background:
            bpy.ops.wm.window_new()
            area = context.window_manager.windows[-1].screen.areas[0]
            area.ui_type = "TEXT_EDITOR"
            area.spaces.active.text = text
        self.report({"INFO"}, f"Written into the text block {text.name!r}")
        return {"FINISHED"}


CLASSES = (DRMM_OT_learn_to_walk, DRMM_OT_cancel_learning_to_walk, DRMM_OT_report_clips)
