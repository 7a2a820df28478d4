# SPDX-License-Identifier: Apache-2.0
"""Coming to a stand and standing: a step or two with feet that hold, and a body that breathes."""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.model import Model
from drmm_engine.motion.bones import bone_lengths, with_lengths
from drmm_engine.motion.features import FRAME_RATE, placement, to_local, to_world, turned
from drmm_engine.motion.rest import rest_of
from drmm_engine.motion.skeleton import JOINTS, index

_FEET = [[index(f"{side}Foot"), index(f"{side}Toes")] for side in ("Left", "Right")]
_LEGS = [[index(f"{side}{part}") for part in ("LowerLeg", "Foot", "Toes")] for side in ("Left", "Right")]
_ARMS = [j for j, name in enumerate(JOINTS) if any(part in name for part in ("Shoulder", "Arm", "Hand"))]
_BODY = [j for j in range(len(JOINTS)) if not any(j in leg for leg in _LEGS)]
_STEP = 0.4  # s in the air of a foot that steps to its place
_LIFT = (0.02, 0.12)  # metres; least height of a step and what it grows by with a metre of way
_NEAR = 0.015  # metres; a foot this near its place stays
_LONGEST, _SHORTEST = 1.4, 0.5  # s
_BLEND = 0.8  # s in which the body takes its pose
_MOVING = 0.5  # m/s of a foot in the air
_SWAY = (0.006, 0.005, 0.003)  # metres that one who stands moves aside, ahead, and with the breath
_RATES = (0.21, 0.13, 0.27)  # times a second
_RAMP = 1.0  # s in which swaying sets in and ends


class Stand:
    """How a model's character stands: the end of the model's start, a pose of its own size."""

    def __init__(self, model: Model, seed: int) -> None:
        assert model.features is not None
        self.start = np.array(model.features["start"], float)
        self.lengths = bone_lengths(rest_of(model))
        self.rng = np.random.default_rng([seed, 1])

    def pose(self, place: Array, heading: float) -> Array:
        """It `[20, 3]` with the hips at `place` `[2]` facing `heading` (radians)."""
        return to_world(self.start[-1:], np.asarray(place, float), np.asarray(heading))[0]

    def history(self, pose: Array) -> Array:
        """The ten frames `[10, 20, 3]` from which to set off where `pose` `[20, 3]` stands."""
        origin, heading = placement(pose)
        return to_world(self.start, origin, heading)

    def living(self, pose: Array, frames: int) -> Array:
        """Frames `[frames, 20, 3]` of standing as `pose` `[20, 3]` does: the trunk sways over feet that stay."""
        time = np.arange(1, frames + 1) / FRAME_RATE
        ramp = smooth(np.minimum(time, frames / FRAME_RATE - time) / _RAMP)
        phase = self.rng.uniform(0, 2 * np.pi, 3)
        aside, ahead, breath = (size * ramp * np.sin(2 * np.pi * time * rate + at)
                                for size, rate, at in zip(_SWAY, _RATES, phase, strict=True))
        moved = np.repeat(pose[None], frames, axis=0)
        sway = turned(np.stack([ahead, aside, 0 * time], axis=-1), np.full(frames, placement(pose)[1]))
        moved[:, _BODY] += sway[:, None]
        moved[:, _ARMS] += breath[:, None, None] * (0.0, 0.0, 1.0)
        return with_lengths(moved, self.lengths)


def step_in(history: Array, end: Array, lengths: Array, frames: int | None = None) -> Array:
    """Frames `[F, 20, 3]` from the last of `history` `[n >= 4, 20, 3]` to the pose `end` `[20, 3]`, standing in the
    last of them; world, metres.

    The hips slow down on a curve of the fifth degree, the body turns into the pose; a foot in the air goes on to its
    place, and the other then steps there, too. frames: None takes the time that the way at this speed needs.
    """
    last, velocity = history[-1], (history[-1] - history[-4]) * FRAME_RATE / 3
    swinging = [float(np.linalg.norm(velocity[feet].mean(axis=0))) > _MOVING for feet in _FEET]
    seconds = _time(last, end, velocity, swinging) if frames is None else frames / FRAME_RATE
    count = max(1, round(seconds * FRAME_RATE))
    body = _turning(last, end, velocity, count)
    out = np.array(body)
    for feet, (begin, until) in zip(_FEET, _schedule(last, end, swinging, seconds), strict=True):
        out[:, feet] = _step(last[feet], end[feet], velocity[feet] * swinging[_FEET.index(feet)], begin, until, count)
    return np.concatenate([with_lengths(out, lengths)[:-1], end[None]])


def _time(last: Array, end: Array, velocity: Array, swinging: list[bool]) -> float:
    """Twice the way over the speed, as one who slows down steadily needs, and time for the steps."""
    way, speed = np.linalg.norm(end[0, :2] - last[0, :2]), np.linalg.norm(velocity[0, :2])
    steps = sum(_far(last, end, feet) for feet in _FEET) - 0.5 * sum(swinging)
    return float(np.clip(2 * way / max(float(speed), 0.4), max(_SHORTEST, _STEP * steps + 0.1), _LONGEST))


def _far(last: Array, end: Array, feet: list[int]) -> bool:
    return bool(np.linalg.norm(end[feet] - last[feet], axis=-1).max() > _NEAR)


def _schedule(last: Array, end: Array, swinging: list[bool], seconds: float) -> list[tuple[float, float]]:
    """When each foot leaves and lands, s: the one in the air, or further from its place, first, then the other."""
    way = [float(np.linalg.norm(end[feet] - last[feet], axis=-1).max()) for feet in _FEET]
    first = int(np.argmax(np.array(way) + 10.0 * np.array(swinging)))
    second, half = 1 - first, 0.5 * seconds
    both = way[second] > _NEAR
    lands = half if both else min(seconds, max(_STEP, half))
    times = [(0.0, 0.0)] * 2
    times[first] = (0.0 if swinging[first] else max(0.0, lands - _STEP), lands)
    times[second] = (lands, min(seconds, lands + 1.25 * _STEP))
    return times


def _step(at: Array, end: Array, velocity: Array, begin: float, until: float, count: int) -> Array:
    """A foot `[2, 3]` that leaves at one time (s), lifted over the floor, and lands at another, `[count, 2, 3]`."""
    time = np.arange(1, count + 1) / FRAME_RATE
    length = max(until - begin, 1 / FRAME_RATE)
    part = np.clip((time - begin) / length, 0, 1)[:, None, None]
    path = at + (end - at) * smooth(part) + velocity * length * part * (1 - part) ** 3
    way = float(np.linalg.norm((end - at)[:, :2], axis=-1).mean())
    lift = (_LIFT[0] + _LIFT[1] * way) * (way > _NEAR) * np.sin(np.pi * part[:, :, 0]) ** 2
    path[..., 2] += lift * (velocity[:, 2].mean() == 0 or 0.5)
    path[..., 2] = np.maximum(path[..., 2], end[:, 2])
    return path


def _turning(last: Array, end: Array, velocity: Array, count: int) -> Array:
    """The body `[count, 20, 3]` turned from one pose into another; speeds die away, hips and heading on their own."""
    (origin, heading), (goal, final) = placement(last), placement(end)
    turn = (final - heading + np.pi) % (2 * np.pi) - np.pi
    length = count / FRAME_RATE
    part = np.arange(1, count + 1) / count
    places = _glide(origin - goal, velocity[0, :2], length, part) + goal
    headings = final - turn * (1 - smooth(part))
    before, after = (to_local(pose[None], *placement(pose))[0] for pose in (last, end))
    own = turned(velocity - velocity[0] * (1, 1, 0), -heading)
    blend = min(length, _BLEND)
    offset = _glide((before - after).reshape(-1), own.reshape(-1), blend, np.minimum(part * length / blend, 1))
    return to_world((after + offset.reshape(count, *after.shape))[:, None], places, headings)[:, 0]


def _glide(offset: Array, velocity: Array, length: float, part: Array) -> Array:
    """Offsets `[F, n]` that start at `offset` `[n]` with `velocity` `[n]` and end at rest at 0, of the fifth degree."""
    s = part[:, None]
    keep = 1 - s**3 * (10 - 15 * s + 6 * s**2)
    move = s * (1 - s) ** 3 * (1 + 3 * s)
    return keep * offset + length * move * velocity


def smooth(part: Array) -> Array:
    """A share of time as a share of the way: 0 to 1, at rest at both ends."""
    s = np.clip(part, 0, 1)
    return s**3 * (10 - 15 * s + 6 * s**2)
