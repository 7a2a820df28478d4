# SPDX-License-Identifier: Apache-2.0
"""Pictures of walking in a windowed Blender: targets, generate, Esc, undo, a route, rooms, in-between, several.

    blender --python scripts/screens/walking.py -- --zip dist/drmm-0.1.0.zip --out out/screens

Needs an X screen, xdotool and ImageMagick. Ends with status 1 at the first thing that is not as it should be.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.screens.window import arguments, do, look_at, picture, press, run, until, view  # noqa: E402
from scripts.showcase import character  # noqa: E402


def settings() -> bpy.types.PropertyGroup:
    """The scene's, asked for anew: undo makes others."""
    return bpy.context.scene.drmm


def running() -> bool:
    """Whether a walk is being generated."""
    return bpy.context.window_manager.drmm.running


def played() -> bpy.types.Action | None:
    """What the armature plays."""
    animation = settings().armature.animation_data
    return animation.action if animation else None


def empty(name: str, place: tuple[float, float, float]) -> bpy.types.Object:
    """An empty with an arrow."""
    made = bpy.data.objects.new(name, None)
    made.empty_display_type, made.location = "SINGLE_ARROW", place
    bpy.context.collection.objects.link(made)
    return made


def press_generate(**options: object) -> None:
    """The button, as a user presses it."""
    with view():
        bpy.ops.drmm.generate("INVOKE_DEFAULT", True, **options)


def deselect() -> None:
    """Nothing is selected."""
    for one in bpy.context.view_layer.objects:
        one.select_set(False)


def walk(out: Path) -> Iterator[float]:
    """Every state of walking, one after the other."""
    bpy.context.scene.render.fps = 30
    settings().armature = character.build()
    look_at((1.3, -2.0, 0.3), 8.5, tilt=0.95)
    yield from targets(out)
    yield from stopped(out)
    yield from generated(out)
    yield from route(out)
    yield from several(out)


def targets(out: Path) -> Iterator[float]:
    """Three targets, the second with a wait and something to look at."""
    for name, place in (("Door", (0, -2.5, 0)), ("Window", (2.5, -3.5, 0)), ("Chair", (3, -0.5, 0))):
        settings().targets.add().empty = empty(name, place)
    _, second, third = settings().targets
    second.facing, second.look, second.wait = "OBJECT", empty("Lamp", (5, -3, 1.5)), 30
    third.facing, third.stop = "ROTATION", True
    settings().target_index = 1
    yield from picture(out, "walk_1_targets")


def stopped(out: Path) -> Iterator[float]:
    """Esc in the middle leaves nothing behind."""
    before = len(bpy.data.actions)
    chair = settings().targets[2].empty
    chair.location.x += 25.0  # so far that there is time for a picture
    press_generate()
    yield from until(lambda: bpy.context.window_manager.drmm.fraction > 0.05, "the first frames")
    yield from picture(out, "walk_2_generating")
    assert running(), "it was over before Esc"
    yield from press("mousemove", 300, 500)
    yield from press("key", "Escape")
    yield from until(lambda: not running(), "the stop")
    assert len(bpy.data.actions) == before and played() is None, "Esc left something behind"
    yield from picture(out, "walk_3_stopped")
    chair.location.x -= 25.0


def generated(out: Path) -> Iterator[float]:
    """The whole walk; one step of undo takes it back, and redo brings it again."""
    with view():
        bpy.ops.ed.undo_push(message="Set the scene")
    press_generate()
    yield from until(lambda: not running(), "the walk")
    assert played() is not None, "no walk was made"
    bpy.context.scene.frame_set(75)
    yield from picture(out, "walk_4_generated")
    with view():
        bpy.ops.ed.undo()
    assert played() is None, "one step of undo did not take the walk back"
    yield from picture(out, "walk_5_undone")
    with view():
        bpy.ops.ed.redo()
    assert played() is not None, "redo did not bring the walk again"


def route(out: Path) -> Iterator[float]:
    """Along a curve, under a beam."""
    do(bpy.ops.drmm.reject_takes)
    bpy.context.scene.frame_set(1)
    spline = bpy.data.curves.new("Path", "CURVE").splines.new("BEZIER")
    spline.bezier_points.add(3)
    places = ((0, -1.5, 0), (1.6, -3, 0), (3.6, -2, 0), (2.5, 0.5, 0))
    for point, place in zip(spline.bezier_points, places, strict=True):
        point.co, point.handle_left_type, point.handle_right_type = place, "AUTO", "AUTO"
    bpy.context.collection.objects.link(bpy.data.objects.new("Path", spline.id_data))
    settings().targets.clear()
    row = settings().targets.add()
    row.empty, row.stop = bpy.data.objects["Path"], True
    deselect()
    do(bpy.ops.drmm.add_room, kind="OUT")
    beam = settings().rooms[0].empty
    beam.location, beam.scale = (2.0, -2.8, 1.5), (0.3, 2.4, 0.3)
    press_generate()
    yield from until(lambda: not running(), "the walk along the curve")
    bpy.context.scene.frame_set(140)
    yield from picture(out, "walk_6_route")
    settings().rooms.clear()


def several(out: Path) -> Iterator[float]:
    """Two characters who pass each other."""
    do(bpy.ops.drmm.reject_takes)
    bpy.context.scene.frame_set(1)
    other = character.build("Second")
    other.location, other.rotation_euler.z = (3, -4, 0), np.pi
    deselect()
    for one, place in ((settings().armature, (3, -3.6, 0)), (other, (0, -0.2, 0))):
        one.drmm.walk.own = True
        row = one.drmm.walk.targets.add()
        row.empty, row.stop = empty(f"For {one.name}", place), True
        one.select_set(True)
    yield 1.0
    press_generate(selected=True)
    yield from until(lambda: not running(), "the walk of two")
    assert played() is not None and other.animation_data.action is not None, "one of them stands"
    bpy.context.scene.frame_set(70)
    yield from picture(out, "walk_7_several")


if __name__ == "__main__":
    run(walk, arguments(__doc__))
