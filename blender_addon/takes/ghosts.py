# SPDX-License-Identifier: GPL-3.0-or-later
"""The other takes as stick figures in the 3D viewport, where they are at the current frame.

Shapes are made when takes or the frame change, batches at the first drawing after that; a drawing only draws.
Nothing is left behind where there is nothing to see.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import gpu
import numpy as np
from bpy.app.handlers import persistent
from gpu_extras.batch import batch_for_shader

from ..answers.ghosts import SETS
from ..scenes import local
from . import figures, record, strip

WIDTH, PATH_WIDTH = 3.0, 1.5  # pixels
CLEAR, PATH_CLEAR = 0.9, 0.45
SHADER = "POLYLINE_SMOOTH_COLOR"


@dataclass(frozen=True)
class Figure:
    """A take that is not played: where it is shown, and in what colour."""

    armature: str
    take: record.Take
    offset: np.ndarray
    colour: tuple[float, float, float]
    path: figures.Array


_figures: list[Figure] = []
_lines: list[tuple[figures.Array, figures.Array, float]] = []  # ends, colours, width: what is to be drawn
_batches: list[tuple[gpu.types.GPUBatch, float]] = []
_drawing: list[object] = []  # the draw handler, while there is one


def refresh(scene: bpy.types.Scene) -> None:
    """Look anew at which takes are to be seen in a scene, and where; and at the footprints of the one shown."""
    from ..direction import draw  # which reads takes itself

    draw.refresh(scene)
    _figures[:] = [figure for armature in _armatures(scene) for figure in _gather(armature)]
    strip.refresh(scene)
    if not _figures:
        clear()
        return
    if _follow not in bpy.app.handlers.frame_change_post:
        bpy.app.handlers.frame_change_post.append(_follow)
    if not _drawing and not bpy.app.background:
        _drawing.append(bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW"))
    _follow(scene)


def clear() -> None:
    """Show no takes, and leave no handler."""
    for kept in (_figures, _lines, _batches):
        kept.clear()
    while _drawing:
        bpy.types.SpaceView3D.draw_handler_remove(_drawing.pop(), "WINDOW")
    if _follow in bpy.app.handlers.frame_change_post:
        bpy.app.handlers.frame_change_post.remove(_follow)
    _redraw()


def colour(number: str) -> tuple[float, float, float]:
    """The colour of the take of a number; as its icon has it."""
    return tuple(bpy.context.preferences.themes[0].bone_color_sets[_set(number) - 1].select)


def icon(number: str) -> str:
    """The icon in the colour of the take of a number."""
    return f"COLORSET_{_set(number):02d}_VEC"


def _set(number: str) -> int:
    """One of the theme's sets of bone colours, counted from 1."""
    return SETS[(int(number) - 1) % len(SETS)]


def shapes() -> list[tuple[figures.Array, figures.Array, float]]:
    """Line ends `[n, 3]` in world space, colours `[n, 4]` and width of all that is shown."""
    return list(_lines)


def _armatures(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    kept = [obj for obj in scene.objects if obj.type == "ARMATURE"]
    return [obj for obj in kept if len(obj.drmm.takes.rows) and obj.drmm.takes.view != "OFF" and obj.drmm.takes.state]


def _gather(armature: bpy.types.Object) -> list[Figure]:
    settings = armature.drmm.takes
    side = np.zeros(3) if settings.view == "OVER" else _side(armature)
    places = figures.offsets(len(settings.rows), settings.index, settings.gap, side)
    found = []
    for number, row in enumerate(settings.rows):
        if number == settings.index or row.action is None:
            continue
        try:
            take = record.read(row.action)
        except ValueError:  # damaged or of a later version: the operators say so
            continue
        path = figures.path(take.motion.positions)
        path[:, :2] = take.world(path)[:, :2]
        path += places[number].astype(np.float32)
        found.append(Figure(armature.name, take, places[number], colour(row.name), path))
    return found


def _side(armature: bpy.types.Object) -> np.ndarray:
    """The unit vector on the floor across the way that the chosen take goes, to its left."""
    settings = armature.drmm.takes
    rows = [row.action for row in settings.rows if row.action]
    index = min(settings.index, len(settings.rows) - 1)
    chosen = settings.rows[index].action or rows[0]
    try:
        hips = record.read(chosen).motion.positions[:, 0, :2]
    except ValueError:
        return np.array([1.0, 0.0, 0.0])
    x, y = hips[-1] - hips[0]
    length = np.hypot(x, y)
    return np.array([-y / length, x / length, 0.0]) if length > 1e-3 else np.array([1.0, 0.0, 0.0])


@persistent
def _follow(scene: bpy.types.Scene, _depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """Where the takes are at the scene's frame."""
    frame = scene.frame_current_final
    _lines.clear()
    _batches.clear()
    for figure in _figures:
        if local(scene, figure.armature) is None:
            continue
        body = figure.take.world(figures.pose_at(figure.take.motion.positions, figure.take.frame(frame)))
        ends = figures.lines(body + figure.offset)
        _lines.append((ends, figures.tints(figure.colour, CLEAR), WIDTH))
        path_tints = np.tile(np.float32([*figure.colour, PATH_CLEAR]), (len(figure.path), 1))
        _lines.append((figure.path, path_tints, PATH_WIDTH))
    _redraw()


def _draw() -> None:
    if not _batches:
        shader = gpu.shader.from_builtin(SHADER)
        for places, tints, width in _lines:
            _batches.append((batch_for_shader(shader, "LINES", {"pos": places, "color": tints}), width))
    region = bpy.context.region
    shader = gpu.shader.from_builtin(SHADER)
    gpu.state.blend_set("ALPHA")
    gpu.state.depth_test_set("LESS_EQUAL")
    shader.bind()
    shader.uniform_float("viewportSize", (region.width, region.height))
    for batch, width in _batches:
        shader.uniform_float("lineWidth", width)
        batch.draw(shader)
    gpu.state.depth_test_set("NONE")
    gpu.state.blend_set("NONE")


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
