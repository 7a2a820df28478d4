# SPDX-License-Identifier: Apache-2.0
"""Similarities are taken apart, everything else is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from blender_addon.spaces import similarity

finite = st.floats(-1e3, 1e3)


@given(scale=st.floats(1e-4, 1e4), turn=st.tuples(finite, finite, finite), move=st.tuples(finite, finite, finite))
def test_a_similarity_is_its_scale_and_its_rigid_part(scale, turn, move):
    matrix = np.eye(4)
    matrix[:3, :3] = scale * Rotation.from_rotvec(turn).as_matrix()
    matrix[:3, 3] = move
    found, rigid = similarity(matrix, "it")
    assert found == pytest.approx(scale)
    np.testing.assert_allclose(rigid[:3, :3] @ rigid[:3, :3].T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(rigid @ np.diag([found] * 3 + [1]), matrix, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("linear", "said"),
    [
        (np.diag([1, 1, 1.01]), "unevenly"),
        (np.diag([1, -1, 1]), "mirrored"),
        (np.zeros((3, 3)), "no size"),
        (np.array([[1, 0.6, 0], [0, 0.8, 0], [0, 0, 1]]), "sheared"),
        (np.full((3, 3), np.nan), "no size"),
    ],
)
def test_anything_else_is_refused(linear, said):
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    with pytest.raises(ValueError, match=f"the thing .*{said}"):
        similarity(matrix, "the thing")
