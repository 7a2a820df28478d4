# SPDX-License-Identifier: Apache-2.0
"""Motion matching (Clavet 2016), the baseline of the locomotion benchmark: clips played from where they fit best.

Every few frames the frame of all clips, mirror images included, is searched whose next second leads where the character
should go and whose feet and hips move as its own do; the clip goes on from there, and what the pose jumps is taken out
by an offset that decays as a critically damped spring (inertial blending).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array
from drmm_engine.motion.bones import bone_lengths, with_lengths
from drmm_engine.motion.directions import Block, Target
from drmm_engine.motion.features import FRAME_RATE, placement, to_local, to_world, turned
from drmm_engine.motion.skeleton import TOES, mirrored

PACE = 1.2  # m/s, of the walk towards a target, as the controller's
EVERY = 5  # frames between two searches
AHEAD = (10, 20, 30)  # frames at which place and facing are compared
SMOOTH = 5.0  # frames; standard deviation of what the body's place and heading are smoothed with
WEIGHTS = {"place": 1.0, "facing": 1.5, "feet": 1.5, "feet velocity": 2.0, "hips velocity": 1.0}
TURN = np.radians(120)  # most that the wanted path turns off the heading: a target behind is walked to in a curve
QUICK = 0.27  # s; half-life of the difference between the wanted path's velocity or facing and the character's
BLEND = 0.1  # s; half-life of the offset that a jump leaves
BETTER = 0.3  # share by which a frame must fit better than the next of the clip that is played
FASTEST = 2.0  # m/s, when it is late


@dataclass(frozen=True)
class Database:
    """Clips end to end: poses `[F, 20, 3]`, each frame's place `[F, 2]`, heading `[F]` and velocity `[F, 2]` (seen from
    it, m/s), scaled features `[F, 27]` and half their squared lengths `[F]` (inf: no second ahead), and their scale."""

    poses: Array
    place: Array
    heading: Array
    velocity: Array
    features: NDArray[np.float32]
    lengths: NDArray[np.float32]
    scale: Array


def database(clips: Sequence[Array]) -> Database:
    """What is searched, of clips `[F, 20, 3]` at 30 frames/s and their mirror images; short ones are left out."""
    clips = [side for clip in clips if len(clip) > AHEAD[-1] + 2 for side in (clip, mirrored(clip))]
    if not clips:
        raise ValueError(f"every clip is shorter than {AHEAD[-1] + 3} frames: there is nothing to match")
    parts = [_described(clip) for clip in clips]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    usable = whole["usable"]
    scale = np.concatenate([np.full(whole[name].shape[1], whole[name][usable].std(axis=0).mean() / weight)
                            for name, weight in WEIGHTS.items()])
    features = (np.concatenate([whole[name] for name in WEIGHTS], axis=1) / np.maximum(scale, 1e-9)).astype(np.float32)
    return Database(np.concatenate(clips), whole["at"], whole["heading"], whole["velocity"], features,
                    np.where(usable, 0.5 * (features**2).sum(axis=1), np.inf).astype(np.float32), scale)


def _described(clip: Array) -> dict[str, Array]:
    """A clip's frames: where they are, and features seen from there; those of the last second look at its end."""
    place, heading = _smooth_placement(clip)
    frame = np.arange(len(clip))
    ahead = [np.minimum(frame + k, len(clip) - 1) for k in AHEAD]
    velocity = FRAME_RATE * np.diff(clip, axis=0, prepend=2 * clip[:1] - clip[1:2])
    seen = to_local(clip[:, None], place, heading)[:, 0]
    return {
        "usable": (frame > 0) & (frame < len(clip) - AHEAD[-1]), "at": place, "heading": heading,
        "velocity": _local(FRAME_RATE * np.gradient(place, axis=0), heading),
        "place": np.concatenate([_local(place[at] - place, heading) for at in ahead], axis=1),
        "facing": np.concatenate([_direction(heading[at] - heading) for at in ahead], axis=1),
        "feet": seen[:, TOES].reshape(len(clip), -1),
        "feet velocity": turned(velocity[:, TOES], -heading[:, None]).reshape(len(clip), -1),
        "hips velocity": turned(velocity[:, 0], -heading),
    }  # fmt: skip


def _smooth_placement(clip: Array) -> tuple[Array, Array]:
    """Place and heading of a body, without the sway of its steps."""
    reach = int(3 * SMOOTH)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SMOOTH) ** 2)
    place, heading = placement(clip)
    signals = np.concatenate([place, np.cos(heading)[:, None], np.sin(heading)[:, None]], axis=1)
    ends = 2 * signals[0] - signals[reach:0:-1], 2 * signals[-1] - signals[-2 : -reach - 2 : -1]
    padded = np.concatenate([_padded(ends[0], signals[0], reach), signals, _padded(ends[1], signals[-1], reach)])
    smooth = np.stack([np.convolve(column, window / window.sum(), "valid") for column in padded.T], axis=1)
    return smooth[:, :2], np.arctan2(smooth[:, 3], smooth[:, 2])


def _padded(end: Array, value: Array, length: int) -> Array:
    """A reflected end, or the last value repeated where a clip is shorter than it."""
    return end if len(end) == length else np.repeat(value[None], length, axis=0)


def _local(vectors: Array, heading: Array) -> Array:
    c, s = np.cos(heading), np.sin(heading)
    return np.stack([c * vectors[..., 0] + s * vectors[..., 1], c * vectors[..., 1] - s * vectors[..., 0]], axis=-1)


def _direction(angle: Array) -> Array:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


class Character:
    """A character that plays the database: the frame it is at, where that clip is laid, and the offset that decays."""

    def __init__(self, data: Database, start: tuple[float, float] = (0.0, 0.0), heading: float = 0.0) -> None:
        self.data, self.place, self.heading = data, np.array(start, float), float(heading)
        slow = np.linalg.norm(data.velocity, axis=1)
        self.at = int(np.argmin(np.where(np.isfinite(data.lengths), slow, np.inf)))
        self.lengths = np.median(bone_lengths(data.poses[:: max(1, len(data.poses) // 1000)]), axis=0)
        self.offset, self.drift = np.zeros((2, *data.poses.shape[1:]))

    def step(self) -> Array:
        """The next pose `[20, 3]`: of the clip that is played, and what is left of the last jump's offset."""
        data, before, dt = self.data, self.at, 1 / FRAME_RATE
        self.at += 1
        moved = _local(data.place[self.at] - data.place[before], data.heading[before])
        self.place = self.place + _local(moved, np.array(-self.heading))
        self.heading += float(_wrapped(data.heading[self.at] - data.heading[before]))
        rate = 2 * np.log(2) / BLEND
        decay, pull = np.exp(-rate * dt), self.drift + rate * self.offset
        self.offset, self.drift = decay * (self.offset + pull * dt), decay * (self.drift - rate * pull * dt)
        return self._laid(self.at) + self.offset

    def search(self, target: Array, pace: float = PACE) -> None:
        """Goes on from the frame that fits best; from the next of its clip where none fits better."""
        data = self.data
        query = np.array(data.features[self.at])
        query[:12] = self._wanted(target, pace) / data.scale[:12]
        gaps = data.lengths - data.features @ query + 0.5 * query @ query
        best = int(np.argmin(gaps))
        if gaps[best] < gaps[self.at] * (1 - BETTER):
            self._jump(best)

    def _wanted(self, target: Array, pace: float) -> Array:
        """Places and facings `[12]` of the next second, locally: a damped spring from the velocity to the wanted."""
        t = np.array(AHEAD) / FRAME_RATE
        toward = _local(target - self.place, np.array(self.heading))
        bearing = float(np.clip(np.arctan2(toward[1], toward[0]), -TURN, TURN))
        aim = pace * _direction(np.array(bearing))
        rate = 2 * np.log(2) / QUICK
        decay = np.exp(-rate * t)
        lag = ((2 - decay * (2 + rate * t)) / rate)[:, None] * (self.data.velocity[self.at] - aim)
        facings = _direction(bearing * (1 - decay * (1 + rate * t)))
        return np.concatenate([(aim * t[:, None] + lag).ravel(), facings.ravel()])

    def _jump(self, frame: int) -> None:
        now, before = self._laid(self.at), self._laid(self.at - 1)
        velocity = FRAME_RATE * (now - before) + self.drift
        now, self.at = now + self.offset, frame
        laid = self._laid(frame)
        self.offset = now - laid
        self.drift = velocity - FRAME_RATE * (laid - self._laid(frame - 1))

    def _laid(self, frame: int) -> Array:
        """A frame's pose `[20, 3]` where the clip lies now: the frame the character is at has its place and heading."""
        data = self.data
        local = to_local(data.poses[frame][None], data.place[self.at], data.heading[self.at])
        return to_world(local, self.place, np.array(self.heading))[0]


def _wrapped(angle: Array) -> Array:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def walk(data: Database, targets: Sequence[Target], seconds: float, heading: float = 0.0) -> Iterator[Block]:
    """Blocks of a walk from the origin to targets in order, until the last is reached or `seconds` are over.

    The pace is 1.2 m/s, or what a target's `arrive` or `speed` asks for; a frame's place is the hips'.
    """
    character, current = Character(data, heading=heading), 0
    for block in range(max(1, round(seconds * FRAME_RATE / EVERY))):
        if current == len(targets):
            return
        target, place = targets[current], np.array(targets[current].position, float)
        distance = float(np.linalg.norm(place - character.place))
        character.search(place, _pace(target, distance, block * EVERY / FRAME_RATE))
        positions = with_lengths(np.stack([character.step() for _ in range(EVERY)]), character.lengths)
        reached = bool(np.linalg.norm(positions[:, 0, :2] - place, axis=-1).min() < target.radius)
        yield Block(positions, current, reached)
        current += reached


def _pace(target: Target, distance: float, now: float) -> float:
    if target.arrive is None:
        return target.speed or PACE
    return float(np.clip((distance - target.radius) / max(target.arrive - now, 1 / FRAME_RATE), 0.0, FASTEST))
