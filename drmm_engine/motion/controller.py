# SPDX-License-Identifier: Apache-2.0
"""Characters that walk to targets, five frames at a time: a walker says where to go, a decision takes it there.

What the paper's rule freezes or falls apart on, with little data, is mended in the goal: it is a place that a walk
reaches in the next second, and while nothing is approached the clip loosens. Stands are made by `standing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.model import Model
from drmm_engine.motion import directions, room
from drmm_engine.motion.decision import Character, Decider
from drmm_engine.motion.directions import POOR, REACHED, Block, Target
from drmm_engine.motion.features import FRAME_RATE, NEXT, to_world, variable_names
from drmm_engine.motion.goal import PACE, Aim
from drmm_engine.motion.walker import Walker

__all__ = ["POOR", "REACHED", "Block", "Controller", "Errand", "Target", "walk", "walk_together"]

_CLEAR = 0.45  # metres from the hips that other characters keep


@dataclass(frozen=True)
class Errand:
    """What one of several characters is to do: its targets, and where it stands or the ten frames `[10, 20, 3]` that
    it goes on from."""

    targets: Sequence[Target]
    start: tuple[float, float] = (0.0, 0.0)
    heading: float = 0.0
    history: Array | None = None


def walk(
    model: Model,
    targets: Sequence[Target],
    seconds: float | None = None,
    start: tuple[float, float] = (0.0, 0.0),
    heading: float = 0.0,
    seed: int = 0,
    candidates: int = 256,
    history: Array | None = None,
    keep: Sequence[room.Keep] = (),
) -> Iterator[Block]:
    """Blocks of a walk to the targets in order, until the last is reached or `seconds` are over (None: no limit).

    The character stands at `start` facing `heading` (radians), or continues `history` `[10, 20, 3]` at 30 frames/s,
    and keeps to `keep`. ValueError: not a locomotion model, a style that it does not know, no target, a target that is
    not finite, is where the character stands or out of bounds, seconds that are not positive.
    """
    together = walk_together(model, [Errand(targets, start, heading, history)], seconds, seed, candidates, keep)
    return (block for (block,) in together if block is not None)


def walk_together(
    model: Model,
    errands: Sequence[Errand],
    seconds: float | None = None,
    seed: int = 0,
    candidates: int = 256,
    keep: Sequence[room.Keep] = (),
    apart: bool = True,
) -> Iterator[list[Block | None]]:
    """As `walk` for several characters that keep `apart`: a block of each, or None of those that are done.

    ValueError as `walk`, and without a character; those of several name the character by its number.
    """
    _check_model(model)
    room.check(keep)
    if not errands:
        raise ValueError("no character: give at least one errand")
    if seconds is not None and not 0 < seconds < np.inf:
        raise ValueError(f"seconds must be positive, got {seconds!r}")
    walkers = []
    for number, errand in enumerate(errands, start=1):
        try:
            walkers.append(_walker(model, errand, seed, keep))
        except ValueError as error:
            raise ValueError(f"character {number}: {error}" if len(errands) > 1 else str(error)) from None
    return _blocks(Decider(model, candidates), walkers, seconds, np.random.default_rng(seed), apart)


def _check_model(model: Model) -> None:
    if not model.features or model.features.get("kind") != "locomotion":
        raise ValueError("this is not a locomotion model: train one with `python -m training.locomotion`")
    if not set(variable_names()) <= set(model.schema.names) or "start" not in model.features or not model.skeleton:
        raise ValueError("this locomotion model has other variables than this version walks with: train it again")


def _walker(model: Model, errand: Errand, seed: int, keep: Sequence[room.Keep]) -> Walker:
    directions.check(errand.targets)
    _check_styles(model, errand.targets)
    history = errand.history
    if history is None:
        assert model.features is not None
        history = to_world(np.array(model.features["start"]), np.array(errand.start), np.array(errand.heading))
    walker = Walker(model, Character(history), errand.targets, keep, seed, standing=errand.history is None)
    walker.check()
    return walker


def _check_styles(model: Model, targets: Sequence[Target]) -> None:
    known = [c for stream in model.schema.categorical_streams if stream.name == "style" for c in stream.classes]
    for number, target in enumerate(targets, start=1):
        if target.style and target.style not in known:
            raise ValueError(f"target {number}: this model has no style {target.style!r}; it has "
                             f"{', '.join(known) if known else 'none'}")


def _blocks(decider: Decider, walkers: list[Walker], seconds: float | None, rng: np.random.Generator,
            apart: bool) -> Iterator[list[Block | None]]:
    blocks = np.inf if seconds is None else max(1, round(seconds * FRAME_RATE / NEXT))
    made = 0
    while made < blocks and not all(walker.done for walker in walkers):
        yield _step(decider, walkers, rng, apart)
        made += 1


def _step(decider: Decider, walkers: list[Walker], rng: np.random.Generator, apart: bool) -> list[Block | None]:
    """The next block of each walker: of what it has planned, or decided for all the others at once."""
    rooms = [[*walker.keep, *(_others(walkers, walker) if apart else ())] for walker in walkers]
    aims = [None if walker.done else walker.aim(own) for walker, own in zip(walkers, rooms, strict=True)]
    moving = [k for k, aim in enumerate(aims) if aim is not None]
    chosen = {}
    if moving:
        chosen = dict(zip(moving, decider.decide(
            [walkers[k].character for k in moving], [aim for aim in aims if aim is not None],
            [rooms[k] for k in moving], rng), strict=True))
    return [None if walker.done else walker.take(chosen.get(k)) for k, walker in enumerate(walkers)]


def _others(walkers: list[Walker], walker: Walker) -> list[room.Keep]:
    """The other characters as posts, a quarter of a second on."""
    return [room.post(other.ahead(), _CLEAR) for other in walkers if other is not walker]


class Controller:
    """One character that is told its target before every five frames."""

    def __init__(self, model: Model, history: Array, seed: int = 0, candidates: int = 256) -> None:
        self.character, self.decider = Character(history), Decider(model, candidates)
        self.rng = np.random.default_rng(seed)

    def decide(self, target: Target) -> Array:
        """The next five poses `[5, 20, 3]` towards a target; they become part of the history."""
        place = np.array(target.position, float)
        left = float(np.linalg.norm(place - self.character.history[-1, 0, :2]))
        aim = Aim(place, left, target.speed or PACE, False, None, target.speed is not None)
        return self.decider.decide([self.character], [aim], [()], self.rng)[0].frames
