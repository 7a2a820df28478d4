# SPDX-License-Identifier: Apache-2.0
"""Poses of a rig for goals: drawn from its model, solved, ranked, the first ones different from each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drmm_engine.body.draws import draws
from drmm_engine.body.goals import Along, Angle, Facing, Goal, Near
from drmm_engine.body.rig import Rig
from drmm_engine.body.rotations import Array
from drmm_engine.body.solver import ROUNDS, solved
from drmm_engine.body.wanted import Asked
from drmm_engine.model import Model
from drmm_engine.schema import Schema

MET_PLACE, MET_ANGLE = 6e-4, np.radians(0.5)
"""Errors up to which a goal is met, and that cost a nat in the ranking: statures (1 mm of a person) and radians."""
ENOUGH, FEW, DRAGGED = 0.6, 0.25, 10
"""Share of the poses that meet everything with which solving ends, and near a given pose; rounds at most there."""
DIFFERENT, FIRST = 0.02, 8
"""Root mean square distance of bones above which two poses differ, statures; how many of the first are to differ."""


@dataclass(frozen=True)
class Answers:
    """Poses for goals, best first and the first eight different where there are so many.

    theta [n, P]; plausibility [n], log-likelihood of the pose alone, nats; error [n, goals], armature units or radians;
    names of the goals, and the error up to which each is met [goals].
    """

    theta: Array
    plausibility: Array
    error: Array
    names: tuple[str, ...]
    met: Array

    def unmet(self, pose: int = 0) -> list[tuple[str, float]]:
        """The goals that a pose does not meet, with their errors, the worst first."""
        order = np.argsort(-self.error[pose] / self.met, kind="stable")
        return [(self.names[i], float(self.error[pose, i])) for i in order if self.error[pose, i] > self.met[i]]


def answer(
    model: Model, rig: Rig, goals: Sequence[Goal], theta: ArrayLike, count: int = 64, seed: int = 0,
    held: NDArray[np.bool_] | None = None, near: ArrayLike | None = None,
) -> Answers:
    """`count` poses [count, P] that meet goals as well as the rig's limits allow.

    theta [P] is the pose now: parameters that are held [P] keep its values; the place and the heading of the draws lie
    about its own. Goals at effectors, goals of angles and held parameters are conditions of the draws, which are then
    solved for all goals. Those that meet all come first; ranked by log-likelihood less errors in units of what counts
    as met. With near [P], one pose starts there, and nearness stands for likelihood. ValueError for numbers that make
    no pose, or a model of another rig.
    """
    asked = Asked(model, rig, list(goals), _pose(rig, theta, "theta"), _held(rig, held))
    if near is not None:
        near = np.where(asked.held, asked.now, _pose(rig, near, "near"))
    starts = draws(asked, count, seed, near)
    met = np.array([_met(goal, rig) for goal in goals])
    solved, error = _solved(asked, starts, met, dragged=near is not None)
    bones = rig.joints.links.matrices(solved)[..., :3, 3]
    angle = np.zeros(count) if asked.heading is None else asked.heading.angle(solved)
    plausible = plausibility(asked, solved, angle)
    worth = plausible if asked.heading is None else plausible + asked.heading_prior(angle)
    if near is not None:
        away = bones - rig.joints.links.matrices(starts[:1])[..., :3, 3]
        worth = -np.sqrt(np.mean(np.sum(away**2, axis=-1), axis=-1)) / (MET_PLACE * rig.stature)
    order = np.lexsort((-(worth - (error / met).sum(axis=1)), (error > met).any(axis=1)))
    order = varied(bones, order, DIFFERENT * rig.stature)
    return Answers(solved[order], plausible[order], error[order], tuple(goal.name for goal in goals), met)


def _met(goal: Goal, rig: Rig) -> float:
    """The error up to which a goal is met; a wish is within two standard deviations."""
    turns = isinstance(goal, (Along, Facing)) or (isinstance(goal, Angle) and not _is_place(goal, rig))
    exact = MET_ANGLE if turns else MET_PLACE * rig.stature
    return max(exact, 2.0 * goal.sd if isinstance(goal, (Near, Angle)) else 0.0)


def _is_place(goal: Angle, rig: Rig) -> bool:
    names = rig.joints.names
    return goal.parameter in names and rig.joints.units[names.index(goal.parameter)] == "m"


def _solved(asked: Asked, starts: Array, met: Array, dragged: bool) -> tuple[Array, Array]:
    """Poses [n, P] solved for the goals, and their errors [n, goals]."""
    joints, goals, held = asked.rig.joints, asked.goals, asked.held
    if not goals:
        return starts, np.zeros((len(starts), 0))
    rounds, enough = (DRAGGED, FEW) if dragged else (ROUNDS, ENOUGH)
    theta, error = solved(joints, starts, goals, held, rounds, math.ceil(enough * len(starts)))
    if dragged and (error[0] > met).any():
        # The pose that is held on to must not give way to another for want of rounds.
        theta[:1], error[:1] = solved(joints, theta[:1], goals, held, rounds)
    return theta, error


def plausibility(asked: Asked, theta: Array, angle: Array) -> Array:
    """Log-likelihood [n] of poses [n, P] whatever their headings [n] and their effectors are, nats.

    Pose variables come first, and a leading block of a triangular factor's inverse is the inverse of its leading block,
    so that the model of the pose alone takes no work.
    """
    model, columns, heading = asked.model, asked.columns, asked.heading
    theta = theta if heading is None else heading.turned(theta, -angle)
    own = len(columns)
    layers = tuple(
        replace(layer, mean=layer.mean[:, :own], cholesky=None, whitening=layer.gaussians.unscale[0, :, :own, :own])
        for layer in model.layers)
    (stream,) = model.schema.streams
    return Model(Schema((replace(stream, variables=stream.variables[:own]),)), layers).log_prob(theta[:, columns])


def varied(bones: Array, order: NDArray[np.intp], different: float) -> NDArray[np.intp]:
    """The order with poses put back that nearly equal one of the first `FIRST` before them; bones [n, B, 3]."""
    flat = (bones - bones.mean(axis=0)).reshape(len(bones), -1)
    squares = np.sum(flat * flat, axis=1)
    alike = squares[:, None] + squares - 2.0 * flat @ flat.T < bones.shape[1] * different**2
    first: list[int] = []
    for pose in order:
        if not alike[pose, first].any():
            first.append(int(pose))
        if len(first) == FIRST:
            break
    return np.concatenate([np.array(first, dtype=int), order[~np.isin(order, first)]])


def _pose(rig: Rig, theta: ArrayLike, what: str) -> Array:
    pose = np.asarray(theta, float)
    if pose.shape != (rig.joints.P,) or not np.isfinite(pose).all():
        raise ValueError(f"{what} must be {rig.joints.P} finite numbers, got shape {pose.shape}")
    return pose


def _held(rig: Rig, held: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    held = np.zeros(rig.joints.P, bool) if held is None else np.asarray(held)
    if held.shape != (rig.joints.P,) or held.dtype != bool:
        raise ValueError(f"held must be {rig.joints.P} of True and False, got {held.dtype} of shape {held.shape}")
    return held
