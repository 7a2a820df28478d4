# SPDX-License-Identifier: Apache-2.0
"""Joints as a short tree of links, for fast kinematics of many poses and their derivatives.

A link is a driven bone, or one that does not turn with its parent; every other bone is fixed to one. Arrays have the
poses last, [.., n]: their arithmetic then runs along memory. Link 0 is the armature itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.armature import Armature, above, parent_frame
from drmm_engine.body.rotations import Array

if TYPE_CHECKING:
    from drmm_engine.body.joints import Joints

TINY = 1e-12  # keeps a swing by nothing from dividing by nothing; what it changes is below rounding
UNEVEN = 1e-5  # relative difference of scales up to which they count as one

Indices = NDArray[np.int64]
Lever = tuple[int, NDArray[np.bool_]]


@dataclass(frozen=True)
class Frames:
    """Links in n poses: linear [3, 3, L, n], heads [3, L, n]; axes [3, J, 3, n] of joints' angles, on their links."""

    linear: Array
    heads: Array
    axes: Array


@dataclass(frozen=True)
class Links:
    """L links, by depth, as `link_joints` makes them.

    fixed [3, 3, L]: a link's axes on the link that turns it. doubling: for each pass, from which link on it works,
    and the links [L - first] that carry those so far. up [L]: the link that carries a link's place; offset [3, L]:
    the place on it; above [L, L]: 1 where its place counts in another's. scale [L]: of axes.
    driven [J]: links of the joints. moved [3, 3, moving]: what a bone's location is multiplied with.
    turned, shifted [L, P]: parameters that turn a link, or move it as a whole. stands: the nearest link, from each up,
    that does not turn with what carries it.
    bone_link [B], bone_fixed [B, 4, 4]: every bone relative to its link. size: of the whole, armature units.
    """

    joints: Joints
    fixed: Array
    doubling: list[tuple[int, Indices]]
    up: Indices
    offset: Array
    above: Array
    scale: Array
    driven: Indices
    moved: Array
    turned: NDArray[np.bool_]
    shifted: NDArray[np.bool_]
    stands: dict[int, int]
    bone_link: Indices
    bone_fixed: Array
    size: float

    def frames(self, theta: Array) -> Frames:
        """Links in poses theta [n, P], of its float type.

        Axes by doubling: after pass s each is relative to the link 2^s levels up. Heads are sums of offsets.
        """
        count, n = len(self.driven), len(theta)
        own, axes = _turns(self.joints, theta[:, : 3 * count].T.reshape(count, 3, n))
        linear = np.empty((*self.fixed.shape, n), theta.dtype)
        linear[...] = self.fixed[..., None]
        linear[:, :, self.driven] = _product(linear.take(self.driven, 2), own)
        for first, carriers in self.doubling:
            linear[:, :, first:] = _product(linear.take(carriers, 2), linear[:, :, first:])
        offset = np.empty((*self.offset.shape, n), theta.dtype)
        offset[...] = self.offset[..., None]
        moving = self.driven[self.joints.moving]
        if len(moving):
            places = theta[:, 3 * count :].T.reshape(len(moving), 3, n)
            offset[:, moving] += np.einsum("ijk,kjn->ikn", self.moved, places)
        steps = apply(linear.take(self.up, 2), offset)
        return Frames(linear, self.above.astype(theta.dtype) @ steps, axes)

    def matrices(self, theta: Array) -> Array:
        """Bones [n, B, 4, 4] in poses theta [n, P]: what Joints.matrices gives, in half the time."""
        frames = self.frames(theta)
        link = np.zeros((len(theta), len(self.up), 4, 4), theta.dtype)
        link[..., :3, :3] = frames.linear.transpose(3, 2, 0, 1)
        link[..., :3, 3], link[..., 3, 3] = frames.heads.transpose(2, 1, 0), 1.0
        return link[:, self.bone_link] @ self.bone_fixed.astype(theta.dtype)

    def screws(self, frames: Frames) -> Array:
        """What parameters do to the body: (w, m) [6, P, n]; a point x fixed to what they turn moves by w × x - m."""
        axes = frames.axes
        count, n = len(self.driven), axes.shape[-1]
        screws = np.zeros((6, self.joints.P, n), axes.dtype)
        linear = frames.linear[:, :, self.driven] / self.scale[self.driven, None].astype(axes.dtype)
        about = screws[:, : 3 * count].reshape(6, count, 3, n)  # a view
        about[:3] = apply(linear[..., None, :], axes)
        head = frames.heads[:, self.driven, None]
        for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            about[3 + i] = about[j] * head[k] - about[k] * head[j]
        if self.joints.moving:
            carrier = frames.linear[:, :, self.up[self.driven[self.joints.moving]]]
            along = np.einsum("ijkn,jlk->ikln", carrier, self.moved)
            screws[3:, 3 * count :] = -along.reshape(3, 3 * len(self.joints.moving), n)
        return screws

    def levers(self, link: int) -> list[Lever]:
        """Which parameters [P] move a point of a link, and by which point: 0 itself, else the head of that link.

        A point on a bone that does not turn with its parent goes where the bone's head goes as those above turn.
        """
        levers = [(0, self.turned[link] | self.shifted[link])]
        while link := self.stands.get(link, 0):
            levers.append((link, self.turned[self.up[link]]))
            link = int(self.up[link])
        return levers


def link_joints(joints: Joints) -> Links:
    """The links of joints; ValueError names a driven bone in whose way an uneven scale stands."""
    armature = joints.armature
    reference = joints.matrices(np.zeros(joints.P))
    turn, axes = _parents_part(armature, reference)
    up_bone, turn_bone, links = _tree(joints)
    place = {bone: number for number, bone in enumerate(links)}
    frame = np.tile(np.eye(4), (len(links), 1, 1))
    for bone, number in place.items():
        if bone >= 0:
            frame[number, :3, :3], frame[number, :3, 3] = turn[bone], reference[bone, :3, 3]
    up, turned = (np.array([0] + [place[anchor[bone]] for bone in links[1:]]) for anchor in (up_bone, turn_bone))
    local = np.linalg.solve(frame[up], frame)
    fixed = np.linalg.solve(frame[turned, :3, :3], frame[:, :3, :3])
    driven = np.array([place[bone] for bone in joints.bones], int)
    moving = driven[joints.moving]
    moved = np.linalg.solve(frame[up[moving], :3, :3], axes[joints.bones[joints.moving]])
    bone_link = np.array([place[bone if bone in place else up_bone[bone]] for bone in range(len(armature.names))])
    return Links(
        joints, fixed.transpose(1, 2, 0).copy(), _doubling(turned), up, local[:, :3, 3].T.copy(),
        _chain(up, np.eye(len(up))), _scales(joints, place, frame), driven, moved.transpose(1, 2, 0).copy(),
        *_masks(joints, driven, up, turned),
        _stands(up, turned), bone_link, np.linalg.solve(frame[bone_link], reference), _size(armature, reference),
    )


def _chain(up: Indices, own: NDArray[Any]) -> NDArray[Any]:
    """Of each link [L, ...]: its own and those of all that carry it."""
    for link in range(1, len(up)):
        own[link] += own[up[link]]
    own[0] = 0
    return own


def _masks(joints: Joints, driven: Indices, up: Indices, turn: Indices) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which parameters turn a link, and which move it as a whole, [L, P]."""
    turned, shifted = np.zeros((2, len(up), joints.P), bool)
    count = len(driven)
    turned[np.repeat(driven, 3), np.arange(3 * count)] = True
    shifted[np.repeat(driven[joints.moving], 3), np.arange(3 * count, joints.P)] = True
    return _chain(turn, turned), _chain(up, shifted)


def _stands(up: Indices, turn: Indices) -> dict[int, int]:
    """The nearest link, from each link up, that does not turn with what carries it."""
    stands: dict[int, int] = {}
    for link in range(1, len(up)):
        if turn[link] != up[link]:
            stands[link] = link
        elif up[link] in stands:
            stands[link] = stands[int(up[link])]
    return stands


def _doubling(turn: Indices) -> list[tuple[int, Indices]]:
    """Passes after which every link is relative to the armature, which is link 0."""
    passes, carrier = [], turn
    while carrier.any():
        first = int(np.flatnonzero(carrier)[0])
        passes.append((first, carrier[first:]))
        carrier = carrier[carrier]
    return passes


def _parents_part(armature: Armature, pose: Array) -> tuple[Array, Array]:
    """What bones have of their parents in a pose: axes before their own turn, and axes of location, [B, 3, 3]."""
    turn, axes = np.empty((2, len(armature.names), 3, 3))
    for bones in armature.levels:
        frame = parent_frame(armature, bones, above(armature, bones, pose))
        turn[bones], axes[bones] = frame.turn, frame.axes
    return turn, axes


def _tree(joints: Joints) -> tuple[dict[int, int], dict[int, int], list[int]]:
    """For each bone the links (bones, -1 for the armature) that carry its place and its axes; all links, by depth."""
    armature = joints.armature
    driven = set(joints.bones.tolist())
    anchor, up, turn, depth = {-1: -1}, {-1: -1}, {-1: -1}, {-1: 0}
    for bone, parent in enumerate(armature.parents.tolist()):
        up[bone] = anchor[parent]
        stands = anchor[parent] >= 0 and not armature.inherit_rotation[bone]
        turn[bone] = -1 if stands else up[bone]
        anchor[bone] = bone if bone in driven or stands else up[bone]
        if anchor[bone] == bone:
            depth[bone] = depth[up[bone]] + 1
    return up, turn, sorted(depth, key=lambda bone: (depth[bone], bone))


def _scales(joints: Joints, place: dict[int, int], frame: Array) -> Array:
    """The scale of the links' axes [L], negative where they are mirrored."""
    scale = np.cbrt(np.linalg.det(frame[:, :3, :3]))
    for bone in joints.bones:
        m = frame[place[bone], :3, :3] / (scale[place[bone]] or 1.0)
        if not np.abs(m.T @ m - np.eye(3)).max() < UNEVEN:
            raise ValueError(f"joint {joints.armature.names[bone]!r}: a bone above it is scaled unevenly or to nothing;"
                             " give it one scale in all axes")
    return scale


def _size(armature: Armature, pose: Array) -> float:
    heads, tails = pose[:, :3, 3], pose[:, :3, 3] + pose[:, :3, 1] * armature.lengths[:, None]
    return float(np.ptp(np.concatenate([heads, tails]), axis=0).max()) or 1.0


def apply(matrix: Array, vector: Array) -> Array:
    """Matrices [3, 3, ...] times vectors [3, ...]."""
    return matrix[:, 0] * vector[0] + matrix[:, 1] * vector[1] + matrix[:, 2] * vector[2]


def _product(a: Array, b: Array) -> Array:
    """Matrices [3, 3, ...] times matrices [3, 3, ...]."""
    return a[:, 0, None] * b[0] + a[:, 1, None] * b[1] + a[:, 2, None] * b[2]


def _turns(joints: Joints, angles: Array) -> tuple[Array, Array]:
    """Rotations [3, 3, J, n] of angles [J, 3, n], and the axes [3, J, 3, n] of their growth in the turned frame."""
    count, _, n = angles.shape
    kinds = joints.kinds
    if list(kinds) == ["swing"]:
        return _swings(angles, "swing")
    turn, axes = np.empty((3, 3, count, n), angles.dtype), np.zeros((3, count, 3, n), angles.dtype)
    for kind, places in kinds.items():
        make = _swings if kind == "swing" else _eulers
        turn[:, :, places], axes[:, places] = make(angles[places], kind)
    return turn, axes


def _swings(angles: Array, _: str) -> tuple[Array, Array]:
    """exp(v) exp(0, y, 0) with v = (x, 0, z): by Rodrigues' formula, and the axes by that of its derivative."""
    x, y, z = angles[:, 0], angles[:, 1], angles[:, 2]
    square = x * x + z * z + TINY
    angle = np.sqrt(square)
    a, half = np.sin(angle) / angle, np.sin(0.5 * angle) / angle
    b, d = 2.0 * half * half, (1.0 - a) / square
    c, s = np.cos(y), np.sin(y)
    first, last, cross = 1.0 - b * z * z, 1.0 - b * x * x, b * x * z
    turn = np.empty((3, 3, *x.shape), x.dtype)
    turn[0, 0], turn[0, 1], turn[0, 2] = c * first - s * cross, -a * z, s * first + c * cross
    turn[1, 0], turn[1, 1], turn[1, 2] = a * (c * z + s * x), 1.0 - b * square, a * (s * z - c * x)
    turn[2, 0], turn[2, 1], turn[2, 2] = c * cross - s * last, a * x, s * cross + c * last
    axes = np.zeros((3, x.shape[0], 3, x.shape[1]), x.dtype)
    first, last, cross = 1.0 - d * z * z, 1.0 - d * x * x, d * x * z
    axes[0, :, 0], axes[1, :, 0], axes[2, :, 0] = c * first - s * cross, -b * z, s * first + c * cross
    axes[1, :, 1] = 1.0
    axes[0, :, 2], axes[1, :, 2], axes[2, :, 2] = c * cross - s * last, b * x, s * cross + c * last
    return turn, axes


def _eulers(angles: Array, kind: str) -> tuple[Array, Array]:
    """Turns about the axes of a Blender order, the first letter innermost."""
    inner, middle, outer = ("XYZ".index(letter) for letter in kind)
    one, two, three = (_about(axis, angles[:, axis]) for axis in (inner, middle, outer))
    both = _product(two, one)
    axes = np.zeros((3, angles.shape[0], 3, angles.shape[2]), angles.dtype)
    axes[inner, :, inner] = 1.0
    axes[:, :, middle], axes[:, :, outer] = one[middle], both[outer]  # rows: columns of the inverse
    return _product(three, both), axes


def _about(axis: int, angle: Array) -> Array:
    """Rotations [3, 3, k, n] about axis 0, 1 or 2."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    turn = np.zeros((3, 3, *angle.shape), angle.dtype)
    turn[axis, axis] = 1.0
    turn[i, i] = turn[j, j] = np.cos(angle)
    turn[j, i] = np.sin(angle)
    turn[i, j] = -turn[j, i]
    return turn
