# SPDX-License-Identifier: GPL-3.0-or-later
"""Arcs of a joint's limits in its own axes, and the angle that a point in the plane of an arc is at."""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array

# What turning about each axis by 0 and by a quarter turn makes of the arc's hand: along the bone, or about it.
HANDS = (
    ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)),
)
RADII = (0.8, 0.35, 0.65)  # of the bone's length
HEIGHTS = (0.0, 0.5, 0.0)  # of the arcs' centres along the bone
STEP = np.radians(5.0)


def place(axis: int, angle: float | Array) -> Array:
    """Points `[..., 3]` of the arc about an axis, in the joint's axes, for a bone of length 1."""
    zero, quarter = (np.array(hand) for hand in HANDS[axis])
    angle = np.asarray(angle, float)[..., None]
    return RADII[axis] * (np.cos(angle) * zero + np.sin(angle) * quarter) + (0.0, HEIGHTS[axis], 0.0)


def outline(axis: int, low: float, high: float) -> Array:
    """The arc between two angles with lines from its centre to both ends, `[points, 3]`."""
    arc = place(axis, np.linspace(low, high, 2 + int((high - low) / STEP)))
    centre = np.array([[0.0, HEIGHTS[axis], 0.0]])
    return np.concatenate([centre, arc, centre])


def angle(axis: int, origin: Array, direction: Array, near: float) -> float | None:
    """Where a ray in the joint's axes meets the plane of an arc, the angle nearest to `near`; None if it is edge on."""
    along = direction[axis] / np.linalg.norm(direction)
    if abs(along) < 0.05:
        return None
    centre = np.array([0.0, HEIGHTS[axis], 0.0])
    met = origin + direction * ((centre - origin)[axis] / direction[axis]) - centre
    zero, quarter = (np.array(hand) for hand in HANDS[axis])
    found = float(np.arctan2(met @ quarter, met @ zero))
    return found + 2 * np.pi * round((near - found) / (2 * np.pi))
