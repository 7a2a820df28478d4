# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the list of conditions as goals of the engine, without Blender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body import solver
from drmm_engine.body.rig import Rig

from . import space, words

Array = NDArray[np.float64]
LOOSE = 0.1  # standard deviation of what is known with confidence one half, in statures; in radians for angles


@dataclass(frozen=True)
class Row:
    """One condition as it stands now, in the armature's space.

    `place` `[4, 4]`: the object, scaled so that a sphere or cube of half-size 1 under it is what is seen; for KEEP the
    bone as it was. None: the row has none. `number` is its place in the list, from 0; `low`, `high` and `spread` are
    radians.
    """

    number: int
    what: str
    how: str
    bone: str = ""
    axis: str = "Y"
    place: Array | None = None
    object: str = ""
    confidence: float = 1.0
    weight: float = 1.0
    low: float = 0.0
    high: float = 0.0
    spread: float = words.SPREAD

    @property
    def name(self) -> str:
        """What messages call the condition."""
        return words.label(self.what, self.bone, self.axis)

    @property
    def where(self) -> str:
        """What messages call its object."""
        return f"the object {self.object!r} of the condition on {self.name}"


def check(rows: Sequence[Row]) -> None:
    """Raise ValueError where two rows say the same exactly."""
    seen: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        exact = row.how in ("KNOWN", "KEEP") and row.confidence == 1.0
        key = (row.what, row.bone, row.axis if row.what == "ANGLE" else "")
        if exact and key in seen:
            raise ValueError(f"conditions {seen[key].number + 1} and {row.number + 1} both fix {row.name}; "
                             "remove one, or give it less confidence")
        if exact:
            seen[key] = row


def goals(rows: Sequence[Row], rig: Rig) -> tuple[list, list[int]]:
    """The goals of rows, and for each of them the number of its row; ValueError names what a row lacks."""
    check(rows)
    result, numbers = [], []
    for row in rows:
        made = _goals(row, rig)
        result += made
        numbers += [row.number] * len(made)
    return result, numbers


def narrowed(rig: Rig, rows: Sequence[Row]) -> Rig:
    """The rig with the limits of its joints within what rows say that angles are at least, or between."""
    between = [row for row in rows if row.what == "ANGLE" and _limits(row)]
    if not between:
        return rig
    joints = {joint.bone: joint for joint in rig.joints.joints}
    for row in between:
        _joint(rig, row)
        joint, axis = joints[row.bone], "XYZ".index(row.axis)
        low, high = np.array(joint.low, float), np.array(joint.high, float)
        low[axis] = max(low[axis], row.low)
        high[axis] = min(high[axis], row.high) if row.how == "BOX" else high[axis]
        if low[axis] >= high[axis]:
            raise ValueError(f"the condition on {row.name} leaves nothing of the joint's limits; widen its angles")
        joints[row.bone] = replace(joint, low=tuple(low), high=tuple(high))
    return replace(rig, joints=replace(rig.joints, joints=tuple(joints.values())))


def body_points(rig: Rig) -> list[tuple[str, str]]:
    """(bone, "head" or "tail") of hands, feet and head: effectors, and the joints above them, which poses move."""
    names, parents, moved = rig.joints.armature.names, rig.joints.armature.parents, _moved(rig)
    points: dict[tuple[str, str], None] = {}
    for bone, end in rig.effectors:
        above = int(parents[names.index(bone)])
        points[bone, "head"] = points[bone, end] = None
        if above >= 0:
            points[names[above], "head"] = None
    return [(bone, end) for bone, end in points if moved[names.index(bone)]]


def masses(rig: Rig) -> Array:
    """The share of each bone in the mass of the whole, `[B]`: as the square of its length.

    Only bones that are driven, or below one that is, have a mass: control bones have none.
    """
    mass = np.where(_moved(rig), np.asarray(rig.joints.armature.lengths) ** 2, 0.0)
    return mass / mass.sum()


def _moved(rig: Rig) -> NDArray[np.bool_]:
    """Which bones `[B]` are driven, or below one that is."""
    armature = rig.joints.armature
    moved = np.zeros(len(armature.names), bool)
    driven = {joint.bone for joint in rig.joints.joints}
    for index, (name, parent) in enumerate(zip(armature.names, armature.parents, strict=True)):
        moved[index] = name in driven or (parent >= 0 and moved[parent])
    return moved


def _goals(row: Row, rig: Rig) -> list:
    if words.needs_bone(row.what) and row.bone not in rig.joints.armature.names:
        raise ValueError(f"condition {row.number + 1}: the rig has no bone {row.bone!r}; choose another")
    if row.what == "ANGLE":
        return _angle(row, rig)
    if row.what in words.TURNS:
        return _turn(row, rig)
    kind, given = _place(row, rig)
    return [kind(point=point, name=name, **given) for point, name in _points(row, rig)]


def _points(row: Row, rig: Rig) -> list[tuple[solver.Point, str]]:
    if row.what == "BODY":
        return [(_end(rig, bone, end), f"{bone} {end}") for bone, end in body_points(rig)]
    if row.what == "MASS":
        mass = masses(rig)
        bones = np.flatnonzero(mass)
        middles = np.zeros((len(bones), 3))
        middles[:, 1] = 0.5 * rig.joints.armature.lengths[bones]
        point = solver.Point(tuple(rig.joints.armature.names[i] for i in bones), middles, mass[bones])
        return [(point, row.name)]
    return [(_end(rig, row.bone, "tail" if row.what == "TAIL" else "head"), row.name)]


def _end(rig: Rig, bone: str, end: str) -> solver.Point:
    length = rig.joints.armature.lengths[rig.joints.armature.names.index(bone)]
    return _point(bone, float(length) * (end == "tail"))


@lru_cache(maxsize=512)
def _point(bone: str, along: float) -> solver.Point:
    """A point on a bone; made once, for a drag asks for the same ones over and over."""
    return solver.Point((bone,), np.array([[0.0, along, 0.0]]), np.ones(1))


def _place(row: Row, rig: Rig) -> tuple[type, dict]:
    """The kind of goal that a row is for each of its points, and what all of them are given."""
    if row.how == "HALF_SPACE":
        normal, offset = space.plane(row.place, row.where)
        return solver.Beyond, {"normal": normal, "offset": offset, "weight": row.weight}
    if row.how == "BOX":
        if np.linalg.det(row.place[:3, :3]) == 0.0:
            raise ValueError(f"{row.where} is flat; give it scales above zero")
        return solver.Within, {"matrix": row.place, "weight": row.weight}
    place = {"target": row.place[:3, 3], "weight": row.weight}
    if row.how != "PRIOR" and row.confidence == 1.0:
        return solver.At, place
    spread = space.radius(row.place) if row.how == "PRIOR" else spread_of(row.confidence) * rig.stature
    if spread == 0.0:
        raise ValueError(f"{row.where} is a point; give it a size, the standard deviation")
    return solver.Near, place | {"sd": spread}


def spread_of(confidence: float) -> float:
    """The standard deviation of what is known with a confidence c, in statures: LOOSE (1 - c) / c."""
    return LOOSE * (1.0 - confidence) / confidence


def _turn(row: Row, rig: Rig) -> list:
    weight = row.weight * row.confidence
    made = []
    if row.what == "TRANSFORM":
        kind, given = _place(row, rig)
        made.append(kind(point=_end(rig, row.bone, "head"), name=words.label("HEAD", row.bone), **given))
    if row.what == "DIRECTION":
        along = row.place[:3, 1] / np.linalg.norm(row.place[:3, 1])
        axis = np.array([0.0, 1.0, 0.0])
        return [solver.Along(bone=row.bone, axis=axis, direction=along, weight=weight, name=row.name)]
    quaternion = space.turned(row.place, row.where)
    name = words.label("ROTATION", row.bone)
    return [*made, solver.Facing(bone=row.bone, quaternion=quaternion, weight=weight, name=name)]


def _angle(row: Row, rig: Rig) -> list:
    _joint(rig, row)
    if _limits(row):
        return []  # by the limits of `narrowed`
    sd = row.spread if row.how == "PRIOR" else spread_of(row.confidence)
    parameter = f"{row.bone}.{row.axis.lower()}"
    return [solver.Angle(parameter=parameter, value=row.low, weight=row.weight, name=row.name, sd=sd)]


def _limits(row: Row) -> bool:
    """Whether a row on an angle narrows the limits of its joint."""
    return row.how == "HALF_SPACE" or (row.how == "BOX" and row.low < row.high)


def _joint(rig: Rig, row: Row) -> object:
    """The driven joint of a row's bone, or ValueError where its angle cannot change."""
    joint = next((joint for joint in rig.joints.joints if joint.bone == row.bone), None)
    if joint is None:
        raise ValueError(f"condition {row.number + 1}: the bone {row.bone!r} is not driven, so it has no joint angle")
    axis = "XYZ".index(row.axis)
    if joint.low[axis] == joint.high[axis]:
        raise ValueError(f"condition {row.number + 1}: {row.name} is locked; choose another axis or widen its limits")
    return joint
