# SPDX-License-Identifier: GPL-3.0-or-later
"""The Walk panels: targets, rooms, how walks become keys, what lies between poses, and what is drawn."""

from __future__ import annotations

import bpy

from .. import models
from ..screen import Sidebar
from . import gather

ICONS = {"FREE": "BLANK1", "ALONG": "CON_FOLLOWPATH", "TOWARDS": "HIDE_OFF", "AWAY": "LOOP_BACK",
         "OBJECT": "CON_TRACKTO", "ROTATION": "ORIENTATION_LOCAL"}  # fmt: skip
ARRIVALS = {"PASS": "BLANK1", "SPEED": "FF", "FRAME": "TIME"}


class DRMM_UL_targets(bpy.types.UIList):
    """Targets in the order in which they are walked to."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):  # noqa: ANN001, ANN201
        row = layout.row(align=True)
        number = row.row()
        number.ui_units_x = 1.2
        number.label(text=str(index + 1))
        curve = item.empty is not None and item.empty.type == "CURVE"
        row.prop(item, "empty", text="", icon="CURVE_DATA" if curve else "EMPTY_DATA")
        row.label(text="", icon=ARRIVALS[item.arrive])
        row.label(text="", icon=ICONS[item.facing])
        row.label(text="", icon="PAUSE" if item.wait else "SNAP_FACE" if item.stop else "BLANK1")


class DRMM_UL_rooms(bpy.types.UIList):
    """What walks keep out of or inside."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):  # noqa: ANN001, ANN201
        row = layout.row(align=True)
        row.prop(item, "use", text="")
        row = row.row(align=True)
        row.active = item.use
        row.prop(item, "empty", text="", icon="EMPTY_DATA")
        row.prop(item, "kind", text="")


class DRMM_PT_walk(Sidebar, bpy.types.Panel):
    """Targets, and Generate."""

    bl_label = "Walk"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.drmm
        armature = settings.armature
        holder = gather.listed(context.scene, armature)
        heading = layout.row()
        heading.label(text="Targets, in order")
        if armature:
            heading.prop(armature.drmm.walk, "own", toggle=True)
        row = layout.row()
        row.template_list("DRMM_UL_targets", "", holder, "targets", holder, "target_index", rows=5)
        buttons = row.column(align=True)
        buttons.operator("drmm.add_target_at_cursor", text="", icon="ADD")
        buttons.operator("drmm.remove_target", text="", icon="REMOVE")
        buttons.separator()
        buttons.operator("drmm.move_target", text="", icon="TRIA_UP").direction = "UP"
        buttons.operator("drmm.move_target", text="", icon="TRIA_DOWN").direction = "DOWN"
        layout.operator("drmm.add_targets", icon="EMPTY_DATA")
        if 0 <= holder.target_index < len(holder.targets):
            draw_target(layout, context, holder.targets[holder.target_index])
        column = layout.column(align=True)
        column.prop(settings, "seed")
        column.prop(settings, "seconds")
        draw_generate(layout, context, bool(armature and holder.targets))


def draw_target(layout: bpy.types.UILayout, context: bpy.types.Context, target: bpy.types.PropertyGroup) -> None:
    """The details of one target."""
    column = layout.box().column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(target, "arrive")
    if target.arrive == "SPEED":
        column.prop(target, "speed")
    elif target.arrive == "FRAME":
        row = column.row()
        row.alert = target.frame <= context.scene.frame_current
        row.prop(target, "frame")
    column.prop(target, "facing")
    if target.facing == "OBJECT":
        row = column.row()
        row.alert = target.look is None
        row.prop(target, "look")
    if models.styles(bpy.path.abspath(context.scene.drmm.walk_model)):
        column.prop(target, "style")
    if target.empty and target.empty.type == "CURVE":
        column.prop(target, "reverse")
    column.prop(target, "stop")
    row = column.row()
    row.active = target.stop or target.wait > 0
    row.prop(target, "wait")


def draw_generate(layout: bpy.types.UILayout, context: bpy.types.Context, ready: bool) -> None:
    """The button, or while it is at work how far it is."""
    progress = context.window_manager.drmm
    row = layout.row(align=True)
    row.scale_y = 1.4
    if progress.running:
        row.progress(factor=progress.fraction, text=progress.text)
        row.operator("drmm.cancel", text="", icon="CANCEL")
        return
    row.enabled = ready
    row.operator("drmm.generate", icon="PLAY")
    if not ready:
        layout.label(text="Needs an armature and a target", icon="INFO")
    selected = sum(one.type == "ARMATURE" for one in context.selected_objects)
    if selected > 1:
        layout.operator("drmm.generate", text=f"Generate All {selected} Selected", icon="COMMUNITY").selected = True


class DRMM_PT_rooms(Sidebar, bpy.types.Panel):
    """Where the body must not be."""

    bl_label = "Rooms"
    bl_parent_id = "DRMM_PT_walk"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.drmm
        row = layout.row()
        row.template_list("DRMM_UL_rooms", "", settings, "rooms", settings, "room_index", rows=3)
        buttons = row.column(align=True)
        buttons.operator_menu_enum("drmm.add_room", "kind", text="", icon="ADD")
        buttons.operator("drmm.remove_room", text="", icon="REMOVE")


class DRMM_PT_keys(Sidebar, bpy.types.Panel):
    """How the walk becomes keys."""

    bl_label = "Feet and Keys"
    bl_parent_id = "DRMM_PT_walk"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.drmm.walk
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(settings, "lock_feet")
        column = layout.column(align=True)
        column.active = settings.lock_feet
        column.prop(settings, "lock_strength")
        column.prop(settings, "lock_blend")
        layout.prop(settings, "blend")
        layout.prop(settings, "root")
        layout.prop(settings, "keys")
        if settings.keys == "SPARSE":
            layout.prop(settings, "bound")


class DRMM_PT_between(Sidebar, bpy.types.Panel):
    """Motion between poses, and cycles."""

    bl_label = "In-Between and Cycle"
    bl_parent_id = "DRMM_PT_walk"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.operator("drmm.in_between", icon="IPO_EASE_IN_OUT")
        row = self.layout.row(align=True)
        row.operator("drmm.loop_cycle", icon="FILE_REFRESH").in_place = False
        row.operator("drmm.loop_cycle", text="In Place").in_place = True


class DRMM_PT_shown(Sidebar, bpy.types.Panel):
    """What the viewport shows of walks."""

    bl_label = "Show"
    bl_parent_id = "DRMM_PT_walk"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.drmm.walk
        row = self.layout.row(align=True)
        for name in ("show_route", "show_reach", "show_feet"):
            row.prop(settings, name, toggle=True)


LISTS = (DRMM_UL_targets, DRMM_UL_rooms)
CLASSES = (DRMM_PT_walk, DRMM_PT_rooms, DRMM_PT_keys, DRMM_PT_between, DRMM_PT_shown)
