# SPDX-License-Identifier: Apache-2.0
"""Sample Pose, and what can be done with its results."""

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector

from blender_addon import armature as rigs_of
from drmm_engine.motion import skeleton
from tests.addon import rigs


def snapshot(rig):
    """Everything that poses a bone."""
    return {
        bone.name: (*bone.location, *bone.rotation_quaternion, *bone.rotation_euler, *bone.rotation_axis_angle)
        for bone in rig.pose.bones
    }


def joints(rig):
    bpy.context.view_layer.update()
    return rigs_of.joint_positions(rig, rigs_of.mapping_of(rig))


@pytest.fixture(params=rigs.KINDS)
def posed(request, stage, empty):
    """A rig with eight sampled poses; the goal is for the right hand, and the closed form meets it on its own body."""
    rig = rigs.KINDS[request.param]()
    rig.pose.bones[rigs_of.mapping_of(rig)["Head"]].location = (0.0, 0.01, 0.0)
    stage.drmm.armature = rig
    goal = stage.drmm.goals.add()
    goal.joint, goal.empty = "RightHand", empty("Goal", (0.5, -0.4, 1.1))
    before = snapshot(rig), joints(rig)
    assert bpy.ops.drmm.sample_pose(count=8) == {"FINISHED"}
    return rig, before


def test_the_error_shown_is_the_armature_s_own(posed):
    rig, _ = posed
    assert len(rig.drmm.poses) == 8
    hand = skeleton.index("RightHand")
    for index, pose in enumerate(rig.drmm.poses):
        rig.drmm.pose_index = index
        miss = np.linalg.norm(joints(rig)[hand] - (0.5, -0.4, 1.1))
        assert pose.error == pytest.approx(1000 * miss, abs=1.0)
    ranks = [pose.plausibility for pose in rig.drmm.poses]
    assert ranks == sorted(ranks, reverse=True)


@pytest.mark.parametrize("arms", [0.8, 1.0, 1.25])
def test_goals_are_met_on_other_proportions_too(stage, empty, arms):
    rig = rigs.rigify(arms=arms)
    empty("L", (0.25, -0.35, 1.2)), empty("R", (-0.3, -0.3, 0.9)), empty("F", (0.1, -0.2, 0.09))
    bpy.ops.drmm.sample_pose(armature="Rig", goals="LeftHand:L,RightHand:R,LeftFoot:F", count=8)
    assert max(pose.error for pose in rig.drmm.poses) < 3.0


def test_a_character_elsewhere_takes_the_same_poses_there(stage, empty):
    rig = rigs.rigify()
    goals = {"LeftHand": (0.25, -0.35, 1.2), "RightFoot": (-0.1, -0.2, 0.3)}
    moves = [Matrix(), Matrix.Translation((3, -1, 0.5)) @ Matrix.Rotation(2.0, 4, "Z") @ Matrix.Scale(1.4, 4)]
    shown = []
    for number, move in enumerate(moves):
        rig.matrix_world = move
        names = [f"{joint}:{empty(f'{joint}{number}', move @ Vector(place)).name}" for joint, place in goals.items()]
        bpy.ops.drmm.sample_pose(armature="Rig", goals=",".join(names), count=4)
        bpy.ops.drmm.step_pose(armature="Rig", step=2)
        places = np.c_[joints(rig), np.ones(20)] @ np.array(move.inverted()).T
        shown.append(places[:, :3])
        bpy.ops.drmm.revert_pose(armature="Rig")
    np.testing.assert_allclose(shown[1], shown[0], atol=2e-3)


def test_stepping_goes_round_and_each_pose_is_another(posed):
    rig, _ = posed
    shown = []
    for _ in range(8):
        shown.append(joints(rig))
        bpy.ops.drmm.step_pose(step=1)
    np.testing.assert_allclose(joints(rig), shown[0], atol=1e-6)
    bpy.ops.drmm.step_pose(step=-1)
    np.testing.assert_allclose(joints(rig), shown[-1], atol=1e-6)
    assert all(np.abs(a - b).max() > 1e-3 for a, b in zip(shown, shown[1:], strict=False))


def test_revert_restores_the_pose_exactly(posed):
    rig, (values, places) = posed
    bpy.ops.drmm.step_pose(step=3)
    bpy.ops.drmm.sample_pose(count=4, seed=5)
    bpy.ops.drmm.revert_pose()
    assert snapshot(rig) == values
    np.testing.assert_allclose(joints(rig), places, atol=1e-6)
    assert len(rig.drmm.poses) == 0
    with pytest.raises(RuntimeError, match="use Sample Pose first"):
        bpy.ops.drmm.revert_pose()


def test_sampling_again_starts_from_the_same_stand(posed):
    rig, _ = posed
    first = joints(rig)
    bpy.ops.drmm.step_pose(step=5)
    bpy.ops.drmm.sample_pose(count=8)
    np.testing.assert_allclose(joints(rig), first, atol=1e-5)


def test_the_keyed_pose_comes_back_with_its_frame(posed, stage):
    rig, _ = posed
    bpy.ops.drmm.step_pose(step=2)
    chosen = joints(rig)
    stage.frame_set(7)
    bpy.ops.drmm.key_pose()
    assert rig.animation_data.action.name == "DRMM Pose"
    assert tuple(rig.animation_data.action.frame_range) == (7.0, 7.0)
    rig.pose.bones[rigs_of.mapping_of(rig)["Hips"]].location = (0, 0, 0)
    for bone in rig.pose.bones:
        bone.rotation_quaternion, bone.rotation_euler = (1, 0, 0, 0), (0, 0, 0)
    stage.frame_set(8)
    stage.frame_set(7)
    np.testing.assert_allclose(joints(rig), chosen, atol=1e-5)


def test_keys_join_an_action_that_is_there(posed, stage):
    rig, _ = posed
    rig.keyframe_insert("location", frame=1)
    action = rig.animation_data.action
    stage.frame_set(20)
    bpy.ops.drmm.key_pose()
    assert rig.animation_data.action == action and tuple(action.frame_range) == (1.0, 20.0)


def test_a_walk_with_a_keyed_pose_is_kept_by_the_next_walk(stage, empty):
    rig = rigs.rigify()
    empty("A", (0.0, -2.0, 1.0))
    bpy.ops.drmm.generate(armature="Rig", targets="A")
    walk = rig.animation_data.action
    empty("B", (0.0, -0.1, 1.5))
    bpy.ops.drmm.sample_pose(armature="Rig", goals="Head:B", count=1)
    bpy.ops.drmm.key_pose(armature="Rig")
    bpy.ops.drmm.generate(armature="Rig", targets="A")
    assert walk.name in bpy.data.actions and rig.animation_data.action != walk


def test_goals_can_be_named(stage, empty):
    rigs.rigify()
    empty("A", (0.0, -0.1, 1.5)), empty("B", (0.3, -0.4, 1.2))
    assert bpy.ops.drmm.sample_pose(armature="Rig", goals="Head:A, LeftHand:B", count=3) == {"FINISHED"}
    refusals = {"Tail:A": "Tail:A", "Head": "Part:Object", "Head:A,Head:B": "two goals", "Head:C": "'C'"}
    for wrong, said in refusals.items():
        with pytest.raises(RuntimeError, match=said):
            bpy.ops.drmm.sample_pose(armature="Rig", goals=wrong)


def test_a_goal_is_added_where_the_part_is(stage):
    rig = rigs.mixamo()
    stage.drmm.armature = rig
    bpy.ops.drmm.add_goal(joint="LeftFoot")
    goal = stage.drmm.goals[0].empty
    np.testing.assert_allclose(goal.location, joints(rig)[skeleton.index("LeftFoot")], atol=1e-6)
    bpy.ops.drmm.remove_goal()
    assert len(stage.drmm.goals) == 0 and goal.name in stage.objects
