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
