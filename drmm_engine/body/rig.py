# SPDX-License-Identifier: Apache-2.0
"""The description of a rig: its bones, which of them are driven and how far, and which points are reached for.

A file `*.rig.json` holds one, so that a rig can be learned where there is no Blender.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from drmm_engine.body.armature import Armature, Basis, pose_matrices
from drmm_engine.body.joints import Joint, Joints
from drmm_engine.body.rotations import Array
from drmm_engine.files import write_whole

FORMAT = 1
SUFFIX = ".rig.json"
ENDS = ("head", "tail")
FLAT = 1e-9  # determinant of a matrix that cannot be inverted


@dataclass(frozen=True)
class Rig:
    """Joints of an armature, the effectors (bone, "head" or "tail"), and the direction up in armature space.

    ValueError names the bone where an effector is none or is named twice, or where nothing is driven.
    """

    joints: Joints
    effectors: tuple[tuple[str, str], ...]
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        names = self.joints.armature.names
        for bone, end in self.effectors:
            if bone not in names:
                raise ValueError(f"effector {bone!r}: the rig has no such bone; name one of its bones")
            if end not in ENDS:
                raise ValueError(f"effector {bone!r}: its end must be head or tail, got {end!r}")
            if self.effectors.count((bone, end)) > 1:
                raise ValueError(f"effector {bone!r}: its {end} is named twice; name it once")
        if not np.any(np.asarray(self.joints.high) > np.asarray(self.joints.low)):
            raise ValueError("no joint of the rig may move: widen the limits of a driven bone")
        if not np.linalg.norm(_numbers(self.up, (3,), "up")) > 0:
            raise ValueError("up: must be a direction, got (0, 0, 0)")

    @cached_property
    def rest(self) -> Array:
        """Heads and tails of all bones in the pose of `joints.base`, [2 B, 3], armature units."""
        armature = self.joints.armature
        pose = pose_matrices(armature, self.joints.base)
        heads = pose[:, :3, 3]
        return np.concatenate([heads, heads + pose[:, :3, 1] * np.asarray(armature.lengths)[:, None]])

    @cached_property
    def stature(self) -> float:
        """The longest side of the box about the bones at rest, armature units."""
        return float(np.ptp(self.rest, axis=0).max()) or 1.0

    def points(self, pose: Array) -> Array:
        """Places of the effectors [..., E, 3] in poses [..., B, 4, 4], armature units."""
        bones = [self.joints.armature.names.index(bone) for bone, _ in self.effectors]
        far = [self.joints.armature.lengths[i] * (end == "tail")
               for i, (_, end) in zip(bones, self.effectors, strict=True)]
        own = pose[..., bones, :3, :]
        return own[..., 3] + own[..., 1] * np.asarray(far, float)[:, None]

    def to_json(self) -> dict:
        """As the file stores it."""
        armature, base = self.joints.armature, self.joints.base
        bones = [{
            "name": name,
            "parent": armature.names[armature.parents[i]] if armature.parents[i] >= 0 else None,
            "rest": np.asarray(armature.rest[i], float).tolist(),
            "length": float(armature.lengths[i]),
            "inherit_rotation": bool(armature.inherit_rotation[i]),
            "inherit_scale": str(armature.inherit_scale[i]),
            "local_location": bool(armature.local_location[i]),
            "connected": bool(armature.connected[i]),
            **{part: np.asarray(getattr(base, part)[i], float).tolist() for part in ("location", "rotation", "scale")},
        } for i, name in enumerate(armature.names)]
        return {"format": FORMAT, "kind": "rig", "up": [float(u) for u in self.up], "bones": bones,
                "joints": [_joint_to_json(joint) for joint in self.joints.joints],
                "effectors": [list(effector) for effector in self.effectors]}

    @classmethod
    def from_json(cls, data: object) -> Rig:
        """The rig of a description; ValueError names the bone and what is wrong with it."""
        if not isinstance(data, dict) or data.get("kind") != "rig":
            raise ValueError("this is no rig description: `kind` is not rig")
        if data.get("format") != FORMAT:
            raise ValueError(f"format {data.get('format')!r}; this version reads {FORMAT}")
        armature, base = _armature(_list(data, "bones"))
        joints = tuple(_joint_from_json(entry, armature) for entry in _list(data, "joints"))
        x, y, z = map(float, _numbers(data.get("up"), (3,), "up"))
        return cls(Joints(armature, joints, base), _effectors(data), (x, y, z))

    def save(self, path: str | Path) -> None:
        """Write the description, whole or not at all."""
        write_whole(path, json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Rig:
        """Read a description; ValueError says what is wrong with any other file."""
        try:
            return cls.from_json(json.loads(Path(path).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise ValueError(f"{path}: no such file") from None
        except (ValueError, OSError, RecursionError) as error:
            raise ValueError(f"{path}: not a usable rig file: {error}") from None


def _effectors(data: dict) -> tuple[tuple[str, str], ...]:
    pairs = _list(data, "effectors")
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(word, str) for word in pair):
            raise ValueError(f"effectors: each must be a bone's name and head or tail, got {pair!r}")
    return tuple((bone, end) for bone, end in pairs)


def _armature(bones: list) -> tuple[Armature, Basis]:
    names: list[str] = []
    for bone in bones:
        name = bone.get("name") if isinstance(bone, dict) else None
        if not isinstance(name, str) or not name:
            raise ValueError(f"bones: bone {len(names) + 1} needs a name, got {name!r}")
        if name in names:
            raise ValueError(f"bone {name!r}: the name is given twice; names must differ")
        if bone.get("parent") is not None and bone["parent"] not in names:
            raise ValueError(f"bone {name!r}: its parent {bone['parent']!r} must stand before it")
        names.append(name)
    parents = np.array([-1 if b.get("parent") is None else names.index(b["parent"]) for b in bones], dtype=int)

    def each(key: str, *shape: int) -> Array:
        return np.stack([_numbers(b.get(key), shape, f"bone {b['name']!r}: {key}") for b in bones])

    def flags(key: str) -> np.ndarray:
        return np.array([_flag(b, key) for b in bones])

    rest, lengths = each("rest", 4, 4), each("length")
    if (np.abs(np.linalg.det(rest)) < FLAT).any():
        raise ValueError(f"bone {names[int(np.argmin(np.abs(np.linalg.det(rest))))]!r}: rest: must not be flat")
    if (lengths <= 0).any():
        raise ValueError(f"bone {names[int(np.argmin(lengths))]!r}: its length must be positive")
    armature = Armature(tuple(names), parents, rest, lengths, flags("inherit_rotation"),
                        tuple(str(b.get("inherit_scale")) for b in bones), flags("local_location"), flags("connected"))
    return armature, Basis(each("location", 3), each("rotation", 4), each("scale", 3))


def _joint_to_json(joint: Joint) -> dict:
    return {"bone": joint.bone, "kind": joint.kind} | {
        key: None if getattr(joint, key) is None else [float(x) for x in getattr(joint, key)]
        for key in ("low", "high", "move_low", "move_high")}


def _joint_from_json(entry: object, armature: Armature) -> Joint:
    bone = entry.get("bone") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or bone not in armature.names:
        raise ValueError(f"joints: {bone!r} is no bone of the rig")

    def numbers(key: str) -> Array:
        return _numbers(entry.get(key), (3,), f"joint {bone!r}: {key}")

    moves = (None if entry.get(key) is None else numbers(key) for key in ("move_low", "move_high"))
    return Joint(str(bone), str(entry.get("kind")), numbers("low"), numbers("high"), *moves)


def _list(data: dict, key: str) -> list:
    if not isinstance(data.get(key), list) or not data[key]:
        raise ValueError(f"{key}: must be a list of at least one, got {data.get(key)!r:.40}")
    return data[key]


def _flag(bone: dict, key: str) -> bool:
    if not isinstance(bone.get(key), bool):
        raise ValueError(f"bone {bone['name']!r}: {key} must be true or false, got {bone.get(key)!r}")
    return bone[key]


def _numbers(value: Any, shape: tuple[int, ...], where: str) -> Array:
    """Finite numbers of a shape; ValueError says where they are not."""
    wanted = " x ".join(map(str, shape)) + " finite numbers" if shape else "a finite number"
    try:
        numbers = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        numbers = np.full(shape, np.nan)
    if value is None or numbers.shape != shape or not np.isfinite(numbers).all():
        raise ValueError(f"{where}: must be {wanted}, got {value!r:.60}")
    return numbers
