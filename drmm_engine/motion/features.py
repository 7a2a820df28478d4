# SPDX-License-Identifier: Apache-2.0
"""Short motions as the vectors that a locomotion model is over (paper, App. C.1): past, next five poses, goal.

A window is 40 frames at 30 frames/s: 10 of history, 30 of future, moved so that the last history frame stands at the
origin facing +x. Its 487 variables are the paper's, but for a linear change of coordinates: the two older history poses
are relative to the last one, and the next poses are steps from frame to frame. An error of 4 mm between two frames is
nothing to a pose and 12 cm/s to a foot that should stand: steps have a scale of their own, positions cannot.
"""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.skeleton import JOINTS, facing, index
from drmm_engine.schema import Schema, Stream, Variable

FRAME_RATE = 30.0
HISTORY, NEXT, FUTURE = 10, 5, 30
WINDOW = HISTORY + FUTURE
AVERAGED = ((0, 7), (7, 9), (9, 10))  # history frames of each averaged pose; the last is one frame
HISTORY_NAMES = ("history0", "history1", "last")
GOALS = ("goal.hips.x", "goal.hips.y", "goal.hips.z", "goal.facing.x", "goal.facing.y", "goal.facing.z", "goal.head.z")

_POSE = 3 * len(JOINTS)
_PAST = _POSE * len(AVERAGED)
_STEPS = slice(_PAST, _PAST + NEXT * _POSE)
# Model units a metre: how much a metre of error matters in each group, and how much more at the feet.
_WEIGHTS = {"history0": 0.5, "history1": 3.0, "last": 0.5, "step": 5.0, "goal": 0.6}
_FEET = 2.0
_FEET_JOINTS = ("LeftFoot", "LeftToes", "RightFoot", "RightToes")


def variable_names() -> list[str]:
    """The 487 names: "history0.Hips.x", "history1...", "last...", "step0..." to "step4...", and the goals."""
    groups = [*HISTORY_NAMES, *(f"step{k}" for k in range(NEXT))]
    return [f"{group}.{joint}.{axis}" for group in groups for joint in JOINTS for axis in "xyz"] + list(GOALS)


def locomotion_schema(values: Array) -> Schema:
    """One real stream "motion" centred on rows of `encode`, [n, 487], with the scales above."""
    offset = np.mean(values, axis=0, dtype=np.float64)
    scales = [1.0 / _weight(name) for name in variable_names()]
    units = ["" if "facing" in name else "m" for name in variable_names()]
    variables = zip(variable_names(), units, offset.tolist(), scales, strict=True)
    return Schema((Stream("motion", tuple(Variable(*v) for v in variables)),))


def _weight(name: str) -> float:
    group, joint, _ = name.split(".")
    group = group.rstrip("0123456789") if group.startswith("step") else group
    return _WEIGHTS[group] * (_FEET if joint in _FEET_JOINTS and group in ("history1", "step") else 1.0)


def placement(pose: Array) -> tuple[Array, Array]:
    """Ground position of the hips `[..., 2]` and heading `[...]` in radians of poses `[..., 20, 3]`."""
    forward = facing(pose)
    return pose[..., 0, :2], np.arctan2(forward[..., 1], forward[..., 0])


def to_local(positions: Array, origin: Array, heading: Array) -> Array:
    """Positions `[..., F, 20, 3]` seen from a placement: `origin` `[..., 2]`, `heading` `[...]`."""
    moved = np.array(positions, float)
    moved[..., :2] -= np.asarray(origin)[..., None, None, :]
    return turned(moved, -np.asarray(heading)[..., None, None])


def to_world(positions: Array, origin: Array, heading: Array) -> Array:
    """The inverse of `to_local`."""
    moved = turned(positions, np.asarray(heading)[..., None, None])
    moved[..., :2] += np.asarray(origin)[..., None, None, :]
    return moved


def turned(positions: Array, angle: Array) -> Array:
    """Positions `[..., 3]` turned about the vertical by `angle` `[...]` (broadcasts), radians."""
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = np.moveaxis(positions, -1, 0)
    return np.stack([c * x - s * y, s * x + c * y, z], axis=-1)


def windows(positions: Array, stride: int = 1) -> Array:
    """All windows `[n, 40, 20, 3]` of a clip `[F, 20, 3]` at 30 frames/s; none where it is shorter."""
    starts = np.arange(0, len(positions) - WINDOW + 1, stride)
    return positions[starts[:, None] + np.arange(WINDOW)]


def encode(window: Array) -> Array:
    """Feature vectors `[n, 487]` of windows `[n, 40, 20, 3]`, metres."""
    n = len(window)
    local = to_local(window, *placement(window[:, HISTORY - 1]))
    future = local[:, HISTORY:]
    steps = np.diff(local[:, HISTORY - 1 : HISTORY + NEXT], axis=1)
    direction = facing(future).mean(axis=1)
    direction = direction / np.maximum(np.linalg.norm(direction, axis=-1, keepdims=True), 1e-9)
    goal = [future[:, :, 0].mean(axis=1), direction, future[:, :, index("Head"), 2].mean(axis=1)[:, None]]
    return np.concatenate([encode_history(local[:, :HISTORY]), steps.reshape(n, -1), *goal], axis=1)


def encode_history(local: Array) -> Array:
    """The history variables `[n, 180]` of local history frames `[n, 10, 20, 3]`."""
    poses = [local[:, start:stop].mean(axis=1).reshape(len(local), -1) for start, stop in AVERAGED]
    return np.concatenate([poses[0] - poses[2], poses[1] - poses[2], poses[2]], axis=1)


def decode_steps(values: Array) -> Array:
    """The steps `[n, 5, 20, 3]` of feature vectors `[n, 487]`: next poses are the last one plus their running sum."""
    return values[:, _STEPS].reshape(len(values), NEXT, len(JOINTS), 3)


def decode_last(values: Array) -> Array:
    """The last history poses `[n, 20, 3]` of feature vectors `[n, 487]`."""
    return values[:, _PAST - _POSE : _PAST].reshape(len(values), len(JOINTS), 3)
