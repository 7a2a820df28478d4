# SPDX-License-Identifier: Apache-2.0
"""Links are where the whole armature has them, and screws are what parameters do, whatever bones take over."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drmm_engine.body import rotations
from drmm_engine.body.armature import SCALES, Armature, Basis
from drmm_engine.body.goals import Along, Angle, At, Beyond, Facing, Near, Point, Within
from drmm_engine.body.joints import KINDS, Joint, Joints
from drmm_engine.body.rows import Rows
from tests.body.humanoid import humanoid

STEP = 1e-6


def random_joints(rng, count=8):
    """Bones that hang together at random in every way, evenly scaled; some driven, some that move."""
    rest = np.tile(np.eye(4), (count, 1, 1))
    rest[:, :3, :3] = rotations.to_matrix(rotations.normalize(rng.normal(size=(count, 4))))
    rest[:, :3, 3] = rng.normal(size=(count, 3))
    parents = np.array([-1, *(rng.integers(number) for number in range(1, count))])
    flags = rng.random((2, count)) < 0.6
    armature = Armature(tuple(f"b{number}" for number in range(count)), parents, rest, rng.uniform(0.5, 1.0, count),
                        flags[0], tuple(rng.choice(SCALES, count)), flags[1], np.zeros(count, bool))
    scale = np.exp(rng.uniform(-0.4, 0.4, (count, 1))) * np.ones(3)
    base = Basis(rng.normal(size=(count, 3)), rng.normal(size=(count, 4)), scale)
    return Joints(armature, tuple(random_joint(rng, f"b{bone}") for bone in rng.permutation(count)[:5]), base)


def random_joint(rng, bone):
    moves = ((-1, -1, -1), (1, 1, 1)) if rng.random() < 0.4 else ()
    return Joint(bone, str(rng.choice(KINDS)), (-1, -1, -1), (1, 1, 1), *moves)


def random_goals(rng, joints):
    """One of each kind, on any bones; points on several."""
    def bone():
        return str(rng.choice(joints.armature.names))

    def point(many):
        bones = tuple(rng.choice(joints.armature.names, many, replace=False))
        return Point(bones, rng.normal(size=(many, 3)), rng.uniform(0.2, 1.0, many))

    box = np.eye(4)
    box[:3] = rng.normal(size=(3, 4))
    return [At(point(1), rng.normal(size=3)), Near(point(4), rng.normal(size=3), 0.1), Within(point(1), box),
            Beyond(point(2), rng.normal(size=3), 0.3), Facing(bone(), rng.normal(size=4)),
            Along(bone(), rng.normal(size=3), rng.normal(size=3)), Angle(joints.names[2], 0.3)]


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31))
def test_links_carry_every_bone(seed):
    rng = np.random.default_rng(seed)
    joints = random_joints(rng)
    theta = rng.uniform(-1, 1, (3, joints.P))
    np.testing.assert_allclose(joints.links.matrices(theta), joints.matrices(theta), atol=1e-9)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31))
def test_derivatives_are_those_of_central_differences(seed):
    rng = np.random.default_rng(seed)
    joints = random_joints(rng)
    rows = Rows(joints.links, random_goals(rng, joints))
    theta = rng.uniform(-1, 1, (1, joints.P))
    columns, every = np.arange(joints.P), np.ones(len(rows.goal), bool)
    found = rows.jacobian(rows.state(theta), every, columns, np.ones(joints.P))[0]
    plus, minus = (rows.state(theta + sign * STEP * np.eye(joints.P)).values for sign in (1, -1))
    wanted = (plus - minus).T / (2 * STEP)
    exact = np.ones(len(every), bool)
    exact[np.flatnonzero(rows.goal == 5)[1]] = False  # what keeps a direction from straying is no derivative
    np.testing.assert_allclose(found[exact], wanted[exact], atol=2e-6 * max(1.0, np.abs(wanted).max()))
    assert (rows.moved >= (np.abs(wanted) > 1e-6).any(axis=0)).all()


def test_rows_have_the_values_that_goals_say():
    joints = humanoid()
    theta = np.random.default_rng(0).uniform(-0.4, 0.4, (6, joints.P))
    pose = joints.matrices(theta)[:, joints.armature.names.index("hand.R")]
    x = pose[:, :3, :3] @ [0.01, 0.1, 0.02] + pose[:, :3, 3]
    point = Point(("hand.R",), [[0.01, 0.1, 0.02]], [1.0])
    rows = Rows(joints.links, [At(point, [0.1, 0.2, 0.3]), Beyond(point, [0.0, 3.0, 4.0], -2.0)])
    values = rows.state(theta).values * joints.links.size
    np.testing.assert_allclose(values[:, :3], x - [0.1, 0.2, 0.3], atol=1e-12)
    np.testing.assert_allclose(values[:, 3], (x @ [0.0, 3.0, 4.0] - 2.0) / 5.0, atol=1e-12)


def test_a_driven_bone_below_one_that_is_scaled_unevenly_is_refused_by_name():
    joints = humanoid()
    scale = joints.base.scale.copy()
    scale[joints.armature.names.index("thigh.L")] = 1.0, 1.5, 1.0
    uneven = Joints(joints.armature, joints.joints, Basis(joints.base.location, joints.base.rotation, scale))
    with pytest.raises(ValueError, match="shin.L"):
        _ = uneven.links
