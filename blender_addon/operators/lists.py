# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of targets and goals: add, move, remove."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty

from drmm_engine.motion import skeleton

from .. import armature as rigs
from ..properties import GOALS
from .common import find_armature, refuse


class DRMM_OT_add_targets(bpy.types.Operator):
    """Add the selected empties to the targets, in the order of their names"""

    bl_idname = "drmm.add_targets"
    bl_label = "Add Selected Empties"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.drmm
        listed = {target.empty for target in settings.targets}
        empties = [obj for obj in context.selected_objects if obj.type == "EMPTY" and obj not in listed]
        if not empties:
            return refuse(self, ValueError("no empty is selected that is not yet a target; select one, or add one"))
        for empty in sorted(empties, key=lambda obj: obj.name):
            settings.targets.add().empty = empty
        settings.target_index = len(settings.targets) - 1
        return {"FINISHED"}


class DRMM_OT_add_target_at_cursor(bpy.types.Operator):
    """Make an empty at the 3D cursor and add it to the targets"""

    bl_idname = "drmm.add_target_at_cursor"
    bl_label = "Add at 3D Cursor"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.drmm
        settings.targets.add().empty = new_empty(context, "Target", "SINGLE_ARROW", 0.5, context.scene.cursor.location)
        settings.target_index = len(settings.targets) - 1
        return {"FINISHED"}


class DRMM_OT_move_target(bpy.types.Operator):
    """Move the target up or down the list; they are walked to from top to bottom"""

    bl_idname = "drmm.move_target"
    bl_label = "Move Target"
    bl_options = {"REGISTER", "UNDO"}

    direction: EnumProperty(name="Direction", items=[("UP", "Up", "Earlier"), ("DOWN", "Down", "Later")])

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.drmm
        place = settings.target_index + (1 if self.direction == "DOWN" else -1)
        if not (0 <= place < len(settings.targets) and 0 <= settings.target_index < len(settings.targets)):
            return {"CANCELLED"}
        settings.targets.move(settings.target_index, place)
        settings.target_index = place
        return {"FINISHED"}


class DRMM_OT_remove_target(bpy.types.Operator):
    """Take the target off the list; its empty stays"""

    bl_idname = "drmm.remove_target"
    bl_label = "Remove Target"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.drmm
        if not 0 <= settings.target_index < len(settings.targets):
            return {"CANCELLED"}
        settings.targets.remove(settings.target_index)
        settings.target_index = max(0, min(settings.target_index, len(settings.targets) - 1))
        return {"FINISHED"}


class DRMM_OT_add_goal(bpy.types.Operator):
    """Make an empty where this part of the body is now, and add it to the goals"""

    bl_idname = "drmm.add_goal"
    bl_label = "Add Goal"
    bl_options = {"REGISTER", "UNDO"}

    joint: EnumProperty(name="Part", items=GOALS)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.drmm
        try:
            armature = find_armature(context, "")
            mapping = rigs.mapping_of(armature)
            if mapping.get(self.joint) not in armature.pose.bones:
                raise ValueError(f"no bone is mapped to {self.joint} of {armature.name!r}; choose it in the mapping")
        except ValueError as problem:
            return refuse(self, problem)
        place = rigs.joint_positions(armature, mapping)[skeleton.JOINTS.index(self.joint)]
        goal = settings.goals.add()
        goal.joint = self.joint
        goal.empty = new_empty(context, f"{self.joint} Goal", "SPHERE", 0.08, place)
        settings.goal_index = len(settings.goals) - 1
        return {"FINISHED"}


class DRMM_OT_remove_goal(bpy.types.Operator):
    """Take the goal off the list; its empty stays"""

    bl_idname = "drmm.remove_goal"
    bl_label = "Remove Goal"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.drmm
        if not 0 <= settings.goal_index < len(settings.goals):
            return {"CANCELLED"}
        settings.goals.remove(settings.goal_index)
        settings.goal_index = max(0, min(settings.goal_index, len(settings.goals) - 1))
        return {"FINISHED"}


def new_empty(
    context: bpy.types.Context, name: str, display: str, size: float, location: tuple[float, float, float]
) -> bpy.types.Object:
    """An empty in the scene's current collection."""
    empty = bpy.data.objects.new(name, None)
    empty.empty_display_type = display
    empty.empty_display_size = size
    empty.location = location
    context.collection.objects.link(empty)
    return empty


CLASSES = (
    DRMM_OT_add_targets,
    DRMM_OT_add_target_at_cursor,
    DRMM_OT_move_target,
    DRMM_OT_remove_target,
    DRMM_OT_add_goal,
    DRMM_OT_remove_goal,
)
