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


def find_object(scene: bpy.types.Scene, name: str, role: str) -> bpy.types.Object:
    """The object of a name in a scene; ValueError says which one is missing."""
    return present(scene, scene.objects.get(name), f"{role} {name!r}")


def present(
    scene: bpy.types.Scene, candidate: bpy.types.Object | None, what: str, kind: str = ""
) -> bpy.types.Object:
    """The candidate, if it is in the scene and of the kind; ValueError otherwise."""
    if candidate is None or scene not in candidate.users_scene:
        raise ValueError(f"the {what} is not in the scene {scene.name!r}; choose another")
    if kind and candidate.type != kind:
        raise ValueError(f"the {what} is not an {kind.lower()}; choose another")
    return candidate
