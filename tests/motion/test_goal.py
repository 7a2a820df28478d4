# SPDX-License-Identifier: Apache-2.0
"""Goals of one second: what is wanted, and the nearest to it within reach."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from drmm_engine.motion.directions import Target
from drmm_engine.motion.goal import Aim, bearings, eager, wanted, wanted_heading, within_reach

FAR = 10.0


def aim(angle=0.0, left=FAR, speed=1.2, stop=False, heading=None, asked=False):
    return Aim(left * np.array([np.cos(angle), np.sin(angle)]), left, speed, stop, heading, asked)


def goal(a, velocity, slack=1.0):
    return wanted(a, *bearings(a, np.zeros(2), 0.0), np.array(velocity), slack)


def angle_of(v):
    return float(np.arctan2(v[1], v[0]))


@pytest.mark.parametrize("speed", [0.4, 0.8, 1.2, 2.0])
def test_one_who_walks_as_asked_goes_on_so(speed):
    place, facing = goal(aim(speed=speed), (speed, 0.0))
    mean = speed * 31 / 60  # of the ways after 1/30, 2/30 ... 1 s
    np.testing.assert_allclose(place, (mean, 0.0), atol=1e-12)
    np.testing.assert_allclose(facing, (1.0, 0.0))


def test_one_who_is_slower_is_asked_for_more_and_one_who_was_told_a_speed_for_more_of_it():
    steady = goal(aim(), (1.2, 0.0))[0][0]
    lag, told = (goal(aim(asked=asked), (0.6, 0.0))[0][0] for asked in (False, True))
    faster = goal(aim(asked=True), (1.8, 0.0))[0][0]
    assert lag < told and faster > steady  # the velocity that it has counts, too
    assert [eager(aim(asked=True), pace) for pace in (0.6, 1.2, 1.8)] == pytest.approx([1.5, 1.2, 0.9])
    assert [eager(aim(), pace) for pace in (0.0, 9.0)] == pytest.approx([1.2 * 1.3, 0.6])


def test_one_who_stands_is_not_asked_to_run_for_having_stood_long():
    (once, _), (late, _) = (goal(aim(), (0.0, 0.0), slack) for slack in (1.0, 4.0))
    np.testing.assert_allclose(late, once)
    slow, fast = (angle_of(goal(aim(np.pi / 2), (0.0, 0.0), slack)[1]) for slack in (1.0, 4.0))
    assert slow < fast <= np.pi / 2


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_body_turns_before_the_way_does_and_never_further_than_is_asked(side):
    place, facing = goal(aim(side * np.pi / 2), (1.2, 0.0))
    way, look = side * angle_of(place), side * angle_of(facing)
    assert 0.2 < way < look + 0.15 < np.pi / 2


def test_what_lies_behind_is_walked_to_in_a_curve_and_a_side_step_is_none():
    assert goal(aim(np.pi - 0.01), (0.0, 0.0))[0][1] > 0.1
    place, facing = goal(aim(np.pi, heading=0.0), (0.0, 0.0))
    assert place[0] < -0.1 and abs(place[1]) < 1e-9 and facing[0] == pytest.approx(1.0)


@pytest.mark.parametrize(("frame", "expected"), [(0, 0.0), (4, 0.0), (5, np.pi / 2), (10, np.pi), (900, np.pi)])
def test_what_moves_is_looked_at_where_it_is_by_then(frame, expected):
    target = Target((9.0, 9.0), facing=((3.0, 1.0), (1.0, 3.0), (-3.0, 1.0)))
    found = wanted_heading(target, np.array([1.0, 1.0]), np.array([5.0, 5.0]), frame)
    assert found == pytest.approx(expected)


def test_nobody_is_sent_past_the_end_and_a_stand_is_come_to():
    assert np.linalg.norm(goal(aim(left=0.2), (1.2, 0.0))[0]) == pytest.approx(0.2)
    assert np.linalg.norm(goal(aim(left=0.5, stop=True), (1.2, 0.0))[0]) == pytest.approx(0.3)


@given(st.integers(0, 10_000), st.floats(1.0, 4.0))
def test_the_clipped_goal_is_the_nearest_within_the_ellipsoid(seed, slack):
    rng = np.random.default_rng(seed)
    goals = rng.normal(size=(64, 4)) @ rng.normal(size=(4, 4)) * 0.05 + rng.normal(size=4)
    place, facing = rng.normal(size=2) * 3, rng.normal(size=2)
    found = np.concatenate(within_reach(place, facing, goals, slack))
    middle, spread = goals.mean(0), np.cov(goals.T) + (0.02 * slack) ** 2 * np.eye(4)
    inverse = np.linalg.inv(spread)
    asked = np.concatenate([place, facing])

    def room(x):
        return (10 * slack) ** 2 - (x - middle) @ inverse @ (x - middle)

    assert room(found) >= -1e-6
    if room(asked) >= 0:
        np.testing.assert_allclose(found, asked, atol=1e-9)
        return
    assert room(found) < 0.02 * (10 * slack) ** 2
    best = minimize(lambda x: ((x - asked) ** 2).sum(), middle, constraints={"type": "ineq", "fun": room},
                    method="SLSQP", options={"maxiter": 500, "ftol": 1e-12})
    assert np.linalg.norm(found - asked) <= np.sqrt(best.fun) * 1.02 + 1e-6
