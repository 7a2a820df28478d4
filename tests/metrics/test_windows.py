# SPDX-License-Identifier: Apache-2.0
"""Rows of windows see how a body moves, not where it is or which way it goes."""

import numpy as np
import pytest

from drmm_engine.metrics.windows import JOINTS, described, sampled
from drmm_engine.motion.features import to_world, windows
from tests import gait


def test_place_and_direction_do_not_matter():
    part = windows(gait.walk_clip(3.0, turn_rate=0.4), 10)
    moved = to_world(part, np.tile([3.0, -2.0], (len(part), 1)), np.full(len(part), 1.1))
    np.testing.assert_allclose(described(moved), described(part), atol=1e-9)


def test_a_row_s_distance_is_the_joints():
    part = windows(gait.walk_clip(2.0))
    raised = part + (0.0, 0.0, 0.1)
    rows, others = described(part), described(raised)
    assert np.sqrt(((others - rows) ** 2).sum(1) / (10 * len(JOINTS))) == pytest.approx(np.full(len(part), 0.1))


def test_windows_are_drawn_by_speed_and_at_most_so_many():
    slow, fast = gait.walk_clip(4.0, speed=0.8), gait.walk_clip(4.0, speed=1.8)
    chosen = sampled([slow, fast], 1000, np.random.default_rng(0), (1.5, 2.2))
    np.testing.assert_array_equal(chosen, windows(fast, 2))
    assert len(sampled([slow, fast], 7, np.random.default_rng(0))) == 7
