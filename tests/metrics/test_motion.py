# SPDX-License-Identifier: Apache-2.0
"""Figures of motions whose slide, jerk and height are known in closed form."""

import numpy as np
import pytest

from drmm_engine.metrics import motion
from drmm_engine.motion.skeleton import JOINTS

RATE = 30.0
TIME = np.arange(90) / RATE


def everywhere(path):
    """All joints on one path [frames, 3]."""
    return np.repeat(np.stack(path, axis=-1)[:, None], len(JOINTS), axis=1)


def test_feet_that_stand_do_not_slide_and_feet_that_glide_slide_at_their_speed():
    np.testing.assert_array_equal(motion.foot_slide(everywhere([0 * TIME, 0 * TIME, 0 * TIME]), 0.0, RATE), 0.0)
    gliding = motion.foot_slide(everywhere([0.3 * TIME, 0.4 * TIME, 0 * TIME + 0.04]), 0.03, RATE)
    np.testing.assert_allclose(gliding, 0.5)
    assert len(gliding) == 2 * 89


def test_lifted_feet_do_not_count():
    lifted = np.arange(90) // 15 % 2 == 1
    steps = motion.foot_slide(everywhere([TIME, 0 * TIME, 0.1 * lifted]), 0.0, RATE)
    assert len(steps) == 2 * 3 * 14


def test_jerk_is_the_third_derivative():
    assert motion.mean_jerk(everywhere([5 * TIME, 9 * TIME**2, 0 * TIME]), RATE) == pytest.approx(0.0, abs=1e-6)
    assert motion.mean_jerk(everywhere([TIME**3, 0 * TIME, 2 * TIME**3]), RATE) == pytest.approx(6 * np.sqrt(5))


def test_heights_of_the_hips_are_shares_of_their_rest():
    rest = everywhere([np.zeros(1), np.zeros(1), np.full(1, 0.8)])[0]
    low, high = motion.hips_range(everywhere([TIME, TIME, 0.8 + 0.2 * np.sin(TIME * np.pi)]), rest)
    assert (low, high) == pytest.approx((0.75, 1.25), abs=1e-3)


def test_acceleration_and_jerk_are_lengths_of_differences_of_every_joint():
    path = everywhere([TIME**3, 0 * TIME, 2 * TIME**2])
    middle = 6 * TIME[1:-1]
    np.testing.assert_allclose(motion.accelerations(path, RATE)[:, 7], np.hypot(middle, 4.0), atol=1e-8)
    np.testing.assert_allclose(motion.jerks(path, RATE), 6.0, atol=1e-5)


def test_depth_is_of_toes_alone_and_never_negative():
    path = everywhere([TIME, 0 * TIME, 0.05 - 0.1 * TIME])
    np.testing.assert_allclose(motion.foot_depth(path, 0.04)[:, 1], np.maximum(0.1 * TIME - 0.01, 0.0), atol=1e-12)
    path[:, 15] = path[:, 19] = 1.0
    assert motion.foot_depth(path, 0.04).max() == 0.0


def test_a_path_of_a_circle_is_its_length_and_sway_within_a_stride_does_not_lengthen_it():
    circle = everywhere([np.cos(TIME), np.sin(TIME), 0 * TIME])
    assert motion.path_length(circle) == pytest.approx(TIME[-1], rel=2e-3)
    shaken = everywhere([TIME, 0.02 * (np.arange(90) % 5 == 2), 0 * TIME])
    assert motion.path_length(shaken) == pytest.approx(TIME[-1])


def test_the_longest_time_still_is_that_of_the_longest_stop():
    moves = np.repeat([0.05, 0.0, 0.05, 0.0, 0.05], [20, 20, 10, 35, 15])  # metres a frame
    way = np.concatenate([[0.0], np.cumsum(moves)])
    still = np.stack([way, 0 * way, 0 * way], axis=-1)[:, None].repeat(len(JOINTS), 1)
    assert motion.longest_still(still, RATE) == pytest.approx(35 / RATE)
    assert motion.longest_still(everywhere([TIME, 0 * TIME, 0 * TIME]), RATE) == 0.0


def test_frames_that_no_body_shows_are_told():
    rest = np.zeros((len(JOINTS), 3))
    rest[0, 2] = 1.0
    path = everywhere([TIME, 0 * TIME, 1 + 0 * TIME])
    assert not motion.broken(path, rest, RATE).any()
    path[10:12, 0, 2], path[30, 11, 0], path[50, 3, 1] = 0.4, 7.0, np.nan
    assert set(np.flatnonzero(motion.broken(path, rest, RATE))) == {10, 11, 12, 30, 31, 50, 51}  # and the jump back
