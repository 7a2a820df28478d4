# SPDX-License-Identifier: Apache-2.0
"""The paper's two-dimensional data (Fig. 2): swiss roll and Sierpinski triangle."""

from __future__ import annotations

import numpy as np

from drmm_engine.schema import Schema, Stream

SCHEMA = Schema((Stream.real("point", ["x", "y"]),))


def swiss_roll(seed: int = 0) -> np.ndarray:
    """About 6,300 points t/2 (sin t, cos t), 0 <= t < 4 pi, as dense along the arc, [rows, 2].

    t runs in steps of 0.001 and is kept with probability t / 4 pi.
    """
    t = np.arange(0, 4 * np.pi, 0.001)
    t = t[np.random.default_rng(seed).random(len(t)) < t / (4 * np.pi)]
    return centred(0.5 * t[:, None] * np.stack([np.sin(t), np.cos(t)], axis=1))


def sierpinski(depth: int = 7) -> np.ndarray:
    """The corners of the 3^depth smallest triangles, [3^(depth + 1), 2]; inner corners occur more than once."""
    angle = np.radians([0.0, 120.0, 240.0])
    triangles = np.stack([np.sin(angle), np.cos(angle)], axis=1)[None]
    for _ in range(depth):
        middles = (triangles[:, :, None] + triangles[:, None]) / 2  # [triangles, corner, half-way to, 2]
        triangles = middles.reshape(-1, 3, 2)
    return centred(triangles.reshape(-1, 2))


def centred(x: np.ndarray) -> np.ndarray:
    """Points with each axis's mid-range at 0, divided by half of the overall span, as Fig. 2 draws them."""
    low, high = x.min(axis=0), x.max(axis=0)
    return (x - (low + high) / 2) / ((high.max() - low.min()) / 2)
