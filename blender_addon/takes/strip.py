# SPDX-License-Identifier: GPL-3.0-or-later
"""How plausible each frame of the take shown is, as a strip of colours along the bottom of timeline and Dope Sheet.

Colours are made when the take changes, the batch at the first drawing after that; a drawing only places it.
"""

from __future__ import annotations

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix

from drmm_engine.motion.directions import POOR

from . import figures
from .record import Take, holds, read

HEIGHT, MARGIN, TEXT, GAP = 6, 2, 11, 8  # pixels at a scale of the interface of 1
GROUND = (0.1, 0.1, 0.1, 0.8)
WORDS = (
    ("Take shown:", (0.8, 0.8, 0.8)),
    ("unlikely", figures.POOR),
    ("fair", figures.MIDDLE),
    ("usual", figures.USUAL),
)
USUAL = 0.0  # nats a decision
FAR = 100_000  # frames: far apart, since Blender tells whole pixels only
EDITORS = {"DOPESHEET_EDITOR"}

_shades: list[tuple[np.ndarray, np.ndarray]] = []  # corners (frame, 0 or 1) and colours of triangles
_batches: list[gpu.types.GPUBatch] = []
_drawing: list[object] = []


def refresh(scene: bpy.types.Scene) -> None:
    """Show the plausibility of the take that the scene's armature plays, if it plays one."""
    _shades[:] = [triangles(take) for take in _takes(scene)]
    _batches.clear()
    if not _shades:
        clear()
    elif not _drawing and not bpy.app.background:
        _drawing.append(bpy.types.SpaceDopeSheetEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))
    _redraw()


def clear() -> None:
    """Show nothing, and leave no handler."""
    _shades.clear()
    _batches.clear()
    while _drawing:
        bpy.types.SpaceDopeSheetEditor.draw_handler_remove(_drawing.pop(), "WINDOW")
    _redraw()


def triangles(take: Take) -> tuple[np.ndarray, np.ndarray]:
    """Corners `[6 F, 2]`, x in frames of the scene and y from 0 to 1, and colours `[6 F, 4]`: two triangles a frame."""
    count = len(take.motion)
    left = take.start + (np.arange(count) - 0.5) / take.ratio
    right = left + 1.0 / take.ratio
    corners = np.zeros((count, 6, 2), np.float32)
    corners[:, [0, 3, 5], 0], corners[:, [1, 2, 4], 0] = left[:, None], right[:, None]
    corners[:, [2, 4, 5], 1] = 1.0
    colours = figures.shades(take.motion.plausibility, POOR, USUAL)
    return corners.reshape(-1, 2), np.repeat(colours, 6, axis=0)


def _takes(scene: bpy.types.Scene) -> list[Take]:
    armature = scene.drmm.armature
    animation = armature.animation_data if armature else None
    if not animation or not holds(animation.action):
        return []
    try:
        return [read(animation.action)]
    except ValueError:
        return []


def _draw() -> None:
    region = bpy.context.region
    shader = gpu.shader.from_builtin("SMOOTH_COLOR")
    if not _batches:
        for corners, colours in _shades:
            _batches.append(batch_for_shader(shader, "TRIS", {"pos": corners, "color": colours}))
    scale = bpy.context.preferences.system.ui_scale
    zero, far = (region.view2d.view_to_region(frame, 0.0, clip=False)[0] for frame in (0, FAR))
    placed = Matrix.Translation((zero, MARGIN * scale, 0.0)) @ Matrix.Diagonal(
        ((far - zero) / FAR, HEIGHT * scale, 1.0, 1.0)
    )
    with gpu.matrix.push_pop():
        gpu.matrix.multiply_matrix(placed)
        for batch in _batches:
            batch.draw(shader)
    _legend(scale, region.width)


def _legend(scale: float, width: int) -> None:
    """What the colours mean, in small letters on a dark ground above the strip's right end."""
    blf.size(0, TEXT * scale)
    words = [(bpy.app.translations.pgettext_iface(word), tint) for word, tint in WORDS]
    lengths = [blf.dimensions(0, word)[0] + GAP * scale for word, _ in words]
    left, low, high = width - sum(lengths) - GAP * scale, (HEIGHT + 2 * MARGIN) * scale, (TEXT + 4) * scale
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    corners = [(left - GAP * scale, low), (width, low), (left - GAP * scale, low + high), (width, low + high)]
    gpu.state.blend_set("ALPHA")
    shader.bind()
    shader.uniform_float("color", GROUND)
    batch_for_shader(shader, "TRI_STRIP", {"pos": corners}).draw(shader)
    gpu.state.blend_set("NONE")
    for (word, tint), length in zip(words, lengths, strict=True):
        blf.color(0, *tint, 1.0)
        blf.position(0, left, low + 4 * scale, 0)
        blf.draw(0, word)
        left += length


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in EDITORS:
                area.tag_redraw()
