# SPDX-License-Identifier: Apache-2.0
"""The bones of an armature, and where its poses put them: by Blender's rules of what a bone takes over from its parent.

Armature space; matrices multiply column vectors; a bone lies along its own Y axis from its head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array

SCALES = ("FULL", "FIX_SHEAR", "ALIGNED", "AVERAGE", "NONE", "NONE_LEGACY")
SHEAR = 1e-4  # cosine between two axes up to which Blender takes them to be at right angles


@dataclass(frozen=True)
class Basis:
    """Poses relative to rest: location [..., B, 3], rotation [..., B, 4] (w x y z, any length), scale [..., B, 3]."""

    location: Array
    rotation: Array
    scale: Array


@dataclass(frozen=True)
class Armature:
    """Bones at rest, parents before children: parents [B] (-1: none), rest [B, 4, 4], lengths [B], flags [B].

    inherit_scale has a word of SCALES for each bone. ValueError names the bone that does not fit.
    """

    names: tuple[str, ...]
    parents: NDArray[np.int64]
    rest: Array
    lengths: Array
    inherit_rotation: NDArray[np.bool_]
    inherit_scale: tuple[str, ...]
    local_location: NDArray[np.bool_]
    connected: NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.names)
        for key, shape in (("parents", ()), ("rest", (4, 4)), ("lengths", ()), ("inherit_rotation", ()),
                           ("inherit_scale", ()), ("local_location", ()), ("connected", ())):
            found = np.shape(getattr(self, key))
            if found != (count, *shape):
                raise ValueError(f"{key} has shape {found}; {count} bones need {(count, *shape)}")
        for bone, (name, parent) in enumerate(zip(self.names, self.parents, strict=True)):
            if not -1 <= parent < bone:
                raise ValueError(f"bone {name!r} must come after its parent; sort bones by depth")
            word = self.inherit_scale[bone]
            if word not in SCALES:
                raise ValueError(f"bone {name!r}: inherit_scale is {word!r}; use one of {', '.join(SCALES)}")

    @cached_property
    def offsets(self) -> Array:
        """Each bone at rest relative to its parent at rest [B, 4, 4]; a root's rest itself."""
        offsets = np.array(self.rest, float)
        child = np.asarray(self.parents) >= 0
        offsets[child] = np.linalg.solve(offsets[self.parents[child]], offsets[child])
        return offsets

    @cached_property
    def levels(self) -> list[NDArray[np.int64]]:
        """Bones [k] that are evaluated together: as deep as each other, by one rule; parents' levels first."""
        depth = np.zeros(len(self.names), int)
        groups: dict[tuple, list[int]] = {}
        for bone, parent in enumerate(self.parents):
            depth[bone] = depth[parent] + 1 if parent >= 0 else 0
            groups.setdefault((depth[bone], *self.rule(bone)), []).append(bone)
        return [np.array(groups[key]) for key in sorted(groups)]

    def rule(self, bone: int) -> tuple[bool, str, bool]:
        """Whether a bone turns with its parent, how it takes over scale, whether its location is along its own axes."""
        root = self.parents[bone] < 0
        turns = root or bool(self.inherit_rotation[bone])
        return turns, "FULL" if root else self.inherit_scale[bone], bool(self.local_location[bone])


def pose_matrices(armature: Armature, basis: Basis) -> Array:
    """Matrices [..., B, 4, 4] of posed bones in armature space, as Blender evaluates them without constraints.

    Usually M = M_parent O B, with O the bone's offset at rest and B its location, rotation and scale.
    """
    own = _turn_and_scale(basis)
    location = np.where(armature.connected[:, None], 0.0, basis.location)[..., None]
    shape = np.broadcast_shapes(own.shape[:-2], location.shape[:-2])
    pose = np.zeros((*shape, 4, 4))
    pose[..., 3, 3] = 1.0
    for bones in armature.levels:
        frame = parent_frame(armature, bones, above(armature, bones, pose))
        linear = frame.turn @ own[..., bones, :, :]
        pose[..., bones, :3, :3] = linear if frame.stretch is None else linear * frame.stretch[..., None, :]
        pose[..., bones, :3, 3:] = frame.origin + frame.axes @ location[..., bones, :, :]
    return pose


@dataclass(frozen=True)
class Frame:
    """What bones get from their parents: M = (turn B_linear stretch, origin + axes B_location); stretch None: 1."""

    turn: Array
    origin: Array
    axes: Array
    stretch: Array | None = None


def above(armature: Armature, bones: NDArray[np.int64], pose: Array) -> Array:
    """The parents' matrices [..., k, 4, 4] in a pose; the identity for roots. `bones` are of one level."""
    parents = armature.parents[bones]
    return pose[..., parents, :, :] if parents[0] >= 0 else np.broadcast_to(np.eye(4), (len(bones), 4, 4))


def parent_frame(armature: Armature, bones: NDArray[np.int64], parent: Array) -> Frame:
    """What bones [k] of one level get from their parents' matrices [..., k, 4, 4]."""
    turns, scale, local = armature.rule(bones[0])
    offset, linear = armature.offsets[bones], parent[..., :3, :3]
    whole = parent[..., :3, :] @ offset
    origin, axes = whole[..., 3:], whole[..., :3] if local else linear
    if turns and scale == "FULL":
        return Frame(whole[..., :3], origin, axes)
    if turns:
        base, stretch = _TURNING[scale](linear)
    else:
        base, stretch = _STANDING[scale](armature.rest[armature.parents[bones], :3, :3], linear)
    if scale == "AVERAGE":
        base = base * np.cbrt(np.abs(np.linalg.det(linear)))[..., None, None]
    turn = base @ offset[..., :3, :3]
    return Frame(squared(turn) if scale == "FIX_SHEAR" else turn, origin, axes, stretch)


def squared(m: Array) -> Array:
    """Matrices [..., 3, 3] without shear and of the same volume: Y is kept, X and Z go to right angles half each."""
    x, y, z = np.moveaxis(m, -1, 0)
    along = y / _length(y)
    x, z = (side - along * np.sum(side * along, axis=-1, keepdims=True) for side in (x, z))
    size_x, size_z = _length(x), _length(z)
    x, z = x / size_x, z / size_z
    cosine = np.sum(x * z, axis=-1, keepdims=True)
    together, apart = (x + z) / _length(x + z), (x - z) / _length(x - z)
    skew = np.abs(cosine) > SHEAR
    keep = np.where(skew, (1.0 - cosine**2) ** 0.25, 1.0)
    x = keep * size_x * np.where(skew, (together + apart) / np.sqrt(2.0), x)
    z = keep * size_z * np.where(skew, (together - apart) / np.sqrt(2.0), z)
    return np.stack([x, y, z], axis=-1)


def _turn_and_scale(basis: Basis) -> Array:
    """Matrices [..., B, 3, 3] of rotation after scale; a quaternion of length 0 does not turn."""
    q = np.asarray(basis.rotation, float)
    size = np.sum(q * q, axis=-1)
    q = q * np.sqrt(2.0 / np.where(size > 0, size, 1.0))[..., None]
    w, x, y, z = np.moveaxis(q, -1, 0)
    m = np.empty((*q.shape[:-1], 3, 3))
    m[..., 0, 0], m[..., 0, 1], m[..., 0, 2] = 1.0 - y * y - z * z, x * y - w * z, x * z + w * y
    m[..., 1, 0], m[..., 1, 1], m[..., 1, 2] = x * y + w * z, 1.0 - x * x - z * z, y * z - w * x
    m[..., 2, 0], m[..., 2, 1], m[..., 2, 2] = x * z - w * y, y * z + w * x, 1.0 - x * x - y * y
    return m * np.asarray(basis.scale, float)[..., None, :]


def _length(v: Array) -> Array:
    return np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-30)


def _sizes(m: Array) -> Array:
    """Lengths of the axes of matrices [..., 3, 3]."""
    return np.linalg.norm(m, axis=-2)


def _sizes_of_volume(m: Array) -> Array:
    """Lengths of the axes, made such that their product is the volume: less where there is shear."""
    sizes = _sizes(m)
    product = np.prod(sizes, axis=-1, keepdims=True)
    volume = np.abs(np.linalg.det(m))[..., None]
    return sizes * np.cbrt(np.divide(volume, product, out=np.ones_like(volume), where=product > 0))


def _unit(m: Array) -> Array:
    return m / np.maximum(_sizes(m), 1e-30)[..., None, :]


def _aligned(m: Array) -> tuple[Array, Array]:
    m = squared(m)
    return _unit(m), _sizes(m)


# Of a parent's matrix [..., 3, 3]: what its child turns by, and what the child is stretched by along its own axes.
_TURNING: dict[str, Callable[[Array], tuple[Array, Array | None]]] = {
    "FIX_SHEAR": lambda m: (m, None),
    "ALIGNED": _aligned,
    "AVERAGE": lambda m: (_unit(squared(m)), None),
    "NONE": lambda m: (_unit(squared(m)), None),
    "NONE_LEGACY": lambda m: (_unit(m), None),
}
# The same where the child does not turn with its parent, whose rotation at rest [k, 3, 3] counts instead.
_STANDING: dict[str, Callable[[Array, Array], tuple[Array, Array | None]]] = {
    "FULL": lambda rest, m: (rest * _sizes(m)[..., None, :], None),
    "FIX_SHEAR": lambda rest, m: (rest * _sizes_of_volume(m)[..., None, :], None),
    "ALIGNED": lambda rest, m: (rest, _sizes_of_volume(m)),
    "AVERAGE": lambda rest, m: (rest, None),
    "NONE": lambda rest, m: (rest, None),
    "NONE_LEGACY": lambda rest, m: (rest, None),
}
