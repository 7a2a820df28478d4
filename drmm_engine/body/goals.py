# SPDX-License-Identifier: Apache-2.0
"""What a pose is to meet: goals on points, directions and angles of an armature, in armature space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drmm_engine.body.rotations import Array


@dataclass(frozen=True)
class Point:
    """A place on bones: sum_i w_i M_i o_i, offsets o [k, 3] in the bones' own axes, weights w [k].

    Offset (0, length, 0) is a bone's tail; several bones with weights of sum one give a centre of mass. ValueError on
    other shapes.
    """

    bones: tuple[str, ...]
    offsets: Array
    weights: Array

    def __post_init__(self) -> None:
        count = len(self.bones)
        _set(self, offsets=_numbers(self.offsets, (count, 3), "point on", self.bones),
             weights=_numbers(self.weights, (count,), "point on", self.bones))


@dataclass(frozen=True)
class At:
    """The point is at the target [3]."""

    point: Point
    target: Array
    weight: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        _check(self, target=(3,))


@dataclass(frozen=True)
class Near:
    """The point is near the target [3] with standard deviation sd, a length: a wish, weighed against the rest."""

    point: Point
    target: Array
    sd: float
    weight: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        _check(self, target=(3,), sd=())
        if not self.sd > 0:
            raise ValueError(f"goal {self.name!r}: sd must be above zero, got {self.sd}")


@dataclass(frozen=True)
class Along:
    """An axis [3] of the bone's own points along a direction [3] of armature space."""

    bone: str
    axis: Array
    direction: Array
    weight: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        _check(self, axis=(3,), direction=(3,))
        _check_length(self, "axis", "direction")


@dataclass(frozen=True)
class Facing:
    """The bone's rotation in armature space is the quaternion [4], w x y z."""

    bone: str
    quaternion: Array
    weight: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        _check(self, quaternion=(4,))
        _check_length(self, "quaternion")


@dataclass(frozen=True)
class Beyond:
    """The point x is on the allowed side of a plane: normal [3] . x + offset >= 0."""

    point: Point
    normal: Array
    offset: float
    weight: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        _check(self, normal=(3,), offset=())
        _check_length(self, "normal")


@dataclass(frozen=True)
class Within:
    """The point x is in a box: |u| <= 1 in each of the three coordinates of u = matrix^-1 x, matrix [4, 4]."""

    point: Point
    matrix: Array
    weight: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        _check(self, matrix=(4, 4))
        if not abs(np.linalg.det(self.matrix)) > 0:
            raise ValueError(f"goal {self.name!r}: the box is flat; give its matrix three sizes above zero")


@dataclass(frozen=True)
class Angle:
    """A parameter of the joints, by name, has a value: radians, or a length of a bone that moves.

    With a standard deviation sd above zero, in the same units, it is near the value: a wish, weighed against the rest.
    """

    parameter: str
    value: float
    weight: float = 1.0
    name: str = ""
    sd: float = 0.0

    def __post_init__(self) -> None:
        _check(self, value=(), sd=())
        if self.sd < 0:
            raise ValueError(f"goal {self.name!r}: sd must not be below zero, got {self.sd}")


Goal = At | Near | Along | Facing | Beyond | Within | Angle


def _check(goal: Goal, **shapes: tuple[int, ...]) -> None:
    """Make arrays of numbers; ValueError unless they are finite, of these shapes, and the weight is not negative."""
    for key, shape in {**shapes, "weight": ()}.items():
        _set(goal, **{key: _numbers(getattr(goal, key), shape, f"goal {goal.name!r}: {key}", None)})
    if goal.weight < 0:
        raise ValueError(f"goal {goal.name!r}: weight must not be below zero, got {goal.weight}")


def _check_length(goal: Goal, *keys: str) -> None:
    for key in keys:
        if not np.linalg.norm(getattr(goal, key)) > 0:
            raise ValueError(f"goal {goal.name!r}: {key} must have a length above zero")


def _numbers(value: ArrayLike, shape: tuple[int, ...], what: str, who: Sequence[str] | None) -> Array | float:
    try:
        numbers = np.asarray(value, float)
    except (TypeError, ValueError):
        numbers = np.full((), np.nan)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        whose = f" {', '.join(map(repr, who))}" if who is not None else ""
        raise ValueError(f"{what}{whose}: {value!r:.60} should be finite numbers of shape {shape}")
    return numbers if shape else float(numbers)


def _set(instance: object, **values: object) -> None:
    for key, value in values.items():
        object.__setattr__(instance, key, value)
