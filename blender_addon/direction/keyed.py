# SPDX-License-Identifier: GPL-3.0-or-later
"""From the keys of a walk to what is written: begun from the pose, feet held, carried by the root, sparse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body import rotations as rot
from drmm_engine.motion import footlock_keys, root, seam, sparse
from drmm_engine.motion.retarget import rig_positions
from drmm_engine.motion.rig import Keys

from ..channels import Channel, quaternions, rotation_property, rotation_values
from ..character import Character

Record = Mapping[str, Any]
Array = NDArray[np.float64]


def begun(keys: Keys, character: Character, record: Record, contacts: NDArray[np.bool_]) -> Keys:
    """Keys that begin in the record's pose, where it has one, and go over into the given ones."""
    pose, frames = record.get("pose"), record.get("blend", 0)
    if not pose or not frames:
        return keys
    rotations = np.array([[pose["rotations"].get(bone, rot.IDENTITY) for bone in keys.bones]])
    before = Keys(keys.bones, rotations, np.array([pose["location"]]))
    return seam.begun(before, keys, character.rig, character.mapping, contacts, frames)


def held(keys: Keys, character: Character, record: Record, contacts: NDArray[np.bool_]) -> Keys:
    """Keys whose standing feet stay where they are, as far as the record wants them locked."""
    feet = record["feet"]
    if not feet["lock"] or not feet["strength"]:
        return keys
    return footlock_keys.locked_keys(
        keys, character.rig, character.mapping, contacts, feet["strength"], feet["blend"], record["rate"]
    )


def written(keys: Keys, character: Character, record: Record) -> list[Channel]:
    """Channels of keys at the scene's rate: the way carried by what the record says, and few keys if it wants few."""
    if record["root"] == "IN_PLACE":
        keys = root.on_the_spot(keys, character.rig)
    carrier = []
    if record.get("carrier"):
        keys, motion = root.split(keys, character.rig)
        carrier = carrier_channels(record["carrier"], motion)
    made = character.channels(keys)
    return few(made, carrier, character, keys.bones, record["sparse"]) if record["sparse"] else carrier + made


def carrier_channels(carrier: Mapping[str, Any], motion: Array) -> list[Channel]:
    """Channels of a bone or the object whose basis is left · motion · right, for motions `[F, 4, 4]` of the world."""
    left, right = (np.reshape(carrier[side], (4, 4)) for side in ("left", "right"))
    basis = left @ motion @ right
    scale = np.linalg.norm(basis[:, :3, :3], axis=1)
    turns = rot.from_matrix(basis[:, :3, :3] / scale[:, None])
    bone, mode = carrier["bone"], carrier["mode"]
    return [
        Channel(bone, "location", basis[:, :3, 3]),
        Channel(bone, rotation_property(mode), rotation_values(turns, mode)),
    ]


def few(
    made: list[Channel], carrier: list[Channel], character: Character, bones: Sequence[str], bound: float
) -> list[Channel]:
    """The channels with keys at the same frames for all, such that no joint is off by more than the bound, metres."""

    def joints(channels: Sequence[Channel]) -> Array:
        location, *turned = channels
        turns = [quaternions(channel.values, character.modes[channel.bone]) for channel in turned]
        keys = Keys(tuple(bones), np.stack(turns, axis=1), location.values * character.unit)
        return rig_positions(character.rig, keys, character.mapping)

    def error(kept: NDArray[np.int64]) -> Array:
        off = [np.linalg.norm(joints(_between(made, kept)) - whole, axis=-1).max(axis=1)]
        off += [_miss(channel, kept) for channel in carrier]
        return np.max(off, axis=0)

    whole = joints(made)
    kept = sparse.within(len(whole), error, bound)
    return [replace(channel, values=channel.values[kept], frames=kept, slopes=sparse.slopes(channel.values)[kept])
            for channel in carrier + made]  # fmt: skip


def _between(channels: Sequence[Channel], kept: NDArray[np.int64]) -> list[Channel]:
    return [replace(channel, values=sparse.smooth(channel.values, kept)) for channel in channels]


def _miss(channel: Channel, kept: NDArray[np.int64]) -> Array:
    """How far off a channel is between the frames that are kept: a radian is a metre, about a body's reach."""
    return np.abs(sparse.smooth(channel.values, kept) - channel.values).max(axis=1)
