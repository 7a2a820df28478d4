# SPDX-License-Identifier: GPL-3.0-or-later
"""Handles in the viewport for the limits of the bone that is chosen in the list of the rig."""

from __future__ import annotations

import bpy
import gpu
import numpy as np
from bpy_extras import view3d_utils
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix, Vector

from . import fan

COLOURS = ((1.0, 0.2, 0.32), (0.55, 0.86, 0.0), (0.16, 0.56, 1.0))  # Blender's own of X, Y and Z
KNOB = 0.035  # of the bone's length
SNAP = np.radians(5.0)
ENDS = ("low", "high")


def chosen(context: bpy.types.Context) -> tuple[bpy.types.PropertyGroup, bpy.types.PoseBone] | None:
    """Row and bone whose limits are shown; None where none is."""
    armature = context.scene.drmm.armature
    if armature is None or not armature.visible_get():
        return None
    settings = armature.drmm.rig
    if not settings.show_limits or not 0 <= settings.bone_index < len(settings.bones):
        return None
    row = settings.bones[settings.bone_index]
    bone = armature.pose.bones.get(row.name)
    return (row, bone) if bone and row.driven else None


def frame(bone: bpy.types.PoseBone) -> Matrix:
    """World matrix of the joint's axes, in which the bone is at rest and of length 1."""
    size = Matrix.Scale(bone.bone.length, 4)
    return bone.id_data.matrix_world @ bone.matrix @ bone.matrix_basis.inverted_safe() @ Matrix.Translation(
        bone.location if not bone.bone.use_connect else (0, 0, 0)) @ size


class DRMM_GT_limit(bpy.types.Gizmo):
    """One end of a joint's limits about one axis: a knob on the arc, which the knob of the greater angle draws."""

    bl_idname = "DRMM_GT_limit"
    __slots__ = ("axis", "end", "before")

    def draw(self, context: bpy.types.Context) -> None:
        found = chosen(context)
        if found is None:
            return
        low, high = (getattr(found[0], end)[self.axis] for end in ENDS)
        if self.end == "high":
            self._draw_arc(low, high)
        self.draw_preset_box(self._knob(high if self.end == "high" else low))

    def draw_select(self, context: bpy.types.Context, select_id: int) -> None:
        found = chosen(context)
        if found:
            self.draw_preset_box(self._knob(getattr(found[0], self.end)[self.axis]), select_id=select_id)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        found = chosen(context)
        if found is None:
            return {"CANCELLED"}
        self.before = tuple(found[0].low), tuple(found[0].high)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event, _tweak: set[str]) -> set[str]:
        found = chosen(context)
        if found is None:
            return {"CANCELLED"}
        row, values = found[0], list(getattr(found[0], self.end))
        mouse = event.mouse_region_x, event.mouse_region_y
        origin = view3d_utils.region_2d_to_origin_3d(context.region, context.region_data, mouse)
        direction = view3d_utils.region_2d_to_vector_3d(context.region, context.region_data, mouse)
        inside = self.matrix_basis.inverted_safe()
        ray = np.array(inside @ origin), np.array(inside.to_3x3() @ direction)
        at = fan.angle(self.axis, *ray, values[self.axis])
        if at is not None:
            values[self.axis] = round(at / SNAP) * SNAP if event.ctrl else at
            setattr(row, self.end, values)
            context.area.header_text_set(f"{row.name}: {np.degrees(values[self.axis]):.0f}° (Ctrl: steps of 5°)")
        return {"RUNNING_MODAL"}

    def exit(self, context: bpy.types.Context, cancel: bool) -> None:
        context.area.header_text_set(None)
        found = chosen(context)
        if cancel and found:
            found[0].low, found[0].high = self.before
        elif found:
            bpy.ops.ed.undo_push(message="Joint Limit")

    def _knob(self, angle: float) -> Matrix:
        at = Vector(fan.place(self.axis, angle))
        return self.matrix_basis @ Matrix.Translation(at) @ Matrix.Scale(KNOB, 4)

    def _draw_arc(self, low: float, high: float) -> None:
        points = [self.matrix_basis @ Vector(point) for point in fan.outline(self.axis, low, high)]
        shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
        shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
        shader.uniform_float("lineWidth", 2.0)
        shader.uniform_float("color", (*COLOURS[self.axis], 0.9))
        gpu.state.blend_set("ALPHA")
        batch_for_shader(shader, "LINE_STRIP", {"pos": points}).draw(shader)
        gpu.state.blend_set("NONE")


class DRMM_GGT_limits(bpy.types.GizmoGroup):
    """The six handles of a joint."""

    bl_idname = "DRMM_GGT_limits"
    bl_label = "Joint Limits"
    bl_space_type = "VIEW_3D"
    bl_region_type = "WINDOW"
    bl_options = {"3D", "PERSISTENT"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return chosen(context) is not None

    def setup(self, _context: bpy.types.Context) -> None:
        for axis in range(3):
            for end in ENDS:
                handle = self.gizmos.new(DRMM_GT_limit.bl_idname)
                handle.axis, handle.end = axis, end
                handle.color = COLOURS[axis]
                handle.color_highlight = (1.0, 1.0, 1.0)
                handle.alpha, handle.alpha_highlight = 0.9, 1.0
                handle.use_draw_modal = True

    def draw_prepare(self, context: bpy.types.Context) -> None:
        found = chosen(context)
        if found:
            matrix = frame(found[1])
            for handle in self.gizmos:
                handle.matrix_basis = matrix


CLASSES = (DRMM_GT_limit, DRMM_GGT_limits)
