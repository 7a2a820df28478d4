# SPDX-License-Identifier: Apache-2.0
"""A character that walks to targets: the paper's two draws a decision (App. C.1), five frames at a time.

First the goals that the motion so far can reach are drawn and the wanted goal is clipped to them, then the next poses
are drawn for the clipped goal, and of all candidates the best by likelihood, smoothness, still feet and progress is
taken. Starting, stopping and little data are what the paper's rule alone freezes on: while a far target is not being
approached the clip loosens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.conditions import Condition, Known
from drmm_engine.model import Model
from drmm_engine.motion.bones import bone_lengths, with_lengths
from drmm_engine.motion.features import (
    GOALS,
    HISTORY,
    HISTORY_NAMES,
    NEXT,
    decode_last,
    decode_steps,
    encode_history,
    placement,
    to_local,
    to_world,
)
from drmm_engine.motion.skeleton import JOINTS, index

REACHED = 0.5  # metres from the hips to a target that counts as there

_HISTORY_WEIGHTS = (0.333, 0.333, 0.8)  # of the averaged poses, oldest first
_GOAL_WEIGHT, _FACING_WEIGHT = 0.5, 1.0
_CLIP = 3.5  # standard deviations of reachable goals
_LOOSEST = 4.0  # times the clip, when nothing has been approached for a while
_PROGRESS = 0.15  # m/s towards the target below which it counts as not approached
_PATIENCE = 6  # decisions without progress that loosen the clip by its own width
_SPREAD = 0.02  # metres; least standard deviation of reachable goals, grows with the slack
_SETTLE = (0.0, 0.0, 0.5)  # part of the way from the character's pose to the candidate's own, in five frames: heights
_LOW = 0.02  # metres above its standing height below which a toe joint counts as on the floor
# What a candidate costs, in units of a tenth of a nat of importance weight.
_COST_JERK = 1.0  # a millimetre a frame³, mean over joints and frames
_COST_SLIDE = 1.0  # a centimetre that toes on the floor move
_COST_MISS = 1.0  # a metre between the candidate's goal and the clipped one
_TOES = [index("LeftToes"), index("RightToes")]


@dataclass(frozen=True)
class Target:
    """A place on the floor to walk to, metres; `face`: looking at it on the way."""

    position: tuple[float, float]
    face: bool = False


@dataclass(frozen=True)
class Block:
    """Five frames at 30 frames/s: positions `[5, 20, 3]` in metres, the target pursued, and whether it was reached."""

    positions: Array
    target: int
    reached: bool


def walk(
    model: Model,
    targets: Sequence[Target],
    seconds: float | None = None,
    start: tuple[float, float] = (0.0, 0.0),
    heading: float = 0.0,
    seed: int = 0,
    candidates: int = 256,
    history: Array | None = None,
) -> Iterator[Block]:
    """Blocks of a walk to the targets in order, until the last is reached or `seconds` are over (None: no limit).

    The character stands at `start` facing `heading` (radians), or continues `history` `[10, 20, 3]` at 30 frames/s.
    ValueError: not a locomotion model, no target, a target that is not finite or is where the character stands.
    """
    if not model.features or model.features.get("kind") != "locomotion":
        raise ValueError("this is not a locomotion model: train one with `python -m training.locomotion`")
    if not targets:
        raise ValueError("no target: a walk needs at least one")
    for number, target in enumerate(targets, start=1):
        if len(target.position) != 2 or not np.all(np.isfinite(target.position)):
            raise ValueError(f"target {number} is not a place on the floor: {target.position!r}")
    if history is None:
        history = to_world(np.array(model.features["start"]), np.array(start), np.float64(heading))
    first = np.linalg.norm(np.array(targets[0].position) - history[-1][0, :2])
    if first < REACHED:
        raise ValueError(f"target 1 is where the character stands ({100 * first:.0f} cm away): move it at least "
                         f"{100 * REACHED:.0f} cm off")
    return _walk(Controller(model, history, seed, candidates), targets, seconds)


def _walk(controller: Controller, targets: Sequence[Target], seconds: float | None) -> Iterator[Block]:
    blocks = None if seconds is None else max(1, round(seconds * 30 / NEXT))
    current, made = 0, 0
    while current < len(targets) and (blocks is None or made < blocks):
        positions = controller.decide(targets[current])
        distance = np.linalg.norm(positions[:, 0, :2] - targets[current].position, axis=-1)
        reached = bool(distance.min() < REACHED)
        yield Block(positions, current, reached)
        if reached:
            controller.idle = 0
        current, made = current + reached, made + 1


class Controller:
    """One character's state: its last ten frames, and for how many decisions it has not come nearer its target."""

    def __init__(self, model: Model, history: Array, seed: int = 0, candidates: int = 256) -> None:
        if np.shape(history) != (HISTORY, len(JOINTS), 3):
            raise ValueError(f"history must be [{HISTORY}, {len(JOINTS)}, 3], got {np.shape(history)}")
        self.model, self.candidates = model, candidates
        self.rng = np.random.default_rng(seed)
        self.history = np.array(history, float)
        rest = np.array(model.skeleton["rest"], float)
        self.lengths, self.standing = bone_lengths(rest), float(rest[_TOES, 2].mean())
        self.idle = 0

    def decide(self, target: Target) -> Array:
        """The next five poses `[5, 20, 3]` towards a target; they become part of the history."""
        origin, heading = placement(self.history[-1])
        local = to_local(self.history, origin, heading)
        known = self._known_history(local)
        wanted = _wanted_goal(target, origin, heading)
        goal = self._reachable(known, wanted)
        draw = self.model.sample([*known, *_known_goal(goal)], self.candidates, self._seed(), clamp=False)
        poses = self._poses(draw.values, local[-1])
        cost = self._cost(draw.values, poses, local, goal) - 0.1 * draw.log_weight
        chosen = to_world(poses[int(np.argmin(cost))], origin, heading)
        self._note_progress(chosen, target)
        self.history = np.concatenate([self.history, chosen])[-HISTORY:]
        return chosen

    def _seed(self) -> int:
        return int(self.rng.integers(1 << 31))

    def _known_history(self, local: Array) -> list[Condition]:
        poses = encode_history(local[None])[0].reshape(len(HISTORY_NAMES), -1)
        names = [f"{joint}.{axis}" for joint in JOINTS for axis in "xyz"]
        return [
            Known({f"{group}.{name}": value for name, value in zip(names, pose.tolist(), strict=True)}, weight)
            for group, pose, weight in zip(HISTORY_NAMES, poses, _HISTORY_WEIGHTS, strict=True)
        ]

    def _reachable(self, known: list[Condition], wanted: dict[str, float]) -> dict[str, float]:
        """The wanted goal clipped to mean +- 3.5 sd of the goals drawn under the history alone."""
        draw = self.model.sample(known, self.candidates, self._seed(), clamp=False, rank=False)
        slack = min(self.idle / _PATIENCE, _LOOSEST - 1)
        clipped = {}
        for name, value in wanted.items():
            mean, sd = draw[name].mean(), max(draw[name].std(), _SPREAD * (1 + slack))
            clipped[name] = float(np.clip(value, mean - _CLIP * (1 + slack) * sd, mean + _CLIP * (1 + slack) * sd))
        return clipped

    def _poses(self, values: Array, last: Array) -> Array:
        """Candidates' poses `[n, 5, 20, 3]`: the last pose plus their steps, settling towards their own heights."""
        drift = (decode_last(values) - last) * _SETTLE
        part = np.arange(1, NEXT + 1)[None, :, None, None] / NEXT
        return with_lengths(last + decode_steps(values).cumsum(axis=1) + part * drift[:, None], self.lengths)

    def _cost(self, values: Array, poses: Array, local: Array, goal: dict[str, float]) -> Array:
        past = np.broadcast_to(local[-3:], (len(poses), 3, *local.shape[1:]))
        motion = np.concatenate([past, poses], axis=1)
        jerk = 1000 * np.linalg.norm(np.diff(motion, n=3, axis=1), axis=-1).mean(axis=(1, 2))
        toes = motion[:, 2:, _TOES]
        low = toes[:, :-1, :, 2] < self.standing + _LOW
        slide = 100 * (np.linalg.norm(np.diff(toes[..., :2], axis=1), axis=-1) * low).sum(axis=(1, 2))
        columns = [self.model.schema.column(name) for name in GOALS[:2]]
        miss = np.linalg.norm(values[:, columns] - [goal[name] for name in GOALS[:2]], axis=-1)
        return _COST_JERK * jerk + _COST_SLIDE * slide + _COST_MISS * miss

    def _note_progress(self, chosen: Array, target: Target) -> None:
        before, after = (np.linalg.norm(pose[0, :2] - target.position) for pose in (self.history[-1], chosen[-1]))
        near = after < 2 * REACHED
        slow = before - after < _PROGRESS * NEXT / 30
        self.idle = self.idle + 1 if slow and not near else max(0, self.idle - 2)


def _wanted_goal(target: Target, origin: Array, heading: Array) -> dict[str, float]:
    """The target as goal variables of the local frame: mean hips position, and a facing vector towards it."""
    place = to_local(np.array([[[*target.position, 0.0]]]), origin, heading)[0, 0, :2]
    goal = dict(zip(GOALS[:2], place, strict=True))
    if target.face:
        goal |= dict(zip(GOALS[3:5], place / max(np.linalg.norm(place), 1e-9), strict=True))
    return goal


def _known_goal(goal: dict[str, float]) -> list[Condition]:
    hips = {name: goal[name] for name in GOALS[:2]}
    facing = {name: value for name, value in goal.items() if name not in hips}
    known: list[Condition] = [Known(hips, _GOAL_WEIGHT if facing else 1.0)]
    return [*known, Known(facing, _FACING_WEIGHT)] if facing else known
