# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of conditions by name: JSON files in the user's folder of the extension."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from drmm_engine.files import write_whole

from . import make, words
from .space import Space

FORMAT = 1
SUFFIX = ".conditions.json"
PLAIN = ("what", "bone", "axis", "how", "use", "confidence", "weight", "low", "high", "spread")
_names: list[str] = []


def folder() -> Path:
    """Where the sets are kept; made where it is missing."""
    package = __package__.rpartition(".")[0]
    try:
        return Path(bpy.utils.extension_path_user(package, path="conditions", create=True))
    except ValueError:  # not installed as an extension
        return Path(bpy.utils.user_resource("CONFIG", path="drmm_conditions", create=True))


def names() -> list[str]:
    """The sets that there were when last looked; no disk is touched."""
    return _names


def look() -> None:
    """Look which sets there are."""
    _names[:] = sorted(file.name.removesuffix(SUFFIX) for file in folder().glob(f"*{SUFFIX}"))


def save(armature: bpy.types.Object, name: str) -> None:
    """Keep an armature's conditions as a set; one of the same name is replaced."""
    if not len(armature.drmm.conditions):
        raise ValueError(f"{armature.name!r} has no conditions to save; add one first")
    content = {"format": FORMAT, "kind": "conditions", "rows": pack(armature)}
    write_whole(_file(name), json.dumps(content, indent=1, allow_nan=False) + "\n")
    look()


def load(context: bpy.types.Context, armature: bpy.types.Object, name: str) -> list[str]:
    """Put a set in the place of an armature's conditions; the bones that it names and the armature has not."""
    file = _file(name)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content.get("format") != FORMAT or content.get("kind") != "conditions":
            raise ValueError("it is no set of conditions of this version")
        rows = [_checked(row) for row in content["rows"]]
    except FileNotFoundError:
        look()
        raise ValueError(f"there is no set of conditions named {name!r}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ValueError(f"the set of conditions {str(file)!r} cannot be read: {problem}") from None
    return unpack(context, armature, rows)


def delete(name: str) -> None:
    """Delete a set; ValueError where there is none."""
    try:
        _file(name).unlink()
    except OSError as problem:
        raise ValueError(f"the set of conditions {name!r} cannot be deleted: {problem.strerror}") from None
    finally:
        look()


def pack(armature: bpy.types.Object) -> list[dict]:
    """An armature's conditions as plain data, with their objects in the armature's space."""
    space = Space.of(armature.matrix_world, armature.name)
    return [{key: getattr(row, key) for key in PLAIN} | {"object": _object(row.object, space)}
            for row in armature.drmm.conditions]  # fmt: skip


def unpack(context: bpy.types.Context, armature: bpy.types.Object, rows: list[dict]) -> list[str]:
    """Put conditions in the place of an armature's, with empties of their own; the bones that it has not."""
    space = Space.of(armature.matrix_world, armature.name)
    for index in reversed(range(len(armature.drmm.conditions))):
        make.remove(armature, index)
    missing = sorted({row["bone"] for row in rows if words.needs_bone(row["what"])} - set(armature.data.bones.keys()))
    for row in rows:
        if row["bone"] in missing and words.needs_bone(row["what"]):
            continue
        item = make._fill(armature, row["what"], row["how"], row["bone"], row["axis"], _empty(context, row, space))
        for key in PLAIN[4:] if row["how"] != "KEEP" else PLAIN[4:7]:
            setattr(item, key, row[key])
    return missing


def _object(chosen: bpy.types.Object | None, space: Space) -> dict | None:
    if chosen is None:
        return None
    empty = chosen.type == "EMPTY"
    return {
        "name": chosen.name,
        "display": chosen.empty_display_type if empty else "PLAIN_AXES",
        "size": chosen.empty_display_size if empty else 1.0,
        "matrix": space.inside(np.array(chosen.matrix_world)).tolist(),
    }


def _empty(context: bpy.types.Context, row: dict, space: Space) -> bpy.types.Object | None:
    given = row["object"]
    if given is None:
        return None
    empty = bpy.data.objects.new(given["name"], None)
    empty[make.OWN] = True
    empty.empty_display_type, empty.empty_display_size = given["display"], given["size"]
    empty.show_in_front = True
    empty.matrix_world = Matrix(space.outside(given["matrix"]))
    context.collection.objects.link(empty)
    return empty


def _checked(row: dict) -> dict:
    """A row of a file; ValueError, KeyError or TypeError where it is none."""
    if row["how"] not in words.ways(row["what"]) or row["axis"] not in "XYZ":
        raise ValueError(f"{row['what']!r}, {row['how']!r} is no condition")
    given = row["object"]
    if given is not None and not np.isfinite(np.reshape(given["matrix"], (4, 4)).astype(float)).all():
        raise ValueError(f"the place of {given['name']!r} is not finite")
    row = {"spread": words.SPREAD} | row  # sets that were saved before angles had one
    return {key: row[key] for key in (*PLAIN, "object")}


def _file(name: str) -> Path:
    if not name.strip() or name.startswith(".") or any(sign in name for sign in '/\\:*?"<>|'):
        raise ValueError(f"{name!r} is no name for a set; use letters, digits and spaces")
    return folder() / f"{name.strip()}{SUFFIX}"
