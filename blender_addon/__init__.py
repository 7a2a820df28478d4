# SPDX-License-Identifier: GPL-3.0-or-later
"""DRMM in Blender: walks to targets and sampled poses for any rig."""

import bpy

from . import late

late.prepare(__name__)

from . import models, operators, properties, ui  # noqa: E402
from .answers import hooks  # noqa: E402
from .background import watch  # noqa: E402
from .data import learn as walks  # noqa: E402
from .direction import draw  # noqa: E402
from .rig import learn, learned  # noqa: E402
from .takes import hooks as trials  # noqa: E402


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
