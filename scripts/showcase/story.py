# SPDX-License-Identifier: Apache-2.0
"""What the demo does: a scene, a walk and a pose by the add-on's operators, the files, and the figures."""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import bpy
from mathutils import Vector

import blender_addon
import drmm_engine as drmm
from blender_addon import armature as rigs
from drmm_engine.motion import controller
from scripts.showcase import character, measures, sheet, stage

TARGETS = ((3.2, -0.9), (6.0, 1.2), (9.2, -0.3))
GOALS = {
    "LeftHand": (0.32, -0.5, 0.6),
    "RightHand": (-0.4, 0.15, 0.85),
    "LeftFoot": (0.12, -0.28, 0.09),
    "RightFoot": (-0.12, 0.25, 0.11),
}
"""Places for parts of the body, metres, before a character at the origin that faces -Y."""
POSER_PLACE, POSER_TURN = (4.6, 5.0, 0.0), math.radians(25)
FRAME_RATE = 30


def tell(out: Path, seed: int) -> Iterator[str]:
    """Make out/demo.blend and out/demo.png; yields what there is to say, line by line, as it is known."""
    out.mkdir(exist_ok=True)
    scene = _scene()
    stage.new_collection("Pose")
    poser, goals = _poser(scene)
    stage.new_collection("Walk")
    walker, targets = _walker(scene)
    rest, radius = rigs.joint_positions(walker, rigs.mapping_of(walker)), _reach(walker)
    for number, target in enumerate(targets, 1):
        stage.mark_target(target, number, radius, math.radians(sheet.ROUTE_AZIMUTH))

    started = time.perf_counter()
    bpy.ops.drmm.generate(seed=seed)
    seconds = time.perf_counter() - started
    scene.frame_end = round(walker.animation_data.action.frame_range[1])
    walk = measures.record(scene, walker)
    reached = walk.reached([target.matrix_world.translation for target in targets], radius)
    yield from measures.describe_walk(walk, reached, rest)
    yield f"speed       {len(walk.positions) / seconds:.0f} frames/s, from the click to the last key"

    bpy.ops.drmm.sample_pose(armature=poser.name, seed=seed)
    bpy.ops.drmm.key_pose(armature=poser.name)
    yield measures.describe_pose(poser, goals)

    _show(scene, walk)
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "demo.blend"), compress=True)
    yield f"scene       {out.name}/demo.blend"
    sheet.draw(out / "demo.png", walk, reached, poser)
    yield f"picture     {out.name}/demo.png"


def _scene() -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.filepaths.save_version = 0  # no demo.blend1
    blender_addon.register()
    scene = bpy.context.scene
    scene.render.fps = FRAME_RATE
    stage.new_collection("Studio")
    stage.dress(scene)
    return scene


def _walker(scene: bpy.types.Scene) -> tuple[bpy.types.Object, list[bpy.types.Object]]:
    """The character that walks, and the empties that it walks to, which are in the panel."""
    walker = character.build("Walker")
    walker.rotation_euler.z = math.radians(90)
    scene.drmm.armature = walker
    targets = []
    for number, place in enumerate(TARGETS, 1):
        targets.append(_empty(f"Target {number}", "SINGLE_ARROW", 0.5, (*place, 0.0)))
        scene.drmm.targets.add().empty = targets[-1]
    return walker, targets


def _reach(walker: bpy.types.Object) -> float:
    """How near the walker's hips come to a target for it to count as reached, in metres."""
    scale, _ = rigs.read_character(walker).fit(drmm.load().skeleton["rest"])
    return scale * controller.REACHED


def _poser(scene: bpy.types.Scene) -> tuple[bpy.types.Object, dict[str, bpy.types.Object]]:
    """The character that takes a pose, and an empty for each of its goals, which are in the panel too."""
    poser = character.build("Poser")
    poser.location, poser.rotation_euler.z = POSER_PLACE, POSER_TURN
    bpy.context.view_layer.update()
    goals = {}
    for joint, place in GOALS.items():
        goals[joint] = _empty(f"{joint} Goal", "SPHERE", 0.06, poser.matrix_world @ Vector(place))
        item = scene.drmm.goals.add()
        item.joint, item.empty = joint, goals[joint]
        stage.mark_goal(goals[joint])
    return poser, goals


def _show(scene: bpy.types.Scene, walk: measures.Walk) -> None:
    """Have the file open on the whole walk, seen by the camera, with the sidebar at hand."""
    sheet.aim_at_route(scene, walk)
    for screen in bpy.data.screens:
        for space in (area.spaces.active for area in screen.areas if area.type == "VIEW_3D"):
            space.region_3d.view_perspective = "CAMERA"
            space.shading.color_type = "MATERIAL"
            space.show_region_ui = True


def _empty(name: str, display: str, size: float, place: tuple) -> bpy.types.Object:
    empty = bpy.data.objects.new(name, None)
    empty.empty_display_type, empty.empty_display_size, empty.location = display, size, place
    bpy.context.collection.objects.link(empty)
    bpy.context.view_layer.update()
    return empty
