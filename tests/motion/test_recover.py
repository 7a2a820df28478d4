# SPDX-License-Identifier: Apache-2.0
"""A rig's joints as the model's body: the same pose, another size, another rest pose, another place."""

import numpy as np
import pytest

from drmm_engine.body import rotations as rot
from drmm_engine.motion import recover
from drmm_engine.motion.bones import bone_lengths
from tests.motion import bodies

REST, POSES = bodies.rest(), bodies.poses()
TRUNK = 0.03  # metres; trunk and collar bones are held alike, not exactly


def test_the_body_itself_comes_back():
    made = recover.body(POSES, REST, REST)
    np.testing.assert_allclose(made[:, 0], POSES[:, 0], atol=TRUNK)
    np.testing.assert_allclose(made, POSES, atol=2 * TRUNK)


@pytest.mark.parametrize("scale, heading, floor", [(0.5, 0.0, 0.0), (1.7, -1.3, 0.4)])
def test_a_body_of_another_size_that_stands_elsewhere_comes_back(scale, heading, floor):
    turn = rot.from_axis_angle((0, 0, 1), heading)
    rest = scale * rot.rotate(turn, REST) + (3.0, -2.0, floor)
    made = recover.body(scale * POSES + (0.0, 0.0, floor), rest, REST)
    np.testing.assert_allclose(made, recover.body(POSES, REST, REST), atol=1e-6)


def test_bone_lengths_are_the_body_s_whatever_the_rig_s():
    lengths = np.full(20, 1.3)
    made = recover.body(POSES, bodies.rest(lengths), REST)
    np.testing.assert_allclose(bone_lengths(made)[:, 1:], np.tile(bone_lengths(REST)[1:], (len(made), 1)), atol=1e-6)


def test_what_is_not_finite_is_named():
    with pytest.raises(ValueError, match="Hips in frame 0"):
        recover.body(np.full((1, 20, 3), np.nan), REST, REST)
