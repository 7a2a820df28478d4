# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of an armature as numbers for F-curves: frame rates and rotation modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body import rotations
from drmm_engine.motion.rig import Keys

Array = NDArray[np.float64]

PROPERTIES = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}


@dataclass(frozen=True)
class Channel:
    """The values `[frames, size]` of one property of one pose bone, or where `bone` is empty of the object itself.

    `frames` `[frames]` are whole frames of the scene counted from the first; None: there is a value at each. `slopes`
    `[frames, size]` are the changes a frame at the values, for smooth curves through few of them; None: straight lines.
    """

    bone: str
    property: str
    values: Array
    frames: NDArray[np.int64] | None = None
    slopes: Array | None = None

    @property
    def path(self) -> str:
        """The RNA path from the armature object."""
        if not self.bone:
            return self.property
        name = self.bone.replace("\\", "\\\\").replace('"', '\\"')
        return f'pose.bones["{name}"].{self.property}'


def rotation_property(mode: str) -> str:
    """The property of a pose bone that holds its rotation in a rotation mode ("QUATERNION", "XYZ", ...)."""
    return PROPERTIES.get(mode, "rotation_euler")


def resample(keys: Keys, source_rate: float, target_rate: float) -> Keys:
    """The same motion at another frame rate, over the same time: rotations by slerp, the location linearly."""
    frames = len(keys.location)
    count = int(np.floor((frames - 1) * target_rate / source_rate + 1e-6)) + 1
    time = np.minimum(np.arange(count) * source_rate / target_rate, frames - 1)
    first = np.minimum(time.astype(int), max(frames - 2, 0))
    after = np.minimum(first + 1, frames - 1)
    part = time - first
    location = keys.location[first] * (1.0 - part[:, None]) + keys.location[after] * part[:, None]
    turned = rotations.slerp(keys.rotations[first], keys.rotations[after], part[:, None])
    return Keys(bones=keys.bones, rotations=turned, location=location)


def channels(keys: Keys, modes: Mapping[str, str], unit: float) -> list[Channel]:
    """What to key: the location of the hips, in units of `unit` metres, and a rotation in the mode of each bone."""
    result = [Channel(keys.bones[0], "location", keys.location / unit)]
    for index, bone in enumerate(keys.bones):
        mode = modes[bone]
        result.append(Channel(bone, rotation_property(mode), rotation_values(keys.rotations[:, index], mode)))
    return result


def rotation_values(q: Array, mode: str) -> Array:
    """Unit quaternions `[frames, 4]` in a rotation mode of Blender, without jumps from frame to frame.

    `[frames, 4]` (w, x, y, z) for QUATERNION, `[frames, 4]` (angle, x, y, z) for AXIS_ANGLE, and `[frames, 3]`
    radians (x, y, z) for the Euler orders.
    """
    if mode == "QUATERNION":
        return rotations.continuous(q)
    if mode == "AXIS_ANGLE":
        return _axis_angle(q)
    return _euler(q, mode)


def quaternions(values: Array, mode: str) -> Array:
    """Unit quaternions `[frames, 4]` of the values `[frames, 3 or 4]` of a rotation property in its mode."""
    if mode == "QUATERNION":
        turns = values
    elif mode == "AXIS_ANGLE":
        turns = rotations.from_axis_angle(values[:, 1:], values[:, 0])
    else:
        intrinsic = mode[::-1]
        turns = rotations.from_euler(values[:, ["XYZ".index(axis) for axis in intrinsic]], intrinsic)
    unit = rotations.normalize(turns)
    return np.where(unit.any(axis=-1, keepdims=True), unit, np.array(rotations.IDENTITY))


def _euler(q: Array, order: str) -> Array:
    """Euler angles as Blender orders them: it turns about the first-listed axis first, so that one is innermost."""
    angles = euler_angles(q, order)
    for frame in range(1, len(angles)):
        angles[frame] = nearest_euler(angles[frame], angles[frame - 1], order)
    return angles


def euler_angles(q: Array, order: str) -> Array:
    """Euler angles `[n, 3]` (x, y, z), in Blender's order, of unit quaternions `[n, 4]`."""
    intrinsic = order[::-1]
    return rotations.to_euler(q, intrinsic)[:, [intrinsic.index(axis) for axis in "XYZ"]]


def nearest_euler(angles: Array, before: Array, order: str) -> Array:
    """Of the Euler angles `[..., 3]` (x, y, z) of a rotation, in Blender's order, those nearest to `before`."""
    # (a, b, c) and (a + pi, pi - b, c + pi) are one rotation, b the middle angle.
    sign = np.where(np.arange(3) == "XYZ".index(order[1]), -1.0, 1.0)
    choices = np.stack([angles, np.pi + sign * angles])
    choices += 2 * np.pi * np.round((before - choices) / (2 * np.pi))
    first, second = np.abs(choices - before).sum(axis=-1)
    return np.where((second < first)[..., None], choices[1], choices[0])


def _axis_angle(q: Array) -> Array:
    """Angle and axis, the axis kept on one side and through the rest pose, where it is undefined."""
    vectors = rotations.to_rotation_vector(q)
    angles = np.linalg.norm(vectors, axis=-1)
    result = np.zeros((len(q), 4))
    axis, angle = np.array([0.0, 1.0, 0.0]), 0.0
    for frame, (vector, size) in enumerate(zip(vectors, angles, strict=True)):
        if size > 1e-6:
            side = -1.0 if frame and vector @ axis < 0 else 1.0
            axis, size = side * vector / size, side * size
        angle = size + 2 * np.pi * np.round((angle - size) / (2 * np.pi))
        result[frame] = angle, *axis
    return result
