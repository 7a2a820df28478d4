# SPDX-License-Identifier: Apache-2.0
"""Answers: poses found, shown, blended, taken or put back."""

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector

from blender_addon import rig as rig_of
from blender_addon.answers import ghosts, query, store
from drmm_engine.body import poses, solver
from tests.addon import rigs
from tests.addon.posed import PLACE, found, goal, places, turns
from tests.addon.test_rig_limits import chain


def test_the_hand_is_where_the_empty_is_in_every_answer(rig):
    answers = found(rig)
    assert len(answers) == 10 and rig.drmm.answer_index == 0
    assert answers[0].missed == "" and answers[0].error < 1.0
    for index in range(4):
        rig.drmm.answer_index = index
        if not answers[index].missed:
            assert np.linalg.norm(places(rig) - goal(rig)) < 1e-3
    assert min(places(rig, bone)[2] for bone in ("foot.L", "foot.R", "hand.R")) > -1e-3


def test_no_joint_leaves_its_limits_and_only_driven_bones_move(rig):
    before = {bone.name: bone.matrix_basis.copy() for bone in rig.pose.bones}
    joints = rig_of.read(rig).joints
    driven = {joint.bone for joint in joints.joints}
    found(rig)
    theta = store.thetas(rig.drmm.answers)
    assert (theta >= joints.low - 1e-9).all() and (theta <= joints.high + 1e-9).all()
    for bone in rig.pose.bones:
        if bone.name not in driven:
            assert bone.matrix_basis == before[bone.name]
    assert np.allclose(rig_of.theta(rig, joints), theta[0], atol=1e-4)


def test_locked_bones_stay_as_they_are(rig):
    joints = rig_of.read(rig).joints
    toss = np.random.default_rng(0).uniform(0.45, 0.55, joints.P)
    rig_of.write(rig, joints, joints.low + toss * (joints.high - joints.low))
    bpy.context.view_layer.update()
    names = ("thigh.R", "upper_arm.R")
    before = {name: np.array(rig.pose.bones[name].matrix_basis) for name in names}
    bpy.ops.drmm.lock_bones(bone=",".join(names))
    for index, _ in enumerate(found(rig)):
        rig.drmm.answer_index = index
        bpy.context.view_layer.update()
        for name in names:
            assert np.allclose(rig.pose.bones[name].matrix_basis, before[name], atol=1e-5)


def test_revert_puts_back_even_what_was_no_legal_pose(rig):
    rig.pose.bones["shin.L"].rotation_mode = "XYZ"
    rig.pose.bones["shin.L"].rotation_euler = (-2.9, 0.3, 9.0)
    before = turns(rig)
    found(rig)
    found(rig, seed=3)
    assert not np.allclose(turns(rig), before, atol=1e-3)
    assert bpy.ops.drmm.revert_answer() == {"FINISHED"}
    assert np.allclose(turns(rig), before, atol=1e-6)
    assert not len(rig.drmm.answers) and not store.on_trial(rig) and ghosts.shown() == ()
    with pytest.raises(RuntimeError, match="use Find Poses first"):
        bpy.ops.drmm.revert_answer()


def test_apply_keeps_the_pose_and_forgets_the_rest(rig):
    found(rig)
    bpy.ops.drmm.step_answer(step=2)
    assert rig.drmm.answer_index == 2
    bpy.ops.drmm.step_answer(step=-3)
    assert rig.drmm.answer_index == 9
    shown = turns(rig)
    assert bpy.ops.drmm.apply_answer() == {"FINISHED"}
    assert np.array_equal(turns(rig), shown) and not len(rig.drmm.answers) and not store.on_trial(rig)
    assert rig.animation_data is None or rig.animation_data.action is None
    assert not bpy.ops.drmm.step_answer.poll()


def test_others_are_others_and_the_same_seed_gives_the_same(rig):
    found(rig)
    first = store.thetas(rig.drmm.answers)
    found(rig)
    assert np.array_equal(store.thetas(rig.drmm.answers), first)
    found(rig, others=True)
    other = store.thetas(rig.drmm.answers)
    found(rig, others=True)
    assert not np.allclose(other, first) and not np.allclose(store.thetas(rig.drmm.answers), other)


def test_a_blend_is_on_the_way_and_at_its_ends_the_answers(rig):
    found(rig)
    joints = rig_of.read(rig).joints
    theta = store.thetas(rig.drmm.answers)
    rig.drmm.blend_with = 3
    ends = []
    for rig.drmm.blend in (0.0, 1.0):
        ends.append(rig_of.theta(rig, joints))
    assert np.allclose(ends[0], theta[0], atol=1e-4)
    a, b = joints.matrices(np.stack([ends[1], theta[2]]))
    assert np.allclose(a, b, atol=1e-4)
    half = store.mixed(joints, theta[0], theta[2], 0.5)
    assert (half >= joints.low).all() and (half <= joints.high).all()
    there, back = (store.mixed(joints, *pair, part) for pair, part in
                   (((theta[0], theta[2]), 0.25), ((theta[2], theta[0]), 0.75)))  # fmt: skip
    assert np.allclose(joints.matrices(there), joints.matrices(back), atol=1e-6)


def test_what_cannot_be_met_is_named_with_its_error(rig):
    rig.drmm.conditions[0].object.location.z += 5.0
    answers = found(rig)
    assert answers[0].missed.startswith("hand.L head ") and answers[0].missed.endswith(" mm")
    assert 3000 < answers[0].error < 5100 and rig.drmm.conditions[0].missed == f"{answers[0].error:.0f} mm"
    assert rig.drmm.conditions[1].missed == ""
    miss = np.linalg.norm(places(rig) - goal(rig)) * 1000.0
    assert np.isclose(miss, answers[0].error, rtol=1e-3)


def test_ghosts_stand_where_the_answers_do(rig, monkeypatch):
    seen = {}
    monkeypatch.setattr(ghosts, "show", lambda armature, poses, bones, chosen: seen.update(p=poses, b=bones, c=chosen))
    found(rig)
    assert seen["c"] == 0 and len(seen["p"]) == ghosts.COUNT
    rig.drmm.answer_index = 4
    bpy.context.view_layer.update()
    for place, name in enumerate(seen["b"]):
        assert np.allclose(seen["p"][4, place], rig.pose.bones[name].matrix, atol=1e-4)
    assert seen["c"] == 4


def test_ghosts_go_with_their_armature_and_their_answers(rig):
    found(rig)
    assert ghosts.shown() == ("Rig",)
    bpy.data.objects.remove(rig)
    bpy.context.view_layer.update()
    assert ghosts.shown() == () and ghosts._watch not in bpy.app.handlers.depsgraph_update_post


def test_answers_are_saved_with_the_file_and_ghosts_shown_again(rig, tmp_path):
    before = turns(rig)
    found(rig)
    theta = store.thetas(rig.drmm.answers)
    file = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_empty=True)
    assert ghosts.shown() == ()
    bpy.ops.wm.open_mainfile(filepath=file)
    loaded = bpy.context.scene.drmm.armature
    assert ghosts.shown() == ("Rig",) and np.array_equal(store.thetas(loaded.drmm.answers), theta)
    bpy.ops.drmm.step_answer()
    bpy.ops.drmm.revert_answer()
    assert np.allclose(turns(loaded), before, atol=1e-6)


def test_undo_takes_back_one_action_and_redo_does_it_again(rig):
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="before")
    before = turns(rig)
    found(rig)
    bpy.ops.ed.undo_push(message="find")
    shown = turns(rig)
    bpy.ops.ed.undo()
    again = bpy.data.objects["Rig"]
    assert np.allclose(turns(again), before, atol=1e-6) and not len(again.drmm.answers) and ghosts.shown() == ()
    bpy.ops.ed.redo()
    again = bpy.data.objects["Rig"]
    assert np.allclose(turns(again), shown, atol=1e-6) and ghosts.shown() == ("Rig",)


def test_answers_of_a_rig_that_has_changed_are_dropped(rig):
    found(rig)
    next(row for row in rig.drmm.rig.bones if row.name == "shin.L").driven = False
    rig.drmm.answer_index = 1
    assert not len(rig.drmm.answers) and ghosts.shown() == ()
    with pytest.raises(RuntimeError, match="learn the rig again"):
        bpy.ops.drmm.find_poses()


def test_conditions_and_locks_follow_a_bone_that_is_renamed(rig):
    bpy.ops.drmm.lock_bones(bone="shin.L")
    rig.data.bones["hand.L"].name, rig.data.bones["shin.L"].name = "Claw", "Calf"
    assert found(rig)[0].missed == ""
    assert rig.drmm.conditions[0].bone == "Claw" and rig.drmm.locks.keys() == ["Calf"]
    assert np.linalg.norm(places(rig, "Claw") - goal(rig)) < 1e-3


def test_without_a_model_or_a_condition_it_says_what_to_do(rig):
    for item in rig.drmm.conditions:
        item.use = False
    with pytest.raises(RuntimeError, match="no condition in use; add one"):
        bpy.ops.drmm.find_poses()
    rig.drmm.rig.model = ""
    with pytest.raises(RuntimeError, match="Learn This Rig first"):
        bpy.ops.drmm.find_poses()
    assert not store.on_trial(rig)


def test_a_crane_is_posed_as_well_as_a_person(scene, tmp_path):
    crane = scene.drmm.armature = chain([2.0, 1.5, 1.0, 0.5])
    crane.matrix_world = PLACE
    rig_of.find(crane)
    *_, model = poses.learn(rig_of.read(crane), None, count=1000, seed=0)
    model.save(tmp_path / "crane.drmm.safetensors")
    crane.drmm.rig.model = str(tmp_path / "crane.drmm.safetensors")
    last = crane.pose.bones[-1].name
    bpy.ops.drmm.add_condition(what="TAIL", bone=last)
    bpy.ops.drmm.add_condition(what="DIRECTION", bone=last)
    joints = rig_of.read(crane).joints
    legal = joints.low + np.random.default_rng(5).uniform(0.3, 0.7, joints.P) * (joints.high - joints.low)
    pose = crane.matrix_world @ Matrix(joints.matrices(legal)[joints.armature.names.index(last)])
    for item in crane.drmm.conditions:
        item.object.matrix_world = pose
    crane.drmm.conditions[0].object.location = pose @ Vector((0, crane.data.bones[last].length, 0))
    assert found(crane, count=16)[0].missed == ""
    bpy.context.view_layer.update()
    tip = crane.matrix_world @ crane.pose.bones[last].tail
    assert np.linalg.norm(tip - crane.drmm.conditions[0].object.matrix_world.translation) < 1e-3


def test_two_armatures_are_asked_each_for_itself(rig, model_file):
    other = rigs.eulers("Other")
    rig_of.find(other)
    other.drmm.rig.model = model_file
    bpy.ops.drmm.add_condition(armature="Other", what="HEAD", bone="hand.R")
    bpy.ops.drmm.find_poses()
    assert bpy.ops.drmm.find_poses(armature="Other") == {"FINISHED"}
    assert set(ghosts.shown()) == {"Rig", "Other"} and len(other.drmm.conditions) == 1
    bpy.ops.drmm.revert_answer(armature="Other")
    assert ghosts.shown() == ("Rig",) and len(rig.drmm.answers)


@pytest.fixture
def override(rig, tmp_path):
    """The humanoid as an editable override of a library, which is in the scene too."""
    rig.drmm.conditions.clear()
    file = str(tmp_path / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(file, link=True) as (_, linked):
        linked.objects = ["Rig"]
    scene = bpy.context.scene
    scene.collection.objects.link(linked.objects[0])
    scene.drmm.armature = linked.objects[0]
    made = linked.objects[0].override_hierarchy_create(scene, bpy.context.view_layer, do_fully_editable=True)
    return bpy.data.objects[made.name, None]


def test_a_linked_rig_is_refused_and_an_override_keeps_what_was_asked_and_found(override, tmp_path):
    with pytest.raises(RuntimeError, match="is linked; make a library override"):
        bpy.ops.drmm.add_condition(what="HEAD", bone="hand.L")
    bpy.context.scene.drmm.armature = override
    for bone in ("hand.L", "hand.R", "hand.L"):
        bpy.ops.drmm.add_condition(what="HEAD", bone=bone)
    override.drmm.conditions[2].use = False
    override.drmm.conditions[0].object.location.z -= 0.1
    bpy.ops.drmm.lock_bones(bone="shin.L,shin.R")
    found(override, count=5)
    theta = store.thetas(override.drmm.answers)
    file = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    loaded = bpy.context.scene.drmm.armature
    assert loaded.override_library and np.array_equal(store.thetas(loaded.drmm.answers), theta)
    assert [row.bone for row in loaded.drmm.conditions] == ["hand.L", "hand.R", "hand.L"]
    assert loaded.drmm.locks.keys() == ["shin.L", "shin.R"]
    loaded.drmm.live = True
    loaded.drmm.conditions[0].object.location.z -= 0.02
    assert np.linalg.norm(places(loaded) - goal(loaded)) < 1e-3


def test_errors_are_in_the_units_of_the_scene(rig):
    bpy.context.scene.unit_settings.scale_length = 0.01
    asked = query.gather(rig, bpy.context.scene)
    assert np.allclose(asked.unit, 0.5 * 0.01 * 1000.0)
    assert all(isinstance(goal, (solver.At, solver.Beyond)) for goal in asked.goals)
