# SPDX-License-Identifier: GPL-3.0-or-later
"""From the keys of a walk to what is written: begun from the pose, feet held, carried by the root, sparse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body import rotations as rot
from drmm_engine.motion.rig import Keys

from ..channels import Channel
from ..character import Character

Record = Mapping[str, Any]
Array = NDArray[np.float64]


def begun(keys: Keys, record: Record) -> Keys:
    """Keys that begin in the record's pose, where it has one, and go over into the given ones."""
    pose, frames = record.get("pose"), record.get("blend", 0)
    if not pose or not frames:
        return keys
    before = np.array([pose["rotations"].get(bone, rot.IDENTITY) for bone in keys.bones])
    return blended(keys, before, np.array(pose["location"]), frames)


def blended(keys: Keys, rotations: Array, location: Array, frames: int) -> Keys:
    """Keys whose first frame has these rotations `[n, 4]` and location `[3]`; the offset is gone after `frames`."""
    part = fade(len(keys.location), frames)[:, None]
    turned = rot.multiply(rotations, rot.inverse(keys.rotations[0]))
    shares = rot.slerp(np.broadcast_to(rot.IDENTITY, turned.shape), turned, part[..., None])
    moved = keys.location + part * (location - keys.location[0])
    return Keys(keys.bones, rot.continuous(rot.multiply(shares, keys.rotations)), moved)


def fade(count: int, frames: int) -> Array:
    """1 at the first of `count` frames and 0 from number `frames` on, smooth to the second derivative."""
    t = np.clip(np.arange(count) / max(frames, 1), 0.0, 1.0)
    return 1.0 - t**3 * (10.0 - 15.0 * t + 6.0 * t**2)


def held(keys: Keys, character: Character, record: Record, contacts: NDArray[np.bool_]) -> Keys:
    """Keys whose standing feet stay where they are."""
    return keys


def written(keys: Keys, character: Character, record: Record) -> list[Channel]:
    """Channels of keys."""
    return character.channels(keys)
