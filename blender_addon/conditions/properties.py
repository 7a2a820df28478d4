# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions and locks as an armature object keeps them."""

from __future__ import annotations

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    PointerProperty,
    StringProperty,
)

from . import make, renamed, words

OVERRIDABLE = {"LIBRARY_OVERRIDABLE"}


def _fit_how(row: DrmmCondition, _context: bpy.types.Context) -> None:
    """Where the new thing has no such way, take the first that it has."""
    if row.how not in words.ways(row.what):
        row.how = words.ways(row.what)[0]


def _fit_object(row: DrmmCondition, context: bpy.types.Context) -> None:
    """Another way wants another look of its empty, or an empty, or what is there now."""
    if row.bone in row.id_data.data.bones or not words.needs_bone(row.what):
        make.fit(context, row.id_data, row)


def _note_bone(row: DrmmCondition, _context: bpy.types.Context) -> None:
    """So that the row follows the bone when that is renamed."""
    renamed.note(row, row.bone)


def _rest() -> FloatVectorProperty:
    return FloatVectorProperty(size=6, override=OVERRIDABLE, description="The bone's ends at rest")


class DrmmCondition(bpy.types.PropertyGroup):
    """One condition on the pose: what, how, with which object."""

    what: EnumProperty(
        name="What", items=words.WHAT, update=_fit_how, override=OVERRIDABLE, description="What the condition is on"
    )
    bone: StringProperty(
        name="Bone", update=_note_bone, override=OVERRIDABLE, description="The bone that the condition is on"
    )
    rest: _rest()
    axis: EnumProperty(name="Axis", items=words.AXES, override=OVERRIDABLE, description="Which of the joint's angles")
    how: EnumProperty(
        name="How", items=words.HOW, update=_fit_object, override=OVERRIDABLE, description="What is asked of it"
    )
    object: PointerProperty(
        name="Object",
        type=bpy.types.Object,
        override=OVERRIDABLE,
        description="Where the condition lies; move, turn and scale it, parent it or animate it as you like",
    )
    use: BoolProperty(
        name="Use", default=True, override=OVERRIDABLE, description="Whether poses have to meet this condition"
    )
    confidence: FloatProperty(
        name="Confidence", default=1.0, min=0.01, max=1.0, subtype="FACTOR", override=OVERRIDABLE,
        description="1: exactly there. Less: the pose may miss it where that makes it likelier",
    )  # fmt: skip
    weight: FloatProperty(
        name="Weight", default=1.0, min=0.0, soft_max=10.0, override=OVERRIDABLE,
        description="How much the condition counts against the others where not all can be met",
    )  # fmt: skip
    low: FloatProperty(
        name="Angle", subtype="ANGLE", override=OVERRIDABLE, description="The angle, or the least that it may be"
    )
    high: FloatProperty(
        name="To", subtype="ANGLE", override=OVERRIDABLE, description="The largest that the angle may be"
    )
    spread: FloatProperty(
        name="Spread", subtype="ANGLE", default=words.SPREAD, min=0.001, max=6.3, override=OVERRIDABLE,
        description="How far from the angle it usually is: the standard deviation",
    )  # fmt: skip
    kept: FloatVectorProperty(
        name="Kept", size=16, override=OVERRIDABLE, description="World matrix of what is kept as it was"
    )
    missed: StringProperty(name="Missed", override=OVERRIDABLE, description="How far the pose shown misses it")


class DrmmLock(bpy.types.PropertyGroup):
    """A bone that stays as it is, by its name."""

    rest: _rest()


CLASSES = (DrmmCondition, DrmmLock)
