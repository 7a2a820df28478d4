# SPDX-License-Identifier: Apache-2.0
"""Takes made from a take in a window: a decision a tick, Esc, and what may happen meanwhile."""

from types import SimpleNamespace

import bpy
import pytest

from blender_addon.operators.retake import DRMM_OT_vary_take
from tests.addon import rigs, taken
from tests.addon.test_modal import OVER, RUNNING, Window, finish, tick
from tests.addon.test_refusals import state


class Twin:
    """The operator's functions and options without Blender's own part; keeps what is reported."""

    armature, count = "", 2
    properties = SimpleNamespace(is_property_set=lambda name: False)

    def __init__(self):
        self.reports = []

    def report(self, kinds, message):
        self.reports.append((*kinds, message))


for name in ("bl_label", "work", "execute", "invoke", "modal", "cancel"):
    setattr(Twin, name, vars(DRMM_OT_vary_take)[name])


@pytest.fixture
def running(stage, empty, monkeypatch):
    """An operator that has begun to vary a take, and its context."""
    hero = stage.drmm.armature = rigs.rigify()
    stage.drmm.targets.add().empty = empty("A", (0.0, -3.0, 0.0))
    bpy.ops.drmm.generate(seed=1)
    windowed = SimpleNamespace(app=SimpleNamespace(background=False))
    monkeypatch.setattr("blender_addon.operators.steps.bpy", windowed)
    operator, context = Twin(), Window(stage)
    assert operator.invoke(context, None) == {"RUNNING_MODAL"}
    for _ in range(3):
        assert tick(operator, context) == RUNNING
    yield operator, context, hero
    assert context.timers == 0 and context.status is None and not context.window_manager.drmm.running


def test_progress_is_told_and_takes_are_added_at_the_end(running):
    operator, context, hero = running
    assert 0 < context.window_manager.drmm.fraction < 0.5 and "Esc" in context.status
    assert len(hero.drmm.takes.rows) == 1
    assert tick(operator, context, "MOUSEMOVE") == RUNNING
    assert finish(operator, context) == {"FINISHED"}
    assert [row.seed for row in hero.drmm.takes.rows] == [1, 2, 3]


@pytest.mark.parametrize("how", ["ESC", "the button"])
def test_cancelling_leaves_everything_as_it_was(running, how):
    operator, context, hero = running
    before, played = state(), taken.played(hero)
    if how == "the button":
        bpy.ops.drmm.cancel()
    assert tick(operator, context, "ESC" if how == "ESC" else "TIMER") == OVER
    assert state() == before and taken.played(hero) == played and len(bpy.data.actions) == 1


def test_a_second_one_waits_for_the_first(running):
    operator, context, _ = running
    second = Twin()
    assert second.invoke(context, None) == OVER and "already" in second.reports[0][1]
    assert finish(operator, context) == {"FINISHED"}


def test_the_armature_is_deleted_meanwhile(running):
    operator, context, hero = running
    bpy.data.objects.remove(hero)
    assert finish(operator, context) == OVER
    assert "removed" in operator.reports[-1][1] and len(bpy.data.actions) <= 1
