# SPDX-License-Identifier: Apache-2.0
"""One decision: the paper's two draws (App. C.1) for one or several characters, and the best of their candidates.

First motion is drawn under the history alone, which tells what goals are within reach; then under the history and the
wanted goal, clipped to that reach. All these candidates pivot towards what is far off; the best by progress,
smoothness, still feet, likelihood, room, some chance, and how familiar it leaves the character to the model is taken:
what is a little odd now is odder by the next decision, until no motion that was learned is near.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array
from drmm_engine.model import Model
from drmm_engine.motion.bones import bone_lengths, with_lengths
from drmm_engine.motion.draws import Goal, Sampler
from drmm_engine.motion.features import (
    FRAME_RATE,
    GOALS,
    HISTORY,
    NEXT,
    decode_last,
    decode_steps,
    encode_history,
    placement,
    to_local,
    to_world,
    turned,
)
from drmm_engine.motion.goal import COLUMNS, Aim, bearings, wanted, within_reach
from drmm_engine.motion.layout import Layout, decode_contacts
from drmm_engine.motion.rest import rest_of
from drmm_engine.motion.room import Keep
from drmm_engine.motion.rooms import bounds, penetration
from drmm_engine.motion.skeleton import JOINTS, TOES, index
from drmm_engine.motion.turning import pivoted

_FACING_WEIGHTS = {False: 0.5, True: 1.0}  # towards where it walks, as people do; a heading that is asked for insists
_LOOSEST = 4.0  # times the clip, when nothing has been approached for a while
_NEARER, _WALKING = 0.02, 0.06  # metres a decision; less than the one is swaying, more than the other walking
SETTING_OFF = 8  # decisions that one who stands is taken to have idled: a stand alone leaves only itself in reach
_SLOW, _URGED = 0.5, 3  # part of its speed below which, and decisions of that after which, one is urged to move; at
# once, it would set off running
_PATIENCE = 4  # decisions since the target was last nearer that loosen the clip by its own width
_SETTLE = (0.5, 0.5, 0.7)  # part of the way from the character's pose to the candidate's own in five frames
_LIFTED = (0.01, 0.07)  # metres above its standing height from which and at which a toe joint's leg settles so sideways
_LOW = 0.02  # metres above its standing height below which a toe joint counts as on the floor
HEAD_CLIP = 2.0  # standard deviations of the heights of the head within reach
_LEGS = [[index(side + part) for part in ("LowerLeg", "Foot", "Toes")] for side in ("Left", "Right")]
_FASTEST = 12.0 / FRAME_RATE  # metres a frame; no joint of a person is faster
_FRONT = 24  # candidates whose bones get their lengths, and whose future is looked at, before the best is taken
_GLANCE = 2  # draws that tell how familiar the history of each of these would be
# What a candidate costs.
_COST_JERK = 0.05  # a millimetre a frame³, mean over joints and frames
_COST_SLIDE = 1.2  # a centimetre that toes on the floor move
_COST_MISS = 40.0  # a metre between the candidate's goal and the clipped one
_COST_HURRY = 80.0  # a metre that it leads further than the clipped goal does: one who is to walk sets off no runner
_HURRY = 0.05  # metres further that cost nothing
_COST_TURN = 5.0  # the length of the difference between its facing and the one asked for
_COST_UNLIKELY = 0.4  # a nat of importance weight below the best of its draw
_COST_STRANGE = 0.2  # a nat of density that the history which it leads to has less
_COST_FLYING = 1e6  # a joint faster than a person's
_CHANCE = 5.0  # of cost by which chance decides: the best alone is one and the same gait for ever


@dataclass
class Character:
    """One character's state: its last ten frames `[10, 20, 3]`, and for how many decisions it has not come nearer its
    place, and been much slower than it was to be."""

    history: Array
    style: str | None = None
    place: Array | None = None
    nearest: float = np.inf
    idle: int = 0
    slow: int = 0

    def __post_init__(self) -> None:
        if np.shape(self.history) != (HISTORY, len(JOINTS), 3):
            raise ValueError(f"history must be [{HISTORY}, {len(JOINTS)}, 3], got {np.shape(self.history)}")
        self.history = np.array(self.history, float)

    def note(self, frames: Array) -> None:
        """Frames `[5, 20, 3]` become part of the history."""
        self.history = np.concatenate([self.history, frames])[-HISTORY:]

    def urged(self, speed: float) -> int:
        """Counts the decisions since it was last about as fast as it is to be, m/s."""
        moved = self.history[-1, 0, :2] - self.history[-1 - NEXT, 0, :2]
        self.slow = self.slow + 1 if np.linalg.norm(moved) * FRAME_RATE / NEXT < _SLOW * speed else 0
        return self.slow

    def progress(self, place: Array) -> None:
        """Counts the decisions since `place` `[2]` was last nearer than ever: in circles around it is no progress."""
        distance = float(np.linalg.norm(self.history[-1, 0, :2] - place))
        if self.place is None or not np.allclose(place, self.place):
            self.place, self.nearest = np.array(place), distance
            return
        nearer = self.nearest - distance
        if nearer > _WALKING:
            self.idle = 0
        elif nearer < _NEARER:
            self.idle += 1
        self.nearest = min(self.nearest, distance)


@dataclass(frozen=True)
class Choice:
    """The frames `[5, 20, 3]` of a decision in the world; log density of the history that they go on from, less what
    is usual of the model, nats; and mean `[2]` and covariance `[2, 2]` of the hips' places within reach, world (m);
    whether left and right foot stand `[5, 2]`, where the model says."""

    frames: Array
    familiar: float
    reach: tuple[Array, Array]
    contacts: NDArray[np.bool_] | None


@dataclass
class Decider:
    """A model with what its decisions need to know of it."""

    model: Model
    candidates: int = 256
    sampler: Sampler = field(init=False)

    def __post_init__(self) -> None:
        self.sampler = Sampler(self.model)
        rest = rest_of(self.model)
        self.lengths, self.standing = bone_lengths(rest), float(rest[TOES, 2].mean())
        self.layout = Layout.of(self.model.features or {})
        self.head = self.model.schema.real_index(GOALS[-1])
        self.goals = np.array([self.model.schema.real_index(name) for name in COLUMNS])

    def decide(self, characters: Sequence[Character], aims: Sequence[Aim], rooms: Sequence[Sequence[Keep]],
               rng: np.random.Generator) -> list[Choice]:
        """The next five frames of each character towards its aim; they become part of its history."""
        placed = [placement(each.history[-1]) for each in characters]
        local = np.stack([to_local(c.history, *p) for c, p in zip(characters, placed, strict=True)])
        histories, styles = encode_history(local), [c.style for c in characters]
        free = self.sampler.draw(histories, None, styles, self.candidates, rng)
        slack, urge = zip(*(_pressed(c, aim.speed) for c, aim in zip(characters, aims, strict=True)), strict=True)
        turns = [bearings(aim, p[0], float(p[1])) for aim, p in zip(aims, placed, strict=True)]
        goals = [self._goal(*each)
                 for each in zip(aims, turns, placed, local, free.values, slack, urge, rooms, strict=True)]
        aimed = self.sampler.draw(histories, goals, styles, self.candidates, rng)
        values = np.concatenate([free.values, aimed.values], axis=1)
        unlikely = np.concatenate([d.log_weight.max(1, keepdims=True) - d.log_weight for d in (free, aimed)], axis=1)
        familiar, choices = self.sampler.familiarity(free.log_weight), []
        for k, character in enumerate(characters):
            poses = pivoted(self._poses(values[k], local[k]), turns[k][1])
            cost = _COST_UNLIKELY * unlikely[k] + slack[k] * self._miss(values[k], goals[k])
            cost += _CHANCE * rng.gumbel(size=len(cost))
            if rooms[k]:
                cost += penetration(rooms[k], to_world(poses, *placed[k]), FRAME_RATE)
            best, number = self._best(poses, cost, local[k], character.style, rng)
            frames = to_world(best, *placed[k])
            down = decode_contacts(values[k][number : number + 1], self.layout)
            character.note(frames)
            character.progress(aims[k].place)
            reach = _reach(free.values[k][:, self.goals[:2]], *placed[k])
            choices.append(Choice(frames, float(familiar[k]), reach, None if down is None else down[0]))
        return choices

    def _goal(self, aim: Aim, turn: tuple[float, float], placed: tuple[Array, Array], local: Array, free: Array,
              slack: float, urge: float, keep: Sequence[Keep]) -> Goal:
        place, facing = wanted(aim, *turn, _velocity(local), slack, urge)
        place, facing = within_reach(place, facing, free[:, self.goals], slack)
        lowest = self._lowest(free) if keep else 0.0
        return Goal(place, facing, _FACING_WEIGHTS[aim.heading is not None], bounds(keep, local, *placed, lowest))

    def _lowest(self, free: Array) -> float:
        """The lowest height of the head within reach, as `within_reach`."""
        heights = free[:, self.head]
        return float(heights.mean() - HEAD_CLIP * max(heights.std(), 0.01))

    def _poses(self, values: Array, local: Array) -> Array:
        """Candidates' poses `[n, 5, 20, 3]`: the last pose plus their steps, settling towards their own last pose."""
        drift = (decode_last(values) - local[-1].astype(np.float32)) * _settling(local[-1], self.standing)
        part = (np.arange(1, NEXT + 1, dtype=np.float32) / NEXT)[None, :, None, None]
        steps = decode_steps(values).cumsum(axis=1)
        return local[-1].astype(np.float32) + steps + part * drift[:, None]

    def _best(self, poses: Array, cost: Array, local: Array, style: str | None, rng: np.random.Generator
              ) -> tuple[Array, int]:
        """The best of poses `[n, 5, 20, 3]` of a cost `[n]` besides that of their motion and of where it leads, and its
        number: of the ones in front these costs are as they are with bones of the right lengths."""
        rough = cost + _cost_motion(poses, local, self.standing)
        front = np.argpartition(rough, min(_FRONT, len(rough)) - 1)[:_FRONT]
        whole = with_lengths(poses[front], self.lengths)
        after = np.concatenate([np.broadcast_to(local[NEXT:], (len(whole), *local[NEXT:].shape)), whole], axis=1)
        histories = encode_history(to_local(after, *placement(after[:, -1])))
        familiar = self.sampler.familiar(histories, [style] * len(whole), _GLANCE, rng)
        total = cost[front] + _cost_motion(whole, local, self.standing) - _COST_STRANGE * familiar
        first = int(np.argmin(total))
        return whole[first], int(front[first])

    def _miss(self, values: Array, goal: Goal) -> Array:
        off = values[:, self.goals] - np.concatenate([goal.place, goal.facing])
        turn = _COST_TURN if goal.facing_weight > _FACING_WEIGHTS[False] else 0.0
        further = np.hypot(*values[:, self.goals[:2]].T) - np.hypot(*goal.place)
        hurry = _COST_HURRY * np.maximum(further - _HURRY, 0)
        return hurry + _COST_MISS * np.hypot(off[:, 0], off[:, 1]) + turn * np.hypot(off[:, 2], off[:, 3])


def _pressed(character: Character, speed: float) -> tuple[float, float]:
    """How much wider than usual goals may lie, and how much sooner than usual it is to move: one who sets off is given
    some decisions to do it in."""
    late = float(np.clip(character.urged(speed) - _URGED, 1, _LOOSEST))
    slack = max(late, 1 + min(character.idle / _PATIENCE, _LOOSEST - 1))
    return slack, late if character.idle >= SETTING_OFF else slack


def _velocity(local: Array) -> Array:
    """Of the hips `[2]` over the history, m/s."""
    return (local[-1, 0, :2] - local[0, 0, :2]) * FRAME_RATE / (HISTORY - 1)


def _settling(pose: Array, standing: float) -> NDArray[np.float32]:
    """How much each joint settles `[20, 3]`: a foot that stands not sideways, and its knee by half."""
    share = np.tile(np.array(_SETTLE, np.float32), (len(JOINTS), 1))
    for knee, ankle, toes in _LEGS:
        lifted = float(np.clip((pose[toes, 2] - standing - _LIFTED[0]) / (_LIFTED[1] - _LIFTED[0]), 0, 1))
        share[[ankle, toes], :2] *= lifted
        share[knee, :2] *= 0.5 + 0.5 * lifted
    return share


def _cost_motion(poses: Array, local: Array, standing: float) -> Array:
    past = np.broadcast_to(local[-3:].astype(np.float32), (len(poses), 3, *local.shape[1:]))
    motion = np.concatenate([past, poses], axis=1)
    steps = np.diff(motion, axis=1)
    jerk = 1000 * _lengths(np.diff(steps, n=2, axis=1)).mean(axis=(1, 2))
    low = motion[:, 2:-1][:, :, TOES, 2] < standing + _LOW
    slide = 100 * (_lengths(steps[:, 2:][:, :, TOES, :2]) * low).sum(axis=(1, 2))
    flying = _lengths(steps[:, 2:]).max(axis=(1, 2)) > _FASTEST
    return _COST_JERK * jerk + _COST_SLIDE * slide + _COST_FLYING * flying


def _lengths(vectors: Array) -> Array:
    return np.sqrt(np.einsum("...i,...i->...", vectors, vectors))


def _reach(places: Array, origin: Array, heading: Array) -> tuple[Array, Array]:
    """Mean and covariance in the world of local places `[n, 2]`."""
    flat = np.concatenate([places, np.zeros((len(places), 1))], axis=1)
    world = turned(flat, np.asarray(heading))[:, :2] + origin
    return world.mean(axis=0), np.cov(world.T)

