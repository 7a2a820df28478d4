# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that learn, looked after by one timer that is gone when the last has ended."""

from __future__ import annotations

import sys
from collections.abc import Callable

import bpy

from ..screen import redraw
from .job import Job

TICK = 0.25  # seconds between two looks at the processes

_watched: list[tuple[Job, Callable[[], None]]] = []


def add(job: Job, take: Callable[[], None]) -> None:
    """Look after a job; `take` is called when a model has been put in place, its ValueError is the job's error."""
    _watched.append((job, take))
    if not bpy.app.background and not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=TICK, persistent=True)


def tick() -> float | None:
    """Look at the processes; Blender calls again while one runs."""
    for job, take in _watched:
        before = job.models
        job.look()
        if job.models > before:
            _take(job, take)
    _watched[:] = [each for each in _watched if not each[0].over]
    redraw(bpy.context)
    return TICK if _watched else None


def wait(job: Job) -> None:
    """Wait until a job is done; ValueError with the reason where it failed."""
    while job.look():
        job.wait(TICK)
    if job.error:
        raise ValueError(job.error)


def stop_all() -> None:
    """End all processes and the timer."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    for job, _ in _watched:
        job.cancel()
    _watched.clear()


def undo_step(message: str) -> None:
    """An undo step of what a timer has changed, where there is a window."""
    windows = bpy.context.window_manager.windows
    if windows:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.ed.undo_push(message=message)


def command() -> list[str]:
    """The command that runs a Python file: Blender's own binary, or Python where Blender is a module of it."""
    if bpy.app.binary_path:
        return [bpy.app.binary_path, "--background", "--factory-startup", "--python-exit-code", "1", "--python"]
    return [sys.executable]


def _take(job: Job, take: Callable[[], None]) -> None:
    try:
        take()
    except ValueError as problem:  # a timer that raises is gone
        job.error = str(problem)
