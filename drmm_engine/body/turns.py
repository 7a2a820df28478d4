# SPDX-License-Identifier: Apache-2.0
"""What turns are missing between two rotations or two directions, and how these answer to turns of the body."""

from __future__ import annotations

import numpy as np

from drmm_engine.body import rotations
from drmm_engine.body.rotations import Array


def to_face(turn: Array, wanted: Array) -> tuple[Array, Array]:
    """Of rotations [n, 3, 3] and that wanted: e = -log(wanted turn') [n, 3], and rows J [n, 3, 3] of de = J w.

    w is a turn of the body; J = 1 + [v]/2 + (1 - (a/2) cot(a/2)) [v]²/a² with v = -e of length a, the inverse of the
    right Jacobian.
    """
    missing = rotations.to_rotation_vector(rotations.from_matrix(wanted @ turn.swapaxes(-1, -2)))
    angle = np.linalg.norm(missing, axis=-1)
    safe = np.maximum(angle, 1e-3)
    half = np.where(angle > 1e-3, (1.0 - 0.5 * safe / np.tan(0.5 * safe)) / safe**2, 1.0 / 12.0)
    outer = missing[:, :, None] * missing[:, None] - (angle**2)[:, None, None] * np.eye(3)
    return -missing, np.eye(3) + 0.5 * _cross_matrix(missing) + half[:, None, None] * outer


def to_point(axis: Array, wanted: Array) -> tuple[Array, Array]:
    """Of unit axes [n, 3] and the direction wanted: minus the angle between, and 0, [n, 2]; rows [n, 2, 3] of turns.

    The first row turns the axis onto the direction the shorter way; the second keeps it from straying to the side.
    """
    normal = rotations.cross(axis, wanted)
    sine = np.linalg.norm(normal, axis=-1, keepdims=True)
    aside = rotations.normalize(rotations.cross(axis, np.eye(3)[np.argmin(np.abs(axis), axis=-1)]))
    normal = np.where(sine > 1e-6, normal / np.maximum(sine, 1e-30), aside)
    angle = np.arctan2(sine[:, 0], axis @ wanted)
    across = rotations.cross(normal, axis)
    return np.stack([-angle, np.zeros_like(angle)], axis=1), np.stack([normal, across], axis=1)


def _cross_matrix(v: Array) -> Array:
    """Matrices [n, 3, 3] with which v × u = [v] u."""
    m = np.zeros((len(v), 3, 3))
    m[:, 2, 1], m[:, 0, 2], m[:, 1, 0] = v[:, 0], v[:, 1], v[:, 2]
    return m - m.swapaxes(-1, -2)
