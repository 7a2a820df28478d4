# SPDX-License-Identifier: Apache-2.0
"""Pictures of posing in a windowed Blender: learn a rig, drag, ghosts, apply, undo, assets, sets, blend.

    blender --python scripts/screens/posing.py -- --zip dist/drmm-0.1.0.zip --out out/screens

Needs an X screen, xdotool and ImageMagick. Ends with status 1 at the first thing that is not as it should be.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.screens.window import arguments, do, drag, look_at, picture, pixel, press, run, until, view  # noqa: E402

POSES = 4000
SET = "Screens"


def rig() -> bpy.types.Object:
    """The armature, asked for anew: undo makes other objects."""
    return bpy.context.scene.drmm.armature


def pose() -> np.ndarray:
    """Matrices of its bones."""
    bpy.context.view_layer.update()
    return np.array([bone.matrix for bone in rig().pose.bones])


def differs(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two poses are further apart than rounding."""
    return bool(np.abs(a - b).max() > 1e-4)


def walk(out: Path) -> Iterator[float]:
    """Every state of posing, one after the other."""
    yield from learned(out)
    yield from conditions(out)
    yield from answers(out)
    yield from dragged(out)
    yield from kept(out)


def learned(out: Path) -> Iterator[float]:
    """A metarig's bones are found and learned beside Blender."""
    bpy.ops.preferences.addon_enable(module="rigify")
    do(bpy.ops.object.armature_basic_human_metarig_add)
    bpy.context.scene.drmm.armature = bpy.context.object
    do(bpy.ops.object.select_all, action="DESELECT")
    look_at((0.1, 0.0, 0.85), 3.4)
    yield from picture(out, "1_panel")
    do(bpy.ops.drmm.find_bones)
    yield from asked(out)
    do(bpy.ops.drmm.learn_rig, count=POSES)
    yield from until(lambda: bool(rig().drmm.rig.model), "the model")
    yield from picture(out, "3_learned")


def asked(out: Path) -> Iterator[float]:
    """Find Bones, pressed again, asks before it replaces the list; Escape keeps what was changed in it."""
    row = rig().drmm.rig.bones[0]
    changed = row.driven = not row.driven
    yield from press("mousemove", *pixel(Vector((0.0, 0.0, 1.0))))
    with view():
        bpy.ops.drmm.find_bones("INVOKE_DEFAULT")
    yield from picture(out, "2_asked")
    yield from press("key", "Escape")
    assert rig().drmm.rig.bones[0].driven == changed, "the list was replaced unasked"
    rig().drmm.rig.bones[0].driven = not changed


def conditions(out: Path) -> Iterator[float]:
    """Both hands to places, feet kept, the floor."""
    for bone, move in (("hand.L", (0.05, -0.35, 0.1)), ("hand.R", (0.2, -0.3, -0.2))):
        do(bpy.ops.drmm.add_condition, what="HEAD", bone=bone)
        rig().drmm.conditions[-1].object.location += Vector(move)
    do(bpy.ops.drmm.keep_feet)
    do(bpy.ops.drmm.add_floor)
    rig().drmm.condition_index = 0
    yield from picture(out, "4_conditions")


def answers(out: Path) -> Iterator[float]:
    """Ghosts, the next answer, a blend of two, one that is applied and undone."""
    before = pose()
    do(bpy.ops.drmm.find_poses)
    first = pose()
    assert len(rig().drmm.answers) > 1 and differs(first, before), "no poses were found"
    yield from picture(out, "5_ghosts")
    do(bpy.ops.drmm.step_answer)
    assert differs(pose(), first), "the next pose is the one before"
    rig().drmm.blend_with, rig().drmm.blend = 0, 0.5
    yield from picture(out, "6_blend")
    shown = pose()
    do(bpy.ops.drmm.apply_answer)
    assert not differs(pose(), shown), "what is applied is not what was shown"
    yield from picture(out, "7_applied")
    yield from press("mousemove", *pixel(Vector((0.0, 0.0, 1.0))))
    yield from press("key", "ctrl+z")
    yield from until(lambda: len(rig().drmm.answers) > 1, "the list of poses, undone,")
    yield from picture(out, "8_undone")
    do(bpy.ops.drmm.revert_answer)
    assert not differs(pose(), before), "Revert leaves another pose"


def dragged(out: Path) -> Iterator[float]:
    """The pose follows an empty while it is dragged, and Escape takes it back."""
    do(bpy.ops.drmm.select_condition)
    rig().drmm.live = True
    yield 0.5
    before, goal = pose(), rig().drmm.conditions[0].object
    yield from drag(goal.matrix_world.translation, (-50, -60))
    yield from until(lambda: _away("hand.L", goal) < 0.01, "the hand to its empty")
    yield from picture(out, "9_live")
    assert differs(pose(), before), "the pose does not follow"
    yield from press("key", "Escape")
    assert not differs(pose(), before), "Escape leaves another pose"
    rig().drmm.live = False


def _away(bone: str, goal: bpy.types.Object) -> float:
    """Metres between a bone's head and an empty."""
    return (rig().matrix_world @ rig().pose.bones[bone].head - goal.matrix_world.translation).length


def kept(out: Path) -> Iterator[float]:
    """A pose becomes an asset, the conditions a set that is loaded again."""
    do(bpy.ops.drmm.find_poses)
    do(bpy.ops.drmm.store_answer, name="Reach")
    assert any(action.asset_data for action in bpy.data.actions), "there is no pose asset"
    count = len(rig().drmm.conditions)
    do(bpy.ops.drmm.save_conditions, name=SET)
    while len(rig().drmm.conditions):
        do(bpy.ops.drmm.remove_condition)
    do(bpy.ops.drmm.load_conditions, name=SET)
    assert len(rig().drmm.conditions) == count, "the set is not what was saved"
    do(bpy.ops.drmm.delete_conditions, name=SET)
    yield from picture(out, "10_kept")


if __name__ == "__main__":
    run(walk, arguments(__doc__))
