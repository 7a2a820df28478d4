# SPDX-License-Identifier: Apache-2.0
"""From joint positions to the keys of any rig, whose bone lengths stay exactly as they are.

For each mapped bone: turn of the bone = turn of the source's body part from the source's rest pose · turn that lays
the rig's rest pose on the source's (`frames.turns`, `frames.alignment`). What differs between the rest
poses cancels. Then the turns are written in each bone's own axes, relative to its parent.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array
from drmm_engine.motion import frames
from drmm_engine.motion.rig import Keys, Rig, canonical_rest, mapped_bones, pose
from drmm_engine.motion.skeleton import JOINTS, PARENTS, index

STANCE = 0.02
"""How sharply the lower foot takes the weight, metres: difference in height that makes it e times more."""


def retarget(positions: Array, rig: Rig, mapping: Mapping[str, str], source_rest: Array) -> Keys:
    """Keys of the mapped bones, and of the spine between them, that make a rig move as `positions` do.

    positions `[F, 20, 3]` of the canonical joints, metres, Z up, in the size of `source_rest` `[20, 3]`; mapping
    canonical joint -> bone. Limbs take the source's directions exactly. The hips are placed at `scale` times the
    source's, such that the foot that bears the weight stands as high over the floor (z = 0) as the source's.
    ValueError for positions that are not finite, and for a mapping that does not fit the rig.
    """
    positions, source_rest = np.asarray(positions, float), np.asarray(source_rest, float)
    if not np.isfinite(positions).all():
        frame, joint = np.argwhere(~np.isfinite(positions))[0][:2]
        raise ValueError(f"position of {JOINTS[joint]} in frame {frame} is not a finite number")
    bones = mapped_bones(rig, mapping)
    rest = canonical_rest(rig, bones)
    turned = frames.turns(positions, source_rest)
    parts = rot.multiply(turned, frames.alignment(source_rest, rest))
    spine = rig.path(bones["Chest"], bones["Hips"])
    keyed = [bones["Hips"], *sorted(spine + [bone for joint, bone in bones.items() if joint != "Hips"])]
    turns = {bone: parts[:, index(joint)] for joint, bone in bones.items()}
    offset = rot.rotate(turned[:, frames.HIPS], source_rest[frames.CHEST] - source_rest[frames.HIPS])
    swing = rot.between(offset, positions[:, frames.CHEST] - positions[:, frames.HIPS])
    turns |= _spine(rig, [bones["Hips"], *spine, bones["Chest"]], turns, swing)
    rotations = np.stack([basis(rig, turns, bone) for bone in keyed], axis=1)
    hips = bones["Hips"]
    head = _hips(positions, source_rest, rest, parts[:, frames.HIPS])
    location = rot.rotate(rot.inverse(rig.turns[hips]), head - rig.heads[hips])
    return Keys(tuple(rig.names[bone] for bone in keyed), rot.continuous(rotations), location)


def scale(rig: Rig, mapping: Mapping[str, str], source_rest: Array) -> float:
    """Leg length of the rig over leg length of `source_rest` `[20, 3]`."""
    return _scale(canonical_rest(rig, mapped_bones(rig, mapping)), np.asarray(source_rest, float))


def rig_positions(rig: Rig, keys: Keys, mapping: Mapping[str, str]) -> Array:
    """Positions `[F, 20, 3]` of the canonical joints of a keyed rig, armature space, by forward kinematics."""
    bones = mapped_bones(rig, mapping)
    rest = canonical_rest(rig, bones)
    heads, turns = pose(rig, keys)
    out = np.empty((len(heads), len(JOINTS), 3))
    for joint in range(len(JOINTS)):
        carrier = joint
        while JOINTS[carrier] not in bones:
            carrier = int(PARENTS[carrier])
        bone = bones[JOINTS[carrier]]
        out[:, joint] = heads[:, bone] + rot.rotate(turns[:, bone], rest[joint] - rig.heads[bone])
    return out


def basis(rig: Rig, turns: Mapping[int, Array], bone: int) -> Array:
    """Turns of a bone `[F, 4]` in its own rest axes, relative to the nearest bone above it that is keyed.

    `turns` are those of the keyed bones away from rest, in armature space.
    """
    parent = int(rig.parents[bone])
    while parent >= 0 and parent not in turns:
        parent = int(rig.parents[parent])
    own = turns[bone] if parent < 0 else rot.multiply(rot.inverse(turns[parent]), turns[bone])
    axes = rot.from_matrix(rig.rest[bone, :3, :3])
    return rot.multiply(rot.multiply(rot.inverse(axes), own), axes)


def _scale(rest: Array, source_rest: Array) -> float:
    return float(_segments(rest).sum() / _segments(source_rest).sum())


def _segments(rest: Array) -> Array:
    """Lengths [2, 2] of the upper and the lower legs, left and right."""
    chain = rest[[frames.LEGS, frames.MIDDLES[2:], frames.FEET]]
    return np.linalg.norm(np.diff(chain, axis=0), axis=-1)


def _hips(positions: Array, source_rest: Array, rest: Array, turn: Array) -> Array:
    """Positions of the hips bone's head [F, 3].

    The middle between the hip joints stands at `scale` times the source's, on the rig's own ankle height; where thigh
    and shin divide the leg otherwise, it is moved so that the foot which bears the weight comes to where it should be.
    """
    ratio = _scale(rest, source_rest)
    middle = ratio * positions[:, frames.LEGS].mean(axis=1)
    middle[:, 2] += rest[frames.FEET, 2].mean() - ratio * source_rest[frames.FEET, 2].mean()
    too_long = _segments(rest) - ratio * _segments(source_rest)
    chain = positions[:, [frames.LEGS, frames.MIDDLES[2:], frames.FEET]]
    directions = rot.normalize(np.diff(chain, axis=1))
    miss = np.sum(too_long[..., None] * directions, axis=1)
    height = positions[:, frames.FEET, 2]
    weight = np.exp(-(height - height.min(axis=1, keepdims=True)) / STANCE)
    weight /= weight.sum(axis=1, keepdims=True)
    middle -= np.sum(weight[..., None] * miss, axis=1)
    return middle - rot.rotate(turn, rest[frames.LEGS].mean(axis=0) - rest[frames.HIPS])


def _spine(rig: Rig, chain: list[int], turns: Mapping[int, Array], swing: Array) -> dict[int, Array]:
    """Turns [F, 4] of the bones between hips and chest, the ends of the `chain`: they share its bend evenly.

    Then all are turned together so that the chest lies, seen from the hips, where `swing` [F, 4] takes it
    from where the hips alone would.
    """
    hips, chest = turns[chain[0]], turns[chain[-1]]
    shares = np.arange(1, len(chain) - 1) / (len(chain) - 1)
    spine = {bone: rot.slerp(hips, chest, share) for bone, share in zip(chain[1:-1], shares, strict=True)}
    if not spine:
        return spine
    offsets = np.diff(rig.heads[chain], axis=0)
    first = rot.rotate(hips, offsets[0])
    others = sum(rot.rotate(turn, offset) for turn, offset in zip(spine.values(), offsets[1:], strict=True))
    wanted = rot.normalize(rot.rotate(rot.multiply(swing, hips), offsets.sum(axis=0)))
    # |reach · wanted - first| = |others| keeps the bones' lengths.
    along = np.sum(first * wanted, axis=-1)
    reach = along + np.sqrt(np.maximum(along**2 - np.sum(first**2, axis=-1) + np.sum(others**2, axis=-1), 0.0))
    correction = rot.between(others, reach[:, None] * wanted - first)
    return {bone: rot.multiply(correction, turn) for bone, turn in spine.items()}
