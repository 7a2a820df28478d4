# SPDX-License-Identifier: Apache-2.0
"""The rig recipe of training.pose: random poses of any rig, from its description or out of a .blend file."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

import numpy as np

from drmm_engine.body.poses import Variables, features, random_poses
from drmm_engine.body.rig import SUFFIX, Rig
from drmm_engine.scaling import rescaled

from . import common

BLEND = ".blend"


def is_rig(name: str) -> bool:
    """Whether a file is a rig's description or a .blend."""
    return name.lower().endswith((SUFFIX, BLEND))


def rig_poses(options: argparse.Namespace) -> dict:
    """Draw poses of the rig, fit, train end to end where held-out poses gain by it, score and save."""
    (path,) = options.rig if len(options.rig) == 1 else (None,)
    if path is None:
        raise ValueError(f"one rig at a time: got {', '.join(options.rig)}")
    recipe = common.recipe("pose", "rig")
    most = recipe.pop("rows")
    count = most if options.rows is None else options.rows
    if count < 2:
        raise ValueError(f"--rows must be at least 2, got {count}")
    plan, share = common.choose(options, recipe)
    if plan.values["covariance"] != "full":
        raise ValueError(f"--covariance of a rig's model must be full, got {plan.values['covariance']}")
    rig = read(path, options.armature)
    variables = Variables.of(rig)
    x = variables.rows(random_poses(rig.joints, count, np.random.default_rng(options.seed)))
    train, held = common.split(count, share, options.seed)
    about = {"skeleton": rig.to_json(), "features": features(variables)}
    source = {"source": f"random poses of {Path(path).name}", "given poses": 0}
    return common.fit_and_save(options, rescaled(variables.schema, x), x[train], x[held], plan, source, about,
                               whole=variables.whole)


def read(path: str, armature: str | None) -> Rig:
    """The rig of a description, or of the named armature of a .blend; ValueError says what is wrong."""
    if not path.lower().endswith(BLEND):
        return Rig.load(path)
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file")
    bpy, addon = _blender(path)
    bpy.ops.wm.open_mainfile(filepath=str(Path(path).resolve()), load_ui=False)
    named = {each.name: each for each in bpy.data.objects if each.type == "ARMATURE"}
    if armature not in named:
        raise ValueError(f"{path}: --armature {armature or 'NAME'} must be one of {', '.join(named) or 'none at all'}")
    addon.register()
    try:
        return _described(addon, named[armature])
    finally:
        addon.unregister()


def _described(addon: Any, armature: Any) -> Rig:
    """The rig as its file says it is driven, or by default where no bones were chosen."""
    if not armature.drmm.rig.bones:
        addon.rig.find(armature)
    return addon.rig.read(armature)


def _blender(path: str) -> tuple[Any, Any]:
    """The module bpy and the add-on, which training does without otherwise."""
    try:
        bpy, addon = (importlib.import_module(name) for name in ("bpy", "blender_addon"))
        importlib.import_module("blender_addon.rig")
    except ImportError as error:
        raise ValueError(f"{path}: needs bpy and the add-on to be read ({error}); save the rig as *{SUFFIX} there, "
                         "or: pip install bpy") from None
    return bpy, addon
