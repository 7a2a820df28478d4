# SPDX-License-Identifier: Apache-2.0
"""The way around boxes: straight where it is free, as short as it can be where not."""

import numpy as np
import pytest

from drmm_engine.motion.room import BODY, Box, Wall, beyond, footprint
from drmm_engine.motion.way import next_place
from tests.motion.test_room import placed


def walked(start, goal, keep, most=20):
    """Corner by corner to the goal: all places, and the length that the first answer promised."""
    places, promised = [np.array(start, float)], None
    for _ in range(most):
        place, left = next_place(places[-1], np.array(goal, float), keep)
        promised = left if promised is None else promised
        places.append(place)
        if np.allclose(place, goal):
            return np.array(places), promised
    raise AssertionError("it never gets there")


def test_a_free_way_is_straight():
    place, left = next_place(np.zeros(2), np.array([3.0, 4.0]), [Box(placed((-3, 0, 0)), False)])
    np.testing.assert_array_equal(place, [3.0, 4.0])
    assert left == pytest.approx(5.0)


@pytest.mark.parametrize("turn", [0.0, 0.4, 1.1])
def test_it_goes_round_a_box_at_a_distance(turn):
    box = Box(placed((2.5, 0.1, 0.5), (0.6, 1.0, 0.5), turn), False)
    places, promised = walked((0, 0), (5, 0), [box])
    assert len(places) > 2
    path = np.concatenate([np.linspace(a, b, 200) for a, b in zip(places, places[1:], strict=False)])
    assert beyond(footprint(box.matrix), path).min() > 0.95 * BODY
    length = np.linalg.norm(np.diff(places, axis=0), axis=-1).sum()
    assert promised == pytest.approx(length) and 5.0 < length < 7.0


def test_a_wall_decides_the_side():
    box = Box(placed((2.5, 0.1, 0.5), (0.6, 1.0, 0.5)), False)
    free, _ = walked((0, 0), (5, 0), [box])
    walled, _ = walked((0, 0), (5, 0), [box, Wall((0.0, 1.0, 0.0), 0.5)])
    assert free[1, 1] < 0 < walled[1, 1]


def test_mirrored_boxes_have_mirrored_ways():
    matrix = placed((2.5, 0.3, 0.5), (0.6, 1.0, 0.5), 0.5)
    flip = np.diag([1.0, -1.0, 1.0, 1.0])
    one, _ = walked((0, 0), (5, 0.5), [Box(matrix, False)])
    other, _ = walked((0, 0), (5, -0.5), [Box(flip @ matrix, False)])
    np.testing.assert_allclose(one, other * (1.0, -1.0), atol=1e-9)


def test_two_boxes_in_a_row():
    keep = [Box(placed((2.0, 1.0, 0.5), (0.3, 1.4, 0.5)), False), Box(placed((4.0, -1.0, 0.5), (0.3, 1.4, 0.5)), False)]
    places, _ = walked((0, 0), (6, 0), keep)
    path = np.concatenate([np.linspace(a, b, 200) for a, b in zip(places, places[1:], strict=False)])
    assert min(beyond(footprint(box.matrix), path).min() for box in keep) > 0.95 * BODY
