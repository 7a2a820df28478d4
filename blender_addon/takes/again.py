# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes made from a take: with other seeds, with a stretch made anew, longer, or after its targets were moved.

Each is work in steps, a decision of the controller a step, that yields how far it is from 0 to 1. Nothing is changed
before the last step, which adds the takes; a take that others are made from stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np

import drmm_engine as drmm
from drmm_engine.motion import between, contacts, familiar
from drmm_engine.motion.features import HISTORY
from drmm_engine.motion.skeleton import TOES

from .. import models
from .. import walk as walks
from ..direction import gather
from . import patch, splice, store
from .motion import Motion, join
from .record import Take, read, write

Work = Iterator[float]


def vary(context: bpy.types.Context, armature: bpy.types.Object, count: int) -> Work:
    """Takes with the next seeds that no take has."""
    take = read(store.chosen(armature))
    first = 1 + max([take.record["seed"], *(row.seed for row in armature.drmm.takes.rows)])
    made = []
    for number in range(count):
        walk = walks.resume(context, armature, take.record, seed=first + number)
        for part in _steps(walk):
            yield (number + part) / count
        made.append((take.record | {"seed": first + number}, walk.motion))
    for record, motion in made:
        store.add(armature, record, motion, walks.keys(context, armature, record, motion), take.start)


def stretch(context: bpy.types.Context, armature: bpy.types.Object, first: int, last: int, seed: int) -> Work:
    """A take whose frames between two of the scene are made anew; both are kept, and all keys outside."""
    source = store.chosen(armature)
    take = read(source)
    before, after = splice.stretch(take, first, last)
    end = take.motion.positions[after : after + splice.END]
    model = models.load(bpy.path.abspath(take.record["model"]), "locomotion")
    rooms = walks.plan.rooms(take.record)
    past, count = splice.history(take, before + 1), after - before - 1
    made = yield from between.between_steps(model, past, end, count + len(end), seed, rooms)
    middle = Motion.plain(made[:count], int(take.motion.target[before]))
    motion = join([take.motion.part(0, before + 1), middle, take.motion.part(after)])
    _look(model, motion, before + 1, after)
    note = f"Frames {max(first, take.start)} to {min(last, take.end)} made anew, from take {_number(armature)}"
    _add(context, armature, source, Take(take.record | {"seed": seed}, motion), note, first, last)


def _look(model: drmm.Model, motion: Motion, first: int, end: int) -> None:
    """See which feet stand in frames of a motion up to, without, `end`, and how plausible those are."""
    standing = np.array(model.skeleton["rest"], float)[TOES, 2].mean()
    motion.contacts[first:end] = contacts.contacts(motion.positions, standing)[first:end]
    lead = max(first - HISTORY, 0)
    motion.plausibility[first:end] = familiar.plausibility(model, motion.positions[lead:end])[first - lead :]


def extend(context: bpy.types.Context, armature: bpy.types.Object, seconds: float) -> Work:
    """A take that goes on from its end: to the targets that were added to the list since, or else straight on."""
    source = store.chosen(armature)
    take, scene = read(source), context.scene
    listed = gather.rows(scene, gather.listed(scene, armature).targets)
    rows = splice.extra(take.record.get("rows", []), listed)
    begin = take.world(take.motion.positions[-1, 0])[:2]
    targets = gather.targets(scene, rows, begin, take.record["scale"], take.start, take.record["fps"])
    added = targets or [splice.ahead(take, seconds)]
    record = take.record | {
        "targets": take.record["targets"] + added,
        "rows": take.record.get("rows", []) + rows,
        "seconds": splice.seconds(take, len(take.motion)) + seconds,
    }
    skip = len(take.record["targets"])
    yield from _go_on(
        context, armature, source, record, skip, len(take.motion), f"Longer, from take {_number(armature)}"
    )


def update(context: bpy.types.Context, armature: bpy.types.Object) -> Work:
    """A take after targets were moved, added or taken away: made anew from where the first of them is walked to."""
    source = store.chosen(armature)
    take, scene = read(source), context.scene
    now = splice.merged(take.record["targets"], walks.now(scene, take.record))
    number = splice.changed(take.record["targets"], now)
    if number is None:
        raise ValueError("no target of this take was moved since; move one, or use Vary for another take")
    if number >= len(now):
        raise ValueError("the targets after those that are left are gone; use Generate")
    note = f"From target {number + 1} on, from take {_number(armature)}"
    record = take.record | {"targets": now}
    yield from _go_on(context, armature, source, record, number, splice.pursued(take, number), note)


def _go_on(
    context: bpy.types.Context,
    armature: bpy.types.Object,
    source: bpy.types.Action,
    record: dict[str, Any],
    skip: int,
    frame: int,
    note: str,
) -> Work:
    """Keep a take up to a frame of its motion, and walk on from there to the targets from number `skip` on."""
    take = read(source)
    elapsed = splice.seconds(take, frame)
    asked = record | {"targets": splice.later(record["targets"], elapsed)}
    past = splice.history(take, frame) if frame else None
    left = max(record["seconds"] - elapsed, 0.5)
    walk = walks.resume(context, armature, asked, history=past, skip=skip, seconds=left)
    yield from _steps(walk)
    motion = join([take.motion.part(0, frame), walk.motion])
    kept = int(np.floor(take.start + max(frame - 1, 0) / take.ratio + 1e-6))
    _add(context, armature, source, Take(record, motion), note, kept)


def _add(
    context: bpy.types.Context,
    armature: bpy.types.Object,
    source: bpy.types.Action,
    take: Take,
    note: str,
    first: float,
    last: float = patch.END,
) -> None:
    """Add a take that has the keys of another one but between two frames."""
    channels = walks.keys(context, armature, take.record, take.motion)
    made = patch.patched(armature, source, channels, take.start, max(first, take.start), min(last, _end(take, last)))
    write(made, take)
    store.enlist(armature, made, note)


def _end(take: Take, last: float) -> float:
    return last if last == patch.END else take.end


def _steps(walk: walks.Walk) -> Work:
    while walk.step():
        yield walk.progress


def _number(armature: bpy.types.Object) -> str:
    settings = armature.drmm.takes
    return settings.rows[settings.index].name
