# SPDX-License-Identifier: Apache-2.0
"""Forward kinematics against products of 4 x 4 matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from drmm_engine.body.skeleton import forward_kinematics

trees = st.lists(st.integers(0, 100), max_size=12).map(
    lambda choices: [-1] + [choice % (n + 2) - 1 for n, choice in enumerate(choices)]
)


@given(trees, st.integers(0, 2**32 - 1))
def test_joints_are_where_the_product_of_matrices_puts_them(parents, seed):
    rng = np.random.default_rng(seed)
    turns = Rotation.random(2 * len(parents), random_state=rng)
    local_positions = rng.normal(size=(2, len(parents), 3))
    local_rotations = turns.as_quat()[:, [3, 0, 1, 2]].reshape(2, len(parents), 4)
    positions, rotations = forward_kinematics(parents, local_positions, local_rotations)

    matrices = turns.as_matrix().reshape(2, len(parents), 3, 3)
    for frame in range(2):
        world = []
        for joint, parent in enumerate(parents):
            local = np.eye(4)
            local[:3, :3], local[:3, 3] = matrices[frame, joint], local_positions[frame, joint]
            world.append((world[parent] if parent >= 0 else np.eye(4)) @ local)
        assert np.allclose(positions[frame], [m[:3, 3] for m in world])
        seen = Rotation.from_quat(rotations[frame][:, [1, 2, 3, 0]]).as_matrix()
        assert np.allclose(seen, [m[:3, :3] for m in world])


def test_a_child_before_its_parent_is_refused():
    with pytest.raises(ValueError, match="joint 1 stands before its parent 2"):
        forward_kinematics([-1, 2, 0], np.zeros((3, 3)), np.tile([1.0, 0, 0, 0], (3, 1)))
