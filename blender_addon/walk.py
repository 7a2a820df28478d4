# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk in the making: one decision of the controller a step, then keys for the armature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

import drmm_engine as drmm
from drmm_engine.motion import controller, retarget

from .channels import Channel, resample
from .character import Character


@dataclass(frozen=True)
class Stop:
    """A target to walk to: its name, its place in world space, and whether to face it."""

    name: str
    position: ArrayLike
    face: bool = False


class Walk:
    """A character's walk to targets in their order, in world space.

    Generated in the size of the model's body at the model's frame rate, then scaled by the leg length of the
    armature and brought to the scene's frame rate. Raises ValueError for no targets or one underfoot.
    """

    def __init__(
        self, model: drmm.Model, character: Character, stops: Sequence[Stop], seconds: float, seed: int
    ) -> None:
        if not stops:
            raise ValueError("there is no target to walk to; add an empty to the targets")
        self.character = character
        self.stops = stops
        self.rate = float(model.skeleton["frame_rate"])
        self.rest = np.array(model.skeleton["rest"], float)
        self.scale = retarget.scale(character.rig, character.mapping, self.rest)
        self.frames = seconds * self.rate
        start = character.position / self.scale
        targets = [self._target(stop) for stop in stops]
        if np.linalg.norm(targets[0].position - start) < controller.REACHED:
            raise ValueError(
                f"the target {stops[0].name!r} is where {character.name!r} stands; "
                f"move it at least {controller.REACHED * self.scale:.2g} away"
            )
        self.reached = 0
        self._blocks: list[np.ndarray] = []
        self._decisions = controller.walk(
            model, targets, seconds=seconds, start=start, heading=character.heading, seed=seed
        )

    def step(self) -> bool:
        """Take one decision; False when the walk is over."""
        block = next(self._decisions, None)
        if block is None:
            return False
        self._blocks.append(block.positions)
        self.reached = block.target + bool(block.reached)
        return True

    @property
    def seconds(self) -> float:
        """The length of the walk so far."""
        return sum(map(len, self._blocks)) / self.rate

    @property
    def progress(self) -> float:
        """How far the walk has come at least, from 0 to 1: the share of the targets or of the time."""
        return min(1.0, max(self.reached / len(self.stops), self.seconds * self.rate / self.frames))

    def channels(self, frame_rate: float) -> list[Channel]:
        """What to key at a frame rate."""
        keys = retarget.retarget(np.concatenate(self._blocks), self.character.rig, self.character.mapping, self.rest)
        return self.character.channels(resample(keys, self.rate, frame_rate))

    def _target(self, stop: Stop) -> controller.Target:
        x, y = np.asarray(stop.position, float)[:2] / self.scale
        return controller.Target(position=(x, y), face=stop.face)
