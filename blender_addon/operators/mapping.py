# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone is which joint."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from .. import armature as rigs
from .common import ARMATURE, find_armature, refuse


class DRMM_OT_guess_mapping(bpy.types.Operator):
    """Propose a bone for every joint from the bones' names"""

    bl_idname = "drmm.guess_mapping"
    bl_label = "Guess from Names"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = find_armature(context, self.armature)
        except ValueError as problem:
            return refuse(self, problem)
        missing = rigs.guess_mapping(armature)
        if missing:
            self.report({"WARNING"}, f"No bone was found for {', '.join(missing)}; choose it in the list")
        else:
            self.report({"INFO"}, f"{len(rigs.mapping_of(armature))} joints have a bone")
        return {"FINISHED"}


CLASSES = (DRMM_OT_guess_mapping,)
