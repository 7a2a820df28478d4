# SPDX-License-Identifier: Apache-2.0
"""From a drawn pose of the two-dimensional humanoid to one that meets its query: damped least squares."""

from __future__ import annotations

import numpy as np

from scripts.figures.humanoid import HIGH, LOW, NAMES, Query
from training.humanoid2d import BONES, forward

MARGIN = 1e-3  # metres inside a bound that the solver aims for
STEPS = 100
DAMPING, LEAST_DAMPING = 1e-2, 1e-9  # metres²: at the start, and once all goes well


def solve(poses: np.ndarray, query: Query) -> np.ndarray:
    """Poses near the given ones that meet goals and bounds within the joints' limits, as far as steps downhill go.

    Levenberg and Marquardt from each pose, dp = J' (J J' + damping I)^-1 r: the least steps that do, so that what the
    query leaves open stays as it was drawn. The damping of a pose follows how well its last step went.
    """
    p = np.clip(poses, LOW, HIGH)
    r, jacobian = residuals(p, query)
    damping = np.full(len(p), DAMPING)
    for _ in range(STEPS):
        step = _least_step(jacobian, r, damping)
        stuck = (p + step < LOW) | (p + step > HIGH)  # what stands at its limit leaves the work to the others
        tried = np.clip(p + _least_step(jacobian * ~stuck[:, None], r, damping) + stuck * step, LOW, HIGH)
        r_tried, jacobian_tried = residuals(tried, query)
        better = (r_tried**2).sum(1) < (r**2).sum(1)
        p, r = (np.where(better[:, None], new, old) for new, old in ((tried, p), (r_tried, r)))
        jacobian = np.where(better[:, None, None], jacobian_tried, jacobian)
        damping = np.clip(damping * np.where(better, 0.2, 5.0), LEAST_DAMPING, 1.0)
    return p


def _least_step(jacobian: np.ndarray, r: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """Steps [B, 18] that take away residuals r [B, R]; damping [B]."""
    square = jacobian @ jacobian.swapaxes(1, 2) + damping[:, None, None] * np.eye(r.shape[1])
    return (jacobian.swapaxes(1, 2) @ np.linalg.solve(square, r[..., None]))[..., 0]


def residuals(p: np.ndarray, query: Query) -> tuple[np.ndarray, np.ndarray]:
    """What is missing to each goal coordinate and violated bound [B, R], and its derivatives [B, R, 18]."""
    origins = forward(p)[0]
    r, rows = [np.zeros(len(p))], [np.zeros_like(p)]
    for name, place in query.goals.items():
        i = NAMES.index(name)
        for axis in (0, 1):
            r.append(place[axis] - origins[:, i, axis])
            rows.append(derivative(origins, i)[:, axis])
    for b in query.bounds:
        i = NAMES.index(b.effector)
        missing = np.maximum(b.sign * (origins[:, i, b.axis] - b.limit) + MARGIN, 0.0)
        r.append(missing)
        rows.append(-b.sign * derivative(origins, i)[:, b.axis] * (missing > 0)[:, None])
    return np.stack(r, axis=1), np.stack(rows, axis=1)


def derivative(origins: np.ndarray, i: int) -> np.ndarray:
    """Of bone i's origin by the parameters, [B, 2, 18]; a clockwise turn about (x, y) moves X, Y by (Y - y, x - X)."""
    out = np.zeros((len(origins), 2, len(LOW)))
    out[:, 0, 0] = out[:, 1, 1] = 1.0
    parent = BONES[i].parent
    while parent >= 0:
        arm = origins[:, i] - origins[:, parent]
        out[:, 0, 2 + parent], out[:, 1, 2 + parent] = arm[:, 1], -arm[:, 0]
        parent = BONES[parent].parent
    return out
