# SPDX-License-Identifier: Apache-2.0
"""Walks to random targets, and how well they went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.metrics.motion import foot_slide, hips_range, mean_jerk
from drmm_engine.model import Model
from drmm_engine.motion.controller import REACHED, Target, walk
from drmm_engine.motion.features import FRAME_RATE
from drmm_engine.motion.rest import rest_of
from drmm_engine.motion.skeleton import TOES

RADIUS = 4.0  # metres; targets lie in a square of twice this side around the character
NEAREST = 1.0  # metres


@dataclass(frozen=True)
class Walk:
    """Positions `[F, 20, 3]`, when each target was reached (s) and the targets `[n, 2]`."""

    positions: Array
    times: list[float]
    targets: Array

    @property
    def longest(self) -> float:
        """The longest time that one target took, or has been pursued when the walk ends, s."""
        ends = [0.0, *self.times, len(self.positions) / FRAME_RATE]
        return float(np.diff(ends).max())


def random_walk(model: Model, seconds: float, seed: int, candidates: int = 256, face: bool = False) -> Walk:
    """A walk of `seconds` to one random target within 4 m after another."""
    rng = np.random.default_rng(seed)
    place, history = np.zeros(2), None
    frames: list[Array] = []
    times: list[float] = []
    targets: list[Array] = []
    while _count(frames) < seconds * FRAME_RATE:
        targets.append(_next_target(place, rng))
        left = seconds - _count(frames) / FRAME_RATE
        step = int(rng.integers(1 << 31))
        for block in walk(model, [Target(tuple(targets[-1]), face)], left, seed=step, candidates=candidates,
                          history=history):
            frames.append(block.positions)
            if block.reached:
                times.append(_count(frames) / FRAME_RATE)
        history = np.concatenate(frames)[-10:]
        place = history[-1, 0, :2]
    return Walk(np.concatenate(frames), times, np.array(targets))


def _count(blocks: list[Array]) -> int:
    return sum(len(block) for block in blocks)


def _next_target(place: Array, rng: np.random.Generator) -> Array:
    while True:
        target = place + rng.uniform(-RADIUS, RADIUS, 2)
        if np.linalg.norm(target - place) > max(NEAREST, REACHED):
            return target


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
