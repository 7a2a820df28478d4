# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's windows, and where in them the add-on is."""

from __future__ import annotations

import bpy


class Sidebar:
    """Where the panels are."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "DRMM"


def redraw(context: bpy.types.Context) -> None:
    """Have the sidebars drawn anew, and only them: a tick must not cost a drawing of the scene."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if area.type == "VIEW_3D" and region.type == "UI":
                    region.tag_redraw()
