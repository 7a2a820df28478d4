# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that were learned of rigs: where they are kept, and read once."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import bpy
import numpy as np

import drmm_engine as drmm
from drmm_engine.body.armature import Armature
from drmm_engine.body.rig import Rig

from . import renamed

FOLDER = "rigs"
SUFFIX = ".drmm.safetensors"

_models: dict[str, tuple[int, drmm.Model]] = {}
_renamed: dict[tuple[str, int, tuple], drmm.Model] = {}


def model(armature: bpy.types.Object) -> drmm.Model | None:
    """The model learned of an armature's rig, read once, with the names that the bones have now; None where none was.

    ValueError where its file is gone or damaged, or is no model of a rig.
    """
    file = find(armature)
    if file is None:
        return None
    modified = file.stat().st_mtime_ns
    known = _models.get(str(file))
    if known is None or known[0] != modified:
        known = _models[str(file)] = modified, _read(file)
    names = renamed.names(armature, known[1])
    if not names:
        return known[1]
    key = (str(file), modified, tuple(names.items()))
    if key not in _renamed:
        _renamed[key] = renamed.translated(known[1], names)
    return _renamed[key]


def known_model(armature: bpy.types.Object) -> bool:
    """Whether a learned model is chosen, without touching the disk."""
    return bool(armature.drmm.rig.model)


def find(armature: bpy.types.Object) -> Path | None:
    """The file of the armature's model: where it was put, or beside the .blend; None where none was learned."""
    chosen = armature.drmm.rig.model
    if not chosen:
        return None
    file = Path(bpy.path.abspath(chosen))
    places = [file]
    if bpy.data.filepath:
        places += [Path(bpy.data.filepath).parent / folder / file.name for folder in ("", FOLDER)]
    for place in places:
        if place.is_file():
            return place
    raise ValueError(f"the rig model {str(file)!r} of {armature.name!r} is gone; choose another, or learn it again")


def place(rig: Rig, settings: object, name: str) -> Path:
    """Where a model to be learned goes: a name of its own for each rig and way of learning, so that none is lost.

    In the extension's folder for the user's files; where there is none, beside the .blend.
    """
    content = json.dumps([rig.to_json()["joints"], rig.to_json()["bones"], settings], sort_keys=True)
    mark = hashlib.sha256(content.encode()).hexdigest()[:8]
    return folder() / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}-{mark}{SUFFIX}"


def folder(name: str = FOLDER) -> Path:
    """The folder for learned models, which is made where it is missing; ValueError where it cannot be."""
    package = __package__.rpartition(".")[0]
    try:
        made = Path(bpy.utils.extension_path_user(package, path=name, create=True))
    except (AttributeError, ValueError):  # not installed as an extension
        if bpy.data.filepath:
            made = Path(bpy.data.filepath).parent / name
        else:
            made = Path(bpy.utils.user_resource("DATAFILES", path="drmm", create=True)) / name
    try:
        made.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ValueError(f"the folder {str(made)!r} for models cannot be made: {problem.strerror}") from None
    return made


def check_fits(armature: bpy.types.Object, rig: Rig, model: drmm.Model) -> None:
    """Raise ValueError where the rig has changed since the model was learned: other joints, or bones of other sizes."""
    learned = Rig.from_json(model.skeleton)
    again = "; learn the rig again"
    own = {name for name, low, high in _ranges(rig) if high > low}
    then = {name for name, low, high in _ranges(learned) if high > low}
    if own != then:
        gone = [name for name in learned.joints.armature.names if name not in armature.data.bones]
        if gone:
            raise ValueError(f"the bone {gone[0]!r} of {armature.name!r} is gone since its model was learned{again}")
        other = sorted(own ^ then)[0]
        was = "free" if other in then else "locked"
        raise ValueError(f"{other!r} of {armature.name!r} was {was} when its model was learned{again}")
    new, old = (_steps(r.joints.armature) for r in (rig, learned))
    for name in old:
        if name in new and np.abs(new[name] - old[name]).max() > 1e-3 * max(learned.stature, 1.0):
            raise ValueError(f"the rest pose of {armature.name!r} has changed at {name!r} since it was learned{again}")


def clear() -> None:
    """Forget all models."""
    _models.clear()
    _renamed.clear()


def _steps(armature: Armature) -> dict[str, np.ndarray]:
    """Bone -> its rest matrix in that of its parent, of all bones that have one."""
    return {
        name: np.linalg.inv(armature.rest[parent]) @ rest
        for name, parent, rest in zip(armature.names, armature.parents, armature.rest, strict=True) if parent >= 0
    }


def _ranges(rig: Rig) -> list[tuple[str, float, float]]:
    joints = rig.joints
    return list(zip(joints.names, joints.low, joints.high, strict=True))


def _read(file: Path) -> drmm.Model:
    found = drmm.load(file)
    kind = (found.features or {}).get("kind")
    if kind != "rig":
        raise ValueError(f"the file {file.name} is no model of a rig (its kind is {kind!r}); choose another")
    Rig.from_json(found.skeleton)
    return found
