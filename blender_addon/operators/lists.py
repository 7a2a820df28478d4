# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of targets and goals: add, move, remove."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty
from mathutils import Vector

from drmm_engine.motion import skeleton

from .. import armature as rigs
from ..direction import draw, gather, words
from ..properties import GOALS
from .common import find_armature, refuse

# Kind of room: display and size of its empty, how far above the cursor it is made, and how it is turned.
ROOMS = {
    "OUT": ("CUBE", 0.5, 0.5, (0.0, 0.0, 0.0)),
    "IN": ("CUBE", 2.5, 1.25, (0.0, 0.0, 0.0)),
    "WALL": ("SINGLE_ARROW", 1.0, 1.0, (0.0, -1.5707964, 0.0)),
    "CEILING": ("PLAIN_AXES", 0.5, 1.2, (0.0, 0.0, 0.0)),
}


class DRMM_OT_add_targets(bpy.types.Operator):
    """Add the selected empties and curves to the targets, in the order of their names"""

    bl_idname = "drmm.add_targets"
    bl_label = "Add Selected"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = _holder(context)
        listed = {target.empty for target in settings.targets}
        leads = [obj for obj in context.selected_objects if obj.type in {"EMPTY", "CURVE"} and obj not in listed]
        if not leads:
            problem = "no empty or curve is selected that is not yet a target; select one, or add one"
            return refuse(self, ValueError(problem))
        for lead in sorted(leads, key=lambda obj: obj.name):
            settings.targets.add().empty = lead
        settings.target_index = len(settings.targets) - 1
        return {"FINISHED"}


class DRMM_OT_add_target_at_cursor(bpy.types.Operator):
    """Make an empty at the 3D cursor and add it to the targets"""

    bl_idname = "drmm.add_target_at_cursor"
    bl_label = "Add at 3D Cursor"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = _holder(context)
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
        settings = _holder(context)
        place = settings.target_index + (1 if self.direction == "DOWN" else -1)
        if not (0 <= place < len(settings.targets) and 0 <= settings.target_index < len(settings.targets)):
            return {"CANCELLED"}
        settings.targets.move(settings.target_index, place)
        settings.target_index = place
        draw.refresh(context.scene)
        return {"FINISHED"}


class DRMM_OT_remove_target(bpy.types.Operator):
    """Take the target off the list; its empty stays"""

    bl_idname = "drmm.remove_target"
    bl_label = "Remove Target"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = _holder(context)
        if not 0 <= settings.target_index < len(settings.targets):
            return {"CANCELLED"}
        settings.targets.remove(settings.target_index)
        settings.target_index = max(0, min(settings.target_index, len(settings.targets) - 1))
        draw.refresh(context.scene)
        return {"FINISHED"}


class DRMM_OT_add_room(bpy.types.Operator):
    """Make what walks keep out of or inside, at the 3D cursor; of selected empties, or else of a new one"""

    bl_idname = "drmm.add_room"
    bl_label = "Add Room"
    bl_options = {"REGISTER", "UNDO"}

    kind: EnumProperty(name="Kind", items=words.ROOMS)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.drmm
        listed = {room.empty for room in settings.rooms} | {target.empty for target in settings.targets}
        chosen = [one for one in context.selected_objects if one.type == "EMPTY" and one not in listed]
        for empty in chosen or [self._made(context)]:
            room = settings.rooms.add()
            room.empty, room.kind = empty, self.kind
        settings.room_index = len(settings.rooms) - 1
        return {"FINISHED"}

    def _made(self, context: bpy.types.Context) -> bpy.types.Object:
        display, size, height, turn = ROOMS[self.kind]
        place = context.scene.cursor.location + Vector((0.0, 0.0, height))
        empty = new_empty(context, words.room_name(self.kind), display, size, place)
        empty.rotation_euler = turn
        return empty


class DRMM_OT_remove_room(bpy.types.Operator):
    """Take the room off the list; its empty stays"""

    bl_idname = "drmm.remove_room"
    bl_label = "Remove Room"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.drmm
        if not 0 <= settings.room_index < len(settings.rooms):
            return {"CANCELLED"}
        settings.rooms.remove(settings.room_index)
        settings.room_index = max(0, min(settings.room_index, len(settings.rooms) - 1))
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


def _holder(context: bpy.types.Context) -> bpy.types.PropertyGroup:
    """What has the list of targets that the panel shows."""
    return gather.listed(context.scene, context.scene.drmm.armature)


CLASSES = (
    DRMM_OT_add_targets,
    DRMM_OT_add_target_at_cursor,
    DRMM_OT_move_target,
    DRMM_OT_remove_target,
    DRMM_OT_add_room,
    DRMM_OT_remove_room,
    DRMM_OT_add_goal,
    DRMM_OT_remove_goal,
)
