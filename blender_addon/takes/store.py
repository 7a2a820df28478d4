# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes kept with their armature: added, shown, accepted, rejected.

The armature plays the Action of the take that is shown. What it was before the first of them, its Action with slot
and blending and the pose, is remembered until one take is accepted or all are rejected.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import bpy
import numpy as np

from .. import action as actions
from .. import compat
from ..channels import Channel, rotation_property
from . import ghosts, renamed
from .motion import Motion
from .record import Take, holds, read, write

NAME = "DRMM Walk"
BLENDING = {"action_blend_type": "REPLACE", "action_influence": 1.0, "action_extrapolation": "HOLD"}


def add(
    armature: bpy.types.Object, record: dict, motion: Motion, channels: Sequence[Channel], start: int
) -> bpy.types.Action:
    """Make a take of what was generated, from the frame `start` on, and show it; the armature's own Action is kept."""
    actions.check_action(armature)
    made = actions.new(armature, NAME, channels, start)
    bones = renamed.ends(armature, {channel.bone for channel in channels})
    write(made, Take(record | {"start": int(start), renamed.BONES: bones}, motion))
    return enlist(armature, made)


def enlist(armature: bpy.types.Object, made: bpy.types.Action, note: str = "") -> bpy.types.Action:
    """Put an Action that is a take on the armature's list, and show it."""
    actions.check_action(armature)
    prune(armature)
    remember(armature)
    take, settings = read(made), armature.drmm.takes
    number = 1 + max((int(row.name) for row in settings.rows), default=0)
    row = settings.rows.add()
    row.name, row.action, row.note = str(number), made, note
    row.seed, row.first, row.last = take.record["seed"], take.start, take.end
    known = take.motion.plausibility[np.isfinite(take.motion.plausibility)]
    row.plausibility = known.mean() if len(known) else 0.0
    settings.index = len(settings.rows) - 1
    return made


def reviewing(armature: bpy.types.Object) -> bool:
    """Whether takes are looked at: what the armature was before is remembered."""
    return bool(armature.drmm.takes.state)


def chosen(armature: bpy.types.Object) -> bpy.types.Action:
    """The Action of the take that is chosen in the list; ValueError where there is none."""
    row = _chosen(armature)
    if row is None:
        raise ValueError(f"there is no take of {armature.name!r} to work on; use Generate, or choose one in the list")
    if row.action is None:
        raise ValueError(f"the Action of take {row.name} of {armature.name!r} is gone; choose another take")
    return row.action


def shown(armature: bpy.types.Object) -> Take | None:
    """The take that the armature's Action is; None where it is none."""
    animation = armature.animation_data
    if not animation or not holds(animation.action):
        return None
    try:
        return read(animation.action)
    except ValueError:
        return None


def show(armature: bpy.types.Object) -> None:
    """Have the armature play the chosen take, as nothing else blends into it, and show the others as ghosts."""
    row, animation = _chosen(armature), armature.animation_data
    if row and row.action and holds(row.action):
        renamed.mend(armature, row.action)
    if row and row.action and not (animation and (animation.use_tweak_mode or animation.action == row.action)):
        remember(armature)
        _play(armature, row.action)
    ghosts.refresh(bpy.context.scene)


def remember(armature: bpy.types.Object) -> None:
    """Note what the armature plays and how it stands, unless it is noted already."""
    settings, animation = armature.drmm.takes, armature.animation_data
    if settings.state:
        return
    settings.before = animation.action if animation else None
    slot = getattr(animation, "action_slot", None)
    blending = {name: getattr(animation, name) for name in BLENDING} if animation else BLENDING
    settings.state = json.dumps(
        {"slot": slot.identifier if slot else "", "blending": blending, "pose": _pose(armature)}
    )


def step(armature: bpy.types.Object, places: int) -> None:
    """Show the take that is some places further down the list, which goes round."""
    actions.check_action(armature)
    prune(armature)
    settings = armature.drmm.takes
    if not len(settings.rows):
        raise ValueError(f"there is no take of {armature.name!r} to show; use Generate")
    settings.index = (settings.index + places) % len(settings.rows)


def state(armature: bpy.types.Object) -> dict:
    """How the armature was before its takes; empty where none are on trial."""
    return json.loads(armature.drmm.takes.state or "{}")


def accept(armature: bpy.types.Object, keep: bool) -> bpy.types.Action:
    """The take shown becomes the armature's Action; the others on trial go, unless they are to be kept."""
    actions.check_action(armature)
    settings, taken = armature.drmm.takes, chosen(armature)
    _play(armature, taken)
    before = settings.before
    if before and before.library is None and before not in [row.action for row in settings.rows]:
        before.use_fake_user = True
    _end(armature)
    if not keep:
        _drop(armature, [number for number, row in enumerate(settings.rows) if not row.kept and row.action != taken])
    for row in settings.rows:
        row.kept = True
    settings.index = [row.action for row in settings.rows].index(taken)
    return taken


def reject(armature: bpy.types.Object, keep: bool) -> None:
    """The armature is again what it was before; takes that were not accepted go, unless they are to be kept."""
    actions.check_action(armature)
    if not reviewing(armature):
        raise ValueError(f"no takes of {armature.name!r} are on trial; there is nothing to go back from")
    restore(armature)
    settings = armature.drmm.takes
    before = settings.before
    if not keep:
        _drop(armature, [number for number, row in enumerate(settings.rows) if not row.kept])
    _end(armature)
    actions_left = [row.action for row in settings.rows]
    settings.index = actions_left.index(before) if before in actions_left else len(actions_left)  # none is chosen


def remove(armature: bpy.types.Object) -> None:
    """Take the chosen take off the list, with its Action where nothing else uses it; the next one is shown."""
    actions.check_action(armature)
    settings = armature.drmm.takes
    if _chosen(armature) is None:
        raise ValueError(f"there is no take of {armature.name!r} to remove; choose one in the list")
    if len(settings.rows) == 1 and reviewing(armature):
        restore(armature)
        _drop(armature, [0])
        _end(armature)
    else:
        _drop(armature, [settings.index])
    settings.index = max(min(settings.index, len(settings.rows) - 1), 0)


def prune(armature: bpy.types.Object) -> None:
    """Forget takes whose Actions are gone."""
    rows = armature.drmm.takes.rows
    for number in reversed(range(len(rows))):
        if rows[number].action is None:
            rows.remove(number)


@contextmanager
def as_before(context: bpy.types.Context, armature: bpy.types.Object) -> Iterator[None]:
    """Within the block the armature stands as it did before its takes: the same seed finds the same walk."""
    if not reviewing(armature):
        yield
        return
    restore(armature)
    context.view_layer.update()
    try:
        yield
    finally:
        row = _chosen(armature)
        if row and row.action:
            _play(armature, row.action)
        context.view_layer.update()


def restore(armature: bpy.types.Object) -> None:
    """Give the armature back the Action, the blending and the pose from before its takes."""
    settings = armature.drmm.takes
    kept, animation = state(armature), armature.animation_data
    if animation:
        animation.action = settings.before
        if settings.before:
            _bind(armature, kept["slot"])
        for name, value in kept["blending"].items():
            setattr(animation, name, value)
    _stand(armature, kept["pose"])


def _bind(armature: bpy.types.Object, identifier: str) -> None:
    animation = armature.animation_data
    if compat.SLOTTED and identifier:
        animation.action_slot = animation.action.slots.get(identifier) or animation.action_slot


def _play(armature: bpy.types.Object, action: bpy.types.Action) -> None:
    compat.assign(armature, action)
    for name, value in BLENDING.items():
        setattr(armature.animation_data, name, value)


def _end(armature: bpy.types.Object) -> None:
    settings = armature.drmm.takes
    settings.before, settings.state = None, ""


def _chosen(armature: bpy.types.Object) -> bpy.types.PropertyGroup | None:
    settings = armature.drmm.takes
    return settings.rows[settings.index] if settings.index < len(settings.rows) else None


def _drop(armature: bpy.types.Object, numbers: list[int]) -> None:
    """Take rows off the list; while takes are on trial the Action played by the armature alone may go with its row."""
    rows, animation = armature.drmm.takes.rows, armature.animation_data
    for number in sorted(numbers, reverse=True):
        action = rows[number].action
        rows.remove(number)
        if action and action.library is None:
            played = reviewing(armature) and animation and animation.action == action
            if action.users - action.use_fake_user <= bool(played):
                bpy.data.actions.remove(action)


def _pose(armature: bpy.types.Object) -> list:
    """(bone, property, numbers) of what keys of a walk may move; bone "" is the object."""
    rows = [
        ("", name, list(getattr(armature, name))) for name in ("location", rotation_property(armature.rotation_mode))
    ]
    for bone in armature.pose.bones:
        for name in ("location", rotation_property(bone.rotation_mode)):
            rows.append((bone.name, name, list(getattr(bone, name))))
    return rows


def _stand(armature: bpy.types.Object, rows: list) -> None:
    for bone, name, numbers in rows:
        holder = armature.pose.bones.get(bone) if bone else armature
        if holder:
            setattr(holder, name, numbers)
