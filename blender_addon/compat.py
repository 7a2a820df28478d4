# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Blender's versions differ: Actions have slots from 4.4 on, and nothing else from 5.0 on."""

from __future__ import annotations

import bpy

SLOTTED = hasattr(bpy.types, "ActionSlot")
PATH = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5) else set()  # for paths that may begin with //


def assign(holder: bpy.types.ID, action: bpy.types.Action) -> None:
    """Make an Action the one of a data-block, bound to its slot of that name, which is made where missing."""
    animation = holder.animation_data or holder.animation_data_create()
    animation.action = action
    if SLOTTED and animation.action_slot is None:
        fitting = [slot for slot in action.slots if slot.target_id_type in {holder.id_type, "UNSPECIFIED"}]
        animation.action_slot = fitting[0] if fitting else action.slots.new(id_type=holder.id_type, name=holder.name)


def curves(holder: bpy.types.ID) -> bpy.types.Action | bpy.types.ID | None:
    """What holds the `fcurves` and `groups` of a data-block's Action: its channelbag, or the Action itself."""
    animation = holder.animation_data
    if animation is None or animation.action is None:
        return None
    action = animation.action
    if not SLOTTED:
        return action
    if not action.layers:
        action.layers.new("Layer")
    layer = action.layers[0]
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(animation.action_slot, ensure=True)


def read_curves(holder: bpy.types.ID) -> list[bpy.types.FCurve]:
    """The F-curves of a data-block's Action; nothing is made where there are none."""
    animation = holder.animation_data
    if animation is None or animation.action is None:
        return []
    if not SLOTTED:
        return list(animation.action.fcurves)
    strips = [strip for layer in animation.action.layers for strip in layer.strips]
    bags = [strip.channelbag(animation.action_slot) for strip in strips] if animation.action_slot else []
    return [curve for bag in bags if bag for curve in bag.fcurves]


def new_curves(action: bpy.types.Action, holder: bpy.types.ID) -> bpy.types.Action | bpy.types.ID:
    """What holds the `fcurves` and `groups` of a new Action for a data-block that does not use it."""
    if not SLOTTED:
        action.id_root = holder.id_type
        return action
    slot = action.slots.new(id_type=holder.id_type, name=holder.name)
    return action.layers.new("Layer").strips.new(type="KEYFRAME").channelbag(slot, ensure=True)


def part_curves(action: bpy.types.Action, holder: bpy.types.ID) -> bpy.types.Action | bpy.types.ID:
    """What holds the `fcurves` and `groups` of an Action for a data-block: of the slot it uses, or would use."""
    if not SLOTTED:
        return action
    used = holder.animation_data.action_slot if holder.animation_data else None
    fitting = [slot for slot in action.slots if slot.target_id_type in {holder.id_type, "UNSPECIFIED"}]
    named = [slot for slot in fitting if used and slot.identifier == used.identifier]
    slot = (named or fitting or [None])[0] or action.slots.new(id_type=holder.id_type, name=holder.name)
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def all_curves(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    """Every F-curve of an Action that animates objects, whatever its layers and slots."""
    if not SLOTTED:
        return list(action.fcurves)
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [curve for bag in bags if bag.slot.target_id_type in {"OBJECT", "UNSPECIFIED"} for curve in bag.fcurves]
