# SPDX-License-Identifier: Apache-2.0
"""A motion closed to a cycle: the stretch of it whose ends are most alike, bent so that they are the same."""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.features import FRAME_RATE, placement, to_local, to_world
from drmm_engine.motion.skeleton import JOINTS

SHORTEST, LONGEST = 0.5, 2.0
"""Seconds that a cycle takes, two steps of a run to two of a slow walk."""
VELOCITY = 0.2
"""Seconds: how much a difference of speed counts beside one of places."""

LIVELY = 0.3
"""Share of the largest difference within a stretch below which it counts as standing."""
STILL = 0.05
"""Metres, over all joints and their speeds, that are no motion at all."""


def loop(positions: Array, in_place: bool = False) -> tuple[Array, int]:
    """A cycle `[n + 1, 20, 3]` out of a motion `[F, 20, 3]` (30 frames/s, metres, Z up), and its first frame there.

    Its last pose is its first one, moved along the floor as far as the motion goes in that time, and turned no further:
    repeated copies, each moved on, walk straight. With `in_place` it stays where it begins. ValueError where the motion
    is too short to hold one.
    """
    positions = np.asarray(positions, float)
    first, end = best(positions)
    part = positions[first : end + 1]
    origins, headings = placement(part)
    headings = np.unwrap(headings)
    share = np.linspace(0.0, 1.0, len(part))
    local = to_local(part[:, None], origins, headings)[:, 0]
    local -= (share - 0.5)[:, None, None] * (local[-1] - local[0])
    straight = headings - share * (headings[-1] - headings[0])
    steps = _turned(np.diff(origins, axis=0), straight[:-1] - headings[:-1])
    way = origins[0] + np.concatenate([np.zeros((1, 2)), steps.cumsum(axis=0)])
    way -= share[:, None] * (way[-1] - way[0]) if in_place else 0.0
    return to_world(local[:, None], way, straight)[:, 0], first


def best(positions: Array) -> tuple[int, int]:
    """First and last frame of the stretch, of a length that a cycle may have, whose ends are most alike."""
    least, most = round(SHORTEST * FRAME_RATE), round(LONGEST * FRAME_RATE)
    if len(positions) < least + 3:
        raise ValueError(f"a cycle needs {least + 3} frames of motion at least, got {len(positions)}")
    looks = _looks(positions)
    stretches = [_ends(looks, length) for length in range(least, min(most, len(looks) - 1) + 1)]
    liveliest = max(halves.max() for _, halves in stretches)
    if liveliest < STILL:
        raise ValueError("the motion stands still; a cycle needs one that goes to and fro")
    ends = (np.inf, 0, 0)
    for misses, halves in stretches:
        # Standing is alike all the time, and no cycle.
        misses = np.where(halves > LIVELY * liveliest, misses / np.maximum(halves, STILL), np.inf)
        first = int(misses.argmin())
        ends = min(ends, (float(misses[first]), first, len(looks) - len(misses)))
    _, first, length = ends
    return first, first + length


def _ends(looks: Array, length: int) -> tuple[Array, Array]:
    """How unlike the ends of each stretch of a length are `[n]`, and its beginning and its middle."""
    count = len(looks) - length
    middles = looks[length // 2 : length // 2 + count]
    return np.linalg.norm(looks[length:] - looks[:count], axis=1), np.linalg.norm(middles - looks[:count], axis=1)


def _looks(positions: Array) -> Array:
    """Poses and how they change, seen from the body: rows that are alike where the motion can be cut."""
    local = to_local(positions[:, None], *placement(positions))[:, 0]
    steps = np.gradient(local, axis=0) * FRAME_RATE * VELOCITY
    return np.concatenate([local, steps], axis=-1).reshape(len(local), 6 * len(JOINTS))


def _turned(steps: Array, angle: Array) -> Array:
    """Steps `[n, 2]` on the floor turned by angles `[n]`."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * steps[:, 0] - s * steps[:, 1], s * steps[:, 0] + c * steps[:, 1]], axis=1)
