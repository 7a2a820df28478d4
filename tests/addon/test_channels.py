# SPDX-License-Identifier: Apache-2.0
"""Rotations in Blender's modes and motions at other frame rates, judged by mathutils and scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mathutils import Euler, Quaternion
from scipy.spatial.transform import Rotation, Slerp

from blender_addon import channels
from drmm_engine.motion.rig import Keys

ORDERS = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")


def tumbling(seed, frames=200):
    """Unit quaternions of a body that turns about changing axes, a few degrees a frame."""
    noise = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(0.15 * noise.normal(size=(frames, 3)))
    path = [Rotation.identity()]
    for turn in turns:
        path.append(path[-1] * turn)
    return Rotation.concatenate(path).as_quat()[:, [3, 0, 1, 2]] * noise.choice([-1, 1], (frames + 1, 1))


def as_blender(values, mode):
    """Rotation matrices of what Blender would read."""
    if mode == "QUATERNION":
        turns = [Quaternion(value) for value in values]
    elif mode == "AXIS_ANGLE":
        turns = [Quaternion(value[1:], value[0]) for value in values]
    else:
        turns = [Euler(value, mode) for value in values]
    return np.array([turn.to_matrix() for turn in turns])


@pytest.mark.parametrize("mode", [*ORDERS, "QUATERNION", "AXIS_ANGLE"])
@given(seed=st.integers(0, 20))
def test_every_mode_says_the_same_rotation_without_jumps(mode, seed):
    q = tumbling(seed)
    values = channels.rotation_values(q, mode)
    expected = np.array([Quaternion(value).to_matrix() for value in q])
    np.testing.assert_allclose(as_blender(values, mode), expected, atol=2e-5)
    if mode == "QUATERNION":
        assert np.abs(np.diff(values, axis=0)).max() < 0.4
    elif mode == "AXIS_ANGLE":
        assert np.sum(values[1:, 1:] * values[:-1, 1:], axis=1).min() >= 0
        assert np.abs(np.diff(values[:, 0])).max() < np.pi
    else:
        assert np.abs(np.diff(values, axis=0)).max() < np.pi + 1e-6


def test_euler_angles_wind_up_instead_of_jumping():
    angle = np.linspace(0, 4 * np.pi, 100)
    q = np.stack([np.cos(angle / 2), 0 * angle, 0 * angle, np.sin(angle / 2)], axis=1)
    values = channels.rotation_values(q, "XYZ")
    np.testing.assert_allclose(values[:, 2], angle, atol=1e-6)


def test_the_axis_survives_the_rest_pose():
    angle = np.linspace(-0.5, 0.5, 11)
    q = np.stack([np.cos(angle / 2), np.sin(angle / 2), 0 * angle, 0 * angle], axis=1)
    values = channels.rotation_values(q, "AXIS_ANGLE")
    np.testing.assert_allclose(values[:, 0] * values[:, 1], angle, atol=1e-9)
    assert np.abs(np.diff(values, axis=0)).max() < 0.11


@given(source=st.sampled_from([24.0, 30.0, 60.0]), target=st.floats(5, 240), frames=st.integers(1, 40))
def test_resampling_is_slerp_over_the_same_time(source, target, frames):
    q = tumbling(1, frames - 1)
    location = np.random.default_rng(2).normal(size=(frames, 3))
    keys = channels.resample(Keys(("a",), q[:, None], location), source, target)
    count, last = len(keys.location), (frames - 1) / source
    assert (count - 1) / target <= last + 1e-6 < count / target + 2e-6
    times = np.minimum(np.arange(count) / target, last)
    known = np.arange(frames) / source
    for axis in range(3):
        np.testing.assert_allclose(keys.location[:, axis], np.interp(times, known, location[:, axis]), atol=1e-4)
    if frames > 1:
        judge = Slerp(known, Rotation.from_quat(q[:, [1, 2, 3, 0]]))(times)
        miss = judge.inv() * Rotation.from_quat(keys.rotations[:, 0][:, [1, 2, 3, 0]])
        assert miss.magnitude().max() < 1e-3


def test_names_with_quotes_make_valid_paths():
    assert channels.Channel('a"b\\c', "location", np.zeros((1, 3))).path == 'pose.bones["a\\"b\\\\c"].location'
