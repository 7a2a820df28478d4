# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes as an armature object keeps them: which Actions they are, and what it was before."""

from __future__ import annotations

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import ghosts, store

OVERRIDE = {"LIBRARY_OVERRIDABLE"}
INSERT = {"LIBRARY_OVERRIDABLE", "USE_INSERTION"}
VIEWS = (
    ("OFF", "Off", "Only the take that the armature plays", "HIDE_ON", 0),
    ("OVER", "Ghosts", "The other takes as stick figures where they walk", "GHOST_ENABLED", 1),
    ("SIDE", "Side by Side", "The other takes as stick figures next to the armature, each further to its side",
     "MOD_ARRAY", 2),
)  # fmt: skip


def _show(settings: DrmmTakes, _context: bpy.types.Context) -> None:
    store.show(settings.id_data)


def _redraw(settings: DrmmTakes, context: bpy.types.Context) -> None:
    ghosts.refresh(context.scene)


class DrmmTake(bpy.types.PropertyGroup):
    """A take; all else about it is kept with its Action."""

    action: PointerProperty(name="Action", type=bpy.types.Action, override=OVERRIDE)
    kept: BoolProperty(override=OVERRIDE, description="Accepted, or kept when another was; Reject leaves it")
    seed: IntProperty(name="Seed", override=OVERRIDE)
    first: IntProperty(name="First Frame", override=OVERRIDE)
    last: IntProperty(name="Last Frame", override=OVERRIDE)
    plausibility: FloatProperty(
        name="Plausibility", override=OVERRIDE, description="Mean over its frames, in nats; the higher, the likelier"
    )
    note: StringProperty(name="Note", override=OVERRIDE, description="What was made anew in it")


class DrmmTakes(bpy.types.PropertyGroup):
    """The takes of an armature, and as JSON how it was before the first of them was shown."""

    rows: CollectionProperty(type=DrmmTake, override=INSERT)
    index: IntProperty(name="Take", min=0, update=_show, override=OVERRIDE)
    before: PointerProperty(name="Action Before", type=bpy.types.Action, override=OVERRIDE)
    state: StringProperty(override=OVERRIDE)
    view: EnumProperty(name="Other Takes", items=VIEWS, default="OVER", update=_redraw, override=OVERRIDE)
    gap: FloatProperty(
        name="Gap", default=1.5, min=0.1, soft_max=5.0, subtype="DISTANCE", update=_redraw, override=OVERRIDE,
        description="How far apart takes stand that are shown side by side",
    )  # fmt: skip


CLASSES = (DrmmTake, DrmmTakes)
POINTER = PointerProperty(type=DrmmTakes, override=OVERRIDE)
