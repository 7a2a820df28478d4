# SPDX-License-Identifier: GPL-3.0-or-later
"""World space and an armature's own space, both ways: the armature moved, turned and evenly scaled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drmm_engine.body import rotations

from ..spaces import similarity

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Space:
    """An armature's own space: `world` `[4, 4]` carries it into world space, `scale` is one of its units there."""

    world: Array
    scale: float

    @classmethod
    def of(cls, matrix: ArrayLike, name: str) -> Space:
        """The space of an armature's world matrix; ValueError where that scales unevenly, shears or mirrors."""
        scale, _ = similarity(matrix, f"the armature {name!r}")
        return cls(np.array(matrix, float), scale)

    def inside(self, matrix: ArrayLike) -> Array:
        """A world matrix `[4, 4]` in the armature's space."""
        return np.linalg.solve(self.world, np.asarray(matrix, float))

    def outside(self, matrix: ArrayLike) -> Array:
        """A matrix `[4, 4]` of the armature's space in world space."""
        return self.world @ np.asarray(matrix, float)


def turned(matrix: ArrayLike, what: str) -> Array:
    """The orientation (w, x, y, z) of a matrix `[4, 4]`, its scales left out; ValueError where it has none."""
    linear = np.array(matrix, float)[:3, :3]
    lengths = np.linalg.norm(linear, axis=0)
    if not lengths.all() or np.linalg.det(linear) <= 0.0:
        raise ValueError(f"{what} has no orientation; give it scales above zero")
    return rotations.from_matrix(linear / lengths)


def plane(matrix: ArrayLike, what: str) -> tuple[Array, float]:
    """Unit normal n `[3]` and offset b of the X-Y plane of a matrix: n·p + b > 0 where its Z axis points."""
    matrix = np.array(matrix, float)
    normal = np.cross(matrix[:3, 0], matrix[:3, 1])
    size = np.linalg.norm(normal)
    if size == 0.0:
        raise ValueError(f"{what} has no plane; give it scales above zero")
    normal = normal / size * (1.0 if normal @ matrix[:3, 2] >= 0.0 else -1.0)
    return normal, float(-normal @ matrix[:3, 3])


def radius(matrix: ArrayLike) -> float:
    """The mean length of the axes of a matrix `[4, 4]`: the radius of a sphere of radius one under it."""
    return float(np.linalg.norm(np.array(matrix, float)[:3, :3], axis=0).mean())
