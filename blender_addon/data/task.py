# SPDX-License-Identifier: GPL-3.0-or-later
"""What the process does that learns to walk (see background/worker.py): it reads clips, with its own Blender where
they need one, and fits a model."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

OWN = "this file/Actions.blend"  # in the folder of the job: the armature and its Actions
READING = 0.3  # share of the time


class _Alone(Exception):
    """The process that would take the model is gone."""


def learn(folder: Path, job: dict, news: Any, alone: Callable[[], bool]) -> Iterator[Any]:
    """The model of the job's clips, after a report of them."""
    from drmm_engine.motion import clip_report, dataset, learning

    def tell(begin: float, share: float, fraction: float, text: str) -> None:
        if alone():
            raise _Alone
        news.progress(begin + share * fraction, text)

    paths, own = list(job["clips"]), folder / OWN
    if own.exists():
        paths.append(str(own))
    try:
        motion = dataset.read_motion(paths, job["table"], job["styles"], partial(_clips, job, own),
                                     partial(tell, 0.0, READING))
        report = _report(motion, folder)
        news.tell(facts={"report": report, "summary": clip_report.summary(report)})
        yield learning.learn(motion, job["seed"], progress=partial(tell, READING, 1 - READING),
                             source={"source": job["source"], "licence": job["licence"]})
    except _Alone:
        return


def _report(motion: Any, folder: Path) -> dict:
    """The report of the clips; this file's Actions without the folder that goes with the job."""
    from drmm_engine.motion.clip_report import clip_report

    hidden = f"{folder}{os.sep}"
    sources = [source.removeprefix(hidden) for source in motion.sources]
    left_out = [replace(each, source=each.source.removeprefix(hidden), reason=each.reason.replace(hidden, ""))
                for each in motion.left_out]
    return clip_report(replace(motion, sources=sources, left_out=left_out))


def _clips(job: dict, own: Path, path: Path) -> list[Any]:
    from drmm_engine.motion import blender

    bpy = importlib.import_module("bpy")
    if path == own:
        return blender.clips(bpy, path, job["armature"], job["mapping"], job["rate"])
    return blender.clips(bpy, path)
