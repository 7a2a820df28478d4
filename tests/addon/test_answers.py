# SPDX-License-Identifier: Apache-2.0
"""Answers: poses found, shown, blended, taken, keyed, stored or put back; and followed while an object moves."""

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector

import blender_addon
from blender_addon import rig as rig_of
from blender_addon.answers import ghosts, keying, live, query, store
from drmm_engine.body import poses, solver
from tests.addon import rigs
from tests.addon.test_rig_limits import chain

PLACE = Matrix.Translation((2, 1, 0)) @ Matrix.Rotation(1.1, 4, "Z") @ Matrix.Scale(0.5, 4)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory, _registered):
    """A small model of the humanoid, learned once."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    made = rigs.rigify()
    rig_of.find(made)
    file = str(tmp_path_factory.mktemp("rigs") / "rig.drmm.safetensors")
    *_, model = poses.learn(rig_of.read(made), None, count=1000, seed=0)
    model.save(file)
    return file


@pytest.fixture
def rig(scene, model_file):
    """The humanoid somewhere, bones in Euler and quaternion modes, a hand to reach for and a floor."""
    made = scene.drmm.armature = rigs.eulers()
    made.matrix_world = PLACE
    rig_of.find(made)
    made.drmm.rig.model = model_file
    bpy.context.view_layer.update()
    bpy.ops.drmm.add_condition(what="HEAD", bone="hand.L")
    bpy.ops.drmm.add_floor()
    made.drmm.conditions[0].object.location.z -= 0.1
    scene.drmm.count = 10
    yield made
    live.stop()


def places(rig, bone="hand.L"):
    bpy.context.view_layer.update()
    return np.array(rig.matrix_world @ rig.pose.bones[bone].head)


def turns(rig):
    bpy.context.view_layer.update()
    return np.array([bone.matrix for bone in rig.pose.bones])


def goal(rig):
    bpy.context.view_layer.update()
    return np.array(rig.drmm.conditions[0].object.matrix_world.translation)


def found(rig, **given):
    assert bpy.ops.drmm.find_poses(**given) == {"FINISHED"}
    return rig.drmm.answers


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


CHANNELS = [("hips", "location"), ("hips", "rotation_quaternion"), ("arm", "rotation_euler")]


@pytest.mark.parametrize(
    "identifier, expected",
    [
        ("", CHANNELS),
        ("Location", CHANNELS[:1]),
        ("Rotation", CHANNELS[1:]),
        ("BUILTIN_KSI_VisualLocRot", CHANNELS),
        ("BUILTIN_KSI_RotScale", CHANNELS[1:]),
        ("WholeCharacter", CHANNELS),
        ("Scaling", []),
        ("BUILTIN_KSI_DeltaLocation", []),
        ("Available", CHANNELS[2:]),
        (keying.OWN, CHANNELS[:1]),
    ],
)
def test_the_keying_set_chooses_among_the_driven_channels(identifier, expected):
    paths = ['pose.bones["hips"].location', 'pose.bones["head"].location']
    keyed = ['pose.bones["arm"].rotation_euler', 'pose.bones["head"].rotation_euler']
    assert keying.wanted(CHANNELS, identifier, paths, keyed) == expected


def curves(rig):
    return {curve.data_path: len(curve.keyframe_points) for curve in blender_addon.compat.curves(rig).fcurves}


def test_key_keys_the_driven_bones_and_nothing_else(rig):
    found(rig)
    bpy.context.scene.frame_set(7)
    bpy.ops.drmm.step_answer()
    shown = turns(rig)
    assert bpy.ops.drmm.key_answer() == {"FINISHED"}
    joints = rig_of.read(rig).joints
    wanted = {f'pose.bones["{bone}"].{name}' for bone, name in rig_of.channels(rig, joints)}
    assert set(curves(rig)) == wanted and set(curves(rig).values()) == {1}
    bpy.context.scene.frame_set(20)
    assert np.allclose(turns(rig), shown, atol=1e-5) and not store.on_trial(rig)
    bpy.context.scene.keying_sets.active = None
    bpy.context.scene.keying_sets_all.active = bpy.context.scene.keying_sets_all["Location"]
    found(rig)
    bpy.ops.drmm.key_answer()
    assert {path for path, count in curves(rig).items() if count == 2} == {p for p in wanted if p.endswith("location")}
    bpy.context.scene.keying_sets_all.active = bpy.context.scene.keying_sets_all["Scale"]
    with pytest.raises(RuntimeError, match="keys none of the driven bones"):
        bpy.ops.drmm.key_answer()


def test_apply_keys_where_auto_keying_is_on(rig):
    tools = bpy.context.scene.tool_settings
    tools.use_keyframe_insert_auto, tools.auto_keying_mode = True, "REPLACE_KEYS"
    found(rig)
    bpy.ops.drmm.apply_answer()
    assert rig.animation_data is None or rig.animation_data.action is None
    rig.pose.bones["thigh.L"].keyframe_insert(rig_of.channels(rig, rig_of.read(rig).joints)[0][1], frame=1)
    tools.auto_keying_mode = "ADD_REPLACE_KEYS"
    found(rig)
    bpy.ops.drmm.apply_answer()
    assert len(curves(rig)) >= len(rig_of.channels(rig, rig_of.read(rig).joints))


def test_a_pose_asset_holds_the_driven_bones_and_leaves_the_armature_alone(rig):
    found(rig)
    assert bpy.ops.drmm.store_answer(name="Reach") == {"FINISHED"}
    stored = bpy.data.actions["Reach"]
    assert stored.asset_data is not None and (rig.animation_data is None or rig.animation_data.action is None)
    shown = turns(rig)
    bpy.ops.drmm.revert_answer()
    blender_addon.compat.assign(rig, stored)
    bpy.context.scene.frame_set(1)
    assert np.allclose(turns(rig), shown, atol=1e-5)


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


def test_switching_the_add_on_off_leaves_no_handler(rig):
    rig.drmm.live = True
    found(rig)
    blender_addon.unregister()
    on = bpy.app.handlers
    left = [f for group in (on.depsgraph_update_post, on.undo_pre, on.undo_post, on.load_post) for f in group]
    blender_addon.register()
    assert not [f for f in left if f.__module__.startswith("blender_addon")]


def test_errors_are_in_the_units_of_the_scene(rig):
    bpy.context.scene.unit_settings.scale_length = 0.01
    asked = query.gather(rig, bpy.context.scene)
    assert np.allclose(asked.unit, 0.5 * 0.01 * 1000.0)
    assert all(isinstance(goal, (solver.At, solver.Beyond)) for goal in asked.goals)
