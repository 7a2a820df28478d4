# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate: a walk along the timeline to the targets."""

from __future__ import annotations

import bpy
from bpy.props import FloatProperty, IntProperty, StringProperty

from .. import action, models
from .. import armature as rigs
from ..walk import Stop, Walk
from .common import ARMATURE, find_armature, find_object, present, redraw, refuse, setting

ACTION = "DRMM Walk"


class DRMM_OT_generate(bpy.types.Operator):
    """Let the character walk to the targets, from the current frame on, in an Action of its own"""

    bl_idname = "drmm.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    targets: StringProperty(
        name="Targets", description="Names of the objects to walk to, separated by commas; empty: those of the panel"
    )
    face: StringProperty(
        name="Face", description="Those of `targets` to look towards while walking to them, separated by commas"
    )
    model: StringProperty(
        name="Model", subtype="FILE_PATH", description="A locomotion model; empty: the one of the panel"
    )
    seed: IntProperty(name="Seed", min=0, description="Another number gives another walk")
    seconds: FloatProperty(name="Time Limit", min=0.5, max=600.0, default=30.0, description="Stop after this time, s")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            walk = self._begin(context)
            while walk.step():
                pass
            return self._finish(context, walk)
        except ValueError as problem:
            return refuse(self, problem)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        progress = context.window_manager.drmm
        if progress.running:
            return refuse(self, ValueError("a walk is being generated already; wait for it, or press Esc"))
        try:
            self._walk = self._begin(context)
        except ValueError as problem:
            return refuse(self, problem)
        progress.running, progress.stop, progress.fraction = True, False, 0.0
        self._timer = context.window_manager.event_timer_add(0.001, window=context.window)
        context.window_manager.modal_handler_add(self)
        self._show(context)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        state = {"CANCELLED"}
        try:
            state = self._advance(context, event)
        except ValueError as problem:
            refuse(self, problem)
        finally:
            if not state & {"RUNNING_MODAL", "PASS_THROUGH"}:
                self.cancel(context)
        return state

    def cancel(self, context: bpy.types.Context) -> None:
        """Take away the timer and the progress, however the work ended; nothing else was touched."""
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.drmm.running = False
        if context.workspace:
            context.workspace.status_text_set(None)
        redraw(context)

    def _advance(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """One decision for each tick of the timer; all other events go on to Blender."""
        if event.type == "ESC" or context.window_manager.drmm.stop:
            self.report({"INFO"}, "Cancelled; nothing was changed")
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        if self._walk.step():
            self._show(context)
            return {"PASS_THROUGH"}
        return self._finish(context, self._walk)

    def _begin(self, context: bpy.types.Context) -> Walk:
        """Check and gather everything; nothing is changed."""
        settings = context.scene.drmm
        context.view_layer.update()
        armature = find_armature(context, self.armature)
        action.check_action(armature)
        character = rigs.read_character(armature)
        stops = self._stops(context.scene)
        model = models.load(bpy.path.abspath(self.model or settings.walk_model), "locomotion")
        seconds, seed = setting(self, "seconds", settings.seconds), setting(self, "seed", settings.seed)
        self._start = context.scene.frame_current
        return Walk(model, character, stops, seconds, seed)

    def _stops(self, scene: bpy.types.Scene) -> list[Stop]:
        if not self.targets:
            chosen = [(item.empty, item.face) for item in scene.drmm.targets]
            for number, (empty, _) in enumerate(chosen, 1):
                present(scene, empty, f"target {empty.name!r}" if empty else f"empty of target {number}")
        else:
            faced = names(self.face)
            chosen = [(find_object(scene, name, "target"), name in faced) for name in names(self.targets)]
        return [Stop(empty.name, tuple(empty.matrix_world.translation), face) for empty, face in chosen]

    def _finish(self, context: bpy.types.Context, walk: Walk) -> set[str]:
        """Write the Action; the armature is looked up anew, since it may have changed meanwhile."""
        armature = find_armature(context, walk.character.name)
        rigs.check_editable(armature)
        for bone in walk.character.mapping.values():
            if bone not in armature.pose.bones:
                raise ValueError(f"the bone {bone!r} of {armature.name!r} is gone; generate again")
        render = context.scene.render
        keys = walk.channels(render.fps / render.fps_base)
        action.write_walk(armature, ACTION, keys, self._start)
        context.scene.frame_set(context.scene.frame_current)
        last = self._start + len(keys[0].values) - 1
        told = f"{walk.reached} of {len(walk.stops)} targets reached, frames {self._start} to {last}"
        held = rigs.constrained(armature, tuple(channel.bone for channel in keys))
        if held:
            self.report({"WARNING"}, f"{told}; but constraints on {', '.join(held[:3])} may overrule the keys")
        elif walk.reached < len(walk.stops):
            self.report({"WARNING"}, f"{told}; allow more time for the others")
        else:
            self.report({"INFO"}, told)
        return {"FINISHED"}

    def _show(self, context: bpy.types.Context) -> None:
        walk, progress = self._walk, context.window_manager.drmm
        progress.fraction = walk.progress
        aim = min(walk.reached + 1, len(walk.stops))
        progress.text = f"Target {aim} of {len(walk.stops)}, {walk.seconds:.1f} s"
        context.workspace.status_text_set(f"DRMM: {progress.text}   |   Esc: cancel")
        redraw(context)


class DRMM_OT_cancel(bpy.types.Operator):
    """Stop generating; nothing is changed (Esc)"""

    bl_idname = "drmm.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.drmm.stop = True
        return {"FINISHED"}


def names(text: str) -> list[str]:
    """The names in a list separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


CLASSES = (DRMM_OT_generate, DRMM_OT_cancel)
