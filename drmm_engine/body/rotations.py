# SPDX-License-Identifier: Apache-2.0
"""Rotations as unit quaternions (w, x, y, z) in arrays `[..., 4]`; leading dimensions broadcast."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

IDENTITY = (1.0, 0.0, 0.0, 0.0)


def multiply(a: ArrayLike, b: ArrayLike) -> Array:
    """Hamilton product a b: the rotation that applies b first and then a, `[..., 4]`."""
    aw, ax, ay, az = _components(a)
    bw, bx, by, bz = _components(b)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def inverse(q: ArrayLike) -> Array:
    """The conjugate, which undoes a unit quaternion, `[..., 4]`."""
    return np.asarray(q, float) * (1.0, -1.0, -1.0, -1.0)


def rotate(q: ArrayLike, v: ArrayLike) -> Array:
    """Vectors v `[..., 3]` turned by unit quaternions q `[..., 4]`: v + 2 w (u × v) + 2 u × (u × v)."""
    q, v = np.asarray(q, float), np.asarray(v, float)
    turn = 2.0 * cross(q[..., 1:], v)
    return v + q[..., :1] * turn + cross(q[..., 1:], turn)


def normalize(q: ArrayLike) -> Array:
    """Quaternions, or vectors of any size, scaled to length one; zero stays zero."""
    q = np.asarray(q, float)
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    return np.divide(q, length, out=np.zeros_like(q), where=length > 0)


def cross(a: ArrayLike, b: ArrayLike) -> Array:
    """Cross product of vectors `[..., 3]`, some five times faster than `numpy.cross`."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return a[..., (1, 2, 0)] * b[..., (2, 0, 1)] - a[..., (2, 0, 1)] * b[..., (1, 2, 0)]


def to_matrix(q: ArrayLike) -> Array:
    """Rotation matrices `[..., 3, 3]` (they multiply column vectors) of unit quaternions `[..., 4]`."""
    q = np.asarray(q, float)
    return np.stack([rotate(q, axis) for axis in np.eye(3)], axis=-1)


def from_matrix(m: ArrayLike) -> Array:
    """Unit quaternions with w >= 0 of rotation matrices `[..., 3, 3]`.

    Four times the outer product of the quaternion with itself is linear in the matrix; its row with the
    largest diagonal element is the quaternion up to scale (Shepperd's choice, stable for every angle).
    """
    m = np.asarray(m, float)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    yz, zx, xy = m[..., 2, 1] + m[..., 1, 2], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 0] + m[..., 0, 1]
    outer = np.stack(
        [
            np.stack([1 + xx + yy + zz, wx, wy, wz], axis=-1),
            np.stack([wx, 1 + xx - yy - zz, xy, zx], axis=-1),
            np.stack([wy, xy, 1 - xx + yy - zz, yz], axis=-1),
            np.stack([wz, zx, yz, 1 - xx - yy + zz], axis=-1),
        ],
        axis=-2,
    )
    largest = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    q = normalize(np.take_along_axis(outer, largest[..., None, None], axis=-2)[..., 0, :])
    return np.where(q[..., :1] < 0, -q, q)


def from_axis_angle(axis: ArrayLike, angle: ArrayLike) -> Array:
    """Turns by `angle` `[...]` radians about `axis` `[..., 3]` of any length, right-handed."""
    half = 0.5 * np.asarray(angle, float)[..., None]
    vector = np.sin(half) * normalize(axis)
    return np.concatenate([np.broadcast_to(np.cos(half), (*vector.shape[:-1], 1)), vector], axis=-1)


def from_rotation_vector(v: ArrayLike) -> Array:
    """Exponential map: vectors `[..., 3]` along the axis, as long as the angle in radians."""
    v = np.asarray(v, float)
    angle = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.concatenate([np.cos(0.5 * angle), 0.5 * np.sinc(angle / (2 * np.pi)) * v], axis=-1)


def to_rotation_vector(q: ArrayLike) -> Array:
    """Logarithm: rotation vectors `[..., 3]` with angles in [0, pi] radians, the shorter way round."""
    q = np.asarray(q, float)
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, q[..., :1])
    return q[..., 1:] * np.divide(angle, sine, out=np.full_like(sine, 2.0), where=sine > 1e-12)


def from_euler(angles: ArrayLike, order: str) -> Array:
    """Rotations of intrinsic Euler angles `[..., len(order)]` in radians, the first axis outermost.

    `order` "ZXY" means R_z R_x R_y, as the channels of a BVH file are listed. Blender names its Euler
    orders the other way round: its "XYZ" is "ZYX" here, with the three angles reversed.
    """
    angles = np.asarray(angles, float)
    if not order or set(order) - set("XYZ") or angles.shape[-1:] != (len(order),):
        raise ValueError(f"Euler order {order!r} does not fit angles of shape {angles.shape}")
    turns = [from_axis_angle(np.eye(3)["XYZ".index(axis)], angles[..., n]) for n, axis in enumerate(order)]
    q = turns[0]
    for turn in turns[1:]:
        q = multiply(q, turn)
    return q


def to_euler(q: ArrayLike, order: str) -> Array:
    """Intrinsic Euler angles `[..., 3]` in radians of unit quaternions, `order` as in `from_euler`.

    The middle angle lies in [-pi/2, pi/2]; where it reaches an end (gimbal lock) the last angle is 0.
    """
    if sorted(order) != ["X", "Y", "Z"]:
        raise ValueError(f"Euler order {order!r} is not three different axes of X, Y, Z")
    i, j, k = ("XYZ".index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    m = to_matrix(q)
    cosine = np.hypot(m[..., i, i], m[..., i, j])
    locked = cosine < 1e-7
    first = np.where(
        locked,
        np.arctan2(sign * m[..., k, j], m[..., j, j]),
        np.arctan2(-sign * m[..., j, k], m[..., k, k]),
    )
    last = np.where(locked, 0.0, np.arctan2(-sign * m[..., i, j], m[..., i, i]))
    return np.stack([first, np.arctan2(sign * m[..., i, k], cosine), last], axis=-1)


def between(a: ArrayLike, b: ArrayLike) -> Array:
    """The shortest rotations that turn the directions a onto b `[..., 3]`; none where either is zero.

    Where the directions are opposite, the half turn is about some axis at right angles to both.
    """
    a, b = np.broadcast_arrays(normalize(a), normalize(b))
    q = np.concatenate([1.0 + np.sum(a * b, axis=-1, keepdims=True), cross(a, b)], axis=-1)
    opposite = np.linalg.norm(q, axis=-1, keepdims=True) < 1e-7
    aside = normalize(cross(a, np.eye(3)[np.argmin(np.abs(a), axis=-1)]))
    half_turn = np.concatenate([np.zeros_like(aside[..., :1]), aside], axis=-1)
    return normalize(np.where(opposite, half_turn, q))


def from_basis(x: ArrayLike, y: ArrayLike) -> Array:
    """Rotations that turn the X axis onto x and the Y axis into the half-plane of x and y `[..., 3]`, not parallel."""
    x = normalize(x)
    z = normalize(cross(x, y))
    return from_matrix(np.stack(np.broadcast_arrays(x, cross(z, x), z), axis=-1))


def slerp(a: ArrayLike, b: ArrayLike, t: ArrayLike) -> Array:
    """Spherical interpolation from a (t = 0) to b (t = 1) the shorter way, t `[...]`."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    t = np.asarray(t, float)[..., None]
    b = np.where(np.sum(a * b, axis=-1, keepdims=True) < 0, -b, b)
    apart, together = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (a - b, a + b))
    angle = 2.0 * np.arctan2(apart, together)
    # sin(s θ) / sin θ tends to s as θ tends to 0; sinc keeps the ratio exact there.
    weight_a, weight_b = (s * np.sinc(s * angle / np.pi) / np.sinc(angle / np.pi) for s in (1.0 - t, t))
    return normalize(weight_a * a + weight_b * b)


def continuous(q: ArrayLike) -> Array:
    """The same rotations `[frames, ..., 4]` with signs such that neighbours along axis 0 agree."""
    q = np.asarray(q, float)
    agree = np.sum(q[1:] * q[:-1], axis=-1, keepdims=True) >= 0
    signs = np.cumprod(np.where(agree, 1.0, -1.0), axis=0)
    return np.concatenate([q[:1], q[1:] * signs], axis=0)


def _components(q: ArrayLike) -> tuple[Array, Array, Array, Array]:
    q = np.asarray(q, float)
    return q[..., 0], q[..., 1], q[..., 2], q[..., 3]
