# SPDX-License-Identifier: Apache-2.0
"""How fast to walk to be in time: a steady walker who does as it is told arrives when it should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drmm_engine.motion.directions import Target
from drmm_engine.motion.features import NEXT
from drmm_engine.motion.pace import EARLY, FASTEST, SLOWEST, pace

STEP = NEXT / 30  # s between two decisions


def simulated(distance, seconds, target, lag=0.35):
    """When one whose speed comes to what it is told within `lag` (s) enters the ring to stay there, and how deep the
    ring is when it is time."""
    time, left, speed, held = 0.0, distance, 0.0, 0.0
    while time < seconds:
        told, hold = pace(target, left, 0.0, seconds - time, speed < 0.05)
        held += STEP if hold else 0.0
        speed += (told - speed) * min(1.0, STEP / lag)
        left, time = max(left - speed * STEP, 0.0), time + STEP
    return left, held


@given(st.floats(1.0, 8.0), st.floats(0.6, 1.4))
def test_a_walker_with_inertia_is_within_the_ring_in_time(distance, speed):
    target = Target((distance, 0.0), arrive=1.0)
    left, _ = simulated(distance, distance / speed + 1.0, target)
    assert left <= target.radius


@given(st.floats(1.0, 4.0), st.floats(6.0, 20.0))
def test_one_with_much_time_waits_where_it_stands_and_then_walks(distance, spare):
    left, held = simulated(distance, distance + spare, Target((distance, 0.0), arrive=1.0))
    assert held > spare - 2.0 and left <= 0.5


@given(st.floats(0.0, 20.0), st.floats(-np.pi, np.pi), st.floats(-5.0, 30.0), st.booleans(), st.booleans())
def test_speeds_are_a_person_s_and_a_hold_is_no_longer_than_the_time(left, turn, seconds, standing, stop):
    speed, hold = pace(Target((1.0, 0.0), stop=stop), left, turn, seconds, standing)
    assert (hold == 0 and SLOWEST <= speed <= FASTEST) or (speed == 0 and 0 < hold <= seconds)


def test_nobody_sprints_for_a_metre_and_one_who_is_late_hurries():
    target = Target((1.0, 0.0))
    assert pace(target, 1.0, 0.0, 0.1, False)[0] < 1.6
    assert pace(target, 10.0, 0.0, 0.1, False)[0] == FASTEST


@pytest.mark.parametrize("turn", [np.pi / 2, -np.pi])
def test_one_who_has_to_turn_sets_off_sooner(turn):
    target = Target((1.0, 0.0))
    assert pace(target, 2.0, turn, 8.0, True)[1] < pace(target, 2.0, 0.0, 8.0, True)[1]


def test_early_is_less_than_a_block():
    assert 0 < EARLY < NEXT
