# SPDX-License-Identifier: Apache-2.0
"""The arcs of joint limits: where a bone's hand goes when it turns, and back from a ray under the mouse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.rig import fan
from drmm_engine.body import rotations
from drmm_engine.body.joints import quaternions

ANGLES = st.floats(-3.1, 3.1)


@given(st.sampled_from([0, 1, 2]), ANGLES)
def test_a_point_of_the_arc_is_the_turned_point_at_zero(axis, angle):
    turn = quaternions(np.eye(3)[axis] * angle, "swing")
    np.testing.assert_allclose(fan.place(axis, angle), rotations.rotate(turn, fan.place(axis, 0.0)), atol=1e-12)


@given(st.sampled_from([0, 1, 2]), ANGLES, st.integers(-2, 2), st.integers(0, 1000))
def test_a_ray_through_a_point_of_the_arc_gives_its_angle(axis, angle, turns, seed):
    direction = np.random.default_rng(seed).normal(size=3)
    direction[axis] += 2.0 * np.sign(direction[axis])
    near = angle + 2 * np.pi * turns + 0.01
    found = fan.angle(axis, fan.place(axis, angle) - 3.0 * direction, direction, near)
    assert found == pytest.approx(angle + 2 * np.pi * turns, abs=1e-9)


def test_edge_on_there_is_no_angle():
    assert fan.angle(0, np.array([0.0, 0.0, 5.0]), np.array([0.0, 0.3, -1.0]), 0.0) is None


def test_the_outline_goes_from_the_centre_along_the_arc_and_back():
    points = fan.outline(0, -0.5, 1.0)
    np.testing.assert_allclose(points[[0, -1]], 0.0)
    np.testing.assert_allclose(points[[1, -2]], [fan.place(0, -0.5), fan.place(0, 1.0)])
    np.testing.assert_allclose(np.linalg.norm(points[1:-1], axis=1), fan.RADII[0])
    assert len(fan.outline(1, 0.2, 0.2)) == 4  # a locked axis
