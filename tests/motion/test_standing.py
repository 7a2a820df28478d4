# SPDX-License-Identifier: Apache-2.0
"""Steps into a stand, standing, and ducking, on the procedural gait's body."""

import numpy as np
import pytest

from drmm_engine.motion.bones import bone_lengths
from drmm_engine.motion.duck import bent
from drmm_engine.motion.features import to_world
from drmm_engine.motion.rest import rest_pose
from drmm_engine.motion.skeleton import TOES, index
from drmm_engine.motion.standing import Stand, step_in
from tests.gait import walk_clip
from tests.motion.locomotion import gait_model


@pytest.fixture(scope="module")
def clip():
    return walk_clip(6.0, speed=1.0, turn_rate=0.3, seed=0)


@pytest.fixture(scope="module")
def stand():
    return Stand(gait_model((8,)), 0)


@pytest.mark.parametrize("frame", [40, 46, 52, 58])
def test_a_step_in_ends_in_the_pose_at_rest_and_begins_smoothly(clip, stand, frame):
    history = clip[frame - 10 : frame]
    ahead = history[-1, 0, :2] + 10 * (history[-1, 0, :2] - history[-2, 0, :2])
    end = stand.pose(ahead, 0.3)
    path = step_in(history, end, stand.lengths)
    np.testing.assert_allclose(path[-1], end)
    whole = np.concatenate([history, path])
    assert np.linalg.norm(np.diff(path[-4:, 0], axis=0), axis=-1).max() < 0.01  # slow at the end
    steps = np.linalg.norm(np.diff(whole[:, 0], axis=0), axis=-1)
    assert np.abs(np.diff(steps)).max() < 0.015  # the hips change their speed by less than 0.45 m/s in a frame
    np.testing.assert_allclose(bone_lengths(path[:-1]), np.tile(stand.lengths, (len(path) - 1, 1)), atol=1e-9)
    assert path[:, TOES, 2].min() > end[TOES, 2].min() - 0.03


def test_it_does_not_matter_where_and_which_way(clip, stand):
    history, end = clip[30:40], stand.pose(clip[39, 0, :2] + 0.3, 0.5)
    moved = [to_world(x, np.array([3.0, -1.0]), np.array(2.0)) for x in (history, end[None])]
    path = to_world(step_in(history, end, stand.lengths), np.array([3.0, -1.0]), np.array(2.0))
    np.testing.assert_allclose(step_in(moved[0], moved[1][0], stand.lengths), path, atol=1e-9)


def test_who_stands_sways_over_feet_that_stay(stand):
    pose = stand.pose(np.array([1.0, 2.0]), 0.7)
    path = stand.living(pose, 90)
    feet = [index(f"{side}{part}") for side in ("Left", "Right") for part in ("Foot", "Toes")]
    assert np.abs(path[:, feet] - pose[feet]).max() < 1e-3
    assert 1e-3 < np.ptp(path[:, 0, :2], axis=0).max() < 0.03
    np.testing.assert_allclose(path[-1], pose, atol=1e-3)


def test_heads_go_down_by_what_is_asked_over_feet_that_stay(clip):
    rest = rest_pose(clip)
    lengths, head = bone_lengths(rest), index("Head")
    frames = np.repeat(rest[None], 4, axis=0)
    drops = np.array([0.0, 0.1, 0.25, 0.4])
    low = bent(frames, drops, lengths, 0.6 * rest[0, 2])
    np.testing.assert_allclose(frames[:, head, 2] - low[:, head, 2], drops, atol=0.01)
    np.testing.assert_allclose(low[:, TOES], frames[:, TOES], atol=0.01)
    np.testing.assert_allclose(bone_lengths(low), np.tile(lengths, (4, 1)), atol=1e-9)
    assert np.all(np.diff(low[:, 0, 2]) < 0)
    knees = [index("LeftLowerLeg"), index("RightLowerLeg")]
    assert np.all(low[1:, knees, 0] > low[1:, :1, 0])  # they bend forward (the rest pose faces +x)
