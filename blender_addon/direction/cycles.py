# SPDX-License-Identifier: GPL-3.0-or-later
"""A cycle out of a motion, as channels that close; no Blender in it."""

from __future__ import annotations

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
    """Channels of a cycle of a motion `[F, 20, 3]` of the body at rest `[20, 3]`, over whole frames of the scene."""
    closed, _ = cycle.loop(positions)
    length, step = len(closed) - 1, closed[-1, 0] - closed[0, 0]
    whole = np.concatenate([closed[:-1] + (copy - 1) * step for copy in range(COPIES)])
    keys = retarget.retarget(whole, character.rig, character.mapping, rest)
    stands = contacts.contacts(whole, float(rest[TOES, 2].mean()), record["rate"])
    keys = keyed.held(keys, character, record, stands)
    middle = slice(length, 2 * length + 1)
    made = Keys(keys.bones, keys.rotations[middle], keys.location[middle])
    if in_place:
        share = np.linspace(0.0, 1.0, length + 1)[:, None]
        made = Keys(made.bones, made.rotations, made.location - share * (made.location[-1] - made.location[0]))
    frames = max(round(length * record["fps"] / record["rate"]), 1)
    return character.channels(resample(made, record["rate"], record["rate"] * frames / length))
