# SPDX-License-Identifier: Apache-2.0
"""What a character is told to do, target by target, and what it does, five frames at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array

REACHED = 0.5  # metres from the hips to a target that counts as there
FACINGS = ("free", "along", "towards", "away")
FASTEST = 8.0  # m/s; nobody is asked to run faster


@dataclass(frozen=True)
class Target:
    """A place on the floor to walk to, metres, and how.

    facing: "free"; "along" the way, "towards" or "away" from the target; a heading in radians; a place (x, y) looked
    at, or places ((x, y), ...), one for each five frames from the start of the walk on, the last for good. `face` is
    short for "towards". arrive: seconds from the start of the walk at which it is to be reached; speed: m/s on the way
    there; stop: come to a stand at the place itself; wait: seconds to stand there (they imply a stop); style: a class
    of the model's stream "style"; radius: metres from the hips that count as there when passing.
    """

    position: tuple[float, float]
    face: bool = False
    facing: str | float | tuple[float, float] | tuple[tuple[float, float], ...] = "free"
    arrive: float | None = None
    speed: float | None = None
    stop: bool = False
    wait: float = 0.0
    style: str | None = None
    radius: float = REACHED

    @property
    def stands(self) -> bool:
        """Whether the character comes to a stand there."""
        return self.stop or self.wait > 0


@dataclass(frozen=True)
class Block:
    """Five frames at 30 frames/s: positions `[5, 20, 3]` in metres, the target pursued, and whether it was reached.

    contacts `[5, 2]`: whether the left and the right foot stand. plausibility: log density of the motion that led
    here less what is usual of the model, nats (about 0 is usual, `POOR` and below looks wrong). reach: mean
    `[2]` and covariance `[2, 2]` of the places, metres in the world, where the hips may be in the middle of the next
    second. turns: of the parts that the model knows the turns of, or None. late: seconds after its time that a target
    with a time was reached, in the block that reaches it.
    """

    positions: Array
    target: int
    reached: bool
    contacts: NDArray[np.bool_] | None = None
    plausibility: float = 0.0
    reach: tuple[Array, Array] | None = None
    turns: Array | None = None
    late: float | None = None


POOR = -100.0  # nats of plausibility


def check(targets: Sequence[Target]) -> None:
    """ValueError: no target, or one that says something that is not finite, positive or known, by its number."""
    if not targets:
        raise ValueError("no target: a walk needs at least one")
    before = 0.0
    for number, target in enumerate(targets, start=1):
        if np.shape(target.position) != (2,) or not np.all(np.isfinite(target.position)):
            raise ValueError(f"target {number} is not a place on the floor: {target.position!r}")
        _check_facing(target, number)
        for name, least in (("speed", 0.0), ("radius", 0.0)):
            value = getattr(target, name)
            if value is not None and not least < value < np.inf:
                raise ValueError(f"target {number}: {name} must be positive, got {value!r}")
        if target.speed is not None and target.speed > FASTEST:
            raise ValueError(f"target {number}: speed must be at most {FASTEST:g} m/s, got {target.speed!r}")
        if not 0 <= target.wait < np.inf:
            raise ValueError(f"target {number}: wait must be at least 0 seconds, got {target.wait!r}")
        before = _check_time(target, number, before)


def _check_time(target: Target, number: int, before: float) -> float:
    if target.arrive is None:
        return before
    if not before < target.arrive < np.inf:
        raise ValueError(f"target {number}: arrive must be later than {before:g} s, got {target.arrive!r}")
    return target.arrive + target.wait


def _check_facing(target: Target, number: int) -> None:
    facing = target.facing
    if isinstance(facing, str):
        good = facing in FACINGS
    else:
        places = np.asarray(facing, float)
        path = places.ndim == 2 and len(places) > 0 and places.shape[1] == 2
        good = (path or places.shape in ((), (2,))) and bool(np.isfinite(places).all())
    if not good:
        raise ValueError(f"target {number}: facing must be one of {', '.join(FACINGS)}, a heading in radians or "
                         f"places (x, y), got {facing!r}")
