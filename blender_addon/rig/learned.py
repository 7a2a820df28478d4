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
from drmm_engine.body.rig import Rig

FOLDER = "rigs"
SUFFIX = ".drmm.safetensors"

_models: dict[str, tuple[int, drmm.Model]] = {}


def model(armature: bpy.types.Object) -> drmm.Model | None:
    """The model learned of an armature's rig, read once; None where none was.

    ValueError where its file is gone or damaged, or is of a rig with other bones.
    """
    file = find(armature)
    if file is None:
        return None
    modified = file.stat().st_mtime_ns
    known = _models.get(str(file))
    if known is None or known[0] != modified:
        known = _models[str(file)] = modified, _read(file)
    return known[1]


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


def folder() -> Path:
    """The folder for learned models, which is made where it is missing; ValueError where it cannot be."""
    package = __package__.rpartition(".")[0]
    try:
        made = Path(bpy.utils.extension_path_user(package, path=FOLDER, create=True))
    except (AttributeError, ValueError):  # not installed as an extension
        if bpy.data.filepath:
            made = Path(bpy.data.filepath).parent / FOLDER
        else:
            made = Path(bpy.utils.user_resource("DATAFILES", path="drmm", create=True)) / FOLDER
    try:
        made.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ValueError(f"the folder {str(made)!r} for rig models cannot be made: {problem.strerror}") from None
    return made


def check_fits(armature: bpy.types.Object, rig: Rig, model: drmm.Model) -> None:
    """Raise ValueError where the rig has changed since the model was learned: other joints, or bones of other sizes."""
    learned = Rig.from_json(model.skeleton)
    again = "; learn the rig again"
    own = {name for name, low, high in _ranges(rig) if high > low}
    then = {name for name, low, high in _ranges(learned) if high > low}
    if own != then:
        other = sorted(own ^ then)[0]
        was = "free" if other in then else "locked"
        raise ValueError(f"{other!r} of {armature.name!r} was {was} when its model was learned{again}")
    for name in learned.joints.armature.names:
        if name not in rig.joints.armature.names:
            continue
        new, old = (r.joints.armature.rest[r.joints.armature.names.index(name)] for r in (rig, learned))
        if np.abs(new - old).max() > 1e-3 * learned.stature:
            raise ValueError(f"the rest pose of {armature.name!r} has changed at {name!r} since it was learned{again}")


def clear() -> None:
    """Forget all models."""
    _models.clear()


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
