# SPDX-License-Identifier: Apache-2.0
import numpy as np

from drmm_engine.body import rotations as rot
from drmm_engine.motion.rest import rest_pose
from drmm_engine.motion.skeleton import MIRROR, PARENTS, facing
from tests.motion import bodies


def test_a_body_seen_in_motion_gives_its_own_rest_pose_back():
    rest = bodies.rest()
    rest[[15, 19], 1] = rest[[14, 18], 1]
    heading = np.linspace(-3, 3, 40)
    turns = rot.from_axis_angle((0.0, 0.0, 1.0), heading)
    moving = rot.rotate(turns[:, None], rest) + np.stack([heading, 2 * heading, 0 * heading], axis=-1)[:, None]
    found = rest_pose(moving)
    lengths, expected = (np.linalg.norm(p - p[PARENTS], axis=-1) for p in (found, rest))
    assert np.allclose(lengths[1:], expected[1:], atol=1e-9)
    assert np.allclose(found[:, 2], rest[:, 2], atol=1e-9)
    assert np.allclose(found[0, :2], 0.0) and np.allclose(facing(found), (1.0, 0.0, 0.0), atol=1e-9)
    assert np.allclose(found, found[MIRROR] * (1.0, -1.0, 1.0), atol=1e-9)
