# SPDX-License-Identifier: GPL-3.0-or-later
"""The best answers as ghosts in the 3D viewport.

Shapes are made when the answers change, batches at the first drawing after that; a drawing only draws. Blender is
asked to draw ghosts, and told to stop, by `refresh`: nothing is left behind where there is nothing to see.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy
import gpu
import numpy as np
from bpy.app.handlers import persistent
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix

from ..scenes import holds, local
from . import shapes

COUNT = 8
SETS = (4, 3, 1, 6, 9, 7, 8, 5)  # bone colour sets of the theme, from 1, that tell the ghosts apart
FACES, EDGES, HIDDEN = 0.22, 0.85, 0.3  # how opaque the clearest ghost is: sides, edges, edges behind something
WIDTH = 1.5  # pixels of an edge
SIDES, LINES = "SMOOTH_COLOR", "POLYLINE_FLAT_COLOR"


@dataclass
class Ghost:
    """The shapes of one armature's answers in its own space, and their batches as soon as they were drawn."""

    triangles: tuple[shapes.Array, shapes.Array]
    edges: tuple[shapes.Array, shapes.Array]
    hidden: tuple[shapes.Array, shapes.Array]
    batches: list[gpu.types.GPUBatch] = field(default_factory=list)


_ghosts: dict[str, Ghost] = {}
_drawing: list[object] = []  # the draw handler, while there is one


def show(armature: bpy.types.Object, poses: np.ndarray, bones: list[str], chosen: int) -> None:
    """Show poses `[n, B, 4, 4]` of bones, in the armature's space, the chosen one highlighted."""
    poses = np.asarray(poses)[:COUNT]
    lengths = [armature.data.bones[name].length for name in bones]
    own = [_colour(armature, name) for name in bones]
    points = shapes.corners(poses, lengths)
    ranks = [_theme(SETS[rank]).select for rank in range(len(poses))]
    sides, edges, hidden = (shapes.colours(own, ranks, chosen, strength) for strength in (FACES, EDGES, HIDDEN))
    _ghosts[armature.name] = Ghost(
        shapes.triangles(points, sides), shapes.edges(points, edges), shapes.edges(points, hidden)
    )
    _start()


def hide(armature: bpy.types.Object) -> None:
    """Show no ghosts of an armature any more."""
    _ghosts.pop(armature.name, None)
    if not _ghosts:
        clear()
    _redraw()


def shown() -> tuple[str, ...]:
    """Names of the armatures that have ghosts."""
    return tuple(_ghosts)


def icon(rank: int) -> str:
    """The icon in the colour of a ghost."""
    return f"COLORSET_{SETS[rank]:02d}_VEC"


def clear() -> None:
    """Show no ghosts, and leave no handler."""
    _ghosts.clear()
    while _drawing:
        bpy.types.SpaceView3D.draw_handler_remove(_drawing.pop(), "WINDOW")
    if _watch in bpy.app.handlers.depsgraph_update_post:
        bpy.app.handlers.depsgraph_update_post.remove(_watch)


def _start() -> None:
    if not _drawing and not bpy.app.background:
        _drawing.append(bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW"))
    if _watch not in bpy.app.handlers.depsgraph_update_post:
        bpy.app.handlers.depsgraph_update_post.append(_watch)
    _redraw()


@persistent
def _watch(scene: bpy.types.Scene, _depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """Forget the ghosts of armatures that are gone, renamed or without answers."""
    for name in shown():
        armature = bpy.data.objects.get((name, None))
        gone = armature is None or not (holds(scene, armature) or armature.users_scene)
        if gone or not len(armature.drmm.answers):
            _ghosts.pop(name)
    if not _ghosts:
        clear()


def _draw() -> None:
    scene, region = bpy.context.scene, bpy.context.region
    gpu.state.blend_set("ALPHA")
    for name, ghost in _ghosts.items():
        armature = local(scene, name)
        if armature is None or not armature.visible_get():
            continue
        if not ghost.batches:
            ghost.batches = _batches(ghost)
        with gpu.matrix.push_pop():
            gpu.matrix.multiply_matrix(Matrix(armature.matrix_world))
            _draw_batches(ghost.batches, (region.width, region.height))
    gpu.state.depth_test_set("NONE")
    gpu.state.blend_set("NONE")


def _batches(ghost: Ghost) -> list[gpu.types.GPUBatch]:
    result = []
    for shader, kind, (places, tints) in (
        (SIDES, "TRIS", ghost.triangles),
        (LINES, "LINES", ghost.edges),
        (LINES, "LINES", ghost.hidden),
    ):
        result.append(batch_for_shader(gpu.shader.from_builtin(shader), kind, {"pos": places, "color": tints}))
    return result


def _draw_batches(batches: list[gpu.types.GPUBatch], size: tuple[int, int]) -> None:
    sides, edges, hidden = batches
    shader = gpu.shader.from_builtin(SIDES)
    shader.bind()
    gpu.state.depth_test_set("LESS_EQUAL")
    gpu.state.face_culling_set("BACK")
    sides.draw(shader)
    gpu.state.face_culling_set("NONE")
    shader = gpu.shader.from_builtin(LINES)
    shader.bind()
    shader.uniform_float("viewportSize", size)
    shader.uniform_float("lineWidth", WIDTH)
    edges.draw(shader)
    gpu.state.depth_test_set("GREATER")
    hidden.draw(shader)


def _colour(armature: bpy.types.Object, name: str) -> tuple[float, float, float]:
    """The bone's own colour where it has one: the pose bone's before the bone's."""
    for holder in (armature.pose.bones[name], armature.data.bones[name]):
        palette = holder.color.palette
        if palette == "CUSTOM":
            return tuple(holder.color.custom.normal)
        if palette.startswith("THEME"):
            return tuple(_theme(int(palette[5:])).normal)
    return (np.nan, np.nan, np.nan)


def _theme(number: int) -> bpy.types.ThemeBoneColorSet:
    """One of the theme's sets of bone colours, counted from 1."""
    return bpy.context.preferences.themes[0].bone_color_sets[number - 1]


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
