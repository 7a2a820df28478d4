# SPDX-License-Identifier: Apache-2.0
"""The goal that one decision is drawn towards: a place that a walk reaches in the next second, and a facing.

Goals are local: the character stands at the origin facing +x. The place is the mean of the hips' over the next second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.directions import Target
from drmm_engine.motion.draws import FACING, PLACE
from drmm_engine.motion.features import FRAME_RATE, FUTURE, NEXT

PACE = 1.2  # m/s, where nothing else is asked
_FURTHEST = np.radians(120)  # bearing of a wanted place or facing: a target behind is walked to in a curve
_BRAKING = 0.6  # of the way to a stand that the hips are away on average, when they come to it in a second
_GAIN = {False: 0.3, True: 0.5}  # of what the speed lacks that is asked for besides; where one was told, it insists
_SPEEDS = (0.5, 1.6)  # times the speed that may be asked for, so that it comes out
# How soon, 1/s: capture turns the body first and the way after it, and a goal that does otherwise looks like no person.
_VELOCITY, _FACING = 7.0, 4.0
_TIMES = np.arange(1, FUTURE + 1) / FRAME_RATE
_RADIUS = 10.0  # standard deviations, at most, of a goal from the middle of those within reach
_SPREAD = 0.02  # least standard deviation of goals within reach, grows with the slack


@dataclass(frozen=True)
class Aim:
    """Where to go now: a place `[2]` in the world (a target, or a corner on the way to it), the way left (m), the
    speed (m/s) and whether it was asked for, whether to stop at the end of the way, and the heading to face (radians;
    None: where it walks)."""

    place: Array
    left: float
    speed: float
    stop: bool
    heading: float | None
    asked: bool = False


def wanted_heading(target: Target, hips: Array, place: Array, frame: int = 0) -> float | None:
    """The heading (radians) that the target asks for at a frame on the way from `hips` `[2]` past `place` `[2]`; None:
    free."""
    facing: object = "towards" if target.face else target.facing
    if isinstance(facing, str):
        if facing == "free":
            return None
        way = place if facing == "along" else np.asarray(target.position)
        return _bearing(way - hips) + (np.pi if facing == "away" else 0.0)
    at = np.asarray(facing, float)
    if at.ndim == 0:
        return float(at)
    return _bearing((at if at.ndim == 1 else at[min(frame // NEXT, len(at) - 1)]) - hips)


def _bearing(way: Array) -> float:
    return float(np.arctan2(way[1], way[0]))


def bearings(aim: Aim, origin: Array, heading: float) -> tuple[float, float]:
    """Radians from where the character faces to the aim's place, and to what it is to face."""
    way = wrapped(_bearing(aim.place - origin) - heading)
    return way, way if aim.heading is None else wrapped(aim.heading - heading)


def wanted(aim: Aim, way: float, look: float, velocity: Array, slack: float = 1.0, urge: float = 1.0
           ) -> tuple[Array, Array]:
    """Place `[2]` and facing `[2]` to aim at, local, of one who moves at `velocity` `[2]` (m/s): the means of a second
    in which velocity and facing come to what is asked for as critically damped springs do, 1 - (1 + yt) exp(-yt).

    way, look: bearings of the place and of what is faced, radians; slack and urge: how much sooner than usual to turn
    and to move, where nothing has come of it.
    """
    sideways = abs(wrapped(look - way)) > np.radians(45)
    towards = _direction(way if sideways else float(np.clip(way, -_FURTHEST, _FURTHEST)))
    come = _sprung(urge * _VELOCITY)[:, None]
    speed = eager(aim, float(np.linalg.norm(velocity)), urge)
    place = (np.cumsum(come * speed * towards + (1 - come) * velocity, axis=0) / FRAME_RATE).mean(axis=0)
    most = aim.left * (_BRAKING if aim.stop else 1.0)
    place *= min(1.0, most / max(float(np.linalg.norm(place)), 1e-9))
    facing = _direction(_sprung(slack * _FACING) * np.clip(look, -_FURTHEST, _FURTHEST)).mean(axis=1)
    return place, facing / np.linalg.norm(facing)


def _sprung(rate: float) -> Array:
    return 1 - (1 + rate * _TIMES) * np.exp(-rate * _TIMES)


def eager(aim: Aim, pace: float, urge: float = 1.0) -> float:
    """The speed to be drawn towards, so that the aim's comes out of one who moves at `pace`, m/s."""
    share = 1 + urge * _GAIN[aim.asked] * (1 - pace / aim.speed)
    return aim.speed * float(np.clip(share, *_SPEEDS))


def wrapped(angle: float) -> float:
    """An angle within -pi to pi, radians."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def _direction(angle: Array | float) -> Array:
    return np.array([np.cos(angle), np.sin(angle)])


def within_reach(place: Array, facing: Array, goals: Array, slack: float) -> tuple[Array, Array]:
    """Both as near to what is wanted as a goal may be that lies within ten standard deviations, times the slack, of the
    goals `[n, 4]` (place and facing) drawn under the history alone: place and facing vary together, and so do they.
    """
    middle, spread = goals.mean(axis=0), np.cov(goals.T) + (_SPREAD * slack) ** 2 * np.eye(4)
    variance, axes = np.linalg.eigh(spread)
    off = (np.concatenate([place, facing]) - middle) @ axes
    if (off**2 / variance).sum() > (_RADIUS * slack) ** 2:
        off = _onto(off, variance, _RADIUS * slack)
    goal = middle + axes @ off
    return goal[:2], goal[2:]


def _onto(point: Array, variance: Array, radius: float) -> Array:
    """The point of the ellipsoid sum x²/variance = radius² that is nearest to a point outside of it, both `[n]`.

    It is variance / (variance + t) times the point, for the t that puts it there: narrowed down twice.
    """
    low, high = 1e-6 * variance.max(), 1e6 * variance.max()
    for _ in range(2):
        pull = np.geomspace(low, high, 64)
        nearer = variance / (variance + pull[:, None]) * point
        first = int(np.argmax((nearer**2 / variance).sum(axis=1) <= radius**2))
        low, high = pull[max(first - 1, 0)], pull[first]
    return nearer[first]


COLUMNS = (*PLACE, *FACING)
