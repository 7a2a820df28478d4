# SPDX-License-Identifier: Apache-2.0
"""The joint tree of a body and its forward kinematics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drmm_engine.body import rotations
from drmm_engine.body.rotations import Array


def forward_kinematics(
    parents: Sequence[int] | NDArray[np.int64], local_positions: ArrayLike, local_rotations: ArrayLike
) -> tuple[Array, Array]:
    """World positions `[..., J, 3]` and rotations `[..., J, 4]` of a tree of joints.

    p_j = p_parent + R_parent t_j and R_j = R_parent r_j, with `local_positions` t `[..., J, 3]` in metres and
    `local_rotations` r `[..., J, 4]`. `parents` `[J]` holds -1 for a root, and every parent before its children;
    ValueError where it does not.
    """
    local_positions, local_rotations = np.asarray(local_positions, float), np.asarray(local_rotations, float)
    lead = np.broadcast_shapes(local_positions.shape[:-1], local_rotations.shape[:-1])
    positions, turns = np.empty((*lead, 3)), np.empty((*lead, 4))
    for joint, parent in enumerate(parents):
        if parent >= joint:
            raise ValueError(f"joint {joint} stands before its parent {parent}: parents must come first")
        position, turn = local_positions[..., joint, :], local_rotations[..., joint, :]
        if parent >= 0:
            position = positions[..., parent, :] + rotations.rotate(turns[..., parent, :], position)
            turn = rotations.multiply(turns[..., parent, :], turn)
        positions[..., joint, :], turns[..., joint, :] = position, turn
    return positions, turns
