# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods of operators that work in steps: at once in scripts, one a tick of a timer in a window, Esc ends them.

The operator has `work(context)`, which gives the steps, and yields how far they are from 0 to 1.
"""

from __future__ import annotations

import bpy

from .common import redraw, refuse


def execute(self: bpy.types.Operator, context: bpy.types.Context) -> set[str]:
    """Do all the work."""
    try:
        for _ in self.work(context):
            pass
    except ValueError as problem:
        return refuse(self, problem)
    return _finish(context)


def invoke(self: bpy.types.Operator, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
    """Begin the work, and go on whenever Blender has time."""
    if bpy.app.background:
        return execute(self, context)
    progress = context.window_manager.drmm
    if progress.running:
        return refuse(self, ValueError("a walk is being generated already; wait for it, or press Esc"))
    try:
        self._steps = self.work(context)
    except ValueError as problem:
        return refuse(self, problem)
    progress.running, progress.stop = True, False
    self._timer = context.window_manager.event_timer_add(0.001, window=context.window)
    context.window_manager.modal_handler_add(self)
    _tell(self, context, 0.0)
    return {"RUNNING_MODAL"}


def modal(self: bpy.types.Operator, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
    """One step for each tick of the timer; all other events go on to Blender."""
    state = {"CANCELLED"}
    try:
        state = _advance(self, context, event)
    except ValueError as problem:
        refuse(self, problem)
    except ReferenceError:  # what Blender says of data that were removed, or replaced by an undo
        refuse(self, ValueError("the armature or its take was removed or undone meanwhile; nothing was changed"))
    finally:
        if not state & {"RUNNING_MODAL", "PASS_THROUGH"}:
            cancel(self, context)
    return state


def cancel(self: bpy.types.Operator, context: bpy.types.Context) -> None:
    """Take away the timer and the progress, however the work ended; nothing else was touched."""
    context.window_manager.event_timer_remove(self._timer)
    context.window_manager.drmm.running = False
    if context.workspace:
        context.workspace.status_text_set(None)
    redraw(context)


def _advance(self: bpy.types.Operator, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
    if event.type == "ESC" or context.window_manager.drmm.stop:
        self.report({"INFO"}, "Cancelled; nothing was changed")
        return {"CANCELLED"}
    if event.type != "TIMER":
        return {"PASS_THROUGH"}
    part = next(self._steps, None)
    if part is None:
        return _finish(context)
    _tell(self, context, part)
    return {"PASS_THROUGH"}


def _tell(self: bpy.types.Operator, context: bpy.types.Context, part: float) -> None:
    progress = context.window_manager.drmm
    progress.fraction, progress.text = part, self.bl_label
    context.workspace.status_text_set(f"DRMM: {self.bl_label}, {part:.0%}   |   Esc: cancel")
    redraw(context)


def _finish(context: bpy.types.Context) -> set[str]:
    context.scene.frame_set(context.scene.frame_current)
    return {"FINISHED"}
