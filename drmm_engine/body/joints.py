# SPDX-License-Identifier: Apache-2.0
"""The joints of an armature that poses drive, how far each may go, and poses as vectors of P parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drmm_engine.body import rotations
from drmm_engine.body.armature import Armature, Basis, pose_matrices
from drmm_engine.body.links import Links, link_joints
from drmm_engine.body.rotations import Array

KINDS = ("swing", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
AXES = "xyz"


@dataclass(frozen=True)
class Joint:
    """A driven bone and its limits in radians; low == high locks an axis at that value.

    Kind "swing": q = exp(x, 0, z) exp(0, y, 0), the bone's own twist y first, then the swing, whose only singular
    place is straight back. Or the angles of one of Blender's Euler orders. A bone that moves has limits
    of its location too, in lengths of the armature.
    """

    bone: str
    kind: str
    low: Sequence[float] | Array
    high: Sequence[float] | Array
    move_low: Sequence[float] | Array | None = None
    move_high: Sequence[float] | Array | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"joint {self.bone!r}: kind is {self.kind!r}; use one of {', '.join(KINDS)}")
        if (self.move_low is None) != (self.move_high is None):
            raise ValueError(f"joint {self.bone!r}: give both move_low and move_high, or neither")
        for low, high, what in ((self.low, self.high, "low"), (self.move_low, self.move_high, "move_low")):
            if low is None:
                continue
            ends = np.asarray([low, high], float)
            if ends.shape != (2, 3) or not np.isfinite(ends).all() or (ends[0] > ends[1]).any():
                raise ValueError(f"joint {self.bone!r}: {what} and its high must be three finite numbers each, "
                                 f"the first not above the second; got {low} and {high}")

    @property
    def moves(self) -> bool:
        """Whether the bone's location is driven too."""
        return self.move_low is not None


@dataclass(frozen=True)
class Joints:
    """Driven joints of an armature; `base` keeps whatever of the pose is not driven. ValueError names a bad joint."""

    armature: Armature
    joints: tuple[Joint, ...]
    base: Basis

    def __post_init__(self) -> None:
        driven = [joint.bone for joint in self.joints]
        for number, joint in enumerate(self.joints):
            if joint.bone not in self.armature.names:
                raise ValueError(f"joint {joint.bone!r}: the armature has no such bone")
            if joint.bone in driven[:number]:
                raise ValueError(f"joint {joint.bone!r} is given twice; keep one of the two")
            if joint.moves and self.armature.connected[self.armature.names.index(joint.bone)]:
                raise ValueError(f"joint {joint.bone!r} moves, but the bone is connected to its parent; disconnect it")

    @cached_property
    def bones(self) -> NDArray[np.int64]:
        """Places of the driven bones in the armature, [J]."""
        return np.array([self.armature.names.index(joint.bone) for joint in self.joints], int)

    @cached_property
    def moving(self) -> list[int]:
        """Places of the joints that move."""
        return [place for place, joint in enumerate(self.joints) if joint.moves]

    @property
    def P(self) -> int:  # noqa: N802 (as in the formulas)
        """The number of parameters: three angles a joint, then three coordinates a joint that moves."""
        return 3 * (len(self.joints) + len(self.moving))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """BONE.x, BONE.y, BONE.z of every joint, then BONE.move_x, .. of those that move."""
        turns = [f"{joint.bone}.{axis}" for joint in self.joints for axis in AXES]
        return tuple(turns + [f"{self.joints[place].bone}.move_{axis}" for place in self.moving for axis in AXES])

    @cached_property
    def units(self) -> tuple[str, ...]:
        """"rad" of angles, "m" of places: lengths of the armature."""
        return ("rad",) * 3 * len(self.joints) + ("m",) * 3 * len(self.moving)

    @cached_property
    def low(self) -> Array:
        """Least values [P]."""
        return self._ends("low")

    @cached_property
    def high(self) -> Array:
        """Greatest values [P]."""
        return self._ends("high")

    def _ends(self, end: str) -> Array:
        ends = [getattr(joint, end) for joint in self.joints]
        ends += [getattr(self.joints[place], f"move_{end}") for place in self.moving]
        return np.asarray(ends, float).reshape(-1)

    @cached_property
    def links(self) -> Links:
        """The joints as links, for the solver; ValueError names a bone that it cannot turn."""
        return link_joints(self)

    def basis(self, theta: ArrayLike) -> Basis:
        """Location, rotation and scale of all bones [..., B, :] in poses theta [..., P]."""
        theta = self._checked(theta)
        lead, count = theta.shape[:-1], len(self.joints)
        angles = theta[..., : 3 * count].reshape(*lead, count, 3)
        location, rotation, scale = (
            np.array(np.broadcast_to(part, (*lead, *np.shape(part)[-2:])), float)
            for part in (self.base.location, self.base.rotation, self.base.scale)
        )
        for kind, places in self.kinds.items():
            rotation[..., self.bones[places], :] = quaternions(angles[..., places, :], kind)
        location[..., self.bones[self.moving], :] = theta[..., 3 * count :].reshape(*lead, len(self.moving), 3)
        return Basis(location, rotation, scale)

    def matrices(self, theta: ArrayLike) -> Array:
        """Bones [..., B, 4, 4] in armature space in poses theta [..., P]."""
        return pose_matrices(self.armature, self.basis(theta))

    def parameters(self, basis: Basis) -> tuple[Array, Array]:
        """Parameters [..., P] of a pose, clipped into the limits, and the turn [..., J] in radians that joints lack."""
        rotation = rotations.normalize(np.asarray(basis.rotation, float)[..., self.bones, :])
        lead, count = rotation.shape[:-2], len(self.joints)
        angles, lacks = np.empty((*lead, count, 3)), np.empty((*lead, count))
        low, high = (end[: 3 * count].reshape(count, 3) for end in (self.low, self.high))
        for kind, places in self.kinds.items():
            within = angles_within(rotation[..., places, :], kind, low[places], high[places])
            angles[..., places, :] = within
            lacks[..., places] = _turn_between(rotation[..., places, :], quaternions(within, kind))
        places = np.asarray(basis.location, float)[..., self.bones[self.moving], :]
        theta = np.concatenate([angles.reshape(*lead, -1), places.reshape(*lead, -1)], axis=-1)
        return np.clip(theta, self.low, self.high), lacks

    @cached_property
    def kinds(self) -> dict[str, list[int]]:
        """Places of the joints of each kind."""
        kinds: dict[str, list[int]] = {}
        for place, joint in enumerate(self.joints):
            kinds.setdefault(joint.kind, []).append(place)
        return kinds

    def _checked(self, theta: ArrayLike) -> Array:
        theta = np.asarray(theta, float)
        if theta.shape[-1:] != (self.P,):
            raise ValueError(f"poses have {self.P} parameters, got an array of shape {theta.shape}")
        return theta


def quaternions(angles: Array, kind: str) -> Array:
    """Rotations [..., 4] of a joint's three angles [..., 3], radians, in one of KINDS."""
    if kind == "swing":
        swing = rotations.from_rotation_vector(angles * (1.0, 0.0, 1.0))
        return rotations.multiply(swing, rotations.from_rotation_vector(angles * (0.0, 1.0, 0.0)))
    # Blender names its Euler orders the other way round.
    return rotations.from_euler(angles[..., ["XYZ".index(axis) for axis in reversed(kind)]], kind[::-1])


def angles_of(q: Array, kind: str) -> Array:
    """The three angles [..., 3] of unit quaternions [..., 4]; the middle one of an Euler order is in [-pi/2, pi/2]."""
    if kind == "swing":
        twist = q * (1.0, 0.0, 1.0, 0.0)
        back = np.linalg.norm(twist, axis=-1, keepdims=True) < 1e-9
        twist = np.where(back, rotations.IDENTITY, rotations.normalize(twist))
        swing = rotations.to_rotation_vector(rotations.multiply(q, rotations.inverse(twist)))
        return swing * (1.0, 0.0, 1.0) + rotations.to_rotation_vector(twist) * (0.0, 1.0, 0.0)
    return rotations.to_euler(q, kind[::-1])[..., [kind[::-1].index(axis) for axis in "XYZ"]]


def angles_within(q: Array, kind: str, low: Array, high: Array) -> Array:
    """Angles within limits [k, 3]: of all ways to write a rotation, the one that the limits change least."""
    written = angles_of(q, kind)
    ways = [written] if kind == "swing" else [written, _other_way(written, kind)]
    whole = 2.0 * np.pi
    ways = [way + whole * np.round((0.5 * (low + high) - way) / whole) for way in ways]
    clipped = [np.clip(way, low, high) for way in ways]
    changed = [np.abs(a - b).sum(axis=-1, keepdims=True) for a, b in zip(ways, clipped, strict=True)]
    return clipped[0] if len(ways) == 1 else np.where(changed[0] <= changed[1], clipped[0], clipped[1])


def _other_way(angles: Array, kind: str) -> Array:
    """The same rotation by Euler angles whose middle one is past a quarter turn."""
    other = angles + np.pi
    middle = "XYZ".index(kind[1])
    other[..., middle] = np.pi - angles[..., middle]
    return other


def _turn_between(a: Array, b: Array) -> Array:
    apart, together = np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1)
    return 4.0 * np.arctan2(np.minimum(apart, together), np.maximum(apart, together))
