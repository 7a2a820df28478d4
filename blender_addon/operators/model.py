# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the models, so that the panel can tell of them."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty

from .. import models
from .common import redraw


class DRMM_OT_read_model(bpy.types.Operator):
    """Read the model and show what it says of itself"""

    bl_idname = "drmm.read_model"
    bl_label = "Read Model"
    bl_options = {"INTERNAL"}

    kind: EnumProperty(name="Kind", items=[("locomotion", "Locomotion", "For walks"), ("pose", "Pose", "For poses")])

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.drmm
        path = settings.walk_model if self.kind == "locomotion" else settings.pose_model
        models.look(bpy.path.abspath(path), self.kind)
        redraw(context)
        return {"FINISHED"}


CLASSES = (DRMM_OT_read_model,)
