# SPDX-License-Identifier: Apache-2.0
"""Poses as the vectors that a pose model is over: joint positions in the character's own frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array
from drmm_engine.motion.skeleton import JOINTS, facing
from drmm_engine.schema import Schema, Stream, Variable

FEATURES = {"kind": "pose", "joints": list(JOINTS)}
"""What a pose model's file says in `features`."""
_UP = (0.0, 0.0, 1.0)


def variable(joint: str, axis: str) -> str:
    """The name of a variable: "pose.LeftHand.z"."""
    return f"pose.{joint}.{axis}"


def pose_schema(values: ArrayLike | None = None) -> Schema:
    """One real stream of 58 variables, metres: x, y, z of the 20 joints without x and y of the hips, which are 0.

    Centred on pose vectors `[n, 58]` where they are given; a metre is a metre in every variable.
    """
    names = [variable(joint, axis) for joint in JOINTS for axis in "xyz"][2:]
    offsets = np.zeros(len(names)) if values is None else np.asarray(values, float).mean(axis=0)
    return Schema((Stream("pose", tuple(Variable(n, "m", float(o)) for n, o in zip(names, offsets, strict=True))),))


def encode(positions: ArrayLike) -> Array:
    """Pose vectors `[F, 58]` of positions `[F, 20, 3]`: the hips' ground position at the origin, facing +x."""
    positions = np.asarray(positions, float)
    forward = facing(positions)
    turn = rot.from_axis_angle(_UP, -np.arctan2(forward[..., 1], forward[..., 0]))
    centred = positions - positions[:, :1] * (1.0, 1.0, 0.0)
    return rot.rotate(turn[:, None], centred).reshape(len(positions), -1)[:, 2:]


def decode(values: ArrayLike, origin: ArrayLike = (0.0, 0.0), heading: ArrayLike = 0.0) -> Array:
    """Positions `[F, 20, 3]` of pose vectors `[F, 58]` at ground position `origin` `[2]` or `[F, 2]`, metres.

    `heading`, scalar or `[F]`, is the direction they face, radians counter-clockwise from +x.
    """
    values = np.asarray(values, float)
    local = np.concatenate([np.zeros((len(values), 2)), values], axis=1).reshape(len(values), len(JOINTS), 3)
    positions = rot.rotate(rot.from_axis_angle(_UP, np.broadcast_to(heading, len(values)))[:, None], local)
    positions[..., :2] += np.broadcast_to(origin, (len(values), 2))[:, None]
    return positions
