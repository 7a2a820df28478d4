# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender says of a bone's freedom: Limit Rotation and Location, IK limits, locks; and what overrules poses."""

from __future__ import annotations

import math
import re

import bpy
import numpy as np

HARMLESS = {"LIMIT_ROTATION", "LIMIT_LOCATION", "LIMIT_SCALE"}
CHAINS = {"IK", "SPLINE_IK"}
DRIVEN = re.compile(r'pose\.bones\["(.+)"\]\.(rotation|location|scale)')


def overruled(armature: bpy.types.Object) -> dict[str, str]:
    """Bones that something else moves, and what: constraints, IK chains of others, and drivers."""
    reasons: dict[str, str] = {}
    for bone in armature.pose.bones:
        for constraint in bone.constraints:
            if not _acts(constraint):
                continue
            if not _keeps_poses(constraint):
                reasons.setdefault(bone.name, f"its constraint {constraint.name!r} overrules poses")
            for link in _chain(bone, constraint):
                reasons.setdefault(link.name, f"the IK of {bone.name!r} overrules poses")
    for curve in armature.animation_data.drivers if armature.animation_data else ():
        found = DRIVEN.match(curve.data_path)
        if found:
            name = bpy.utils.unescape_identifier(found[1])
            reasons.setdefault(name, f"a driver sets its {found[2]}")
    return reasons


def locked(bone: bpy.types.PoseBone) -> str:
    """Why the animator does not want the bone turned; empty where it may be."""
    return "its rotation is locked" if all(bone.lock_rotation) else ""


def angles(bone: bpy.types.PoseBone, low: np.ndarray, high: np.ndarray) -> tuple[str, np.ndarray, np.ndarray, str]:
    """Kind, least and greatest angles `[3]`, and where they are from; `low` and `high` where Blender says nothing.

    A Limit Rotation constraint counts before IK limits; locked axes stay where they are.
    """
    kind, low, high, source = "swing", np.array(low, float), np.array(high, float), ""
    limit = _rotation_limit(bone)
    if limit:
        order = limit.euler_order
        kind = order if order != "AUTO" else bone.rotation_mode if len(bone.rotation_mode) == 3 else "XYZ"
        source = limit.name
        for axis, letter in enumerate("xyz"):
            if getattr(limit, f"use_limit_{letter}"):
                ends = [getattr(limit, f"min_{letter}"), getattr(limit, f"max_{letter}")]
                low[axis], high[axis] = np.clip(sorted(ends), -math.pi, math.pi)
    elif any(getattr(bone, f"use_ik_limit_{letter}") or getattr(bone, f"lock_ik_{letter}") for letter in "xyz"):
        source = "IK limits"
        for axis, letter in enumerate("xyz"):
            if getattr(bone, f"use_ik_limit_{letter}"):
                low[axis], high[axis] = getattr(bone, f"ik_min_{letter}"), getattr(bone, f"ik_max_{letter}")
            if getattr(bone, f"lock_ik_{letter}"):
                low[axis] = high[axis] = 0.0
    if any(bone.lock_rotation):
        kind, source = _lock(bone, kind, low, high), f"{source}, locks" if source else "locks"
    if kind != "swing":  # past a quarter turn Blender writes the middle angle otherwise, and would clamp that
        middle = "XYZ".index(kind[1])
        low[middle], high[middle] = np.clip([low[middle], high[middle]], -math.pi / 2, math.pi / 2)
    return kind, low, high, source


def moves(bone: bpy.types.PoseBone, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest location `[3]` of a bone that moves: `reach` either way, less where limits or locks say so."""
    low, high = np.full(3, -reach), np.full(3, reach)
    for constraint in bone.constraints:
        if constraint.type == "LIMIT_LOCATION" and _acts(constraint) and constraint.owner_space == "LOCAL":
            for axis, letter in enumerate("xyz"):
                if getattr(constraint, f"use_min_{letter}"):
                    low[axis] = getattr(constraint, f"min_{letter}")
                if getattr(constraint, f"use_max_{letter}"):
                    high[axis] = getattr(constraint, f"max_{letter}")
    for axis, locked in enumerate(bone.lock_location):
        if locked:
            low[axis] = high[axis] = bone.location[axis]
    return np.minimum(low, high), np.maximum(low, high)


def can_move(bone: bpy.types.PoseBone) -> bool:
    """Whether a location of the bone counts, along one axis at least."""
    return not (bone.parent and bone.bone.use_connect) and not all(bone.lock_location)


def _lock(bone: bpy.types.PoseBone, kind: str, low: np.ndarray, high: np.ndarray) -> str:
    """Hold the locked axes where they are, in place; the kind in which that can be said."""
    euler = len(bone.rotation_mode) == 3
    if kind == "swing" and euler:
        kind = bone.rotation_mode
    for axis, locked in enumerate(bone.lock_rotation):
        if locked:
            at = bone.rotation_euler[axis] if euler and kind == bone.rotation_mode else 0.0
            low[axis] = high[axis] = math.remainder(at, 2 * math.pi)
    return kind


def _acts(constraint: bpy.types.Constraint) -> bool:
    return constraint.enabled and constraint.influence > 0.0


def _keeps_poses(constraint: bpy.types.Constraint) -> bool:
    """Whether the constraint lets every pose within its limits be."""
    if constraint.type not in HARMLESS:
        return False
    return constraint.type == "LIMIT_SCALE" or constraint.owner_space == "LOCAL"


def _rotation_limit(bone: bpy.types.PoseBone) -> bpy.types.Constraint | None:
    for constraint in bone.constraints:
        if constraint.type == "LIMIT_ROTATION" and _acts(constraint) and constraint.owner_space == "LOCAL":
            return constraint
    return None


def _chain(bone: bpy.types.PoseBone, constraint: bpy.types.Constraint) -> list[bpy.types.PoseBone]:
    """The bones that an IK constraint turns."""
    if constraint.type not in CHAINS:
        return []
    links = [bone, *bone.parent_recursive]
    if constraint.type == "IK" and not constraint.use_tail:
        links = links[1:]
    return links[: constraint.chain_count] if constraint.chain_count else links
