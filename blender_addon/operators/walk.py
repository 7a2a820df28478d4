# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate: a walk along the timeline to the targets."""

from __future__ import annotations

import time

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

import drmm_engine as drmm

from .. import action, models, takes
from .. import armature as rigs
from .. import walk as walks
from ..direction import draw, gather, words
from .common import ARMATURE, find_armature, redraw, refuse, setting

ROOTS = [item[:3] for item in words.ROOTS]
DRAWN, SHARE = 0.1, 4.0  # seconds at least, and times as long as a drawing takes, from drawing to drawing


class DRMM_OT_generate(bpy.types.Operator):
    """Let the character walk to the targets, from the current frame on, as a new take"""

    bl_idname = "drmm.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER", "UNDO"}

    armature: StringProperty(name="Armature", description=ARMATURE)
    selected: BoolProperty(
        name="All Selected", description="Walk all selected armatures together, each to its own targets"
    )
    targets: StringProperty(
        name="Targets",
        description="Names of the empties to walk to and curves to walk along, separated by commas; empty: the panel's",
    )
    face: StringProperty(
        name="Face", description="Those of `targets` to look towards while walking to them, separated by commas"
    )
    stop: StringProperty(name="Stop", description="Those of `targets` to come to a stand at, separated by commas")
    speed: FloatProperty(name="Speed", min=0.0, max=20.0, description="On the way to `targets`, m/s; 0: any")
    arrive: IntProperty(name="Arrive", description="The frame to be at the last of `targets`; 0: any")
    model: StringProperty(
        name="Model", subtype="FILE_PATH", description="A locomotion model; empty: the one of the panel"
    )
    seed: IntProperty(name="Seed", min=0, description="Another number gives another walk")
    seconds: FloatProperty(name="Time Limit", min=0.5, max=600.0, default=30.0, description="Stop after this time, s")
    lock_feet: BoolProperty(name="Lock Feet", default=True, description="Feet that stand stay where they are")
    root: EnumProperty(name="Root", items=ROOTS, description="What carries the character along the floor")
    bound: FloatProperty(
        name="Few Keys Within", min=0.0, max=1.0, description="How far joints may be off, metres; 0: a key a frame"
    )
    blend: IntProperty(name="Blend from Pose", default=10, min=0, max=60, description="Frames; 0: begin at once")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self._begin(context)
            while self._step():
                pass
            return self._finish(context)
        except ValueError as problem:
            return refuse(self, problem)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        progress = context.window_manager.drmm
        if progress.running:
            return refuse(self, ValueError("a walk is being generated already; wait for it, or press Esc"))
        try:
            self._begin(context)
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
        """Take away the timer, the progress and the drawing, however the work ended; nothing else was touched."""
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.drmm.running = False
        draw.generating(())
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
        if self._asked:  # it was drawn since: on a slow machine that must not take the time of the walk
            self._pause, self._asked = max(DRAWN, SHARE * (time.monotonic() - self._drawn)), False
        if self._step():
            self._show(context)
            return {"PASS_THROUGH"}
        return self._finish(context)

    def _step(self) -> bool:
        """A decision for every character that still walks; False when all are there."""
        return any([walk.step() for walk in self._steps])

    def _begin(self, context: bpy.types.Context) -> None:
        """Check and gather everything; nothing is changed."""
        context.view_layer.update()
        path = self.model or context.scene.drmm.walk_model
        model = models.load(bpy.path.abspath(path), "locomotion")
        seed = setting(self, "seed", context.scene.drmm.seed)
        self._walks = [walks.Walk(model, self._record(context, one, model, path, seed + number))
                       for number, one in enumerate(self._armatures(context))]  # fmt: skip
        self._steps = walks.together(model, self._walks)
        self._drawn, self._pause, self._asked = 0.0, DRAWN, False

    def _armatures(self, context: bpy.types.Context) -> list[bpy.types.Object]:
        if not setting(self, "selected", False):
            return [find_armature(context, self.armature)]
        chosen = [one for one in context.selected_objects if one.type == "ARMATURE"]
        if not chosen:
            raise ValueError("no armature is selected; select those that are to walk, in Object Mode")
        return sorted(chosen, key=lambda one: one.name)

    def _record(
        self, context: bpy.types.Context, armature: bpy.types.Object, model: drmm.Model, path: str, seed: int
    ) -> dict:
        scene = context.scene
        action.check_action(armature)
        rigs.check_editable(armature)
        rows, seconds = self._rows(scene, armature), setting(self, "seconds", scene.drmm.seconds)
        with takes.as_before(context, armature):
            return gather.record(scene, armature, model, rows, seconds, seed, path, self._keying(scene.drmm.walk))

    def _rows(self, scene: bpy.types.Scene, armature: bpy.types.Object) -> gather.Rows:
        if not self.targets:
            return gather.rows(scene, gather.listed(scene, armature).targets)
        faced, stopped = gather.names(self.face), gather.names(setting(self, "stop", ""))
        rows = gather.named(scene, gather.names(self.targets))
        speed, arrive = setting(self, "speed", 0.0), setting(self, "arrive", 0)
        for row in rows:
            row["facing"] = "TOWARDS" if row["object"] in faced else "FREE"
            row["stop"] = row["object"] in stopped
            row |= {"arrive": "SPEED", "speed": speed} if speed else {}
        if rows and arrive:
            rows[-1] |= {"arrive": "FRAME", "frame": arrive}
        return rows

    def _keying(self, settings: bpy.types.PropertyGroup) -> dict:
        result = gather.keying_of(settings)
        result["feet"]["lock"] = setting(self, "lock_feet", settings.lock_feet)
        names = {"root": "root", "sparse": "bound", "blend": "blend"}
        return result | {key: setting(self, name, result[key]) for key, name in names.items()}

    def _finish(self, context: bpy.types.Context) -> set[str]:
        """Write a take for each; the armatures are looked up anew, since they may have changed meanwhile."""
        ready = [(walk, *self._keys(context, walk)) for walk in self._walks]
        for walk, armature, motion, keys in ready:
            takes.add(armature, walk.record, motion, keys, walk.record["start"])
        context.scene.frame_set(context.scene.frame_current)
        draw.refresh(context.scene)
        self._tell(ready)
        return {"FINISHED"}

    def _keys(self, context: bpy.types.Context, walk: walks.Walk) -> tuple:
        armature = find_armature(context, walk.record["armature"])
        rigs.check_editable(armature)
        for bone in rigs.mapping_of(armature).values():
            if bone not in armature.pose.bones:
                raise ValueError(f"the bone {bone!r} of {armature.name!r} is gone; generate again")
        motion = walk.motion
        return armature, motion, walks.keys(context, armature, walk.record, motion)

    def _tell(self, ready: list[tuple]) -> None:
        reached = sum(walk.rows[0] for walk in self._walks)
        wanted = sum(walk.rows[1] for walk in self._walks)
        first = self._walks[0].record["start"]
        last = max(takes.shown(armature).end for _, armature, *_ in ready)
        told = f"{reached} of {wanted} targets reached, frames {first} to {last}"
        held = [bone for _, armature, _, keys in ready
                for bone in rigs.constrained(armature, sorted({key.bone for key in keys if key.bone}))]  # fmt: skip
        told += "".join(f"; {name} {frames} frames late" for walk in self._walks for name, frames in walk.late)
        if held:
            self.report({"WARNING"}, f"{told}; but constraints on {', '.join(held[:3])} may overrule the keys")
        elif reached < wanted:
            self.report({"WARNING"}, f"{told}; allow more time for the others")
        else:
            self.report({"INFO"}, told)

    def _show(self, context: bpy.types.Context) -> None:
        """Tell how far it is; drawn as often as the eye can follow, and the first time at once."""
        walk, progress = min(self._walks, key=lambda one: one.progress), context.window_manager.drmm
        progress.fraction = walk.progress
        (done, wanted), now = walk.rows, time.monotonic()
        progress.text = f"Target {min(done + 1, wanted)} of {wanted}, {walk.seconds:.1f} s"
        if now - self._drawn > self._pause or len(walk.blocks) == 1:
            context.workspace.status_text_set(f"DRMM: {progress.text}   |   Esc: cancel")
            draw.generating(self._walks)
            redraw(context)
            self._drawn, self._asked = time.monotonic(), True


class DRMM_OT_cancel(bpy.types.Operator):
    """Stop generating; nothing is changed (Esc)"""

    bl_idname = "drmm.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.drmm.stop = True
        return {"FINISHED"}


CLASSES = (DRMM_OT_generate, DRMM_OT_cancel)
