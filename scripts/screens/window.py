# SPDX-License-Identifier: Apache-2.0
"""A windowed Blender worked by a script: the sidebar, the view, mouse and keys, a picture of each state.

A walk through the add-on is a generator of seconds to wait: between two of them Blender handles events and draws. The
pictures and the mouse are the X server's (ImageMagick's `import`, `xdotool`), so that they show what a user sees.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Euler, Vector

TAB = "DRMM"
SMALL = 0.7  # size of the interface with which all panels are seen
PATIENCE, LOOK = 120.0, 0.5  # seconds that something may take, and between two looks


def arguments(about: str) -> argparse.Namespace:
    """What follows `--` in Blender's own command line."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--zip", type=Path, help="the extension to install first (one that is enabled)")
    parser.add_argument("--out", type=Path, default=Path("out/screens"), help="folder for the pictures")
    told = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    return parser.parse_args(told)


def run(walk: Callable[[Path], Iterator[float]], options: argparse.Namespace) -> None:
    """Install the extension and go through a walk; Blender ends with status 1 at the first exception."""
    options.out.mkdir(parents=True, exist_ok=True)
    steps = _whole(walk, options)

    def tick() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            _end(0)
        except BaseException:
            traceback.print_exc()
            _end(1)

    bpy.app.timers.register(tick, first_interval=1.0, persistent=True)


def _end(status: int) -> None:
    sys.stdout.flush()
    os._exit(status)


def _whole(walk: Callable[[Path], Iterator[float]], options: argparse.Namespace) -> Iterator[float]:
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.view.ui_scale = SMALL
    if options.zip:
        bpy.ops.extensions.package_install_files(
            repo="user_default", filepath=str(options.zip.resolve()), enable_on_install=True)
        yield 1.0
    yield from _sidebar()
    yield from walk(options.out)


def _sidebar() -> Iterator[float]:
    """The 3D viewport alone, its sidebar open at the add-on's tab."""
    bpy.ops.object.select_all(action="SELECT")
    bpy.ops.object.delete()
    with view():
        bpy.ops.screen.screen_full_area()
    yield 0.5
    space = _area().spaces.active
    space.show_region_ui, space.show_region_toolbar = True, False
    yield 0.5
    _region("UI").active_panel_category = TAB
    yield 0.5


def view() -> object:
    """The context of the 3D viewport, for operators: `with view(): bpy.ops...`."""
    return bpy.context.temp_override(
        window=bpy.context.window_manager.windows[0], area=_area(), region=_region("WINDOW"), scene=bpy.context.scene)


def _area() -> bpy.types.Area:
    return next(one for one in bpy.context.window_manager.windows[0].screen.areas if one.type == "VIEW_3D")


def _region(kind: str) -> bpy.types.Region:
    return next(one for one in _area().regions if one.type == kind)


def do(operator: Callable[..., set[str]], **settings: object) -> None:
    """Press a button, with its undo step; AssertionError where it does not finish."""
    with view():
        said = operator("EXEC_DEFAULT", True, **settings)
    assert said == {"FINISHED"}, f"{operator.idname()}: {said}"


def look_at(place: tuple[float, float, float], distance: float, turn: float = 0.6, tilt: float = 1.3) -> None:
    """Put the view's eye at a distance from a place, turned and tilted by angles in radians."""
    region = _area().spaces.active.region_3d
    region.view_perspective, region.view_location, region.view_distance = "PERSP", place, distance
    region.view_rotation = Euler((tilt, 0.0, turn)).to_quaternion()


def until(ready: Callable[[], bool], what: str) -> Iterator[float]:
    """Wait until something is there; AssertionError where it does not come."""
    for _ in range(round(PATIENCE / LOOK)):
        if ready():
            return
        yield LOOK
    raise AssertionError(f"{what} did not come in {PATIENCE:.0f} s")


def picture(folder: Path, name: str) -> Iterator[float]:
    """A picture of the whole window, drawn anew."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()
    yield 0.8
    subprocess.run(["import", "-silent", "-window", "root", str(folder / f"{name}.png")], check=True)
    print(f"{name}.png", flush=True)


def pixel(place: Vector) -> tuple[int, int]:
    """Where on the screen a place in the world is seen, from the top left."""
    region = _region("WINDOW")
    x, y = location_3d_to_region_2d(region, _area().spaces.active.region_3d, place)
    return round(region.x + x), round(bpy.context.window_manager.windows[0].height - region.y - y)


def press(*words: object) -> Iterator[float]:
    """An event of the mouse or a key, in xdotool's words, and time for Blender to see it."""
    subprocess.run(["xdotool", *map(str, words)], check=True)
    yield 0.4


def drag(place: Vector, by: tuple[int, int], steps: int = 8) -> Iterator[float]:
    """Point at a place, press G and move what is selected by pixels; the mouse is left as it is, nothing confirmed."""
    x, y = pixel(place)
    yield from press("mousemove", x, y)
    yield from press("key", "g")
    for part in range(1, steps + 1):
        yield from press("mousemove", x + by[0] * part // steps, y + by[1] * part // steps)
