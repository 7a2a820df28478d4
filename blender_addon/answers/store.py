# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers kept with the armature while they are on trial: shown, blended, taken or put back.

The armature stands in the chosen answer; ghosts show the best. What it was before is kept until one is taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import bpy
import numpy as np
from numpy.typing import NDArray

from drmm_engine.body import rotations
from drmm_engine.body.joints import Basis, Joints
from drmm_engine.body.posing import Answers

from .. import rig as rigs
from . import ghosts
from .query import Query, by_row, missed, worst

Array = NDArray[np.float64]


def begin(armature: bpy.types.Object, query: Query, answers: Answers) -> None:
    """Keep answers, and where none were on trial the pose from before; show the first."""
    settings = armature.drmm
    remember(armature, query.rig.joints)
    settings.answers.clear()
    settings.blend, settings.blend_with, settings.answer_index = 0.0, 2, 0
    settings.parameters = json.dumps(list(query.rig.joints.names))
    for theta, plausibility, error in zip(answers.theta, answers.plausibility, answers.error, strict=True):
        item = settings.answers.add()
        item.name = str(len(settings.answers))  # library overrides tell items apart by their names
        item.theta = json.dumps(np.asarray(theta, float).tolist())
        item.rows = json.dumps(list(by_row(query, error).items()))
        item.plausibility, item.missed = plausibility, missed(query, error)
        item.error, item.turn = worst(query, error)
    _show(armature, query.rig.joints)


def remember(armature: bpy.types.Object, joints: Joints) -> None:
    """Note the pose as it is, unless one is noted already."""
    if not armature.drmm.before:
        channels, values = snapshot(armature, joints)
        armature.drmm.before = json.dumps([channels, values.tolist()])


def snapshot(armature: bpy.types.Object, joints: Joints) -> tuple[list[tuple[str, str]], Array]:
    """(bone, property) of all that a pose sets, and the numbers there now `[n, 4]`."""
    channels = rigs.channels(armature, joints)
    return channels, _values(armature, channels)


def restore(armature: bpy.types.Object, channels: list[tuple[str, str]], values: Array) -> None:
    """Set what `snapshot` read, in the bones that are still there."""
    for (bone, name), numbers in zip(channels, values, strict=True):
        pose_bone = armature.pose.bones.get(bone)
        if pose_bone:
            setattr(pose_bone, name, numbers[: len(getattr(pose_bone, name))])


def on_trial(armature: bpy.types.Object) -> bool:
    """Whether the pose from before is kept, so that there is something to take or to put back."""
    return bool(armature.drmm.before)


@contextmanager
def put_back(armature: bpy.types.Object, view_layer: bpy.types.ViewLayer) -> Iterator[None]:
    """Within the block the armature stands as it did before the answers on trial: the same seed finds the same."""
    if not len(armature.drmm.answers):
        yield
        return
    channels, before = json.loads(armature.drmm.before)
    shown = _values(armature, channels)
    restore(armature, channels, before)
    view_layer.update()
    try:
        yield
    finally:
        restore(armature, channels, shown)
        view_layer.update()


def show(armature: bpy.types.Object) -> None:
    """Put the armature into the chosen answer, blended as the slider says, and show the ghosts."""
    if len(armature.drmm.answers):
        _show(armature, rigs.read(armature).joints)


def _show(armature: bpy.types.Object, joints: Joints) -> None:
    settings = armature.drmm
    _check(armature, joints)
    last = len(settings.answers) - 1
    chosen, other = min(settings.answer_index, last), min(max(settings.blend_with - 1, 0), last)
    ends = thetas(settings.answers[index] for index in (chosen, other))
    rigs.write(armature, joints, mixed(joints, *ends, settings.blend))
    _tell_rows(armature, chosen)
    draw(armature, joints)


def draw(armature: bpy.types.Object, joints: Joints) -> None:
    """Show the best answers as ghosts: the driven bones only."""
    settings = armature.drmm
    _check(armature, joints)
    theta = thetas(settings.answers[: ghosts.COUNT])
    driven = [joints.armature.names.index(joint.bone) for joint in joints.joints]
    poses = joints.matrices(theta)[:, driven]
    names = [joints.armature.names[bone] for bone in driven]
    ghosts.show(armature, poses, names, settings.answer_index)


def thetas(items: Iterable[bpy.types.PropertyGroup]) -> Array:
    """The parameters of answers `[n, P]`."""
    return np.array([json.loads(item.theta) for item in items], float)


def mixed(joints: Joints, first: Array, second: Array, part: float) -> Array:
    """The pose `part` of the way from one to another: every bone turned by slerp, within the limits."""
    if part == 0.0:
        return first
    a, b = joints.basis(first), joints.basis(second)
    between = Basis(
        location=a.location + part * (b.location - a.location),
        rotation=rotations.slerp(a.rotation, b.rotation, part),
        scale=a.scale,
    )
    return joints.parameters(between)[0]


def revert(armature: bpy.types.Object) -> None:
    """Put the armature back as it was before the answers, and forget them."""
    if on_trial(armature):
        restore(armature, *json.loads(armature.drmm.before))
    forget(armature)


def forget(armature: bpy.types.Object) -> None:
    """Forget the answers and the pose from before; the armature stays as it is."""
    drop(armature)
    armature.drmm.parameters = armature.drmm.before = ""


def drop(armature: bpy.types.Object) -> None:
    """Forget the answers alone: the pose from before can still be put back."""
    armature.drmm.answers.clear()
    for item in armature.drmm.conditions:
        item.missed = ""
    ghosts.hide(armature)


def _values(armature: bpy.types.Object, channels: list[tuple[str, str]]) -> Array:
    """The numbers of properties of bones `[n, 4]`, zeros where a bone is gone."""
    values = np.zeros((len(channels), 4))
    for row, (bone, name) in zip(values, channels, strict=True):
        if bone in armature.pose.bones:
            numbers = getattr(armature.pose.bones[bone], name)
            row[: len(numbers)] = numbers
    return values


def _check(armature: bpy.types.Object, joints: Joints) -> None:
    if json.dumps(list(joints.names)) != armature.drmm.parameters:
        raise ValueError(f"the driven bones of {armature.name!r} have changed since; use Find Poses again")


def _tell_rows(armature: bpy.types.Object, chosen: int) -> None:
    """Write how far an answer misses each condition into the list of conditions."""
    settings = armature.drmm
    misses = dict(json.loads(settings.answers[chosen].rows))
    for number, item in enumerate(settings.conditions):
        item.missed = misses.get(number, "")
