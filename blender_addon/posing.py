# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses of a character that meet goals, drawn and measured on its own bones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

import drmm_engine as drmm
from drmm_engine.motion import posing as engine
from drmm_engine.motion import retarget, skeleton
from drmm_engine.motion.pose_solver import solve
from drmm_engine.motion.rig import Keys

from .character import Character

# After so many corrections what is still missed is out of reach.
ROUNDS = 8


@dataclass(frozen=True)
class Sampled:
    """Keys of one frame a pose, best first; `plausibility` `[count]` log weights, `error` `[count]` world units."""

    keys: Keys
    plausibility: NDArray[np.float64]
    error: NDArray[np.float64]


def sample(
    model: drmm.Model, character: Character, goals: Mapping[str, ArrayLike], count: int, seed: int
) -> Sampled:
    """Draw poses with canonical joints at goals (world space), facing as the character does now.

    The error is the largest distance of a joint of the armature from its goal. Since the armature's limbs are not
    in the proportions of the model's body, that body is solved again for goals moved by what the armature misses.
    """
    if not goals:
        raise ValueError("there is no goal for the pose; add one for a hand, a foot, the head or the hips")
    rest = np.array(model.skeleton["rest"], float)
    scale, floor = character.fit(rest)
    wanted = {joint: (np.asarray(goal, float) - (0.0, 0.0, floor)) / scale for joint, goal in goals.items()}
    origin = character.position / scale
    poses = engine.sample_poses(model, wanted, count=count, seed=seed, heading=character.heading, origin=origin)
    keys, miss = _on_bones(poses.positions, character, rest, goals)
    aims = {skeleton.index(joint): wanted[joint] for joint in goals}
    for _ in range(ROUNDS):
        aims = {joint: aim + miss[:, place] / scale for place, (joint, aim) in enumerate(aims.items())}
        keys, miss = _on_bones(solve(poses.positions, aims, rest), character, rest, goals)
    return Sampled(keys, poses.log_weight, np.linalg.norm(miss, axis=-1).max(axis=-1))


def _on_bones(
    positions: NDArray[np.float64], character: Character, rest: NDArray[np.float64], goals: Mapping[str, ArrayLike]
) -> tuple[Keys, NDArray[np.float64]]:
    """Keys of the armature for poses `[n, 20, 3]`, and by how much it then misses the goals, `[n, goals, 3]`."""
    keys = retarget.retarget(positions, character.rig, character.mapping, rest)
    reached = retarget.rig_positions(character.rig, keys, character.mapping)
    return keys, np.array(list(goals.values())) - reached[:, [skeleton.index(joint) for joint in goals]]
