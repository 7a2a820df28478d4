# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses of a character that meet goals, drawn and measured on its own bones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

import drmm_engine as drmm
from drmm_engine.motion import posing as engine
from drmm_engine.motion.pose_keys import pose_keys
from drmm_engine.motion.rig import Keys

from .character import Character


@dataclass(frozen=True)
class Sampled:
    """Keys of one frame a pose, best first; `plausibility` `[count]` log weights, `error` `[count]` world units."""

    keys: Keys
    plausibility: NDArray[np.float64]
    error: NDArray[np.float64]


def sample(
    model: drmm.Model, character: Character, goals: Mapping[str, ArrayLike], count: int, seed: int
) -> Sampled:
    """Draw poses with canonical joints at goals (world space), facing about as the character does now.

    The error is the largest distance of a joint of the armature from its goal.
    """
    if not goals:
        raise ValueError("there is no goal for the pose; add one for a hand, a foot, the head or the hips")
    rest = np.array(model.skeleton["rest"], float)
    scale, floor = character.fit(rest)
    poses = engine.sample_poses(
        model,
        {joint: (np.asarray(goal, float) - (0.0, 0.0, floor)) / scale for joint, goal in goals.items()},
        count=count,
        seed=seed,
        heading=character.heading,
        origin=character.position / scale,
    )
    keys, error = pose_keys(poses.positions, goals, character.rig, character.mapping, rest)
    return Sampled(keys, poses.log_weight, error)
