# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a take's Action with new keys in a part of it; all other keys stay as they are, to the bit."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np
from numpy.typing import NDArray

from .. import compat
from ..action import group_of
from ..channels import Channel, rotation_property
from . import seams

END = float("inf")


def patched(
    armature: bpy.types.Object,
    source: bpy.types.Action,
    channels: Sequence[Channel],
    start: int,
    first: float,
    last: float = END,
) -> bpy.types.Action:
    """A copy of `source` in which the keys between the frames `first` and `last` are those of the channels.

    `channels` hold the whole motion from the frame `start` on. The keys at `first` and `last` are kept and the new
    ones bend to them; with no `last`, everything after `first` is new.
    """
    action = source.copy()
    action.use_fake_user = False
    bag = compat.part_curves(action, armature)
    for channel in channels:
        _patch(bag, channel, _mode(armature, channel), (first - start, last - start), start)
    return action


def _mode(armature: bpy.types.Object, channel: Channel) -> str:
    """The rotation mode of a channel; "" where it is no rotation."""
    holder = armature.pose.bones[channel.bone] if channel.bone else armature
    return holder.rotation_mode if channel.property == rotation_property(holder.rotation_mode) else ""


def _patch(bag: bpy.types.ID, channel: Channel, mode: str, ends: tuple[float, float], start: int) -> None:
    curves = [_curve(bag, channel, index) for index in range(channel.values.shape[1])]
    frames, values = seams.inside(channel, *ends)
    if len(frames):
        kept = [np.array([curve.evaluate(start + end) if len(curve.keyframe_points) else np.nan for curve in curves])
                for end in ends if np.isfinite(end)]  # fmt: skip
        values = _joined(channel, frames, values, mode, ends, kept)
    for curve, column in zip(curves, values.T, strict=True):
        _replace(curve, frames + start, column, ends[0] + start, ends[1] + start)


def _joined(
    channel: Channel,
    frames: NDArray[np.int64],
    values: seams.Array,
    mode: str,
    ends: tuple[float, float],
    kept: list[seams.Array],
) -> seams.Array:
    """The new values, going on from the kept ones at the ends; where nothing is kept, as they are."""
    if any(np.isnan(value).any() for value in kept):
        return values
    reached = [end for end in ends if np.isfinite(end)]
    rows = seams.aligned(np.concatenate([seams.at(channel, np.array(reached[:1])), values,
                                         seams.at(channel, np.array(reached[1:]))]), kept[0], mode)  # fmt: skip
    new = rows[1 : 1 + len(values)]
    misses = [kept[0] - rows[0], kept[1] - rows[-1] if len(kept) > 1 else np.zeros(rows.shape[1])]
    if mode and mode != "QUATERNION" and len(kept) > 1:
        misses[1] = (misses[1] + np.pi) % (2 * np.pi) - np.pi  # a whole turn more or less is the same rotation
    last = ends[1] if len(kept) > 1 else max(float(frames[-1]), ends[0] + 1)
    return seams.bent(new, frames, (ends[0], last), tuple(misses))


def _curve(bag: bpy.types.ID, channel: Channel, index: int) -> bpy.types.FCurve:
    curve = bag.fcurves.find(channel.path, index=index)
    if curve is None:
        curve = bag.fcurves.new(channel.path, index=index)
        curve.group = group_of(bag, channel)
    return curve


def _replace(curve: bpy.types.FCurve, frames: seams.Array, values: seams.Array, first: float, last: float) -> None:
    """Put keys between two frames of a curve in place of those that are there."""
    points = curve.keyframe_points
    places = _places(points)
    old = np.flatnonzero((places[:, 0] > first) & (places[:, 0] < last))
    if len(old) == len(frames) and np.array_equal(places[old, 0], np.float32(frames)):
        places[old, 1] = values
        points.foreach_set("co", places.ravel())
    else:
        for number in old[::-1]:
            points.remove(points[int(number)], fast=True)
        _insert(points, np.stack([frames, values], axis=1))
    curve.update()


def _places(points: bpy.types.FCurveKeyframePoints) -> NDArray[np.float32]:
    places = np.empty(2 * len(points), np.float32)
    points.foreach_get("co", places)
    return places.reshape(-1, 2)


def _insert(points: bpy.types.FCurveKeyframePoints, added: seams.Array) -> None:
    """Add keys, linear; Blender sorts them in when the curve is brought up to date."""
    count = len(points)
    points.add(len(added))
    for number, (frame, value) in enumerate(added, start=count):
        points[number].co, points[number].interpolation = (frame, value), "LINEAR"
