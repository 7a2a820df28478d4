# SPDX-License-Identifier: GPL-3.0-or-later
"""Sampled poses on trial: kept with the armature, shown one at a time, taken or put back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import bpy
import numpy as np

from . import armature as rigs

# Custom properties of the armature's settings; numbers in the order of `armature.read_pose`.
BONES, HIPS, BEFORE = "bones", "hips", "before"


def begin(armature: bpy.types.Object, hips: str, bones: Sequence[str], rows: np.ndarray) -> None:
    """Keep poses `[count, numbers]`, and with the first set the pose from before."""
    settings = armature.drmm
    if not active(armature) or list(settings[BONES]) != list(bones):
        cancel(armature)
        settings[BEFORE] = rigs.read_pose(armature, hips, bones).tolist()
    settings[HIPS], settings[BONES] = hips, list(bones)
    settings.poses.clear()
    for row in rows:
        settings.poses.add()["values"] = row.tolist()


def active(armature: bpy.types.Object) -> bool:
    """Whether poses are on trial, and all the bones that they move are there."""
    settings = armature.drmm
    return BEFORE in settings and all(name in armature.pose.bones for name in (settings[HIPS], *settings[BONES]))


def bones(armature: bpy.types.Object) -> tuple[str, list[str]]:
    """The hips bone and the bones that the poses on trial move; ValueError where there are none."""
    if not active(armature):
        raise ValueError(f"no poses were sampled for {armature.name!r}; use Sample Pose first")
    return armature.drmm[HIPS], list(armature.drmm[BONES])


@contextmanager
def put_back(armature: bpy.types.Object, view_layer: bpy.types.ViewLayer) -> Iterator[None]:
    """Within the block the armature stands as it did before the poses on trial."""
    if not active(armature):
        yield
        return
    trial = rigs.read_pose(armature, *bones(armature))
    rigs.write_pose(armature, *bones(armature), np.array(armature.drmm[BEFORE]))
    view_layer.update()
    try:
        yield
    finally:
        rigs.write_pose(armature, *bones(armature), trial)
        view_layer.update()


def show(armature: bpy.types.Object) -> None:
    """Put the armature into the chosen pose."""
    settings = armature.drmm
    if active(armature) and settings.pose_index < len(settings.poses):
        rigs.write_pose(armature, *bones(armature), np.array(settings.poses[settings.pose_index]["values"]))


def cancel(armature: bpy.types.Object) -> None:
    """Put the armature back as it was before the poses, and forget them."""
    if active(armature):
        rigs.write_pose(armature, *bones(armature), np.array(armature.drmm[BEFORE]))
    forget(armature)


def forget(armature: bpy.types.Object) -> None:
    """Forget the poses; the armature stays as it is."""
    settings = armature.drmm
    settings.poses.clear()
    for key in (BONES, HIPS, BEFORE):
        if key in settings:
            del settings[key]
