# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits for joints that have none of their own: by what their bones are called and how they stand at rest.

Bones roll as their makers liked, so ranges are said by where a bone goes (forward, out, up) and carried into its axes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drmm_engine.body import rotations
from drmm_engine.body.armature import Armature
from drmm_engine.body.rotations import Array

UPRIGHT = ("Head", "LeftFoot", "RightFoot")
SWING, TWIST = 60.0, 30.0  # degrees either way for a joint of which nothing is known
PAST = 6.0  # degrees that a hinge goes past straight
BENT = 8.0  # degrees between two bones at rest from which on they show how their joint bends
ALIGNED = 0.35  # a hinge this near to an axis, as a tangent, turns about that axis alone

# Canonical joint without its side: towards (far, back) degrees, towards (far, back) degrees, twist (less, more).
# Of poses of people 95 in 100 are within each of them.
REACH = {
    "Spine": ("forward", 40, 25, "out", 25, 25, 25, 25),
    "Chest": ("forward", 30, 20, "out", 20, 20, 25, 25),
    "Neck": ("forward", 35, 35, "out", 30, 30, 45, 45),
    "Head": ("forward", 35, 35, "out", 25, 25, 45, 45),
    "Shoulder": ("up", 40, 15, "forward", 25, 20, 20, 20),
    "UpperArm": ("forward", 110, 45, "up", 80, 120, 80, 80),
    "Hand": ("down", 75, 65, "forward", 25, 30, 15, 15),
    "UpperLeg": ("forward", 115, 35, "out", 50, 25, 40, 40),
    "Foot": ("up", 40, 50, "out", 35, 30, 25, 25),
    "Toes": ("up", 50, 30, "out", 0, 0, 0, 0),
}
# Towards where it bends, how far, twist.
HINGES = {"LowerArm": ("forward", 150, 80), "LowerLeg": ("back", 145, 10)}
HINGED = re.compile(
    r"knee|elbow|shin|calf|crus|hock|fore_?arm|lower_?arm|lower_?leg|finger|thumb|index|middle|ring|pinky"
)
SUPPLE = re.compile(r"tail|tentacle|rope|chain|spine|back|trunk")


@dataclass(frozen=True)
class Body:
    """Directions of a body in armature space, unit vectors `[3]`: left and forward are at right angles to up."""

    up: Array
    left: Array
    forward: Array

    def towards(self, direction: str, side: int) -> Array:
        """A direction by name; `side` is 1 for the body's left, -1 for its right."""
        return {
            "up": self.up, "down": -self.up, "forward": self.forward, "back": -self.forward, "out": side * self.left,
        }[direction]  # fmt: skip


def body(armature: Armature, mapping: Mapping[str, str], up: Array) -> Body:
    """The directions of a rig: of a body those of its own rest pose, else up as given and left Blender's +X."""
    if all(mapping.get(joint) for joint in UPRIGHT):
        head, *feet = (armature.rest[armature.names.index(mapping[joint]), :3, 3] for joint in UPRIGHT)
        up = head - np.mean(feet, axis=0)
    up = rotations.normalize(up)
    left = np.array([1.0, 0.0, 0.0])
    for part in ("UpperLeg", "UpperArm"):
        pair = [mapping.get(side + part) for side in ("Left", "Right")]
        if all(pair):
            ends = [armature.rest[armature.names.index(name), :3, 3] for name in pair]
            left = ends[0] - ends[1]
            break
    left = left - up * (left @ up)
    if np.linalg.norm(left) < 1e-6:
        left = rotations.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    left = rotations.normalize(left)
    return Body(up, left, rotations.cross(left, up))


def ranges(armature: Armature, bone: int, joint: str | None, frame: Body) -> tuple[Array, Array]:
    """Least and greatest swing (x, z) and twist (y) `[3]` in radians of a bone in its own axes.

    `joint` is the canonical joint that the bone is, or None.
    """
    part = (joint or "").removeprefix("Left").removeprefix("Right")
    side = -1 if (joint or "").startswith("Right") else 1
    turn = armature.rest[bone, :3, :3]
    if part in HINGES:
        towards, far, twist = HINGES[part]
        return _hinge(armature, bone, frame.towards(towards, side), far, twist)
    if part in REACH:
        return _reach(turn, REACH[part], frame, side)
    name = armature.names[bone].lower()
    if HINGED.search(name) and _bend(armature, bone) is not None:
        return _hinge(armature, bone, None, 150.0, 10.0)
    swing, twist = (30.0, 10.0) if SUPPLE.search(name) else (SWING, TWIST)
    high = np.radians([swing, twist, swing])
    return -high, high


def root_ranges(armature: Armature, bone: int, frame: Body) -> tuple[Array, Array]:
    """Limits of the bone that carries the body: it leans, and turns all round about the vertical."""
    upright = np.abs(frame.up @ armature.rest[bone, :3, :3])
    high = np.radians([SWING, SWING, SWING])
    high[int(np.argmax(upright))] = np.pi
    return -high, high


def _reach(turn: Array, reach: tuple, frame: Body, side: int) -> tuple[Array, Array]:
    """The box about the rectangle of two swings, each towards a direction and back, in the bone's own axes."""
    first, far, back, second, out, into, less, more = reach
    along = turn[:, 1]
    if second == "up":  # an arm: what hangs lower at rest has further to go up, and less down
        lowered = np.degrees(np.arcsin(np.clip(-along @ frame.up, -1, 1)))
        out, into = out + lowered, max(into - lowered, 10.0)
    axes = [_axis(turn, frame.towards(towards, side)) for towards in (first, second)]
    corners = np.array([a * axes[0] + b * axes[1] for a in (-back, far) for b in (-into, out)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    low[1], high[1] = -less, more
    return np.radians(low), np.radians(high)


def _axis(turn: Array, towards: Array) -> Array:
    """The axis, in the bone's own axes, about which it swings towards a direction; (1, 0, 0) where it points there."""
    axis = rotations.cross(turn[:, 1], towards) @ turn
    return rotations.normalize(axis) if np.linalg.norm(axis) > 1e-3 else np.array([1.0, 0.0, 0.0])


def _bend(armature: Armature, bone: int) -> tuple[Array, float] | None:
    """Axis (the bone's own axes) and angle (degrees) of the bend from its parent at rest; None where it is straight."""
    parent = armature.parents[bone]
    if parent < 0:
        return None
    above, along = armature.rest[parent, :3, 1], armature.rest[bone, :3, 1]
    axis = rotations.cross(above, along)
    angle = float(np.degrees(np.arctan2(np.linalg.norm(axis), above @ along)))
    if not BENT < angle < 120.0:
        return None
    return rotations.normalize(axis) @ armature.rest[bone, :3, :3], angle


def _hinge(armature: Armature, bone: int, towards: Array | None, far: float, twist: float) -> tuple[Array, Array]:
    """A joint that bends one way, up to `far` degrees from straight: the way it is bent at rest, else towards."""
    bend = _bend(armature, bone)
    wanted = None if towards is None else _axis(armature.rest[bone, :3, :3], towards)
    if bend is not None and (wanted is None or bend[0] @ wanted > 0.5):
        axis, bent = bend
    else:
        axis, bent = wanted, 0.0
    axis = np.where(np.abs(axis) < ALIGNED * np.abs(axis).max(), 0.0, axis)
    ends = np.array([-(bent + PAST) * axis, (far - bent) * axis])
    low, high = ends.min(axis=0), ends.max(axis=0)
    low[1], high[1] = -twist, twist
    return np.radians(low), np.radians(high)
