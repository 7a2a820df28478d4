# SPDX-License-Identifier: Apache-2.0
"""Generate in a window: a decision a tick, Esc and the Cancel button, and what may happen meanwhile.

Without a window Blender runs no modal operator. Its functions are run by a twin, with the events made here.
"""

from types import SimpleNamespace

import bpy
import pytest

from blender_addon.operators.walk import DRMM_OT_generate
from tests.addon import rigs
from tests.addon.test_refusals import state

RUNNING, OVER = {"PASS_THROUGH"}, {"CANCELLED"}


class Twin:
    """The operator's functions and defaults without Blender's own part; keeps what is reported."""

    armature = targets = face = model = ""
    properties = SimpleNamespace(is_property_set=lambda name: False)

    def __init__(self):
        self.reports = []

    def report(self, kinds, message):
        self.reports.append((*kinds, message))


for name, function in vars(DRMM_OT_generate).items():
    if callable(function):
        setattr(Twin, name, function)


class Window:
    """A context that counts timers and keeps the line in the status bar."""

    def __init__(self, scene):
        self.scene, self.view_layer, self.window = scene, bpy.context.view_layer, None
        self.timers, self.status = 0, None
        self.workspace = SimpleNamespace(status_text_set=lambda text: setattr(self, "status", text))
        self.window_manager = SimpleNamespace(
            drmm=bpy.context.window_manager.drmm,
            windows=[],
            event_timer_add=lambda step, window: self._count(1),
            event_timer_remove=lambda timer: self._count(-1),
            modal_handler_add=lambda operator: None,
        )

    def _count(self, change):
        self.timers += change


@pytest.fixture
def running(stage, empty, monkeypatch):
    """An operator that has begun, three ticks ago, and its context."""
    windowed = SimpleNamespace(app=SimpleNamespace(background=False), path=bpy.path)
    monkeypatch.setattr("blender_addon.operators.walk.bpy", windowed)
    stage.drmm.armature = rigs.rigify()
    stage.drmm.targets.add().empty = empty("A", (0.0, -3.0, 0.0))
    operator, context = Twin(), Window(stage)
    assert operator.invoke(context, None) == {"RUNNING_MODAL"}
    for _ in range(3):
        assert operator.modal(context, SimpleNamespace(type="TIMER")) == RUNNING
    yield operator, context
    assert context.timers == 0 and context.status is None and not context.window_manager.drmm.running


def tick(operator, context, kind="TIMER"):
    return operator.modal(context, SimpleNamespace(type=kind))


def finish(operator, context):
    for _ in range(1000):
        result = tick(operator, context)
        if result != RUNNING:
            return result
    raise AssertionError("it never ended")


def test_progress_is_told_and_nothing_is_changed_until_the_end(running):
    operator, context = running
    progress = context.window_manager.drmm
    assert progress.running and progress.text == "Target 1 of 1, 0.5 s" and "Esc" in context.status
    assert not bpy.data.actions
    assert tick(operator, context, "MOUSEMOVE") == RUNNING and progress.text == "Target 1 of 1, 0.5 s"
    assert finish(operator, context) == {"FINISHED"}
    assert bpy.data.actions.keys() == ["DRMM Walk"]


@pytest.mark.parametrize("how", ["Esc", "the button"])
def test_cancelling_leaves_everything_as_it_was(running, how):
    operator, context = running
    before = state()
    if how == "the button":
        bpy.ops.drmm.cancel()
    assert tick(operator, context, "ESC" if how == "Esc" else "TIMER") == OVER
    assert state() == before and not bpy.data.actions
    assert operator.reports == [("INFO", "Cancelled; nothing was changed")]


def test_a_second_one_waits_for_the_first(running):
    operator, context = running
    second = Twin()
    assert second.invoke(context, None) == OVER and "already" in second.reports[0][1]
    assert context.timers == 1 and finish(operator, context) == {"FINISHED"}


def test_the_armature_is_deleted_meanwhile(running):
    operator, context = running
    bpy.data.objects.remove(bpy.data.objects["Rig"])
    assert finish(operator, context) == OVER
    assert operator.reports[-1][0] == "ERROR" and "'Rig'" in operator.reports[-1][1] and not bpy.data.actions


def test_a_bone_is_renamed_meanwhile(running):
    operator, context = running
    bpy.data.objects["Rig"].data.bones["shin.L"].name = "other"
    assert finish(operator, context) == OVER
    assert "'shin.L'" in operator.reports[-1][1] and not bpy.data.actions


@pytest.mark.parametrize("problem", [ValueError("it fell apart"), ZeroDivisionError("a fault")])
def test_a_fault_in_the_middle_ends_it_cleanly(running, monkeypatch, problem):
    operator, context = running

    def step(_walk):
        raise problem

    monkeypatch.setattr("blender_addon.walk.Walk.step", step)
    if isinstance(problem, ValueError):
        assert tick(operator, context) == OVER and operator.reports[-1] == ("ERROR", "It fell apart")
    else:
        with pytest.raises(ZeroDivisionError):
            tick(operator, context)
    assert not bpy.data.actions
