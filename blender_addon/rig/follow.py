# SPDX-License-Identifier: GPL-3.0-or-later
"""Control rigs: which bone really carries which, found by turning the driven bones one at a time.

Constraints and drivers between two bones often only hand a motion on. What then follows rigidly is a child, however
it is parented, and the engine's forward kinematics is exact on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from drmm_engine.body.armature import Armature
from drmm_engine.body.rotations import Array

TURN = 0.1  # radians by which a bone is turned to see what follows
SAME = 1e-4  # of the size of the rig: places nearer than that are alike, and directions as matrix elements
PLACED = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")


@dataclass(frozen=True)
class Following:
    """What turning bones showed: the bone that each bone hangs from ("": none of them), and what cannot be said so.

    `problems`: bone -> why poses of it would not be right; `idle`: turned bones that no deforming bone follows.
    """

    parents: Mapping[str, str]
    problems: Mapping[str, str]
    idle: Sequence[str]


def measure(armature: bpy.types.Object, driven: Sequence[str], view_layer: bpy.types.ViewLayer) -> Following:
    """Turn each driven bone a little, look at all bones, and turn it back."""
    names = armature.pose.bones.keys()
    view_layer.update()
    before = poses(armature, names)
    size = max(float(np.ptp(before[:, :3, 3], axis=0).max()), 1e-9)
    carried, partly, stuck = {}, {}, {}
    for name in driven:
        after = _turned(armature, name, names, view_layer)
        own = names.index(name)
        rigid = after[own] @ np.linalg.inv(before[own])
        moved = ~_alike(after, before, size)
        if not moved[own]:
            stuck[name] = "it does not move when it is turned"
        follows = _alike(after, rigid @ before, size) & moved
        carried[name] = {names[row] for row in np.flatnonzero(follows)} - {name}
        partly[name] = {names[row] for row in np.flatnonzero(moved & ~follows)}
    view_layer.update()
    deforming = {bone.name for bone in armature.data.bones if bone.use_deform}
    idle = [name for name in driven if deforming and not deforming & (carried[name] | partly[name] | {name})]
    parents, problems = _tree(names, driven, carried, partly)
    return Following(parents, stuck | problems, idle)


def tree(
    armature: bpy.types.Object, wanted: Iterable[str], parents: Mapping[str, str], basis: Mapping[str, Array]
) -> Armature:
    """The bones as they hang from one another, at rest such that they stand where they do now.

    `basis` [4, 4] of the driven bones: rest of a bone = rest of its parent · pose of the parent^-1 · pose · basis^-1.
    ValueError names a bone that is scaled.
    """
    names = _ordered(wanted, parents)
    pose = dict(zip(names, poses(armature, names), strict=True))
    rest: dict[str, Array] = {}
    for name in names:
        own = pose[name] @ np.linalg.inv(basis[name]) if name in basis else pose[name]
        above = parents.get(name)
        rest[name] = rest[above] @ np.linalg.inv(pose[above]) @ own if above else own
        if np.abs(rest[name][:3, :3].T @ rest[name][:3, :3] - np.eye(3)).max() > 2e-3:
            raise ValueError(f"the bone {name!r} of {armature.name!r} is scaled, or one above it; reset the scale")
    count = len(names)
    place = {name: row for row, name in enumerate(names)}
    return Armature(
        names=tuple(names),
        parents=np.array([place[parents[name]] if parents.get(name) else -1 for name in names], int),
        rest=np.array([rest[name] for name in names]),
        lengths=np.array([armature.pose.bones[name].bone.length for name in names], float),
        inherit_rotation=np.ones(count, bool),
        inherit_scale=("FULL",) * count,
        local_location=np.ones(count, bool),
        connected=np.zeros(count, bool),
    )


def poses(armature: bpy.types.Object, names: Sequence[str]) -> Array:
    """Evaluated matrices `[B, 4, 4]` of bones, armature space."""
    bones = armature.pose.bones
    return np.array([bones[name].matrix for name in names], float)


def _turned(
    armature: bpy.types.Object, name: str, names: Sequence[str], view_layer: bpy.types.ViewLayer
) -> Array:
    """All bones with one of them turned, which is put back."""
    bone = armature.pose.bones[name]
    kept = {name: getattr(bone, name)[:] for name in PLACED}
    bone.matrix_basis = bone.matrix_basis @ Matrix.Rotation(TURN, 4, (1.0, 1.0, 1.0))
    view_layer.update()
    after = poses(armature, names)
    for name, value in kept.items():
        setattr(bone, name, value)
    return after


def _alike(a: Array, b: Array, size: float) -> np.ndarray:
    apart = np.abs(a - b)
    return (apart[:, :3, :3].max(axis=(1, 2)) < SAME) & (apart[:, :3, 3].max(axis=1) < SAME * size)


def _tree(
    names: Sequence[str], driven: Sequence[str], carried: Mapping[str, set[str]], partly: Mapping[str, set[str]]
) -> tuple[dict[str, str], dict[str, str]]:
    """The last of the bones that carry a bone is its parent, if all others carry that one too."""
    parents, problems = {}, {}
    for name in names:
        above = [bone for bone in driven if name in carried[bone]]
        last = max(above, key=lambda bone: sum(bone in carried[other] for other in above), default="")
        parents[name] = last
        loose = next((bone for bone in above if bone != last and last not in carried[bone]), None)
        half = next((bone for bone in driven if name in partly[bone] and bone != name), loose)
        if half:
            problems[name] = f"it follows {half!r} only in part"
    return parents, problems


def _ordered(wanted: Iterable[str], parents: Mapping[str, str]) -> list[str]:
    """The bones with all they hang from, parents first."""
    found: dict[str, None] = {}
    for name in wanted:
        path = [name]
        while parents.get(path[-1]):
            path.append(parents[path[-1]])
        found.update(dict.fromkeys(reversed(path)))
    return list(found)
