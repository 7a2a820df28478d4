# SPDX-License-Identifier: Apache-2.0
"""A rig: the bones of an armature at rest, how they carry one another, and the keys that pose them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array
from drmm_engine.motion.skeleton import JOINTS, PARENTS, index

OPTIONAL = ("Neck", "LeftShoulder", "RightShoulder", "LeftHand", "RightHand", "LeftToes", "RightToes")
"""Canonical joints that a rig may lack."""
_UPRIGHT = np.cos(np.radians(45.0))
# Forearm in upper arms, foot in shins: usual proportions of an adult.
_PROPORTIONS = {"Hand": 0.9, "Toes": 0.35}


@dataclass(frozen=True)
class Rig:
    """The bones of an armature at rest.

    `rest` [B, 4, 4]: rest matrices in armature space, metres, each bone along its own +Y as in Blender;
    `parents` [B]: -1 for a root, every parent before its children.
    """

    names: tuple[str, ...]
    parents: NDArray[np.int64]
    rest: Array

    def __post_init__(self) -> None:
        if self.rest.shape != (len(self.names), 4, 4) or len(self.parents) != len(self.names):
            raise ValueError(f"rig: {len(self.names)} names, {len(self.parents)} parents and rest matrices of shape "
                             f"{self.rest.shape} do not belong together")
        if np.any(np.asarray(self.parents) >= np.arange(len(self.names))):
            raise ValueError("rig: every parent must stand before its children")

    @property
    def heads(self) -> Array:
        """Heads of the bones at rest `[B, 3]`."""
        return self.rest[:, :3, 3]

    @property
    def turns(self) -> Array:
        """Orientations of the bones at rest `[B, 4]`."""
        return rot.from_matrix(self.rest[:, :3, :3])

    def path(self, bone: int, ancestor: int) -> list[int]:
        """The bones between a bone and its ancestor, topmost first; ValueError where that is no ancestor."""
        path = [bone]
        while path[-1] >= 0 and path[-1] != ancestor:
            path.append(int(self.parents[path[-1]]))
        if path[-1] < 0:
            raise ValueError(f"bone {self.names[bone]!r} is not below {self.names[ancestor]!r}: map Hips to the bone "
                             "that carries both the legs and the spine")
        return path[-2:0:-1]


@dataclass(frozen=True)
class Keys:
    """Keys of a motion: what to write into the pose bones of an armature.

    `rotations` [F, n, 4]: Blender's rotation_quaternion of `bones`, in whose pose = parent pose · parent rest⁻¹ ·
    rest · basis; `location` [F, 3]: the basis location of the first bone, the hips.
    """

    bones: tuple[str, ...]
    rotations: Array
    location: Array


def mapped_bones(rig: Rig, mapping: Mapping[str, str]) -> dict[str, int]:
    """Canonical joint -> bone of the rig, in canonical order.

    ValueError where a needed joint is not mapped, a bone is not in the rig or used twice, or is not below the hips.
    """
    bones: dict[str, int] = {}
    for joint in JOINTS:
        name = mapping.get(joint)
        if not name and joint not in OPTIONAL:
            raise ValueError(f"no bone is mapped to {joint}: choose one")
        if name and name not in rig.names:
            raise ValueError(f"bone {name!r}, mapped to {joint}, is not in the armature")
        if name:
            bones[joint] = rig.names.index(name)
    for joint, bone in bones.items():
        other = next((j for j, b in bones.items() if b == bone and j != joint), None)
        if other:
            raise ValueError(f"bone {rig.names[bone]!r} is mapped to both {joint} and {other}: choose one bone each")
        rig.path(bone, bones["Hips"])
    return bones


def canonical_rest(rig: Rig, bones: Mapping[str, int]) -> Array:
    """Rest positions `[20, 3]` of the canonical joints on a rig.

    A neck or shoulder that is lacking stands where the joint after it stands; hands and toes that are lacking stand
    on the line of the bone before, in proportion to the limb. ValueError where this body does not stand upright.
    """
    rest = np.full((len(JOINTS), 3), np.nan)
    rest[[index(joint) for joint in bones]] = rig.heads[list(bones.values())]
    for joint in (n for n, name in enumerate(JOINTS) if name not in bones):
        proportion = _PROPORTIONS.get(JOINTS[joint].removeprefix("Left").removeprefix("Right"))
        if proportion is None:
            rest[joint] = rest[joint + 1]
        else:
            parent = PARENTS[joint]
            length = proportion * np.linalg.norm(rest[parent] - rest[PARENTS[parent]])
            rest[joint] = rest[parent] + length * rig.rest[bones[JOINTS[parent]], :3, 1]
    feet = rest[[index("LeftFoot"), index("RightFoot")]].mean(axis=0)
    trunk, legs = rot.normalize([rest[index("Head")] - rest[0], rest[0] - feet])
    if min(trunk[2], legs[2]) < _UPRIGHT:
        raise ValueError("the rest pose of the armature does not stand upright, head over hips over feet along Z: "
                         "make a standing pose its rest pose")
    return rest


def pose(rig: Rig, keys: Keys) -> tuple[Array, Array]:
    """Heads `[F, B, 3]` and turns from rest `[F, B, 4]` of all bones of a keyed rig, armature space."""
    frames, bones = len(keys.location), len(rig.names)
    rest_turns = rig.turns
    local = np.broadcast_to(np.array(rot.IDENTITY), (frames, bones, 4)).copy()
    keyed = [rig.names.index(name) for name in keys.bones]
    local[:, keyed] = rot.multiply(rot.multiply(rest_turns[keyed], keys.rotations), rot.inverse(rest_turns[keyed]))
    heads, turns = np.empty((frames, bones, 3)), np.empty((frames, bones, 4))
    for bone, parent in enumerate(rig.parents):
        offset = rig.heads[bone] - (rig.heads[parent] if parent >= 0 else 0.0)
        if bone == keyed[0]:
            offset = offset + rot.rotate(rest_turns[bone], keys.location)
        heads[:, bone], turns[:, bone] = offset, local[:, bone]
        if parent >= 0:
            heads[:, bone] = heads[:, parent] + rot.rotate(turns[:, parent], heads[:, bone])
            turns[:, bone] = rot.multiply(turns[:, parent], turns[:, bone])
    return heads, turns
