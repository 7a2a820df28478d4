# SPDX-License-Identifier: GPL-3.0-or-later
"""The way, the reachable region, footprints and what is being generated, in the 3D viewport.

Shapes are made when the scene changes, batches at the first drawing after that; a drawing only draws. The handlers are
there only while there is something to see.
"""

from __future__ import annotations

import bpy


def refresh(scene: bpy.types.Scene) -> None:
    """Make the shapes of a scene anew."""


def generating(walks: object) -> None:
    """Show walks as they are being generated."""
