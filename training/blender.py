# SPDX-License-Identifier: Apache-2.0
"""The process that reads FBX, glTF and .blend files: python -m training.blender FOLDER FILE...

It needs the module bpy. What it reads of the files goes into FOLDER, one archive a file, named by its place in the
command; a line on stdout says when each is done, or what is wrong with it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from drmm_engine.motion import blender
from drmm_engine.motion.clip import Clip

MARK = "drmm-clips "  # before what is meant for the parent: Blender prints much else


def main(arguments: Sequence[str]) -> int:
    """Read each file; 0 also where some cannot be read."""
    try:
        bpy = importlib.import_module("bpy")
    except ImportError as problem:
        _tell(error=f"needs bpy to be read ({problem}): pip install bpy, or save it as BVH")
        return 0
    folder = Path(arguments[0])
    for number, file in enumerate(arguments[1:]):
        try:
            save(folder / f"{number}.npz", blender.clips(bpy, file))
            _tell(file=file)
        except (ValueError, OSError, RuntimeError) as problem:
            _tell(file=file, error=" ".join(str(problem).split()))
    return 0


def save(path: Path, clips: Sequence[Clip]) -> None:
    """Write clips as arrays and one line of JSON."""
    names = [field.name for field in fields(Clip)]
    arrays: dict[str, np.ndarray] = {}
    about = []
    for number, clip in enumerate(clips):
        values = {name: getattr(clip, name) for name in names}
        arrays |= {f"{number}.{name}": value for name, value in values.items() if isinstance(value, np.ndarray)}
        ends = {joint: tip.tolist() for joint, tip in clip.end_sites.items()}
        about.append({"name": clip.name, "joint_names": clip.joint_names, "frame_rate": clip.frame_rate,
                      "end_sites": ends})
    np.savez(path, about=np.array(json.dumps(about)), **arrays)


def load(path: Path) -> list[Clip]:
    """What `save` has written."""
    with np.load(path, allow_pickle=False) as file:
        return [_clip(about, {name.partition(".")[2]: file[name] for name in file.files if name.startswith(f"{n}.")})
                for n, about in enumerate(json.loads(str(file["about"])))]


def _clip(about: dict, arrays: dict[str, np.ndarray]) -> Clip:
    ends = {int(joint): np.array(tip) for joint, tip in about["end_sites"].items()}
    return Clip(name=about["name"], joint_names=tuple(about["joint_names"]), frame_rate=about["frame_rate"],
                end_sites=ends, **arrays)


def _tell(**line: str) -> None:
    print(MARK + json.dumps(line), flush=True)


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # Blender as a module can hang while Python exits
