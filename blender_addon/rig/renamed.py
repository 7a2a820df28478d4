# SPDX-License-Identifier: GPL-3.0-or-later
"""A learned model under the names that the bones have now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import bpy
import numpy as np

import drmm_engine as drmm
from drmm_engine.body.poses import parameter, place
from drmm_engine.body.rig import ENDS

NEAR = 1e-4  # of its length: a bone whose rest matrix is that near is the one that was learned


def names(armature: bpy.types.Object, model: drmm.Model) -> dict[str, str]:
    """Learned bone -> its present name, of those that were renamed: found by where they are at rest."""
    bones, known = armature.data.bones, {bone["name"] for bone in model.skeleton["bones"]}
    found = {}
    for old in model.skeleton["bones"]:
        if old["name"] not in bones:
            rest = np.array(old["rest"])
            others = (bone.name for bone in bones if bone.name not in known
                      and np.abs(np.array(bone.matrix_local) - rest).max() <= NEAR * max(old["length"], 1.0))
            found[old["name"]] = next(others, old["name"])
    return {old: new for old, new in found.items() if old != new}


def translated(model: drmm.Model, names: Mapping[str, str]) -> drmm.Model:
    """The model with bones renamed in its variables, its skeleton and its features."""
    words = {}
    for old, new in names.items():
        for axis in "xyz":
            words[parameter(f"{old}.{axis}")] = parameter(f"{new}.{axis}")
            words[parameter(f"{old}.move_{axis}")] = parameter(f"{new}.move_{axis}")
            words |= {place(old, end, axis): place(new, end, axis) for end in ENDS}
    streams = tuple(
        replace(stream, variables=tuple(replace(v, name=words.get(v.name, v.name)) for v in stream.variables))
        for stream in model.schema.streams
    )
    return replace(
        model, schema=drmm.Schema(streams), skeleton=_skeleton(model.skeleton, names),
        features=_features(model.features, names),
    )  # fmt: skip


def _skeleton(skeleton: dict, names: Mapping[str, str]) -> dict:
    bones = [
        bone | {"name": names.get(bone["name"], bone["name"]), "parent": names.get(bone["parent"], bone["parent"])}
        for bone in skeleton["bones"]
    ]
    joints = [joint | {"bone": names.get(joint["bone"], joint["bone"])} for joint in skeleton["joints"]]
    return skeleton | {"bones": bones, "joints": joints, "effectors": _effectors(skeleton["effectors"], names)}


def _features(features: dict, names: Mapping[str, str]) -> dict:
    heading = features.get("heading")
    return features | {"effectors": _effectors(features["effectors"], names), "heading": names.get(heading, heading)}


def _effectors(effectors: list, names: Mapping[str, str]) -> list:
    return [[names.get(bone, bone), end] for bone, end in effectors]
