# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes as stick figures: lines and colours of whole motions, offset to a side; no Blender in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drmm_engine.motion.skeleton import JOINTS, PARENTS, index

Array = NDArray[np.float32]

BONES = np.array([[parent, joint] for joint, parent in enumerate(PARENTS) if parent >= 0])
LEFT, RIGHT = (np.array([JOINTS[joint].startswith(side) for _, joint in BONES]) for side in ("Left", "Right"))
SIDE_SHADE = 0.55  # the right half of a body is darker, so that left and right can be told apart
PATH_EVERY = 3  # frames between two points of a path on the floor

# From unlikely to usual, safe for the colour-blind: the middle is light, the ends differ in brightness and in hue.
POOR, MIDDLE, USUAL = np.array([[0.84, 0.19, 0.15], [0.99, 0.85, 0.45], [0.27, 0.55, 0.80]])
UNKNOWN = np.array([0.35, 0.35, 0.35])


def lines(positions: ArrayLike) -> Array:
    """Ends `[38, 3]` of the bones of a body `[20, 3]`, two rows a bone."""
    return np.asarray(positions, np.float32)[BONES].reshape(-1, 3)


def tints(colour: ArrayLike, opacity: float) -> Array:
    """Colours `[38, 4]` of the ends of a body's bones."""
    shade = np.where(RIGHT, SIDE_SHADE, 1.0)[:, None]
    rows = np.concatenate([shade * np.asarray(colour, float), np.full((len(BONES), 1), opacity)], axis=1)
    return np.repeat(rows, 2, axis=0).astype(np.float32)


def path(positions: ArrayLike) -> Array:
    """Ends `[n, 3]` of line pieces under the hips of `[F, 20, 3]`, on the floor at z = 0 of the motion."""
    places = np.array(positions, np.float32)[:, index("Hips")]
    places = places[np.unique(np.r_[np.arange(0, len(places), PATH_EVERY), len(places) - 1])]
    places[:, 2] = 0.0
    return np.repeat(places, 2, axis=0)[1:-1]


def pose_at(positions: NDArray[np.float64], frame: float) -> NDArray[np.float64]:
    """The body `[20, 3]` at a frame that need not be whole; before the first and after the last frame it stands."""
    frame = float(np.clip(frame, 0, len(positions) - 1))
    first = min(int(frame), max(len(positions) - 2, 0))
    after = min(first + 1, len(positions) - 1)
    return positions[first] + (frame - first) * (positions[after] - positions[first])


def offsets(count: int, chosen: int, gap: float, side: ArrayLike) -> NDArray[np.float64]:
    """Where takes stand `[n, 3]` from the chosen one, which stays, along the unit vector `side`, metres."""
    return gap * (np.arange(count) - chosen)[:, None] * np.asarray(side, float)


def shades(plausibility: ArrayLike, poor: float, usual: float) -> Array:
    """Colours `[n, 4]` from `poor` (red) by way of yellow to `usual` (blue) or better; grey where it is not known."""
    values = np.asarray(plausibility, float)
    part = np.clip((np.nan_to_num(values) - poor) / max(usual - poor, 1e-9), 0.0, 1.0)[:, None]
    low, high = POOR + 2 * part * (MIDDLE - POOR), MIDDLE + (2 * part - 1) * (USUAL - MIDDLE)
    colours = np.where(part < 0.5, low, high)
    colours[~np.isfinite(values)] = UNKNOWN
    return np.concatenate([colours, np.ones((len(colours), 1))], axis=1).astype(np.float32)
