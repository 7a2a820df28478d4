# SPDX-License-Identifier: Apache-2.0
"""Walks to random targets, and how well they went."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array
from drmm_engine.metrics.motion import foot_slide, hips_range, mean_jerk, path_length
from drmm_engine.model import Model
from drmm_engine.motion.controller import walk
from drmm_engine.motion.directions import Block, Target
from drmm_engine.motion.features import FRAME_RATE
from drmm_engine.motion.rest import rest_of
from drmm_engine.motion.skeleton import TOES

RADIUS = 4.0  # metres; a target lies in a square of twice this side around the one before
NEAREST = 1.0  # metres between two targets

Walker = Callable[[Sequence[Target], float], Iterator[Block]]
"""What walks to targets for so many seconds, from the origin."""


@dataclass(frozen=True)
class Walk:
    """Positions `[F, 20, 3]`, which target each frame pursues `[F]`, when each target was reached (s), all targets, and
    what the walker says of the feet `[F, 2]`, if it does."""

    positions: Array
    pursued: NDArray[np.int64]
    times: list[float]
    targets: Sequence[Target]
    contacts: NDArray[np.bool_] | None = None

    @property
    def longest(self) -> float:
        """The longest time that one target took, or has been pursued when the walk ends, s."""
        ends = [0.0, *self.times, len(self.positions) / FRAME_RATE]
        return float(np.diff(ends).max())

    @property
    def detour(self) -> float:
        """Length of the hips' ways to the targets reached over that of straight ways to where each counts so."""
        gone, straight = 0.0, 0.0
        for number in range(len(self.times)):
            frames = np.flatnonzero(self.pursued == number)
            way = self.positions[max(frames[0] - 1, 0) : round(self.times[number] * FRAME_RATE)]
            target = self.targets[number]
            gone += path_length(way)
            straight += max(float(np.linalg.norm(way[0, 0, :2] - target.position)) - target.radius, 0.0)
        return gone / straight if straight else 1.0


def errand(seed: int, seconds: float) -> list[Target]:
    """Random places, each within 4 m of the one before along both axes and at least 1 m off: enough for `seconds`."""
    rng, place = np.random.default_rng(seed), np.zeros(2)
    targets: list[Target] = []
    while len(targets) < 2 * seconds + 1:
        other = place + rng.uniform(-RADIUS, RADIUS, 2)
        if np.linalg.norm(other - place) > NEAREST:
            place = other
            targets.append(Target((float(place[0]), float(place[1]))))
    return targets


def follow(walker: Walker, targets: Sequence[Target], seconds: float) -> Walk:
    """A walk to targets; each counts as reached at the first frame whose hips are within its radius."""
    blocks = list(walker(targets, seconds))
    times, frames = [], 0
    for block in blocks:
        if block.reached:
            target = targets[block.target]
            distance = np.linalg.norm(block.positions[:, 0, :2] - target.position, axis=-1)
            within = distance < target.radius
            times.append((frames + (int(np.argmax(within)) if within.any() else len(within) - 1) + 1) / FRAME_RATE)
        frames += len(block.positions)
    contacts = [block.contacts for block in blocks if block.contacts is not None]
    return Walk(np.concatenate([block.positions for block in blocks]),
                np.concatenate([np.full(len(block.positions), block.target) for block in blocks]), times, targets,
                np.concatenate(contacts) if len(contacts) == len(blocks) else None)


def random_walk(model: Model, seconds: float, seed: int, candidates: int = 256) -> Walk:
    """A model's walk of `seconds` to one random target after another."""
    return follow(lambda targets, time: walk(model, targets, time, seed=seed, candidates=candidates),
                  errand(seed, seconds), seconds)


def measure_walks(model: Model, seeds: Iterable[int], seconds: float = 30.0, candidates: int = 256) -> dict:
    """Medians over walks: targets a minute, slide (cm/s), jerk (m/s³); the worst wait (s) and heights of the hips."""
    rest = rest_of(model)
    standing = float(rest[TOES, 2].mean())
    walks = [random_walk(model, seconds, seed, candidates) for seed in seeds]
    slides = [100 * foot_slide(w.positions, standing) for w in walks]
    heights = np.array([hips_range(w.positions, rest) for w in walks])
    middle = {
        "targets_per_minute": [60 * len(w.times) / seconds for w in walks],
        "slide_mean_cm_s": [float(s.mean()) if len(s) else 0.0 for s in slides],
        "slide_median_cm_s": [float(np.median(s)) if len(s) else 0.0 for s in slides],
        "feet_down": [len(s) / len(w.positions) for s, w in zip(slides, walks, strict=True)],
        "jerk_m_s3": [mean_jerk(w.positions) for w in walks],
        "speed_m_s": [_speed(w.positions) for w in walks],
    }
    worst = {"longest_s": max(w.longest for w in walks), "hips_lowest": heights[:, 0].min(),
             "hips_highest": heights[:, 1].max()}
    return {name: round(float(np.median(v)), 2) for name, v in middle.items()} | {
        name: round(float(v), 2) for name, v in worst.items()} | {"walks": len(walks), "seconds": seconds}


def _speed(positions: Array) -> float:
    return float(np.linalg.norm(np.diff(positions[:, 0, :2], axis=0), axis=-1).mean() * FRAME_RATE)
