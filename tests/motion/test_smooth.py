# SPDX-License-Identifier: Apache-2.0
"""Smooth curves over frames: constants stay, sums stay, and what is needed is there."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drmm_engine.motion.smooth import above, averaged

needs = st.lists(st.floats(0.0, 10.0), min_size=1, max_size=40).map(np.array)
widths = st.integers(1, 8)


@given(needs, widths)
def test_a_curve_is_nowhere_below_what_is_needed_nor_above_the_most(need, frames):
    curve = above(need, frames)
    assert np.all(curve >= need - 1e-9) and curve.max() <= need.max() + 1e-9


@given(needs, widths)
def test_the_curve_is_less_steep_than_a_jump(need, frames):
    jump = np.abs(np.diff(above(need, frames))).max(initial=0.0)
    assert jump <= np.ptp(need) * (2.0 / (frames + 1)) + 1e-9


@given(st.floats(-5, 5), widths)
def test_constants_stay(value, frames):
    assert np.allclose(averaged(np.full((12, 2), value), frames), value)


@given(widths)
def test_a_single_one_is_spread_over_the_frames_around_and_keeps_its_sum(frames):
    single = np.zeros(41)
    single[20] = 1.0
    spread = averaged(single, frames)
    assert np.isclose(spread.sum(), 1.0) and spread.argmax() == 20
    assert np.allclose(spread, spread[::-1]) and np.count_nonzero(spread > 1e-12) == 2 * frames + 1
