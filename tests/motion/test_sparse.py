# SPDX-License-Identifier: Apache-2.0
"""Few keys: the bound holds between them, and straight stretches need none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

from drmm_engine.motion import sparse


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(1, 5), st.floats(1e-3, 2.0))
def test_the_bound_holds(seed, count, columns, bound):
    values = np.random.default_rng(seed).standard_normal((count, columns)).cumsum(axis=0)
    kept = sparse.reduce(values, bound)
    assert kept[0] == 0 and kept[-1] == count - 1 and np.all(np.diff(kept) > 0)
    assert np.abs(sparse.between(values, kept) - values).max() <= bound


def test_straight_lines_keep_their_corners_alone():
    values = np.interp(np.arange(50), [0, 13, 30, 49], [0, 4, -2, 5])[:, None]
    assert sparse.reduce(values, 1e-9).tolist() == [0, 13, 30, 49]


def test_a_looser_bound_keeps_fewer():
    wave = np.sin(np.arange(200) / 5)[:, None]
    counts = [len(sparse.reduce(wave, bound)) for bound in (0.001, 0.01, 0.1, 3.0)]
    assert counts == sorted(counts, reverse=True) and counts[0] > 2 * counts[2] and counts[-1] == 2


def test_bounds_that_are_none_are_refused():
    with pytest.raises(ValueError, match="positive"):
        sparse.reduce(np.zeros((4, 1)), 0.0)


def test_cubics_pass_through_what_is_kept_and_are_scipy_s():
    values = np.random.default_rng(0).standard_normal((40, 3)).cumsum(axis=0)
    kept = np.array([0, 5, 6, 17, 39])
    made = sparse.smooth(values, kept)
    np.testing.assert_allclose(made[kept], values[kept], atol=1e-12)
    spline = CubicHermiteSpline(kept, values[kept], sparse.slopes(values)[kept])
    np.testing.assert_allclose(made, spline(np.arange(40)), atol=1e-9)


def test_cubics_need_fewer_keys_than_lines():
    wave = np.sin(np.arange(200) / 5)[:, None]
    kept = sparse.within(200, lambda kept: np.abs(sparse.smooth(wave, kept) - wave).max(axis=1), 0.002)
    assert np.abs(sparse.smooth(wave, kept) - wave).max() <= 0.002
    assert len(kept) < 0.5 * len(sparse.reduce(wave, 0.002))
