# SPDX-License-Identifier: Apache-2.0
"""Rotations against scipy and against the axioms of a group."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation, Slerp

from drmm_engine.body import rotations as rot

ORDERS = ["".join(order) for order in permutations("XYZ")]
vectors = arrays(float, 3, elements=st.floats(-10, 10))
angles = st.floats(-7, 7)
quaternions = arrays(float, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 1e-3).map(rot.normalize)


def scipy(q):
    return Rotation.from_quat(np.asarray(q)[..., [1, 2, 3, 0]])


def same(a, b, tolerance=1e-9):
    """The same rotations, whatever the sign."""
    a, b = np.broadcast_arrays(a, b)
    return np.allclose(np.abs(np.sum(a * b, axis=-1)), 1, atol=tolerance) and np.allclose(
        rot.to_matrix(a), rot.to_matrix(b), atol=1e-7
    )


@given(quaternions, quaternions, vectors)
def test_product_inverse_and_matrix_agree_with_scipy(a, b, v):
    assert np.allclose(rot.to_matrix(a), scipy(a).as_matrix(), atol=1e-12)
    assert np.allclose(rot.rotate(a, v), scipy(a).apply(v), atol=1e-12)
    assert np.allclose(rot.to_matrix(rot.multiply(a, b)), (scipy(a) * scipy(b)).as_matrix(), atol=1e-12)
    assert np.allclose(rot.multiply(a, rot.inverse(a)), rot.IDENTITY, atol=1e-12)


@given(quaternions)
def test_matrices_and_rotation_vectors_come_back(q):
    assert same(rot.from_matrix(rot.to_matrix(q)), q)
    vector = rot.to_rotation_vector(q)
    assert np.linalg.norm(vector) <= np.pi + 1e-12
    assert same(rot.from_rotation_vector(vector), q)


@given(vectors)
def test_rotation_vectors_agree_with_scipy(v):
    assert np.allclose(rot.to_matrix(rot.from_rotation_vector(v)), Rotation.from_rotvec(v).as_matrix(), atol=1e-12)


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-20, 1e-9, np.pi - 1e-9, np.pi])
def test_rotation_vectors_at_the_ends_of_their_range(size):
    vector = size * np.array([0.6, 0.0, -0.8])
    assert np.allclose(rot.to_rotation_vector(rot.from_rotation_vector(vector)), vector, rtol=1e-8, atol=1e-300)


@given(st.sampled_from(ORDERS), arrays(float, 3, elements=angles))
def test_euler_angles_are_intrinsic_first_axis_outermost(order, turns):
    q = rot.from_euler(turns, order)
    assert np.allclose(rot.to_matrix(q), Rotation.from_euler(order, turns).as_matrix(), atol=1e-12)
    assert same(rot.from_euler(rot.to_euler(q, order), order), q)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("middle", [np.pi / 2, -np.pi / 2, np.pi / 2 - 1e-8, np.pi / 2 - 1e-5])
def test_euler_angles_survive_gimbal_lock(order, middle):
    q = rot.from_euler([0.7, middle, -0.4], order)
    assert same(rot.from_euler(rot.to_euler(q, order), order), q)


@given(vectors, angles)
def test_axis_and_angle_agree_with_scipy(axis, angle):
    assume(np.linalg.norm(axis) > 1e-3)
    truth = Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix()
    assert np.allclose(rot.to_matrix(rot.from_axis_angle(axis, angle)), truth, atol=1e-12)


@given(vectors, vectors)
def test_between_turns_one_direction_onto_the_other_the_shortest_way(a, b):
    assume(min(np.linalg.norm(a), np.linalg.norm(b)) > 1e-3)
    q = rot.between(a, b)
    a, b = rot.normalize(a), rot.normalize(b)
    assert np.allclose(rot.rotate(q, a), b, atol=1e-6)
    angle = np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)
    assert np.isclose(np.linalg.norm(rot.to_rotation_vector(q)), angle, atol=1e-6)


@given(vectors)
def test_between_opposite_directions_is_a_half_turn(a):
    assume(np.linalg.norm(a) > 1e-3)
    q = rot.between(a, -a)
    assert np.allclose(rot.rotate(q, a), -a, atol=1e-9) and np.isclose(np.linalg.norm(q), 1)


@given(vectors, vectors)
def test_a_basis_takes_its_axes_where_they_belong(x, y):
    assume(np.linalg.norm(np.cross(x, y)) > 1e-3)
    q = rot.from_basis(x, y)
    assert np.allclose(rot.rotate(q, [1, 0, 0]), x / np.linalg.norm(x), atol=1e-7)
    new_y = rot.rotate(q, [0, 1, 0])
    assert new_y @ y > 0 and abs(new_y @ np.cross(x, y)) <= 1e-7 * np.linalg.norm(np.cross(x, y)) + 1e-9


@given(quaternions, quaternions, st.floats(0, 1))
def test_slerp_agrees_with_scipy(a, b, t):
    assume(abs(a @ b) > 1e-6)  # At a half turn both ways round are the shortest.
    truth = Slerp([0, 1], Rotation.concatenate([scipy(a), scipy(b)]))(t).as_matrix()
    assert np.allclose(rot.to_matrix(rot.slerp(a, b, t)), truth, atol=1e-7)


def test_slerp_between_equal_rotations_is_that_rotation():
    q = rot.from_euler([0.1, 0.2, 0.3], "XYZ")
    assert np.allclose(rot.slerp(q, -q, 0.3), q)


@given(arrays(float, (12, 3, 4), elements=st.floats(-1, 1)))
def test_continuous_changes_signs_only_and_neighbours_agree(q):
    out = rot.continuous(q)
    assert np.all(np.sum(out[1:] * out[:-1], axis=-1) >= 0)
    assert np.array_equal(np.abs(out), np.abs(q)) and np.array_equal(out[0], q[0])


def test_leading_dimensions_broadcast():
    rng = np.random.default_rng(0)
    a, b = rot.normalize(rng.normal(size=(5, 1, 4))), rot.normalize(rng.normal(size=(1, 7, 4)))
    both = rot.multiply(a, b)
    assert both.shape == (5, 7, 4)
    assert np.allclose(both[3, 2], rot.multiply(a[3, 0], b[0, 2]))
    assert rot.rotate(a, np.ones((7, 3))).shape == (5, 7, 3)
    assert rot.slerp(a, b, np.zeros((5, 7))).shape == (5, 7, 4)


@pytest.mark.parametrize("order", ["", "XYW", "XY"])
def test_an_impossible_order_is_refused(order):
    with pytest.raises(ValueError, match="order"):
        rot.from_euler([0.0, 0.0, 0.0], order)
    with pytest.raises(ValueError, match="order"):
        rot.to_euler(rot.IDENTITY, order)
