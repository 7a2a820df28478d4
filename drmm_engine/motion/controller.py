# SPDX-License-Identifier: Apache-2.0
"""A character that walks to targets: the paper's two draws a decision (App. C.1), five frames at a time.

First motion is drawn under the history alone, which tells what goals are within reach; then under the history and the
wanted goal, clipped to that reach. Of all these candidates the best by progress, smoothness, still feet and likelihood
is taken. What the paper's rule freezes or falls apart on, with little data, is mended in the goal: it is a place that a
walk reaches in the next second, never behind the character, and while nothing is approached the clip loosens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.conditions import Condition, Known
from drmm_engine.model import Model
from drmm_engine.motion.bones import bone_lengths, with_lengths
from drmm_engine.motion.directions import POOR, REACHED, Block, Target, check
from drmm_engine.motion.features import (
    FRAME_RATE,
    FUTURE,
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
    variable_names,
)
from drmm_engine.motion.rest import rest_of
from drmm_engine.motion.skeleton import JOINTS, TOES
from drmm_engine.posterior import Draw

__all__ = ["POOR", "REACHED", "Block", "Controller", "Target", "walk"]

_HISTORY_WEIGHTS = (0.333, 0.333, 0.8)  # of the averaged poses, oldest first
_GOAL_WEIGHT = 0.5
_FACING_WEIGHTS = {False: 0.5, True: 1.0}  # towards where it walks, as people do; `face` insists
_PACE = 1.2  # m/s; the hips' mean place over the next second is at most half of this and a frame away
_REACH = _PACE * (FUTURE + 1) / (2 * FRAME_RATE)
_SHARPEST = np.radians(60)  # bearing of the wanted place: a target behind is walked to in a curve
_GLANCE = np.radians(90)  # bearing of the wanted facing
_CLIP = 3.5  # standard deviations of the goals within reach
_LOOSEST = 4.0  # times the clip, when nothing has been approached for a while
_NEARER = 0.02  # metres; less is swaying, not walking
_PATIENCE = 4  # decisions since the target was last nearer that loosen the clip by its own width
_SPREAD = 0.02  # metres; least standard deviation of goals within reach, grows with the slack
_SETTLE = (0.0, 0.0, 0.7)  # part of the way from the character's pose to the candidate's own in five frames: heights
_LOW = 0.02  # metres above its standing height below which a toe joint counts as on the floor
# What a candidate costs.
_COST_JERK = 1.0  # a millimetre a frame³, mean over joints and frames
_COST_SLIDE = 2.0  # a centimetre that toes on the floor move
_COST_MISS = 20.0  # a metre between the candidate's goal and the clipped one
_COST_UNLIKELY = 0.05  # a nat of importance weight below the best of its draw


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
    ValueError: not a locomotion model, no target, a target that is not finite or is where the character stands,
    seconds that are not positive.
    """
    if not model.features or model.features.get("kind") != "locomotion":
        raise ValueError("this is not a locomotion model: train one with `python -m training.locomotion`")
    if model.schema.names != variable_names() or "start" not in model.features or not model.skeleton:
        raise ValueError("this locomotion model has other variables than this version walks with: train it again")
    check(targets)
    if seconds is not None and not 0 < seconds < np.inf:
        raise ValueError(f"seconds must be positive, got {seconds!r}")
    if history is None:
        history = to_world(np.array(model.features["start"]), np.array(start), np.array(heading))
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
        current, made = current + reached, made + 1


class Controller:
    """One character's state: its last ten frames, and for how long it has not come nearer its target."""

    def __init__(self, model: Model, history: Array, seed: int = 0, candidates: int = 256) -> None:
        if np.shape(history) != (HISTORY, len(JOINTS), 3):
            raise ValueError(f"history must be [{HISTORY}, {len(JOINTS)}, 3], got {np.shape(history)}")
        self.model, self.candidates = model, candidates
        self.rng = np.random.default_rng(seed)
        self.history = np.array(history, float)
        rest = rest_of(model)
        self.lengths, self.standing = bone_lengths(rest), float(rest[TOES, 2].mean())
        self.target: Target | None = None
        self.nearest, self.idle = np.inf, 0

    def decide(self, target: Target) -> Array:
        """The next five poses `[5, 20, 3]` towards a target; they become part of the history."""
        origin, heading = placement(self.history[-1])
        local = to_local(self.history, origin, heading)
        known = self._known_history(local)
        free = self._draw(known)
        slack = 1 + min(self.idle / _PATIENCE, _LOOSEST - 1)
        goal = _within_reach(_wanted_goal(target, origin, heading), free, slack)
        aimed = self._draw([*known, *_known_goal(goal, _FACING_WEIGHTS[target.face])])
        values = np.concatenate([free.values, aimed.values])
        poses = self._poses(values, local)
        unlikely = np.concatenate([draw.log_weight.max() - draw.log_weight for draw in (free, aimed)])
        cost = self._cost(poses, local) + _COST_UNLIKELY * unlikely + slack * _COST_MISS * self._miss(values, goal)
        chosen = to_world(poses[int(np.argmin(cost))], origin, heading)
        self._note_progress(chosen, target)
        self.history = np.concatenate([self.history, chosen])[-HISTORY:]
        return chosen

    def _draw(self, known: list[Condition]) -> Draw:
        seed = int(self.rng.integers(1 << 31))
        return self.model.sample(known, self.candidates, seed, clamp=False, rank=False)

    def _known_history(self, local: Array) -> list[Condition]:
        poses = encode_history(local[None])[0].reshape(len(HISTORY_NAMES), -1)
        names = [f"{joint}.{axis}" for joint in JOINTS for axis in "xyz"]
        return [
            Known({f"{group}.{name}": value for name, value in zip(names, pose.tolist(), strict=True)}, weight)
            for group, pose, weight in zip(HISTORY_NAMES, poses, _HISTORY_WEIGHTS, strict=True)
        ]

    def _poses(self, values: Array, local: Array) -> Array:
        """Candidates' poses `[n, 5, 20, 3]`: the last pose plus their steps, settling towards their own last pose."""
        drift = (decode_last(values) - local[-1]) * _SETTLE
        part = np.arange(1, NEXT + 1)[None, :, None, None] / NEXT
        steps = decode_steps(values).cumsum(axis=1)
        return with_lengths(local[-1] + steps + part * drift[:, None], self.lengths)

    def _cost(self, poses: Array, local: Array) -> Array:
        past = np.broadcast_to(local[-3:], (len(poses), 3, *local.shape[1:]))
        motion = np.concatenate([past, poses], axis=1)
        jerk = 1000 * np.linalg.norm(np.diff(motion, n=3, axis=1), axis=-1).mean(axis=(1, 2))
        toes = motion[:, 2:, TOES]
        low = toes[:, :-1, :, 2] < self.standing + _LOW
        slide = 100 * (np.linalg.norm(np.diff(toes[..., :2], axis=1), axis=-1) * low).sum(axis=(1, 2))
        return _COST_JERK * jerk + _COST_SLIDE * slide

    def _miss(self, values: Array, goal: dict[str, float]) -> Array:
        columns = [self.model.schema.column(name) for name in GOALS[:2]]
        return np.linalg.norm(values[:, columns] - [goal[name] for name in GOALS[:2]], axis=-1)

    def _note_progress(self, chosen: Array, target: Target) -> None:
        """Decisions since the target was last nearer than ever: walking in circles around it is no progress."""
        if target != self.target:
            self.target, self.nearest = target, np.inf
        distance = float(np.linalg.norm(chosen[-1, 0, :2] - target.position))
        nearer = distance < self.nearest - _NEARER
        self.idle, self.nearest = (0, distance) if nearer else (self.idle + 1, self.nearest)


def _wanted_goal(target: Target, origin: Array, heading: Array) -> dict[str, float]:
    """Goal variables of the local frame: the place a walk towards the target reaches, and the facing on the way."""
    x, y = to_local(np.array([[[*target.position, 0.0]]]), origin, heading)[0, 0, :2]
    bearing = np.arctan2(y, x)
    reach = min(np.hypot(x, y), _REACH)
    turn, glance = (float(np.clip(bearing, -most, most)) for most in (_SHARPEST, _GLANCE))
    wanted = (reach * np.cos(turn), reach * np.sin(turn), np.cos(glance), np.sin(glance))
    return dict(zip((*GOALS[:2], *GOALS[3:5]), wanted, strict=True))


def _within_reach(wanted: dict[str, float], free: Draw, slack: float) -> dict[str, float]:
    """The wanted goal clipped to mean +- 3.5 sd of the goals drawn under the history alone."""
    clipped = {}
    for name, value in wanted.items():
        mean, width = free[name].mean(), _CLIP * slack * max(free[name].std(), _SPREAD * slack)
        clipped[name] = float(np.clip(value, mean - width, mean + width))
    return clipped


def _known_goal(goal: dict[str, float], facing_weight: float) -> list[Condition]:
    place, facing = ({name: goal[name] for name in names} for names in (GOALS[:2], GOALS[3:5]))
    return [Known(place, _GOAL_WEIGHT), Known(facing, facing_weight)]
