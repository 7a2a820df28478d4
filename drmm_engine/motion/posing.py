# SPDX-License-Identifier: Apache-2.0
"""Poses for goals: drawn from a pose model under many hypotheses of where the body stands, solved, and ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array
from drmm_engine.conditions import GaussianPrior
from drmm_engine.model import Model
from drmm_engine.motion.frames import FEET, HIPS
from drmm_engine.motion.pose_features import decode, variable
from drmm_engine.motion.pose_solver import solve
from drmm_engine.motion.skeleton import JOINTS, index

GOALS = ("Hips", "Head", "LeftHand", "RightHand", "LeftFoot", "RightFoot")
"""Canonical joints that may have a goal."""
PLACE_SD, HEADING_SD = 0.12, np.radians(15.0)
"""How far the hips' place (metres) and the heading of the draws lie around the given ones."""
GOAL_SD = 0.03
"""How exactly a draw is to meet the goals before it is solved, metres."""
MISS, CHANGE = 0.01, 0.05
"""Miss of a goal after solving, and change made by solving, that cost half a nat, metres."""
NEAREST = 0.6
"""Distance on the floor from which the centre of the goals is in reach, metres."""
DIFFERENT, FIRST = 0.05, 8
"""Mean distance of joints above which two poses differ, metres; how many of the first are to differ."""


@dataclass(frozen=True)
class Poses:
    """Poses, best first, in model size and in the space of the goals.

    `positions` [n, 20, 3] of the canonical joints, metres; `log_weight` [n] what they are ranked by, nats; `error` [n]
    the largest distance of a joint from its goal, metres.
    """

    positions: Array
    log_weight: Array
    error: Array


def sample_poses(
    model: Model,
    goals: Mapping[str, ArrayLike],
    count: int = 64,
    seed: int = 0,
    heading: float = 0.0,
    origin: ArrayLike = (0.0, 0.0),
) -> Poses:
    """`count` poses that meet goals: canonical joint (see `GOALS`) -> (x, y, z) in metres, Z up, floor at z = 0.

    Where the body stands is free unless Hips is a goal: each draw supposes its own place ~ N(origin, PLACE_SD²) and
    heading ~ N(heading, HEADING_SD²); goals of feet, or goals out of reach from `origin`, move the middle of the
    places. The goals, in that frame, are Gaussian priors on the draw, which is then solved. Ranked by

        log importance weight + log prior of place and heading - ½ (error / MISS)² - ½ (change / CHANGE)²

    where change is the root mean square distance of the joints from where they were drawn; a pose that nearly equals
    a better one comes after the first `FIRST` different ones. ValueError for an unknown goal or number.
    """
    if (model.features or {}).get("kind") != "pose" or not model.skeleton:
        raise ValueError("this model is not of poses: choose a pose model")
    targets = goal_points(goals)
    rest = np.asarray(model.skeleton["rest"], float)
    places, headings, log_prior = _hypotheses(targets, count, seed, heading, np.asarray(origin, float), rest)
    draw = model.sample(_conditions(targets, places, headings), count=count, seed=seed, rank=False)
    drawn = decode(draw.values, places, headings)
    if targets and HIPS not in targets:
        drawn += _centred(drawn, targets)
    positions = solve(drawn, targets, rest)
    miss = [np.linalg.norm(positions[:, joint] - goal, axis=-1) for joint, goal in targets.items()]
    error = np.max(miss, axis=0) if miss else np.zeros(count)
    change = np.sqrt(np.mean(np.sum((positions - drawn) ** 2, axis=-1), axis=-1))
    score = draw.log_weight + log_prior - 0.5 * (error / MISS) ** 2 - 0.5 * (change / CHANGE) ** 2
    order = _varied(positions, np.argsort(-score, kind="stable"))
    return Poses(positions[order], score[order], error[order])


def goal_points(goals: Mapping[str, ArrayLike]) -> dict[int, Array]:
    """Place of the joint -> point [3]; ValueError for a joint that takes no goal or a point that is none."""
    points = {}
    for name, goal in goals.items():
        if name not in GOALS:
            raise ValueError(f"no goal for {name!r}: goals are for {', '.join(GOALS)}")
        point = np.asarray(goal, float)
        if point.shape != (3,) or not np.isfinite(point).all():
            raise ValueError(f"the goal of {name} must be three finite numbers, got {goal!r}")
        points[index(name)] = point
    return points


def _hypotheses(
    targets: Mapping[int, Array], count: int, seed: int, heading: float, origin: Array, rest: Array
) -> tuple[Array, Array, Array]:
    """Ground positions [count, 2] of the hips, headings [count], and their log prior [count] up to a constant, nats."""
    rng = np.random.default_rng((seed, 1))
    turn, step = rng.standard_normal(count), rng.standard_normal((count, 3)) * (1.0, 1.0, 0.0)
    turn[0], step[0] = 0.0, 0.0
    if HIPS in targets:
        step[:] = 0.0
    headings = heading + HEADING_SD * turn
    places = _middle(targets, headings, origin, rest) + PLACE_SD * _turned(step, headings)[:, :2]
    return places, headings, -0.5 * (turn**2 + np.sum(step**2, axis=-1))


def _middle(targets: Mapping[int, Array], headings: Array, origin: Array, rest: Array) -> Array:
    """Ground positions [count, 2] around which the hips are supposed: over the feet, or within reach of the goals."""
    if HIPS in targets:
        return np.tile(targets[HIPS][:2], (len(headings), 1))
    feet = [joint for joint in FEET if joint in targets]
    if feet:
        centre = np.mean([targets[joint] for joint in feet], axis=0)
        return (centre - _turned(rest[feet].mean(axis=0) - rest[HIPS], headings))[:, :2]
    away = np.mean([goal[:2] for goal in targets.values()], axis=0) - origin if targets else np.zeros(2)
    distance = float(np.linalg.norm(away))
    return np.tile(origin + away * max(0.0, 1.0 - NEAREST / max(distance, 1e-9)), (len(headings), 1))


def _turned(vectors: Array, headings: Array) -> Array:
    return rot.rotate(rot.from_axis_angle((0.0, 0.0, 1.0), headings), vectors)


def _conditions(targets: Mapping[int, Array], places: Array, headings: Array) -> list[GaussianPrior]:
    """The goals as priors in the frames of the hypotheses, where the hips' x and y are 0 already."""
    conditions = []
    for joint, goal in targets.items():
        local = _turned(goal - np.concatenate([places, np.zeros((len(places), 1))], axis=1), -headings)
        axes = "z" if joint == HIPS else "xyz"
        pairs = {variable(JOINTS[joint], axis): (local[:, "xyz".index(axis)], GOAL_SD) for axis in axes}
        conditions.append(GaussianPrior(pairs))
    return conditions


def _centred(drawn: Array, targets: Mapping[int, Array]) -> Array:
    """Steps on the floor [count, 1, 3] that bring the drawn joints nearest to their goals."""
    step = np.mean([goal - drawn[:, joint] for joint, goal in targets.items()], axis=0)
    return (step * (1.0, 1.0, 0.0))[:, None]


def _varied(positions: Array, order: NDArray[np.intp]) -> NDArray[np.intp]:
    """The order with poses put back that nearly equal one of the first `FIRST` before them."""
    first: list[int] = []
    for pose in order:
        if len(first) == FIRST:
            break
        distances = np.linalg.norm(positions[first] - positions[pose], axis=-1).mean(axis=-1)
        if np.all(distances > DIFFERENT):
            first.append(int(pose))
    rest = order[~np.isin(order, first)]
    return np.concatenate([np.array(first, dtype=int), rest])
