# SPDX-License-Identifier: Apache-2.0
"""A clip: one moving skeleton, as read from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body import rotations
from drmm_engine.body.rotations import Array
from drmm_engine.body.skeleton import forward_kinematics


@dataclass(frozen=True)
class Clip:
    """Motion of J joints over F frames; metres, Z up, quaternions (w, x, y, z).

    `parents` [J] has -1 for a root and every parent before its children; `offsets` [J, 3] place the joints in the
    rest pose, in which all rotations are the identity; `local_positions` [F, J, 3] and `local_rotations` [F, J, 4]
    are relative to the parent. `end_sites` holds, by joint index, the tip [3] of a last joint in its own frame.
    """

    name: str
    joint_names: tuple[str, ...]
    parents: NDArray[np.int64]
    offsets: Array
    frame_rate: float
    local_positions: Array
    local_rotations: Array
    end_sites: dict[int, Array] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Number of frames F."""
        return len(self.local_positions)

    @property
    def seconds(self) -> float:
        """Duration: each of the F frames lasts 1 / frame_rate seconds."""
        return self.frames / self.frame_rate

    def positions(self) -> Array:
        """World positions of the joints `[F, J, 3]`, metres, Z up."""
        return self.world()[0]

    def rotations(self) -> Array:
        """World rotations of the joints away from the rest pose, unit quaternions `[F, J, 4]`."""
        return self.world()[1]

    def world(self) -> tuple[Array, Array]:
        """World positions `[F, J, 3]` and rotations `[F, J, 4]` together."""
        return forward_kinematics(self.parents, self.local_positions, self.local_rotations)

    def sliced(self, frames: slice) -> Clip:
        """The same clip with some of its frames."""
        return replace(
            self, local_positions=self.local_positions[frames], local_rotations=self.local_rotations[frames]
        )


def from_world(
    name: str, joint_names: Sequence[str], parents: Sequence[int], positions: Array, matrices: Array,
    frame_rate: float, end_sites: dict[int, Array],
) -> Clip:
    """The clip of joints whose world positions `[F, J, 3]` and axes `[F, J, 3, 3]` (columns, of any length) are known.

    Its rest pose is the one of frame 0 with all axes along the world's: of no use but for the bones' lengths.
    """
    turns = rotations.from_matrix(matrices / np.maximum(np.linalg.norm(matrices, axis=-2, keepdims=True), 1e-12))
    above = np.asarray(parents, int)
    back = np.where((above < 0)[:, None], rotations.IDENTITY, rotations.inverse(turns[:, above]))
    places = rotations.rotate(back, positions - np.where((above < 0)[:, None], 0.0, positions[:, above]))
    return Clip(name, tuple(joint_names), above, places[0], float(frame_rate), places,
                rotations.multiply(back, turns), end_sites)


def resample(clip: Clip, frame_rate: float) -> Clip:
    """The clip at another rate in frames a second.

    Where the old rate is a whole multiple of the new one (to 1 %), frames are picked; else positions are
    interpolated linearly and rotations spherically. ValueError for a rate that is not above zero.
    """
    if not frame_rate > 0:
        raise ValueError(f"frame rate {frame_rate} is not above zero")
    ratio = clip.frame_rate / frame_rate
    step = max(1, round(ratio))
    if abs(ratio / step - 1) < 0.01:
        return replace(clip.sliced(slice(None, None, step)), frame_rate=float(frame_rate))
    times = np.arange(int((clip.frames - 1) / ratio + 1e-6) + 1) * ratio
    first = np.minimum(times.astype(int), max(clip.frames - 2, 0))
    second = np.minimum(first + 1, clip.frames - 1)
    part = (times - first)[:, None]
    start, end = clip.local_positions[first], clip.local_positions[second]
    return replace(
        clip,
        frame_rate=float(frame_rate),
        local_positions=start + part[..., None] * (end - start),
        local_rotations=rotations.slerp(clip.local_rotations[first], clip.local_rotations[second], part),
    )
