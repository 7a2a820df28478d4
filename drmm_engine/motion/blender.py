# SPDX-License-Identifier: Apache-2.0
"""Clips out of Blender: every Action of every armature in a .blend, FBX or glTF file, sampled bone by bone.

The module `bpy` is handed in by whoever has it; nothing here needs it before a file is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.clip import Clip, from_world

RATE = 30  # frames a second to which times of files that have no rate are turned
GENERATED = "drmm"  # begins the names of custom properties of Actions that no one has captured
LEAST_BONES = 5  # an Action that turns fewer is no motion of a body
_BONE = re.compile(r'pose\.bones\["(.+)"\]\.(?:rotation_\w+|location)$')


def clips(
    bpy: Any, path: str | Path, armature: str = "", mapping: Mapping[str, str] | None = None, rate: float = 0.0
) -> list[Clip]:
    """The Actions in a file as clips in its own unit, as Blender places them; the file takes the place of what is open.

    `armature`: that object alone; `mapping`: canonical joint -> bone, whose bones then bear the joints' names; `rate`:
    frames a second, where the file does not say (0: it does). ValueError where no Action moves a body, or the file
    cannot be read.
    """
    _open(bpy, Path(path))
    scene = bpy.context.scene
    if rate:
        scene.render.fps, scene.render.fps_base = round(rate), round(rate) / rate
    found = [each for each in bpy.data.objects if each.type == "ARMATURE" and armature in ("", each.name)]
    if not found:
        raise ValueError("there is no armature in it" if not armature else f"there is no armature {armature!r} in it")
    made = [_sampled(bpy, *part, dict(mapping or {})) for part in _parts(bpy, found)]
    if not made:
        raise ValueError(f"no Action in it moves the bones of {' or '.join(repr(each.name) for each in found[:3])}")
    return made


def _open(bpy: Any, path: Path) -> None:
    if not path.is_file():
        raise ValueError("there is no such file")
    try:
        if path.suffix.lower() == ".blend":
            bpy.ops.wm.open_mainfile(filepath=str(path.resolve()), load_ui=False, use_scripts=False)
        else:
            bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
            bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = RATE, 1.0
            _import(bpy, path)
    except RuntimeError as problem:
        raise ValueError(f"Blender cannot read it: {' '.join(str(problem).split())}") from None


def _import(bpy: Any, path: Path) -> None:
    if path.suffix.lower() != ".fbx":
        bpy.ops.import_scene.gltf(filepath=str(path))
    elif "fbx_import" in dir(bpy.ops.wm):  # 4.5 and later; the older one fails on lights in 5.0
        bpy.ops.wm.fbx_import(filepath=str(path))
    else:
        bpy.ops.import_scene.fbx(filepath=str(path))


def actions_of(bpy: Any, armature: Any) -> list[Any]:
    """The Actions in the open file that move an armature's bones, but for those that the add-on has generated."""
    return list(dict.fromkeys(action for _, action, _ in _parts(bpy, [armature])))


def _parts(bpy: Any, armatures: list[Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Armature, Action and slot (None before Blender 4.4) of each motion: an Action goes with one armature."""
    for action in bpy.data.actions:
        for slot, curves in [] if any(key.startswith(GENERATED) for key in action.keys()) else _slots(bpy, action):
            matches = (_BONE.match(curve.data_path) for curve in curves)
            bones = {bpy.utils.unescape_identifier(match[1]) for match in matches if match}
            fitting = [each for each in armatures if len(bones & set(each.pose.bones.keys())) >= LEAST_BONES]
            if fitting:
                yield max(fitting, key=partial(_uses, action)), action, slot


def _slots(bpy: Any, action: Any) -> list[tuple[Any, Any]]:
    if not hasattr(bpy.types, "ActionSlot"):
        return [(None, action.fcurves)]
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [(bag.slot, bag.fcurves) for bag in bags if bag.slot.target_id_type in ("OBJECT", "UNSPECIFIED")]


def _uses(action: Any, armature: Any) -> bool:
    animation = armature.animation_data
    if animation is None:
        return False
    strips = [strip.action for track in animation.nla_tracks for strip in track.strips]
    return action in [animation.action, *strips]


def _sampled(bpy: Any, armature: Any, action: Any, slot: Any, mapping: dict[str, str]) -> Clip:
    scene = bpy.context.scene
    _show(armature, scene, action, slot)
    fps = scene.render.fps / scene.render.fps_base
    step = max(1, int(fps // RATE))
    first, last = action.frame_range
    bones = sorted(armature.pose.bones, key=lambda bone: len(bone.parent_recursive))
    row = {bone.name: place for place, bone in enumerate(bones)}
    order = [armature.pose.bones.find(name) for name in row]
    frames = range(round(first), round(last) + 1, step)
    matrices = np.array([_matrices(bpy, armature, scene, frame)[order] for frame in frames])
    lengths = np.array([bone.bone.length for bone in bones]) * np.linalg.norm(matrices[0, :, :3, 1], axis=-1)
    joint = {bone: canonical for canonical, bone in mapping.items()}
    return from_world(
        action.name, [joint.get(name, name) for name in row], [row[b.parent.name] if b.parent else -1 for b in bones],
        matrices[..., :3, 3], matrices[..., :3, :3], fps / step,
        {place: np.array([0.0, length, 0.0]) for place, length in enumerate(lengths)},
    )  # fmt: skip


def _show(armature: Any, scene: Any, action: Any, slot: Any) -> None:
    """Have the armature evaluated, moved by this Action alone."""
    armature.hide_viewport = False
    if armature.name not in scene.collection.objects:
        scene.collection.objects.link(armature)
    animation = armature.animation_data or armature.animation_data_create()
    animation.use_nla = False
    animation.action = action
    if slot is not None:
        animation.action_slot = slot
    armature.data.pose_position = "POSE"


def _matrices(bpy: Any, armature: Any, scene: Any, frame: int) -> Array:
    """World matrices `[bones, 4, 4]` of the pose bones."""
    scene.frame_set(frame)
    evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    values = np.empty(16 * len(evaluated.pose.bones), np.float32)
    evaluated.pose.bones.foreach_get("matrix", values)
    return np.array(evaluated.matrix_world) @ values.reshape(-1, 4, 4).swapaxes(1, 2)
