# SPDX-License-Identifier: Apache-2.0
"""Clearances of ceilings, walls and boxes against what they are by hand; outlines; what is refused."""

import numpy as np
import pytest

from drmm_engine.motion.room import Box, Ceiling, Wall, barriers, beyond, ceilings, check, clearance, footprint


def placed(place=(0.0, 0.0, 0.0), size=(1.0, 1.0, 1.0), turn=0.0):
    c, s = np.cos(turn), np.sin(turn)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.diag(size)
    matrix[:3, 3] = place
    return matrix


def test_walls_and_ceilings_by_hand():
    points = np.array([[0.0, 0.0, 1.0], [3.0, 1.0, 1.5]])
    np.testing.assert_allclose(Wall((0.0, 2.0, 0.0), 1.0).clearance(points), [0.5, 1.5])
    np.testing.assert_allclose(Ceiling(1.2).clearance(points), [0.2, -0.3])
    np.testing.assert_allclose(Ceiling(1.2, placed()).clearance(points), [0.2, np.inf])


def test_a_box_kept_out_of_is_as_far_as_its_nearest_point():
    box = Box(placed((1.0, 2.0, 0.5), (0.5, 1.0, 0.5), 0.7), False)
    rng = np.random.default_rng(0)
    points = rng.uniform(-3, 4, (50, 3))
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 41)] * 3), axis=-1).reshape(-1, 3)
    solid = grid @ np.asarray(box.matrix)[:3, :3].T + np.asarray(box.matrix)[:3, 3]
    nearest = np.linalg.norm(points[:, None] - solid[None], axis=-1).min(axis=1)
    far = box.clearance(points) > 0
    np.testing.assert_allclose(box.clearance(points)[far], nearest[far], atol=0.03)
    assert far.sum() > 40
    assert box.clearance(np.array([1.0, 2.0, 0.5])) == pytest.approx(-0.5)


def test_a_box_kept_in_is_the_opposite_inside():
    matrix = placed((1.0, 0.0, 1.0), (2.0, 1.0, 1.0), 0.3)
    points = np.random.default_rng(1).uniform(-0.4, 0.4, (20, 3)) + (1.0, 0.0, 1.0)
    np.testing.assert_allclose(Box(matrix, True).clearance(points), -Box(matrix, False).clearance(points))


def test_faces_agree_with_the_clearance():
    box, point = Box(placed(size=(1.0, 2.0, 1.0), turn=0.4), False), np.array([3.0, 0.5, 0.2])
    ((normal, distance),) = box.faces(point)
    assert np.linalg.norm(normal) == pytest.approx(1.0)
    step = 0.01 * normal
    assert box.faces(point + step)[0][1] - distance == pytest.approx(0.01)
    inside = Box(box.matrix, True).faces(np.zeros(3))
    assert min(d for _, d in inside) == pytest.approx(float(Box(box.matrix, True).clearance(np.zeros(3))))


def test_the_outline_of_a_turned_box():
    outline = footprint(placed((2.0, 1.0, 0.0), (1.0, 0.5, 3.0), np.pi / 6))
    assert len(outline) == 4
    area = 0.5 * np.sum(outline[:, 0] * np.roll(outline[:, 1], -1) - outline[:, 1] * np.roll(outline[:, 0], -1))
    assert area == pytest.approx(2.0)  # positive: counter-clockwise
    assert beyond(outline, np.array([2.0, 1.0])) == pytest.approx(-0.5)


def test_a_box_overhead_is_a_ceiling_and_one_on_the_floor_a_barrier():
    beam, crate = Box(placed((0, 0, 2.0)), False), Box(placed((0, 0, 1.0)), False)
    keep = [beam, crate, Ceiling(2.0), Wall((1, 0, 0), 0.0)]
    assert [c.height for c in ceilings(keep)] == [2.0, 1.0]
    assert barriers(keep) == [crate, keep[3]]


def test_the_least_clearance_counts():
    keep = [Ceiling(2.0), Wall((1.0, 0.0, 0.0), 0.0)]
    np.testing.assert_allclose(clearance(keep, np.array([[0.5, 0.0, 1.9], [0.05, 0.0, 0.0]])), [0.1, 0.05])
    assert np.all(np.isinf(clearance([], np.zeros((3, 3)))))


@pytest.mark.parametrize("wrong", [
    Ceiling(np.nan), Wall((0.0, 0.0, 0.0), 1.0), Wall((1.0, 0.0, 0.0), np.inf), Box(np.zeros((4, 4)), True),
    Box(np.eye(3), False), "a wall",
])
def test_what_has_no_size_is_refused(wrong):
    with pytest.raises(ValueError, match="room 2 is not a ceiling, wall or box"):
        check([Ceiling(1.0), wrong])
