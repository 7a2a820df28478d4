# SPDX-License-Identifier: Apache-2.0
"""The controller on a model of the procedural gait: it arrives, stays whole, continues, repeats, and refuses."""

import numpy as np
import pytest

from drmm_engine.motion.bones import bone_lengths
from drmm_engine.motion.controller import REACHED, Controller, Target, walk
from tests.motion.locomotion import gait_model


@pytest.fixture(scope="module")
def model():
    return gait_model()


@pytest.fixture(scope="module")
def blocks(model):
    return list(walk(model, [Target((2.5, 0.5)), Target((3.5, 3.0))], seconds=30.0, seed=1, candidates=64))


def test_it_reaches_its_targets_in_order(blocks):
    reached = [block.target for block in blocks if block.reached]
    assert reached == [0, 1]
    assert blocks[-1].reached and len(blocks) < 180
    for block, place in zip([b for b in blocks if b.reached], [(2.5, 0.5), (3.5, 3.0)], strict=True):
        assert np.linalg.norm(block.positions[:, 0, :2] - place, axis=-1).min() < REACHED


def test_bones_keep_their_lengths_and_nothing_jumps(model, blocks):
    positions = np.concatenate([block.positions for block in blocks])
    lengths = bone_lengths(np.array(model.skeleton["rest"]))
    np.testing.assert_allclose(bone_lengths(positions), np.tile(lengths, (len(positions), 1)), atol=1e-9)
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=-1)
    assert steps.max() < 0.25  # a swinging foot makes 13 cm a frame
    rest = model.skeleton["rest"][0][2]
    assert 0.5 * rest < positions[:, 0, 2].min() and positions[:, 0, 2].max() < 1.3 * rest


def test_the_same_seed_walks_the_same_way(model, blocks):
    again = walk(model, [Target((2.5, 0.5)), Target((3.5, 3.0))], seconds=30.0, seed=1, candidates=64)
    for _ in range(5):
        np.testing.assert_array_equal(next(again).positions, blocks[_].positions)


def test_place_and_heading_of_the_start_only_move_the_walk(model):
    first = next(walk(model, [Target((3.0, 0.0))], seed=2, candidates=32)).positions
    moved = next(walk(model, [Target((5.0, 4.0))], seed=2, candidates=32, start=(5.0, 1.0),
                      heading=np.pi / 2)).positions
    turned = np.stack([5.0 - first[..., 1], 1.0 + first[..., 0], first[..., 2]], axis=-1)
    np.testing.assert_allclose(moved, turned, atol=1e-6)


def test_a_walk_goes_on_from_its_history(model, blocks):
    history = np.concatenate([block.positions for block in blocks[:4]])[-10:]
    first = next(walk(model, [Target((3.5, 3.0))], candidates=64, history=history)).positions
    assert np.linalg.norm(first[0] - history[-1], axis=-1).max() < 0.2


def test_the_time_limit_holds(model):
    assert len(list(walk(model, [Target((90.0, 0.0))], seconds=1.0, candidates=8))) == 6


@pytest.mark.parametrize(("targets", "options", "said"), [
    ([], {}, "no target"),
    ([Target((0.2, 0.1))], {}, "target 1 is where the character stands"),
    ([Target((2.0, 0.0)), Target((np.nan, 0.0))], {}, "target 2 is not a place"),
    ([Target((2.0, 0.0))], {"seconds": 0.0}, "seconds must be positive"),
])
def test_what_cannot_be_walked_is_refused_at_once(model, targets, options, said):
    with pytest.raises(ValueError, match=said):
        walk(model, targets, **options)


def test_another_kind_of_model_is_refused(model):
    from dataclasses import replace

    with pytest.raises(ValueError, match="not a locomotion model"):
        walk(replace(model, features={"kind": "pose"}), [Target((2.0, 0.0))])
    with pytest.raises(ValueError, match="train it again"):
        walk(replace(model, features={"kind": "locomotion"}), [Target((2.0, 0.0))])
    with pytest.raises(ValueError, match="history must be"):
        Controller(model, np.zeros((3, 20, 3)))
