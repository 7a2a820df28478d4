# SPDX-License-Identifier: Apache-2.0
"""What is to be kept in or out of, said to the model: half-spaces on goals and next poses, and what candidates miss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.conditions import HalfSpace
from drmm_engine.motion.features import NEXT
from drmm_engine.motion.room import BODY, Box, Keep, Wall, barriers, ceilings
from drmm_engine.motion.skeleton import index

NEAR = 1.2  # metres from the hips within which a wall has a say in the next second
_HEAD = index("Head")
_MARGIN = 0.02  # metres
_COST_HEAD, _COST_BODY = 10.0, 200.0  # a metre too far


def bounds(keep: Sequence[Keep], local: Array, origin: Array, heading: Array, lowest: float) -> list[HalfSpace]:
    """Half-spaces of the model's variables for a character with local history `[10, 20, 3]` placed at `origin`.

    Under a ceiling: of the goal's height of the head and of the head in the fifth frame, no lower than the `lowest`
    within reach (m): what one who walks upright is asked beyond that only makes it stop. Before a wall or a box: of the
    goal's place of the hips and of the hips in the fifth frame, a body's width from the nearest face.
    """
    hips = np.array([*origin, local[-1, 0, 2]])
    return [
        *(bound for each in ceilings(keep) if each.over(hips, NEAR)
          for bound in _below(max(each.height, lowest), local)),
        *(bound for each in barriers(keep) for bound in _before(each, hips, heading)),
    ]


def _below(height: float, local: Array) -> list[HalfSpace]:
    steps = {f"step{k}.Head.z": -1.0 for k in range(NEXT)}
    room = height - _MARGIN
    return [HalfSpace({"goal.head.z": -1.0}, room), HalfSpace(steps, room - local[-1, _HEAD, 2])]


def _before(each: Wall | Box, hips: Array, heading: Array) -> list[HalfSpace]:
    """normal . (goal in the world) + offset >= BODY of the faces that the hips are near, in local variables."""
    out = []
    for normal, distance in each.faces(hips):
        flat = np.linalg.norm(normal[:2])
        if flat < 0.5 or distance > NEAR:
            continue
        c, s = np.cos(heading), np.sin(heading)
        x, y = c * normal[0] + s * normal[1], c * normal[1] - s * normal[0]
        room = float(distance - BODY)
        steps = {f"step{k}.Hips.{axis}": value for k in range(NEXT) for axis, value in (("x", x), ("y", y))}
        out += [HalfSpace({"goal.hips.x": x, "goal.hips.y": y}, room), HalfSpace(steps, room)]
    return out


def penetration(keep: Sequence[Keep], frames: Array, frame_rate: float) -> Array:
    """What it costs `[n]` that candidates' poses `[n, F, 20, 3]` (world) go too far: heads above ceilings, joints and
    hips, with a body around them, beyond walls and boxes, the hips half a second on as well."""
    cost = np.zeros(len(frames))
    hips = frames[:, :, 0].astype(float)
    ahead = hips[:, -1] + (hips[:, -1] - hips[:, 0]) * (0.5 * frame_rate / (frames.shape[1] - 1))
    for ceiling in ceilings(keep):
        cost += _COST_HEAD * np.maximum(0, -ceiling.clearance(frames[:, :, _HEAD].astype(float))).max(axis=1)
    for barrier in barriers(keep):
        spots = np.concatenate([hips, ahead[:, None]], axis=1)
        cost += _COST_BODY * np.maximum(0, BODY - barrier.clearance(spots)).max(axis=1)
        cost += _COST_BODY * np.maximum(0, -barrier.clearance(frames.astype(float))).max(axis=(1, 2))
    return cost
