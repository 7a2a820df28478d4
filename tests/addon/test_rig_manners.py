# SPDX-License-Identifier: Apache-2.0
"""Rigs among Blender's ways: libraries and overrides, renamed and deleted bones, copies, states in the way."""

import bpy
import numpy as np
import pytest

from blender_addon import rig as rigging
from blender_addon.rig import bones
from drmm_engine.body.rig import Rig
from tests.addon import random_rigs, rigs
from tests.addon.test_rig_limits import chain


@pytest.fixture(params=[True, False], ids=["set up in its library", "not set up there"])
def linked(request, scene, tmp_path):
    """A rig that is linked from a file, and whether its list was filled there."""
    armature = chain([1, 1, 1])
    if request.param:
        rigging.find(armature)
    file = str(tmp_path / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(file, link=True) as (_, into):
        into.objects = ["Crane"]
    bpy.context.collection.objects.link(bpy.data.objects["Crane"])
    return bpy.data.objects["Crane"], request.param


def test_a_linked_rig_is_refused_and_an_override_is_set_up_and_kept(linked, tmp_path):
    original, known = linked
    with pytest.raises(ValueError, match="'Crane' is linked"):
        rigging.find(original)
    armature = original.override_create(remap_local_usages=True)
    armature.override_library.is_system_override = False
    lost = not known and bpy.app.version >= (5, 0, 0)
    assert ("only until the file is closed" in bones.forgotten(armature)) == lost
    assert rigging.find(armature) == 3
    armature.drmm.rig.bones["part1"].high = (0.3, 0.2, 0.1)
    armature.drmm.rig.count = 5000
    joints = rigging.read(armature).joints
    rigging.write(armature, joints, 0.5 * joints.high)
    assert np.abs(rigging.theta(armature, joints) - 0.5 * joints.high).max() < 1e-5
    file = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    armature = next(obj for obj in bpy.data.objects if obj.override_library)
    if lost:
        return
    assert [row.name for row in armature.drmm.rig.bones] == ["part0", "part1", "part2"]
    assert armature.drmm.rig.count == 5000
    np.testing.assert_allclose(rigging.read(armature).joints.high[3:6], (0.3, 0.2, 0.1), atol=1e-6)


def test_a_renamed_bone_keeps_its_row_and_one_that_is_gone_is_named(scene):
    armature = chain([1, 2, 1])
    rigging.find(armature)
    bones.row(armature, "part1").low = (-0.1, -0.2, -0.3)
    armature.data.bones["part1"].name = "arm"
    joints = rigging.read(armature).joints
    assert [joint.bone for joint in joints.joints] == ["part0", "arm", "part2"]
    np.testing.assert_allclose(joints.low[3:6], (-0.1, -0.2, -0.3), atol=1e-6)
    bones.rename(armature)
    assert [row.name for row in armature.drmm.rig.bones] == ["part0", "arm", "part2"]
    bpy.ops.object.mode_set(mode="EDIT")
    armature.data.edit_bones.remove(armature.data.edit_bones["part2"])
    bpy.ops.object.mode_set(mode="OBJECT")
    with pytest.raises(ValueError, match="of 'Crane' the bones 'part2' are gone"):
        rigging.read(armature)
    row = bones.row(armature, "part2")
    row.driven = row.use_tail = False
    assert [joint.bone for joint in rigging.read(armature).joints.joints] == ["part0", "arm"]
    bones.rename(armature)
    assert len(armature.drmm.rig.bones) == 2


def test_rigs_in_one_scene_have_lists_of_their_own(scene):
    first, second = chain([1, 1]), chain([1, 1, 1], name="Second")
    rigging.find(first)
    rigging.find(second)
    first.drmm.rig.bones["part0"].driven = False
    copy = first.copy()
    bpy.context.collection.objects.link(copy)
    copy.drmm.rig.bones["part1"].high = (1, 1, 1)
    assert [len(rigging.read(rig).joints.joints) for rig in (first, second, copy)] == [1, 3, 1]
    assert rigging.read(first).joints.high[0] != 1.0


def uneven(armature):
    armature.scale = (1, 2, 1)


def at_rest(armature):
    armature.data.pose_position = "REST"


def edited(armature):
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")


def nothing(armature):
    for row in armature.drmm.rig.bones:
        row.driven = False


@pytest.mark.parametrize(
    "spoil, said", [(uneven, "scaled unevenly"), (at_rest, "shows its rest pose"), (edited, "is in Edit Mode"),
                    (nothing, "no bone of 'Crane' is driven")],
)  # fmt: skip
def test_what_stands_in_the_way_is_said(scene, spoil, said):
    armature = chain([1, 1])
    rigging.find(armature)
    spoil(armature)
    bpy.context.view_layer.update()
    with pytest.raises(ValueError, match=said):
        rigging.read(armature)


def test_a_bone_that_goes_while_it_is_posed_changes_nothing(scene):
    armature = chain([1, 1, 1])
    rigging.find(armature)
    joints = rigging.read(armature).joints
    armature.data.bones["part2"].name = "other"
    before = random_rigs.matrices(armature, ["part0", "part1"])
    with pytest.raises(ValueError, match="the bone 'part2' of 'Crane' is gone"):
        rigging.write(armature, joints, 0.5 * joints.high)
    assert (random_rigs.matrices(armature, ["part0", "part1"]) == before).all()


def test_only_driven_channels_are_written(scene):
    armature = rigs.eulers()
    rigging.find(armature)
    for bone in armature.pose.bones:
        bone.scale = (1.5, 1.5, 1.5)
    armature.drmm.rig.bones["thigh.L"].driven = False
    joints = rigging.read(armature).joints
    written = set(rigging.channels(armature, joints))

    def state():
        names = ("location", "scale", "rotation_euler", "rotation_quaternion", "rotation_axis_angle")
        return {(bone.name, name): tuple(getattr(bone, name)) for bone in armature.pose.bones for name in names}

    before = state()
    rigging.write(armature, joints, np.clip(0.3 * joints.high + 0.1, joints.low, joints.high))
    changed = {key for key, value in state().items() if value != before[key]}
    assert changed and changed <= written
    assert {bone for bone, name in written if name == "location"} == {"spine"}
    assert "thigh.L" not in {bone for bone, _ in written}


@pytest.mark.parametrize("mode", random_rigs.MODES)
def test_angles_go_on_from_those_there(scene, mode):
    armature = chain([1, 1])
    bone = armature.pose.bones["part1"]
    bone.rotation_mode = mode
    rigging.find(armature)
    joints = rigging.read(armature).joints
    theta = np.array([0, 0, 0, 0.3, 0.2, -0.4])
    start = {"QUATERNION": (-1, 0, 0, 0), "AXIS_ANGLE": (2 * np.pi + 0.01, -0.3, -0.2, 0.4)}
    name = rigging.channels(armature, joints)[1][1]
    setattr(bone, name, start.get(mode, (2 * np.pi, -2 * np.pi, 0.0)))
    before = np.array(getattr(bone, name))
    rigging.write(armature, joints, theta)
    after = np.array(getattr(bone, name))
    np.testing.assert_allclose(rigging.theta(armature, joints), theta, atol=1e-5)
    if mode == "QUATERNION":
        assert after @ before > 0
    elif mode == "AXIS_ANGLE":
        assert after[1:] @ before[1:] > 0 and abs(after[0] - before[0]) < np.pi
    else:
        assert np.abs(after - before).max() < 1.0


def test_the_description_is_a_file_for_training_without_blender(scene, tmp_path):
    armature = rigs.fbx()
    scene.drmm.armature = armature
    rigging.find(armature)
    file = tmp_path / "body.rig.json"
    assert bpy.ops.drmm.export_rig(filepath=str(file)) == {"FINISHED"}
    read = Rig.load(file)
    own = rigging.read(armature)
    assert read.effectors == own.effectors and read.joints.names == own.joints.names
    np.testing.assert_allclose(read.up, (0, 1, 0), atol=1e-6)  # Y up inside
    theta = 0.4 * np.asarray(own.joints.high)
    np.testing.assert_allclose(read.joints.matrices(theta), own.joints.matrices(theta), atol=1e-6)


def test_further_bones_are_read_on_demand(scene):
    armature = rigs.rigify()
    rigging.find(armature)
    for row in armature.drmm.rig.bones:
        row.driven = row.name in ("spine", "upper_arm.L")
        row.use_head = row.use_tail = False
    assert rigging.read(armature).joints.armature.names[-1] == "upper_arm.L"
    more = rigging.read(armature, also=["hand.R"]).joints.armature.names
    assert {"hand.R", "forearm.R"} <= set(more)
    with pytest.raises(ValueError, match="the bone 'wing' of 'Rig' is gone"):
        rigging.read(armature, also=["wing"])
