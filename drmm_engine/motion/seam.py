# SPDX-License-Identifier: Apache-2.0
"""A motion that begins in a pose: what differs runs out over frames, and standing feet wait for their first step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array
from drmm_engine.motion.contacts import runs
from drmm_engine.motion.footlock import with_toes
from drmm_engine.motion.footlock_keys import followed
from drmm_engine.motion.frames import TOES
from drmm_engine.motion.retarget import rig_positions
from drmm_engine.motion.rig import Keys, Rig, canonical_rest, mapped_bones


def begun(
    before: Keys, after: Keys, rig: Rig, mapping: Mapping[str, str], contacts: NDArray[np.bool_], frames: int = 10
) -> Keys:
    """Keys that begin in the last pose of `before` and go over into `after` within `frames` frames.

    A foot that stands in the first frame, as contacts `[F, 2]` of `after` say, stays where the pose has it until it is
    lifted, and is where `after` has it `frames` frames later. ValueError: keys of other bones, a mapping that does
    not fit the rig.
    """
    blended = blend_keys(before, after, frames)
    joints, goal = (rig_positions(rig, keys, mapping)[:, TOES] for keys in (blended, after))
    offset, shares = joints[0] - goal[0], _shares(contacts, frames)
    toes = goal + np.concatenate([shares[..., None] * offset[:, :2], (joints - goal)[..., 2:]], axis=-1)
    whole = rig_positions(rig, blended, mapping)
    rest = canonical_rest(rig, mapped_bones(rig, mapping))
    return followed(blended, rig, mapping, whole, with_toes(whole, toes, rest))


def blend_keys(before: Keys, after: Keys, frames: int = 10) -> Keys:
    """Keys `after` whose first frame is the last of `before`; the offset runs out smoothly over `frames` frames."""
    if before.bones != after.bones:
        raise ValueError("keys to go over from and to are not of the same bones")
    part = fade(len(after.location), frames)[:, None]
    turned = rot.to_rotation_vector(rot.multiply(before.rotations[-1], rot.inverse(after.rotations[0])))
    rotations = rot.multiply(rot.from_rotation_vector(part[..., None] * turned), after.rotations)
    moved = after.location + part * (before.location[-1] - after.location[0])
    return Keys(after.bones, rot.continuous(rotations), moved)


def fade(count: int, frames: int) -> Array:
    """1 at the first of `count` frames and 0 from number `frames` on, smooth to the second derivative."""
    t = np.clip(np.arange(count) / max(frames, 1), 0.0, 1.0)
    return 1.0 - t**3 * (10.0 - 15.0 * t + 6.0 * t**2)


def _shares(contacts: NDArray[np.bool_], frames: int) -> Array:
    """Shares [F, 2] of the feet's offsets: all until a foot that stands at first is lifted, then less and less."""
    count = len(contacts)
    lifted = [runs(foot)[0][1] if foot[0] else 0 for foot in contacts.T]
    return np.stack([fade(count + first, frames)[np.maximum(np.arange(count) - first, 0)] for first in lifted], axis=1)
