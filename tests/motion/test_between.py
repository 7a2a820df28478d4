# SPDX-License-Identifier: Apache-2.0
"""In-betweens on a model of the procedural gait: they end as asked, begin smoothly, and stay whole."""

import numpy as np
import pytest

from drmm_engine.motion.between import between, between_steps
from drmm_engine.motion.controller import Target, walk
from drmm_engine.motion.standing import Stand
from tests.motion.locomotion import gait_model


@pytest.fixture(scope="module")
def model():
    return gait_model()


@pytest.fixture(scope="module")
def positions(model):
    return np.concatenate([b.positions for b in walk(model, [Target((6.0, 1.0))], 5.0, seed=1, candidates=64)])


def fastest(*parts):
    return np.linalg.norm(np.diff(np.concatenate(parts), axis=0), axis=-1).max()


def test_a_stretch_is_made_again_between_frames_that_stay(model, positions):
    history, end, after = positions[40:50], positions[100:110], positions[110:]
    again = between(model, history, end, 60, seed=5)
    assert again.shape == (60, 20, 3)
    np.testing.assert_array_equal(again[-10:], end)
    assert fastest(history, again, after) < 1.6 * fastest(positions)
    assert np.abs(again[:40] - positions[50:90]).max() > 0.01  # another motion
    np.testing.assert_array_equal(between(model, history, end, 60, seed=5), again)


def test_it_comes_to_rest_in_one_pose(model, positions):
    history = positions[40:50]
    pose = Stand(model, 0).pose(history[-1, 0, :2] + (1.8, 0.4), 0.6)
    path = between(model, history, pose[None], 90, seed=1)
    np.testing.assert_array_equal(path[-1], pose)
    assert fastest(path[-4:]) < 0.03
    assert fastest(history, path) < 0.4


def test_what_is_near_is_stepped_to_and_waited_in(model, positions):
    history = positions[40:50]
    pose = Stand(model, 0).pose(history[-1, 0, :2] + (0.2, 0.0), 0.3)
    path = between(model, history, pose[None], 120, seed=1)
    assert len(path) == 120 and fastest(path[60:]) < 0.02
    np.testing.assert_array_equal(path[-1], pose)


def test_a_decision_at_a_time_it_is_the_same(model, positions):
    told, work = [], between_steps(model, positions[40:50], positions[100:101], 40, 5)
    with pytest.raises(StopIteration) as done:
        while True:
            told.append(next(work))
    assert len(told) >= 8 and told == sorted(told) and 0 < told[0] < 0.3 and told[-1] == 1
    np.testing.assert_array_equal(done.value.value, between(model, positions[40:50], positions[100:101], 40, seed=5))


@pytest.mark.parametrize(("history", "end", "frames", "said"), [
    (np.zeros((9, 20, 3)), np.zeros((1, 20, 3)), 30, "history must be"),
    (np.zeros((10, 20, 3)), np.zeros((20, 3)), 30, "end must be poses"),
    (np.zeros((10, 20, 3)), np.full((1, 20, 3), np.nan), 30, "finite"),
    (np.zeros((10, 20, 3)), np.zeros((10, 20, 3)), 10, "frames must be more than the 10"),
])
def test_what_is_no_stretch_is_refused(model, history, end, frames, said):
    with pytest.raises(ValueError, match=said):
        between(model, history, end, frames)
