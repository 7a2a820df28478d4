# SPDX-License-Identifier: Apache-2.0
"""Feet that hold on a rig: what `footlock` does to the joints, written back into the keys of hips and legs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array
from drmm_engine.motion.footlock import BLEND, locked
from drmm_engine.motion.retarget import basis, rig_positions
from drmm_engine.motion.rig import Keys, Rig, canonical_rest, mapped_bones, pose
from drmm_engine.motion.skeleton import index

_LEGS = [[side + part for part in ("UpperLeg", "LowerLeg", "Foot", "Toes")] for side in ("Left", "Right")]


def locked_keys(
    keys: Keys,
    rig: Rig,
    mapping: Mapping[str, str],
    contacts: NDArray[np.bool_],
    strength: float = 1.0,
    blend: int = BLEND,
    frame_rate: float = 30.0,
) -> Keys:
    """Keys of `retarget` whose feet hold on the rig while they stand, as contacts `[F, 2]` say; see `footlock.locked`.

    The hips' location and the turns of thighs, shins and feet change; toes keep how they lie in the world. ValueError:
    shapes that disagree, a mapping that does not fit the rig.
    """
    before = rig_positions(rig, keys, mapping)
    rest = canonical_rest(rig, mapped_bones(rig, mapping))
    return followed(keys, rig, mapping, before, locked(before, contacts, rest, strength, blend, frame_rate))


def followed(keys: Keys, rig: Rig, mapping: Mapping[str, str], before: Array, after: Array) -> Keys:
    """Keys whose hips are moved, and whose legs are turned, as takes the joints `before` to `after` `[F, 20, 3]`."""
    bones = mapped_bones(rig, mapping)
    _, turned = pose(rig, keys)
    turns = {rig.names.index(name): turned[:, rig.names.index(name)] for name in keys.bones}
    for leg in _LEGS:
        _swing(turns, leg, bones, before, after)
    rotations = keys.rotations.copy()
    for joint in (joint for leg in _LEGS for joint in leg if joint in bones):
        rotations[:, keys.bones.index(rig.names[bones[joint]])] = basis(rig, turns, bones[joint])
    moved = rot.rotate(rot.inverse(rig.turns[bones["Hips"]]), after[:, 0] - before[:, 0])
    return Keys(keys.bones, rot.continuous(rotations), keys.location + moved)


def _swing(turns: dict[int, Array], leg: Sequence[str], bones: Mapping[str, int], before: Array, after: Array) -> None:
    """Thigh, shin and foot follow their bones' directions without twist."""
    for joint, end in zip(leg, leg[1:], strict=False):
        old, new = (p[:, index(end)] - p[:, index(joint)] for p in (before, after))
        turns[bones[joint]] = rot.multiply(rot.between(old, new), turns[bones[joint]])
