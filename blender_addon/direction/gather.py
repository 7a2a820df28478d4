# SPDX-License-Identifier: GPL-3.0-or-later
"""Direction read from the scene into a record: plain data, in world space, that makes the same walk again.

A record holds "seed", "model" (path; "": the shipped one), "rate" (the model's frames/s), "fps" (the scene's), "scale"
and "floor" (see `plan`), "seconds", "position" and "heading" (the start), "unit" and "stand" (what carries the rig's
rest pose into the world), "pose" (the keys as the rig stands), "rows" (the list of targets as chosen), "targets" (made
of them), "rooms", and how it is keyed: "feet", "root", "sparse", "blend".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import bpy
import numpy as np

import drmm_engine as drmm
from drmm_engine.motion.directions import REACHED
from drmm_engine.motion.rig import mapped_bones
from drmm_engine.motion.route import RADIUS

from .. import armature as rigs
from .. import controls
from ..character import Character
from ..scenes import find_object, present
from . import curves, looked

Rows = list[dict[str, Any]]

SPACING = 1.0  # metres in the model's size between points of a route
STILL = 1e-3  # radians or metres that a bone may be off its rest in a rest pose
FRONT = (0.0, -1.0, 0.0)  # where characters in Blender face
PLAIN = ("facing", "arrive", "speed", "frame", "stop", "wait", "style", "reverse")


def record(
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    model: drmm.Model,
    rows: Rows,
    seconds: float,
    seed: int,
    path: str,
    keying: dict[str, Any],
) -> dict[str, Any]:
    """All that makes a walk of an armature from the current frame on; ValueError with what stands in the way.

    `path` is the model's file, `keying` how it is keyed, as `keying_of` gives it.
    """
    character = rigs.read_character(armature)
    unit, stand = rigs.stand_of(armature)
    scale, floor = character.fit(np.array(model.skeleton["rest"], float))
    start, rate = scene.frame_current, scene.render.fps / scene.render.fps_base
    return {
        "armature": armature.name,
        "model": path,
        "seed": seed,
        "seconds": seconds,
        "start": start,
        "rate": float(model.skeleton["frame_rate"]),
        "fps": rate,
        "scale": scale,
        "floor": floor,
        "position": character.position.tolist(),
        "heading": character.heading,
        "unit": unit,
        "stand": stand.ravel().tolist(),
        "pose": pose_of(armature, character),
        "rows": rows,
        "targets": targets(scene, rows, character.position, scale, start, rate),
        "rooms": rooms(scene),
        "carrier": carrier_of(armature, keying["root"], character.mapping["Hips"]),
    } | keying


def pose_of(armature: bpy.types.Object, character: Character) -> dict[str, Any] | None:
    """How the mapped bones and the spine stand, as keys of a walk would say; None where that is the rest pose."""
    bones = mapped_bones(character.rig, character.mapping)
    spine = character.rig.path(bones["Chest"], bones["Hips"])
    turns = {}
    for bone in (character.rig.names[index] for index in [*bones.values(), *spine]):
        turns[bone] = list(armature.pose.bones[bone].matrix_basis.to_quaternion())
    place = (np.array(armature.pose.bones[character.mapping["Hips"]].location) * character.unit).tolist()
    moved = max(2 * np.linalg.norm(turn[1:]) for turn in turns.values())
    return {"rotations": turns, "location": place} if moved > STILL or np.linalg.norm(place) > STILL else None


def carrier_of(armature: bpy.types.Object, root: str, hips: str) -> dict[str, Any] | None:
    """What carries the way, a bone or (bone "") the object, and the matrices about a motion of it; see `keyed`."""
    world = np.array(armature.matrix_world)
    if root == "OBJECT":
        bone, holder, basis = "", armature, np.array(armature.matrix_basis)
        left, right = basis @ np.linalg.inv(world), world
    elif root == "ROOT":
        above = controls.above(armature, hips)
        if not above:
            raise ValueError(f"there is no bone above the hips bone {hips!r} of {armature.name!r}; choose another root")
        holder, bone = above[-1], above[-1].name
        rest, basis = np.array(holder.bone.matrix_local), np.array(holder.matrix_basis)
        left, right = np.linalg.inv(world @ rest), world @ rest @ basis
    else:
        return None
    return {"bone": bone, "left": left.ravel().tolist(), "right": right.ravel().tolist(), "mode": holder.rotation_mode}


def listed(scene: bpy.types.Scene, armature: bpy.types.Object | None) -> bpy.types.PropertyGroup:
    """What has the `targets` that a character follows, and their `target_index`: its own list, or the scene's."""
    return armature.drmm.walk if armature and armature.drmm.walk.own else scene.drmm


def rows(scene: bpy.types.Scene, targets: Iterable[bpy.types.PropertyGroup]) -> Rows:
    """A list of targets as plain data; ValueError names the first whose object is not in the scene."""
    result = []
    for number, target in enumerate(targets, 1):
        empty = target.empty
        present(scene, empty, f"target {empty.name!r}" if empty else f"empty of target {number}")
        if target.facing == "OBJECT":
            present(scene, target.look, f"object that target {empty.name!r} looks at")
        look = target.look.name if target.facing == "OBJECT" else ""
        result.append({"object": empty.name, "look": look} | {name: getattr(target, name) for name in PLAIN})
    return result


def named(scene: bpy.types.Scene, names: Iterable[str], **asked: Any) -> Rows:
    """Targets by the names of their objects, all asked alike; ValueError names the first that is not in the scene."""
    plain = {"facing": "FREE", "arrive": "PASS", "speed": 1.2, "frame": 1, "stop": False, "wait": 0, "style": ""}
    return [plain | {"object": find_object(scene, name, "target").name, "look": "", "reverse": False} | asked
            for name in names]  # fmt: skip


def targets(
    scene: bpy.types.Scene, rows: Rows, begin: Sequence[float], scale: float, start: int, rate: float
) -> list[dict[str, Any]]:
    """The targets of rows as they stand now, world space: one of an empty, and of a curve points along it.

    `begin` is where the character stands: a curve that begins there, or at the target before it, is joined further on.
    """
    result: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        lead = find_object(scene, row["object"], "target")
        places = route(lead, row["reverse"]) if lead.type == "CURVE" else [tuple(lead.matrix_world.translation)]
        if lead.type == "CURVE":
            places = curves.spaced(places, SPACING * scale)
            before = result[-1]["position"] if result else begin
            near = np.linalg.norm(places[0, :2] - np.asarray(before)[:2]) < REACHED * scale
            places = places[1:] if near else places
        made = _row_targets(scene, row, lead, np.asarray(places), scale, start, rate)
        result += [target | {"row": number} for target in made]
    return result


def route(curve: bpy.types.Object, reverse: bool = False) -> np.ndarray:
    """The first spline of a curve object as points `[n, 3]`, world space; ValueError where it has none."""
    lines = [_line(spline) for spline in curve.data.splines]
    if not lines or len(lines[0]) < 2:
        raise ValueError(f"the curve {curve.name!r} has no line of two points or more to walk along; draw one")
    matrix = np.array(curve.matrix_world)
    line = lines[0][::-1] if reverse else lines[0]
    return line @ matrix[:3, :3].T + matrix[:3, 3]


def rooms(scene: bpy.types.Scene) -> list[dict[str, Any]]:
    """What to keep in and out of, as it stands now; ValueError names what has no size or is not in the scene."""
    result = []
    for number, row in enumerate((row for row in scene.drmm.rooms if row.use), 1):
        empty = present(scene, row.empty, f"room {row.empty.name!r}" if row.empty else f"empty of room {number}")
        matrix = np.array(empty.matrix_world)
        matrix[:3, :3] *= empty.empty_display_size if row.kind in ("IN", "OUT") else 1.0
        if abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
            raise ValueError(f"the room {empty.name!r} has no size; give it scales above zero")
        result.append({"object": empty.name, "kind": row.kind, "matrix": matrix.ravel().tolist()})
    return result


def keying_of(settings: bpy.types.PropertyGroup) -> dict[str, Any]:
    """How a walk becomes keys, by the panel."""
    return {
        "feet": {"lock": settings.lock_feet, "strength": settings.lock_strength, "blend": settings.lock_blend},
        "root": settings.root,
        "sparse": settings.bound if settings.keys == "SPARSE" else 0.0,
        "blend": settings.blend,
    }


def now(scene: bpy.types.Scene, record: dict[str, Any]) -> list[dict[str, Any]]:
    """The targets of a record as their objects stand now."""
    return targets(scene, record["rows"], record["position"], record["scale"], record["start"], record["fps"])


def _row_targets(
    scene: bpy.types.Scene,
    row: dict[str, Any],
    lead: bpy.types.Object,
    places: np.ndarray,
    scale: float,
    start: int,
    rate: float,
) -> list[dict[str, Any]]:
    look = find_object(scene, row["look"], "object to look at") if row["facing"] == "OBJECT" else None
    common = {
        "stop": False,
        "wait": 0.0,
        "arrive": None,
        "object": row["object"],
        "facing": looked.places(look, start, rate) if look else faced(row["facing"], lead, None),
        "speed": row["speed"] if row["arrive"] == "SPEED" else None,
        "style": row["style"] or None,
    }
    if lead.type == "CURVE":
        common |= {"radius": RADIUS * scale, "facing": "along" if row["facing"] == "FREE" else common["facing"]}
    made = [common | {"position": place} for place in places.tolist()]
    made[-1] |= {"stop": row["stop"] or row["wait"] > 0, "wait": row["wait"] / rate}
    if row["arrive"] == "FRAME":
        if row["frame"] <= start:
            raise ValueError(
                f"the target {row['object']!r} is to be reached by frame {row['frame']}, but the walk starts at frame "
                f"{start}; choose a later frame"
            )
        made[-1]["arrive"] = (row["frame"] - start) / rate
    return made


def faced(facing: str, lead: bpy.types.Object, look: bpy.types.Object | None) -> str | float | list[float]:
    """A word of the controller's, a heading in radians, or the place of an object to look at."""
    if facing == "OBJECT":
        return list(look.matrix_world.translation)[:2]
    if facing == "ROTATION":
        x, y, _ = np.array(lead.matrix_world)[:3, :3] @ FRONT
        return float(np.arctan2(y, x))
    return facing.lower()


def _line(spline: bpy.types.Spline) -> np.ndarray:
    cyclic = spline.use_cyclic_u
    if spline.type == "BEZIER":
        points = spline.bezier_points
        return curves.bezier(*([tuple(getattr(point, name)) for point in points]
                               for name in ("co", "handle_left", "handle_right")), cyclic)  # fmt: skip
    controls = np.array([point.co for point in spline.points])
    if spline.type == "POLY" or len(controls) < 3:
        return curves.poly(controls[:, :3], cyclic)
    return curves.nurbs(controls, spline.order_u, cyclic, spline.use_endpoint_u)


def names(text: str) -> Sequence[str]:
    """The names in a list separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
