# SPDX-License-Identifier: Apache-2.0
"""Poses for goals: bones exact, goals met, placement free, ranking and variety, on a small model of known poses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drmm_engine.body import rotations as rot
from drmm_engine.layer import Layer
from drmm_engine.model import Model
from drmm_engine.motion.frames import LEGS
from drmm_engine.motion.pose_features import FEATURES, encode, pose_schema
from drmm_engine.motion.pose_keys import pose_keys
from drmm_engine.motion.pose_solver import solve
from drmm_engine.motion.posing import FIRST, GOALS, sample_poses
from drmm_engine.motion.retarget import rig_positions
from drmm_engine.motion.skeleton import JOINTS, PARENTS
from tests.motion import bodies

REST = bodies.rest()
seeds = st.integers(0, 10_000)


def lengths(positions):
    return np.linalg.norm(positions[..., 1:, :] - positions[..., PARENTS[1:], :], axis=-1)


@pytest.fixture(scope="module")
def model():
    means = encode(bodies.poses())
    layer = Layer(np.full(len(means), -np.log(len(means))), means, np.full((1, 58), np.log(0.05)))
    skeleton = {"joints": list(JOINTS), "parents": PARENTS.tolist(), "rest": REST.tolist(), "frame_rate": 30}
    return Model(pose_schema(), (layer,), skeleton=skeleton, features=FEATURES)


def test_a_whole_pose_without_goals_stays_as_it_is():
    poses = bodies.poses(1)
    feet = [JOINTS.index("LeftToes"), JOINTS.index("RightToes")]
    solved = solve(poses, {}, REST)
    others = [n for n in range(20) if n not in feet]
    assert np.abs(solved - poses)[:, others].max() < 1e-6


@settings(max_examples=20, deadline=None)
@given(seeds, st.sets(st.sampled_from(GOALS)))
def test_bones_keep_their_lengths_and_a_pose_is_solved_for_its_own_goals(seed, names):
    poses = bodies.poses(seed, 12)
    goals = {JOINTS.index(name): poses[:, JOINTS.index(name)] for name in names}
    noise = np.random.default_rng(seed).normal(0, 0.02, poses.shape)
    solved = solve(poses + noise, goals, REST)
    assert np.abs(lengths(solved) - lengths(REST)).max() < 1e-9
    pelvis = [np.linalg.norm(p[..., LEGS[0], :] - p[..., LEGS[1], :], axis=-1) for p in (solved, REST)]
    assert np.abs(pelvis[0] - pelvis[1]).max() < 1e-9
    for joint, goal in goals.items():
        assert np.median(np.linalg.norm(solved[:, joint] - goal, axis=-1)) < 5e-3, JOINTS[joint]


def test_knees_and_elbows_keep_their_side_when_hands_and_feet_are_moved():
    poses = bodies.poses(3)
    hands = [JOINTS.index("LeftHand"), JOINTS.index("RightHand")]
    goals = {hand: poses[:, hand] + (0.03, 0.0, 0.03) for hand in hands}
    solved = solve(poses, goals, REST)
    elbows = [JOINTS.index("LeftLowerArm"), JOINTS.index("RightLowerArm")]
    assert np.linalg.norm(solved - poses, axis=-1)[:, elbows].max() < 0.1


@pytest.mark.parametrize("name", GOALS)
def test_a_goal_that_can_be_reached_is_met(model, name):
    goal = bodies.poses(7, 1)[0, JOINTS.index(name)] + (0.2, -0.1, 0.0)
    poses = sample_poses(model, {name: goal}, count=32, seed=2)
    assert poses.error[:FIRST].max() < 1e-3
    assert np.abs(poses.positions[:, JOINTS.index(name)] - goal).max(axis=1)[0] < 1e-3
    assert np.abs(lengths(poses.positions) - lengths(REST)).max() < 1e-9


def test_all_goals_of_a_pose_are_met_together(model):
    pose = bodies.poses(8, 1)[0]
    poses = sample_poses(model, {name: pose[JOINTS.index(name)] for name in GOALS}, seed=1)
    assert poses.error[0] < 5e-3


def test_a_goal_out_of_reach_is_pointed_at_and_its_miss_is_told(model):
    goal = np.array([2.0, 0.2, 1.2])
    poses = sample_poses(model, {"Hips": (0.0, 0.0, 0.9), "LeftHand": goal})
    shoulder, hand = (poses.positions[:, JOINTS.index(name)] for name in ("LeftUpperArm", "LeftHand"))
    miss = np.linalg.norm(hand - goal, axis=-1)
    assert np.allclose(poses.error, miss) and miss.min() > 0.5
    assert np.allclose(np.cross(hand - shoulder, goal - shoulder), 0.0, atol=1e-6)
    assert np.allclose(poses.positions[:, 0], (0.0, 0.0, 0.9))


def test_a_hand_far_from_the_origin_brings_the_body_along(model):
    poses = sample_poses(model, {"RightHand": (5.0, 3.0, 1.0)})
    assert poses.error[:FIRST].max() < 1e-3


def test_goals_and_heading_turned_together_turn_the_poses(model):
    goals = {"LeftHand": np.array([0.4, 0.2, 1.1]), "RightFoot": np.array([0.1, -0.1, 0.09])}
    turn = rot.from_axis_angle((0.0, 0.0, 1.0), np.array(1.1))
    here = sample_poses(model, goals, count=16, seed=3, origin=(0.0, 0.0))
    there = sample_poses(model, {k: rot.rotate(turn, g) for k, g in goals.items()}, count=16, seed=3, heading=1.1)
    assert np.allclose(there.positions, rot.rotate(turn, here.positions), atol=1e-6)
    assert np.allclose(there.log_weight, here.log_weight, atol=1e-4)


def test_the_first_poses_differ_and_the_better_come_first(model):
    poses = sample_poses(model, {"LeftHand": (0.4, 0.2, 1.1)}, seed=4)
    first = poses.positions[:FIRST]
    between = np.linalg.norm(first[:, None] - first, axis=-1).mean(axis=-1)
    assert between[~np.eye(FIRST, dtype=bool)].min() > 0.05
    assert np.all(np.diff(poses.log_weight[:FIRST]) <= 0) and np.all(np.diff(poses.log_weight[FIRST:]) <= 0)


def test_the_same_seed_gives_the_same_poses_and_another_gives_others(model):
    one, two, other = (sample_poses(model, {"Head": (0.0, 0.0, 1.4)}, count=8, seed=s).positions for s in (5, 5, 6))
    assert np.array_equal(one, two) and not np.allclose(one, other)


@pytest.mark.parametrize("spine", [0, 1, 3])
def test_a_rig_of_other_proportions_meets_the_goals_when_keyed(model, spine):
    goals = {"LeftHand": (0.4, 0.2, 1.1), "RightFoot": (0.1, -0.1, 0.13), "Hips": (0.0, 0.0, 0.95)}
    poses = sample_poses(model, goals, count=8)
    rng = np.random.default_rng(spine)
    rig, mapping = bodies.rig(1.1 * bodies.rest(rng.uniform(0.9, 1.1, 20), 0.8, heading=-1.5), rng, spine)
    keys, miss = pose_keys(poses.positions, goals, rig, mapping, REST)
    reached = rig_positions(rig, keys, mapping)
    found = [np.linalg.norm(reached[:, JOINTS.index(name)] - goal, axis=-1) for name, goal in goals.items()]
    assert np.allclose(np.max(found, axis=0), miss, atol=1e-9)
    assert miss.max() < 1e-3
    assert np.abs(np.linalg.norm(reached - poses.positions, axis=-1)).max() < 0.3


@pytest.mark.parametrize("goals, message", [
    ({"Tail": (0, 0, 0)}, "no goal for 'Tail'"),
    ({"Head": (0.0, np.nan, 1.0)}, "goal of Head must be three finite numbers"),
    ({"Head": (0.0, 1.0)}, "goal of Head must be three finite numbers"),
])  # fmt: skip
def test_a_goal_that_makes_no_sense_is_refused(model, goals, message):
    with pytest.raises(ValueError, match=message):
        sample_poses(model, goals)


def test_a_model_of_something_else_is_refused(model):
    with pytest.raises(ValueError, match="choose a pose model"):
        sample_poses(replace(model, features={"kind": "locomotion"}), {})
