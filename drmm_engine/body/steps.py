# SPDX-License-Identifier: Apache-2.0
"""One step of damped least squares for many poses: the least that meets linearised goals within limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drmm_engine.arrays import product
from drmm_engine.body.rotations import Array

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Linear:
    """Poses x [n, C] with low <= x <= high, and what rows lack, r [n, m] = J dx with J [n, m, C].

    free [m]: rows that are met where r is negative, too. damping [n, m]. pull [n, C]: the step where none asks for one.
    """

    x: Array
    low: Array
    high: Array
    jacobian: Array
    lacks: Array
    free: Mask
    damping: Array
    pull: Array


def least_step(task: Linear, active: Mask, stopped: Mask) -> tuple[Array, Mask, Mask]:
    """The step [n, C], which inequalities [n, m] took part in it, and which parameters [n, C] are stopped at a limit.

    dx = J' (J J' + D)^-1 (r - J pull) + pull over rows that are active and parameters that are not stopped; then again
    where that would break a limit or an inequality, or where one of these holds back what would go inside.
    `active` and `stopped` are those of the step before, a first guess. What is stopped goes just to its limit.
    """
    at_low, at_high = task.x <= task.low, task.x >= task.high
    active = active | ~task.free | (task.lacks > 0)
    stopped = stopped & (at_low | at_high)
    step, forces = _least(task, slice(None), active, ~stopped, task.lacks)
    pushed = _times(forces, task.jacobian) + task.pull
    released = stopped & np.where(at_low, pushed > 0, pushed < 0)
    beyond = (task.x + step < task.low) | (task.x + step > task.high)
    joined = task.free & ~active & (task.lacks > _dot(task.jacobian, step))
    left = task.free & active & (forces < 0)
    again = (beyond | released).any(axis=1) | (joined | left).any(axis=1)
    active, stopped = (active | joined) & ~left, (stopped & ~released) | beyond
    if again.any():
        to_limit = np.clip(task.x + step, task.low, task.high) - task.x
        fixed = np.where(beyond, to_limit, 0).astype(step.dtype)[again]
        lacks = task.lacks[again] - _dot(task.jacobian[again], fixed)
        step[again] = _least(task, again, active[again], ~stopped[again], lacks)[0] + fixed
    return step, active & task.free, stopped


def _least(task: Linear, poses: Mask | slice, active: Mask, moves: Mask, lacks: Array) -> tuple[Array, Array]:
    """Damped steps [k, C] of some poses and the multipliers [k, m] of their rows."""
    jacobian = task.jacobian[poses] * moves[:, None]
    pull = task.pull[poses] * moves
    square = product(jacobian, jacobian.swapaxes(1, 2))
    square *= active[:, :, None] & active[:, None]
    diagonal = np.arange(square.shape[1])
    square[:, diagonal, diagonal] += task.damping[poses]
    forces = np.linalg.solve(square, ((lacks - _dot(jacobian, pull)) * active)[..., None])[..., 0]
    return _times(forces, jacobian) + pull, forces


def _dot(matrix: Array, vector: Array) -> Array:
    """Products [n, m] of matrices [n, m, C] and vectors [n, C]."""
    return (matrix @ vector[..., None])[..., 0]


def _times(vector: Array, matrix: Array) -> Array:
    """Products [n, C] of vectors [n, m] and matrices [n, m, C]."""
    return (vector[:, None] @ matrix)[:, 0]
