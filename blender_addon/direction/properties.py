# SPDX-License-Identifier: GPL-3.0-or-later
"""Direction as scenes and armature objects keep it."""

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

from .. import models
from . import draw, words

OVERRIDABLE = {"LIBRARY_OVERRIDABLE"}
INSERT = {"LIBRARY_OVERRIDABLE", "USE_INSERTION"}


def _leads(_owner: object, candidate: bpy.types.Object) -> bool:
    return candidate.type in {"EMPTY", "CURVE"}


def _is_empty(_owner: object, candidate: bpy.types.Object) -> bool:
    return candidate.type == "EMPTY"


def _fit_facing(target: DrmmTarget, context: bpy.types.Context) -> None:
    """`face`, the older word, says the same as `facing`."""
    if target.face != (target.facing == "TOWARDS"):
        target.facing = "TOWARDS" if target.face else "FREE"


def _fit_face(target: DrmmTarget, context: bpy.types.Context) -> None:
    if target.face != (target.facing == "TOWARDS"):
        target.face = target.facing == "TOWARDS"
    draw.refresh(context.scene)


def _styles(_target: DrmmTarget, context: bpy.types.Context, _typed: str) -> list[str]:
    return models.styles(bpy.path.abspath(context.scene.drmm.walk_model))


def _redraw(_owner: object, context: bpy.types.Context) -> None:
    draw.refresh(context.scene)


class DrmmTarget(bpy.types.PropertyGroup):
    """A place to walk to, or a curve to walk along; and how."""

    empty: PointerProperty(
        name="Target", type=bpy.types.Object, poll=_leads, update=_redraw, override=OVERRIDABLE,
        description="The empty to walk to, or the curve to walk along",
    )  # fmt: skip
    face: BoolProperty(
        name="Face", update=_fit_facing, override=OVERRIDABLE, description="Look towards the target while walking to it"
    )
    facing: EnumProperty(
        name="Facing", items=words.FACING, update=_fit_face, override=OVERRIDABLE, description="Where the body faces"
    )
    look: PointerProperty(
        name="Looks At", type=bpy.types.Object, update=_redraw, override=OVERRIDABLE, description="The object to face"
    )
    arrive: EnumProperty(
        name="Arrive", items=words.ARRIVE, update=_redraw, override=OVERRIDABLE, description="When to be there"
    )
    speed: FloatProperty(
        name="Speed", default=1.2, min=0.05, soft_max=4.0, max=20.0, unit="VELOCITY",
        override=OVERRIDABLE, description="On the way to this target",
    )  # fmt: skip
    frame: IntProperty(name="Frame", default=60, update=_redraw, override=OVERRIDABLE, description="When to be there")
    stop: BoolProperty(
        name="Stop", update=_redraw, override=OVERRIDABLE, description="Come to a stand here; otherwise pass through"
    )
    wait: IntProperty(
        name="Wait", min=0, max=100000, subtype="TIME", update=_redraw, override=OVERRIDABLE,
        description="Frames to stand here before going on",
    )  # fmt: skip
    style: StringProperty(
        name="Style", search=_styles, override=OVERRIDABLE, description="How to walk there; empty: any way"
    )
    reverse: BoolProperty(
        name="Reverse", update=_redraw, override=OVERRIDABLE, description="Walk the curve from its end to its beginning"
    )


class DrmmRoom(bpy.types.PropertyGroup):
    """Where the body must not be."""

    empty: PointerProperty(
        name="Object", type=bpy.types.Object, poll=_is_empty, description="Move, turn and scale it as you like"
    )
    kind: EnumProperty(name="Kind", items=words.ROOMS, description="What is kept out of or inside")
    use: BoolProperty(name="Use", default=True, description="Whether walks heed it")


class DrmmDirections(bpy.types.PropertyGroup):
    """Targets of one character's own, kept with its armature."""

    own: BoolProperty(
        name="Own Targets", update=_redraw, override=OVERRIDABLE,
        description="This character has a list of targets of its own; otherwise it follows the scene's",
    )  # fmt: skip
    targets: CollectionProperty(type=DrmmTarget, override=INSERT)
    target_index: IntProperty(name="Target", update=_redraw, override=OVERRIDABLE)


class DrmmWalk(bpy.types.PropertyGroup):
    """How walks become keys, and what the viewport shows of them; kept with a scene."""

    lock_feet: BoolProperty(name="Lock Feet", default=True, description="Feet that stand stay where they are")
    lock_strength: FloatProperty(
        name="Strength", default=1.0, min=0.0, max=1.0, subtype="FACTOR", description="0: as generated. 1: no sliding"
    )
    lock_blend: IntProperty(
        name="Blend", default=4, min=0, max=15, description="Frames in which a foot is let go, at the model's rate"
    )
    root: EnumProperty(name="Root", items=words.ROOTS, description="What carries the character along the floor")
    keys: EnumProperty(name="Keys", items=words.KEYS, description="How many keys are written")
    bound: FloatProperty(
        name="Within", default=0.01, min=0.0001, soft_max=0.05, subtype="DISTANCE", unit="LENGTH", precision=4,
        description="How far a joint may be from where it was generated, by the few keys",
    )  # fmt: skip
    blend: IntProperty(
        name="Blend from Pose", default=10, min=0, max=60,
        description="Frames in which the pose at the current frame becomes the walk; a rest pose is left at once",
    )  # fmt: skip
    show_route: BoolProperty(
        name="Route", default=True, update=_redraw, description="Draw the way, its targets, stops and directions"
    )
    show_reach: BoolProperty(
        name="Reach", default=True, update=_redraw, description="Draw where the hips can be within the next second"
    )
    show_feet: BoolProperty(
        name="Footprints", default=True, update=_redraw, description="Draw where feet stand, left and right"
    )


CLASSES = (DrmmTarget, DrmmRoom, DrmmDirections, DrmmWalk)
