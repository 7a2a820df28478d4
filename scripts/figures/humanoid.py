# SPDX-License-Identifier: Apache-2.0
"""Queries to the two-dimensional humanoid (paper, Fig. 6), and how well poses answer them.

Poses are given by their 18 parameters [B, 18], root (m) and angles (rad), as in `training.humanoid2d`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

import drmm_engine as drmm
from drmm_engine import Schema
from training.humanoid2d import BONES, EFFECTORS, ROOT_X, ROOT_Y, forward, schema

NAMES = [bone.name for bone in BONES]
PARAMETERS = schema().names[:18]
LOW, HIGH = np.array([ROOT_X, ROOT_Y, *(np.multiply(bone.angle, np.pi) for bone in BONES)]).T
MOVING = np.setdiff1d(np.arange(len(schema().names)), np.flatnonzero(LOW == HIGH))  # the columns that vary


@dataclass(frozen=True)
class Bound:
    """sign * (limit - an effector's coordinate) > 0, axis 0 or 1, metres, and the weight of that half-space."""

    effector: str
    axis: int
    sign: float
    limit: float
    weight: float = 1.0


@dataclass(frozen=True)
class Query:
    """Places of effectors (m) and bounds on them."""

    title: str
    goals: dict[str, tuple[float, float]] = field(default_factory=dict)
    bounds: tuple[Bound, ...] = ()

    def conditions(self) -> list:
        """As a model is asked."""
        places = {f"{name}_{axis}": place["xy".index(axis)] for name, place in self.goals.items() for axis in "xy"}
        known = [drmm.Known(places)] if places else []
        return known + [drmm.HalfSpace({f"{b.effector}_{'xy'[b.axis]}": -b.sign}, b.sign * b.limit, b.weight)
                        for b in self.bounds]


_GOALS = {"left_foot": (-0.2, 0.0), "right_foot": (0.2, 0.0), "right_hand": (0.8, 1.0)}
_CEILING = tuple(Bound(name, 1, 1.0, 1.2, 3.0) for name in EFFECTORS)
_ROOM = tuple(Bound(name, axis, sign, limit) for name in EFFECTORS
              for axis, sign, limit in ((1, -1.0, 0.0), (0, -1.0, -0.5), (0, 1.0, 0.5)))
QUERIES = (
    Query("no conditions"),
    Query("feet and right hand known", _GOALS),
    Query("the same, y < 1.2 m", _GOALS, _CEILING),
    Query("0 < y < 1.2 m, |x| < 0.5 m", {}, _CEILING + _ROOM),
)


def moving_schema() -> Schema:
    """The 25 variables that vary: no covariance is full over constants."""
    stream = schema().streams[0]
    return Schema((replace(stream, variables=tuple(stream.variables[i] for i in MOVING)),))


def parameters(draw: drmm.Draw) -> np.ndarray:
    """The sampled root and angles [B, 18], 0 for angles that the model leaves out."""
    columns = [draw[name] if name in draw.names else np.zeros(len(draw)) for name in PARAMETERS]
    return np.stack(columns, axis=1)


def effector(poses: np.ndarray, name: str) -> np.ndarray:
    """Where forward kinematics put an effector, [B, 2], m."""
    return forward(poses)[0][:, NAMES.index(name)]


def goal_error(poses: np.ndarray, query: Query) -> np.ndarray:
    """Mean distance of effectors from their goals by forward kinematics, [B], m; 0 without goals."""
    misses = [np.linalg.norm(effector(poses, name) - place, axis=1) for name, place in query.goals.items()]
    return np.mean(misses, axis=0) if misses else np.zeros(len(poses))


def bounds_met(poses: np.ndarray, query: Query) -> np.ndarray:
    """Whether each bound holds by forward kinematics, [B, bounds]."""
    slack = [b.sign * (b.limit - effector(poses, b.effector)[:, b.axis]) for b in query.bounds]
    return np.array(slack).reshape(len(slack), len(poses)).T > 0


def outlines(poses: np.ndarray) -> np.ndarray:
    """Corners of the 11 bodies' boxes, [B, 11, 4, 2], m."""
    turn: list[np.ndarray] = []
    for i, bone in enumerate(BONES):
        own = np.exp(-1j * poses[:, 2 + i])
        turn.append(own if i == 0 else own * turn[bone.parent])
    origins = forward(poses)[0] @ [1, 1j]
    boxes = []
    for i, bone in enumerate(BONES):
        if bone.box:
            x0, y0, x1, y1 = bone.box
            corners = np.array([complex(x0, y0), complex(x1, y0), complex(x1, y1), complex(x0, y1)])
            boxes.append(origins[:, i, None] + corners * turn[i][:, None])
    corners = np.stack(boxes, axis=1)
    return np.stack([corners.real, corners.imag], axis=-1)
