# SPDX-License-Identifier: Apache-2.0
"""Motion windows: what each variable means, invariance to place and heading, and the way back to poses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drmm_engine.motion import features as f
from drmm_engine.motion.skeleton import JOINTS, facing, index
from tests.gait import walk_clip


@pytest.fixture(scope="module")
def window():
    return f.windows(walk_clip(4.0, speed=1.2, turn_rate=0.3), stride=20)


def test_there_are_the_papers_487_variables(window):
    names = f.variable_names()
    assert len(names) == len(set(names)) == 487 == 8 * 60 + 7
    assert f.encode(window).shape == (len(window), 487)


def test_each_variable_is_what_its_name_says(window):
    x = dict(zip(f.variable_names(), f.encode(window).T, strict=True))
    local = f.to_local(window, *f.placement(window[:, 9]))
    hand = local[:, :, index("LeftHand")]
    np.testing.assert_allclose(x["last.LeftHand.y"], hand[:, 9, 1], atol=1e-12)
    np.testing.assert_allclose(x["history0.LeftHand.x"], hand[:, 0:7, 0].mean(1) - hand[:, 9, 0], atol=1e-12)
    np.testing.assert_allclose(x["history1.LeftHand.x"], hand[:, 7:9, 0].mean(1) - hand[:, 9, 0], atol=1e-12)
    np.testing.assert_allclose(x["step3.LeftHand.z"], hand[:, 13, 2] - hand[:, 12, 2], atol=1e-12)
    np.testing.assert_allclose(x["goal.hips.x"], local[:, 10:, 0, 0].mean(1), atol=1e-12)
    np.testing.assert_allclose(x["goal.head.z"], local[:, 10:, index("Head"), 2].mean(1), atol=1e-12)
    mean = facing(local[:, 10:]).mean(1)
    np.testing.assert_allclose(x["goal.facing.y"], mean[:, 1] / np.linalg.norm(mean, axis=-1), atol=1e-12)


def test_the_last_history_frame_stands_at_the_origin_facing_x(window):
    local = f.to_local(window, *f.placement(window[:, 9]))
    np.testing.assert_allclose(local[:, 9, 0, :2], 0, atol=1e-12)
    np.testing.assert_allclose(facing(local[:, 9]), np.tile([1.0, 0, 0], (len(local), 1)), atol=1e-12)
    np.testing.assert_allclose(f.to_world(local, *f.placement(window[:, 9])), window, atol=1e-12)


def test_next_poses_are_the_last_pose_plus_the_steps(window):
    x = f.encode(window)
    local = f.to_local(window, *f.placement(window[:, 9]))
    poses = f.decode_last(x)[:, None] + f.decode_steps(x).cumsum(axis=1)
    np.testing.assert_allclose(poses, local[:, 10:15], atol=1e-12)


@given(st.floats(-9, 9), st.floats(-9, 9), st.floats(-3.1, 3.1))
def test_place_and_heading_do_not_matter(x, y, angle):
    clip = f.windows(walk_clip(1.5))[:1]
    moved = f.to_world(clip, np.array([[x, y]]), np.array([angle]))
    np.testing.assert_allclose(f.encode(moved), f.encode(clip), atol=1e-9)


def test_a_short_clip_has_no_window():
    assert len(f.windows(np.zeros((39, 20, 3)))) == 0
    assert len(f.windows(np.zeros((40, 20, 3)))) == 1


def test_the_schema_centres_and_scales(window):
    x = f.encode(window)
    schema = f.locomotion_schema(x)
    assert schema.names == f.variable_names()
    np.testing.assert_allclose(schema.offset, x.mean(0))
    scale = dict(zip(schema.names, schema.scale, strict=True))
    assert scale["step0.LeftToes.x"] < scale["step0.Head.x"] < scale["last.Head.x"]
    assert set(JOINTS) == {name.split(".")[1] for name in schema.names[:480]}
