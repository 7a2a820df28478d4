# SPDX-License-Identifier: Apache-2.0
"""Few keys instead of one a frame: as many as keep what lies between them within a bound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array


def reduce(values: Array, bound: float) -> NDArray[np.int64]:
    """Frames of `[F, c]` to keep so that straight lines between them are off by at most `bound` in any column."""
    values = np.asarray(values, float)
    return within(len(values), lambda kept: np.abs(between(values, kept) - values).max(axis=1), bound)


def within(count: int, error: Callable[[NDArray[np.int64]], Array], bound: float) -> NDArray[np.int64]:
    """Frames to keep of `count`, the first and the last among them, so that `error(kept)` `[count]` is within `bound`.

    In every gap with an error above the bound the worst frame is added, until there is none. ValueError: bound not
    positive.
    """
    if not bound > 0:
        raise ValueError(f"the bound must be positive, got {bound!r}")
    kept = np.unique([0, count - 1]) if count else np.zeros(0, int)
    while 0 < len(kept) < count:
        off = error(kept)
        off[kept] = 0.0
        worst = [first + int(off[first:end].argmax()) for first, end in zip(kept[:-1], kept[1:], strict=True)]
        added = [frame for frame in worst if off[frame] > bound]
        if not added:
            break
        kept = np.sort(np.concatenate([kept, added]))
    return kept


def between(values: Array, kept: NDArray[np.int64]) -> Array:
    """Values `[F, c]` with straight lines between the frames that are kept."""
    frames = np.arange(len(values))
    return np.stack([np.interp(frames, kept, column[kept]) for column in values.T], axis=1)
