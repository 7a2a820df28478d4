# SPDX-License-Identifier: Apache-2.0
"""The way taken out of the hips: what carries and what is carried make up the motion, and the carrier is a root's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drmm_engine.body import rotations as rot
from drmm_engine.motion import root
from drmm_engine.motion.rig import Keys, pose
from tests.motion import bodies


def walked(seed: int, count: int = 60):
    """A rig and keys of hips that go about, turn past a whole turn, sway and lean."""
    rng = np.random.default_rng(seed)
    rig, mapping = bodies.rig(bodies.rest(heading=rng.uniform(-3, 3)), rng)
    bone = rig.names.index(mapping["Hips"])
    t = np.linspace(0.0, 1.0, count)
    heading = rng.uniform(-9, 9) * t + rng.uniform(-1, 1)
    lean = rot.from_rotation_vector(0.2 * rng.standard_normal((count, 3)) * np.sin(9 * t)[:, None])
    turn = rot.multiply(rot.from_axis_angle((0.0, 0.0, 1.0), heading), lean)
    place = rig.heads[bone] + np.stack([5 * t, np.sin(3 * t), 0.02 * np.sin(30 * t)], axis=1)
    axes = rig.turns[bone]
    rotations = rot.multiply(rot.multiply(rot.inverse(axes), turn), axes)[:, None]
    return rig, Keys((rig.names[bone],), rotations, rot.rotate(rot.inverse(axes), place - rig.heads[bone]))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_carrier_and_carried_make_up_the_motion(seed):
    rig, keys = walked(seed)
    bone = rig.names.index(keys.bones[0])
    carried, carrier = root.split(keys, rig)
    (heads, turns), (within, within_turns) = pose(rig, keys), pose(rig, carried)
    placed = np.einsum("fij,fj->fi", carrier[:, :3, :3], within[:, bone]) + carrier[:, :3, 3]
    np.testing.assert_allclose(placed, heads[:, bone], atol=1e-9)
    whole = rot.multiply(rot.from_matrix(carrier[:, :3, :3]), within_turns[:, bone])
    np.testing.assert_allclose(np.abs(np.sum(whole * turns[:, bone], axis=-1)), 1.0, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_carrier_is_rigid_and_stays_on_the_floor(seed):
    rig, keys = walked(seed)
    _, carrier = root.split(keys, rig)
    linear = carrier[:, :3, :3]
    np.testing.assert_allclose(linear @ np.swapaxes(linear, 1, 2), np.tile(np.eye(3), (len(linear), 1, 1)), atol=1e-12)
    np.testing.assert_allclose(linear[:, 2], np.tile([0, 0, 1], (len(linear), 1)), atol=1e-12)
    np.testing.assert_allclose(carrier[:, 2, 3], 0.0, atol=1e-12)


def test_hips_that_neither_sway_nor_lean_stay_at_rest():
    rig, _ = walked(0)
    bone = rig.names.index("hips") if "hips" in rig.names else 0
    count = 40
    axes = rig.turns[bone]
    along = np.linspace(0, 3, count)[:, None] * (1.0, 0.5, 0.0)
    keys = Keys((rig.names[bone],), np.tile(rot.IDENTITY, (count, 1, 1)), rot.rotate(rot.inverse(axes), along))
    carried, carrier = root.split(keys, rig)
    np.testing.assert_allclose(carried.location, 0.0, atol=1e-9)
    np.testing.assert_allclose(carrier[:, :3, 3], along, atol=1e-9)


def test_on_the_spot_the_hips_stay_where_they_start_and_keep_their_height_and_turn():
    rig, keys = walked(3)
    bone = rig.names.index(keys.bones[0])
    still = root.on_the_spot(keys, rig)
    (heads, turns), (there, same) = pose(rig, keys), pose(rig, still)
    assert np.abs(there[:, bone, :2] - heads[0, bone, :2]).max() < 0.25 < np.ptp(heads[:, bone, 0])
    np.testing.assert_allclose(there[:, bone, 2], heads[:, bone, 2], atol=1e-9)
    np.testing.assert_allclose(np.abs(np.sum(same[:, bone] * turns[:, bone], axis=-1)), 1.0, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.floats(-3, 3), st.floats(-3, 3))
def test_a_straight_line_is_as_smooth_as_can_be(count, slope, offset):
    line = offset + slope * np.arange(count)[:, None]
    np.testing.assert_allclose(root.smoothed(line), line, atol=1e-9)
