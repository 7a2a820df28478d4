# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an object that is looked at goes, read from its F-curves: no frame is set for it, so nothing else changes."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector

from drmm_engine.motion.features import FRAME_RATE, NEXT

from .. import compat

MOST = 600.0  # seconds that are looked ahead, at most


def places(look: bpy.types.Object, start: int, rate: float) -> list[float] | list[list[float]]:
    """World place (x, y) of an object; of one whose location has keys, one for each block of a walk from the frame
    `start` on, at `rate` frames/s, up to its last key. The view layer must be up to date."""
    keyed = [c for c in compat.read_curves(look) if c.data_path == "location" and len(c.keyframe_points)]
    last = min(max((c.range()[1] for c in keyed), default=start), start + MOST * rate)
    above = look.matrix_world @ look.matrix_basis.inverted()
    if last <= start:
        return list(above @ Vector(_at(look, keyed, start)) if keyed else look.matrix_world.translation)[:2]
    blocks = 1 + int(np.ceil((last - start) / rate * FRAME_RATE / NEXT))
    frames = start + np.arange(blocks) * NEXT / FRAME_RATE * rate
    return [[round(x, 5) for x in (above @ Vector(_at(look, keyed, frame)))[:2]] for frame in frames]


def _at(look: bpy.types.Object, keyed: list[bpy.types.FCurve], frame: float) -> list[float]:
    """The location at a frame, as the F-curves say."""
    location = list(look.location)
    for curve in keyed:
        location[curve.array_index] = curve.evaluate(frame)
    return location
