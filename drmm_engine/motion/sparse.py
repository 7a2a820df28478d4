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


def smooth(values: Array, kept: NDArray[np.int64]) -> Array:
    """Values `[F, c]` with cubics between the frames that are kept, whose slopes there are `slopes`."""
    frames = np.arange(len(values))
    if len(kept) < 2:
        return np.broadcast_to(values[kept], values.shape).copy()
    first = np.clip(np.searchsorted(kept, frames, "right") - 1, 0, len(kept) - 2)
    width = np.diff(kept)[first][:, None]
    t = (frames - kept[first])[:, None] / width
    before, after = values[kept[first]], values[kept[first + 1]]
    rate = slopes(values)
    begin, end = width * rate[kept[first]], width * rate[kept[first + 1]]
    rise = t * t * (3 - 2 * t)
    return before + rise * (after - before) + t * (1 - t) * ((1 - t) * begin - t * end)


def slopes(values: Array) -> Array:
    """Change a frame `[F, c]` of values, by what is before and after."""
    return np.gradient(values, axis=0) if len(values) > 1 else np.zeros_like(values)


def between(values: Array, kept: NDArray[np.int64]) -> Array:
    """Values `[F, c]` with straight lines between the frames that are kept."""
    frames = np.arange(len(values))
    return np.stack([np.interp(frames, kept, column[kept]) for column in values.T], axis=1)
