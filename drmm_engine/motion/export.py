# SPDX-License-Identifier: Apache-2.0
"""Generated positions as a clip of the canonical skeleton, to be written to a file."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drmm_engine.body import rotations as rot
from drmm_engine.motion.clip import Clip
from drmm_engine.motion.pose_solver import solve
from drmm_engine.motion.retarget import retarget
from drmm_engine.motion.rig import Rig
from drmm_engine.motion.skeleton import JOINTS, PARENTS, index

SPINE = "Spine"
"""The joint between hips and chest: it lets the trunk lean while the pelvis stays level."""


def to_clip(positions: ArrayLike, rest: ArrayLike, frame_rate: float, name: str = "walk") -> Clip:
    """A clip of the canonical joints and a spine joint, in metres, Z up, with the bone lengths of `rest` `[20, 3]`.

    positions `[F, 20, 3]` are first solved for exact bone lengths, hands and feet kept in their places. In the
    clip's rest pose, `rest`, all rotations are the identity.
    """
    positions, rest = np.asarray(positions, float), np.asarray(rest, float)
    rig = canonical_rig(rest)
    keys = retarget(solve(positions, {}, rest), rig, {joint: joint for joint in JOINTS}, rest)
    heads = rig.heads
    offsets = heads - np.where(rig.parents[:, None] >= 0, heads[rig.parents], 0.0)
    local_positions = np.tile(offsets, (len(positions), 1, 1))
    local_positions[:, 0] += keys.location
    local_rotations = np.broadcast_to(np.array(rot.IDENTITY), (*local_positions.shape[:2], 4)).copy()
    local_rotations[:, [rig.names.index(bone) for bone in keys.bones]] = keys.rotations
    return Clip(name, rig.names, rig.parents, offsets, float(frame_rate), local_positions, local_rotations)


def canonical_rig(rest: np.ndarray) -> Rig:
    """The canonical joints as bones with the axes of the world, the spine at the place of the hips."""
    chest = index("Chest")
    names = (*JOINTS[:chest], SPINE, *JOINTS[chest:])
    parents = np.where(PARENTS >= chest, PARENTS + 1, PARENTS)
    parents[chest] = chest
    parents = np.insert(parents, chest, index("Hips"))
    matrices = np.tile(np.eye(4), (len(names), 1, 1))
    matrices[:, :3, 3] = np.insert(rest, chest, rest[index("Hips")], axis=0)
    return Rig(names, parents, matrices)
