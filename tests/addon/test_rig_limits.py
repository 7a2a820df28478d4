# SPDX-License-Identifier: Apache-2.0
"""Limits of joints: as Blender has them, and where it has none, as bodies do, however the bones are rolled."""

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from blender_addon import rig as rigging
from blender_addon.rig import bones, limits
from drmm_engine.body.armature import pose_matrices
from drmm_engine.body.joints import quaternions
from tests.addon import random_rigs, rigs

DEGREES = np.pi / 180


def chain(lengths, name="Crane", names=None):
    """Bones one after the other, upwards."""
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    parent, height = None, 0.0
    for number, length in enumerate(lengths):
        bone = armature.data.edit_bones.new(names[number] if names else f"part{number}")
        bone.head, bone.tail, bone.parent = (0, 0, height), (0, 0, height + length), parent
        bone.use_connect = parent is not None
        parent, height = bone, height + length
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def rows(armature):
    rigging.find(armature)
    return {row.name: row for row in armature.drmm.rig.bones}


def limited(bone, space="LOCAL", order="AUTO", **ends):
    constraint = bone.constraints.new("LIMIT_ROTATION")
    constraint.owner_space, constraint.euler_order = space, order
    for name, (low, high) in ends.items():
        setattr(constraint, f"use_limit_{name}", True)
        setattr(constraint, f"min_{name}", low * DEGREES)
        setattr(constraint, f"max_{name}", high * DEGREES)
    return constraint


def test_limit_rotation_gives_the_order_and_the_angles(scene):
    armature = chain([1, 1])
    bone = armature.pose.bones["part1"]
    limited(bone, order="ZXY", x=(-10, 20), z=(-5, 40))
    row = rows(armature)["part1"]
    assert row.kind == "ZXY" and row.driven and row.source == "Limit Rotation"
    ends = [row.low[0], row.high[0], row.low[2], row.high[2]]
    np.testing.assert_allclose(ends, np.radians([-10, 20, -5, 40]), atol=1e-6)


def test_within_limit_rotation_blender_lets_every_pose_be(scene):
    armature = chain([1, 1, 1])
    for name, order in (("part1", "AUTO"), ("part2", "YZX")):
        limited(armature.pose.bones[name], order=order, x=(-70, 130), y=(-75, 60), z=(-20, 60))
    armature.pose.bones["part1"].rotation_mode = "YXZ"
    rigging.find(armature)
    joints = rigging.read(armature).joints
    rng = np.random.default_rng(0)
    for _ in range(30):
        theta = rng.uniform(joints.low, joints.high)
        rigging.write(armature, joints, theta)
        meant = joints.matrices(theta[None])[0]
        assert np.abs(meant - random_rigs.matrices(armature, joints.armature.names)).max() < 1e-4


def test_ik_limits_and_locks(scene):
    armature = chain([1, 1, 1])
    bone = armature.pose.bones["part1"]
    bone.use_ik_limit_x, bone.ik_min_x, bone.ik_max_x, bone.lock_ik_z = True, -0.5, 1.5, True
    other = armature.pose.bones["part2"]
    other.rotation_mode, other.rotation_euler, other.lock_rotation = "XZY", (0.1, 0.2, 0.3), (False, True, False)
    found = rows(armature)
    row = found["part1"]
    assert row.kind == "swing" and row.source == "IK limits"
    np.testing.assert_allclose([row.low[0], row.high[0], row.low[2], row.high[2]], [-0.5, 1.5, 0, 0], atol=1e-6)
    assert found["part2"].kind == "XZY"
    np.testing.assert_allclose([found["part2"].low[1], found["part2"].high[1]], 0.2, atol=1e-6)


def test_locked_channels_are_not_touched(scene):
    armature = chain([1, 1])
    bone = armature.pose.bones["part1"]
    bone.rotation_mode, bone.rotation_euler, bone.lock_rotation = "XYZ", (0.0, 0.0, 0.25), (False, False, True)
    rigging.find(armature)
    joints = rigging.read(armature).joints
    rigging.write(armature, joints, np.where(np.array(joints.low) < joints.high, 0.4, joints.low))
    assert bone.rotation_euler[2] == pytest.approx(0.25, abs=1e-6)
    assert tuple(bone.location) == (0, 0, 0) and tuple(bone.scale) == (1, 1, 1)


def copy_rotation(armature, bone):
    constraint = armature.pose.bones[bone].constraints.new("COPY_ROTATION")
    constraint.target, constraint.subtarget = armature, "part0"


def ik(armature, bone):
    constraint = armature.pose.bones[bone].constraints.new("IK")
    constraint.chain_count = 2


def driver(armature, bone):
    armature.pose.bones[bone].driver_add("rotation_quaternion", 1)


def lock(armature, bone):
    armature.pose.bones[bone].lock_rotation = (True, True, True)


def world(armature, bone):
    limited(armature.pose.bones[bone], space="WORLD", x=(0, 1))


@pytest.mark.parametrize(
    "spoil, said",
    [(copy_rotation, "its constraint 'Copy Rotation' overrules"), (ik, "its constraint 'IK' overrules"),
     (driver, "a driver sets its rotation"), (lock, "its rotation is locked"),
     (world, "its constraint 'Limit Rotation' overrules")],
    ids=["copy", "ik", "driver", "lock", "world limits"],
)  # fmt: skip
def test_what_cannot_be_driven_is_not_and_says_why(scene, spoil, said):
    armature = chain([1, 1, 1, 1])
    spoil(armature, "part2")
    if spoil is ik:
        assert "the IK of 'part2'" in rows(armature)["part1"].problem and not rows(armature)["part0"].problem
    row = rows(armature)["part2"]
    assert not row.driven and said in row.problem
    row.driven = True
    with pytest.raises(ValueError, match="'part2' of 'Crane' cannot be driven"):
        rigging.read(armature)


def test_a_muted_constraint_does_not_count(scene):
    armature = chain([1, 1, 1])
    copy_rotation(armature, "part2")
    armature.pose.bones["part2"].constraints[0].influence = 0.0
    assert rows(armature)["part2"].driven


def test_a_bone_that_follows_only_in_part_is_not_driven(scene):
    armature = chain([1, 1, 1, 1])
    limited(armature.pose.bones["part1"], space="WORLD", x=(0, 0), y=(0, 0), z=(0, 0))
    found = rows(armature)
    assert [name for name, row in found.items() if row.driven] == ["part0"]
    assert "it follows 'part0' only in part" in found["part2"].problem
    found["part2"].driven = True
    with pytest.raises(ValueError, match="'part2' of 'Crane' cannot be driven: it follows 'part0' only in part"):
        rigging.read(armature)


def test_a_motion_handed_on_by_constraints_is_followed(scene):
    armature = chain([1, 1, 1, 1])
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bone = armature.data.edit_bones.new("other")
    bone.head, bone.tail, bone.parent = (0, 0, 2), (0.3, 0, 3), armature.data.edit_bones["part1"]
    bpy.ops.object.mode_set(mode="POSE")
    copied = armature.pose.bones["part2"].constraints.new("COPY_TRANSFORMS")
    copied.target, copied.subtarget = armature, "other"
    armature.pose.bones["part0"].rotation_quaternion = (0.9, 0.1, 0.2, 0.3)
    assert rigging.find(armature) == 4
    found = {row.name: row for row in armature.drmm.rig.bones}
    assert found["part3"].follows == "other" and found["other"].follows == "part1" and not found["part2"].driven
    joints = rigging.read(armature).joints
    assert joints.armature.names == ("part0", "part1", "other", "part3")
    turn = quaternions(rigging.theta(armature, joints)[:3], "swing")
    np.testing.assert_allclose(turn, np.array([0.9, 0.1, 0.2, 0.3]) / np.sqrt(0.95), atol=1e-6)
    theta = np.random.default_rng(0).uniform(joints.low, joints.high)
    rigging.write(armature, joints, theta)
    meant = joints.matrices(theta)
    assert np.abs(meant - random_rigs.matrices(armature, joints.armature.names)).max() < 1e-5
    again = rigging.read(armature).joints
    assert np.abs(again.matrices(theta) - meant).max() < 1e-5


def test_a_bone_ticked_later_in_a_control_rig_is_looked_at_first(scene, tmp_path):
    armature = chain([1, 1, 1, 1])
    copy_rotation(armature, "part1")
    rigging.find(armature)
    found = {row.name: row for row in armature.drmm.rig.bones}
    assert [name for name, row in found.items() if row.driven] == ["part0", "part2", "part3"]
    found["part3"].driven = found["part3"].turned = False
    assert len(rigging.read(armature).joints.joints) == 2
    found["part3"].driven = True
    with pytest.raises(ValueError, match="'part3' was not looked at yet"):
        rigging.read(armature)
    job = rigging.begin(armature, 2000, path=str(tmp_path / "model"))
    job.cancel()
    assert len(rigging.read(armature).joints.joints) == 3


def test_constrained_bones_stay_where_they_are(scene):
    armature = chain([1, 1, 1, 1])
    armature.pose.bones["part0"].rotation_quaternion = (0.9, 0.2, 0.1, 0.3)
    copy_rotation(armature, "part1")
    bpy.context.view_layer.update()
    found = rows(armature)
    armature.drmm.rig.measured = False
    for name, row in found.items():
        row.driven = name == "part3"
    joints = rigging.read(armature).joints
    stands = pose_matrices(joints.armature, joints.base)
    assert np.abs(stands - random_rigs.matrices(armature, joints.armature.names)).max() < 1e-5


# Humanoids.

MAKES = pytest.mark.parametrize("make", [rigs.rigify, rigs.mixamo, rigs.eulers, rigs.fbx])


def bent(armature, bone, degrees):
    """Where a limb's end goes, seen from its middle, when the bone turns to `degrees` of its hinge's far end."""
    joints = rigging.read(armature).joints
    place = armature.pose.bones[bone]
    theta = np.zeros(joints.P)
    for axis in "xz":
        column = joints.names.index(f"{bone}.{axis}")
        low, high = joints.low[column], joints.high[column]
        theta[column] = (high if abs(high) > abs(low) else low) * degrees
    before = np.array(armature.matrix_world @ place.tail)
    rigging.write(armature, joints, np.clip(theta, joints.low, joints.high))
    bpy.context.view_layer.update()
    moved = np.array(armature.matrix_world @ place.tail) - before
    return moved / np.linalg.norm(moved)


@MAKES
def test_knees_bend_backward_and_elbows_forward(scene, make):
    armature = make()
    rigging.find(armature)
    mapping = {joint: name for joint, name in bones.choose.joints(*_rest(armature)).items()}
    for side in ("Left", "Right"):
        assert bent(armature, mapping[f"{side}LowerLeg"], 0.5)[1] > 0.6  # the bodies face -Y
        assert bent(armature, mapping[f"{side}LowerArm"], 0.5)[1] < -0.6


def _rest(armature):
    from blender_addon.rig.reader import read_bones

    ordered = sorted(armature.pose.bones, key=lambda bone: len(bone.parent_recursive))
    return read_bones(ordered), {bone.name for bone in ordered} - set(limits.overruled(armature))


@MAKES
def test_a_humanoid_is_driven_by_its_joints_and_carried_by_its_hips(scene, make):
    armature = make()
    count = rigging.find(armature)
    driven = [row for row in armature.drmm.rig.bones if row.driven]
    assert count == len(driven) and 20 <= count <= 22
    mover = [row.name for row in driven if row.moves]
    assert len(mover) == 1 and mover[0].lower().endswith(("hips", "spine"))
    stature = 1.76 if make is not rigs.fbx else 176
    reach = [row.move_high[0] for row in driven if row.moves][0]
    assert 0.4 * stature < reach < 0.55 * stature
    assert not [row.name for row in driven if row.name == "root"]
    reached = rigging.read(armature).effectors
    assert len(reached) == 12 and [end for _, end in reached].count("tail") == 3


def test_a_body_that_lies_has_the_limits_of_one_that_stands(scene):
    standing, lying = rigs.rigify(), rigs.rigify("Lying")
    lying.matrix_world = Matrix.Rotation(1.4, 4, "X") @ Matrix.Rotation(0.5, 4, "Z")
    bpy.context.view_layer.update()
    for armature in (standing, lying):
        rigging.find(armature)
    for one, other in zip(standing.drmm.rig.bones, lying.drmm.rig.bones, strict=True):
        assert (one.name, one.driven, one.moves) == (other.name, other.driven, other.moves)
        np.testing.assert_allclose([*one.low, *one.high], [*other.low, *other.high], atol=1e-5)


def test_the_two_sides_are_alike(scene):
    armature = rigs.rigify()
    found = rows(armature)
    for name in ("thigh", "shin", "upper_arm", "forearm", "foot"):
        left, right = (np.degrees([*found[f"{name}.{side}"].low, *found[f"{name}.{side}"].high]) for side in "LR")
        assert np.ptp([left[3] - left[0], right[3] - right[0]]) < 1.0  # as far about x, and about z
        assert np.ptp([left[5] - left[2], right[5] - right[2]]) < 1.0


def test_other_rigs_get_moderate_limits_and_stand_where_they_are(scene):
    armature = chain([1.0, 2.0, 2.0, 0.5, 0.01], names=["base", "boom", "jib", "hook", "detail"])
    found = rows(armature)
    assert [name for name, row in found.items() if row.driven] == ["base", "boom", "jib", "hook"]
    np.testing.assert_allclose(np.degrees(found["jib"].high), [60, 30, 60], atol=1e-4)
    assert not any(row.moves for row in found.values())
    assert rigging.read(armature).effectors == (("hook", "tail"),)


def test_limits_are_taken_from_the_pose(scene):
    armature = chain([1, 1])
    scene.drmm.armature = armature
    rigging.find(armature)
    armature.pose.bones["part1"].rotation_quaternion = (np.cos(0.2), np.sin(0.2), 0, 0)
    assert bpy.ops.drmm.limit_from_pose(bone="part1", end="LOW") == {"FINISHED"}
    row = bones.row(armature, "part1")
    np.testing.assert_allclose(row.low, (0.4, 0, 0), atol=1e-6)
    assert row.high[0] >= 0.4 - 1e-6 and row.high[1] == pytest.approx(np.radians(30))
