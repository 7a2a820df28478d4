# SPDX-License-Identifier: Apache-2.0
"""What goals say of the variables of a rig's model, in the frame of a pose that heads as at rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.goals import Angle, At, Beyond, Goal, Near, Point, Within
from drmm_engine.body.heading import Heading
from drmm_engine.body.poses import parameter
from drmm_engine.body.rig import Rig
from drmm_engine.body.rotations import Array
from drmm_engine.evidence import Evidence, Functionals, Inequalities, Observations
from drmm_engine.model import Model

GOAL_SD, PLACE_SD = 0.012, 0.2
"""How exactly a draw is to meet a goal before it is solved, and how far it may stand from where it does, statures."""
ANGLE_SD, HEADING_SD = np.radians(3.0), np.radians(30.0)
"""The same for an angle, and for the heading where it is not turned right round, radians."""
ROUND = 0.25
"""Share of the draws whose heading is anything."""
UPRIGHT = 1 - 1e-9
"""Cosine from which on a half-space's normal is vertical, and the same in all headings."""
LEAST = 1e-8
"""Variance that a half-space keeps where observations say it all, model units."""

Said = tuple[int, Array, float]  # a variable's column, its values [n or 1], their standard deviation; data units


@dataclass(frozen=True)
class Asked:
    """A query: goals for a rig whose pose now is [P], and the parameters [P] that keep its values."""

    model: Model
    rig: Rig
    goals: list[Goal]
    now: Array
    held: NDArray[np.bool_]

    @cached_property
    def heading(self) -> Heading | None:
        """The heading that the model leaves out."""
        bone = (self.model.features or {}).get("heading")
        return None if bone is None else Heading.of(self.rig, bone, self.bones[0])

    @cached_property
    def bones(self) -> Array:
        """The bones where all parameters are 0, and in the pose now, [2, B, 4, 4]."""
        return self.rig.joints.links.matrices(np.stack([np.zeros(self.rig.joints.P), self.now]))

    @cached_property
    def heads(self) -> float:
        """The heading now, radians."""
        return 0.0 if self.heading is None else float(self.heading.angle(self.now[None])[0])

    def heading_prior(self, angle: Array) -> Array:
        """log p of headings [n], nats."""
        turn = angle - self.heads
        turn = (turn + np.pi) % (2 * np.pi) - np.pi
        near = np.exp(-0.5 * (turn / HEADING_SD) ** 2) / (HEADING_SD * np.sqrt(2 * np.pi))
        return np.log((1 - ROUND) * near + ROUND / (2 * np.pi))

    @cached_property
    def columns(self) -> NDArray[np.intp]:
        """Places among the rig's parameters of the model's pose variables, which come first; ValueError if it has
        others."""
        return pose_columns(self.model, self.rig)

    @cached_property
    def effectors(self) -> dict[tuple[str, str], int]:
        """Column of each effector's x among the model's variables."""
        pairs = (self.model.features or {})["effectors"]
        return {(bone, end): len(self.columns) + 3 * i for i, (bone, end) in enumerate(pairs)}


def pose_columns(model: Model, rig: Rig) -> NDArray[np.intp]:
    """Places among the rig's parameters of the model's pose variables, which come first; ValueError if it has others.
    """
    features = model.features or {}
    if features.get("kind") != "rig" or len(model.schema.streams) != 1:
        raise ValueError("this model is not of a rig's poses: learn the rig first")
    own = {parameter(name): i for i, name in enumerate(rig.joints.names)}
    wanted = model.schema.names[: len(model.schema.names) - 3 * len(features.get("effectors", ()))]
    for name in wanted:
        if name not in own:
            raise ValueError(f"this model is of another rig, which has {name!r}: learn this rig again")
    return np.array([own[name] for name in wanted], dtype=np.intp)


def evidence(asked: Asked, turn: Array | None) -> Evidence:
    """What the goals, the held parameters and the place of the pose now say, in frames that are turned by angles [n]
    with the draws (None: not turned).

    Observations z = x + e of parameters and places, one case a frame, and half-spaces. Conditions in data units would
    say the same, in three times the time.
    """
    schema, said = asked.model.schema, [*_of_pose(asked, turn), *_of_places(asked, turn)]
    half_spaces = _half_spaces(asked, [goal for goal in asked.goals if isinstance(goal, Beyond)])
    if not said:
        return Evidence(None, half_spaces, None, 1)
    columns, rows = np.array([column for column, _, _ in said], dtype=np.intp), 1 if turn is None else len(turn)
    offset, scale = schema.offset[columns], schema.scale[columns]
    z = np.stack([np.broadcast_to(value, rows) for _, value, _ in said], axis=1)
    noise = (np.array([sd for _, _, sd in said]) / scale)[None] ** 2
    functionals = Functionals(columns, None, len(set(columns.tolist())) == len(columns))
    return Evidence(Observations(functionals, (z - offset) / scale, noise, 1 + 0 * noise), half_spaces, None, rows)


def _of_pose(asked: Asked, turn: Array | None) -> Iterator[Said]:
    """Held parameters, angles with a goal, and the place where the pose stands now."""
    here = asked.now[None]
    if asked.heading is not None and turn is not None:
        here = asked.heading.turned(np.tile(asked.now, (len(turn), 1)), -turn)
    wanted = {goal.parameter: goal for goal in asked.goals if isinstance(goal, Angle) and goal.weight > 0}
    joints, stature = asked.rig.joints, asked.rig.stature
    for column, i in enumerate(asked.columns):
        name, moves = joints.names[i], joints.units[i] == "m"
        if asked.held[i] and not moves:
            yield column, here[:, i], 0.0
        elif name in wanted:
            goal, exact = wanted[name], GOAL_SD * stature if moves else ANGLE_SD
            yield column, np.array([goal.value]), max(goal.sd, exact)
        elif moves:
            yield column, here[:, i], (GOAL_SD if asked.held[i] else PLACE_SD) * stature


def _of_places(asked: Asked, turn: Array | None) -> Iterator[Said]:
    """Goals for points that are effectors; a box says as much as a normal distribution of its size."""
    goals = [goal for goal in asked.goals if isinstance(goal, (At, Near, Within)) and goal.weight > 0]
    firsts = [_effector(asked, goal.point) for goal in goals]
    wanted = [(first, *_target(goal)) for first, goal in zip(firsts, goals, strict=True) if first is not None]
    points = np.array([target for _, target, _ in wanted]).reshape(-1, 1, 3)
    if asked.heading is not None and turn is not None:
        points = asked.heading.points(points, -turn)
    for (first, _, sd), each in zip(wanted, points, strict=True):
        for axis in range(3):
            yield first + axis, each[:, axis], max(sd, GOAL_SD * asked.rig.stature)


def _target(goal: At | Near | Within) -> tuple[Array, float]:
    """Where a point is wanted [3], and how far about, as a standard deviation."""
    if isinstance(goal, Within):
        box = np.asarray(goal.matrix, float)
        return box[:3, 3], float(np.linalg.norm(box[:3, :3])) / 3
    return np.asarray(goal.target, float), goal.sd if isinstance(goal, Near) else 0.0


def _half_spaces(asked: Asked, goals: list[Beyond]) -> Inequalities | None:
    """a.x + b > 0 of the walls that the pose now does not stand on the right side of and that look alike in all
    headings; the others are left to the solver: they hardly change what is drawn, and take time."""
    if not goals:
        return None
    schema, rows, offsets = asked.model.schema, [], []
    pose = asked.bones[1]
    for goal in goals:
        first, normal = _effector(asked, goal.point), np.asarray(goal.normal, float)
        alike = asked.heading is None or abs(normal @ asked.heading.up) > UPRIGHT * np.sqrt(normal @ normal)
        if first is None or goal.weight == 0 or not alike or _place(asked, goal.point, pose) @ normal > -goal.offset:
            continue
        row = np.zeros(len(schema.scale))
        row[first : first + 3] = normal * schema.scale[first : first + 3]
        length = np.linalg.norm(row)
        rows.append(row / length)
        offsets.append((goal.offset + normal @ schema.offset[first : first + 3]) / length)
    if not rows:
        return None
    b = np.array(offsets)[None]
    return Inequalities(Functionals(None, np.stack(rows), False), b, 1 + 0 * b, None, LEAST + 0 * b)


def _place(asked: Asked, point: Point, pose: Array) -> Array:
    """Where a point of one bone is [3] in a pose [B, 4, 4]."""
    bone = pose[asked.rig.joints.armature.names.index(point.bones[0])]
    return bone[:3, :3] @ point.offsets[0] + bone[:3, 3]


def _effector(asked: Asked, point: Point) -> int | None:
    """The column of the x of the effector that a point is, or None."""
    if len(point.bones) != 1:
        return None
    (bone,), (offset,) = point.bones, point.offsets
    armature = asked.rig.joints.armature
    length = armature.lengths[armature.names.index(bone)] if bone in armature.names else 0.0
    for end, y in (("head", 0.0), ("tail", length)):
        if (bone, end) in asked.effectors and np.abs(offset - (0.0, y, 0.0)).max() < 1e-6 * asked.rig.stature:
            return asked.effectors[bone, end]
    return None
