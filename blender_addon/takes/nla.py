# SPDX-License-Identifier: GPL-3.0-or-later
"""A take pushed down into the NLA, where it starts; below it what the armature played before."""

from __future__ import annotations

import bpy

from .. import compat
from . import store


def push(armature: bpy.types.Object, keep: bool) -> bpy.types.NlaStrip:
    """Accept the take shown and put it into a track of its own, from its first frame on; the strip of it.

    It replaces what is below while it plays and goes on standing where it ends. The Action from before, which would
    play over it, goes down below it, as it was blended.
    """
    animation, settings = armature.animation_data, armature.drmm.takes
    before = settings.before
    blending = store.state(armature).get("blending", store.BLENDING)
    slot = store.state(armature).get("slot", "")
    taken = store.accept(armature, keep)
    if before and before != taken:
        under = _strip(armature, before, before.name, slot)
        under.blend_type, under.extrapolation = blending["action_blend_type"], blending["action_extrapolation"]
        under.influence = blending["action_influence"]
    strip = _strip(armature, taken, f"Take {settings.rows[settings.index].name}", "")
    strip.blend_type, strip.extrapolation = "REPLACE", "HOLD_FORWARD"
    animation.action = None
    return strip


def _strip(armature: bpy.types.Object, action: bpy.types.Action, title: str, slot: str) -> bpy.types.NlaStrip:
    first = action.frame_range[0]
    track = armature.animation_data.nla_tracks.new()
    track.name = title
    strip = track.strips.new(action.name, int(first), action)
    strip.frame_start_ui = first  # a strip of an Action that starts between frames starts there, too
    if compat.SLOTTED:
        kept = action.slots.get(slot) if slot else None
        fitting = [one for one in action.slots if one.target_id_type in {armature.id_type, "UNSPECIFIED"}]
        strip.action_slot = kept or fitting[0]
    return strip
