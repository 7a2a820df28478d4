# SPDX-License-Identifier: Apache-2.0
"""Turns on the foot that stands: rigid, about a toe that stays, gentle at first, and no more than is wanted."""

import numpy as np
import pytest

from drmm_engine.body.rotations import Array
from drmm_engine.motion.bones import bone_lengths
from drmm_engine.motion.features import NEXT, placement, to_local
from drmm_engine.motion.skeleton import TOES
from drmm_engine.motion.turning import pivoted
from tests.gait import walk_clip


@pytest.fixture(scope="module")
def poses() -> Array:
    """Five next frames `[n, 5, 20, 3]` of a walk, from every frame of two seconds."""
    clip = walk_clip(4.0, speed=1.0, seed=0)
    return np.stack([to_local(clip[k : k + NEXT], *placement(clip[k - 1])) for k in range(30, 90)])


def headings(poses: Array) -> Array:
    return np.unwrap(placement(poses)[1], axis=-1)


@pytest.mark.parametrize("bearing", [1.5, -1.5, 3.1, -3.1])
def test_they_turn_towards_it_and_keep_their_shape_and_heights(poses, bearing):
    out = pivoted(poses, bearing)
    turn = headings(out)[:, -1] - headings(poses)[:, -1]
    np.testing.assert_allclose(np.sign(bearing) * turn, 0.3, atol=1e-6)  # the walk itself does not turn at all
    np.testing.assert_allclose(bone_lengths(out), bone_lengths(poses), atol=1e-9)
    np.testing.assert_allclose(out[..., 2], poses[..., 2])


def test_the_toe_that_stands_stays_where_it_would_have_been(poses):
    out = pivoted(poses, 2.0)
    low = poses[:, :, TOES, 2].mean(axis=1)
    lower, sure = low.argmin(axis=1), np.abs(np.diff(low, axis=1))[:, 0] > 0.05
    before, after = (np.stack([p[k, :, TOES[lower[k]], :2] for k in range(len(p))])[sure] for p in (poses, out))
    assert sure.sum() > 20
    np.testing.assert_allclose(after[:, 0], before[:, 0], atol=2e-3)
    moved = np.linalg.norm(after - before, axis=-1).max()
    assert moved < 0.03  # as far as the toe itself moves in a sixth of a second, turned


def test_it_sets_in_gently(poses):
    turns = headings(pivoted(poses, 2.0)) - headings(poses)
    steps = np.diff(turns, axis=1, prepend=0.0)
    assert np.all(steps[:, 0] < 0.2 * steps[:, -1]) and np.all(np.diff(steps, axis=1) > 0)


@pytest.mark.parametrize("bearing", [0.0, 0.5, -0.69])
def test_what_lies_ahead_is_left_to_the_model(poses, bearing):
    assert pivoted(poses, bearing) is poses


def test_one_who_turns_enough_is_left_alone(poses):
    part = np.arange(1, NEXT + 1) / NEXT
    angle = 0.9 * part
    c, s = np.cos(angle)[None, :, None], np.sin(angle)[None, :, None]
    turned = np.stack([c * poses[..., 0] - s * poses[..., 1], s * poses[..., 0] + c * poses[..., 1], poses[..., 2]], -1)
    more = headings(pivoted(turned, 1.5))[:, -1] - headings(turned)[:, -1]
    assert np.all(more < 0.01)  # it is asked for 25 degrees in a sixth of a second, and these turn by more
