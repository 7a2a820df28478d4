# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk in the making, one decision of the controller a step, from a record; and the keys that a motion becomes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

import drmm_engine as drmm
from drmm_engine.motion import arms, contacts, controller, retarget, skeleton

from . import armature as rigs
from . import models
from .channels import Channel, resample
from .character import Character
from .direction import gather, keyed, plan
from .takes import Motion

LATE = 5  # frames after its time at which a target counts as reached late
ALIKE = 0.05  # difference of sizes, and of floors in legs, up to which characters are decided together

now = gather.now
"""The targets of a record as their objects stand now: now(scene, record)."""


class Walk:
    """A character's walk by a record, in the size of the model's body at the model's frame rate.

    `history` `[10, 20, 3]`: the frames that it goes on from, in the model's size; None: it begins where the record
    says. The targets before number `skip` are done. Raises ValueError for no targets, or one underfoot.
    """

    def __init__(
        self,
        model: drmm.Model,
        record: dict[str, Any],
        history: NDArray[np.float64] | None = None,
        skip: int = 0,
    ) -> None:
        targets = plan.targets(record, skip)
        if not targets:
            raise ValueError("there is no target to walk to; add an empty to the targets")
        start = tuple(plan.inside(record, record["position"]).tolist())
        self.errand = controller.Errand(targets, start, record["heading"], history)
        self.record, self.reached, self.rate = record, skip, record["rate"]
        self.blocks: list[controller.Block] = []
        if history is None:
            self._check_first(targets[0])
        self._skip = skip
        try:
            self._decisions = controller.walk(
                model, targets, seconds=record["seconds"], start=self.errand.start, heading=self.errand.heading,
                seed=record["seed"], history=history, keep=plan.rooms(record),
            )  # fmt: skip
        except ValueError as problem:
            raise ValueError(self._named(str(problem))) from None

    def step(self) -> bool:
        """Take one decision; False when the walk is over."""
        block = next(self._decisions, None)
        if block is not None:
            self.take(block)
        return block is not None

    def take(self, block: controller.Block) -> None:
        """Go on by a block."""
        self.blocks.append(block)
        self.reached = self._skip + block.target + bool(block.reached)

    @property
    def rows(self) -> tuple[int, int]:
        """How many rows of the list were walked to their ends, and how many there are; a curve is one."""
        numbers = [target.get("row", place) for place, target in enumerate(self.record["targets"])]
        return len(set(numbers)) - len(set(numbers[self.reached :])), len(set(numbers))

    @property
    def frames(self) -> int:
        """How many frames there are so far, at the model's rate."""
        return sum(len(block.positions) for block in self.blocks)

    @property
    def seconds(self) -> float:
        """The length of the walk so far."""
        return self.frames / self.rate

    @property
    def progress(self) -> float:
        """How far the walk has come at least, from 0 to 1: the share of the targets or of the time."""
        return min(1.0, max(self.reached / len(self.record["targets"]), self.seconds / self.record["seconds"]))

    def world(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions `[..., 3]` of the model's body in world space."""
        return plan.outside(self.record, positions)

    @property
    def late(self) -> list[tuple[str, int]]:
        """The targets with a time that were reached more than five frames of the scene after it, and by how much."""
        rate, rows = self.record["fps"], self.record["targets"]
        known = [(rows[self._skip + block.target]["object"], round(block.late * rate)) for block in self.blocks
                 if block.late is not None]  # fmt: skip
        return [(name, frames) for name, frames in known if frames > LATE]

    @property
    def motion(self) -> Motion:
        """What was made so far; targets are counted from the record's first."""
        made = Motion.of(self.blocks)
        made.target[:] += self._skip
        return made

    def _named(self, problem: str) -> str:
        """A problem of the controller's with the name of the object that leads to the target, not its number."""
        rows = self.record["targets"][self._skip :]
        return re.sub(r"target (\d+)", lambda match: f"target {rows[int(match[1]) - 1]['object']!r}", problem)

    def _check_first(self, target: controller.Target) -> None:
        """A first target underfoot is none, unless the character is to stand there."""
        record, row = self.record, self.record["targets"][0]
        distance = np.linalg.norm(plan.inside(record, record["position"]) - target.position)
        if distance < controller.REACHED and not row["stop"]:
            raise ValueError(
                f"the target {row['object']!r} is where {record['armature']!r} stands; "
                f"move it at least {controller.REACHED * record['scale']:.2g} away"
            )


class Together:
    """Walks of characters of one size on one floor, decided together so that they keep apart."""

    def __init__(self, model: drmm.Model, walks: Sequence[Walk]) -> None:
        first = walks[0].record
        self.walks = walks
        self._decisions = controller.walk_together(
            model, [walk.errand for walk in walks], first["seconds"], first["seed"], keep=plan.rooms(first)
        )

    def step(self) -> bool:
        """Take one decision for all; False when all are done."""
        blocks = next(self._decisions, None)
        for walk, block in zip(self.walks, blocks or (), strict=False):
            if block is not None:
                walk.take(block)
        return blocks is not None


def together(model: drmm.Model, walks: Sequence[Walk]) -> Sequence[Walk | Together]:
    """What is to be stepped to make walks: all as one where they can be, otherwise each for itself."""
    first = walks[0].record
    alike = all(abs(walk.record["scale"] / first["scale"] - 1) < ALIKE for walk in walks)
    level = all(abs(walk.record["floor"] - first["floor"]) < ALIKE * first["scale"] for walk in walks)
    return [Together(model, walks)] if len(walks) > 1 and alike and level else walks


def resume(
    context: bpy.types.Context,
    armature: bpy.types.Object,
    record: dict[str, Any],
    history: NDArray[np.float64] | None = None,
    skip: int = 0,
    seed: int | None = None,
    seconds: float | None = None,
) -> Walk:
    """A walk by a record, from its beginning or from a history, with the targets from number `skip` on."""
    changed = {"seed": seed, "seconds": seconds}
    record = record | {name: value for name, value in changed.items() if value is not None}
    return Walk(models.load(bpy.path.abspath(record["model"]), "locomotion"), record, history, skip)


def keys(
    context: bpy.types.Context, armature: bpy.types.Object, record: dict[str, Any], motion: Motion
) -> list[Channel]:
    """What to key, from the record's first frame on, for a motion of the model's body."""
    model = models.load(bpy.path.abspath(record["model"]), "locomotion")
    stood = record["unit"], np.reshape(record["stand"], (4, 4))
    return channels(rigs.read_character(armature, stood), record, motion, np.array(model.skeleton["rest"], float))


def channels(
    character: Character, record: dict[str, Any], motion: Motion, rest: NDArray[np.float64]
) -> list[Channel]:
    """A motion of a body at rest `[20, 3]` as channels of a character: retargeted, feet held, at the scene's rate."""
    made = retarget.retarget(motion.positions, character.rig, character.mapping, rest)
    made = arms.outside(made, character.rig, character.mapping)
    stands = motion.contacts
    if not stands.any():  # the model does not tell
        stands = contacts.contacts(motion.positions, float(rest[skeleton.TOES, 2].mean()), record["rate"])
    made = keyed.begun(made, character, record, stands)
    made = keyed.held(made, character, record, stands)
    made = resample(made, record["rate"], record["fps"])
    return keyed.written(made, character, record)
