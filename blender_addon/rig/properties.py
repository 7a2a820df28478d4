# SPDX-License-Identifier: GPL-3.0-or-later
"""What an armature remembers of its rig: the driven bones with their limits, where from to learn, and the model."""

from __future__ import annotations

import math

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..compat import PATH

# So that rigs that are library overrides can be set up, and keep it when saved.
OVERRIDE = {"LIBRARY_OVERRIDABLE"}
INSERT = {"LIBRARY_OVERRIDABLE", "USE_INSERTION"}

KINDS = [("swing", "Swing and Twist", "The bone swings about its X and Z and twists about its length (Y); no gimbal")]
KINDS += [
    (order, f"{order} Euler", f"Angles about the bone's axes in the order {order}, as Limit Rotation has them")
    for order in ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
]


def _keep_order(low: str, high: str, changed: str):  # noqa: ANN202 - a callback for Blender
    """Moving one end of a range past the other takes the other along."""

    def update(row: DrmmRigBone, _context: bpy.types.Context) -> None:
        other, pick = (high, max) if changed == low else (low, min)
        wanted = [pick(pair) for pair in zip(getattr(row, low), getattr(row, high), strict=True)]
        if wanted != list(getattr(row, other)):
            setattr(row, other, wanted)

    return update


def _angles(name: str, changed: str, description: str):  # noqa: ANN202 - a deferred property
    return FloatVectorProperty(
        name=name, size=3, subtype="EULER", min=-math.pi, max=math.pi, description=description,
        update=_keep_order("low", "high", changed), override=OVERRIDE,
    )  # fmt: skip


def _places(name: str, changed: str, description: str):  # noqa: ANN202 - a deferred property
    return FloatVectorProperty(
        name=name, size=3, subtype="XYZ", unit="LENGTH", description=description,
        update=_keep_order("move_low", "move_high", changed), override=OVERRIDE,
    )  # fmt: skip


class DrmmRigBone(bpy.types.PropertyGroup):
    """A bone of the rig: whether poses drive it, how far it turns, and whether its ends are reached for."""

    name: StringProperty(name="Bone", override=OVERRIDE)
    driven: BoolProperty(
        name="Driven", override=OVERRIDE, description="Posing turns this bone; all others stay as you pose them"
    )
    use_head: BoolProperty(
        name="Reach with Head", override=OVERRIDE,
        description="Learn where the bone's head goes, so that goals for it are met naturally",
    )  # fmt: skip
    use_tail: BoolProperty(
        name="Reach with Tail", override=OVERRIDE,
        description="Learn where the bone's tail goes, so that goals for it are met naturally",
    )  # fmt: skip
    kind: EnumProperty(
        name="Turns", items=KINDS, override=OVERRIDE, description="What the three angles of the limits mean"
    )
    low: _angles("From", "low", "The least angle about each axis of the bone; where From and To agree, it is locked")
    high: _angles("To", "high", "The greatest angle about each of the bone's axes")
    moves: BoolProperty(
        name="Moves", override=OVERRIDE, description="Posing also moves this bone, as it does the hips of a body"
    )
    move_low: _places("Move from", "move_low", "The least location along each of the bone's axes")
    move_high: _places("Move to", "move_high", "The greatest location along each of the bone's axes")
    source: StringProperty(name="Limits from", override=OVERRIDE)
    problem: StringProperty(name="Cannot be driven", override=OVERRIDE)
    # Of a control rig: the driven bone that it was seen to hang from, and whether it was turned to see what follows.
    follows: StringProperty(name="Follows", override=OVERRIDE)
    turned: BoolProperty(override=OVERRIDE)
    # Where the bone is at rest: by that it is found again under another name.
    head: FloatVectorProperty(size=3, subtype="XYZ", override=OVERRIDE)
    tail: FloatVectorProperty(size=3, subtype="XYZ", override=OVERRIDE)


class DrmmRig(bpy.types.PropertyGroup):
    """How an armature is posed, and the model that was learned of it."""

    measured: BoolProperty(name="Control Rig", override=OVERRIDE)
    bones: CollectionProperty(type=DrmmRigBone, override=INSERT)
    bone_index: IntProperty(name="Bone", override=OVERRIDE)
    only_driven: BoolProperty(
        name="Driven Only", default=True, override=OVERRIDE, description="List only the bones that are driven"
    )
    show_limits: BoolProperty(
        name="Handles", override=OVERRIDE,
        description="Show the limits of the bone chosen above as arcs in the viewport; drag their ends to change them",
    )  # fmt: skip
    use_actions: BoolProperty(
        name="Actions", override=OVERRIDE,
        description="Learn also from the poses in this file's Actions that animate the driven bones",
    )  # fmt: skip
    use_assets: BoolProperty(
        name="Pose Assets", override=OVERRIDE, description="Learn also from this file's pose assets for this rig"
    )
    use_mocap: BoolProperty(
        name="Motion Capture", override=OVERRIDE,
        description="Learn also from poses of people, carried over by the bone mapping; for humanoid rigs",
    )  # fmt: skip
    count: IntProperty(
        name="Poses", default=200_000, min=2_000, max=2_000_000, override=OVERRIDE,
        description="How many poses to learn from; more take longer and answer more precisely",
    )  # fmt: skip
    seed: IntProperty(name="Seed", min=0, override=OVERRIDE, description="Another number draws other random poses")
    model: StringProperty(
        name="Model of this Rig", subtype="FILE_PATH", options=PATH, override=OVERRIDE,
        description="The model that was learned of this rig; Learn this Rig fills it in",
    )  # fmt: skip


CLASSES = (DrmmRigBone, DrmmRig)
POINTER = PointerProperty(type=DrmmRig, override=OVERRIDE)
