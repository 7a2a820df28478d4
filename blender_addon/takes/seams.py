# SPDX-License-Identifier: GPL-3.0-or-later
"""Where new keys meet kept ones: the new bend to the kept within a few frames; no Blender in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..channels import Channel, nearest_euler

Array = NDArray[np.float64]
WIDTH = 10  # frames of the scene over which new keys bend to the kept one at either end


def at(channel: Channel, frames: Array) -> Array:
    """Values `[n, size]` of a channel at frames counted from its first, linear between its keys."""
    keyed = np.arange(len(channel.values)) if channel.frames is None else channel.frames
    return np.stack([np.interp(frames, keyed, column) for column in channel.values.T], axis=-1)


def inside(channel: Channel, first: float, last: float) -> tuple[Array, Array]:
    """Frames `[n]` and values `[n, size]` of a channel's keys strictly between two frames."""
    keyed = np.arange(len(channel.values)) if channel.frames is None else channel.frames
    within = (keyed > first) & (keyed < last)
    return keyed[within], channel.values[within]


def aligned(values: Array, before: Array, mode: str) -> Array:
    """The same rotations `[n, size]`, written such that they go on from the kept one `before` `[size]`.

    `mode`: a rotation mode of Blender, or "" for what is no rotation and stays as it is.
    """
    if mode == "QUATERNION":
        return values if values[0] @ before >= 0 else -values
    if mode == "AXIS_ANGLE":
        return values if values[0, 1:] @ before[1:] >= 0 else -values
    if not mode:
        return values
    out = values.copy()
    for frame in range(len(out)):
        out[frame] = nearest_euler(out[frame], out[frame - 1] if frame else before, mode)
    return out


def bent(values: Array, frames: Array, ends: tuple[float, float], misses: tuple[Array, Array]) -> Array:
    """Values `[n, size]` at `frames`, moved by the miss at either end, less and less away from it.

    The weight of an end is 1 there and 0 from `WIDTH` frames on, with no slope at both: 1 - 3 t² + 2 t³.
    """
    width = min(WIDTH, ends[1] - ends[0])
    out = np.array(values)
    for end, miss in zip(ends, misses, strict=True):
        away = np.clip(np.abs(frames - end) / width, 0.0, 1.0)
        out += (1 - 3 * away**2 + 2 * away**3)[:, None] * miss
    return out
