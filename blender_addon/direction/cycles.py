# SPDX-License-Identifier: GPL-3.0-or-later
"""A cycle out of a motion, as channels that close; no Blender in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from drmm_engine.motion import contacts, cycle, retarget
from drmm_engine.motion.rig import Keys
from drmm_engine.motion.skeleton import TOES

from ..channels import Channel, resample
from ..character import Character
from . import keyed, plan

COPIES = 3  # the middle one is kept: what happens at the ends of a motion does not happen in it


def channels(
    character: Character, record: dict[str, Any], positions: plan.Array, rest: plan.Array, in_place: bool
) -> list[Channel]:
    """Channels of a cycle of a motion `[F, 20, 3]` of the body at rest `[20, 3]`, over whole frames of the scene.

    What carries the way is what the record says, unless it is walked in place.
    """
    closed, _ = cycle.loop(positions)
    length, step = len(closed) - 1, closed[-1, 0] - closed[0, 0]
    whole = np.concatenate([closed[:-1] + (copy - 1) * step for copy in range(COPIES)])
    keys = retarget.retarget(whole, character.rig, character.mapping, rest)
    stands = contacts.contacts(whole, float(rest[TOES, 2].mean()), record["rate"])
    keys = keyed.held(keys, character, record, stands)
    if in_place:
        rounds = np.arange(len(whole))[:, None] / length - 1.0
        way = keys.location[2 * length] - keys.location[length]
        keys = Keys(keys.bones, keys.rotations, keys.location - rounds * way)
        record = record | {"root": "HIPS", "carrier": None}
    frames = max(round(length * record["fps"] / record["rate"]), 1)
    keys = resample(keys, record["rate"], record["rate"] * frames / length)
    made = keyed.written(keys, character, record | {"sparse": 0.0})
    return [replace(channel, values=channel.values[frames : 2 * frames + 1]) for channel in made]
