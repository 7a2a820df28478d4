# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Action knows of how it was generated: a record in JSON and the motion, as custom properties of the Action."""

from __future__ import annotations

import json
from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from .motion import Motion, pack, unpack

VERSION = 1
RECORD, MOTION = "drmm_take", "drmm_motion"
NEEDED = {"seed": int, "start": int, "rate": (int, float), "fps": (int, float), "scale": (int, float),
          "floor": (int, float), "targets": list, "position": list}  # fmt: skip


@dataclass(frozen=True)
class Take:
    """A record and its motion."""

    record: dict
    motion: Motion

    @property
    def start(self) -> int:
        """The scene's frame of the first frame of the motion."""
        return self.record["start"]

    @property
    def ratio(self) -> float:
        """Frames of the motion to one frame of the scene."""
        return self.record["rate"] / self.record["fps"]

    @property
    def end(self) -> int:
        """The last frame of the scene that has keys."""
        return self.start + int(np.floor((len(self.motion) - 1) / self.ratio + 1e-6))

    def frame(self, scene_frame: float) -> float:
        """The frame of the motion at a frame of the scene."""
        return (scene_frame - self.start) * self.ratio

    def world(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions `[..., 3]` in the size of the model's body, carried to world space."""
        return self.record["scale"] * positions + (0.0, 0.0, self.record["floor"])


def write(action: bpy.types.Action, take: Take) -> None:
    """Keep record and motion with an Action."""
    action[RECORD] = json.dumps(take.record | {"version": VERSION})
    action.pop(MOTION, None)  # Blender writes bytes over others only up to the first zero among them
    action[MOTION] = pack(take.motion)


def holds(action: bpy.types.Action | None) -> bool:
    """Whether an Action was generated as a take."""
    return action is not None and RECORD in action


def read(action: bpy.types.Action) -> Take:
    """The take that an Action is; ValueError where it is none, or of a later version, or damaged."""
    if not holds(action):
        raise ValueError(f"the Action {action.name!r} was not generated as a take; use Generate")
    try:
        record = json.loads(action[RECORD])
        fits = isinstance(record, dict) and all(isinstance(record.get(key), kind) for key, kind in NEEDED.items())
    except (TypeError, ValueError):
        fits = False
    if not fits or not all(record[key] > 0 for key in ("rate", "fps", "scale")):
        raise ValueError(f"what the Action {action.name!r} keeps of its take is damaged; generate it again")
    if record.get("version", 0) > VERSION:
        raise ValueError(f"the take {action.name!r} was made by a later version of DRMM; update the extension")
    return Take(record, unpack(bytes(action.get(MOTION, b""))))
