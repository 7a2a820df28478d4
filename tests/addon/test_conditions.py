# SPDX-License-Identifier: Apache-2.0
"""Conditions: scene objects in any place and of any size mean to the engine what they show."""

import bpy
import numpy as np
import pytest
from mathutils import Euler, Matrix, Quaternion

from blender_addon import rig as rig_of
from blender_addon.conditions import goals, make, presets, read, space, words
from drmm_engine.body import solver
from tests.addon import rigs

MOVED = Matrix.Translation((3, -1, 2)) @ Euler((0.4, -0.8, 2.1)).to_matrix().to_4x4() @ Matrix.Scale(0.37, 4)
PLACES = {"at rest": Matrix.Identity(4), "moved, turned and scaled": MOVED}


@pytest.fixture(params=PLACES)
def rig(scene, request):
    """A humanoid that stands somewhere, its bones found, all its joints bent a little."""
    made = scene.drmm.armature = rigs.rigify()
    made.matrix_world = PLACES[request.param]
    bpy.ops.drmm.find_bones()
    joints = rig_of.read(made).joints
    toss = np.random.default_rng(3).uniform(0.35, 0.65, joints.P)
    rig_of.write(made, joints, joints.low + toss * (joints.high - joints.low))
    bpy.context.view_layer.update()
    return made


def asked(rig):
    """The rig with the goals of its conditions, and how far the pose now misses them."""
    bpy.context.view_layer.update()
    described = rig_of.read(rig, also=[row.bone for row in rig.drmm.conditions if row.bone and row.use])
    made, _ = goals.goals(read.rows(rig, bpy.context.scene), described)
    theta = rig_of.theta(rig, described.joints)[None]
    return made, solver.errors(described.joints, theta, made)[0]


def add(what, how, bone="", **more):
    assert bpy.ops.drmm.add_condition(what=what, how=how, bone=bone, **more) == {"FINISHED"}
    armature = bpy.context.scene.drmm.armature
    return armature.drmm.conditions[armature.drmm.condition_index]


def select(rig, *names):
    for bone in rig.pose.bones:
        holder = bone if hasattr(bone, "select") else bone.bone  # from Blender 5.0 on pose bones are selected
        holder.select = bone.name in names


@pytest.mark.parametrize("what", ["HEAD", "TAIL", "ROTATION", "TRANSFORM", "DIRECTION", "MASS"])
@pytest.mark.parametrize("how", ["KNOWN", "KEEP"])
def test_what_is_added_is_met_where_it_stands_and_missed_by_as_much_as_it_is_moved(rig, what, how):
    item = add(what, how, "hand.L" if words.needs_bone(what) else "")
    made, error = asked(rig)
    assert np.allclose(error, 0.0, atol=2e-4)  # Blender's matrices are of single precision
    step = 0.3 * rig.matrix_world.to_scale()[0]
    if how == "KNOWN" and what in ("HEAD", "TAIL", "TRANSFORM", "MASS"):
        item.object.location.y += step
        assert np.isclose(asked(rig)[1].max(), 0.3, atol=1e-3)
    if how == "KNOWN" and what in ("ROTATION", "TRANSFORM"):
        matrix = item.object.matrix_world
        item.object.matrix_world = matrix @ Matrix.Rotation(0.4, 4, "Y")
        assert np.isclose(asked(rig)[1][-1], 0.4, atol=1e-3)
    if how == "KNOWN" and what == "DIRECTION":
        item.object.matrix_world = item.object.matrix_world @ Matrix.Rotation(0.9, 4, "Y")
        assert np.allclose(asked(rig)[1], 0.0, atol=2e-4)  # the twist is free
        item.object.matrix_world = item.object.matrix_world @ Matrix.Rotation(0.4, 4, "X")
        assert np.isclose(asked(rig)[1][0], 0.4, atol=1e-3)


def test_what_is_kept_stays_in_the_world_when_the_armature_moves(rig):
    add("TRANSFORM", "KEEP", "foot.L")
    rig.matrix_world = Matrix.Translation((0, 0.5, 0)) @ rig.matrix_world
    error = asked(rig)[1]
    assert np.isclose(error[0] * rig.matrix_world.to_scale()[0], 0.5, atol=1e-3) and abs(error[1]) < 1e-3
    bpy.ops.drmm.update_kept()
    assert np.allclose(asked(rig)[1], 0.0, atol=2e-4)


def test_the_sphere_that_is_seen_is_the_standard_deviation(rig):
    item = add("HEAD", "PRIOR", "hand.L")
    assert item.object.empty_display_type == "SPHERE"
    item.object.empty_display_size, item.object.scale = 0.2, (3, 3, 3)
    made, _ = asked(rig)
    assert np.isclose(made[0].sd, 0.6 / rig.matrix_world.to_scale()[0], rtol=1e-5)


def test_the_side_that_the_arrow_points_to_is_allowed(rig):
    item = add("HEAD", "HALF_SPACE", "head.x" if "head.x" in rig.data.bones else "hand.R")
    assert item.object.empty_display_type == "SINGLE_ARROW"
    place = item.object.matrix_world.translation.copy()
    unit = rig.matrix_world.to_scale()[0]
    for turn in (Euler((0, 0, 0)), Euler((2.0, 0.7, -1.0))):
        up = turn.to_matrix() @ Matrix.Identity(3).col[2]
        item.object.matrix_world = Matrix.Translation(place - 0.1 * up) @ turn.to_matrix().to_4x4() @ Matrix.Scale(5, 4)
        assert asked(rig)[1][0] == 0.0
        item.object.matrix_world = Matrix.Translation(place + 0.1 * up) @ turn.to_matrix().to_4x4()
        assert np.isclose(asked(rig)[1][0] * unit, 0.1, atol=1e-3)


def test_the_cube_that_is_seen_is_the_box(rig):
    item = add("TAIL", "BOX", "foot.R")
    assert item.object.empty_display_type == "CUBE"
    item.object.empty_display_size, item.object.scale = 0.5, (0.2, 0.4, 0.6)
    item.object.rotation_euler = (0.3, 0.5, 0.7)
    assert asked(rig)[1][0] == 0.0
    side = item.object.rotation_euler.to_matrix().col[1]
    item.object.location = item.object.location + 0.19 * side
    assert asked(rig)[1][0] == 0.0
    item.object.location = item.object.location + 0.11 * side
    assert np.isclose(asked(rig)[1][0] * rig.matrix_world.to_scale()[0], 0.1, atol=1e-3)


def test_another_way_changes_the_empty_and_keeps_its_place(rig):
    item = add("HEAD", "KNOWN", "hand.L")
    item.object.location.z += 0.1
    made = item.object
    for how, display in (("PRIOR", "SPHERE"), ("HALF_SPACE", "SINGLE_ARROW"), ("BOX", "CUBE"), ("KNOWN", "PLAIN_AXES")):
        item.how = how
        assert item.object == made and made.empty_display_type == display
    item.how = "KEEP"
    assert np.allclose(asked(rig)[1], 0.0, atol=2e-4)
    item.object, item.how = None, "KNOWN"
    assert item.object and item.object != made and np.allclose(asked(rig)[1], 0.0, atol=2e-4)
    item.how, item.what = "BOX", "ROTATION"
    assert item.how == "KNOWN"
    item.how = "PRIOR"
    with pytest.raises(ValueError, match="cannot be asked so"):
        read.rows(rig, bpy.context.scene)


def test_objects_may_be_parented_and_animated(rig, empty):
    item = add("HEAD", "KNOWN", "hand.L")
    parent = empty("Parent", (0, 0, 0))
    item.object.parent = parent
    parent.keyframe_insert("location", frame=1)
    parent.location.x = 0.4
    parent.keyframe_insert("location", frame=11)
    bpy.context.scene.frame_set(1)
    assert np.allclose(asked(rig)[1], 0.0, atol=2e-4)
    bpy.context.scene.frame_set(11)
    assert np.isclose(asked(rig)[1][0] * rig.matrix_world.to_scale()[0], 0.4, atol=1e-3)


def test_the_floor_is_a_plane_under_hands_feet_knees_and_head(rig, empty):
    bpy.ops.drmm.add_floor()
    bpy.ops.drmm.add_floor()
    assert len(rig.drmm.conditions) == 1
    made, _ = asked(rig)
    named = " ".join(goal.name for goal in made)
    assert all(bone in named for bone in ("hand.L", "hand.R", "foot.L", "foot.R", "shin.L", "shin.R"))
    up = np.array(rig.matrix_world.to_3x3().inverted() @ Matrix.Identity(3).col[2])
    for goal in made:
        assert np.allclose(goal.normal, up / np.linalg.norm(up), atol=1e-5)
    stage = empty("Stage", (0, 0, 0.25))
    bpy.ops.drmm.add_floor(object="Stage")
    assert len(rig.drmm.conditions) == 2
    rig.drmm.conditions[0].use = False
    stage.location.z = 100.0
    assert asked(rig)[1].min() > 10.0


def test_feet_stay_in_one_click_and_again_in_another(rig):
    bpy.ops.drmm.keep_feet()
    assert [(item.what, item.how, item.bone) for item in rig.drmm.conditions] == [
        ("TRANSFORM", "KEEP", "foot.L"), ("TRANSFORM", "KEEP", "foot.R"),
    ]  # fmt: skip
    rig.pose.bones["thigh.L"].rotation_mode = "XYZ"
    rig.pose.bones["thigh.L"].rotation_euler.x = 0.5
    assert asked(rig)[1].max() > 0.05
    bpy.ops.drmm.keep_feet()
    assert len(rig.drmm.conditions) == 2 and np.allclose(asked(rig)[1], 0.0, atol=2e-4)


def test_the_lowest_effectors_are_feet_where_no_name_says_so(scene):
    rig = scene.drmm.armature = rigs.rigify()
    for bone in list(rig.data.bones):
        bone.name = bone.name.replace("foot", "end").replace("toe", "nail")
    bpy.ops.drmm.find_bones()
    for row in rig.drmm.rig.bones:
        row.use_head, row.use_tail = False, row.name in ("nail.L", "nail.R", "hand.L", "spine.006")
    rig.drmm.mapping.clear()
    for joint in ("LeftFoot", "RightFoot"):
        rig.drmm.mapping.add().joint = joint
    assert sorted(make.feet(rig)) == ["nail.L", "nail.R"]


def test_an_angle_is_that_of_the_joint_or_narrows_its_limits(rig):
    item = add("ANGLE", "KNOWN", "shin.R", axis="X")
    made, error = asked(rig)
    assert np.allclose(error, 0.0, atol=1e-5)
    item.low += 0.25
    assert np.isclose(asked(rig)[1][0], 0.25, atol=1e-5)
    item.how, item.low, item.high = "BOX", 0.3, 0.6
    described = rig_of.read(rig)
    narrow = goals.narrowed(described, read.rows(rig, bpy.context.scene)).joints
    place = narrow.names.index("shin.R.x")
    assert narrow.names == described.joints.names
    assert np.isclose(narrow.low[place], 0.3) and np.isclose(narrow.high[place], 0.6)
    rest = np.arange(len(narrow.names)) != place
    assert np.array_equal(np.asarray(narrow.low)[rest], np.asarray(described.joints.low)[rest])
    item.how = "HALF_SPACE"
    at_least = goals.narrowed(described, read.rows(rig, bpy.context.scene)).joints
    assert np.isclose(at_least.low[place], 0.3) and at_least.high[place] == described.joints.high[place]
    assert asked(rig)[0] == []
    item.how, item.low, item.high = "BOX", 9.0, 9.5
    with pytest.raises(ValueError, match="nothing of the joint's limits"):
        goals.narrowed(described, read.rows(rig, bpy.context.scene))


def test_an_angle_is_near_a_value_by_a_spread_or_with_less_confidence(rig):
    item = add("ANGLE", "PRIOR", "shin.R", axis="X")
    item.low, item.spread, item.weight = 0.8, 0.3, 2.0
    (made,), _ = asked(rig)
    assert (made.value, made.sd, made.weight) == pytest.approx((0.8, 0.3, 2.0))
    item.how, item.confidence = "KNOWN", 0.5
    assert asked(rig)[0][0].sd == pytest.approx(goals.LOOSE)
    item.confidence = 1.0
    assert asked(rig)[0][0].sd == 0.0


def test_less_confidence_is_a_wider_spread_and_none_a_fixed_place(rig):
    item = add("HEAD", "KNOWN", "hand.L")
    assert isinstance(asked(rig)[0][0], solver.At)
    spreads = []
    for item.confidence in (0.99, 0.5, 0.1):
        spreads.append(asked(rig)[0][0].sd)
    assert spreads == sorted(spreads) and spreads[0] < 0.01
    assert np.isclose(spreads[1], goals.LOOSE * rig_of.read(rig).stature, rtol=1e-5)


@pytest.mark.parametrize("scale", [(1, 1, 1), (2, 0.5, 3), (-1, 1, 1), (1, 1, -2)])
def test_a_plane_is_where_its_points_are_and_its_z_axis_points_inwards(scale):
    turn = Quaternion((0.5, -0.2, 0.7, 0.4)).normalized().to_matrix().to_4x4()
    matrix = np.array(Matrix.Translation((1, 2, 3)) @ turn @ Matrix.Diagonal((*scale, 1)))
    normal, offset = space.plane(matrix, "it")
    assert np.isclose(np.linalg.norm(normal), 1.0)
    for point in ([0, 0, 0], [1, 0, 0], [0.3, -2, 0]):
        assert abs(normal @ (matrix @ [*point, 1])[:3] + offset) < 1e-6
    assert normal @ (matrix @ [0, 0, 1, 1])[:3] + offset > 0.1


def test_bones_are_locked_and_freed_by_name_or_selection(rig):
    bpy.ops.drmm.lock_bones(bone="hand.L, foot.R")
    bpy.ops.drmm.lock_bones(bone="hand.L")
    assert read.locked(rig) == ["hand.L", "foot.R"]
    bpy.ops.drmm.free_bones(bone="hand.L")
    assert read.locked(rig) == ["foot.R"]
    rig.data.bones["foot.R"].name = "renamed"
    with pytest.raises(ValueError, match=r"locked bone 'foot.R' of 'Rig' is gone"):
        read.locked(rig)
    bpy.ops.drmm.free_bones(all=True)
    select(rig, "shin.L")
    bpy.ops.drmm.lock_bones()
    assert read.locked(rig) == ["shin.L"]


def test_removing_a_condition_removes_the_empty_that_was_made_for_it(rig, empty):
    made = add("HEAD", "KNOWN", "hand.L").object.name
    mine = add("HEAD", "KNOWN", "hand.R", object=empty("Mine", (0, 0, 1)).name).object.name
    bpy.ops.drmm.remove_condition()
    rig.drmm.condition_index = 0
    bpy.ops.drmm.remove_condition()
    assert made not in bpy.data.objects and mine in bpy.data.objects and not len(rig.drmm.conditions)
    assert bpy.ops.drmm.remove_condition() == {"CANCELLED"}


def test_each_fault_is_named_in_one_line(rig, empty):
    def wrong(message):
        with pytest.raises(ValueError, match=message) as problem:
            asked(rig)
        assert "\n" not in str(problem.value)

    item = add("HEAD", "KNOWN", "hand.L")
    bpy.context.scene.collection.objects.unlink(item.object)
    wrong(r"condition 1 of 'Rig' \(hand.L head\): its object 'hand.L Goal' is not in the scene")
    item.object = None
    wrong("its object is gone")
    item.object = rig
    wrong("is the armature itself")
    item.object = empty("A", (0, 0, 0))
    item.bone = "nobody"
    with pytest.raises(ValueError, match="the bone 'nobody' is gone or renamed"):
        read.rows(rig, bpy.context.scene)
    item.use = False
    box = add("HEAD", "BOX", "hand.L")
    box.object.scale.x = 0.0
    wrong("is flat")
    box.object.scale.x = 1.0
    bpy.ops.drmm.remove_condition()
    add("HEAD", "KNOWN", "hand.R")
    add("HEAD", "KEEP", "hand.R")
    wrong("conditions 2 and 3 both fix hand.R head")
    rig.drmm.conditions[2].use = False
    rig.scale.x *= 2.0
    wrong("scaled unevenly")


def test_what_cannot_be_asked_is_refused(rig):
    for given, message in (
        ({"what": "ROTATION", "how": "BOX", "bone": "hand.L"}, "Rotation has no box condition"),
        ({"what": "HEAD", "bone": "nobody"}, "There is no bone 'nobody'"),
        ({"what": "HEAD", "bone": "hand.L", "object": "none"}, "'none' is not in the scene"),
        ({"what": "HEAD"}, "No bone of 'Rig' is selected"),
        ({"what": "ANGLE", "bone": "root", "axis": "X"}, "no joint angle"),
    ):
        select(rig)
        with pytest.raises(RuntimeError, match=message):
            bpy.ops.drmm.add_condition(**given)
    assert not len(rig.drmm.conditions)


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    monkeypatch.setattr(presets, "folder", lambda: tmp_path)
    yield tmp_path
    presets._names.clear()


def test_a_set_is_saved_and_loaded_with_its_empties_where_they_were(rig, shelf):
    add("HEAD", "KNOWN", "hand.L").confidence = 0.5
    add("TAIL", "BOX", "foot.R").object.scale = (1, 2, 3)
    add("TRANSFORM", "KEEP", "foot.L")
    bpy.ops.drmm.add_floor()
    before = [np.array(goal.matrix) for goal in asked(rig)[0] if isinstance(goal, solver.Within)]
    bpy.ops.drmm.save_conditions(name="Mine")
    objects = len(bpy.data.objects)
    rig.matrix_world = Matrix.Translation((1, 0, 0)) @ rig.matrix_world
    bpy.context.view_layer.update()
    bpy.ops.drmm.load_conditions(name="Mine")
    assert len(bpy.data.objects) == objects and presets.names() == ["Mine"]
    assert [(item.what, item.how) for item in rig.drmm.conditions] == [
        ("HEAD", "KNOWN"), ("TAIL", "BOX"), ("TRANSFORM", "KEEP"), ("BODY", "HALF_SPACE"),
    ]  # fmt: skip
    after = [np.array(goal.matrix) for goal in asked(rig)[0] if isinstance(goal, solver.Within)]
    assert np.allclose(before, after, atol=1e-4) and rig.drmm.conditions[0].confidence == 0.5
    bpy.ops.drmm.delete_conditions(name="Mine")
    assert presets.names() == []
    with pytest.raises(RuntimeError, match="no set of conditions named 'Mine'"):
        bpy.ops.drmm.load_conditions(name="Mine")


def test_a_set_tells_which_bones_another_rig_lacks(rig, shelf):
    add("HEAD", "KNOWN", "hand.L")
    add("HEAD", "KNOWN", "hand.R")
    bpy.ops.drmm.save_conditions(name="Two")
    rig.data.bones["hand.R"].name = "claw"
    assert presets.load(bpy.context, rig, "Two") == ["hand.R"]
    assert [item.bone for item in rig.drmm.conditions] == ["hand.L"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1, "kind": "conditions", "rows": [{}]}',
                                     '{"format": 1, "kind": "conditions", "rows": [{"what": "HEAD", "how": "X"}]}'])
def test_a_damaged_set_is_refused_and_changes_nothing(rig, shelf, content):  # fmt: skip
    add("HEAD", "KNOWN", "hand.L")
    (shelf / f"Bad{presets.SUFFIX}").write_text(content)
    with pytest.raises(RuntimeError, match="cannot be read"):
        bpy.ops.drmm.load_conditions(name="Bad")
    assert len(rig.drmm.conditions) == 1
    with pytest.raises(RuntimeError, match="no name for a set"):
        bpy.ops.drmm.save_conditions(name="../x")


def test_conditions_are_saved_with_the_file(rig, tmp_path):
    add("HEAD", "KNOWN", "hand.L")
    add("TRANSFORM", "KEEP", "foot.L")
    bpy.ops.drmm.lock_bones(bone="hand.R")
    file = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    loaded = bpy.context.scene.drmm.armature
    assert np.allclose(asked(loaded)[1], 0.0, atol=2e-4) and read.locked(loaded) == ["hand.R"]
