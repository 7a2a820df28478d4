# SPDX-License-Identifier: Apache-2.0
"""The shortest way on the floor around what is kept out of: a goal within the next second cannot see round a box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.room import BODY, Box, Keep, Wall, barriers, beyond, footprint

_BERTH = 0.15  # metres more than a body's width that corners are passed at
_PASSED = 0.35  # metres from the hips at which a corner counts as passed


def next_place(hips: Array, goal: Array, keep: Sequence[Keep]) -> tuple[Array, float]:
    """The next corner `[2]` on the shortest way from `hips` `[2]` to `goal` `[2]` that keeps clear of boxes, or the
    goal itself, and the length of the way (m). Where there is no way, the straight one."""
    boxes = [footprint(each.matrix) for each in barriers(keep) if isinstance(each, Box) and not each.inside]
    blocked = [box for box in boxes if beyond(box, goal) > 0]
    straight = float(np.linalg.norm(goal - hips))
    shrunk = [_grown(box, _berth(box, hips, goal)) for box in blocked]
    if not any(_crosses(hips, goal, box) for box in shrunk):
        return goal, straight
    corners = np.concatenate([_grown(box, BODY + _BERTH) for box in blocked])
    corners = corners[_allowed(corners, keep, blocked)]
    corners = corners[np.linalg.norm(corners - hips, axis=-1) > _PASSED]
    return _shortest(np.concatenate([[hips], corners, [goal]]), shrunk, straight)


def _berth(box: Array, hips: Array, goal: Array) -> float:
    """A body's width, or less where the character or its goal is nearer to the box than that."""
    return min(BODY, 0.9 * max(0.0, float(min(beyond(box, hips), beyond(box, goal)))))


def _shortest(nodes: Array, boxes: list[Array], straight: float) -> tuple[Array, float]:
    """Dijkstra's from the goal over all pairs that see one another; the node after the first, and the whole way."""
    count = len(nodes)
    length = np.linalg.norm(nodes[:, None] - nodes[None], axis=-1)
    for a in range(count):
        for b in range(a):
            if any(_crosses(nodes[a], nodes[b], box) for box in boxes):
                length[a, b] = length[b, a] = np.inf
    way, left = np.full(count, np.inf), set(range(count))
    way[-1] = 0.0
    while left:
        near = min(left, key=lambda k: way[k])
        left.discard(near)
        way = np.minimum(way, way[near] + length[near])
    onward = length[0, 1:] + way[1:]
    best = int(np.argmin(onward))
    return (nodes[best + 1], float(onward[best])) if np.isfinite(onward[best]) else (nodes[-1], straight)


def _grown(polygon: Array, margin: float) -> Array:
    """A convex polygon `[n, 2]`, counter-clockwise, with its sides moved out by `margin`."""
    side = np.roll(polygon, -1, axis=0) - polygon
    normal = np.stack([side[:, 1], -side[:, 0]], axis=-1) / np.linalg.norm(side, axis=-1, keepdims=True)
    before = np.roll(normal, 1, axis=0)
    bisector = normal + before
    return polygon + margin * bisector * (2 / np.maximum((bisector**2).sum(-1, keepdims=True), 1.0))


def _crosses(a: Array, b: Array, polygon: Array) -> bool:
    """Whether a segment runs through the inside of a convex polygon (clipping by its sides)."""
    side = np.roll(polygon, -1, axis=0) - polygon
    inward = np.stack([-side[:, 1], side[:, 0]], axis=-1)
    inward /= np.linalg.norm(inward, axis=-1, keepdims=True)
    at, rate = ((a - polygon) * inward).sum(-1) - 1e-6, inward @ (b - a)
    if np.any((at <= 0) & (at + rate <= 0)):
        return False
    moving = np.abs(rate) > 1e-12
    cut = -at[moving] / rate[moving]
    enter = cut[rate[moving] > 0].max(initial=0.0)
    leave = cut[rate[moving] < 0].min(initial=1.0)
    return bool(leave - enter > 1e-9)


def _allowed(points: Array, keep: Sequence[Keep], boxes: list[Array]) -> Array:
    """Which points `[n, 2]` are clear of walls, inside what is kept in, and outside all boxes."""
    good = np.ones(len(points), bool)
    for each in barriers(keep):
        if isinstance(each, Wall) or each.inside:
            height = 0.5 if isinstance(each, Wall) else float(np.asarray(each.matrix)[2, 3])
            good &= each.clearance(np.concatenate([points, np.full((len(points), 1), height)], axis=1)) > 0.5 * BODY
    for box in boxes:
        good &= beyond(box, points) > BODY
    return good
