# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses to learn from that are not random: the file's Actions and pose assets, and people's poses by the mapping."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import bpy
import numpy as np

from drmm_engine.body.armature import Basis
from drmm_engine.body.joints import Joints
from drmm_engine.body.rotations import Array
from drmm_engine.motion import posing, retarget
from drmm_engine.motion.rig import Rig, canonical_rest, mapped_bones

from .. import armature as rigs
from .. import compat, models
from ..channels import quaternions
from ..character import Character
from ..spaces import similarity
from . import choose, hinges

DRAWS = 3000  # poses of people
FRAMES = 200  # of an Action, evenly over its length, at most
PROPERTY = re.compile(r'pose\.bones\["(.+)"\]\.(location|rotation_quaternion|rotation_axis_angle|rotation_euler)$')
REST = {"location": (0.0, 0.0, 0.0), "rotation_euler": (0.0, 0.0, 0.0), "rotation_quaternion": (1.0, 0.0, 0.0, 0.0),
        "rotation_axis_angle": (0.0, 0.0, 1.0, 0.0)}  # fmt: skip


def given(armature: bpy.types.Object, joints: Joints) -> Array | None:
    """The poses `[n, P]` of the sources that are ticked; None where none is, ValueError where a ticked one has none."""
    settings, parts = armature.drmm.rig, []
    if settings.use_actions:
        parts.append(_some(actions(armature, joints, assets=False), "Actions", armature))
    if settings.use_assets:
        parts.append(_some(actions(armature, joints, assets=True), "pose assets", armature))
    if settings.use_mocap:
        parts.append(people(armature, joints))
    return np.concatenate(parts) if parts else None


def actions(armature: bpy.types.Object, joints: Joints, assets: bool) -> Array:
    """Poses `[n, P]` at frames of the Actions that turn driven bones: pose assets, or all others."""
    driven = {joint.bone for joint in joints.joints}
    poses = [np.zeros((0, joints.P))]
    for action in bpy.data.actions:
        if bool(action.asset_data) == assets:
            tracks = _tracks(action, driven)
            if any(name != "location" for _, name in tracks):
                poses.append(_sampled(armature, joints, tracks, _frames(action)))
    return np.concatenate(poses)


def people(armature: bpy.types.Object, joints: Joints, count: int = DRAWS) -> Array:
    """Poses `[count, P]` as people stand, drawn from the pose model that comes with DRMM, on this rig's bones."""
    character = character_of(armature, joints)
    model = models.load("", "pose")
    rest = np.array(model.skeleton["rest"], float)
    scale, floor = character.fit(rest)
    origin = character.position / scale
    drawn = posing.sample_poses(model, {}, count=count, heading=character.heading, origin=origin).positions
    return carried(character, joints, drawn, rest)


def carried(character: Character, joints: Joints, positions: Array, rest: Array) -> Array:
    """Parameters `[n, P]` of poses of people, given by positions `[n, 20, 3]` of a body with a rest pose `[20, 3]`."""
    keys = retarget.retarget(positions, character.rig, character.mapping, rest)
    turns = {bone: keys.rotations[:, row] for row, bone in enumerate(keys.bones)}
    places = {keys.bones[0]: keys.location / character.unit}
    basis = _basis(joints, turns, places, len(positions))
    return joints.parameters(replace(basis, rotation=hinges.untwist(joints, basis.rotation)))[0]


def character_of(armature: bpy.types.Object, joints: Joints) -> Character:
    """Whom people's poses are carried over to: by the bone mapping, or by the controls of a control rig.

    ValueError where that cannot be.
    """
    if not armature.drmm.rig.measured:
        return rigs.read_character(armature)
    rest = joints.armature
    unit, stand = similarity(armature.matrix_world, f"the armature {armature.name!r}")
    mapping = choose.joints(rest, set(rest.names))
    if not mapping:
        raise ValueError(f"the controls of {armature.name!r} are none of a body; untick Motion Capture")
    matrices = rest.rest.copy()
    matrices[:, :3, 3] *= unit
    character = Character(
        name=armature.name, rig=Rig(rest.names, rest.parents, stand @ matrices), mapping=mapping, unit=unit,
        pose=rigs.joint_positions(armature, mapping), modes={},
    )  # fmt: skip
    canonical_rest(character.rig, mapped_bones(character.rig, mapping))  # says what stands in the way
    return character


def _some(poses: Array, what: str, armature: bpy.types.Object) -> Array:
    if not len(poses):
        raise ValueError(f"none of this file's {what} turns the driven bones of {armature.name!r}; untick that source")
    return poses


def _tracks(action: bpy.types.Action, driven: set[str]) -> dict[tuple[str, str], dict[int, bpy.types.FCurve]]:
    """(bone, property) -> index -> curve, for the driven bones."""
    tracks: dict[tuple[str, str], dict[int, bpy.types.FCurve]] = defaultdict(dict)
    for curve in compat.all_curves(action):
        found = PROPERTY.match(curve.data_path)
        if found and bpy.utils.unescape_identifier(found[1]) in driven:
            tracks[bpy.utils.unescape_identifier(found[1]), found[2]][curve.array_index] = curve
    return tracks


def _frames(action: bpy.types.Action) -> Array:
    first, last = action.frame_range
    return np.linspace(first, last, int(min(FRAMES, last - first + 1)))


def _sampled(
    armature: bpy.types.Object, joints: Joints, tracks: dict[tuple[str, str], dict[int, bpy.types.FCurve]],
    frames: Sequence[float],
) -> Array:  # fmt: skip
    """Parameters `[frames, P]` of the curves' values; what is not animated is at rest."""
    turns, places = {}, {}
    for (bone, name), curves in tracks.items():
        values = np.tile(np.array(REST[name]), (len(frames), 1))
        for index, curve in curves.items():
            values[:, index] = [curve.evaluate(frame) for frame in frames]
        if name == "location":
            places[bone] = values
            continue
        mode = {"rotation_quaternion": "QUATERNION", "rotation_axis_angle": "AXIS_ANGLE"}.get(name)
        order = armature.pose.bones[bone].rotation_mode
        if mode or len(order) == 3:  # Euler curves of a bone in another mode do nothing
            turns[bone] = quaternions(values, mode or order)
    return joints.parameters(_basis(joints, turns, places, len(frames)))[0]


def _basis(joints: Joints, turns: dict[str, Array], places: dict[str, Array], count: int) -> Basis:
    """`count` poses given by quaternions and locations of some bones; the others are as in the base."""
    row = {name: place for place, name in enumerate(joints.armature.names)}
    location, rotation, scale = (
        np.tile(part, (count, 1, 1)) for part in (joints.base.location, joints.base.rotation, joints.base.scale)
    )
    for whole, parts in ((rotation, turns), (location, places)):
        for bone, values in parts.items():
            if bone in row:
                whole[:, row[bone]] = values
    return Basis(location, rotation, scale)
