# SPDX-License-Identifier: GPL-3.0-or-later
"""The way, the reachable region, footprints, and what is being generated, in the 3D viewport.

Shapes are made when the scene changes, batches at the first drawing after that; a drawing only draws. The drawing is
there only while there is something to see.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import blf
import bpy
import gpu
import numpy as np
from bpy.app.handlers import persistent
from bpy_extras.view3d_utils import location_3d_to_region_2d
from gpu_extras.batch import batch_for_shader

from .. import takes
from ..scenes import holds
from ..takes import figures, record
from . import gather, labels, shapes

WIDTH, LETTERS = 2.0, 12  # pixels
SHADERS = (("POLYLINE_SMOOTH_COLOR", "LINES"), ("SMOOTH_COLOR", "TRIS"))
EVERY = 12  # frames from one faint figure to the next of a walk that is being generated
GHOST, FAINT = (1.0, 1.0, 1.0), 0.25

_pictures: dict[str, shapes.Picture] = {}  # "way", "reach" and "walk"
_labels: list[tuple[tuple[float, float, float], str]] = []
_batches: dict[str, list[gpu.types.GPUBatch | None]] = {}
_drawing: list[tuple[object, str]] = []
_seen: list[tuple] = []  # how what is drawn stood when its shapes were made


def register() -> None:
    """Add the handlers that look at the scene again."""
    for handlers, function in _handlers():
        handlers.append(function)


def unregister() -> None:
    """Take away what `register` added, and all that is drawn."""
    for handlers, function in _handlers():
        handlers.remove(function)
    _pictures.clear()
    _labels.clear()
    _start()


def refresh(scene: bpy.types.Scene) -> None:
    """Make the shapes of a scene anew."""
    _seen[:] = [_state(scene)]
    picture = shapes.Picture()
    _labels.clear()
    for armature in _characters(scene):
        labels.way(scene, armature, picture, _labels)
    _put("way", picture)
    _reach(scene)


def generating(walks: Sequence[Any]) -> None:
    """Show walks as far as they are generated: every twelfth figure, and the last one clear. Without any: no longer."""
    picture = shapes.Picture()
    for walk in walks:
        bodies = [walk.world(block.positions) for block in walk.blocks]
        if bodies:
            _figures(picture, np.concatenate(bodies))
    _put("walk", picture)


def shown() -> dict[str, shapes.Picture]:
    """What is drawn now."""
    return dict(_pictures)


def said() -> list[tuple[tuple[float, float, float], str]]:
    """The words that are drawn, and where they hang."""
    return list(_labels)


def _figures(picture: shapes.Picture, positions: np.ndarray) -> None:
    for frame in (*range(0, len(positions) - 1, EVERY), len(positions) - 1):
        opacity = 0.95 if frame == len(positions) - 1 else FAINT
        picture.lines.append((figures.lines(positions[frame]), figures.tints(GHOST, opacity)))
    path = positions[:, 0] * (1.0, 1.0, 0.0) + (0.0, 0.0, positions[0, :, 2].min())
    picture.line(path, GHOST, 0.6)


def _put(name: str, picture: shapes.Picture) -> None:
    _batches.pop(name, None)
    if picture.lines or picture.sides:
        _pictures[name] = picture
    else:
        _pictures.pop(name, None)
    _start()


def _start() -> None:
    """Have it drawn, if there is something to draw."""
    wanted = bool(_pictures) and not bpy.app.background
    space = bpy.types.SpaceView3D
    if wanted and not _drawing:
        for function, kind in ((_draw, "POST_VIEW"), (_write, "POST_PIXEL")):
            _drawing.append(space.draw_handler_add(function, (), "WINDOW", kind))
    while _drawing and not wanted:
        space.draw_handler_remove(_drawing.pop(), "WINDOW")
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def _characters(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The panel's character, and those that have targets of their own."""
    chosen = scene.drmm.armature
    others = [one for one in scene.objects if one.type == "ARMATURE" and one.drmm.walk.own and one != chosen]
    return ([chosen] if chosen and holds(scene, chosen) else []) + others


def _reach(scene: bpy.types.Scene) -> None:
    """The reachable region of the takes shown, at the scene's frame."""
    picture = shapes.Picture()
    for armature in _characters(scene) if scene.drmm.walk.show_reach else ():
        take = takes.shown(armature)
        if take is None or not take.start <= scene.frame_current <= take.end:
            continue
        row = take.motion.reach[min(int(take.frame(scene.frame_current)), len(take.motion) - 1)]
        if np.isfinite(row).all():
            labels.reach(picture, take, row)
    _put("reach", picture)


def _state(scene: bpy.types.Scene) -> tuple:
    """What the shapes depend on and can change without a word to `refresh`."""
    settings, parts = scene.drmm, []
    for armature in _characters(scene):
        action = armature.animation_data.action if armature.animation_data else None
        take = record.holds(action)
        parts.append((armature.name, action.name if action else "", len(action[record.RECORD]) if take else 0))
        if not take:
            parts.append(tuple(map(tuple, armature.matrix_world)))
        for target in gather.listed(scene, armature).targets:
            for lead in (target.empty, target.look):
                parts.append((lead.name, tuple(map(tuple, lead.matrix_world))) if lead else None)
    return (scene.name, settings.armature, tuple(parts))


@persistent
def _watch(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """Look whether what is drawn has moved, or another take is shown, or a curve has another form."""
    curves = depsgraph is not None and depsgraph.id_type_updated("CURVE")
    if curves or _seen != [_state(scene)]:
        refresh(scene)


@persistent
def _frame(scene: bpy.types.Scene, _depsgraph: bpy.types.Depsgraph | None = None) -> None:
    if "reach" in _pictures or (scene.drmm.walk.show_reach and "way" in _pictures):
        _reach(scene)


@persistent
def _after(*_given: object) -> None:
    """The scene is another; a file's objects have no places before they are evaluated."""
    bpy.context.view_layer.update()
    refresh(bpy.context.scene)


def _handlers() -> list[tuple[list, object]]:
    on = bpy.app.handlers
    after = [(handlers, _after) for handlers in (on.undo_post, on.redo_post, on.load_post)]
    return [*after, (on.depsgraph_update_post, _watch), (on.frame_change_post, _frame)]


def _draw() -> None:
    region = bpy.context.region
    gpu.state.blend_set("ALPHA")
    gpu.state.depth_test_set("LESS_EQUAL")
    for name, picture in _pictures.items():
        if name not in _batches:
            _batches[name] = _made(picture)
        for batch, (builtin, _) in reversed(list(zip(_batches[name], SHADERS, strict=True))):
            if batch is None:
                continue
            shader = gpu.shader.from_builtin(builtin)
            shader.bind()
            if builtin.startswith("POLYLINE"):
                shader.uniform_float("viewportSize", (region.width, region.height))
                shader.uniform_float("lineWidth", WIDTH)
            batch.draw(shader)
    gpu.state.depth_test_set("NONE")
    gpu.state.blend_set("NONE")


def _made(picture: shapes.Picture) -> list[gpu.types.GPUBatch | None]:
    result = []
    for arrays, (builtin, kind) in zip(picture.joined(), SHADERS, strict=True):
        content = None if arrays is None else dict(zip(("pos", "color"), arrays, strict=True))
        shader = gpu.shader.from_builtin(builtin)
        result.append(batch_for_shader(shader, kind, content) if content else None)
    return result


def _write() -> None:
    region, view = bpy.context.region, bpy.context.region_data
    blf.size(0, LETTERS * bpy.context.preferences.system.ui_scale)
    blf.color(0, *shapes.WAY, 1.0)
    for place, text in _labels:
        at = location_3d_to_region_2d(region, view, place)
        if at is not None:
            blf.position(0, at.x, at.y, 0)
            blf.draw(0, text)
