# SPDX-License-Identifier: Apache-2.0
"""A cycle closes, repeats straight on, and is the period of what it was cut from."""

import numpy as np
import pytest

from drmm_engine.body import rotations as rot
from drmm_engine.motion import cycle, skeleton
from drmm_engine.motion.features import placement
from tests.motion import bodies

PERIOD = 32


def walk(count: int = 150, turn: float = 0.0, still: int = 0):
    """A body that swings its legs with a period of 32 frames and goes on at a hand's breadth a frame."""
    phase = 2 * np.pi * np.maximum(np.arange(count) - still, 0) / PERIOD
    body = np.tile(bodies.rest(arms_down=1.2), (count, 1, 1))
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        leg = [skeleton.index(side + part) for part in ("LowerLeg", "Foot", "Toes")]
        body[:, leg, 0] += sign * np.sin(phase)[:, None] * (0.1, 0.25, 0.25)
        body[:, leg, 2] += np.maximum(sign * np.cos(phase), 0.0)[:, None] * (0.02, 0.08, 0.1)
    heading = turn * np.maximum(np.arange(count) - still, 0)
    step = 0.04 * (np.arange(count) > still)[:, None] * np.stack([np.cos(heading), np.sin(heading), 0 * heading], 1)
    turned = rot.rotate(rot.from_axis_angle((0, 0, 1), heading)[:, None], body)
    return turned + step.cumsum(axis=0)[:, None]


@pytest.mark.parametrize("turn", [0.0, 0.01])
def test_the_period_is_found_and_the_ends_are_the_same(turn):
    made, _ = cycle.loop(walk(turn=turn))
    assert (len(made) - 1) % PERIOD == 0
    moved = made[-1] - made[0]
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-9)
    assert np.linalg.norm(moved[0]) == pytest.approx(0.04 * (len(made) - 1), rel=0.05) and abs(moved[0, 2]) < 1e-9


def test_copies_walk_straight_on_without_a_jump():
    made, _ = cycle.loop(walk(turn=0.01))
    twice = np.concatenate([made[:-1], made + (made[-1, 0] - made[0, 0])])
    steps = np.linalg.norm(np.diff(twice, axis=0), axis=-1).max(axis=1)
    assert steps[len(made) - 2 : len(made) + 1].max() < 1.1 * steps.max()
    _, headings = placement(twice)
    assert abs(headings[-1] - headings[0]) < 1e-9


def test_in_place_it_stays():
    made, _ = cycle.loop(walk(), in_place=True)
    np.testing.assert_allclose(made[-1], made[0], atol=1e-9)
    assert np.ptp(made[:, 0, 0]) < 0.03


def test_standing_is_no_cycle():
    _, first = cycle.loop(walk(still=80))
    assert first >= 70


def test_too_little_motion_is_refused():
    with pytest.raises(ValueError, match="frames of motion"):
        cycle.loop(walk(10))
    with pytest.raises(ValueError, match="stands still"):
        cycle.loop(np.tile(bodies.rest(), (90, 1, 1)))
