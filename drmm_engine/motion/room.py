# SPDX-License-Identifier: Apache-2.0
"""What a character keeps in or out of: ceilings, walls and boxes; metres, Z up, and clearances in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array

BODY = 0.3  # metres between the hips and the side of the body
OVERHEAD = 0.75  # metres; a box that hangs higher is ducked under, a lower one walked around


@dataclass(frozen=True)
class Ceiling:
    """Nothing above `height`; with `matrix` `[4, 4]` only over the footprint of that unit cube |u| <= 1."""

    height: float
    matrix: Array | None = None

    def clearance(self, points: Array) -> Array:
        """Metres `[...]` below the ceiling of points `[..., 3]`; inf where there is none above."""
        room = self.height - points[..., 2]
        return room if self.matrix is None else np.where(self.over(points), room, np.inf)

    def over(self, points: Array, margin: float = 0.0) -> NDArray[np.bool_]:
        """Whether the ceiling is above points `[..., 2 or 3]`, or at most `margin` metres away."""
        return self.distance(points) <= margin

    def distance(self, points: Array) -> Array:
        """How far points `[..., 2 or 3]` are from being under it, metres; 0 and less below it."""
        if self.matrix is None:
            return np.zeros(points.shape[:-1])
        return beyond(footprint(self.matrix), points[..., :2])


@dataclass(frozen=True)
class Wall:
    """The half-space normal . p + offset >= 0 is free."""

    normal: tuple[float, float, float]
    offset: float

    def clearance(self, points: Array) -> Array:
        """Metres `[...]` in front of the wall of points `[..., 3]`."""
        normal = np.asarray(self.normal, float)
        return (points @ normal + self.offset) / np.linalg.norm(normal)

    def faces(self, point: Array) -> list[tuple[Array, float]]:
        """The unit normal `[3]` into the free half-space, and the clearance of a point `[3]`."""
        normal = np.asarray(self.normal, float)
        return [(normal / np.linalg.norm(normal), float(self.clearance(point)))]


@dataclass(frozen=True)
class Box:
    """The unit cube |u| <= 1 under `matrix` `[4, 4]`: kept in (`inside`) or out of."""

    matrix: Array
    inside: bool

    @cached_property
    def _faces(self) -> tuple[Array, Array]:
        """Inverse matrix and how far apart a unit is on its three axes, metres."""
        inverse = np.linalg.inv(np.asarray(self.matrix, float))
        return inverse, 1 / np.linalg.norm(inverse[:3, :3], axis=1)

    def clearance(self, points: Array) -> Array:
        """Metres `[...]` from points `[..., 3]` to the nearest face, positive where they may be."""
        inverse, unit = self._faces
        within = (1 - np.abs(points @ inverse[:3, :3].T + inverse[:3, 3])) * unit
        depth = within.min(axis=-1)
        if self.inside:
            return depth
        return np.where(depth > 0, -depth, np.linalg.norm(np.minimum(within, 0), axis=-1))

    def faces(self, point: Array) -> list[tuple[Array, float]]:
        """Unit normals `[3]` into free half-spaces and the clearances of a point `[3]` there: all six faces of a box
        kept in, and of one kept out of the face that the point is furthest beyond."""
        inverse, unit = self._faces
        u = inverse[:3, :3] @ point + inverse[:3, 3]
        sign = -1.0 if self.inside else 1.0
        each = [(sign * way * unit[k] * inverse[k, :3], float(sign * (way * u[k] - 1) * unit[k]))
                for k in range(3) for way in (-1.0, 1.0)]
        return each if self.inside else [max(each, key=lambda face: face[1])]

    @property
    def lowest(self) -> float:
        """Height of its lowest corner, metres."""
        m = np.asarray(self.matrix, float)
        return float(m[2, 3] - np.abs(m[2, :3]).sum())


Keep = Ceiling | Wall | Box


def clearance(keep: Sequence[Keep], points: Array) -> Array:
    """The least clearance `[...]` of points `[..., 3]`, metres; inf without anything to keep."""
    return np.min([each.clearance(points) for each in keep], axis=0) if keep else np.full(points.shape[:-1], np.inf)


def ceilings(keep: Sequence[Keep]) -> list[Ceiling]:
    """Ceilings, and boxes overhead as ceilings over their footprints."""
    beams = [Ceiling(each.lowest, each.matrix) for each in keep if isinstance(each, Box) and _overhead(each)]
    return [each for each in keep if isinstance(each, Ceiling)] + beams


def barriers(keep: Sequence[Keep]) -> list[Wall | Box]:
    """What is walked around or stayed in: walls, and boxes that are not overhead."""
    return [each for each in keep if isinstance(each, Wall) or (isinstance(each, Box) and not _overhead(each))]


def _overhead(box: Box) -> bool:
    return not box.inside and box.lowest > OVERHEAD


def footprint(matrix: Array) -> Array:
    """Corners `[n, 2]` of the convex outline of a unit cube on the floor, counter-clockwise."""
    m = np.asarray(matrix, float)
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) @ m[:3, :3].T + m[:3, 3]
    return _hull(corners[:, :2])


def _hull(points: Array) -> Array:
    """Convex hull, counter-clockwise (Andrew's monotone chain); nearly equal points are one."""
    ordered = np.unique(np.round(points, 9), axis=0)
    if len(ordered) < 3:
        return ordered

    def chain(rows: Array) -> list[Array]:
        kept: list[Array] = []
        for p in rows:
            while len(kept) > 1 and _cross(kept[-1] - kept[-2], p - kept[-2]) <= 1e-12:
                kept.pop()
            kept.append(p)
        return kept[:-1]

    return np.array(chain(ordered) + chain(ordered[::-1]))


def _cross(a: Array, b: Array) -> Array:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def beyond(polygon: Array, points: Array) -> Array:
    """How far points `[..., 2]` are beyond the sides of a convex polygon `[n, 2]`, metres; negative within."""
    side = np.roll(polygon, -1, axis=0) - polygon
    length = np.maximum(np.linalg.norm(side, axis=-1), 1e-12)
    return (_cross(points[..., None, :] - polygon, side) / length).max(axis=-1)


def post(place: Array, radius: float) -> Box:
    """A post at a place `[2]` on the floor, to keep out of, a square of half a side `radius`, metres."""
    matrix = np.diag([radius, radius, 1.0, 1.0])
    matrix[:3, 3] = (*place, 1.0)
    return Box(matrix, False)


def check(keep: Sequence[Keep]) -> None:
    """ValueError: something that is no ceiling, wall or box, not finite, or flat."""
    for number, each in enumerate(keep, start=1):
        if isinstance(each, Ceiling):
            good = bool(np.isfinite(each.height)) and (each.matrix is None or _solid(each.matrix))
        elif isinstance(each, Wall):
            normal = np.asarray(each.normal, float)
            good = normal.shape == (3,) and bool(np.isfinite([*normal, each.offset]).all()) and bool(normal.any())
        elif isinstance(each, Box):
            good = _solid(each.matrix)
        else:
            good = False
        if not good:
            raise ValueError(f"room {number} is not a ceiling, wall or box with finite size: {each!r}")


def _solid(matrix: Array) -> bool:
    m = np.asarray(matrix, float)
    return m.shape == (4, 4) and bool(np.isfinite(m).all()) and abs(np.linalg.det(m[:3, :3])) > 1e-12
