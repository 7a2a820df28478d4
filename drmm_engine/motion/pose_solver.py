# SPDX-License-Identifier: Apache-2.0
"""Makes drawn poses whole: bones of the right length, goals met exactly where they can be reached."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from drmm_engine.body import rotations as rot
from drmm_engine.body.limb import two_bone
from drmm_engine.body.rotations import Array
from drmm_engine.motion import frames
from drmm_engine.motion.frames import ARMS, CHEST, ENDS, FEET, HEAD, HIPS, LEGS, MIDDLES, NECK, SHOULDERS, TOES, TOPS
from drmm_engine.motion.skeleton import facing

CHEST_GROUP = [NECK, HEAD, *SHOULDERS, *ARMS]
ROUNDS = 12
"""Rounds in which trunk and hips give way to goals that the limbs cannot reach yet."""
ENOUGH = 1e-4
"""Movement in a round below which no more rounds are needed, metres."""
MOST_LEAN = np.radians(15.0)
"""Most that the trunk leans towards a hand's goal in one round."""
MOST_STEP = 0.04
"""Most that the hips move towards a hand's goal in one round, metres: reaching begins with a lean."""

BACKWARD = 0.01
"""Offset of the chest, metres, towards which a straight back bends."""


def solve(draws: Array, goals: Mapping[int, Array], rest: Array) -> Array:
    """Poses `[n, 20, 3]` with the bone lengths of `rest` `[20, 3]`, nearest to `draws` `[n, 20, 3]` in what they show.

    goals: place of a canonical joint -> `[3]` or `[n, 3]`, metres; Hips, Head, hands and feet. Elbows and knees bend
    to the side they do in the draw. The hips stay at their goal; without one they move where limbs cannot reach
    theirs. The trunk leans towards the goals of hands, and its bones turn for a goal of the head. What is still out
    of reach is left.
    """
    goals = {joint: np.broadcast_to(goal, (len(draws), 3)) for joint, goal in goals.items()}
    turned = frames.turns(draws, rest)
    body = _trunk(draws, rest, turned)
    body += (goals.get(HIPS, body[:, HIPS]) - body[:, HIPS])[:, None]
    for _ in range(ROUNDS if goals else 0):
        before = body.copy()
        _give_way(body, goals, rest)
        if np.abs(body - before).max() < ENOUGH:
            break
    if HEAD in goals:
        _reach_with_head(body, goals[HEAD])
    _limbs(body, draws, goals, rest, frames.hinges(draws, rest, turned[:, frames.TRUNK]))
    return body


def lengths(rest: Array, joints: list[int], parents: list[int]) -> Array:
    """Bone lengths `[len(joints)]`."""
    return np.linalg.norm(rest[joints] - rest[parents], axis=-1)


def _trunk(draws: Array, rest: Array, turned: Array) -> Array:
    """Bodies [n, 20, 3] with the trunk of the draws: pelvis and chest rigid, other bones in their directions."""
    body = draws.copy()
    body[:, LEGS] = body[:, [HIPS]] + rot.rotate(turned[:, [HIPS]], rest[LEGS] - rest[HIPS])
    _along(body, draws, rest, [CHEST], [HIPS])
    rigid = [NECK, *SHOULDERS]
    body[:, rigid] = body[:, [CHEST]] + rot.rotate(turned[:, [CHEST]], rest[rigid] - rest[CHEST])
    _along(body, draws, rest, [HEAD, *ARMS], [NECK, *SHOULDERS])
    return body


def _along(body: Array, draws: Array, rest: Array, joints: list[int], parents: list[int]) -> None:
    """Puts joints at the ends of their bones, in the directions of the draws."""
    direction = rot.normalize(draws[:, joints] - draws[:, parents])
    body[:, joints] = body[:, parents] + lengths(rest, joints, parents)[:, None] * direction


def _give_way(body: Array, goals: Mapping[int, Array], rest: Array) -> None:
    """One round: the spine turns the head to its goal, the trunk leans for the arms, free hips follow."""
    if HEAD in goals:
        _reach_with_head(body, goals[HEAD])
    for top, end in zip(ARMS, ENDS[:2], strict=True):
        if end in goals:
            lever = body[:, top] - body[:, HIPS]
            lean = rot.to_rotation_vector(rot.between(lever, lever + _beyond(body, goals, rest, top)))
            _swing(body, rot.from_rotation_vector(_at_most(lean, MOST_LEAN)), HIPS, [CHEST, *CHEST_GROUP])
    if HIPS not in goals:
        # One after the other, the feet last: where not all goals can be met, the feet stand.
        if HEAD in goals:
            body += (goals[HEAD] - body[:, HEAD])[:, None]
        for top, end in zip(TOPS, ENDS, strict=True):
            if end in goals:
                step = _beyond(body, goals, rest, top)
                body += (_at_most(step, MOST_STEP) if top in ARMS else step)[:, None]


def _at_most(vectors: Array, length: float) -> Array:
    """Vectors [n, 3], shortened to this length where they are longer."""
    return vectors * np.minimum(1.0, length / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def _beyond(body: Array, goals: Mapping[int, Array], rest: Array, top: int) -> Array:
    """How far [n, 3] the goal of a limb lies beyond its reach."""
    middle, end = MIDDLES[TOPS.index(top)], ENDS[TOPS.index(top)]
    line = goals[end] - body[:, top]
    distance = np.linalg.norm(line, axis=-1, keepdims=True)
    longest = lengths(rest, [middle, end], [top, middle]).sum()
    return line * np.maximum(0.0, 1.0 - longest / np.maximum(distance, 1e-9))


def _reach_with_head(body: Array, goal: Array) -> None:
    """Bends the trunk at hips and chest, as a limb of two bones, until the head is at its goal.

    The neck straightens where the goal is too far for that.
    """
    chest, neck, head = (body[:, joint] for joint in (CHEST, NECK, HEAD))
    longest = np.linalg.norm(chest - body[:, HIPS], axis=-1) + np.linalg.norm(head - chest, axis=-1)
    far = (np.linalg.norm(goal - body[:, HIPS], axis=-1) > longest)[:, None]
    _swing(body, np.where(far, rot.between(head - neck, neck - chest), rot.IDENTITY), NECK, [HEAD])
    hips, head = body[:, HIPS], body[:, HEAD]
    below, above = (np.linalg.norm(bone, axis=-1) for bone in (chest - hips, head - chest))
    line = rot.normalize(goal - hips)
    side = (chest - hips) - line * np.sum((chest - hips) * line, axis=-1, keepdims=True) - BACKWARD * facing(body)
    bend, end = two_bone(hips, goal, side, below, above)
    _swing(body, rot.between(chest - hips, bend - hips), HIPS, [CHEST, *CHEST_GROUP])
    _swing(body, rot.between(body[:, HEAD] - bend, end - bend), CHEST, CHEST_GROUP)


def _swing(body: Array, turn: Array, pivot: int, joints: list[int]) -> None:
    centre = body[:, [pivot]]
    body[:, joints] = centre + rot.rotate(turn[:, None], body[:, joints] - centre)


def _limbs(body: Array, draws: Array, goals: Mapping[int, Array], rest: Array, hinges: Array) -> None:
    """Arms and legs from the trunk to their goals, or to where the draws have their ends; then the feet."""
    shift = body[:, TOPS] - draws[:, TOPS]
    shift[:, 2:] = (body[:, [HIPS]] - draws[:, [HIPS]]) * (1.0, 1.0, 0.0)
    targets = draws[:, ENDS] + shift
    for place, end in enumerate(ENDS):
        targets[:, place] = goals.get(end, targets[:, place])
    old_line, line = draws[:, ENDS] - draws[:, TOPS], targets - body[:, TOPS]
    sides = rot.cross(line, rot.rotate(rot.between(old_line, line), hinges))
    upper, lower = lengths(rest, MIDDLES, TOPS), lengths(rest, ENDS, MIDDLES)
    body[:, MIDDLES], body[:, ENDS] = two_bone(body[:, TOPS], targets, sides, upper, lower)
    _along(body, draws, rest, TOES, FEET)
    _off_the_floor(body, rest)


def _off_the_floor(body: Array, rest: Array) -> None:
    """Feet that point into the floor are tilted up until the toes stand on it."""
    foot = body[:, TOES] - body[:, FEET]
    size = lengths(rest, TOES, FEET)
    drop = np.maximum(foot[..., 2], np.minimum(rest[TOES, 2] - body[:, FEET, 2], 0.9 * size))
    flat = rot.normalize(foot * (1.0, 1.0, 0.0)) * np.sqrt(size**2 - drop**2)[..., None]
    body[:, TOES] = body[:, FEET] + np.concatenate([flat[..., :2], drop[..., None]], axis=-1)
