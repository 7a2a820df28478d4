# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pose panel: conditions, answers, and what becomes of them; it draws what is known and computes nothing."""

from __future__ import annotations

import textwrap

import bpy

from .. import rig as rigs
from ..conditions import presets, read, words
from . import ghosts, live, store

ICONS = {
    "KNOWN": "EMPTY_AXIS",
    "PRIOR": "SPHERE",
    "HALF_SPACE": "EMPTY_SINGLE_ARROW",
    "BOX": "CUBE",
    "KEEP": "PINNED",
}
_SECOND = {"BOX": "high", "PRIOR": "spread"}  # what is drawn besides the angle
WIDTH = 34  # characters that the sidebar shows at its usual width


class DRMM_UL_conditions(bpy.types.UIList):
    """Conditions: what, how, whether met, on or off."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):  # noqa: ANN001, ANN201
        wrong = read.problem(item, data.id_data, context.scene)
        row = layout.row(align=True)
        row.alert = bool(wrong)
        name = words.label(item.what, item.bone or "no bone", item.axis)
        row.label(text=name, icon="ERROR" if wrong else ICONS.get(item.how, "NONE"), translate=False)
        if item.missed:
            right = row.row()
            right.alignment, right.alert = "RIGHT", True
            right.label(text=item.missed, translate=False)
        row.prop(item, "use", text="", emboss=False, icon="CHECKBOX_HLT" if item.use else "CHECKBOX_DEHLT")


class DRMM_UL_answers(bpy.types.UIList):
    """Answers, best first."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):  # noqa: ANN001, ANN201
        row = layout.row()
        row.alert = bool(item.missed)
        icon = ghosts.icon(index) if index < ghosts.COUNT else "ARMATURE_DATA"
        left = row.row()
        left.ui_units_x = 2.2
        left.label(text=str(index + 1), icon=icon, translate=False)
        middle = row.row()
        middle.ui_units_x = 2.2
        middle.label(text=f"{item.plausibility:.1f}", translate=False)
        turn = f", {item.turn:.0f}°" if item.turn > 0.5 else ""
        row.label(text=f"{item.error:.0f} mm{turn}", translate=False)


class DRMM_MT_condition_sets(bpy.types.Menu):
    """Saved sets of conditions"""

    bl_label = "Saved Conditions"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        for name in presets.names():
            layout.operator("drmm.load_conditions", text=name, icon="PRESET", translate=False).name = name
        layout.separator()
        layout.operator("drmm.save_conditions", icon="ADD")
        for name in presets.names():
            layout.operator("drmm.delete_conditions", text=name, icon="TRASH", translate=False).name = name


def draw_conditions(layout: bpy.types.UILayout, context: bpy.types.Context, armature: bpy.types.Object) -> None:
    """The list of conditions, its buttons, the row that is chosen, and the locked bones."""
    settings = armature.drmm
    row = layout.row()
    row.template_list("DRMM_UL_conditions", "", settings, "conditions", settings, "condition_index", rows=4)
    buttons = row.column(align=True)
    buttons.operator_menu_enum("drmm.add_condition", "what", text="", icon="ADD")
    buttons.operator("drmm.remove_condition", text="", icon="REMOVE")
    buttons.operator("drmm.select_condition", text="", icon="RESTRICT_SELECT_OFF")
    buttons.menu("DRMM_MT_condition_sets", text="", icon="PRESET")
    row = layout.row(align=True)
    row.operator("drmm.add_floor", icon="MOD_PHYSICS")
    row.operator("drmm.keep_feet", icon="PINNED")
    if 0 <= settings.condition_index < len(settings.conditions):
        _draw_row(layout, context, armature, settings.conditions[settings.condition_index])
    _draw_locks(layout, armature, settings.locks)


def _draw_locks(layout: bpy.types.UILayout, armature: bpy.types.Object, locks: bpy.types.bpy_prop_collection) -> None:
    row = layout.row(align=True)
    row.operator("drmm.lock_bones", icon="LOCKED")
    row.operator("drmm.free_bones", icon="UNLOCKED")
    if not locks:
        return
    row = layout.row()
    row.alert = any(lock.name not in armature.data.bones for lock in locks)
    names = ", ".join(lock.name for lock in locks[:4]) + (f" and {len(locks) - 4} more" if len(locks) > 4 else "")
    row.label(text=names, icon="ERROR" if row.alert else "LOCKED", translate=False)
    row.operator("drmm.free_bones", text="", icon="X").all = True


def _draw_row(
    layout: bpy.types.UILayout, context: bpy.types.Context, armature: bpy.types.Object, item: bpy.types.PropertyGroup
) -> None:
    column = layout.box().column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(item, "what")
    if words.needs_bone(item.what):
        column.prop_search(item, "bone", armature.data, "bones")
    if item.what == "ANGLE":
        column.prop(item, "axis")
    row = column.row(align=True)
    row.use_property_split = False
    for way in words.ways(item.what):
        row.prop_enum(item, "how", way)
    if words.takes_object(item.what, item.how):
        column.prop(item, "object", placeholder="The floor" if item.how == "HALF_SPACE" else "")
        if item.how == "PRIOR" and item.object and item.object.type == "EMPTY":
            column.prop(item.object, "empty_display_size", text="Radius")
    if item.what == "ANGLE" and item.how != "KEEP":
        column.prop(item, "low", text={"BOX": "From", "HALF_SPACE": "At Least"}.get(item.how, "Angle"))
        if item.how in _SECOND:
            column.prop(item, _SECOND[item.how])
    if item.how == "KNOWN":
        column.prop(item, "confidence", slider=True)
    column.prop(item, "weight")
    if item.how == "KEEP":
        column.operator("drmm.update_kept", icon="FILE_REFRESH")
    wrong = read.problem(item, armature, context.scene)
    if wrong:
        column.label(text=wrong[:1].upper() + wrong[1:], icon="ERROR", translate=False)


def draw_answers(layout: bpy.types.UILayout, context: bpy.types.Context, armature: bpy.types.Object) -> None:
    """Find Poses and Live, the list of answers, and what to do with the one shown."""
    settings = armature.drmm
    ready = rigs.known_model(armature) and len(settings.conditions) > 0
    row = layout.row(align=True)
    row.scale_y = 1.4
    find = row.row(align=True)
    find.enabled = ready
    find.operator("drmm.find_poses", icon="OUTLINER_OB_ARMATURE")
    row.prop(settings, "live", toggle=True, icon="REC")
    if not ready:
        wanting = "a condition" if rigs.known_model(armature) else "a learned rig"
        layout.label(text=f"Needs {wanting}", icon="INFO")
    row = layout.row(align=True)
    row.prop(context.scene.drmm, "count")
    row.prop(context.scene.drmm, "seed")
    told = live.told(armature) if settings.live else ""
    if told and not settings.answers:
        _draw_text(layout, told)
    if settings.answers:
        _draw_list(layout, settings)
    if store.on_trial(armature):
        _draw_ends(layout)


def _draw_list(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    row = layout.row()
    for text in ("Best first", "Plausibility", "Error"):
        row.label(text=text)
    layout.template_list("DRMM_UL_answers", "", settings, "answers", settings, "answer_index", rows=8)
    row = layout.row(align=True)
    row.operator("drmm.step_answer", text="Previous", icon="TRIA_LEFT").step = -1
    row.operator("drmm.step_answer", text="Next", icon="TRIA_RIGHT").step = 1
    row = layout.row(align=True)
    row.prop(settings, "blend", slider=True)
    row.prop(settings, "blend_with")
    if settings.answer_index < len(settings.answers) and settings.answers[settings.answer_index].missed:
        _draw_text(layout, settings.answers[settings.answer_index].missed)


def _draw_text(layout: bpy.types.UILayout, text: str) -> None:
    """What is missed or wrong, on as many lines as it needs."""
    column = layout.column(align=True)
    column.scale_y, column.alert = 0.8, True
    for number, line in enumerate(textwrap.wrap(text, WIDTH)):
        column.label(text=line, icon="BLANK1" if number else "ERROR", translate=False)


def _draw_ends(layout: bpy.types.UILayout) -> None:
    layout.operator("drmm.find_poses", text="Look for Others", icon="FILE_REFRESH").others = True
    row = layout.row(align=True)
    row.operator("drmm.apply_answer", icon="CHECKMARK")
    row.operator("drmm.key_answer", icon="KEY_HLT")
    row.operator("drmm.revert_answer", icon="LOOP_BACK")
    layout.operator("drmm.store_answer", icon="ASSET_MANAGER")


CLASSES = (DRMM_UL_conditions, DRMM_UL_answers, DRMM_MT_condition_sets)
