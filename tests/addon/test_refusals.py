# SPDX-License-Identifier: Apache-2.0
"""What cannot be done is refused in one line, and nothing is changed."""

import struct
from dataclasses import replace

import bpy
import numpy as np
import pytest
from mathutils import Matrix

import drmm_engine as drmm
from blender_addon import armature as rigs_of
from blender_addon import review
from tests.addon import gait, rigs
from tests.addon.test_pose import snapshot


def state():
    """What an operator could have changed."""
    objects = {
        obj.name: (snapshot(obj), obj.animation_data and obj.animation_data.action, len(obj.drmm.poses))
        for obj in bpy.data.objects
        if obj.type == "ARMATURE"
    }
    return objects, sorted(bpy.data.actions.keys()), sorted(bpy.data.objects.keys())


def refused(call, *said):
    """The one line with which a call is refused."""
    before = state()
    with pytest.raises(RuntimeError) as refusal:
        call()
    line = str(refusal.value).strip()
    assert line.startswith("Error: ") and "\n" not in line
    for words in said:
        assert words in line, line
    assert state() == before


@pytest.fixture
def ready(stage, empty):
    """A rig, a target two metres in front of it, and a goal for its head."""
    rig = rigs.rigify()
    empty("A", (0.0, -2.0, 0.0))
    stage.drmm.armature = rig
    return rig


def generate(**options):
    return lambda: bpy.ops.drmm.generate(**{"armature": "Rig", "targets": "A", "seconds": 2.0} | options)


def sample(**options):
    return lambda: bpy.ops.drmm.sample_pose(**{"armature": "Rig", "goals": "Head:A"} | options)


BOTH = pytest.mark.parametrize("call", [generate(), sample()], ids=["generate", "sample"])


@BOTH
def test_the_scene_that_is_refused_below_would_do(ready, call):
    assert call() == {"FINISHED"}


@BOTH
def test_uneven_scale(ready, call):
    ready.scale = (1.0, 2.0, 1.0)
    refused(call, "'Rig'", "unevenly", "(1, 2, 1)")


@BOTH
def test_shear(ready, call, empty):
    ready.parent = empty("Parent", (0, 0, 0))
    ready.matrix_parent_inverse = Matrix(((1, 0.6, 0, 0), (0, 0.8, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)))
    refused(call, "'Rig'", "sheared")


@BOTH
def test_mirrored(ready, call):
    ready.scale = (-1.0, 1.0, 1.0)
    refused(call, "'Rig'", "mirrored")


@BOTH
def test_no_size(ready, call):
    ready.scale = (0.0, 0.0, 0.0)
    refused(call, "'Rig'", "no size")


@BOTH
def test_uneven_scale_of_the_root_bone(ready, call):
    ready.pose.bones["root"].scale = (1.0, 1.0, 1.5)
    refused(call, "'root'", "unevenly")


@BOTH
def test_a_missing_bone(ready, call):
    bpy.ops.drmm.guess_mapping()
    ready.data.bones["thigh.L"].name = "other"
    ready.drmm.mapping[[row.joint for row in ready.drmm.mapping].index("LeftUpperLeg")].bone = "thigh.L"
    refused(call, "'thigh.L'", "LeftUpperLeg")


@BOTH
def test_a_joint_without_a_bone(ready, call):
    bpy.ops.drmm.guess_mapping()
    ready.drmm.mapping[[row.joint for row in ready.drmm.mapping].index("Chest")].bone = ""
    refused(call, "Chest")


def test_a_bone_for_two_joints(ready):
    bpy.ops.drmm.guess_mapping()
    rows = {row.joint: row for row in ready.drmm.mapping}
    rows["LeftFoot"].bone = rows["RightFoot"].bone
    refused(generate(), "foot.R")


def test_an_armature_whose_names_say_nothing(ready):
    for number, bone in enumerate(ready.data.bones):
        bone.name = f"Bone.{number:03}"
    refused(generate(), "Hips")


@pytest.mark.parametrize("connected", [True, False])
def test_hips_that_cannot_move(stage, empty, connected):
    rig = rigs.rigify()
    empty("A", (0.0, -2.0, 0.0))
    bpy.ops.object.mode_set(mode="EDIT")
    rig.data.edit_bones["spine"].use_connect = connected
    bpy.ops.object.mode_set(mode="OBJECT")
    if connected:
        refused(generate(), "'spine'", "connected")
    else:
        assert generate()() == {"FINISHED"}


@pytest.mark.parametrize("bone", ["hand.R", "spine"])
def test_a_bone_that_does_not_inherit_rotation(ready, bone):
    ready.data.bones[bone].use_inherit_rotation = False
    refused(generate(), f"'{bone}'", "inherit")


def test_hips_that_move_in_other_axes(ready):
    ready.data.bones["spine"].use_local_location = False
    refused(generate(), "'spine'", "Local Location")


def test_constraints_that_may_overrule_the_keys_are_told(ready, empty):
    constraint = ready.pose.bones["hand.L"].constraints.new("COPY_ROTATION")
    assert rigs_of.constrained(ready, ["hand.L", "hand.R"]) == ["hand.L"]
    constraint.influence = 0.0
    assert rigs_of.constrained(ready, ["hand.L", "hand.R"]) == []


def test_edit_mode(ready):
    bpy.ops.object.mode_set(mode="EDIT")
    refused(generate(), "Edit Mode")
    bpy.ops.object.mode_set(mode="OBJECT")


def test_no_target_and_no_goal(ready):
    refused(lambda: bpy.ops.drmm.generate(), "no target")
    refused(lambda: bpy.ops.drmm.sample_pose(), "no goal")


def test_a_target_underfoot(ready, empty):
    empty("Here", (0.2, 0.1, 0.0))
    refused(generate(targets="Here,A"), "'Here'", "stands")


def test_targets_that_are_gone(ready, stage, empty):
    refused(generate(targets="A,Nobody"), "'Nobody'")
    row = stage.drmm.targets.add()
    row.empty = empty("B", (1.0, -2.0, 0.0))
    bpy.data.objects.remove(bpy.data.objects["B"])
    refused(lambda: bpy.ops.drmm.generate(), "target 1")
    row.empty = empty("C", (1.0, -2.0, 0.0))
    stage.collection.objects.unlink(row.empty)
    refused(lambda: bpy.ops.drmm.generate(), "'C'")


def test_armatures_that_are_none(ready, stage):
    refused(generate(armature="A"), "'A'", "not an armature")
    refused(generate(armature="Nobody"), "'Nobody'")
    bpy.data.objects.remove(ready)
    refused(lambda: bpy.ops.drmm.generate(targets="A"), "no armature")


def test_a_linked_armature(stage, empty, tmp_path):
    library = str(tmp_path / "rig.blend")
    bpy.data.libraries.write(library, {rigs.rigify()})
    bpy.data.objects.remove(bpy.data.objects["Rig"])
    with bpy.data.libraries.load(library, link=True) as (_, wanted):
        wanted.objects = ["Rig"]
    linked = bpy.data.objects["Rig"]
    stage.collection.objects.link(linked)
    empty("A", (0.0, -2.0, 0.0))
    refused(generate(), "'Rig'", "linked")
    refused(sample(), "'Rig'", "linked")
    local = linked.override_create(remap_local_usages=True)
    local.override_library.is_system_override = False
    bpy.context.view_layer.update()
    assert generate(armature=local.name)() == {"FINISHED"}


def test_a_linked_action_is_not_keyed(ready, tmp_path):
    ready.pose.bones["hand.L"].keyframe_insert("rotation_quaternion", frame=1)
    library = str(tmp_path / "action.blend")
    bpy.data.libraries.write(library, {ready.animation_data.action})
    name = ready.animation_data.action.name
    bpy.data.actions.remove(ready.animation_data.action)
    with bpy.data.libraries.load(library, link=True) as (_, wanted):
        wanted.actions = [name]
    ready.animation_data.action = bpy.data.actions[name]
    sample()()
    refused(lambda: bpy.ops.drmm.key_pose(armature="Rig"), "linked")


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "noise", "not finite", "other kind"])
def test_model_files_that_are_none(ready, model_files, tmp_path, damage):
    file = tmp_path / "model.drmm.safetensors"
    content = open(model_files["pose" if damage == "other kind" else "locomotion"], "rb").read()
    if damage == "not finite":
        content = content[:-4] + struct.pack("<f", np.nan)
    contents = {"empty": b"", "cut": content[:-8], "noise": bytes(range(256)) * 8}
    if damage != "missing":
        file.write_bytes(contents.get(damage, content))
    refused(generate(model=str(file)), "model.drmm.safetensors")


BODIES = [
    {"rest": gait.REST.tolist()},
    {"rest": gait.REST[:19].tolist(), "frame_rate": 30},
    {"rest": gait.REST.tolist(), "frame_rate": "fast"},
    {"rest": [["a"] * 3] * 20, "frame_rate": 30},
    {},
]


@pytest.mark.parametrize("body", BODIES)
def test_models_of_no_body(ready, model_files, tmp_path, body):
    file = tmp_path / "model.drmm.safetensors"
    replace(drmm.load(model_files["locomotion"]), skeleton=body).save(file)
    refused(generate(model=str(file)), "model.drmm.safetensors", "body")


def test_a_model_of_walks_without_a_beginning(ready, model_files, tmp_path):
    file = tmp_path / "model.drmm.safetensors"
    replace(drmm.load(model_files["locomotion"]), features={"kind": "locomotion", "start": []}).save(file)
    refused(generate(model=str(file)), "model.drmm.safetensors", "body")


def test_a_file_that_becomes_good_is_read_again(ready, model_files, tmp_path):
    file = tmp_path / "model.drmm.safetensors"
    file.write_bytes(b"nothing")
    refused(generate(model=str(file)), "model.drmm.safetensors")
    file.write_bytes(open(model_files["locomotion"], "rb").read())
    assert generate(model=str(file))() == {"FINISHED"}


def test_a_problem_in_the_middle_leaves_nothing_behind(ready, monkeypatch):
    def breaks(*_, **__):
        yield from ()
        raise ValueError("the walk fell apart; choose another seed")

    monkeypatch.setattr("blender_addon.walk.controller.walk", breaks)
    refused(generate(), "fell apart")


def test_tweak_mode(ready):
    ready.animation_data_create()
    track = ready.animation_data.nla_tracks.new()
    track.strips.new("strip", 1, bpy.data.actions.new("strip"))
    bpy.context.view_layer.objects.active = ready
    track.select = track.strips[0].select = True
    ready.animation_data.use_tweak_mode = True
    assert ready.animation_data.use_tweak_mode
    refused(generate(), "tweak")


def test_poses_of_a_bone_that_is_gone_are_no_longer_on_trial(ready):
    sample()()
    ready.data.bones["foot.L"].name = "other"
    assert not review.active(ready)
    refused(lambda: bpy.ops.drmm.key_pose(armature="Rig"), "Sample Pose")


def test_optional_joints_may_be_left_out(ready):
    bpy.ops.drmm.guess_mapping()
    for row in ready.drmm.mapping:
        if row.joint in ("Neck", "LeftShoulder", "RightShoulder", "LeftToes", "RightToes"):
            row.bone = ""
    assert generate()() == {"FINISHED"}
    assert "toe.L" not in rigs_of.mapping_of(ready).values()
