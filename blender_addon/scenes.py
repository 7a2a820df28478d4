# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of a scene, found fast, and rightly where a linked object has the name of a local one."""

from __future__ import annotations

import bpy


def holds(scene: bpy.types.Scene, candidate: bpy.types.Object) -> bool:
    """Whether an object is in a scene; as a rule without looking through all that are."""
    return scene.objects.get(candidate.name) == candidate or scene in candidate.users_scene


def local(scene: bpy.types.Scene, name: str) -> bpy.types.Object | None:
    """The object of this file, not of a library, of a name, if it is in the scene."""
    candidate = bpy.data.objects.get((name, None))
    return candidate if candidate and holds(scene, candidate) else None
