# SPDX-License-Identifier: Apache-2.0
"""Bone lengths of canonical poses: measured, and enforced without moving the feet."""

from __future__ import annotations

import numpy as np

from drmm_engine.body.limb import two_bone
from drmm_engine.body.rotations import Array, normalize
from drmm_engine.motion.skeleton import JOINTS, MIRROR, PARENTS, index

_LEGS = [[index(side + part) for part in ("UpperLeg", "LowerLeg", "Foot", "Toes")] for side in ("Left", "Right")]
_OTHERS = [j for j in range(1, len(JOINTS)) if not any(j in leg[1:] for leg in _LEGS)]


def bone_lengths(positions: Array) -> Array:
    """Lengths `[..., 20]` from each joint's parent to it, metres; 0 for the hips. positions `[..., 20, 3]`."""
    lengths = np.linalg.norm(positions - positions[..., np.maximum(PARENTS, 0), :], axis=-1)
    lengths[..., 0] = 0.0
    return lengths


def leg_length(rest: Array) -> float:
    """Length of thigh and shin of a body `[20, 3]` (mean of both legs), metres."""
    lengths = bone_lengths(rest)
    return float(np.mean([lengths[leg[1]] + lengths[leg[2]] for leg in _LEGS]))


def with_lengths(positions: Array, lengths: Array) -> Array:
    """Poses `[..., 20, 3]` with exactly these bone lengths `[20]` and nearly the same look.

    Hips, trunk, head and arms keep their bones' directions. Toes keep their place where the leg reaches, and the foot
    its direction; the knee goes where two bones of these lengths meet, on the side where it was.
    """
    out = np.array(positions, float)
    for joint in _OTHERS:
        bone = normalize(positions[..., joint, :] - positions[..., PARENTS[joint], :])
        out[..., joint, :] = out[..., PARENTS[joint], :] + lengths[joint] * bone
    for hip, knee, ankle, toes in _LEGS:
        foot = normalize(positions[..., toes, :] - positions[..., ankle, :])
        wanted = positions[..., toes, :] - lengths[toes] * foot
        side = positions[..., knee, :] - positions[..., hip, :]
        out[..., knee, :], out[..., ankle, :] = two_bone(
            out[..., hip, :], wanted, side, lengths[knee], lengths[ankle] * 0.9999)
        # a whisker less than straight keeps the knee's side defined; the shin is then set to its exact length
        shin = normalize(out[..., ankle, :] - out[..., knee, :])
        out[..., ankle, :] = out[..., knee, :] + lengths[ankle] * shin
        out[..., toes, :] = out[..., ankle, :] + lengths[toes] * normalize(
            positions[..., toes, :] - out[..., ankle, :])
    return out


def to_one_body(clips: list[Array]) -> tuple[list[Array], Array]:
    """Clips `[F, 20, 3]` of several people brought to one body, and its bone lengths `[20]`.

    Each is scaled by its leg length to that of the body (the medians over all clips, weighted by frames), which keeps
    what stands on the floor standing, and gets the body's bone lengths.
    """
    own = [np.median(bone_lengths(clip), axis=0) for clip in clips]
    legs = np.array([sum(lengths[j] for leg in _LEGS for j in leg[1:3]) / 2 for lengths in own])
    frames = np.array([len(clip) for clip in clips])
    leg = float(np.repeat(legs, frames).mean())
    scaled = np.stack([lengths * leg / length for lengths, length in zip(own, legs, strict=True)])
    body = np.array([_weighted_median(column, frames) for column in scaled.T])
    body = 0.5 * (body + body[MIRROR])
    return [with_lengths(clip * (leg / length), body) for clip, length in zip(clips, legs, strict=True)], body


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])
