# SPDX-License-Identifier: Apache-2.0
"""From drawn poses to poses that meet goals within the joints' limits: damped least squares, many poses at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drmm_engine.body.goals import Along, Angle, At, Beyond, Facing, Goal, Near, Point, Within
from drmm_engine.body.joints import Joints
from drmm_engine.body.rotations import Array
from drmm_engine.body.rows import Rows, State
from drmm_engine.body.steps import Linear, Mask, least_step

__all__ = ["Along", "Angle", "At", "Beyond", "Facing", "Goal", "Near", "Point", "Within", "errors", "solve", "solved"]

ROUNDS = 24
MET, MARGIN = 3e-5, 1e-4  # what counts as met, and how far inside of inequalities is aimed for; sizes, radians
CLOSE = 0.05  # inequalities with less room than this are watched, sizes of the rig
MOVE = 0.5  # of the rig's size: a move that counts as much as a turn by one radian
TRUST = 0.8  # the longest step of a parameter: radians, or what counts as one
SMALL = 3e-3  # a step after which wishes count as weighed
DAMPING, LEAST, BETTER, WORSE = 0.4, 1e-3, 0.3, 6.0  # in squares of what is missed; and how success changes it
PULL = 0.3  # the part of the way back to the start, where goals leave it open, at most; less as they are met
WISH = 1e-3  # what is missed of a wish counts as this times its share of the spread, when steps are judged
SLOW, STALLED = 0.99, 4  # a round that leaves more than this share is slow; so many in a row, and the pose is stuck
SHORT = 1e-2  # damping at which half of the way back to the start is asked for
KICKS, KICK, NOISE = 4, 0.2, 0.05  # stuck poses that are tried once more, bent towards the middles of their limits
NEARBY = 30.0  # sizes of the rig from the origin up to which single precision serves


def errors(joints: Joints, theta: ArrayLike, goals: Sequence[Goal]) -> Array:
    """How far poses theta [n, P] are from their goals [n, goals].

    Lengths of the armature, or radians of turns and angles; 0 on the allowed side of planes and inside of boxes.
    """
    rows = Rows(joints.links, goals)
    return rows.errors(rows.state(_poses(joints, theta)).values, goals)


def solve(
    joints: Joints, theta: ArrayLike, goals: Sequence[Goal], held: ArrayLike | None = None, rounds: int = ROUNDS,
    enough: int | None = None,
) -> Array:
    """Poses [n, P] near theta [n, P] that meet the goals within the limits, as far as steps downhill go.

    Levenberg and Marquardt from each pose, with the least steps that do, so that what the goals leave open stays as
    drawn, and a pull back to it that ends as they are met. What cannot be met ends in the least miss, weighed by the
    goals' weights. held [P]: parameters that stay what they are, bit for bit. Ends once `enough` poses meet all goals.
    """
    return solved(joints, theta, goals, held, rounds, enough)[0]


def solved(
    joints: Joints, theta: ArrayLike, goals: Sequence[Goal], held: ArrayLike | None = None, rounds: int = ROUNDS,
    enough: int | None = None,
) -> tuple[Array, Array]:
    """What `solve` gives, and its `errors` [n, goals]."""
    theta = _poses(joints, theta).copy()
    loose = ~_held(joints, held)
    theta[:, loose] = np.clip(theta, joints.low, joints.high)[:, loose]
    task = _Task(joints, [goal for goal in goals if goal.weight > 0], loose)
    search = _Search.at(task, theta)
    met = 0
    for _ in range(rounds):
        done, kicked, failed = _judge(task, search)
        met += int(np.sum(done & ~failed))
        search.write(task, theta, done)
        search.keep(~done)
        if not len(search.x) or (enough is not None and met >= enough):
            break
        _advance(task, search, kicked[~done])
    search.write(task, theta, np.ones(len(search.x), bool))
    if any(goal.weight == 0 for goal in goals):
        return theta, errors(joints, theta, goals)
    return theta, task.rows.errors(task.rows.state(theta).values, goals)


class _Task:
    """Goals, and the parameters that they move: columns [C], in units of scale [C], between low and high [C]."""

    def __init__(self, joints: Joints, goals: Sequence[Goal], loose: Mask) -> None:
        self.joints, self.rows = joints, Rows(joints.links, goals)
        self.columns = np.flatnonzero(loose & (joints.high > joints.low) & self.rows.moved)
        self.type: Any = np.float32 if self.rows.reach < NEARBY else np.float64
        turns = self.columns < 3 * len(joints.joints)
        self.scale: Array = np.where(turns, 1.0, MOVE * joints.links.size).astype(self.type)
        self.low: Array = (joints.low[self.columns] / self.scale).astype(self.type)
        self.high: Array = (joints.high[self.columns] / self.scale).astype(self.type)
        wish = self.rows.spread > 0
        self.wishes = bool(wish.any())
        firm = np.where(self.rows.free, 0.8 * MARGIN, MET)
        self.tolerance = np.where(wish, np.inf, firm).astype(self.type)
        self.edge = np.where(wish, np.inf, np.where(self.rows.free, MARGIN + MET, 0.6 * MARGIN)).astype(self.type)
        self.weight = self.rows.weight.astype(self.type)
        floor = max(1e-9, 10.0 * np.finfo(self.type).eps)
        self.least_damping = np.maximum(self.rows.spread**2, floor).astype(self.type)
        judged = np.where(wish, WISH / np.maximum(self.rows.spread, WISH), 1.0)
        self.worth = (self.rows.weight * judged).astype(self.type)

    def missing(self, state: State) -> Array:
        """What rows lack [n, m]: inequalities something only where they are not met, with a margin."""
        return np.where(self.rows.free, np.maximum(self.type(MARGIN) - state.values, 0), -state.values)

    def merit(self, state: State, away: Array) -> Array:
        """What poses are judged by [n]: squares of all that is missed, and with wishes of the way from the start."""
        missed = ((self.missing(state) * self.worth) ** 2).sum(axis=1)
        return missed + WISH**2 * (away**2).sum(axis=1) if self.wishes else missed


@dataclass
class _Search:
    """Poses that are being solved: their places in the batch, columns x [n, C] now and at first, all parameters."""

    place: NDArray[np.int64]
    x: Array
    start: Array
    theta: Array
    state: State
    merit: Array
    damping: Array
    active: Mask
    stopped: Mask
    stall: NDArray[np.int64]
    step: Array
    kicked: Mask
    best: Array
    best_merit: Array

    @classmethod
    def at(cls, task: _Task, theta: Array) -> _Search:
        """All poses, at theta [n, P]."""
        n, single = len(theta), theta.astype(task.type)
        x, state = single[:, task.columns] / task.scale, task.rows.state(single)
        none, never = np.zeros(n, bool), np.full(n, np.inf, task.type)
        return cls(np.arange(n), x, x.copy(), single, state, task.merit(state, x - x), np.full(n, DAMPING, task.type),
                   np.zeros(state.values.shape, bool), np.zeros(x.shape, bool), np.zeros(n, int), never.copy(), none,
                   x.copy(), never)

    def keep(self, poses: Mask) -> None:
        """Go on with some of the poses."""
        if poses.all():
            return
        for each in fields(self):
            value = getattr(self, each.name)
            setattr(self, each.name, value.take(poses) if isinstance(value, State) else value[poses])

    def put(self, poses: Mask, **new: Any) -> None:
        """Take new values for some of the poses."""
        if poses.all():
            self.__dict__.update(new)
            return
        for name, value in new.items():
            if isinstance(value, State):
                getattr(self, name).put(poses, value)
            else:
                getattr(self, name)[poses] = value[poses]

    def write(self, task: _Task, theta: Array, poses: Mask) -> None:
        """Write poses into theta [n, P], each at its best; what did not move stays bit for bit."""
        if not poses.any():
            return
        better = (self.best_merit < self.merit)[poses, None]
        x = np.where(better, self.best[poses], self.x[poses])
        places, low, high = (self.place[poses, None], task.columns), *(
            end[task.columns] for end in (task.joints.low, task.joints.high))
        moved = np.clip(x * task.scale.astype(float), low, high)
        theta[places] = np.where(x == self.start[poses], theta[places], moved)


def _judge(task: _Task, search: _Search) -> tuple[Mask, Mask, Mask]:
    """Which poses are done, which are stuck and worth a kick, and which miss a goal, [n] each."""
    stalled = search.stall >= STALLED
    missing = np.abs(task.missing(search.state))
    met = (missing <= task.tolerance).all(axis=1)
    met |= (search.stall > 0) & (missing <= task.edge).all(axis=1)  # where goals allow no margin
    done = met & (stalled | (search.step < SMALL)) if task.wishes else met
    stuck = stalled & ~met
    kicked = stuck & ~search.kicked & (np.cumsum(stuck) <= KICKS)
    return done | (stuck & ~kicked), kicked, ~met


def _advance(task: _Task, search: _Search, kicked: Mask) -> None:
    """One step of every pose, taken where it is one downhill; the damping follows."""
    step, active, stopped = _steps(task, search)
    if kicked.any():
        _kick(task, search, step, kicked)
    x = np.clip(search.x + step, task.low, task.high)
    theta = search.theta.copy()
    theta[:, task.columns] = x * task.scale
    state = task.rows.state(theta)
    merit = task.merit(state, x - search.start)
    better = merit < 1.001 * search.merit + 1e-9
    search.stall = np.where((merit < SLOW * search.merit) | kicked, 0, search.stall + 1)
    factor = np.where(better, BETTER, WORSE).astype(task.type)
    search.damping = np.clip(search.damping * factor, LEAST, 1e3)
    search.step = np.abs(step).max(axis=1, initial=0.0)
    search.put(better, x=x, theta=theta, state=state, merit=merit, active=active, stopped=stopped)


def _steps(task: _Task, search: _Search) -> tuple[Array, Mask, Mask]:
    """Steps [n, C], no longer than TRUST; inequalities [n, m] and limits [n, C] that they met."""
    rows, values = task.rows, search.state.values
    chosen = ~rows.free | (values < CLOSE).any(axis=0)
    weight, free = task.weight[chosen], rows.free[chosen]
    missing = task.missing(search.state)
    square = (missing**2).sum(axis=1)
    damping = (search.damping * np.minimum(square, 1.0))[:, None]
    pull = _pull(task, search, square, damping[:, 0])[:, None] * (search.start - search.x)
    jacobian = rows.jacobian(search.state, chosen, task.columns, task.scale) * weight[:, None]
    lacks = (np.where(free, task.type(MARGIN), task.type(0)) - values[:, chosen]) * weight
    linear = Linear(search.x, task.low, task.high, jacobian, lacks, free, damping + task.least_damping[chosen], pull)
    step, took, stopped = least_step(linear, search.active[:, chosen] & free, search.stopped)
    active = np.zeros(values.shape, bool)
    active[:, chosen] = took
    longest = np.abs(step).max(axis=1, keepdims=True, initial=1e-12)
    return step * np.minimum(1.0, TRUST / longest).astype(task.type), active, stopped


def _pull(task: _Task, search: _Search, square: Array, damping: Array) -> Array:
    """The part [n] of the way back to the start that is asked for where rows leave it open.

    All of it where wishes are weighed against the start, unless steps must be short; else less as goals are met, and
    none where that goes slowly.
    """
    if task.wishes:
        return SHORT / (SHORT + damping)
    return np.minimum(task.type(PULL), np.sqrt(square)) * (search.stall == 0)


def _kick(task: _Task, search: _Search, step: Array, kicked: Mask) -> None:
    """Stuck poses, a straight limb for one, get away by bending; the place before is kept."""
    search.best[kicked], search.best_merit[kicked] = search.x[kicked], search.merit[kicked]
    search.kicked = search.kicked | kicked
    search.merit[kicked], search.damping[kicked] = np.inf, DAMPING
    noise = np.random.default_rng(0).normal(size=step.shape[1]) * np.minimum(task.high - task.low, 2.0)
    bend = np.clip(KICK * (0.5 * (task.low + task.high) - search.x[kicked]), -0.4, 0.4)
    step[kicked] = bend + NOISE * noise


def _poses(joints: Joints, theta: ArrayLike) -> Array:
    theta = np.asarray(theta, float)
    if theta.ndim != 2 or theta.shape[1] != joints.P or not np.isfinite(theta).all():
        raise ValueError(f"poses must be [n, {joints.P}] finite numbers, got an array of shape {theta.shape}")
    return theta


def _held(joints: Joints, held: ArrayLike | None) -> Mask:
    held = np.zeros(joints.P, bool) if held is None else np.asarray(held, bool)
    if held.shape != (joints.P,):
        raise ValueError(f"held must be {joints.P} of true or false, got shape {held.shape}")
    return held
