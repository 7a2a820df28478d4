# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature object as the engine sees it: bones, the pose now, and the joints that poses drive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import bpy
import numpy as np

from drmm_engine.body import rotations
from drmm_engine.body.armature import Armature, Basis
from drmm_engine.body.joints import Joint, Joints
from drmm_engine.body.rig import Rig
from drmm_engine.body.rotations import Array

from ..channels import quaternions, rotation_property
from ..spaces import similarity
from . import bones as listed
from . import follow, limits


def read(armature: bpy.types.Object, also: Iterable[str] = ()) -> Rig:
    """The rig as it stands: driven joints within their limits, effectors, and every other bone as it is posed now.

    It holds the driven bones, the effectors, those named in `also`, and all above them. Armature space, in the
    armature's own units. ValueError says what stands in the way.
    """
    check(armature)
    rows = listed.present(armature)
    driven = [(name, row) for name, row in rows.items() if row.driven]
    if not driven:
        raise ValueError(f"no bone of {armature.name!r} is driven; use Find Bones, or tick those that posing may turn")
    effectors = [(name, end) for name, row in rows.items() for end in ("head", "tail") if getattr(row, f"use_{end}")]
    wanted = dict.fromkeys([*(name for name, _ in driven), *(name for name, _ in effectors), *also])
    kinematics = _seen if armature.drmm.rig.measured else _plain
    rest, base = kinematics(armature, rows, [name for name, _ in driven], wanted)
    order = {name: place for place, name in enumerate(rest.names)}
    joints = [_joint(name, row) for name, row in sorted(driven, key=lambda pair: order[pair[0]])]
    return Rig(Joints(rest, tuple(joints), base), tuple(effectors), _up(armature))


def check(armature: bpy.types.Object) -> None:
    """Raise ValueError unless the armature can be posed as it stands."""
    if armature.type != "ARMATURE":
        raise ValueError(f"the object {armature.name!r} is not an armature; choose another")
    if armature.mode == "EDIT":
        raise ValueError(f"the armature {armature.name!r} is in Edit Mode; leave it first (Tab)")
    if armature.data.pose_position == "REST":
        raise ValueError(f"the armature {armature.name!r} shows its rest pose; switch it to Pose Position")
    similarity(armature.matrix_world, f"the armature {armature.name!r}")


def _plain(
    armature: bpy.types.Object, _rows: Mapping, driven: Sequence[str], wanted: Iterable[str]
) -> tuple[Armature, Basis]:
    """The bones as they are parented, and how they are posed."""
    reasons = limits.overruled(armature)
    _check_free(armature, driven, reasons)
    bones = chain(armature, wanted)
    return read_bones(bones), read_basis(armature, bones, reasons)


def _seen(
    armature: bpy.types.Object, rows: Mapping[str, bpy.types.PropertyGroup], driven: Sequence[str],
    wanted: Iterable[str],
) -> tuple[Armature, Basis]:  # fmt: skip
    """The bones of a control rig as they were seen to hang from one another, and how the driven ones are posed."""
    again = f"; use Find Bones or learn the rig {armature.name!r} again"
    for name in driven:
        if rows[name].problem:
            why = rows[name].problem
            raise ValueError(f"the bone {name!r} of {armature.name!r} cannot be driven: {why}; untick it")
        if not rows[name].turned:
            raise ValueError(f"what follows the bone {name!r} was not looked at yet{again}")
    chain(armature, wanted)  # all of them are there
    names = {row.name: name for name, row in rows.items()}
    listed = armature.drmm.rig.bones
    found = rows | {name: listed[name] for name in wanted if name not in rows and name in listed}
    parents = {name: names.get(row.follows, row.follows) for name, row in found.items()}
    basis = {name: np.array(armature.pose.bones[name].matrix_basis, float) for name in driven}
    rest = follow.tree(armature, wanted, parents, basis)
    own = read_basis(armature, [armature.pose.bones[name] for name in rest.names], {})
    still = np.array([name not in basis for name in rest.names])
    own.location[still], own.rotation[still], own.scale[still] = 0.0, rotations.IDENTITY, 1.0
    return rest, own


def chain(armature: bpy.types.Object, wanted: Iterable[str]) -> list[bpy.types.PoseBone]:
    """The bones of these names with all above them, parents before children; ValueError names one that is gone."""
    found: dict[str, bpy.types.PoseBone] = {}
    for name in wanted:
        bone = armature.pose.bones.get(name)
        if bone is None:
            raise ValueError(f"the bone {name!r} of {armature.name!r} is gone; choose another, or use Find Bones again")
        for link in (*reversed(bone.parent_recursive), bone):
            found.setdefault(link.name, link)
    order = {bone.name: place for place, bone in enumerate(armature.pose.bones)}
    return sorted(found.values(), key=lambda bone: (len(bone.parent_recursive), order[bone.name]))


def read_bones(bones: Sequence[bpy.types.PoseBone]) -> Armature:
    """Bones at rest, parents before children, with all parents among them."""
    place = {bone.name: row for row, bone in enumerate(bones)}
    rest = [bone.bone for bone in bones]
    return Armature(
        names=tuple(place),
        parents=np.array([place[bone.parent.name] if bone.parent else -1 for bone in bones], int),
        rest=np.array([bone.matrix_local for bone in rest], float),
        lengths=np.array([bone.length for bone in rest], float),
        inherit_rotation=np.array([bone.use_inherit_rotation for bone in rest], bool),
        inherit_scale=tuple(bone.inherit_scale for bone in rest),
        local_location=np.array([bone.use_local_location for bone in rest], bool),
        connected=np.array([bone.use_connect and bone.parent is not None for bone in rest], bool),
    )


def read_basis(
    armature: bpy.types.Object, bones: Sequence[bpy.types.PoseBone], overruled: Mapping[str, str] | None = None
) -> Basis:
    """Location, rotation and scale of the bones as they are posed.

    Of a bone that a constraint or a driver moves: those with which it would stand where it stands.
    """
    if overruled is None:
        overruled = limits.overruled(armature)
    location = np.array([bone.location for bone in bones], float)
    scale = np.array([bone.scale for bone in bones], float)
    rotation = _turns(bones)
    for row, bone in enumerate(bones):
        if bone.name in overruled:
            local = armature.convert_space(pose_bone=bone, matrix=bone.matrix, from_space="POSE", to_space="LOCAL")
            location[row], rotation[row], scale[row] = local.decompose()
    return Basis(location, rotation, scale)


def _turns(bones: Sequence[bpy.types.PoseBone]) -> Array:
    """The rotations of pose bones, each in its own mode, as unit quaternions `[B, 4]`: all of a mode at once."""
    rows: dict[str, list[int]] = {}
    for row, bone in enumerate(bones):
        rows.setdefault(bone.rotation_mode, []).append(row)
    turns = np.empty((len(bones), 4))
    for mode, places in rows.items():
        name = rotation_property(mode)
        turns[places] = quaternions(np.array([getattr(bones[row], name) for row in places], float), mode)
    return turns


def theta(armature: bpy.types.Object, joints: Joints) -> Array:
    """The pose now as parameters `[P]`, clipped into the limits."""
    bones = [armature.pose.bones[name] for name in joints.armature.names]
    return joints.parameters(read_basis(armature, bones))[0]


def angles(armature: bpy.types.Object, row: bpy.types.PropertyGroup) -> list[float]:
    """The three angles at which a listed bone is now, as its limits count them, in radians."""
    bones = chain(armature, [row.name])
    free = Joint(row.name, row.kind, np.full(3, -np.pi), np.full(3, np.pi))
    base = read_basis(armature, bones)
    return Joints(read_bones(bones), (free,), base).parameters(base)[0].tolist()


def _joint(name: str, row: bpy.types.PropertyGroup) -> Joint:
    places = (tuple(row.move_low), tuple(row.move_high)) if row.moves else (None, None)
    return Joint(name, row.kind, tuple(row.low), tuple(row.high), *places)


def _up(armature: bpy.types.Object) -> tuple[float, float, float]:
    """The world's Z in armature space."""
    _, turn = similarity(armature.matrix_world, f"the armature {armature.name!r}")
    return tuple(map(float, turn[2, :3]))


def _check_free(armature: bpy.types.Object, driven: Sequence[str], reasons: Mapping[str, str]) -> None:
    """Raise ValueError where a driven bone would not follow its pose, or its parents'."""
    for name in driven:
        problem = blocked(armature, name, reasons, driven)
        if problem:
            raise ValueError(
                f"the bone {name!r} of {armature.name!r} cannot be driven: {problem}; mute that, or untick the bone"
            )


def blocked(armature: bpy.types.Object, name: str, reasons: Mapping[str, str], driven: Sequence[str]) -> str:
    """Why a bone would not follow poses of the driven ones; empty where it does."""
    bone = armature.pose.bones[name]
    problem = reasons.get(name) or limits.locked(bone)
    if problem:
        return problem
    above = bone.parent_recursive
    for place, link in enumerate(above):
        if link.name in reasons and any(other.name in driven for other in above[place + 1 :]):
            return f"it hangs from {link.name!r}, of which {reasons[link.name]}"
    return ""
