# SPDX-License-Identifier: Apache-2.0
"""A motion that is there is held as likely as when it was made, and a broken one less."""

import numpy as np
import pytest

from drmm_engine.motion.controller import Target, walk
from drmm_engine.motion.familiar import plausibility
from drmm_engine.motion.features import HISTORY
from tests.motion.locomotion import gait_model


@pytest.fixture(scope="module")
def made():
    model = gait_model((48, 48))
    blocks = list(walk(model, [Target((8.0, 0.0))], 4.0, seed=3))
    return model, np.concatenate([block.positions for block in blocks]), [block.plausibility for block in blocks]


def test_frames_are_as_plausible_as_their_blocks_said(made):
    model, positions, said = made
    values = plausibility(model, positions)
    assert np.isnan(values[:HISTORY]).all() and np.isfinite(values[HISTORY:]).all()
    np.testing.assert_array_equal(values[HISTORY::5], values[HISTORY + 4 :: 5])
    np.testing.assert_allclose(values[HISTORY::5], said[2:], atol=3.0)


def test_where_and_which_way_it_walks_does_not_matter(made):
    model, positions, _ = made
    turned = positions @ np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) + (3.0, -7.0, 0.0)
    values, expected = plausibility(model, turned), plausibility(model, positions)
    np.testing.assert_allclose(values[HISTORY:], expected[HISTORY:], atol=0.05)


def test_a_broken_stretch_is_less_plausible_than_the_rest(made):
    model, positions, _ = made
    broken = positions.copy()
    broken[40:60] += np.random.default_rng(0).normal(scale=0.1, size=(20, 20, 3))
    values, whole = plausibility(model, broken), plausibility(model, positions)
    assert values[50:60].max() < whole[HISTORY:].min() - 20
    np.testing.assert_allclose(values[HISTORY:40], whole[HISTORY:40], atol=1e-6)


def test_a_motion_that_is_too_short_tells_nothing(made):
    model, positions, _ = made
    assert np.isnan(plausibility(model, positions[:7])).all() and len(plausibility(model, positions[:7])) == 7
