# SPDX-License-Identifier: Apache-2.0
"""Keys of sampled poses for a rig, on which the goals are met whatever its proportions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from drmm_engine.body.rotations import Array
from drmm_engine.motion.pose_solver import solve
from drmm_engine.motion.posing import goal_points
from drmm_engine.motion.retarget import retarget, rig_positions
from drmm_engine.motion.rig import Keys, Rig, canonical_rest, mapped_bones

ROUNDS = 4
"""How often the goals are set off by what the keyed rig misses them by: its spine has more bones than the poses."""

MET = 1e-4
"""Miss below which a goal counts as met, metres."""


def pose_keys(
    positions: Array, goals: Mapping[str, ArrayLike], rig: Rig, mapping: Mapping[str, str], source_rest: Array
) -> tuple[Keys, Array]:
    """Keys of poses `[n, 20, 3]` of model size on a rig, and the largest miss of a goal `[n]`, metres.

    The poses are retargeted and then solved again with the bones of the rig, so that hands, feet, head and hips meet
    `goals`: canonical joint -> (x, y, z) in armature space, metres. ValueError as `retarget` and `sample_poses`.
    """
    targets = goal_points(goals)
    rest = canonical_rest(rig, mapped_bones(rig, mapping))
    start = rig_positions(rig, retarget(positions, rig, mapping, source_rest), mapping)
    aims = {joint: np.tile(goal, (len(start), 1)) for joint, goal in targets.items()}
    for _ in range(ROUNDS):
        keys = retarget(solve(start, aims, rest), rig, mapping, rest)
        reached = rig_positions(rig, keys, mapping)
        missed = {joint: goal - reached[:, joint] for joint, goal in targets.items()}
        if all(np.abs(step).max() < MET for step in missed.values()):
            break
        aims = {joint: aims[joint] + step for joint, step in missed.items()}
    miss = [np.linalg.norm(step, axis=-1) for step in missed.values()]
    return keys, np.max(miss, axis=0) if miss else np.zeros(len(start))
