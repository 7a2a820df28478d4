# SPDX-License-Identifier: Apache-2.0
"""Takes made from a take in a window: a decision a tick, Esc, and what may happen meanwhile."""

from types import SimpleNamespace

import bpy
import pytest

from blender_addon.operators.between import DRMM_OT_in_between
from blender_addon.operators.retake import DRMM_OT_remake_stretch, DRMM_OT_vary_take
from tests.addon import rigs, taken
from tests.addon.test_modal import OVER, RUNNING, Window, finish, tick
from tests.addon.test_refusals import state


class Twin:
    """An operator's functions and options without Blender's own part; keeps what is reported."""

    def __init__(self, operator=DRMM_OT_vary_take, **options):
        given = {"armature": "", "count": 2} | options
        self.properties = SimpleNamespace(is_property_set=given.__contains__)
        self.reports = []
        for name in ("work", "execute", "invoke", "modal", "cancel", "_end"):
            if name in vars(operator):
                setattr(self, name, vars(operator)[name].__get__(self))
        self.bl_label = operator.bl_label
        vars(self).update(given)

    def report(self, kinds, message):
        self.reports.append((*kinds, message))


@pytest.fixture
def windowed(stage, empty, monkeypatch):
    """A character with a take, in a window."""
    hero = stage.drmm.armature = rigs.rigify()
    stage.drmm.targets.add().empty = empty("A", (0.0, -3.0, 0.0))
    bpy.ops.drmm.generate(seed=1)
    monkeypatch.setattr("blender_addon.operators.steps.bpy", SimpleNamespace(app=SimpleNamespace(background=False)))
    return Window(stage), hero


@pytest.fixture
def running(windowed):
    """An operator that has begun to vary a take, and its context."""
    (context, hero), operator = windowed, Twin()
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


@pytest.mark.parametrize("operator", [
    lambda hero: Twin(DRMM_OT_remake_stretch, first=10, last=60, seed=5),
    lambda hero: Twin(DRMM_OT_in_between, pose_of="Goal", end=90, seed=5),
])  # fmt: skip
def test_what_is_made_between_two_poses_ends_with_esc_after_any_decision(windowed, operator):
    context, hero = windowed
    goal = hero.copy()
    goal.animation_data_clear()
    goal.name, goal.location = "Goal", (0.0, -2.5, 0.0)
    context.scene.collection.objects.link(goal)
    one, before = operator(hero), (state(), taken.played(hero))
    assert one.invoke(context, None) == {"RUNNING_MODAL"}
    told = []
    for _ in range(3):
        assert tick(one, context) == RUNNING
        told.append(context.window_manager.drmm.fraction)
    assert 0 < told[0] < told[1] < told[2] < 0.9
    assert tick(one, context, "ESC") == OVER and context.timers == 0
    assert (state(), taken.played(hero)) == before and len(hero.drmm.takes.rows) == 1
    again = operator(hero)
    again.invoke(context, None)
    assert finish(again, context) == {"FINISHED"} and len(hero.drmm.takes.rows) == 2
