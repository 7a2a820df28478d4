# SPDX-License-Identifier: Apache-2.0
"""Turns of a whole pose about the vertical: all headings of a rig whose root turns freely are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drmm_engine.body import rotations as rot
from drmm_engine.body.joints import Joints, angles_of, angles_within, quaternions
from drmm_engine.body.rig import Rig
from drmm_engine.body.rotations import Array


@dataclass(frozen=True)
class Heading:
    """The turn of a root joint about the vertical line through its head at rest.

    columns: of its three angles among the parameters, and of its place (none: it does not move); axis [3], the vertical
    in the bone's own axes; up and centre [3], the vertical line in armature space.
    """

    joints: Joints
    columns: slice
    moves: slice
    axis: Array
    up: Array
    centre: Array

    @classmethod
    def of(cls, rig: Rig, bone: str, rest: Array | None = None) -> Heading:
        """The heading of a driven bone; ValueError where the rig does not drive it.

        rest [B, 4, 4]: the bones where all parameters are 0, if they are at hand.
        """
        joints = rig.joints
        place = next((i for i, joint in enumerate(joints.joints) if joint.bone == bone), None)
        if place is None:
            raise ValueError(f"bone {bone!r} carries the heading of this model, but the rig does not drive it")
        own = (joints.matrices(np.zeros(joints.P)) if rest is None else rest)[joints.bones[place]]
        up = rot.normalize(rig.up)
        first = 3 * (len(joints.joints) + joints.moving.index(place)) if joints.joints[place].moves else joints.P
        return cls(joints, slice(3 * place, 3 * place + 3), slice(first, first + 3),
                   rot.normalize(np.linalg.solve(own[:3, :3], up)), up, own[:3, 3])

    @property
    def bone(self) -> str:
        """The root bone."""
        return self.joints.joints[self.columns.start // 3].bone

    @property
    def kind(self) -> str:
        """How the root joint's angles turn it."""
        return self.joints.joints[self.columns.start // 3].kind

    def angle(self, theta: Array) -> Array:
        """The heading [n] of poses [n, P]: of the root's rotation the part about the vertical, radians."""
        q = quaternions(theta[:, self.columns], self.kind)
        return 2.0 * np.arctan2(q[:, 1:] @ self.axis, q[:, 0])

    def turned(self, theta: Array, angle: ArrayLike) -> Array:
        """Poses [n, P] turned by angles [n] about the vertical, limits not minded."""
        turn = rot.from_axis_angle(self.axis, np.broadcast_to(angle, len(theta)))
        out = np.array(theta, float)
        q = rot.multiply(turn, quaternions(theta[:, self.columns], self.kind))
        out[:, self.columns] = angles_of(q, self.kind)
        if self.moves.start < self.joints.P:
            out[:, self.moves] = rot.rotate(turn, theta[:, self.moves])
        return out

    def within(self, theta: Array) -> Array:
        """The same poses [n, P], the root's rotation written as the limits change it least, and clipped into them."""
        low, high = self.joints.low, self.joints.high
        out, q = np.array(theta, float), quaternions(theta[:, self.columns], self.kind)
        out[:, self.columns] = angles_within(q, self.kind, low[self.columns], high[self.columns])
        return np.clip(out, low, high)

    def points(self, points: ArrayLike, angle: ArrayLike) -> Array:
        """Points [..., 3] of armature space turned likewise; angle [...]."""
        return self.centre + self.directions(np.asarray(points, float) - self.centre, angle)

    def directions(self, vectors: ArrayLike, angle: ArrayLike) -> Array:
        """Directions [..., 3] turned likewise."""
        return rot.rotate(rot.from_axis_angle(self.up, angle), vectors)
