# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be seen of one character's direction: its way, its targets with a few words, footprints, reach."""

from __future__ import annotations

import bpy
import numpy as np

from .. import armature as rigs
from .. import takes
from ..scenes import holds
from . import gather, shapes

RADIUS = 0.53  # of the height of the hips: what counts as there
LIFTED = 0.65  # of the height of the hips: where words hang above a target
FACED = {"ALONG": "along", "TOWARDS": "facing it", "AWAY": "backwards"}


def way(
    scene: bpy.types.Scene, armature: bpy.types.Object, picture: shapes.Picture, words: list[tuple[tuple, str]]
) -> None:
    """Add a character's way and footprints to a picture, and words at its targets."""
    take = takes.shown(armature)
    if scene.drmm.walk.show_feet and take is not None:
        positions = take.world(take.motion.positions)
        shapes.footprints(picture, positions, take.motion.contacts, take.record["floor"])
    if scene.drmm.walk.show_route:
        _route(scene, armature, take, picture, words)


def reach(picture: shapes.Picture, take: takes.Take, row: np.ndarray) -> None:
    """Add the reachable region, a row (mean x, y, covariance xx, xy, yy) in the model's size."""
    scale, floor = take.record["scale"], take.record["floor"]
    x, y, xx, xy, yy = row
    outline = shapes.region((scale * x, scale * y), scale**2 * np.array([[xx, xy], [xy, yy]]), floor)
    picture.line(outline, shapes.REACH)
    picture.fan(outline[:-1], shapes.REACH, 0.15)


def said(number: int, target: bpy.types.PropertyGroup) -> str:
    """A target in a few words."""
    parts = [str(number)]
    if target.arrive != "PASS":
        parts.append(f"by frame {target.frame}" if target.arrive == "FRAME" else f"{target.speed:.2g} m/s")
    parts += [FACED[target.facing]] if target.facing in FACED else []
    parts += [target.style] if target.style else []
    parts += [f"wait {target.wait}"] if target.wait else ["stop"] if target.stop else []
    return ", ".join(parts)


def _route(
    scene: bpy.types.Scene, armature: bpy.types.Object, take: takes.Take | None, picture: shapes.Picture, words: list
) -> None:
    begin, high = _begin(armature, take)
    line, floor = [begin], begin[2]
    for number, target in enumerate(gather.listed(scene, armature).targets, 1):
        places = _places(scene, target)
        if not len(places):
            continue
        places[:, 2] = floor
        line += list(places)
        row = {"stop": target.stop, "wait": target.wait, "facing": _faced(scene, target)}
        shapes.target(picture, places[-1], RADIUS * high, row)
        words.append((tuple(places[-1] + (0.0, 0.0, LIFTED * high)), said(number, target)))
    if len(line) > 1:
        picture.line(np.array(line), shapes.WAY, 0.7)


def _places(scene: bpy.types.Scene, target: bpy.types.PropertyGroup) -> np.ndarray:
    """Where a target leads `[n, 3]`; none where its object is not in the scene or has no line."""
    if target.empty is None or not holds(scene, target.empty):
        return np.zeros((0, 3))
    if target.empty.type != "CURVE":
        return np.array([target.empty.matrix_world.translation], float)
    try:
        return gather.route(target.empty, target.reverse)
    except ValueError:
        return np.zeros((0, 3))


def _faced(scene: bpy.types.Scene, target: bpy.types.PropertyGroup) -> str | float | list[float]:
    look = target.look if target.facing == "OBJECT" else None
    if target.facing == "OBJECT" and (look is None or not holds(scene, look)):
        return "free"
    return gather.faced(target.facing, target.empty, look)


def _begin(armature: bpy.types.Object, take: takes.Take | None) -> tuple[np.ndarray, float]:
    """Where a character's way begins on the floor `[3]`, and how high its hips are at rest, world space."""
    matrix = np.array(armature.matrix_world)
    hips = armature.data.bones.get(rigs.mapping_of(armature).get("Hips", ""))
    high = np.linalg.norm(matrix[:3, 2]) * hips.head_local.z if hips else 1.0
    if take is not None:
        return np.array([*take.record["position"], take.record["floor"] + shapes.LIFT]), abs(high) or 1.0
    place = matrix @ [*armature.pose.bones[hips.name].head, 1.0] if hips else matrix[:, 3]
    return np.array([*place[:2], matrix[2, 3] + shapes.LIFT]), abs(high) or 1.0
