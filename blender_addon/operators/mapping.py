# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone is which joint."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from drmm_engine.motion import mapping as names
from drmm_engine.motion import skeleton
from drmm_engine.motion.rig import OPTIONAL

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
        proposed = rigs.propose_mapping(armature)
        rows = armature.drmm.mapping
        rows.clear()
        for joint in skeleton.JOINTS:
            row = rows.add()
            row.joint, row.bone = joint, proposed.get(joint, "")
        missing = [joint for joint in names.missing(proposed) if joint not in OPTIONAL]
        if missing:
            self.report({"WARNING"}, f"No bone was found for {', '.join(missing)}; choose it in the list")
        else:
            self.report({"INFO"}, f"{len(proposed)} of {len(rows)} joints have a bone")
        return {"FINISHED"}


CLASSES = (DRMM_OT_guess_mapping,)
