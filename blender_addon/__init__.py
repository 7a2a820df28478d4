# SPDX-License-Identifier: GPL-3.0-or-later
"""DRMM in Blender: walks to targets and sampled poses for any rig."""

import bpy

from . import models, operators, properties, ui
from .answers import hooks
from .background import watch
from .data import learn as walks
from .direction import draw
from .rig import learn, learned
from .takes import hooks as trials


def register() -> None:
    """Called by Blender when the extension is enabled."""
    properties.register()
    for cls in (*operators.CLASSES, *ui.CLASSES):
        bpy.utils.register_class(cls)
    hooks.register()
    trials.register()
    draw.register()
    bpy.app.timers.register(_read_shipped_models, first_interval=0.1)


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    if bpy.app.timers.is_registered(_read_shipped_models):
        bpy.app.timers.unregister(_read_shipped_models)
    draw.unregister()
    trials.unregister()
    hooks.unregister()
    for cls in reversed((*operators.CLASSES, *ui.CLASSES)):
        bpy.utils.unregister_class(cls)
    properties.unregister()
    watch.stop_all()
    learn.forget()
    walks.forget()
    models.clear()
    learned.clear()


def _read_shipped_models() -> None:
    """Once the window stands, so that the panel can tell of them."""
    for kind in models.PURPOSES:
        models.look("", kind)
    hooks.look_at_sets()
