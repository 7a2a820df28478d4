# SPDX-License-Identifier: Apache-2.0
"""The demo's contact sheet: the whole walk above, below it moments of the walk and the sampled pose, with captions."""

import math
from collections.abc import Sequence
from pathlib import Path

import blf
import bpy
import imbuf
import numpy as np

from scripts.showcase import stage
from scripts.showcase.measures import Walk

WIDTH, ROUTE_HEIGHT, PANEL_HEIGHT, GUTTER = 1440, 560, 450, 8
PANEL_WIDTH = (WIDTH - 3 * GUTTER) // 4
ROUTE_AZIMUTH = -90
SKIN_EVERY = 0.6
"""Metres of the way between two onion skins."""
TRAIL = ((-16, 0.15), (-8, 0.4), (0, 1.0))
"""The onion skins of a moment: how many frames from it, and how strong."""
ROOM = np.array([(x, y, z) for x in (-0.45, 0.45) for y in (-0.45, 0.45) for z in (0.0, 2.0)])
"""The corners of a box with room for a character, about the point on the floor under its hips."""
INK, TEXT_SIZE, MARGIN = (0.05, 0.07, 0.09, 1.0), 19, 18


def draw(path: Path, walk: Walk, reached: Sequence[int | None], poser: bpy.types.Object) -> None:
    """Render everything and write the sheet; `reached` has the walk's frame at each target."""
    scene = bpy.context.scene
    body = walk.armature.children[0]
    stage.fadeable(body)
    body.hide_render = True
    stage.mark_route(walk.hips)
    posed = poser.users_collection[0]
    posed.hide_render = True
    arrivals = [frame for frame in reached if frame is not None]
    moments = _moments(walk.hips, arrivals)
    pictures = [_moment(scene, walk, frame) for frame in moments.values()]
    top = _route(scene, walk, arrivals)
    posed.hide_render = False
    pictures.append(_pose(scene, poser))
    captions = [f"{frame / walk.frame_rate:.1f} s: {name}" for name, frame in moments.items()]
    title = f"{len(arrivals)} of {len(reached)} targets, {len(walk.hips) / walk.frame_rate:.1f} s"
    _save(path, _compose(top, pictures), _places([title, *captions, "A sampled pose and its goals"]))


def aim_at_route(scene: bpy.types.Scene, walk: Walk) -> None:
    """Have the camera look from the side at the whole walk and its targets."""
    targets = [target.empty.matrix_world.translation for target in scene.drmm.targets]
    stage.aim(scene, _room([*walk.hips, *targets]), ROUTE_AZIMUTH, 24, lens=50, size=(WIDTH, ROUTE_HEIGHT))


def _moments(hips: np.ndarray, reached: Sequence[int]) -> dict[str, int]:
    """Frames worth a picture of their own; the first is where the character has come a metre."""
    away = np.linalg.norm(hips[:, :2] - hips[0, :2], axis=1) > 1.0
    middle = {"at the first target": reached[0]} if reached else {"on the way": len(hips) // 2}
    return {"setting off": int(away.argmax()), **middle, "at the end": len(hips) - 1}


def _route(scene: bpy.types.Scene, walk: Walk, reached: Sequence[int]) -> np.ndarray:
    """The whole walk: faint skins on the way, strong ones where it starts and where it reaches its targets."""
    strong = [0, *reached]
    faint = [frame for frame in _spaced(walk.hips) if _gap(walk.hips, frame, strong) > 0.6 * SKIN_EVERY]
    skins = [_skin(walk, frame, 0.3) for frame in faint] + [_skin(walk, frame, 1.0) for frame in strong]
    aim_at_route(scene, walk)
    return _without(skins, stage.render(scene))


def _spaced(hips: np.ndarray) -> list[int]:
    """Frames evenly spaced along the way."""
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(hips[:, :2], axis=0), axis=1))])
    return np.unique(np.searchsorted(way, np.arange(0.0, way[-1], SKIN_EVERY))).tolist()


def _gap(hips: np.ndarray, frame: int, others: Sequence[int]) -> float:
    """Distance on the floor from where the hips are at a frame to where they are nearest at others."""
    return float(np.linalg.norm(hips[others, :2] - hips[frame, :2], axis=1).min())


def _moment(scene: bpy.types.Scene, walk: Walk, frame: int) -> np.ndarray:
    """The character at a frame and just before it, seen from its left and half from the front."""
    frames = [max(0, frame + back) for back, _ in TRAIL]
    skins = [_skin(walk, at, strength) for at, (_, strength) in zip(frames, TRAIL, strict=True)]
    step = walk.hips[frame] - walk.hips[frames[0]]
    azimuth = math.degrees(math.atan2(step[1], step[0])) - 60
    stage.aim(scene, _room(walk.hips[frames]), azimuth, elevation=12, lens=70, size=(PANEL_WIDTH, PANEL_HEIGHT))
    return _without(skins, stage.render(scene))


def _pose(scene: bpy.types.Scene, poser: bpy.types.Object) -> np.ndarray:
    """The poser from its left and half from the front."""
    around = np.array(poser.location) + ROOM * (1.2, 1.2, 0.95)
    azimuth = math.degrees(poser.rotation_euler.z) - 90 - 35
    stage.aim(scene, around, azimuth, elevation=12, lens=70, size=(PANEL_WIDTH, PANEL_HEIGHT))
    return stage.render(scene)


def _skin(walk: Walk, frame: int, strength: float) -> bpy.types.Object:
    return stage.onion_skin(walk.armature.children[0], walk.start + frame, strength)


def _without(skins: Sequence[bpy.types.Object], picture: np.ndarray) -> np.ndarray:
    for skin in skins:
        bpy.data.objects.remove(skin)
    return picture


def _room(places: Sequence) -> np.ndarray:
    """Points `[n, 3]` that frame a character at these places."""
    return (np.array(places)[:, None] * (1, 1, 0) + ROOM).reshape(-1, 3)


def _compose(top: np.ndarray, below: Sequence[np.ndarray]) -> np.ndarray:
    """One picture over a row of others, all bottom row first, with white gutters."""
    upright = np.full((PANEL_HEIGHT, GUTTER, 3), 255, np.uint8)
    row = np.concatenate([piece for picture in below for piece in (upright, picture)][1:], axis=1)
    return np.concatenate([row, np.full((GUTTER, WIDTH, 3), 255, np.uint8), top])


def _places(captions: Sequence[str]) -> list[tuple[str, int, int]]:
    """The captions of the top picture and of those below, each with its x and y in pixels from the bottom left."""
    under = [(PANEL_WIDTH + GUTTER) * column + MARGIN for column in range(4)]
    first, *others = captions
    top = (first, MARGIN, PANEL_HEIGHT + GUTTER + ROUTE_HEIGHT - MARGIN - TEXT_SIZE)
    return [top, *((text, x, PANEL_HEIGHT - MARGIN - TEXT_SIZE) for text, x in zip(others, under, strict=True))]


def _save(path: Path, pixels: np.ndarray, captions: Sequence[tuple[str, int, int]]) -> None:
    """Write a sheet and its captions as a PNG packed as small as Blender can."""
    part = str(path.with_suffix(".part.png"))
    image = bpy.data.images.new("Sheet", pixels.shape[1], pixels.shape[0])
    # The last bit of a colour is the renderer's noise, and would be half of the file.
    rgba = np.pad(pixels & 0xFE, ((0, 0), (0, 0), (0, 1)), constant_values=255)
    image.pixels.foreach_set((rgba / np.float32(255)).ravel())
    image.file_format = "PNG"
    image.save(filepath=part)
    _write_captions(part, captions)
    packer = bpy.data.scenes.new("Sheet")
    packer.view_settings.view_transform = "Standard"
    settings = packer.render.image_settings
    settings.file_format, settings.color_mode, settings.compression = "PNG", "RGB", 100
    bpy.data.images.load(part).save_render(filepath=part, scene=packer)
    Path(part).replace(path)


def _write_captions(path: str, captions: Sequence[tuple[str, int, int]]) -> None:
    sheet = imbuf.load(path)
    blf.size(0, TEXT_SIZE)
    blf.color(0, *INK)
    with blf.bind_imbuf(0, sheet):
        for text, x, y in captions:
            blf.position(0, x, y, 0)
            blf.draw_buffer(0, text)
    imbuf.write(sheet, filepath=path)
