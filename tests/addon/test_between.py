# SPDX-License-Identifier: Apache-2.0
"""Cycles and in-betweens: what closes, what is kept, and what is made between two poses."""

import bpy
import numpy as np
import pytest

from blender_addon import armature as rigs_of
from blender_addon import takes
from blender_addon.direction import gather, poses
from tests.addon import gait, rigs


@pytest.fixture
def rig(stage, empty):
    stage.drmm.armature = rigs.rigify()
    empty("A", (0.0, -8.0, 0.0))
    return stage.drmm.armature


def walked(rig, frames):
    mapping, made = rigs_of.mapping_of(rig), []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        made.append(rigs_of.joint_positions(rig, mapping))
    bpy.context.scene.frame_set(1)
    return np.array(made)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("fps", [24, 30])
def test_a_cycle_closes_and_goes_on(stage, rig, in_place, fps):
    stage.render.fps = fps
    bpy.ops.drmm.generate(targets="A", seconds=5.0)
    before = rig.animation_data.action
    assert bpy.ops.drmm.loop_cycle(in_place=in_place) == {"FINISHED"}
    action = rig.animation_data.action
    first, last = (int(frame) for frame in action.curve_frame_range)
    assert first == 1 and before.name in bpy.data.actions and before.use_fake_user
    round_, longer = walked(rig, range(first, last + 1)), walked(rig, range(last, 2 * last - first + 1))
    step = longer[0, 0] - round_[0, 0]
    np.testing.assert_allclose(longer, round_ + step, atol=2e-3)
    assert abs(step[2]) < 1e-3
    assert (np.linalg.norm(step) < 1e-3) if in_place else (np.linalg.norm(step) > 0.4)
    assert np.linalg.norm(np.diff(round_, axis=0), axis=-1).max() * fps < 6.0


@pytest.mark.parametrize("root", ["ROOT", "OBJECT"])
def test_what_carries_a_walk_carries_its_cycle_and_the_body_goes_the_same_way(stage, rig, root):
    ways = {}
    for policy in ("HIPS", root):
        bpy.ops.drmm.generate(targets="A", seconds=5.0, root=policy)
        bpy.ops.drmm.loop_cycle()
        first, last = (int(frame) for frame in rig.animation_data.action.curve_frame_range)
        ways[policy] = walked(rig, range(first, 2 * last - first + 1))
        hips, holder = rig.pose.bones[rigs_of.mapping_of(rig)["Hips"]], rig.pose.bones["root"]
        stage.frame_set(2 * last - first)
        carried = {"HIPS": hips.location, "ROOT": holder.location, "OBJECT": rig.location}[policy].length
        assert carried > 0.8
        stage.frame_set(1)
    assert hips.location.length < 0.3  # and no more its own
    np.testing.assert_allclose(ways[root], ways["HIPS"], atol=5e-3)


def test_a_cycle_of_keys_that_are_no_take(stage, rig):
    bpy.ops.drmm.generate(targets="A", seconds=4.0)
    action = rig.animation_data.action
    for name in [name for name in action.keys() if name.startswith("drmm")]:
        del action[name]
    assert takes.shown(rig) is None
    assert bpy.ops.drmm.loop_cycle() == {"FINISHED"}


def test_no_motion_is_no_cycle(stage, rig):
    with pytest.raises(RuntimeError, match="no motion to make a cycle of"):
        bpy.ops.drmm.loop_cycle()


def test_the_body_in_the_armature_s_poses_is_what_was_generated(stage, rig):
    bpy.ops.drmm.generate(targets="A", seconds=3.0, lock_feet=False)
    take = takes.shown(rig)
    frames = poses.action_frames(rig, take.record)
    made = poses.bodies(bpy.context, rig, take.record, gait.REST, frames)
    np.testing.assert_allclose(made, take.motion.positions[: len(made)], atol=0.03)


def test_history_is_ten_frames_of_the_model_up_to_the_first(stage, rig):
    stage.render.fps = 24
    record = {"start": 25, "fps": 24.0, "rate": 30.0}
    np.testing.assert_allclose(poses.history_frames(record), 25 - 0.8 * np.arange(9, -1, -1))


def test_the_next_key_of_a_bone_is_found(stage, rig):
    with pytest.raises(ValueError, match="no pose of 'Rig' is keyed after frame 1"):
        poses.next_key(rig, 1)
    rig.keyframe_insert("location", frame=5)
    rig.pose.bones["hand.L"].keyframe_insert("rotation_quaternion", frame=40)
    assert poses.next_key(rig, 1) == 40


def test_settings_are_plain(stage):
    assert gather.keying_of(stage.drmm.walk) == {
        "feet": {"lock": True, "strength": 1.0, "blend": 4}, "root": "HIPS", "sparse": 0.0, "blend": 10}  # fmt: skip


@pytest.fixture
def posed(stage, rig):
    """A rig that is keyed standing at frame 1, and a stride ahead and turned at frame 61."""
    hips, arm = rig.pose.bones["spine"], rig.pose.bones["upper_arm.L"]
    names = list(rigs_of.mapping_of(rig).values())
    for frame, (place, turn, lift) in {1: ((0, 0, 0), 0.0, 0.2), 61: ((0, 0, 1.6), 0.5, 0.7)}.items():
        hips.location = place
        hips.rotation_quaternion = (np.cos(turn / 2), 0, np.sin(turn / 2), 0)
        arm.rotation_quaternion = (np.cos(lift / 2), np.sin(lift / 2), 0, 0)
        hips.keyframe_insert("location", frame=frame)
        for name in names:
            rig.pose.bones[name].keyframe_insert("rotation_quaternion", frame=frame)
    stage.frame_set(1)
    return rig


def test_between_two_keyed_poses_the_keys_stay_and_the_rest_is_made(stage, posed):
    mine = posed.animation_data.action
    ends = walked(posed, [1, 61])
    straight = walked(posed, [31])[0]
    assert bpy.ops.drmm.in_between(seed=2) == {"FINISHED"}
    assert posed.animation_data.action != mine and mine.use_fake_user
    np.testing.assert_allclose(walked(posed, [1, 61]), ends, atol=1e-4)
    made = walked(posed, range(1, 62))
    assert np.linalg.norm(np.diff(made, axis=0), axis=-1).max() < 0.25
    assert np.linalg.norm(made[30] - straight, axis=-1).max() > 0.05
    assert np.linalg.norm(made[30, 0, :2] - (ends[0, 0, :2] + ends[1, 0, :2]) / 2) < 0.8
    posed.animation_data.action = mine
    np.testing.assert_allclose(walked(posed, [31])[0], straight, atol=1e-6)


def test_to_the_pose_of_another_armature_is_a_take(stage, rig):
    other = rigs.mixamo("Other")
    other.location = (0.3, -1.5, 0.0)
    bpy.context.view_layer.update()
    goal = rigs_of.joint_positions(other, rigs_of.mapping_of(other))[0]
    assert bpy.ops.drmm.in_between(pose_of="Other", end=76) == {"FINISHED"}
    take = takes.shown(rig)
    assert (take.start, take.end) == (1, 76)
    assert np.linalg.norm(walked(rig, [76])[0, 0] - goal) < 0.08


def test_what_lies_between_needs_time_and_a_pose(stage, rig):
    with pytest.raises(RuntimeError, match="No pose of 'Rig' is keyed"):
        bpy.ops.drmm.in_between()
    with pytest.raises(RuntimeError, match="no frames between"):
        bpy.ops.drmm.in_between(pose_of="Rig", end=2)
