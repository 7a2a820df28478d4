# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature as the engine sees it, without Blender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drmm_engine.motion import retarget, skeleton
from drmm_engine.motion.rig import Keys, Rig, canonical_rest, mapped_bones

from . import channels


@dataclass(frozen=True)
class Character:
    """An armature where it stands, in world space.

    `rig` is the rest pose carried to where the object and the parent of the hips bone stand now. That is a similarity
    of the rest pose, which the basis of a pose bone does not notice, so that the engine can work in world space.
    `unit` is the length in world space of one unit of a pose bone's location, `pose` `[20, 3]` the canonical joints
    now (nan: not mapped), and `modes` the rotation mode of every bone.
    """

    name: str
    rig: Rig
    mapping: Mapping[str, str]
    unit: float
    pose: NDArray[np.float64]
    modes: Mapping[str, str]

    @property
    def position(self) -> NDArray[np.float64]:
        """Where the hips are above the floor plane, `[2]`."""
        return self.pose[skeleton.JOINTS.index("Hips"), :2]

    @property
    def heading(self) -> float:
        """Where the character faces, radians counter-clockwise from +x seen from above."""
        x, y, _ = skeleton.facing(self.pose)
        return float(np.arctan2(y, x))

    def fit(self, rest: ArrayLike) -> tuple[float, float]:
        """Scale and floor of p -> scale · p + (0, 0, floor), which carries a body at rest `[20, 3]` into world space.

        The body's legs become as long as this character's, and its feet stand as high as this character's.
        """
        feet = [skeleton.index("LeftFoot"), skeleton.index("RightFoot")]
        own = canonical_rest(self.rig, mapped_bones(self.rig, self.mapping))
        scale = retarget.scale(self.rig, self.mapping, rest)
        return scale, float(own[feet, 2].mean() - scale * np.asarray(rest)[feet, 2].mean())

    def channels(self, keys: Keys) -> list[channels.Channel]:
        """Keys of the engine as values of this armature's properties."""
        return channels.channels(keys, self.modes, self.unit)
