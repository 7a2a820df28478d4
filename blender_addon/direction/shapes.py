# SPDX-License-Identifier: GPL-3.0-or-later
"""The way, its marks, footprints and the reachable region as lines and triangles on the floor; no Blender in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drmm_engine.motion.skeleton import index

Array = NDArray[np.float64]

WAY, STOP, LOOK = (0.95, 0.80, 0.25), (0.95, 0.35, 0.30), (0.55, 0.75, 1.0)
LEFT, RIGHT = (0.10, 0.75, 0.75), (0.95, 0.45, 0.25)
REACH = (0.45, 0.95, 0.45)
LIFT = 0.01  # metres above the floor, so that lines are not lost in it, and prints above what they are on
ROUND = 40  # corners of a circle
DEVIATIONS = 3.5  # standard deviations of the places within reach, to which the controller clips
# Outline of a left sole from above: to the body's outside, and along, in lengths of the sole from its heel.
SOLE = np.array([[0.00, 0.00], [0.10, 0.04], [0.14, 0.20], [0.13, 0.45], [0.20, 0.70], [0.17, 0.90], [0.04, 1.00],
                 [-0.08, 0.98], [-0.15, 0.85], [-0.15, 0.68], [-0.09, 0.45], [-0.11, 0.18], [-0.08, 0.04]])  # fmt: skip
BEHIND, BEFORE = 0.35, 0.55  # of the way from ankle to toes: how far heel and tips are beyond them


@dataclass
class Picture:
    """Line pieces and triangles: corners `[n, 3]` and colours `[n, 4]`, two rows a piece, three a triangle."""

    lines: list[tuple[Array, Array]] = field(default_factory=list)
    sides: list[tuple[Array, Array]] = field(default_factory=list)

    def line(self, points: ArrayLike, colour: Sequence[float], opacity: float = 0.9) -> None:
        """A line through points `[n, 3]`."""
        ends = np.repeat(np.asarray(points, float), 2, axis=0)[1:-1]
        self.lines.append((ends, tint(colour, opacity, len(ends))))

    def fan(self, points: ArrayLike, colour: Sequence[float], opacity: float = 0.25) -> None:
        """The area within an outline `[n, 3]`, whose middle sees all of it."""
        points = np.asarray(points, float)
        middle = np.broadcast_to(points.mean(axis=0), points.shape)
        corners = np.stack([middle, points, np.roll(points, -1, axis=0)], axis=1).reshape(-1, 3)
        self.sides.append((corners, tint(colour, opacity, len(corners))))

    def joined(self) -> list[tuple[Array, Array] | None]:
        """All lines and all triangles as one pair of arrays each; None where there are none."""
        return [tuple(np.concatenate(part).astype(np.float32) for part in zip(*kept, strict=True)) if kept else None
                for kept in (self.lines, self.sides)]  # fmt: skip


def tint(colour: Sequence[float], opacity: float, count: int) -> Array:
    """A colour `[count, 4]`."""
    return np.tile([*colour, opacity], (count, 1))


def ring(place: ArrayLike, radius: float) -> Array:
    """Points `[41, 3]` of a circle about a place, closed."""
    angle = np.linspace(0.0, 2 * np.pi, ROUND + 1)
    return np.asarray(place, float) + radius * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)


def arrow(place: ArrayLike, heading: float, length: float) -> Array:
    """Points `[5, 3]` of an arrow on the floor that begins at a place."""
    side = np.array([[0, 0], [1, 0], [0.75, 0.15], [0.75, -0.15], [1, 0]])
    return np.asarray(place, float) + length * _turned(side, heading)


def target(picture: Picture, place: ArrayLike, radius: float, row: dict) -> None:
    """The disc of a target and what is asked there: filled to stop, ringed twice to wait, an arrow where one faces."""
    stands = row["stop"] or row["wait"] > 0
    outline = ring(place, radius)
    picture.line(outline, STOP if stands else WAY)
    if stands:
        picture.fan(outline[:-1], STOP)
    if row["wait"]:
        picture.line(ring(place, 0.8 * radius), STOP)
    if isinstance(row["facing"], float):
        picture.line(arrow(place, row["facing"], 1.3 * radius), LOOK)
    elif not isinstance(row["facing"], str):
        picture.line(np.array([place, [*row["facing"], np.asarray(place)[2]]]), LOOK, 0.4)


def footprints(picture: Picture, positions: Array, contacts: NDArray[np.bool_], floor: float) -> None:
    """A sole where each foot stands, of a motion `[F, 20, 3]` in world space with contacts `[F, 2]`."""
    for side, colour in enumerate((LEFT, RIGHT)):
        for outline in soles(positions, contacts[:, side], side, floor):
            picture.fan(outline, colour, 0.5)
            picture.line(np.concatenate([outline, outline[:1]]), colour)


def soles(positions: Array, stands: NDArray[np.bool_], side: int, floor: float) -> Iterable[Array]:
    """Outlines `[13, 3]` of one foot's prints, side 0: left, 1: right; one for each time that it stands."""
    ankle, toes = (positions[:, index(("Left", "Right")[side] + part), :2] for part in ("Foot", "Toes"))
    change = np.flatnonzero(np.diff(np.r_[False, stands, False].astype(int)))
    for first, end in change.reshape(-1, 2):
        back, front = ankle[first:end].mean(axis=0), toes[first:end].mean(axis=0)
        along = front - back
        heel = back - BEHIND * along
        length = (1 + BEHIND + BEFORE) * np.hypot(*along)
        outline = SOLE[:, ::-1] * (1.0, 1.0 if side == 0 else -1.0)
        yield np.array([*heel, floor + 2 * LIFT]) + length * _turned(outline, np.arctan2(along[1], along[0]))


def region(mean: ArrayLike, covariance: ArrayLike, floor: float) -> Array:
    """Points `[41, 3]` of the ellipse within which the hips can be soon."""
    values, axes = np.linalg.eigh(np.asarray(covariance, float))
    circle = ring((0.0, 0.0, 0.0), DEVIATIONS)[:, :2] * np.sqrt(np.maximum(values, 0.0))
    places = np.asarray(mean, float) + circle @ axes.T
    return np.concatenate([places, np.full((len(places), 1), floor + LIFT)], axis=1)


def _turned(points: Array, heading: float) -> Array:
    """Points `[n, 2]` (along, to the left) turned to a heading, `[n, 3]`."""
    c, s = np.cos(heading), np.sin(heading)
    along, left = points.T
    return np.stack([c * along - s * left, s * along + c * left, 0 * along], axis=1)
