# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators share: finding what they work on, and refusing with one line."""

from __future__ import annotations

import bpy

from ..scenes import find_object, present
from ..screen import redraw

__all__ = ["ARMATURE", "find_armature", "find_object", "present", "redraw", "refuse", "setting"]

ARMATURE = "Name of the armature object; empty: the one of the panel"


def refuse(operator: bpy.types.Operator, problem: ValueError) -> set[str]:
    """Report a problem to the user and cancel."""
    message = str(problem)
    operator.report({"ERROR"}, message[:1].upper() + message[1:])
    return {"CANCELLED"}


def find_armature(context: bpy.types.Context, name: str) -> bpy.types.Object:
    """The armature object of a name, or the panel's; ValueError where there is none in the scene."""
    scene = context.scene
    if name:
        armature = scene.objects.get(name)
    else:
        armature = scene.drmm.armature
        if armature is None:
            raise ValueError("there is no armature to animate; choose one")
        name = armature.name
    return present(scene, armature, f"armature {name!r}", "ARMATURE")


def setting(operator: bpy.types.Operator, name: str, fallback: object) -> object:
    """An option as given to the operator, or else the panel's."""
    return getattr(operator, name) if operator.properties.is_property_set(name) else fallback
