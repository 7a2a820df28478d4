# SPDX-License-Identifier: GPL-3.0-or-later
"""A record of a walk, plain data in world space, as what the engine walks to and keeps clear of; no Blender in it.

A record is what it takes to make a walk again: see `gather.record`. Its world is p -> scale · p + (0, 0, floor) of the
model's, in which the body has the model's size and the floor is at z = 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drmm_engine.motion import controller, room

Array = NDArray[np.float64]
Record = Mapping[str, Any]


def inside(record: Record, points: ArrayLike) -> Array:
    """World points `[..., 2 or 3]` in the model's size."""
    points = np.asarray(points, float)
    floor = np.array([0.0, 0.0, record["floor"]])[: points.shape[-1]]
    return (points - floor) / record["scale"]


def outside(record: Record, points: ArrayLike) -> Array:
    """Points `[..., 2 or 3]` in the model's size in world space."""
    points = np.asarray(points, float)
    return record["scale"] * points + np.array([0.0, 0.0, record["floor"]])[: points.shape[-1]]


def targets(record: Record, skip: int = 0) -> list[controller.Target]:
    """The targets of a record from number `skip` on, as the controller takes them."""
    return [_target(record, row) for row in record["targets"][skip:]]


def rooms(record: Record) -> list[room.Keep]:
    """What to keep in and out of, in the model's space."""
    return [_room(record, row) for row in record.get("rooms", ())]


def _target(record: Record, row: Mapping[str, Any]) -> controller.Target:
    x, y = inside(record, row["position"][:2])
    asked: dict[str, Any] = {"face": row.get("facing") == "towards"}
    facing = row.get("facing", "free")
    if facing not in ("free", "towards"):
        asked["facing"] = _looked(record, facing) if isinstance(facing, list | tuple) else facing
    if row.get("arrive") is not None:
        asked["arrive"] = row["arrive"]
    for key in ("speed", "radius"):
        if row.get(key) is not None:
            asked[key] = row[key] / record["scale"]
    asked |= {key: row[key] for key in ("stop", "wait", "style") if row.get(key)}
    return controller.Target(position=(float(x), float(y)), **asked)


def _looked(record: Record, places: ArrayLike) -> tuple:
    """A place that is looked at, or places, in the model's size."""
    made = inside(record, places).tolist()
    return tuple(map(tuple, made)) if np.ndim(made) == 2 else tuple(made)


def _room(record: Record, row: Mapping[str, Any]) -> room.Keep:
    matrix = np.reshape(row["matrix"], (4, 4))
    if row["kind"] == "CEILING":
        return room.Ceiling(float(inside(record, matrix[:3, 3])[2]))
    if row["kind"] == "WALL":
        normal = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
        place = inside(record, matrix[:3, 3])
        return room.Wall(tuple(normal), float(-normal @ place))
    within = matrix.copy()
    within[:3] /= record["scale"]
    within[:3, 3] = inside(record, matrix[:3, 3])
    return room.Box(within, row["kind"] == "IN")
