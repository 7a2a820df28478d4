# SPDX-License-Identifier: GPL-3.0-or-later
"""Live: while an object of a condition moves, the pose follows.

A handler looks, after each update of the scene, whether what the conditions ask has changed, and if so solves from
the pose as it stands, so that the answer keeps to its branch. It writes within that update: what a drag does to the
pose is part of the drag's own undo step. There is no timer, and no handler while no armature is live.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import bpy
import numpy as np
from bpy.app.handlers import persistent
from numpy.typing import NDArray

from drmm_engine.body.rig import Rig

from .. import armature as armatures
from .. import rig as rigs
from ..conditions import renamed
from ..scenes import local
from ..screen import redraw
from . import query, store

Array = NDArray[np.float64]
ROUNDS, TRIES = 4, 4  # of the solver, and how often at an event at most
STUCK = 0.8  # the solver is not called again where it leaves more than this share of what is missed
PAUSE = 0.3  # seconds without a change after which a drag is over and the rig is read anew


@dataclass
class Drag:
    """One drag: what the conditions asked and how the bones were at its start, and the pose now."""

    rig: Rig
    start: bytes
    before: tuple[list[tuple[str, str]], Array]
    theta: Array
    last: float
    transform: int


@dataclass
class Watch:
    """What the conditions of a live armature asked when last looked; its drag, and what is wrong or missed."""

    asked: bytes
    drag: Drag | None = None
    told: str = ""


_watches: dict[str, Watch] = {}
_clock: Callable[[], float] = time.monotonic


def sync(scene: bpy.types.Scene) -> None:
    """Watch just those armatures of a scene that are live, from what they ask now on."""
    _watches.clear()
    bpy.context.view_layer.update()
    _find(scene)
    handlers = bpy.app.handlers.depsgraph_update_post
    if _watches and follow not in handlers:
        handlers.append(follow)
    elif not _watches:
        stop()


def _find(scene: bpy.types.Scene) -> None:
    """Watch the live armatures that are not watched under their names."""
    for armature in scene.objects:
        if armature.type == "ARMATURE" and armature.library is None and armature.drmm.live:
            _watches.setdefault(armature.name, Watch(asked(armature)))


def stop() -> None:
    """Watch nothing."""
    _watches.clear()
    if follow in bpy.app.handlers.depsgraph_update_post:
        bpy.app.handlers.depsgraph_update_post.remove(follow)


def told(armature: bpy.types.Object) -> str:
    """What a live armature cannot do now; empty where all is well."""
    watch = _watches.get(armature.name)
    return watch.told if watch else ""


@persistent
def follow(scene: bpy.types.Scene, _depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """The handler: solve for every live armature whose conditions ask something else than before."""
    windows = bpy.context.window_manager.windows
    if bpy.app.is_job_running("RENDER") or any(window.screen.is_animation_playing for window in windows):
        return
    found = {name: local(scene, name) for name in _watches}
    if not all(armature and armature.drmm.live for armature in found.values()):  # deleted, renamed, switched off
        _watches.clear()
        _find(scene)
        if not _watches:
            stop()
        return
    for name, armature in found.items():
        now = asked(armature)
        if now != _watches[name].asked:
            _step(scene, armature, _watches[name], now)


def asked(armature: bpy.types.Object) -> bytes:
    """What an armature's conditions ask, as bytes that differ when it does."""
    parts = [np.array(armature.matrix_world, float)]
    text = []
    for item in armature.drmm.conditions:
        text.append((item.what, item.how, item.bone, item.axis, item.use))
        parts.append(np.array([item.confidence, item.weight, item.low, item.high, item.spread, *item.kept]))
        if item.object:
            parts += [np.array(item.object.matrix_world, float).ravel(), [item.object.empty_display_size]]
    text.append(tuple(lock.name for lock in armature.drmm.locks))
    return repr(text).encode() + b"".join(np.asarray(part, float).tobytes() for part in parts)


def _step(scene: bpy.types.Scene, armature: bpy.types.Object, watch: Watch, now: bytes) -> None:
    before, watch.asked, told = watch.asked, now, watch.told
    try:
        drag = watch.drag
        if drag and now == drag.start:  # the drag was taken back: so is the pose, exactly
            watch.drag, watch.told = None, ""
            store.restore(armature, *drag.before)
            return
        if drag is None or _is_over(drag):
            drag = watch.drag = _begin(armature, before)
        drag.theta, watch.told = _solve(scene, armature, drag)
        rigs.write(armature, drag.rig.joints, drag.theta)
        drag.last = _clock()
    except ValueError as problem:
        watch.told = str(problem)
    if watch.told != told:
        redraw(bpy.context)


def _begin(armature: bpy.types.Object, start: bytes) -> Drag:
    armatures.check_editable(armature)
    renamed.mend(armature)
    rig = query.described(armature)
    store.remember(armature, rig.joints)
    store.drop(armature)
    before = store.snapshot(armature, rig.joints)
    return Drag(rig, start, before, rigs.theta(armature, rig.joints), _clock(), _transform())


def _is_over(drag: Drag) -> bool:
    """Whether a drag has ended: its transform is no more, or where it was none, nothing has moved for a while."""
    running = _transform()
    return running != drag.transform or (not running and _clock() - drag.last > PAUSE)


def _transform() -> int:
    """What tells the transform that the user is at from any other; 0 where there is none."""
    windows = bpy.context.window_manager.windows
    running = (operator for window in windows for operator in window.modal_operators)
    return next((operator.as_pointer() for operator in running if operator.bl_idname.startswith("TRANSFORM_OT")), 0)


def _solve(scene: bpy.types.Scene, armature: bpy.types.Object, drag: Drag) -> tuple[Array, str]:
    """The pose next to the drag's that meets the conditions, and what it misses.

    A solver that stalls looks elsewhere after more than `ROUNDS`; so that the pose keeps to its branch, it is called
    anew instead, as long as that brings it nearer.
    """
    asked = query.ask(armature, scene, drag.rig, drag.theta)
    before = np.inf
    for _ in range(TRIES):
        theta, error = query.near(asked, ROUNDS)
        asked, missed = replace(asked, theta=theta), np.sum(error / asked.met)
        if asked.meets(error) or missed > STUCK * before:
            break
        before = missed
    return asked.theta, query.missed(asked, error)
