# SPDX-License-Identifier: Apache-2.0
"""Lists, mapping and models as the panel uses them."""

from dataclasses import replace

import bpy
import pytest

import blender_addon
from blender_addon import models
from drmm_engine.motion.skeleton import JOINTS
from tests.addon import rigs


def order(scene):
    return [target.empty.name for target in scene.drmm.targets]


def test_targets_are_added_ordered_and_removed(stage, empty):
    for name in ("B", "A", "C"):
        empty(name, (1, 0, 0)).select_set(True)
    bpy.ops.drmm.add_targets()
    assert order(stage) == ["A", "B", "C"]
    with pytest.raises(RuntimeError, match="not yet a target"):
        bpy.ops.drmm.add_targets()
    bpy.ops.drmm.move_target(direction="UP")
    bpy.ops.drmm.move_target(direction="UP")
    assert order(stage) == ["C", "A", "B"]
    assert bpy.ops.drmm.move_target(direction="UP") == {"CANCELLED"}
    bpy.ops.drmm.remove_target()
    assert order(stage) == ["A", "B"] and "C" in bpy.data.objects
    stage.cursor.location = (1, 2, 3)
    bpy.ops.drmm.add_target_at_cursor()
    assert tuple(stage.drmm.targets[2].empty.location) == (1, 2, 3)


@pytest.mark.parametrize("make", [rigs.rigify, rigs.mixamo])
def test_every_joint_is_guessed_and_no_bone_twice(stage, make):
    rig = stage.drmm.armature = make()
    bpy.ops.drmm.guess_mapping()
    assert tuple(row.joint for row in rig.drmm.mapping) == JOINTS
    bones = [row.bone for row in rig.drmm.mapping]
    assert len(set(bones)) == len(JOINTS) and set(bones) <= set(rig.data.bones.keys())


def test_the_model_is_read_when_it_is_chosen(stage):
    lines = models.known(stage.drmm.walk_model, "locomotion").lines
    assert "Licence: CC0" in lines and "Data: closed form" in lines and "128 + 64 components, 487 variables" in lines
    stage.drmm.walk_model = stage.drmm.pose_model
    entry = models.known(stage.drmm.walk_model, "locomotion")
    assert entry.model is None and "no model for walking" in entry.lines[0]


def test_long_sources_and_figures_become_short_lines(model_files):
    model = models.load(model_files["locomotion"], "locomotion")
    source = "a long list of where the clips come from, by name of folder and take"
    told = replace(model, data={"source": source}, metrics={"log_likelihood": -1.23456, "walks": {"jerk_m_s3": 400}})
    lines = models.describe(told, "name")
    assert max(map(len, lines)) <= models.WIDTH
    assert source in " ".join(lines)
    assert {"Jerk, m/s³: 400", "Log-likelihood, nats: -1.235"} <= set(lines)


def test_the_settings_are_saved_with_the_file(stage, empty, tmp_path):
    rig = stage.drmm.armature = rigs.rigify()
    stage.drmm.targets.add().empty = empty("A", (0, -2, 0))
    goal = stage.drmm.goals.add()
    goal.joint, goal.empty = "Head", empty("B", (0, 0, 1.5))
    bpy.ops.drmm.sample_pose(count=3)
    before = list(rig.drmm.poses[1]["values"])
    file = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    settings = bpy.context.scene.drmm
    assert (settings.armature.name, order(bpy.context.scene), settings.goals[0].joint) == ("Rig", ["A"], "Head")
    assert list(settings.armature.drmm.poses[1]["values"]) == before
    bpy.ops.drmm.revert_pose()
    assert all(tuple(bone.rotation_quaternion) == (1, 0, 0, 0) for bone in settings.armature.pose.bones)


def test_switching_off_leaves_nothing_and_on_again_works(stage, model_files):
    models.load(model_files["pose"], "pose")
    blender_addon.unregister()
    assert not hasattr(stage, "drmm") and models.known(model_files["pose"], "pose") is None
    assert not hasattr(bpy.types, "DRMM_PT_walk")
    blender_addon.register()
    assert stage.drmm.seconds == 30.0 and hasattr(bpy.types, "DRMM_PT_walk")
