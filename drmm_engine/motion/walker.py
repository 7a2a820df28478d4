# SPDX-License-Identifier: Apache-2.0
"""One character on its way from target to target: where it aims next, when it stands, and when it is too late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.model import Model
from drmm_engine.motion.contacts import borne_out, contacts
from drmm_engine.motion.decision import SETTING_OFF, Character, Choice
from drmm_engine.motion.directions import REACHED, Block, Target
from drmm_engine.motion.duck import Ducker
from drmm_engine.motion.features import FRAME_RATE, NEXT, placement
from drmm_engine.motion.goal import PACE, Aim, wanted_heading, wrapped
from drmm_engine.motion.pace import EARLY, pace
from drmm_engine.motion.rest import rest_of
from drmm_engine.motion.room import Keep, clearance
from drmm_engine.motion.skeleton import TOES
from drmm_engine.motion.standing import Stand, step_in
from drmm_engine.motion.way import next_place

STEP_IN = 0.45  # metres before the place of a stand from which it is stepped into
_NUDGE = 0.25  # m/s more for each decision without coming nearer: slower than the model walks is no walk
_STEP_FRAMES = (15, 48)  # that a stand with a time may be stepped into in
_PLACE = 0.15  # metres from a target with a time at which one who is a little early counts as there
_FROZEN, _STILL = 12, 0.10  # decisions in which the hips of one who walks move less than so many metres: frozen
_LOST = 24  # decisions without coming nearer after which one starts anew
_HIPS = (0.55, 1.25)  # heights of the hips, as shares of that at rest, of one who is on the feet


@dataclass(frozen=True)
class _Planned:
    """Five frames, in which of them the target is reached, and whether the target is left after them."""

    frames: Array
    reached: int | None
    leaves: bool


class Walker:
    """The state of a walk: its character, the target pursued, and frames that are planned and not shown yet."""

    def __init__(self, model: Model, character: Character, targets: Sequence[Target], keep: Sequence[Keep], seed: int,
                 standing: bool) -> None:
        self.character, self.targets, self.keep = character, list(targets), list(keep)
        rest = rest_of(model)
        self.floor, self.height = float(rest[TOES, 2].mean()), float(rest[0, 2])
        self.stand = Stand(model, seed)
        self.ducker = Ducker(rest, keep)
        self.standing = standing  # whether the character stands now
        self.character.idle = SETTING_OFF if standing else 0
        self.current, self.made = 0, 0
        self.planned: list[_Planned] = []
        self.track: list[Array] = []  # places of the hips, decision by decision, since it last stood
        self.tail = np.array(character.history)  # what was shown last

    @property
    def done(self) -> bool:
        """Whether the last target is reached."""
        return self.current >= len(self.targets)

    @property
    def target(self) -> Target:
        """The target pursued."""
        return self.targets[self.current]

    @property
    def hips(self) -> Array:
        """Place `[2]` of the hips."""
        return self.character.history[-1, 0, :2]

    def check(self) -> None:
        """ValueError: the first target is where the character stands, or one is out of bounds."""
        first = float(np.linalg.norm(np.array(self.target.position) - self.hips))
        if first < min(self.target.radius, REACHED) and not self.target.stands:
            raise ValueError(f"target 1 is where the character stands ({100 * first:.0f} cm away): move it at least "
                             f"{100 * self.target.radius:.0f} cm off")
        for number, target in enumerate(self.targets, start=1):
            if clearance(self.keep, np.array([*target.position, 0.5 * self.height])) < 0:
                raise ValueError(f"target {number} is out of bounds: it lies in what the character keeps out of")

    def ahead(self) -> Array:
        """Where the hips `[2]` are a quarter of a second on, at this speed."""
        history = self.character.history
        return history[-1, 0, :2] + 0.25 * FRAME_RATE * (history[-1, 0, :2] - history[-4, 0, :2]) / 3

    def aim(self, keep: Sequence[Keep]) -> Aim | None:
        """Where to go in the next five frames; None where they are planned."""
        if self.planned:
            return None
        target, goal = self.target, np.array(self.target.position, float)
        self.character.style = target.style
        place, left = next_place(self.hips, goal, keep)
        heading = wanted_heading(target, self.hips, place, self.made)
        if target.stands and left < STEP_IN:
            self._stand_at(goal, heading)
            return None
        if self._astray():
            self._stand_here(0.0, float(np.arctan2(*(place - self.hips)[::-1])))
            return None
        speed, hold = self._pace(place, left)
        if hold > 0:
            self._stand_here(hold)
            return None
        self.standing = False
        asked = target.speed is not None or target.arrive is not None
        return Aim(place, left, max(speed, min(PACE, _NUDGE * self.character.idle)), target.stands, heading, asked)

    def _pace(self, place: Array, left: float) -> tuple[float, float]:
        """The speed (m/s) at which to walk what is left (m) now, or seconds to stand before."""
        target = self.target
        if target.arrive is None:
            return target.speed or PACE, 0.0
        own, way = float(placement(self.character.history[-1])[1]), place - self.hips
        turn = wrapped(float(np.arctan2(way[1], way[0])) - own)
        return pace(target, left, turn, target.arrive - self.made / FRAME_RATE, self.standing)

    def _astray(self) -> bool:
        """Whether the character is frozen, lost or off its feet."""
        height = self.character.history[-1, 0, 2] / self.height
        frozen = len(self.track) >= _FROZEN and np.ptp(self.track[-_FROZEN:], axis=0).max() < _STILL
        return frozen or self.character.idle >= _LOST or not _HIPS[0] < height < _HIPS[1]

    def _stand_at(self, goal: Array, heading: float | None) -> None:
        """Plans to step to the place of the target and to wait there."""
        own = float(placement(self.character.history[-1])[1])
        turn = own if heading is None or self.target.facing == "along" else heading
        frames = None
        if self.target.arrive is not None:
            frames = int(np.clip(round(self.target.arrive * FRAME_RATE) - self.made, *_STEP_FRAMES))
        self._plan(self._step_in(goal, turn, frames), self.target.wait, True)

    def _stand_here(self, seconds: float, heading: float | None = None) -> None:
        """Plans to come to a stand on the spot, and to stand for a while; turned at most a right angle to a heading."""
        history = self.character.history
        own = float(placement(history[-1])[1])
        turn = 0.0 if heading is None else float(np.clip(wrapped(heading - own), -1.5, 1.5))
        speed = (history[-1, 0, :2] - history[-4, 0, :2]) * FRAME_RATE / 3
        frames = history[:0] if self.standing else self._step_in(self.hips + 0.35 * speed, own + turn)
        self._plan(frames, seconds - len(frames) / FRAME_RATE, False)

    def _step_in(self, goal: Array, heading: float, frames: int | None = None) -> Array:
        return step_in(self.character.history, self.stand.pose(goal, heading), self.stand.lengths, frames)

    def _plan(self, frames: Array, seconds: float, arrives: bool) -> None:
        """Frames, then standing for so many seconds at least, in whole blocks."""
        last = frames[-1] if len(frames) else self.character.history[-1]
        wanted = max(0, round(seconds * FRAME_RATE))
        still = self.stand.living(last, wanted + -(len(frames) + wanted) % NEXT)
        all_frames = np.concatenate([frames, still])
        arrival, count = len(frames) - 1 if arrives else -1, len(all_frames) // NEXT
        for k in range(count):
            at = arrival - k * NEXT
            self.planned.append(_Planned(all_frames[k * NEXT : (k + 1) * NEXT], at if 0 <= at < NEXT else None,
                                         arrives and k == count - 1))
        self.standing, self.track = True, []
        self.character.idle, self.character.slow, self.character.place = SETTING_OFF, 0, None

    def take(self, choice: Choice | None) -> Block:
        """The next block: what was decided, or else what is planned."""
        if choice is None:
            step = self.planned.pop(0)
            self.character.note(step.frames)
            if not self.planned:
                self.character.history = self.stand.history(self.character.history[-1])
        else:
            step = self._decided(choice.frames)
            self.track.append(choice.frames[-1, 0, :2])
        block = self._block(step, choice)
        self.made += NEXT
        self.current += step.leaves
        return block

    def _decided(self, frames: Array) -> _Planned:
        distance = np.linalg.norm(frames[:, 0, :2] - np.array(self.target.position), axis=-1)
        near = distance < self.target.radius
        if self.target.arrive is not None:  # one who is early goes on to the place itself
            left = self.target.arrive * FRAME_RATE - self.made
            early = left - np.arange(1, len(frames) + 1)
            near &= (early <= 0.5) | (distance < _PLACE) & (early <= EARLY)
        at = int(near.argmax()) if near.any() and not self.target.stands else None
        return _Planned(frames, at, at is not None)

    def _block(self, step: _Planned, choice: Choice | None) -> Block:
        reached, late = step.reached is not None, None
        if step.reached is not None and self.target.arrive is not None:
            late = (self.made + step.reached + 1) / FRAME_RATE - self.target.arrive
        shown = self.ducker.shown(step.frames)
        self.tail = np.concatenate([self.tail, shown])[-len(self.tail):]
        if choice is None or choice.contacts is None:
            down = contacts(self.tail, self.floor)[-NEXT:]
        else:
            down = borne_out(choice.contacts, self.tail, self.floor)
        return Block(shown, self.current, reached, down, 0.0 if choice is None else choice.familiar,
                     None if choice is None else choice.reach, None, late)
