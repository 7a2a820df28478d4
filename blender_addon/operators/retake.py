# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes made from the take shown: varied, in part anew, longer, or after its targets were moved."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
from bpy.props import FloatProperty, IntProperty, StringProperty

from . import steps
from .common import ARMATURE, setting
from .takes import editable


class DRMM_OT_vary_take(bpy.types.Operator):
    """Make more takes of the same walk, with other seeds"""

    bl_idname = "drmm.vary_take"
    bl_label = "Vary"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    count: IntProperty(name="Takes", default=3, min=1, max=50, description="How many takes to make")

    def work(self, context: bpy.types.Context) -> Iterator[float]:
        from ..takes import again  # what generates is read when it is first used: enabling stays fast

        return again.vary(context, editable(context, self.armature), self.count)

    execute, invoke, modal, cancel = steps.execute, steps.invoke, steps.modal, steps.cancel


class DRMM_OT_remake_stretch(bpy.types.Operator):
    """Make the frames within the preview range anew, as a new take; its ends and all keys outside stay as they are"""

    bl_idname = "drmm.remake_stretch"
    bl_label = "Remake Preview Range"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    first: IntProperty(name="First", description="The last frame that is kept before the stretch")
    last: IntProperty(name="Last", description="The first frame that is kept after the stretch")
    seed: IntProperty(name="Seed", min=0, description="Another number gives another motion")

    def work(self, context: bpy.types.Context) -> Iterator[float]:
        from ..takes import again  # what generates is read when it is first used: enabling stays fast

        armature, scene = editable(context, self.armature), context.scene
        given = all(self.properties.is_property_set(name) for name in ("first", "last"))
        if not given and not scene.use_preview_range:
            raise ValueError("no frames are chosen; draw a preview range over them (P in the timeline)")
        first, last = (self.first, self.last) if given else (scene.frame_preview_start, scene.frame_preview_end)
        rows = armature.drmm.takes.rows
        seed = setting(self, "seed", 1 + max((row.seed for row in rows), default=0))
        return again.stretch(context, armature, first, last, seed)

    execute, invoke, modal, cancel = steps.execute, steps.invoke, steps.modal, steps.cancel


class DRMM_OT_extend_take(bpy.types.Operator):
    """Go on where the take ends, as a new take: to the targets added to the list since, or else straight on"""

    bl_idname = "drmm.extend_take"
    bl_label = "Extend"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    seconds: FloatProperty(name="Time", default=5.0, min=0.5, max=600.0, description="Go on for so long at most, s")

    def work(self, context: bpy.types.Context) -> Iterator[float]:
        from ..takes import again  # what generates is read when it is first used: enabling stays fast

        return again.extend(context, editable(context, self.armature), self.seconds)

    execute, invoke, modal, cancel = steps.execute, steps.invoke, steps.modal, steps.cancel


class DRMM_OT_update_take(bpy.types.Operator):
    """Follow targets that were moved, as a new take: all keys from before the first of them is walked to stay"""

    bl_idname = "drmm.update_take"
    bl_label = "Follow Moved Targets"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)

    def work(self, context: bpy.types.Context) -> Iterator[float]:
        from ..takes import again  # what generates is read when it is first used: enabling stays fast

        return again.update(context, editable(context, self.armature))

    execute, invoke, modal, cancel = steps.execute, steps.invoke, steps.modal, steps.cancel


CLASSES = (DRMM_OT_vary_take, DRMM_OT_remake_stretch, DRMM_OT_extend_take, DRMM_OT_update_take)
