# SPDX-License-Identifier: Apache-2.0
"""Hinges: a limb stands as before, and bends about its hinge alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.rig import hinges
from drmm_engine.body import rotations
from drmm_engine.body.armature import Armature, Basis, pose_matrices
from drmm_engine.body.joints import Joint, Joints


def limb(rng, axis):
    """Two bones, the lower one bent from the upper and rolled, with a hinge about one axis between them."""
    rest = np.tile(np.eye(4), (2, 1, 1))
    rest[0, :3, :3] = rotations.to_matrix(rotations.normalize(rng.normal(size=4)))
    bend = rotations.from_rotation_vector(rng.uniform(-0.3, 0.3, size=3))
    rest[1, :3, :3] = rest[0, :3, :3] @ rotations.to_matrix(bend)
    rest[1, :3, 3] = rest[0, :3, 1]
    true, false = np.ones(2, bool), np.zeros(2, bool)
    armature = Armature(("upper", "lower"), np.array([-1, 0]), rest, np.ones(2), true, ("FULL",) * 2, true, false)
    base = Basis(np.zeros((2, 3)), np.tile(rotations.IDENTITY, (2, 1)), np.ones((2, 3)))
    low, high = np.array([0.0, -0.3, 0.0]), np.array([0.0, 0.3, 0.0])
    high[axis] = 2.4
    wide = np.array([1.5, 1.4, 1.5])
    return Joints(armature, (Joint("upper", "swing", -wide, wide), Joint("lower", "swing", low, high)), base)


@given(st.integers(0, 10**6), st.sampled_from([0, 2]))
def test_the_lower_bone_stands_as_before_and_hangs_by_its_hinge(seed, axis):
    rng = np.random.default_rng(seed)
    joints = limb(rng, axis)
    low, high = np.asarray(joints.low), np.asarray(joints.high)
    middle = 0.5 * (low + high)
    theta = np.clip(middle + 0.8 * rng.uniform(-0.5, 0.5, size=(20, 6)) * (high - low), low, high)
    turns = joints.basis(theta).rotation
    twist = rotations.from_axis_angle((0.0, 1.0, 0.0), rng.uniform(-1.5, 1.5, size=20))
    rest = joints.armature.rest[:, :3, :3]
    between = rotations.from_matrix(rest[0].T @ rest[1])
    back = rotations.multiply(rotations.inverse(between), rotations.multiply(rotations.inverse(twist), between))
    spoiled = np.stack([rotations.multiply(turns[:, 0], twist), rotations.multiply(back, turns[:, 1])], axis=1)
    mended = hinges.untwist(joints, spoiled)
    basis = [Basis(np.zeros((20, 2, 3)), turned, np.ones((20, 2, 3))) for turned in (turns, mended)]
    before, after = (pose_matrices(joints.armature, each) for each in basis)
    np.testing.assert_allclose(after[:, 1], before[:, 1], atol=1e-9)
    found, lacks = joints.parameters(basis[1])
    assert lacks.max() < 1e-6
    np.testing.assert_allclose(joints.matrices(found)[:, 1], before[:, 1], atol=1e-6)


def test_poses_within_the_limits_and_straight_limbs_are_left_alone():
    joints = limb(np.random.default_rng(1), 0)
    theta = np.array([[0.3, 0.2, -0.4, 1.0, 0.1, 0.0], [0.3, 0.2, -0.4, 0.0, 0.0, 0.0]])
    turns = joints.basis(theta).rotation
    np.testing.assert_allclose(hinges.untwist(joints, turns), turns, atol=1e-12)
