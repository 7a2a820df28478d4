# SPDX-License-Identifier: Apache-2.0
"""Arms that stay out of the body: a rig has other arms, shoulders and hips than who moved first.

Trunk and thighs are capsules in proportion to the rig's own bones, thick enough for the arm too. Each arm is turned
about its shoulder, elbow and hand along, by as little as takes its points out, and is there some frames before and
after: an arm that swings past the hips is held away from them, it does not bounce.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array
from drmm_engine.motion.frames import ARMS, HANDS, LEGS, MIDDLES
from drmm_engine.motion.retarget import rig_positions
from drmm_engine.motion.rig import Keys, Rig, canonical_rest, mapped_bones, pose
from drmm_engine.motion.smooth import above, averaged

TRUNK, FLAT = 0.30, 0.7
"""Half the width of the trunk as a share of its length, and its depth as a share of its width, an arm's included."""
SHOULDERS = 0.9
"""Half the width of the trunk at least, as a share of half the distance of the shoulder joints."""
THIGH = 0.22
"""Radius of a thigh, an arm's included, as a share of its length; at least half the distance of the hip joints."""
MARGIN = 0.10
"""Distance as a share of the radius below which an arm begins to give way."""
ALONG = (0.0, 0.5, 1.0, 1.35)
"""The points of an arm that are kept outside, on the way from elbow to wrist: elbow, forearm, wrist, knuckles."""
SWEEPS = 3
HELD = 10
"""Frames before and after in which an arm is as far out as it must be, and as many in which it comes and goes."""


@dataclass(frozen=True)
class Capsule:
    """All points within `radius` of lines from `top` [F, 3], metres; `flat` times as deep as wide towards `front`."""

    top: Array
    line: Array
    radius: float
    front: Array
    flat: float = 1.0

    def gap(self, points: Array) -> tuple[Array, Array]:
        """Distances of points [F, 3] from the surface [F], below 0 inside, and the directions away from it [F, 3]."""
        share = np.sum((points - self.top) * self.line, axis=-1) / np.sum(self.line**2, axis=-1)
        off = self._deep(points - self.top - np.clip(share, 0.0, 1.0)[:, None] * self.line)
        slope, distance = self._deep(off), np.maximum(np.linalg.norm(off, axis=-1), 1e-9)
        steep = np.maximum(np.linalg.norm(slope, axis=-1) / distance, 1.0)
        return (distance - self.radius) / steep, slope / (steep * distance)[:, None]

    def _deep(self, off: Array) -> Array:
        """As seen where the capsule is round."""
        return off + (1.0 / self.flat - 1.0) * np.sum(off * self.front, axis=-1, keepdims=True) * self.front


def outside(keys: Keys, rig: Rig, mapping: Mapping[str, str]) -> Keys:
    """Keys whose arms keep out of trunk and thighs; only the rotations of the upper arms change.

    The distance g of a point from a capsule becomes m e^(g/m - 1) where it is below the margin m. ValueError for a
    mapping that does not fit the rig.
    """
    bones = mapped_bones(rig, mapping)
    positions = rig_positions(rig, keys, mapping)
    body = capsules(positions, canonical_rest(rig, bones))
    across = rot.normalize(positions[:, LEGS[0]] - positions[:, LEGS[1]])
    _, turns = pose(rig, keys)
    rotations = keys.rotations.copy()
    for side, joint in enumerate(("LeftUpperArm", "RightUpperArm")):
        bone, column = bones[joint], keys.bones.index(mapping[joint])
        turn = _held(_way_out(positions, side, body, across * (1.0, -1.0)[side]))
        axes = rot.multiply(turns[:, bone], rig.turns[bone])
        own = rot.multiply(rot.multiply(rot.inverse(axes), turn), axes)
        rotations[:, column] = rot.multiply(rotations[:, column], own)
    return Keys(keys.bones, rot.continuous(rotations), keys.location)


def clearance(positions: Array, rest: Array) -> Array:
    """Least distances `[F, 2]` of the left and the right arm from trunk and thighs, metres, below 0 inside.

    positions `[F, 20, 3]` of the body at rest `[20, 3]`.
    """
    body = capsules(positions, rest)
    return np.stack([np.min([capsule.gap(point)[0] for point in _points(positions, side) for capsule in body], axis=0)
                     for side in (0, 1)], axis=1)


def capsules(positions: Array, rest: Array) -> list[Capsule]:
    """Trunk, left and right thigh of a body at rest `[20, 3]` where they are in `positions` `[F, 20, 3]`."""
    trunk, thigh = _radii(rest)
    hips, knees, neck = positions[:, LEGS], positions[:, MIDDLES[2:]], positions[:, ARMS].mean(axis=1)
    down = hips.mean(axis=1) - neck
    front = rot.normalize(rot.cross(hips[:, 0] - hips[:, 1], down))
    legs = [Capsule(hips[:, side], knees[:, side] - hips[:, side], thigh, front) for side in (0, 1)]
    return [Capsule(neck, down, trunk, front, FLAT), *legs]


def _radii(rest: Array) -> tuple[float, float]:
    """Radii of the trunk, across, and of the thighs, metres."""
    shoulders, hips = (0.5 * np.linalg.norm(rest[pair[0]] - rest[pair[1]]) for pair in (ARMS, LEGS))
    trunk = np.linalg.norm(rest[ARMS].mean(axis=0) - rest[LEGS].mean(axis=0))
    thigh = np.linalg.norm(rest[MIDDLES[2:]] - rest[LEGS], axis=-1).mean()
    return float(max(TRUNK * trunk, SHOULDERS * shoulders)), float(max(THIGH * thigh, hips))


def _points(positions: Array, side: int) -> list[Array]:
    elbow, wrist = positions[:, MIDDLES[side]], positions[:, HANDS[side]]
    return [elbow + share * (wrist - elbow) for share in ALONG]


def _way_out(positions: Array, side: int, body: list[Capsule], own: Array) -> Array:
    """Turns [F, 4] of an arm about its shoulder joint that take its points out; `own` [F, 3]: to the arm's side."""
    shoulder = positions[:, ARMS[side]]
    points = [point - shoulder for point in _points(positions, side)]
    turn = np.broadcast_to(np.array(rot.IDENTITY), (len(positions), 4))
    for capsule, point in [(capsule, point) for _ in range(SWEEPS) for point in points for capsule in body]:
        arm = rot.rotate(turn, point)
        gap, away = capsule.gap(shoulder + arm)
        # Deep inside, where the nearest surface changes from one side to the other, an arm goes out on its own side.
        deep = np.clip(-gap / capsule.radius, 0.0, 1.0)[:, None]
        away = rot.normalize(away + 2.0 * deep**2 * own)
        turn = rot.multiply(rot.from_rotation_vector(_lever(arm, away, _push(gap, capsule.radius))), turn)
    return turn


def _held(turn: Array) -> Array:
    """Turns [F, 4] about smoothly changing axes, nowhere smaller than these."""
    vectors = rot.to_rotation_vector(turn)
    axes = rot.normalize(averaged(vectors, 2 * HELD))
    return rot.from_rotation_vector(above(np.linalg.norm(vectors, axis=-1), HELD)[:, None] * axes)


def _push(gap: Array, radius: float) -> Array:
    """How far to go out [F], without a step: nothing beyond the margin, a third of it on the surface."""
    margin = MARGIN * radius
    return np.where(gap < margin, margin * np.exp(np.minimum(gap / margin, 1.0) - 1.0) - gap, 0.0)


def _lever(arm: Array, away: Array, push: Array) -> Array:
    """Rotation vectors [F, 3] about the root of `arm` [F, 3] that move its tip by `push` [F] along `away` [F, 3]."""
    axis = rot.cross(arm, away)
    across = np.maximum(np.sum(axis**2, axis=-1), 0.2 * np.sum(arm**2, axis=-1))
    return axis * (push / across)[:, None]
