# SPDX-License-Identifier: Apache-2.0
"""The paper's inverse kinematics data (Sec. 4.1): random poses of a two-dimensional humanoid, 30 variables.

Metres and radians; x to the right, y up; positive angles turn clockwise, a bone's world angle is the sum over itself
and its ancestors. Kept as in the authors' data, so that figures can be compared: end bones have angles that are always
0, the left elbow bends up where the right one bends down, both legs swing to the same side, and `centre_of_mass` is
the sum of the 11 boxes' outline averages (first corner counted twice) over 16, about 11/16 of the true one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drmm_engine.schema import Schema, Stream, Variable


@dataclass(frozen=True)
class Bone:
    """A bone: offset from its parent (m), range of its angle (units of pi), opposite corners of its box (m)."""

    name: str
    parent: int
    offset: tuple[float, float]
    angle: tuple[float, float] = (0.0, 0.0)
    box: tuple[float, float, float, float] | None = None


ROOT_X, ROOT_Y = (-0.3, 0.3), (0.4, 1.0)
_TRUNK, _LEG = (-0.15, 0.0, 0.15, 0.25), (-0.05, 0.0, 0.05, -0.35)
_RIGHT_ARM, _LEFT_ARM = (0.0, 0.05, 0.3, -0.05), (0.0, 0.05, -0.3, -0.05)
BONES = (
    Bone("torso", -1, (0.0, 0.0), (-0.4, 0.4), _TRUNK),
    Bone("upper_torso", 0, (0.0, 0.25), (-0.4, 0.4), _TRUNK),
    Bone("head", 1, (0.0, 0.25), (-0.1, 0.1), (-0.075, 0.0, 0.075, 0.25)),
    Bone("head_top", 2, (0.0, 0.25)),
    Bone("right_upper_arm", 1, (0.15, 0.25), (-0.5, 0.5), _RIGHT_ARM),
    Bone("right_forearm", 4, (0.3, 0.0), (0.0, 0.5), _RIGHT_ARM),
    Bone("right_hand", 5, (0.3, 0.0)),
    Bone("left_upper_arm", 1, (-0.15, 0.25), (-0.5, 0.5), _LEFT_ARM),
    Bone("left_forearm", 7, (-0.3, 0.0), (0.0, 0.5), _LEFT_ARM),
    Bone("left_hand", 8, (-0.3, 0.0)),
    Bone("right_thigh", 0, (0.15, 0.0), (-0.1, 0.3), _LEG),
    Bone("right_shin", 10, (0.0, -0.35), (-0.25, 0.25), _LEG),
    Bone("right_foot", 11, (0.0, -0.35)),
    Bone("left_thigh", 0, (-0.15, 0.0), (-0.1, 0.3), _LEG),
    Bone("left_shin", 13, (0.0, -0.35), (-0.25, 0.25), _LEG),
    Bone("left_foot", 14, (0.0, -0.35)),
)
EFFECTORS = ("right_hand", "left_hand", "right_foot", "left_foot", "head_top")


def schema(constants: bool = True) -> Schema:
    """The 30 variables in the paper's order, unscaled; without the five angles that are always 0, 25."""
    angles = [Variable(f"{bone.name}_angle", "rad") for bone in BONES if constants or bone.angle != (0.0, 0.0)]
    points = [Variable(f"{name}_{axis}", "m") for name in ("centre_of_mass", *EFFECTORS) for axis in "xy"]
    return Schema((Stream("pose", (Variable("root_x", "m"), Variable("root_y", "m"), *angles, *points)),))


def rows(count: int, seed: int = 0) -> np.ndarray:
    """Independent random poses [count, 30], float32: root and angles uniform in their ranges, points by `forward`."""
    rng = np.random.default_rng(seed)
    low, high = np.array([ROOT_X, ROOT_Y, *(np.multiply(bone.angle, np.pi) for bone in BONES)]).T
    out = np.empty((count, 30), dtype=np.float32)
    for first in range(0, count, 4096):  # keeps the intermediate arrays in the cache
        part = out[first : first + 4096]
        part[:, :18] = rng.uniform(low, high, (len(part), 18))
        origins, centre = forward(part[:, :18])
        part[:, 18:20] = centre
        for i, name in enumerate(EFFECTORS):
            part[:, 20 + 2 * i : 22 + 2 * i] = origins[:, index(name)]
    return out


def forward(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Origins of the bones [rows, 16, 2] and the authors' "centre of mass" [rows, 2] of parameters [rows, 18]."""
    turn: list[np.ndarray] = []  # a bone's axes as seen from the world: a clockwise turn is a factor e^(-i angle)
    origins: list[np.ndarray] = []
    centre = np.zeros(len(parameters), dtype=complex)
    for i, bone in enumerate(BONES):
        own = np.exp(-1j * parameters[:, 2 + i].astype(float))
        turn.append(own if i == 0 else own * turn[bone.parent])
        root = parameters[:, 0] + 1j * parameters[:, 1]
        origins.append(root if i == 0 else origins[bone.parent] + complex(*bone.offset) * turn[bone.parent])
        if bone.box:
            centre = centre + (origins[i] + _outline_mean(bone.box) * turn[i]) / len(BONES)
    points = np.stack([*origins, centre], axis=1)
    points = np.stack([points.real, points.imag], axis=-1)
    return points[:, :-1], points[:, -1]


def _outline_mean(box: tuple[float, float, float, float]) -> complex:
    """The mean of a box's closed outline of five points, the first corner counted twice."""
    x0, y0, x1, y1 = box
    return complex(2 * (x0 + x1) + x0, 2 * (y0 + y1) + y0) / 5


def index(name: str) -> int:
    """The place of a bone in `BONES`."""
    return next(i for i, bone in enumerate(BONES) if bone.name == name)
