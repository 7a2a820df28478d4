# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scene, an armature object and the window manager remember."""

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

from . import armature as rigs
from . import models, review
from .answers import live, store
from .answers.properties import DrmmAnswer
from .compat import PATH
from .conditions.properties import DrmmCondition, DrmmLock
from .data.properties import DrmmData
from .direction import properties as direction
from .direction.properties import DrmmDirections, DrmmRoom, DrmmTarget, DrmmWalk
from .rig import properties as rig
from .takes import properties as takes

GOALS = (
    ("Hips", "Hips", "The hips"),
    ("Head", "Head", "The head"),
    ("LeftHand", "Left Hand", "The left wrist"),
    ("RightHand", "Right Hand", "The right wrist"),
    ("LeftFoot", "Left Foot", "The left ankle"),
    ("RightFoot", "Right Foot", "The right ankle"),
)


def _is_armature(_owner: object, candidate: bpy.types.Object) -> bool:
    return candidate.type == "ARMATURE"


def _is_empty(_owner: object, candidate: bpy.types.Object) -> bool:
    return candidate.type == "EMPTY"


def _guess_mapping(settings: DrmmScene, _context: bpy.types.Context) -> None:
    """So that most rigs need no further step."""
    if settings.armature and len(settings.armature.drmm.mapping) == 0:
        rigs.guess_mapping(settings.armature)


def _read_walk_model(settings: DrmmScene, _context: bpy.types.Context) -> None:
    models.look(bpy.path.abspath(settings.walk_model), "locomotion")


def _read_pose_model(settings: DrmmScene, _context: bpy.types.Context) -> None:
    models.look(bpy.path.abspath(settings.pose_model), "pose")


def _show_answer(settings: DrmmArmature, _context: bpy.types.Context) -> None:
    try:
        store.show(settings.id_data)
    except ValueError:  # the rig has changed since: these answers are none of its own
        store.drop(settings.id_data)


def _follow(_settings: DrmmArmature, context: bpy.types.Context) -> None:
    live.sync(context.scene)


def _show_pose(settings: DrmmArmature, _context: bpy.types.Context) -> None:
    review.show(settings.id_data)


class DrmmBone(bpy.types.PropertyGroup):
    """One canonical joint and the bone that is it."""

    joint: StringProperty(name="Joint")
    bone: StringProperty(name="Bone", description="The bone that is this joint")


class DrmmGoal(bpy.types.PropertyGroup):
    """A place for a part of the body."""

    joint: EnumProperty(name="Part", items=GOALS, description="The part of the body that goes there")
    empty: PointerProperty(name="Goal", type=bpy.types.Object, poll=_is_empty, description="Where it goes")


class DrmmPose(bpy.types.PropertyGroup):
    """A sampled pose; its numbers are in the custom property `values`."""

    plausibility: FloatProperty(name="Plausibility", description="Log weight; the higher, the likelier")
    error: FloatProperty(name="Error", description="The largest distance from a goal, in millimetres")


class DrmmArmature(bpy.types.PropertyGroup):
    """Kept with an armature object."""

    mapping: CollectionProperty(type=DrmmBone)
    mapping_index: IntProperty(name="Joint")
    poses: CollectionProperty(type=DrmmPose)
    pose_index: IntProperty(name="Pose", min=0, update=_show_pose)
    conditions: CollectionProperty(type=DrmmCondition, override=rig.INSERT)
    condition_index: IntProperty(name="Condition", override=rig.OVERRIDE)
    locks: CollectionProperty(type=DrmmLock, override=rig.INSERT)
    answers: CollectionProperty(type=DrmmAnswer, override=rig.INSERT)
    answer_index: IntProperty(name="Answer", min=0, update=_show_answer, override=rig.OVERRIDE)
    blend: FloatProperty(
        name="Blend", max=1.0, min=0.0, subtype="FACTOR", update=_show_answer, override=rig.OVERRIDE,
        description="How far to turn the pose shown towards another one of the list",
    )  # fmt: skip
    blend_with: IntProperty(
        name="With", default=2, min=1, update=_show_answer, override=rig.OVERRIDE,
        description="Number of the other pose in the list",
    )  # fmt: skip
    live: BoolProperty(
        name="Live", update=_follow, override=rig.OVERRIDE,
        description="While you move an object of a condition, the pose follows and keeps to its kind",
    )  # fmt: skip
    looked: IntProperty(override=rig.OVERRIDE, description="How often others were looked for")
    parameters: StringProperty(override=rig.OVERRIDE, description="Names of the answers' parameters, as JSON")
    before: StringProperty(override=rig.OVERRIDE, description="How the driven bones were before the answers, as JSON")
    rig: rig.POINTER
    takes: takes.POINTER
    walk: PointerProperty(type=DrmmDirections, override=rig.OVERRIDE)


class DrmmScene(bpy.types.PropertyGroup):
    """Kept with a scene."""

    armature: PointerProperty(
        name="Armature",
        type=bpy.types.Object,
        poll=_is_armature,
        update=_guess_mapping,
        description="The character to animate",
    )
    walk_model: StringProperty(
        name="Walk Model",
        subtype="FILE_PATH",
        options=PATH,
        description="A locomotion model; empty: the one that comes with DRMM",
        update=_read_walk_model,
    )
    pose_model: StringProperty(
        name="Pose Model",
        subtype="FILE_PATH",
        options=PATH,
        description="A pose model; empty: the one that comes with DRMM",
        update=_read_pose_model,
    )
    targets: CollectionProperty(type=DrmmTarget)
    target_index: IntProperty(name="Target")
    rooms: CollectionProperty(type=DrmmRoom)
    room_index: IntProperty(name="Room")
    walk: PointerProperty(type=DrmmWalk)
    goals: CollectionProperty(type=DrmmGoal)
    goal_index: IntProperty(name="Goal")
    seed: IntProperty(name="Seed", min=0, description="Another number gives another walk and other poses")
    seconds: FloatProperty(
        name="Time Limit", default=30.0, min=0.5, max=600.0, subtype="TIME_ABSOLUTE", description="Stop after this time"
    )
    data: PointerProperty(type=DrmmData)
    count: IntProperty(name="Poses", default=64, min=1, max=1024, description="How many poses to draw")


class DrmmProgress(bpy.types.PropertyGroup):
    """How far a running generation has come; never saved."""

    running: BoolProperty()
    stop: BoolProperty()
    fraction: FloatProperty(min=0.0, max=1.0)
    text: StringProperty()


CLASSES = (*rig.CLASSES, *takes.CLASSES, *direction.CLASSES, DrmmData, DrmmCondition, DrmmLock, DrmmAnswer)
CLASSES += (DrmmBone, DrmmGoal, DrmmPose, DrmmArmature, DrmmScene, DrmmProgress)


def register() -> None:
    """Register the property groups and hang them on Blender's types."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Object.drmm = PointerProperty(type=DrmmArmature, override=rig.OVERRIDE)
    bpy.types.Scene.drmm = PointerProperty(type=DrmmScene)
    bpy.types.WindowManager.drmm = PointerProperty(type=DrmmProgress)


def unregister() -> None:
    """Take away what `register` added."""
    del bpy.types.WindowManager.drmm
    del bpy.types.Scene.drmm
    del bpy.types.Object.drmm
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
