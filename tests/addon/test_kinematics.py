# SPDX-License-Identifier: Apache-2.0
"""The engine's forward kinematics is Blender's, whatever bones take over from their parents."""

import bpy
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from mathutils import Vector

from drmm_engine.body.armature import SCALES, Armature, Basis, pose_matrices
from drmm_engine.body.joints import KINDS, quaternions

SEEDS = st.integers(0, 2**31)


@settings(max_examples=60)
@given(seed=SEEDS, scaled=st.sampled_from([0.0, 0.0, 1.0]), flags=st.booleans())
def test_poses_are_where_blender_puts_them(seed, scaled, flags):
    rng = np.random.default_rng(seed)
    rig = random_rig(rng, flags)
    for bone in rig.pose.bones:
        pose(bone, rng, scaled)
    bpy.context.view_layer.update()
    found = pose_matrices(described(rig), basis(rig))
    wanted = np.array([bone.matrix for bone in rig.pose.bones])
    size = max(1.0, np.abs(wanted).max())
    remove(rig)
    assert np.abs(found - wanted).max() < 1e-5 * size


def test_each_way_to_take_over_scale_is_blenders():
    rng = np.random.default_rng(5)
    for word in SCALES:
        for turns in (True, False):
            rig = random_rig(rng, False, count=4, chain=True)
            rig.data.bones[2].inherit_scale, rig.data.bones[2].use_inherit_rotation = word, turns
            for bone in rig.pose.bones:
                pose(bone, rng, 1.0)
            bpy.context.view_layer.update()
            found = pose_matrices(described(rig), basis(rig))
            wanted = np.array([bone.matrix for bone in rig.pose.bones])
            remove(rig)
            np.testing.assert_allclose(found, wanted, atol=2e-5, err_msg=f"{word}, turns {turns}")


def test_angles_mean_what_they_mean_to_blender():
    rig = random_rig(np.random.default_rng(1), False, count=1)
    angles = np.array([0.4, -1.1, 2.0])
    for order in KINDS[1:]:
        rig.pose.bones[0].rotation_mode = order
        rig.pose.bones[0].rotation_euler = angles
        bpy.context.view_layer.update()
        turned = rig.pose.bones[0].matrix_basis.to_quaternion()
        assert abs(quaternions(angles, order) @ np.array(turned)) > 1 - 1e-6, order
    remove(rig)


def random_rig(rng, flags, count=8, chain=False):
    """An armature of bones of all lengths, rolls and directions; with `flags`, of all ways to hang from a parent."""
    rig = bpy.data.objects.new("Random", bpy.data.armatures.new("Random"))
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    made = []
    for number in range(count):
        bone = rig.data.edit_bones.new(f"bone{number}")
        bone.head = rng.uniform(-1, 1, 3)
        bone.tail = bone.head + Vector(rng.normal(size=3)).normalized() * rng.uniform(0.1, 1.0)
        bone.roll = rng.uniform(-np.pi, np.pi)
        if made and (chain or rng.random() < 0.9):
            bone.parent = made[-1 if chain else rng.integers(len(made))]
            bone.use_connect = not chain and rng.random() < 0.3
        made.append(bone)
        if flags:
            bone.use_inherit_rotation, bone.use_local_location = (rng.random(2) < 0.7).tolist()
            bone.inherit_scale = SCALES[rng.integers(len(SCALES))]
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def pose(bone, rng, scaled):
    """Any location, rotation and scale, in any rotation mode."""
    bone.rotation_mode = ("QUATERNION", "AXIS_ANGLE", *KINDS[1:])[rng.integers(8)]
    bone.rotation_quaternion = rng.normal(size=4)
    bone.rotation_axis_angle = rng.normal(size=4)
    bone.rotation_euler = rng.uniform(-3, 3, 3)
    bone.location = rng.normal(size=3) * 0.5
    bone.scale = np.exp(scaled * rng.uniform(-0.7, 0.7, 3))


def described(rig):
    """The bones of an armature object, as Blender has them: parents first."""
    bones = list(rig.data.bones)
    place = {bone.name: number for number, bone in enumerate(bones)}
    return Armature(
        names=tuple(place),
        parents=np.array([place[bone.parent.name] if bone.parent else -1 for bone in bones]),
        rest=np.array([bone.matrix_local for bone in bones]),
        lengths=np.array([bone.length for bone in bones]),
        inherit_rotation=np.array([bone.use_inherit_rotation for bone in bones]),
        inherit_scale=tuple(bone.inherit_scale for bone in bones),
        local_location=np.array([bone.use_local_location for bone in bones]),
        connected=np.array([bone.use_connect for bone in bones]),
    )


def basis(rig):
    """Location, rotation and scale of its bones, each in its own rotation mode."""
    bones = rig.pose.bones
    turns = [np.array(turn(bone)) for bone in bones]
    return Basis(np.array([b.location for b in bones]), np.array(turns), np.array([b.scale for b in bones]))


def turn(bone):
    if bone.rotation_mode == "QUATERNION":
        return bone.rotation_quaternion
    return bone.matrix_basis.normalized().to_quaternion()


def remove(rig):
    data = rig.data
    bpy.data.objects.remove(rig)
    bpy.data.armatures.remove(data)
