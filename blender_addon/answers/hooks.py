# SPDX-License-Identifier: GPL-3.0-or-later
"""What answers hang on Blender: two keys in the 3D viewport, and a look at each armature after undo and loading."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from .. import rig as rigs
from ..conditions import presets
from . import ghosts, live, store

KEYS = (("PAGE_DOWN", 1), ("PAGE_UP", -1))
_keys: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


def register() -> None:
    """Add the keys and the handlers."""
    for handlers, function in _handlers():
        handlers.append(function)
    keyconfig = bpy.context.window_manager.keyconfigs.addon
    if keyconfig is None:  # no window
        return
    keymap = keyconfig.keymaps.new(name="3D View", space_type="VIEW_3D")
    for key, step in KEYS:
        item = keymap.keymap_items.new("drmm.step_answer", key, "PRESS", repeat=True)
        item.properties.step = step
        _keys.append((keymap, item))


def unregister() -> None:
    """Take away what `register` added, the ghosts, and whatever is live."""
    for keymap, item in _keys:
        keymap.keymap_items.remove(item)
    _keys.clear()
    for handlers, function in _handlers():
        handlers.remove(function)
    live.stop()
    ghosts.clear()


def look_at_sets() -> None:
    """Look which sets of conditions there are; once the window stands."""
    presets.look()


@persistent
def _before(*_given: object) -> None:
    """Nothing is solved while an undo puts the scene back."""
    live.stop()


@persistent
def _after(*_given: object) -> None:
    """The scene is another: show the ghosts of its armatures, and follow those that are live."""
    live.stop()
    ghosts.clear()
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    kept = [obj for obj in scene.objects if obj.type == "ARMATURE" and (len(obj.drmm.answers) or obj.drmm.live)]
    if not kept:
        return
    view_layer.update()
    for armature in kept:
        _show(armature)
    live.sync(scene)


def _show(armature: bpy.types.Object) -> None:
    if len(armature.drmm.answers):
        try:
            store.draw(armature, rigs.read(armature).joints)
        except ValueError:  # the rig has changed: Find Poses will say so
            ghosts.hide(armature)


def _handlers() -> list[tuple[list, object]]:
    on = bpy.app.handlers
    before = [(handlers, _before) for handlers in (on.undo_pre, on.redo_pre, on.load_pre)]
    return before + [(handlers, _after) for handlers in (on.undo_post, on.redo_post, on.load_post)]
