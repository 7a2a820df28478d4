# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers as an armature object keeps them."""

from __future__ import annotations

import bpy
from bpy.props import FloatProperty, StringProperty

OVERRIDABLE = {"LIBRARY_OVERRIDABLE"}


class DrmmAnswer(bpy.types.PropertyGroup):
    """A pose that was found.

    As JSON, `theta` are its parameters, and `rows` pairs of a condition's number and how far the pose misses it.
    """

    theta: StringProperty(override=OVERRIDABLE)
    rows: StringProperty(override=OVERRIDABLE)

    plausibility: FloatProperty(name="Plausibility", override=OVERRIDABLE, description="The higher, the likelier")
    error: FloatProperty(name="Error", override=OVERRIDABLE, description="Largest miss of a place, in millimetres")
    turn: FloatProperty(name="Turn", override=OVERRIDABLE, description="Largest miss of an orientation, in degrees")
    missed: StringProperty(name="Missed", override=OVERRIDABLE, description="The conditions that it does not meet")


CLASSES = (DrmmAnswer,)
