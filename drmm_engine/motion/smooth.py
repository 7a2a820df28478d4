# SPDX-License-Identifier: Apache-2.0
"""Smooth curves over frames: averages, and curves that nowhere fall below what is needed."""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array


def averaged(values: Array, frames: int) -> Array:
    """Values `[F, ...]` averaged over `frames` frames on either side, those nearer counting more."""
    window = np.hanning(2 * frames + 3)[1:-1]
    padded = np.pad(values, [(frames, frames)] + [(0, 0)] * (values.ndim - 1), mode="edge")
    return sum(part * padded[k : k + len(values)] for k, part in enumerate(window / window.sum()))


def above(need: Array, frames: int) -> Array:
    """A smooth curve `[F]` that is nowhere below `need` `[F]`: the most of the frames around, averaged."""
    padded = np.pad(need, frames, mode="edge")
    return averaged(np.max([padded[k : k + len(need)] for k in range(2 * frames + 1)], axis=0), frames)
