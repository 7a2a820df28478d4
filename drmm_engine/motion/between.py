# SPDX-License-Identifier: Apache-2.0
"""Motion from where a character is to a given pose at a given time: many walks there at once, and the best of them
brought to the pose exactly."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.model import Model
from drmm_engine.motion import room
from drmm_engine.motion.bones import bone_lengths, with_lengths
from drmm_engine.motion.controller import Errand, Target, walk_together
from drmm_engine.motion.features import FRAME_RATE, HISTORY, NEXT, placement, to_local, to_world
from drmm_engine.motion.rest import rest_of
from drmm_engine.motion.skeleton import JOINTS, TOES
from drmm_engine.motion.standing import Stand, smooth, step_in

WALKS = 8  # that are made at once
_CANDIDATES = 96
_STEPPED = 0.45  # metres; what is nearer is stepped to, not walked
_STEP_FRAMES = (18, 36)  # that a step into a still pose may take
_MOVING = 0.25  # m/s of the hips of an end that is moving
_BLEND = 14  # frames in which a walk takes the pose that it ends in
_BEYOND = 2.0  # metres that a walk through a moving end aims beyond it
_SETTLING = 1.0  # s before a still end at which a walk is to be there, at most a third of all


def between(model: Model, history: Array, end: Array, frames: int, seed: int = 0, keep: Sequence[room.Keep] = ()
            ) -> Array:
    """Positions `[frames, 20, 3]` that go on from `history` `[10, 20, 3]`, and whose last ones are `end` `[k, 20, 3]`.

    World, metres, 30 frames/s. An end of one pose, or one that hardly moves, is come to at rest. ValueError: shapes,
    numbers that are not finite, or fewer frames than the end and one more.
    """
    work = between_steps(model, history, end, frames, seed, keep)
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value


def between_steps(model: Model, history: Array, end: Array, frames: int, seed: int = 0, keep: Sequence[room.Keep] = ()
                  ) -> Generator[float, None, Array]:
    """`between` a decision at a time: yields how far it is, from 0 to 1, and returns the positions."""
    history, end = np.asarray(history, float), np.asarray(end, float)
    _check(history, end, frames)
    lead = frames - len(end) + 1  # frames up to the first pose of the end
    speed = _speed(end)
    far = float(np.linalg.norm(end[0, 0, :2] - history[-1, 0, :2]))
    lengths = bone_lengths(rest_of(model))
    if far < _STEPPED or lead < _STEP_FRAMES[0]:
        path = _stepped(model, history, end[0], lead, lengths, seed)
    elif speed < _MOVING:
        walks = yield from _walks(model, history, end[0], lead, seed, keep, still=True)
        path = min((_still(history, walk, end[0], lead, lengths, model, seed) for walk in walks), key=_roughness)
    else:
        walks = yield from _walks(model, history, end[0], lead, seed, keep, still=False)
        path = _through(min(walks, key=lambda walk: _mismatch(walk[:lead], end)), history, end, lead, lengths)
    return np.concatenate([path[: lead - 1], end])


def _check(history: Array, end: Array, frames: int) -> None:
    if history.shape != (HISTORY, len(JOINTS), 3):
        raise ValueError(f"history must be [{HISTORY}, {len(JOINTS)}, 3], got {history.shape}")
    if end.ndim != 3 or not len(end) or end.shape[1:] != (len(JOINTS), 3):
        raise ValueError(f"end must be poses [k, {len(JOINTS)}, 3], got {end.shape}")
    if not (np.isfinite(history).all() and np.isfinite(end).all()):
        raise ValueError("history and end must be finite")
    if frames <= len(end):
        raise ValueError(f"frames must be more than the {len(end)} of the end, got {frames!r}")


def _speed(end: Array) -> float:
    return float(np.linalg.norm(np.diff(end[:, 0, :2], axis=0), axis=-1).mean() * FRAME_RATE) if len(end) > 1 else 0.0


def _stepped(model: Model, history: Array, pose: Array, lead: int, lengths: Array, seed: int) -> Array:
    """Steps into the pose, `[lead, 20, 3]`, late where there is more time than steps need."""
    steps = min(lead, _STEP_FRAMES[1])
    if lead - steps < _STEP_FRAMES[0]:
        return step_in(history, pose, lengths, lead)
    first = step_in(history, pose, lengths, steps)
    return np.concatenate([first, Stand(model, seed).living(pose, lead - steps)])


def _walks(model: Model, history: Array, pose: Array, lead: int, seed: int, keep: Sequence[room.Keep], still: bool
           ) -> Generator[float, None, list[Array]]:
    """Walks `[F, 20, 3]` to the place of a pose by its time, and through it where it does not come to rest."""
    place, (_, heading) = pose[0, :2], placement(pose)
    seconds = lead / FRAME_RATE
    if still:
        targets = [Target(tuple(place), arrive=seconds - min(_SETTLING, seconds / 3), radius=0.3)]
    else:
        beyond = place + _BEYOND * np.array([np.cos(heading), np.sin(heading)])
        targets = [Target(tuple(place), arrive=seconds, radius=0.1), Target(tuple(beyond), radius=0.1)]
    errands = [Errand(targets, history=history)] * WALKS
    made: list[list[Array]] = [[] for _ in errands]
    for blocks in walk_together(model, errands, seconds + 0.2, seed, _CANDIDATES, keep, apart=False):
        for own, block in zip(made, blocks, strict=True):
            own += [] if block is None else [block.positions]
        yield min(1.0, max(len(own) for own in made) * NEXT / lead)
    return [np.concatenate(own) for own in made]


def _still(history: Array, walk: Array, pose: Array, lead: int, lengths: Array, model: Model, seed: int) -> Array:
    """A walk `[lead, 20, 3]` left, where that fits best, to step into a pose at rest."""
    whole = np.concatenate([history, walk])

    def misfit(frame: int) -> float:
        left, pace = pose[0, :2] - whole[frame, 0, :2], (whole[frame, 0, :2] - whole[frame - 3, 0, :2]) / 3
        steps = min(lead + HISTORY - 1 - frame, _STEP_FRAMES[1])
        return float(np.linalg.norm(left / steps - 0.5 * pace)) * FRAME_RATE

    last = min(len(whole), lead + HISTORY - _STEP_FRAMES[0]) - 1
    leave = min(range(max(HISTORY - 1, last - 30), last + 1), key=misfit)
    before = whole[: leave + 1]
    return np.concatenate([before[HISTORY:], _stepped(model, before[-HISTORY:], pose, lead - len(before) + HISTORY,
                                                      lengths, seed)])


def _roughness(path: Array) -> float:
    """Mean length of the third differences and the fastest step of a foot: what a step that does not fit shows."""
    jerk = np.linalg.norm(np.diff(path, n=3, axis=0), axis=-1).mean()
    return float(100 * jerk + np.linalg.norm(np.diff(path[:, TOES], axis=0), axis=-1).max())


def _mismatch(walk: Array, end: Array) -> float:
    """Metres, as root mean square over the joints, that a walk's last poses are from the end's first, where it is."""
    if len(walk) < 2:
        return np.inf
    moved = end[1] - end[0] if len(end) > 1 else 0.0
    return float(np.sqrt(np.square(walk[-1] - end[0]).mean()) + np.sqrt(np.square(walk[-1] - walk[-2] - moved).mean()))


def _through(walk: Array, history: Array, end: Array, lead: int, lengths: Array) -> Array:
    """A walk `[lead, 20, 3]` moved, turned and posed bit by bit so that its last frame is the first of the end."""
    short = lead - len(walk)
    walk = np.concatenate([walk, np.repeat(walk[-1:], max(short, 0), axis=0)])[:lead]
    (origin, heading), (goal, final) = placement(walk), placement(end[0])
    local = to_local(walk[:, None], origin, heading)[:, 0]
    turn = (final - heading[-1] + np.pi) % (2 * np.pi) - np.pi
    part = smooth(np.arange(1, lead + 1) / lead)
    late = smooth(np.clip((np.arange(1, lead + 1) - lead + min(_BLEND, lead)) / min(_BLEND, lead), 0, 1))
    local = local + late[:, None, None] * (to_local(end[:1], goal, final)[0] - local[-1])
    places = origin + part[:, None] * (goal - origin[-1])
    return with_lengths(to_world(local[:, None], places, heading + part * turn)[:, 0], lengths)
