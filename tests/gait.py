# SPDX-License-Identifier: Apache-2.0
"""A procedural biped that walks, turns, stands, starts and stops: motion for tests, made without any data.

Feet are planted while in stance, bones keep their lengths, and the canonical 20 joints are all there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drmm_engine.body import rotations as rot
from drmm_engine.motion import Clip, write_bvh
from drmm_engine.motion.skeleton import JOINTS, PARENTS, index

RATE = 30.0
ANKLE, TOE = 0.09, 0.045  # heights above the floor of a flat foot's joints, metres
THIGH, SHIN, FOOT = 0.42, 0.41, 0.13
_LEFT_OFFSETS = {
    "Hips": (0, 0, 0.955),
    "Chest": (0, 0, 0.30),
    "Neck": (0, 0, 0.22),
    "Head": (0.02, 0, 0.10),
    "LeftShoulder": (0, 0.04, 0.18),
    "LeftUpperArm": (0, 0.14, 0),
    "LeftLowerArm": (0, 0.28, 0),
    "LeftHand": (0, 0.25, 0),
    "LeftUpperLeg": (0, 0.09, -0.035),
    "LeftLowerLeg": (0, 0, -THIGH),
    "LeftFoot": (0, 0, -SHIN),
    "LeftToes": (FOOT, 0, TOE - ANKLE),
}
# Rest offsets [20, 3]: a T-pose on flat feet that faces +x, the hips above the origin.
OFFSETS = np.array([_LEFT_OFFSETS[joint.replace("Right", "Left")] for joint in JOINTS], float)
OFFSETS[[joint.startswith("Right") for joint in JOINTS], 1] *= -1
SIDES = {"Left": 1.0, "Right": -1.0}


def walk(seconds: float, speed=1.2, turn_rate=0.0, seed: int = 0, name: str = "gait") -> Clip:
    """A clip of the canonical joints at 30 frames/s that starts near the origin towards +x.

    `speed` in m/s (0 stands, above 2.2 runs) and `turn_rate` in rad/s, left positive, are numbers or arrays with one
    value a frame; `seed` varies rhythm, arm swing, lean and the first step.
    """
    frames = round(seconds * RATE)
    style = np.random.default_rng(seed).uniform(size=5)
    pace = float(np.mean(np.abs(speed)))
    stride = np.clip(1.25 - 0.17 * pace, 0.66, 1.25) * (0.95 + 0.1 * style[0])
    stance = 0.6 if pace < 2.2 else 0.4
    path = _Path(np.broadcast_to(speed, frames), np.broadcast_to(turn_rate, frames), pad=3.0)
    time = np.arange(frames) / RATE
    feet = {
        side: _foot(path, time, stride, stance, style[1] + (0.5 if sign < 0 else 0.0), sign)
        for side, sign in SIDES.items()
    }
    swing = np.sin(2 * np.pi * (time / stride + style[1] - stance / 2)) * np.clip(path.speed(time) / 1.2, 0, 1.5)
    swing = swing + 0.1 * np.sin(1.6 * time + 6 * style[0])  # Nobody stands quite still.
    turns = _trunk(path, time, swing, style)
    hips = _hips(path, time, swing, turns["Hips"], feet)
    for side, sign in SIDES.items():
        _arm(turns, side, sign, -sign * swing, style)
        _leg(turns, side, hips, feet[side])
    return _clip(name, hips, turns)


def walk_clip(seconds: float, speed=1.2, turn_rate=0.0, seed: int = 0) -> np.ndarray:
    """Positions `[F, 20, 3]` of `walk`, metres, Z up, floor at 0."""
    return walk(seconds, speed, turn_rate, seed).positions()


def write_gait_bvh(path: str | Path, seconds: float, speed=1.2, turn_rate=0.0, seed: int = 0) -> Clip:
    """Writes `walk` as a BVH file and returns the clip."""
    clip = walk(seconds, speed, turn_rate, seed, name=Path(path).stem)
    write_bvh(clip, path)
    return clip


def ramp(*keys: tuple[float, float]) -> np.ndarray:
    """Values a frame through (seconds, value) keys with smooth steps between: speeds that start and stop."""
    times, values = np.array(keys).T
    t = np.arange(round(times[-1] * RATE)) / RATE
    key = np.clip(np.searchsorted(times, t, side="right") - 1, 0, len(times) - 2)
    part = _ease((t - times[key]) / (times[key + 1] - times[key]))
    return values[key] + part * (values[key + 1] - values[key])


def _ease(u):
    u = np.clip(u, 0.0, 1.0)
    return u * u * (3 - 2 * u)


class _Path:
    """Where the body is, which way it faces and how fast it goes, also somewhat before and after the clip."""

    def __init__(self, speed, turn_rate, pad: float) -> None:
        before, steps = round(pad * RATE), 2 * round(pad * RATE) + len(speed)
        at = np.clip(np.arange(steps) - before, 0, len(speed) - 1)
        self._time = (np.arange(steps) - before) / RATE
        self._speed, turn = speed[at], turn_rate[at]
        self._heading = np.cumsum(turn) / RATE
        self._heading -= self._heading[before]
        velocity = self._speed[:, None] * np.stack([np.cos(self._heading), np.sin(self._heading)], axis=-1)
        self._place = np.cumsum(velocity, axis=0) / RATE
        self._place -= self._place[before]

    def speed(self, time):
        return np.interp(time, self._time, self._speed)

    def heading(self, time):
        return np.interp(time, self._time, self._heading)

    def place(self, time):
        return np.stack([np.interp(time, self._time, self._place[:, axis]) for axis in (0, 1)], axis=-1)


def _foot(path: _Path, time, stride: float, stance: float, offset: float, sign: float) -> dict[str, np.ndarray]:
    """Toe and ankle positions `[F, 3]` of one foot and its yaw: still in stance, on an arc in swing."""
    phase = time / stride + offset
    step, part = np.floor(phase), phase % 1.0
    middles = [(n + stance / 2 - offset) * stride for n in (step, step + 1)]
    (start, start_yaw), (end, end_yaw) = (_plant(path, middle, sign) for middle in middles)
    u = np.clip((part - stance) / (1 - stance), 0, 1)
    travel = np.clip(np.linalg.norm(end - start, axis=-1) + 0.3 * np.abs(end_yaw - start_yaw), 0, 1)
    flight = u**3 * (10 - 15 * u + 6 * u**2)  # Away from the floor first, then forward.
    toe = np.concatenate([start + flight[:, None] * (end - start), np.full((len(time), 1), TOE)], axis=-1)
    toe[:, 2] += 0.16 * np.minimum(travel, 0.8) * np.sin(np.pi * u) ** 1.5
    yaw = start_yaw + _ease(u) * (end_yaw - start_yaw)
    # The heel rises late in stance and comes down again before the foot lands.
    pitch = 0.75 * travel * np.where(u > 0, 1 - _ease(u * 1.3), _ease((part - 0.55 * stance) / (0.45 * stance)))
    turn = rot.multiply(_turn("Z", yaw), _turn("Y", pitch))
    ankle = toe - rot.rotate(turn, OFFSETS[index("LeftToes")])
    return {"toe": toe, "ankle": ankle, "yaw": yaw}


def _plant(path: _Path, time, sign: float):
    """Where the toe stands while the body passes at `time`: a little ahead and to the side."""
    yaw = path.heading(time)
    ahead, aside = np.stack([np.cos(yaw), np.sin(yaw)], -1), np.stack([-np.sin(yaw), np.cos(yaw)], -1)
    return path.place(time) + 0.07 * ahead + 0.08 * sign * aside, yaw


def _turn(axis: str, angle):
    return rot.from_euler(np.asarray(angle, float)[..., None], axis)


def _trunk(path: _Path, time, swing, style) -> dict[str, np.ndarray]:
    """World rotations of hips and upper body: the shoulders counter the turn of the hips."""
    heading = _turn("Z", path.heading(time))
    lean = _turn("Y", (0.02 + 0.05 * style[2]) * path.speed(time))
    hips = rot.multiply(heading, _turn("Z", -0.08 * swing))
    chest = rot.multiply(rot.multiply(heading, lean), _turn("Z", 0.1 * swing))
    return {"Hips": hips, "Chest": chest, "Neck": rot.multiply(heading, lean), "Head": heading}


def _hips(path: _Path, time, swing, turn, feet):
    """Hips positions `[F, 3]` as high as both legs allow, smoothly."""
    place = path.place(time)
    yaw = path.heading(time)
    sway = 0.02 * swing[:, None] * np.stack([-np.sin(yaw), np.cos(yaw)], axis=-1)
    hips = np.concatenate([place + sway, np.zeros((len(time), 1))], axis=-1)
    highest = np.full(len(time), 0.94)
    for side, foot in feet.items():
        socket = hips + rot.rotate(turn, OFFSETS[index(side + "UpperLeg")])
        reach = 0.99 * (THIGH + SHIN)
        flat = np.sum((foot["ankle"] - socket)[:, :2] ** 2, axis=-1)
        highest = np.minimum(highest, foot["ankle"][:, 2] - socket[:, 2] + np.sqrt(np.maximum(reach**2 - flat, 0.01)))
    # The mean of the lowest of neighbours is nowhere above what is allowed.
    lowest = np.lib.stride_tricks.sliding_window_view(np.pad(highest, 4, mode="edge"), 9).min(axis=-1)
    hips[:, 2] = np.lib.stride_tricks.sliding_window_view(np.pad(lowest, 4, mode="edge"), 9).mean(axis=-1)
    return hips


def _arm(turns, side: str, sign: float, swing, style) -> None:
    chest = turns["Chest"]
    hang = rot.multiply(chest, _turn("Y", -(0.2 + 0.4 * style[3]) * swing))
    down = np.broadcast_to(_turn("X", -sign * 1.4), hang.shape)
    turns[side + "Shoulder"] = chest
    turns[side + "UpperArm"] = rot.multiply(hang, down)
    bend = _turn("Y", -(0.3 + 0.2 * style[4]) - 0.3 * np.maximum(swing, 0))
    turns[side + "LowerArm"] = turns[side + "Hand"] = rot.multiply(rot.multiply(hang, bend), down)


def _leg(turns, side: str, hips, foot) -> None:
    """Thigh and shin by the law of cosines, the knee forward."""
    socket = hips + rot.rotate(turns["Hips"], OFFSETS[index(side + "UpperLeg")])
    line = foot["ankle"] - socket
    length = np.linalg.norm(line, axis=-1)
    along = (THIGH**2 - SHIN**2 + length**2) / (2 * length)
    direction = line / length[:, None]
    forward = np.stack([np.cos(foot["yaw"]), np.sin(foot["yaw"]), np.zeros(len(length))], axis=-1)
    pole = rot.normalize(forward - np.sum(forward * direction, axis=-1, keepdims=True) * direction)
    knee = socket + along[:, None] * direction + np.sqrt(np.maximum(THIGH**2 - along**2, 0))[:, None] * pole
    for part, bone in (("UpperLeg", knee - socket), ("LowerLeg", foot["ankle"] - knee)):
        turns[side + part] = rot.from_basis(rot.cross(rot.cross(bone, pole), bone), rot.cross(pole, bone))
    ground = rot.cross(np.array([0.0, 0.0, 1.0]), forward)
    pitch = rot.between(rot.rotate(_turn("Z", foot["yaw"]), OFFSETS[index("LeftToes")]), foot["toe"] - foot["ankle"])
    turns[side + "Foot"] = rot.multiply(pitch, rot.from_basis(forward, ground))
    turns[side + "Toes"] = rot.from_basis(forward, ground)


def _clip(name: str, hips, turns) -> Clip:
    world = np.stack([turns[joint] for joint in JOINTS], axis=1)
    parents = np.where(PARENTS < 0, 0, PARENTS)
    local = rot.multiply(rot.inverse(world[:, parents]), world)
    local[:, 0] = world[:, 0]
    positions = np.tile(OFFSETS, (len(hips), 1, 1))
    positions[:, 0] = hips
    ends = {index(joint): np.array(tip) for joint, tip in (("Head", (0, 0, 0.2)), ("LeftHand", (0, 0.15, 0)),
            ("RightHand", (0, -0.15, 0)), ("LeftToes", (0.08, 0, 0)), ("RightToes", (0.08, 0, 0)))}  # fmt: skip
    return Clip(name, JOINTS, PARENTS, OFFSETS, RATE, positions, local, ends)
