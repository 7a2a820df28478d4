# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes hang on Blender: a look at them after undo and loading, and when another Action or armature is chosen."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import ghosts, strip

_seen: list[tuple] = []  # what was played when it was last looked


def register() -> None:
    """Add the handlers."""
    for handlers, function in _handlers():
        handlers.append(function)


def unregister() -> None:
    """Take away what `register` added, and all that is drawn."""
    for handlers, function in _handlers():
        handlers.remove(function)
    ghosts.clear()
    strip.clear()


@persistent
def _after(*_given: object) -> None:
    """The scene is another."""
    _seen[:] = [_played(bpy.context.scene)]
    ghosts.refresh(bpy.context.scene)


@persistent
def _watch(scene: bpy.types.Scene, _depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """Look anew where another armature was chosen, or another Action by hand."""
    played = _played(scene)
    if _seen != [played]:
        _seen[:] = [played]
        ghosts.refresh(scene)


def _played(scene: bpy.types.Scene) -> tuple:
    armature = scene.drmm.armature
    animation = armature.animation_data if armature else None
    action = animation.action if animation else None
    return (scene.name, armature.name if armature else "", action.name if action else "")


def _handlers() -> list[tuple[list, object]]:
    on = bpy.app.handlers
    after = [(handlers, _after) for handlers in (on.undo_post, on.redo_post, on.load_post)]
    return [*after, (on.depsgraph_update_post, _watch)]
