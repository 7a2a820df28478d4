# SPDX-License-Identifier: Apache-2.0
"""Directions on a model of the procedural gait: stops, waits, times, speeds, rooms, and characters that keep apart."""

import numpy as np
import pytest

from drmm_engine.motion.controller import POOR, Errand, Target, walk, walk_together
from drmm_engine.motion.features import to_world
from drmm_engine.motion.room import Box, Ceiling, Wall
from drmm_engine.motion.skeleton import TOES, index
from tests.motion.locomotion import gait_model
from tests.motion.test_room import placed


@pytest.fixture(scope="module")
def model():
    return gait_model()


def made(blocks):
    blocks = list(blocks)
    return blocks, np.concatenate([block.positions for block in blocks])


def test_it_stops_at_the_place_and_stands_still(model):
    blocks, positions = made(walk(model, [Target((2.0, 0.3), stop=True)], 15.0, seed=1, candidates=48))
    assert blocks[-1].reached
    np.testing.assert_allclose(positions[-1, 0, :2], (2.0, 0.3), atol=0.01)
    assert np.linalg.norm(positions[-1] - positions[-2], axis=-1).max() < 0.01
    assert blocks[-1].contacts[-1].all()
    assert np.linalg.norm(np.diff(positions, axis=0), axis=-1).max() < 0.4


def test_it_waits_as_long_as_it_is_told_and_goes_on(model):
    targets = [Target((1.5, 0.0), wait=1.0), Target((3.5, 0.0))]
    blocks, positions = made(walk(model, targets, 20.0, seed=2, candidates=48))
    assert [block.target for block in blocks if block.reached] == [0, 1]
    arrived = next(k for k, block in enumerate(blocks) if block.reached)
    left = next(k for k, block in enumerate(blocks) if block.target == 1)
    assert 1.0 <= 5 * (left - arrived) / 30 <= 1.4
    assert np.ptp(positions[5 * arrived + 5 : 5 * left, 0, :2], axis=0).max() < 0.03
    assert np.linalg.norm(np.diff(positions, axis=0), axis=-1).max() < 0.4


@pytest.mark.parametrize(("seconds", "stop"), [(4.0, False), (7.0, False), (5.0, True)])
def test_it_arrives_in_time(model, seconds, stop):
    blocks = list(walk(model, [Target((3.0, 0.0), arrive=seconds, stop=stop)], 12.0, seed=3, candidates=64))
    assert blocks[-1].reached and round(abs(30 * blocks[-1].late), 6) <= 5


def test_too_short_a_time_is_said(model):
    blocks = list(walk(model, [Target((4.0, 0.0), arrive=0.5)], 20.0, seed=3, candidates=48))
    assert blocks[-1].late > 1.0


def test_heads_keep_below_a_ceiling(model):
    keep = [Ceiling(1.3)]
    _, positions = made(walk(model, [Target((3.0, 0.0))], 10.0, seed=4, candidates=48, keep=keep))
    assert np.mean(positions[:, index("Head"), 2] <= 1.3) > 0.99
    assert positions[:, TOES, 2].min() > -0.05


def test_it_walks_round_a_box_and_stays_before_a_wall(model):
    keep = [Box(placed((2.0, 0.0, 0.5), (0.4, 0.6, 0.5)), False), Wall((0.0, 1.0, 0.0), 0.5)]
    blocks, positions = made(walk(model, [Target((4.0, 0.0))], 25.0, seed=5, candidates=64, keep=keep))
    assert blocks[-1].reached
    assert min(each.clearance(positions[:, 0]).min() for each in keep) > 0


def test_turned_and_moved_rooms_only_move_the_walk(model):
    keep = Box(placed((2.0, 0.1, 0.5), (0.4, 0.6, 0.5)), False)
    turn = placed((5.0, 1.0, 0.0), turn=np.pi / 2)
    _, first = made(walk(model, [Target((4.0, 0.0))], 2.0, seed=6, candidates=32, keep=[keep]))
    _, moved = made(walk(model, [Target((5.0, 5.0))], 2.0, seed=6, candidates=32, keep=[Box(turn @ keep.matrix, False)],
                         start=(5.0, 1.0), heading=np.pi / 2))
    # in single precision a rounding may choose another candidate, at most after some decisions
    np.testing.assert_allclose(moved[:15], to_world(first, np.array([5.0, 1.0]), np.array(np.pi / 2))[:15], atol=1e-4)


def test_two_who_walk_towards_each_other_keep_apart(model):
    errands = [Errand([Target((3.5, 0.0))]), Errand([Target((0.0, 0.0))], (3.5, 0.0), np.pi)]
    steps = [s for s in walk_together(model, errands, 6.0, seed=1, candidates=48) if None not in s]
    one, other = (np.concatenate([step[k].positions[:, 0, :2] for step in steps]) for k in (0, 1))
    assert np.linalg.norm(one - other, axis=-1).min() > 0.3


def test_one_alone_is_the_same_in_a_crowd_of_one(model):
    alone = list(walk(model, [Target((2.0, 0.0))], 2.0, seed=7, candidates=32))
    (crowd,) = zip(*walk_together(model, [Errand([Target((2.0, 0.0))])], 2.0, 7, 32), strict=True)
    for a, b in zip(alone, crowd, strict=True):
        np.testing.assert_array_equal(a.positions, b.positions)


def test_blocks_say_what_is_plausible_within_reach_and_on_the_floor(model):
    blocks = list(walk(model, [Target((3.0, 0.0))], 3.0, seed=8, candidates=48))
    assert np.median([block.plausibility for block in blocks]) > POOR
    for block, later in zip(blocks[3:], blocks[6:], strict=False):
        mean, covariance = block.reach
        off = later.positions[:, 0, :2].mean(axis=0) - mean
        assert np.linalg.norm(off) < 0.5 and np.linalg.eigvalsh(covariance).min() > -1e-12
    assert np.concatenate([block.contacts for block in blocks]).any(axis=1).mean() > 0.7


@pytest.mark.parametrize(("targets", "options", "said"), [
    ([Target((2.0, 0.0))], {"keep": [Box(placed((2.0, 0.0, 0.5)), False)]}, "target 1 is out of bounds"),
    ([Target((2.0, 0.0))], {"keep": [Box(np.eye(3), False)]}, "room 1 is not"),
    ([Target((2.0, 0.0), style="drunk")], {}, "target 1: this model has no style 'drunk'; it has none"),
])
def test_what_cannot_be_kept_to_is_refused(model, targets, options, said):
    with pytest.raises(ValueError, match=said):
        walk(model, targets, **options)


def test_of_several_the_character_is_named(model):
    with pytest.raises(ValueError, match="character 2: no target"):
        walk_together(model, [Errand([Target((2.0, 0.0))]), Errand([])])
    with pytest.raises(ValueError, match="no character"):
        walk_together(model, [])
