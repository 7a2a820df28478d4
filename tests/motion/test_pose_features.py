# SPDX-License-Identifier: Apache-2.0
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drmm_engine.body import rotations as rot
from drmm_engine.motion.pose_features import decode, encode, pose_schema
from drmm_engine.motion.skeleton import JOINTS, mirrored
from tests.motion import bodies


def some_poses(seed, frames=5):
    rng = np.random.default_rng(seed)
    return bodies.rest(arms_down=1.0) + 0.1 * rng.standard_normal((frames, 20, 3))


def test_the_schema_names_what_encode_gives():
    names, rest = pose_schema().names, bodies.rest()
    values = encode(rest[None])[0]
    assert len(names) == len(values) == 58 and names[0] == "pose.Hips.z"
    assert values[names.index("pose.RightToes.y")] == rest[JOINTS.index("RightToes"), 1]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(-3, 3), st.floats(-5, 5))
def test_place_and_heading_do_not_matter_and_come_back(seed, heading, place):
    poses = some_poses(seed)
    turned = rot.rotate(rot.from_axis_angle((0.0, 0.0, 1.0), heading), poses) + (place, -place, 0.0)
    assert np.allclose(encode(turned), encode(poses), atol=1e-9)
    chest = decode(encode(turned), turned[:, 0, :2], heading)
    shapes = [np.linalg.norm(p[:, :, None] - p[:, None], axis=-1) for p in (chest, turned)]
    assert np.allclose(*shapes, atol=1e-9) and np.allclose(chest[:, 0], turned[:, 0], atol=1e-9)


def test_decode_undoes_encode_for_a_body_that_faces_forwards():
    forward = decode(encode(some_poses(3)))
    assert np.allclose(decode(encode(forward)), forward, atol=1e-12)


def test_the_mirror_image_has_mirrored_variables_and_mirrors_back():
    poses = some_poses(4)
    assert np.array_equal(mirrored(mirrored(poses)), poses)
    names = pose_schema().names
    left, right = names.index("pose.LeftHand.y"), names.index("pose.RightHand.y")
    assert np.allclose(encode(mirrored(poses))[:, left], -encode(poses)[:, right], atol=1e-9)
