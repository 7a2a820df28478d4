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
from drmm_engine.motion.features import FRAME_RATE, FUTURE

PACE = 1.2  # m/s, where nothing else is asked
SECOND = (FUTURE + 1) / (2 * FRAME_RATE)  # s; in a second at a steady speed v the hips are v times this away on average
_BRAKING = 0.6  # of the way to a stand that the hips are away on average, when they come to it in a second
_EAGER = 1.25  # times the speed that is asked for: candidates' steps are averages and fall short of it
_SLOW = 0.7  # m/s up to which they do not
_SHARPEST = np.radians(110)  # bearing of the wanted place: a target behind is walked to in a curve
_SLOWER = 0.6  # of the speed in such a curve, which is the tighter for it
_GLANCE = np.radians(130)  # bearing of the wanted facing
_CLIP = 3.5  # standard deviations of the goals within reach
_SPREAD = 0.02  # metres; least standard deviation of goals within reach, grows with the slack


@dataclass(frozen=True)
class Aim:
    """Where to go now: a place `[2]` in the world (a target, or a corner on the way to it), the way left (m), the
    speed (m/s), whether to stop at the end of the way, and the heading to face (radians; None: where it walks)."""

    place: Array
    left: float
    speed: float
    stop: bool
    heading: float | None


def wanted_heading(target: Target, hips: Array, place: Array) -> float | None:
    """The heading (radians) that the target asks for on the way from `hips` `[2]` past `place` `[2]`; None: free."""
    facing: object = "towards" if target.face else target.facing
    if isinstance(facing, str):
        if facing == "free":
            return None
        way = place if facing == "along" else np.asarray(target.position)
        return _bearing(way - hips) + (np.pi if facing == "away" else 0.0)
    return float(facing) if np.ndim(facing) == 0 else _bearing(np.asarray(facing, float) - hips)  # type: ignore[arg-type]


def _bearing(way: Array) -> float:
    return float(np.arctan2(way[1], way[0]))


def wanted(aim: Aim, origin: Array, heading: float) -> tuple[Array, Array]:
    """Place `[2]` and facing `[2]` to aim at from where the character stands, local."""
    bearing = _wrapped(_bearing(aim.place - origin) - heading)
    far = min(aim.left * (_BRAKING if aim.stop else 1.0), _eager(aim.speed) * SECOND)
    far *= _SLOWER if abs(bearing) > _SHARPEST else 1.0
    glance = bearing if aim.heading is None else _wrapped(aim.heading - heading)
    sideways = abs(_wrapped(glance - bearing)) > np.radians(45)
    turn = bearing if sideways else float(np.clip(bearing, -_SHARPEST, _SHARPEST))
    glance = float(np.clip(glance, -_GLANCE, _GLANCE))
    return far * _direction(turn), _direction(glance)


def _eager(speed: float) -> float:
    """The speed to be drawn towards, so that one of `speed` comes out, m/s; slow walks come out as they are drawn."""
    return speed * (1 + (_EAGER - 1) * float(np.clip((speed - _SLOW) / (PACE - _SLOW), 0, 1)))


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def _direction(angle: float) -> Array:
    return np.array([np.cos(angle), np.sin(angle)])


def within_reach(place: Array, facing: Array, goals: Array, slack: float) -> tuple[Array, Array]:
    """Both clipped to mean +- 3.5 sd of the goals `[n, 4]` (place and facing) drawn under the history alone."""
    middle, width = goals.mean(axis=0), goals.std(axis=0)
    width = _CLIP * slack * np.maximum(width, _SPREAD * slack)
    clipped = np.clip(np.concatenate([place, facing]), middle - width, middle + width)
    return clipped[:2], clipped[2:]


COLUMNS = (*PLACE, *FACING)
