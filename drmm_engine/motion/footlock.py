# SPDX-License-Identifier: Apache-2.0
"""Feet that hold: standing feet are kept where they stand, and the legs, the hips and the keys of a rig follow.

The toe joint of a standing foot gets one place for the whole stance. The difference runs out over a few frames before
and after it. Hips sink a little where a leg would otherwise be stretched; bones keep their lengths.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.limb import two_bone
from drmm_engine.body.rotations import Array
from drmm_engine.motion.bones import bone_lengths
from drmm_engine.motion.contacts import runs
from drmm_engine.motion.frames import FEET, LEGS, MIDDLES, TOES
from drmm_engine.motion.skeleton import JOINTS
from drmm_engine.motion.smooth import above, averaged

LEG = 0.8
"""Metres from hip joint to ankle of an adult, whom the lengths below are for; other bodies have them in proportion."""
BLEND = 4
"""Frames over which a foot goes into and out of its place."""
LOW = 0.022
"""Metres above where it stands at which a toe joint may move over the floor: the clearance of a swing."""
FAR = 0.04
"""Metres from where it stands within which a low foot still belongs to a stance: it is landing or leaving."""
STRETCH = 0.995
"""Share of its length that a leg is stretched to at most, where it was not more before."""
HEEL = 0.04
"""Metres that a heel rises, for an adult, before the hips sink: what people do at the end of a step."""
TIPTOE = 0.95
"""Share of the foot's length that it adds to the leg at most, on tiptoe."""
SINK = 0.03
"""Metres that hips sink for a stance at most; beyond, the foot lets go."""
SMOOTH = 4
"""Frames over which the hips sink and rise."""
STRAIGHT = 0.06
"""Metres from the line of a leg at which a knee begins to tell for sure where it bends to."""
MOVED = 0.005
"""Metres by which a leg is changed from where on its knee bends to a new side."""
BENT = 0.01
"""Share of its length by which a bent leg is shorter: below, it counts as straight."""

_KNEES = MIDDLES[2:]
_BODY = [j for j in range(len(JOINTS)) if j not in (*_KNEES, *FEET, *TOES)]


def locked(
    positions: Array, contacts: NDArray[np.bool_], rest: Array, strength: float = 1.0, blend: int = BLEND,
    frame_rate: float = 30.0,
) -> Array:
    """A motion `[F, 20, 3]` (metres, Z up, floor at 0) whose feet hold while they stand, as contacts `[F, 2]` say.

    rest `[20, 3]` tells how high standing feet are; strength from 0 (as it was) to 1; blend: frames before and after
    a stance. Bones keep the lengths that they have in each frame. ValueError where the shapes disagree.
    """
    positions, contacts = np.asarray(positions, float), np.asarray(contacts, bool)
    if positions.shape[1:] != (len(JOINTS), 3) or contacts.shape != (len(positions), 2):
        raise ValueError(f"positions must be [F, {len(JOINTS)}, 3] and contacts [F, 2], "
                         f"got {positions.shape} and {contacts.shape}")
    if not 0 <= strength <= 1 or blend < 0:
        raise ValueError(f"strength must lie in [0, 1] and blend not below 0, got {strength!r} and {blend!r}")
    if not len(positions):
        return positions.copy()
    toes = planted(positions, contacts, rest, blend, frame_rate)
    return with_toes(positions, positions[:, TOES] + strength * (toes - positions[:, TOES]), rest)


def planted(
    positions: Array, contacts: NDArray[np.bool_], rest: Array, blend: int = BLEND, frame_rate: float = 30.0
) -> Array:
    """Places of the toe joints `[F, 2, 3]` that hold while they stand, and clear the floor where they swing.

    A stance ends early, or begins late, where holding it would pull the hips down further than `SINK`.
    """
    size = _size(rest)
    out = _held(positions[:, TOES], contacts, rest[TOES, 2], blend, frame_rate, size)
    pulled = _sink(positions, out, rest, positions[:, LEGS]) > SINK * size
    if (pulled & contacts).any():
        out = _held(positions[:, TOES], contacts & ~pulled, rest[TOES, 2], blend, frame_rate, size)
    return out


def _held(
    toes: Array, contacts: NDArray[np.bool_], standing: Array, blend: int, frame_rate: float, size: float
) -> Array:
    out = np.array(toes, float)
    for foot in (0, 1):
        stances = _stances(toes[:, foot], contacts[:, foot], standing[foot], size)
        out[:, foot] += _correction(toes[:, foot], stances, standing[foot], blend)
        out[:, foot, 2] += _lift(out[:, foot, 2] - standing[foot], stances, LOW * size)
    return out


def _lift(height: Array, stances: list, low: float) -> Array:
    """How far a toe joint [F] is raised: out of the floor, and over it as high as `low` where it swings, smoothly."""
    least = np.full(len(height), low)
    for start, stop in stances:
        least[start:stop] = 0.0
    # A foot begins to rise two frames before it swings: so it is clear of the floor when it moves over it.
    return np.maximum(above(np.maximum(least - height, 0.0), 1), -height)


def with_toes(positions: Array, toes: Array, rest: Array) -> Array:
    """The motion `[F, 20, 3]` with its toe joints at `toes` `[F, 2, 3]`: feet keep their direction."""
    lengths = bone_lengths(positions)
    out = positions.copy()
    rise = _ride(positions, _ankles(positions, toes, rest, lengths), lengths)
    out[:, _BODY, 2] += averaged(np.clip(rise, -SINK * _size(rest), SINK * _size(rest)), 2)[:, None]
    out[:, _BODY, 2] -= above(_sink(positions, toes, rest, out[:, LEGS]).max(axis=1), SMOOTH)[:, None]
    ankles = _heels_up(out[:, LEGS], _ankles(positions, toes, rest, lengths), toes, lengths[:, TOES],
                       _longest(positions, lengths))
    upper, lower = lengths[:, _KNEES], lengths[:, FEET]
    moved = np.linalg.norm(out[:, LEGS] - ankles - positions[:, LEGS] + positions[:, FEET], axis=-1)
    sides = _sides(positions, moved, _size(rest))
    out[:, _KNEES], out[:, FEET] = two_bone(out[:, LEGS], ankles, sides, upper, lower)
    out[:, TOES] = out[:, FEET] + toes - ankles
    return out


def _stances(toes: Array, contacts: NDArray[np.bool_], standing: float, size: float) -> list[tuple[int, int]]:
    """Frames (first, end) in which a foot holds: low, and near where it stands in a contact that they overlap."""
    spans: list[tuple[int, int]] = []
    for first, end in runs(contacts):
        height = max(float(np.median(toes[first:end, 2])), standing) + LOW * size
        place = np.median(toes[first:end, :2], axis=0)
        near = (toes[:, 2] < height) & (np.linalg.norm(toes[:, :2] - place, axis=-1) < FAR * size)
        near[: spans[-1][1] if spans else 0] = False
        spans += [run for run in runs(near) if run[0] < end and first < run[1]]
    return spans


def _correction(toes: Array, stances: list[tuple[int, int]], standing: float, blend: int) -> Array:
    """What is added to the places of a toe joint [F, 3]: all of the difference in a stance, less and less around it.

    The height is left as it is in the frames in which the foot comes down and leaves.
    """
    out = np.zeros_like(toes)
    total = np.zeros(len(toes))
    for number, (start, stop) in enumerate(stances):
        edge = min(2, (stop - start - 1) // 2)
        first, end = start + edge, stop - edge
        anchor = np.median(toes[first:end, :2], axis=0)
        least = stances[number - 1][1] if number else 0
        most = stances[number + 1][0] if number + 1 < len(stances) else len(toes)
        reach = np.arange(max(least, start - blend), min(most, stop + blend))
        share = _share(reach, start, stop, blend)
        out[reach, :2] += share[:, None] * (anchor - toes[np.clip(reach, start, stop - 1), :2])
        out[reach, 2] += _share(reach, first, end, blend) * (standing - toes[np.clip(reach, first, end - 1), 2])
        total[reach] += share
    return out / np.maximum(total, 1.0)[:, None]


def _share(frames: NDArray[np.int64], start: int, stop: int, blend: int) -> Array:
    """1 from start to stop, falling smoothly to 0 in `blend` frames on either side."""
    away = np.maximum(np.maximum(start - frames, frames - stop + 1), 0) / (blend + 1)
    return np.where(away < 1, 1 - away**2 * (3 - 2 * away), 0.0)


def _ankles(positions: Array, toes: Array, rest: Array, lengths: Array) -> Array:
    """Ankles [F, 2, 3] of feet that keep their direction, unless that takes them into the floor."""
    ankles = toes + positions[:, FEET] - positions[:, TOES]
    ankles[..., 2] = np.maximum(ankles[..., 2], np.minimum(positions[:, FEET, 2], rest[FEET, 2]))
    return toes + _resized(ankles - toes, lengths[:, TOES])


def _ride(positions: Array, ankles: Array, lengths: Array) -> Array:
    """How far hips go up or down [F], metres, with the legs as long as they were: the straighter leg counts more.

    Of a leg that is nearly straight a millimetre is many degrees of the knee.
    """
    lines = positions[:, LEGS] - ankles
    long = np.linalg.norm(positions[:, LEGS] - positions[:, FEET], axis=-1)
    rise = np.sqrt(np.maximum(long**2 - np.sum(lines[..., :2] ** 2, axis=-1), 0.0)) - lines[..., 2]
    weight = 1.0 / ((lengths[:, _KNEES] + lengths[:, FEET]) / np.maximum(long, 1e-9) - 1.0 + BENT)
    return np.sum(weight * rise, axis=1) / weight.sum(axis=1)


def _sink(positions: Array, toes: Array, rest: Array, hips: Array) -> Array:
    """How far each leg [F, 2] pulls its hip joint of `hips` [F, 2, 3] down, metres: its heel rises first."""
    lengths = bone_lengths(positions)
    longest = _longest(positions, lengths)
    flat = _need(hips - _ankles(positions, toes, rest, lengths), longest + HEEL * _size(rest))
    tiptoe = _need(hips - toes, longest + TIPTOE * lengths[:, TOES])
    return np.maximum(flat, tiptoe)


def _size(rest: Array) -> float:
    return float(np.linalg.norm(rest[LEGS] - rest[FEET], axis=-1).mean() / LEG)


def _longest(positions: Array, lengths: Array) -> Array:
    """Longest distances [F, 2] from hip joint to ankle: a whisker less than straight, or what it was before."""
    straight = lengths[:, _KNEES] + lengths[:, FEET]
    before = np.linalg.norm(positions[:, LEGS] - positions[:, FEET], axis=-1)
    return np.maximum(STRETCH * straight, np.minimum(before, 0.9999 * straight))


def _need(lines: Array, longest: Array) -> Array:
    """How far hip joints must sink [F, 2], metres, for the lines [F, 2, 3] to them to be no longer than `longest`."""
    across = np.sum(lines[..., :2] ** 2, axis=-1)
    return np.maximum(lines[..., 2] - np.sqrt(np.maximum(longest**2 - across, 0.0)), 0.0)


def _heels_up(hips: Array, ankles: Array, toes: Array, feet: Array, longest: Array) -> Array:
    """Ankles [F, 2, 3] turned about the toes towards the hip joints where a leg would be longer than `longest`."""
    far = np.linalg.norm(ankles - hips, axis=-1) > longest
    raised, _ = two_bone(toes, hips, ankles - toes, feet, longest)
    return np.where(far[..., None], raised, ankles)


def _resized(vectors: Array, lengths: Array) -> Array:
    """Vectors [..., 3] of these lengths [...] that keep their height, or as much of it as the length allows."""
    height = np.clip(vectors[..., 2], -lengths, lengths)
    flat = vectors[..., :2]
    span = np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-9)
    flat = flat / span * np.sqrt(np.maximum(lengths**2 - height**2, 0.0))[..., None]
    return np.concatenate([flat, height[..., None]], axis=-1)


def _sides(positions: Array, moved: Array, size: float) -> Array:
    """Where knees [F, 2, 3] bend to: as they did; those of legs that are nearly straight and moved [F, 2], forwards."""
    sides = positions[:, _KNEES] - 0.5 * (positions[:, LEGS] + positions[:, FEET])
    vague = averaged(sides, SMOOTH) + 0.02 * size * _forward(positions)[:, None]
    clear = np.clip(np.linalg.norm(sides, axis=-1) / (size * STRAIGHT) - 0.5, 0.0, 1.0)
    clear = np.maximum(clear**2 * (3.0 - 2.0 * clear), 1.0 - np.minimum(moved / (size * MOVED), 1.0))
    return vague + clear[..., None] * (sides - vague)


def _forward(positions: Array) -> Array:
    """Horizontal direction [F, 3] that the hips face: across the legs."""
    across = positions[:, LEGS[0]] - positions[:, LEGS[1]]
    forward = np.stack([across[:, 1], -across[:, 0], np.zeros(len(across))], axis=-1)
    return forward / np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9)
