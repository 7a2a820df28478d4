# SPDX-License-Identifier: GPL-3.0-or-later
"""Matrices that turn, move and scale evenly, taken apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

TOLERANCE = 1e-3


def similarity(matrix: ArrayLike, what: str) -> tuple[float, NDArray[np.float64]]:
    """Scale s > 0 and rigid matrix R `[4, 4]` of a similarity M = R · diag(s, s, s, 1).

    `what` names the thing in the message. Raises ValueError when M mirrors, shears or scales unevenly
    by more than one part in a thousand.
    """
    matrix = np.array(matrix, float)
    linear = matrix[:3, :3]
    lengths = np.linalg.norm(linear, axis=0)
    scale = float(lengths.mean())
    if not np.isfinite(matrix).all() or scale <= 0.0:
        raise ValueError(f"{what} has no size; give it a scale above zero")
    gram = linear.T @ linear / scale**2
    if np.abs(np.diag(gram) - 1.0).max() > 2 * TOLERANCE:
        shown = ", ".join(f"{length:.3g}" for length in lengths)
        raise ValueError(f"{what} is scaled unevenly ({shown}); apply its scale or make the three alike")
    if np.abs(gram - np.eye(3)).max() > 2 * TOLERANCE:
        raise ValueError(f"{what} is sheared by its parents; apply or clear the parent's scale")
    if np.linalg.det(linear) < 0.0:
        raise ValueError(f"{what} is mirrored by a negative scale; apply its scale")
    rigid = matrix.copy()
    rigid[:3, :3] = linear / scale
    return scale, rigid
