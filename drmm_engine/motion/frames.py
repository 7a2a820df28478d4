# SPDX-License-Identifier: Apache-2.0
"""How the parts of a body are turned, from the positions of its joints alone.

A *turn* is the rotation that takes a body part from the rest pose to the pose, in world axes. The direction
of a bone is known exactly; the rotation about it comes from what the neighbours show: the hinge axis of a knee
or elbow, the line through hips or shoulders, the sole of a foot.
"""

from __future__ import annotations

import numpy as np

from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array
from drmm_engine.motion.skeleton import JOINTS, facing, index

UP = np.array([0.0, 0.0, 1.0])
STRAIGHT = np.sin(np.radians(20.0))
"""Sine of the bend below which a limb's hinge axis is blended towards its reference."""
RIGID = 0.01
"""Relative change of distance up to which the points of a body part count as rigid."""
LEVEL_HEIGHT = 0.15
"""Height of an ankle above its standing height at which the sole is no longer held level, metres."""
TOE_HEIGHT = 0.08
"""Height of a toe joint above its standing height at which the toes are no longer held flat, metres."""
MOST_TOE_BEND = np.radians(60.0)


HIPS, CHEST, NECK, HEAD = (index(name) for name in ("Hips", "Chest", "Neck", "Head"))

def _pair(part: str) -> list[int]:
    return [index(f"Left{part}"), index(f"Right{part}")]


SHOULDERS = _pair("Shoulder")
HANDS = _pair("Hand")
FEET = _pair("Foot")
TOES = _pair("Toes")
ARMS, LEGS = _pair("UpperArm"), _pair("UpperLeg")
TOPS, MIDDLES = ARMS + LEGS, _pair("LowerArm") + _pair("LowerLeg")
ENDS = HANDS + FEET
TRUNK = [CHEST, CHEST, HIPS, HIPS]
_KNEES = np.array([0.0, 0.0, 1.0, 1.0])[:, None]


def turns(positions: Array, rest: Array) -> Array:
    """World turns `[F, 20, 4]` of all parts from `rest` `[20, 3]` to `positions` `[F, 20, 3]`, metres, Z up.

    Each part is named by the joint at its root. Hands go with the lower arm and the head with the neck, since nothing
    beyond them shows more; toes go with the foot, but stay flat while they stand.
    """
    out = np.empty((*positions.shape[:-1], 4))
    out[:, HIPS] = _hips(positions, rest)
    out[:, CHEST] = _chest(positions, rest)
    nape, rest_nape = (p[..., HEAD, :] - p[..., NECK, :] for p in (positions, rest))
    out[:, NECK] = out[:, HEAD] = carried(out[:, CHEST], rest_nape, nape)
    clavicles = positions[:, ARMS] - positions[:, SHOULDERS]
    out[:, SHOULDERS] = carried(out[:, CHEST, None], rest[ARMS] - rest[SHOULDERS], clavicles)
    out[:, TOPS], out[:, MIDDLES] = _limbs(positions, rest, out[:, TRUNK])
    out[:, HANDS] = out[:, MIDDLES[:2]]
    out[:, FEET] = _feet(positions, rest, out[:, MIDDLES[2:]])
    out[:, TOES] = _toes(positions, rest, out[:, FEET])
    return out


def alignment(rest: Array, other: Array) -> Array:
    """Turns `[20, 4]` that take the parts of the rest pose `other` to those of the rest pose `rest`.

    Limbs are laid along one another, so that a T-pose and an A-pose agree. The trunk is only turned to the same
    heading, and feet only to the same yaw: both rests stand upright on flat feet, however the joints lie inside.
    """
    out = np.empty((len(JOINTS), 4))
    out[:] = rot.multiply(_heading(rest), rot.inverse(_heading(other)))
    limbs, others = _rest_limbs(rest), _rest_limbs(other)
    for place, frame, other_frame in zip((TOPS, MIDDLES), limbs, others, strict=True):
        out[place] = rot.multiply(frame, rot.inverse(other_frame))
    out[HANDS] = out[MIDDLES[:2]]
    out[FEET] = out[TOES] = rot.multiply(_soles(rest), rot.inverse(_soles(other)))
    return out


def carried(parent: Array, rest_direction: Array, direction: Array) -> Array:
    """The parent's turn followed by the shortest arc onto `direction`: a bone that swings without twist."""
    return rot.multiply(rot.between(rot.rotate(parent, rest_direction), direction), parent)


def _hips(positions: Array, rest: Array) -> Array:
    """Turns [F, 4] of the hips: the line through the hip joints, and up to the hips joint or else the chest."""
    triangle = [HIPS, *LEGS]
    if _rigid(positions[:, triangle], rest[triangle]):
        return _turn(_axes(positions, triangle), _axes(rest, triangle))
    return _turn(_axes(positions, [CHEST, *LEGS]), _axes(rest, [CHEST, *LEGS]))


def _chest(positions: Array, rest: Array) -> Array:
    """Turns [F, 4] of the chest: the line through the shoulders or else the upper arms, and up to the neck."""
    triangle = [NECK, *SHOULDERS]
    if _rigid(positions[:, triangle], rest[triangle]):
        return _turn(_axes(positions, triangle), _axes(rest, triangle))
    across, rest_across = (p[..., ARMS[0], :] - p[..., ARMS[1], :] for p in (positions, rest))
    up, rest_up = (2.0 * p[..., NECK, :] - p[..., CHEST, :] - p[..., HIPS, :] for p in (positions, rest))
    return _turn((across, up), (rest_across, rest_up))


def _axes(positions: Array, triangle: list[int]) -> tuple[Array, Array]:
    """From right to left, and from there to the top, of a triangle (top, left, right)."""
    top, left, right = (positions[..., corner, :] for corner in triangle)
    return left - right, top - 0.5 * (left + right)


def _rigid(points: Array, rest: Array) -> bool:
    """Whether three points `[F, 3, 3]` keep the shape of a good triangle `[3, 3]` in all frames.

    In motion capture and in solved poses they do, and tell the turn exactly. Positions drawn from a
    model do not quite: then longer levers are steadier.
    """
    sides, rest_sides = (np.linalg.norm(p - np.roll(p, 1, axis=-2), axis=-1) for p in (points, rest))
    height = np.linalg.norm(points[..., 0, :] - points[..., 1:, :].mean(axis=-2), axis=-1)
    good = rest_sides.min() > 0.02 and height.min() > 0.1 * rest_sides.max()
    return bool(good and np.all(np.abs(sides - rest_sides) < RIGID * rest_sides))


def _turn(axes: tuple[Array, Array], rest_axes: tuple[Array, Array]) -> Array:
    return rot.multiply(rot.from_basis(*axes), rot.inverse(rot.from_basis(*rest_axes)))


def hinges(positions: Array, rest: Array, trunk: Array) -> Array:
    """Hinge axes `[F, 4, 3]` of left and right elbow and knee, at right angles to the upper limb.

    upper × lower, so a bend is a positive turn about the axis; `trunk` `[F, 4, 4]` are the turns of what the
    limbs hang from, whose swing without twist is the reference for limbs that are nearly straight.
    """
    upper, lower = _directions(positions)
    reference = rot.rotate(carried(trunk, _directions(rest)[0], upper), _rest_hinges(rest))
    return _hinges(upper, lower, reference)


def _limbs(positions: Array, rest: Array, trunk: Array) -> tuple[Array, Array]:
    """Turns of the upper and the lower limbs [F, 4, 4]."""
    limbs = _frames(*_directions(positions), hinges(positions, rest, trunk))
    upper, lower = (rot.multiply(a, rot.inverse(b)) for a, b in zip(limbs, _rest_limbs(rest), strict=True))
    return upper, lower


def _directions(positions: Array) -> tuple[Array, Array]:
    """Unit directions [..., 4, 3] of the upper and the lower limbs."""
    middles = positions[..., MIDDLES, :]
    return rot.normalize(middles - positions[..., TOPS, :]), rot.normalize(positions[..., ENDS, :] - middles)


def _hinges(upper: Array, lower: Array, reference: Array) -> Array:
    """Unit hinge axes [..., 4, 3] at right angles to the upper limbs: upper × lower, positive when bent.

    The length of that product is the sine of the bend, so it says nothing of a straight limb: there the
    reference axis takes over, without a step. A limb that seems to bend the other way, more than a right angle off
    its reference, is one stretched a little too far: always for a knee, for an elbow while it is nearly straight.
    """
    reference = rot.normalize(reference - upper * np.sum(reference * upper, axis=-1, keepdims=True))
    normal = rot.cross(upper, lower)
    straight = np.clip(1.0 - np.linalg.norm(normal, axis=-1, keepdims=True) / STRAIGHT, 0.0, 1.0)
    overstretched = np.maximum(_KNEES, np.minimum(2.0 * straight, 1.0))
    along = np.sum(normal * reference, axis=-1, keepdims=True)
    normal = normal + 2.0 * overstretched * np.maximum(-along, 0.0) * reference
    return rot.normalize(normal + STRAIGHT * straight**2 * reference)


def _rest_hinges(rest: Array) -> Array:
    """Hinge axes [4, 3] at rest: elbows bend forwards, knees backwards."""
    upper, lower = _directions(rest)
    forward = facing(rest)
    bends = np.stack([forward, forward, -forward, -forward])
    return _hinges(upper, lower, rot.cross(upper, bends))


def _rest_limbs(rest: Array) -> tuple[Array, Array]:
    return _frames(*_directions(rest), _rest_hinges(rest))


def _frames(upper: Array, lower: Array, axes: Array) -> tuple[Array, Array]:
    """Frames [..., 4, 4] of upper and lower limbs: X along the bone, Y the hinge axis."""
    return rot.from_basis(upper, axes), rot.from_basis(lower, rot.rotate(rot.between(upper, lower), axes))


def _feet(positions: Array, rest: Array, shins: Array) -> Array:
    """Turns of the feet [F, 2, 4]: along ankle to toes; across with the shin, and level where near the floor."""
    direction, rest_direction = (rot.normalize(p[..., TOES, :] - p[..., FEET, :]) for p in (positions, rest))
    rest_across = rot.cross(UP, rest_direction)
    swung = rot.rotate(carried(shins, rest_direction, direction), rest_across)
    raised = positions[:, FEET, 2:] - rest[FEET, 2:]
    level = np.clip(1.0 - raised / LEVEL_HEIGHT, 0.0, 1.0)
    across = (1.0 - level) * swung + level * rot.cross(UP, direction)
    return _turn((direction, across), (rest_direction, rest_across))


def _toes(positions: Array, rest: Array, feet: Array) -> Array:
    """Turns of the toes [F, 2, 4]: as the feet, but bent back to the floor under a raised heel while they stand."""
    across = rot.rotate(feet, rot.normalize(rot.cross(UP, rest[TOES] - rest[FEET])))
    sole = rot.rotate(feet, UP)
    pitch = np.arctan2(np.sum(rot.cross(UP, sole) * across, axis=-1), sole[..., 2])
    raised = positions[:, TOES, 2] - rest[TOES, 2]
    bend = np.clip(1.0 - raised / TOE_HEIGHT, 0.0, 1.0) * np.clip(pitch, 0.0, MOST_TOE_BEND)
    return rot.multiply(rot.from_axis_angle(across, -bend), feet)


def _heading(rest: Array) -> Array:
    forward = facing(rest)
    return rot.from_basis(forward, rot.cross(UP, forward))


def _soles(rest: Array) -> Array:
    """Frames [2, 4] of feet that stand flat: X along the foot on the floor, Z up."""
    forward = (rest[TOES] - rest[FEET]) * (1.0, 1.0, 0.0)
    return rot.from_basis(forward, rot.cross(UP, forward))
