# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs being learned: one process each."""

from __future__ import annotations

import textwrap
from functools import partial
from pathlib import Path

import bpy

from ..armature import check_editable
from ..background import watch
from ..background.job import Job
from ..models import WIDTH
from . import bones, learned, reader, sources, task

_jobs: dict[int, Job] = {}


def begin(armature: bpy.types.Object, count: int = 0, seed: int | None = None, path: str = "") -> Job:
    """Begin to learn an armature's rig in a process of its own; the model is chosen when it is there.

    `count` poses and `seed` as set for the armature where not given; `path` of the model: else a file of its own in
    the folder for learned models. ValueError where the rig cannot be read, or is being learned already.
    """
    check_editable(armature)
    if running(armature):
        raise ValueError(f"the rig of {armature.name!r} is being learned already; wait for it, or cancel")
    bones.rename(armature)
    if armature.drmm.rig.measured:
        bones.measure(armature)
    rig = reader.read(armature)
    settings = armature.drmm.rig
    count, seed = count or settings.count, settings.seed if seed is None else seed
    given = sources.given(armature, rig.joints)
    way = [count, seed, settings.use_actions, settings.use_assets, settings.use_mocap]
    out = Path(bpy.path.abspath(path)) if path else learned.place(rig, way, armature.name)
    needs = {"rig": rig.to_json(), "count": count, "seed": seed}
    job = Job(task.__file__, needs, out, watch.command(), partial(task.keep, given))
    _jobs[armature.session_uid] = job
    watch.add(job, partial(_show, armature.session_uid, job))
    return job


def finish(armature: bpy.types.Object, job: Job) -> None:
    """Wait until a rig is learned, and choose its model; ValueError with the reason where that failed."""
    watch.wait(job)
    choose(armature, job)


def cancel(armature: bpy.types.Object) -> None:
    """Stop learning an armature's rig; ValueError where it is not being learned."""
    if not running(armature):
        raise ValueError(f"the rig of {armature.name!r} is not being learned")
    _jobs[armature.session_uid].cancel()


def job_of(armature: bpy.types.Object) -> Job | None:
    """The last process that learned, or learns, the armature's rig."""
    return _jobs.get(armature.session_uid)


def running(armature: bpy.types.Object) -> bool:
    """Whether the armature's rig is being learned."""
    job = job_of(armature)
    return job is not None and not job.over


def lines(problem: str) -> list[str]:
    """A problem in lines as short as the sidebar is narrow."""
    return textwrap.wrap(problem, WIDTH)


def forget() -> None:
    """Forget all processes; whoever watches them ends them."""
    _jobs.clear()


def choose(armature: bpy.types.Object, job: Job) -> None:
    """Make the model that a process has put in place the armature's."""
    armature.drmm.rig.model = str(job.out)
    learned.model(armature)


def _show(uid: int, job: Job) -> None:
    """Choose a new model for its armature, if that is still there: one undo step, however many models come."""
    armature = next((obj for obj in bpy.data.objects if obj.session_uid == uid), None)
    if armature is None:
        return
    chosen = armature.drmm.rig.model
    choose(armature, job)
    if chosen != armature.drmm.rig.model:
        watch.undo_step("Learn this Rig")
