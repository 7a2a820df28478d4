# SPDX-License-Identifier: GPL-3.0-or-later
"""Learning to walk, in a process of its own; one at a time."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

import bpy

from drmm_engine.motion import blender

from .. import armature as rigs
from .. import models
from ..background import watch
from ..background.job import Job
from ..rig import learned
from . import licences, task

FOLDER, SUFFIX = "walks", learned.SUFFIX
TEXT = "Clips"  # the text block of the report

_jobs: list[Job] = []


def begin(scene: bpy.types.Scene, path: str = "") -> Job:
    """Begin to learn from the clips that the scene's settings name; the model is chosen when it is there.

    `path` of the model: else a file in the folder for learned models. ValueError where that cannot begin.
    """
    if job() and not job().over:
        raise ValueError("a walk is being learned already; wait for it, or cancel")
    settings = scene.drmm.data
    clips, armature = _clips(settings), _armature(scene) if settings.use_actions else None
    if not clips and armature is None:
        raise ValueError("there is nothing to learn from: choose a folder of clips, or tick this file's Actions")
    name = Path(clips[0]).stem if clips else armature.name
    needs = {
        "clips": clips, "table": _file(settings.mapping, "table of joint names"), "styles": _styles(settings),
        "licence": licences.said(settings.licence, settings.other_licence, settings.source),
        "source": settings.source.strip() or ", ".join([Path(each).name for each in clips] or [f"Actions of {name}"]),
        "seed": settings.seed, "armature": armature.name if armature else "",
        "mapping": rigs.mapping_of(armature) if armature else {}, "rate": scene.render.fps / scene.render.fps_base,
    }  # fmt: skip
    out = _writable(Path(bpy.path.abspath(path)) if path else _place(name))
    _jobs[:] = [Job(task.__file__, needs, out, watch.command(), partial(_keep_actions, armature))]
    watch.add(job(), partial(_chosen, scene.session_uid, job()))
    return job()


def finish(scene: bpy.types.Scene, job: Job) -> None:
    """Wait until the walk is learned, and choose its model; ValueError with the reason where that failed."""
    watch.wait(job)
    _choose(scene, job)


def cancel() -> None:
    """Stop learning; ValueError where nothing is being learned."""
    if job() is None or job().over:
        raise ValueError("no walk is being learned")
    job().cancel()


def job() -> Job | None:
    """The last process that learned, or learns, to walk."""
    return _jobs[0] if _jobs else None


def forget() -> None:
    """Forget it; whoever watches the process ends it."""
    _jobs.clear()


def report_text(report: dict) -> bpy.types.Text:
    """A text block of the report of the clips: for people, and below it whole, as JSON."""
    from drmm_engine.motion.clip_report import lines  # not when the extension is enabled

    text = bpy.data.texts.get(TEXT) or bpy.data.texts.new(TEXT)
    text.from_string("\n".join(lines(report, shown=1000)) + "\n")
    text.cursor_set(0)
    return text


def _chosen(uid: int, job: Job) -> None:
    scene = next((each for each in bpy.data.scenes if each.session_uid == uid), None)
    if scene is not None:
        _choose(scene, job)
        watch.undo_step("Learn to Walk")


def _choose(scene: bpy.types.Scene, job: Job) -> None:
    scene.drmm.walk_model = str(job.out)  # which reads it
    models.load(str(job.out), "locomotion")


def _clips(settings: bpy.types.PropertyGroup) -> list[str]:
    if not settings.folder:
        return []
    path = Path(bpy.path.abspath(settings.folder))
    if not path.exists():
        raise ValueError(f"there is no file or folder {str(path)!r}; choose another under Clips")
    return [str(path)]


def _file(given: str, what: str) -> str | None:
    if not given:
        return None
    path = Path(bpy.path.abspath(given))
    if not path.is_file():
        raise ValueError(f"the {what} {str(path)!r} is not there; choose another")
    return str(path)


def _styles(settings: bpy.types.PropertyGroup) -> str | None:
    if settings.styles == "TABLE":
        if not settings.table:
            raise ValueError("choose the table of styles, or another source of styles")
        return _file(settings.table, "table of styles")
    return "folders" if settings.styles == "FOLDERS" else None


def _armature(scene: bpy.types.Scene) -> bpy.types.Object:
    armature = scene.drmm.armature
    if armature is None:
        raise ValueError("choose the armature whose Actions are to be learned from, or untick This File's Actions")
    if not blender.actions_of(bpy, armature):
        raise ValueError(f"no Action in this file moves the bones of {armature.name!r}; untick This File's Actions")
    return armature


def _keep_actions(armature: bpy.types.Object | None, folder: Path) -> None:
    """Write the armature and its Actions where the process reads them; this file is left as it is."""
    if armature is None:
        return
    file = folder / task.OWN
    file.parent.mkdir()
    kept = {armature, *blender.actions_of(bpy, armature)}
    bpy.data.libraries.write(str(file), kept, path_remap="ABSOLUTE", fake_user=True)


def _writable(out: Path) -> Path:
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise ValueError(f"nothing can be written into the folder {str(out.parent)!r}; choose another for the model")
    return out


def _place(name: str) -> Path:
    return learned.folder(FOLDER) / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}{SUFFIX}"
