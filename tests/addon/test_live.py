# SPDX-License-Identifier: Apache-2.0
"""Live: the pose follows while an object moves, and survives what happens meanwhile."""

import bpy
import numpy as np

import blender_addon
from blender_addon.answers import live, store
from tests.addon.posed import found, goal, places, turns


def test_the_pose_follows_an_object_that_moves_and_keeps_to_its_branch(rig):
    rig.drmm.conditions[1].use = False  # a straight arm that leaves the floor turns far for little
    found(rig)
    bpy.ops.drmm.apply_answer()
    before = turns(rig)
    rig.drmm.live = True
    empty = rig.drmm.conditions[0].object
    assert np.array_equal(turns(rig), before)
    last = turns(rig)
    for _ in range(5):
        empty.location.z -= 0.01
        assert np.linalg.norm(places(rig) - goal(rig)) < 1e-3
        assert np.abs(turns(rig)[:, :3, 3] - last[:, :3, 3]).max() < 0.1  # armature units; the step was 0.02
        last = turns(rig)
    assert live.told(rig) == "" and store.on_trial(rig)
    bpy.ops.drmm.revert_answer()
    assert np.allclose(turns(rig), before, atol=1e-6)


def test_a_drag_that_is_taken_back_leaves_the_pose_as_it_was(rig):
    rig.pose.bones["thigh.L"].rotation_mode = "XYZ"
    rig.pose.bones["thigh.L"].rotation_euler = (-3.0, 0.2, 9.0)  # no legal pose
    bpy.context.view_layer.update()
    before = turns(rig)
    rig.drmm.live = True
    empty = rig.drmm.conditions[0].object
    start = empty.location.copy()
    for step in (0.05, 0.1, 0.15):
        empty.location = start
        empty.location.x += step
        assert not np.allclose(turns(rig), before, atol=1e-3)
    empty.location = start
    assert np.allclose(turns(rig), before, atol=1e-6)


def test_live_needs_no_model_and_says_what_is_out_of_reach(rig):
    rig.drmm.rig.model = ""
    rig.drmm.live = True
    empty = rig.drmm.conditions[0].object
    empty.location.z += 9.0
    bpy.context.view_layer.update()
    assert live.told(rig).startswith("hand.L head ")
    empty.location.z -= 9.05
    assert np.linalg.norm(places(rig) - goal(rig)) < 1e-3 and live.told(rig) == ""


def test_live_follows_the_armature_too_and_stops_when_switched_off(rig):
    rig.drmm.live = True
    assert live.follow in bpy.app.handlers.depsgraph_update_post
    rig.location.x += 0.05
    assert np.linalg.norm(places(rig) - goal(rig)) < 1e-3
    rig.drmm.live = False
    assert live.follow not in bpy.app.handlers.depsgraph_update_post
    before = turns(rig)
    rig.drmm.conditions[0].object.location.z += 0.05
    assert np.array_equal(turns(rig), before)


def test_live_survives_what_is_deleted_undone_and_loaded(rig, tmp_path):
    rig.drmm.live = True
    empty = rig.drmm.conditions[0].object
    bpy.ops.ed.undo_push(message="before")
    before = turns(rig)
    empty.location.z -= 0.05
    assert not np.allclose(turns(rig), before, atol=1e-3)
    bpy.ops.ed.undo_push(message="drag")
    bpy.ops.ed.undo()
    rig = bpy.data.objects["Rig"]
    assert np.allclose(turns(rig), before, atol=1e-6) and not store.on_trial(rig)
    file = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    rig = bpy.data.objects["Rig"]
    rig.drmm.conditions[0].object.location.z -= 0.05
    assert np.linalg.norm(places(rig) - goal(rig)) < 1e-3
    rig.name = "Renamed"
    bpy.context.view_layer.update()
    rig.drmm.conditions[0].object.location.z += 0.02
    assert np.linalg.norm(places(rig) - goal(rig)) < 1e-3
    bpy.data.objects.remove(rig.drmm.conditions[0].object)
    bpy.context.view_layer.update()
    assert "its object is gone" in live.told(rig)
    bpy.data.objects.remove(rig)
    bpy.context.view_layer.update()
    assert live._watches == {}


def test_switching_the_add_on_off_leaves_no_handler(rig):
    rig.drmm.live = True
    found(rig)
    blender_addon.unregister()
    on = bpy.app.handlers
    left = [f for group in (on.depsgraph_update_post, on.undo_pre, on.undo_post, on.load_post) for f in group]
    blender_addon.register()
    assert not [f for f in left if f.__module__.startswith("blender_addon")]
