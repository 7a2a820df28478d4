# SPDX-License-Identifier: Apache-2.0
"""Poses as parameters: kinds of joints, limits, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from drmm_engine.body import rotations
from drmm_engine.body.armature import Armature, Basis, pose_matrices
from drmm_engine.body.joints import KINDS, Joint, Joints, angles_of, quaternions
from tests.body.humanoid import humanoid

BODY = humanoid()
SEEDS = st.integers(0, 2**31)


@given(SEEDS, st.sampled_from(KINDS))
def test_angles_come_back_of_their_rotation(seed, kind):
    angles = np.random.default_rng(seed).uniform(-1.5, 1.5, (20, 3))
    np.testing.assert_allclose(angles_of(quaternions(angles, kind), kind), angles, atol=1e-9)


def test_euler_orders_are_scipys_with_the_first_axis_innermost():
    angles = np.random.default_rng(0).uniform(-3, 3, (20, 3))
    for kind in KINDS[1:]:
        wanted = Rotation.from_euler(kind.lower(), angles[:, ["XYZ".index(axis) for axis in kind]])
        found = Rotation.from_quat(quaternions(angles, kind)[:, [1, 2, 3, 0]])
        assert (found.inv() * wanted).magnitude().max() < 1e-9


def test_a_swing_turns_the_bone_the_shortest_way_and_a_twist_leaves_it():
    angles = np.random.default_rng(1).uniform(-1.5, 1.5, (20, 3))
    along = rotations.rotate(quaternions(angles, "swing"), [0.0, 1.0, 0.0])
    swing = rotations.from_rotation_vector(angles * [1.0, 0.0, 1.0])
    np.testing.assert_allclose(along, rotations.rotate(swing, [0.0, 1.0, 0.0]), atol=1e-12)
    np.testing.assert_allclose(np.arccos(along[:, 1]), np.hypot(angles[:, 0], angles[:, 2]), atol=1e-7)


@given(SEEDS)
def test_legal_poses_go_to_parameters_and_back(seed):
    theta = np.random.default_rng(seed).uniform(BODY.low, BODY.high, (5, BODY.P))
    found, lacks = BODY.parameters(BODY.basis(theta))
    np.testing.assert_allclose(BODY.matrices(found), BODY.matrices(theta), atol=1e-7)
    assert lacks.max() < 1e-6
    assert (found >= BODY.low).all() and (found <= BODY.high).all()


def test_what_is_beyond_a_limit_is_clipped_and_the_turn_that_is_lacking_told():
    theta = np.zeros((1, BODY.P))
    theta[0, BODY.names.index("shin.L.x")] = -0.3
    found, lacks = BODY.parameters(BODY.basis(theta))
    assert found[0, BODY.names.index("shin.L.x")] == 0.0
    joint = [joint.bone for joint in BODY.joints].index("shin.L")
    assert lacks[0, joint] == pytest.approx(0.3)
    assert np.delete(lacks[0], joint).max() < 1e-9


def test_of_two_ways_to_write_an_euler_rotation_the_one_within_limits_is_taken():
    joint = Joint("hips", "XYZ", (-3.1, 1.8, -3.1), (3.1, 3.1, 3.1))
    joints = Joints(BODY.armature, (joint,), BODY.base)
    theta = np.array([0.4, 2.2, -0.5])
    found, lacks = joints.parameters(joints.basis(theta))
    np.testing.assert_allclose(found, theta, atol=1e-9)
    assert lacks.max() < 1e-9


def test_names_and_units_say_what_each_parameter_is():
    assert BODY.P == 66 == len(BODY.names) == len(BODY.units) == len(BODY.low)
    assert BODY.names[:3] == ("hips.x", "hips.y", "hips.z")
    assert BODY.names[-3:] == ("hips.move_x", "hips.move_y", "hips.move_z")
    assert set(BODY.units[:-3]) == {"rad"} and set(BODY.units[-3:]) == {"m"}


def test_what_is_not_driven_stays_in_the_pose_of_the_base():
    base = Basis(BODY.base.location + 0.1, BODY.base.rotation, BODY.base.scale)
    joints = Joints(BODY.armature, BODY.joints[3:4], base)
    basis = joints.basis(np.full(3, 0.2))
    others = np.arange(len(BODY.armature.names)) != joints.bones[0]
    np.testing.assert_array_equal(basis.rotation[others], joints.base.rotation[others])
    np.testing.assert_array_equal(basis.location, joints.base.location)


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Joint("b", "ball", (0, 0, 0), (1, 1, 1)), "ball"),
    (lambda: Joint("b", "swing", (0, 2, 0), (1, 1, 1)), "'b'"),
    (lambda: Joint("b", "swing", (0, np.nan, 0), (1, 1, 1)), "finite"),
    (lambda: Joint("b", "swing", (0, 0), (1, 1)), "three"),
    (lambda: Joint("b", "swing", (0, 0, 0), (1, 1, 1), (0, 0, 0)), "move_high"),
    (lambda: Joints(BODY.armature, (Joint("tail", "swing", (0, 0, 0), (1, 1, 1)),), BODY.base), "tail"),
    (lambda: Joints(BODY.armature, BODY.joints[:1] * 2, BODY.base), "twice"),
    (lambda: BODY.basis(np.zeros(3)), "66"),
])
def test_what_makes_no_joint_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def armature(**changes):
    count = 2
    parts = {"names": ("a", "b"), "parents": np.array([-1, 0]), "rest": np.tile(np.eye(4), (count, 1, 1)),
             "lengths": np.ones(count), "inherit_rotation": np.ones(count, bool), "inherit_scale": ("FULL",) * count,
             "local_location": np.ones(count, bool), "connected": np.zeros(count, bool)}
    return Armature(**{**parts, **changes})


@pytest.mark.parametrize(("changes", "said"), [
    ({"parents": np.array([1, -1])}, "'a' must come after"), ({"inherit_scale": ("FULL", "HALF")}, "HALF"),
    ({"lengths": np.ones(3)}, "lengths"),
])
def test_what_makes_no_armature_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        armature(**changes)


def test_a_bone_goes_with_its_parent_and_a_connected_one_does_not_leave_it():
    rest = np.tile(np.eye(4), (2, 1, 1))
    rest[1, 1, 3] = 1.0
    half = np.sqrt(0.5)
    basis = Basis(np.array([[0.0, 0, 0], [0, 0, 5.0]]), np.array([[half, 0, 0, half], [2.0, 0, 0, 0]]), np.ones((2, 3)))
    for connected, z in ((False, 5.0), (True, 0.0)):
        pose = pose_matrices(armature(rest=rest, connected=np.array([False, connected])), basis)
        np.testing.assert_allclose(pose[1, :3, 3], [-1.0, 0.0, z], atol=1e-12)
