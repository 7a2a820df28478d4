# SPDX-License-Identifier: Apache-2.0
"""Armatures made at random: rolls, parents, inheritance flags, rotation modes, locks and poses of all kinds."""

import bpy
import numpy as np
from mathutils import Matrix

MODES = ("QUATERNION", "AXIS_ANGLE", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
SCALES = ("FULL", "FIX_SHEAR", "ALIGNED", "AVERAGE", "NONE", "NONE_LEGACY")


def build(seed, bones=8, scaled=True, name="Rig"):
    """An armature object in the scene, moved, turned and evenly scaled, in a random pose."""
    rng = np.random.default_rng(seed)
    rig = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    edits = []
    for number in range(bones):
        bone = rig.data.edit_bones.new(f'Bone "{number}"' if number == 3 else f"Bone.{number:03}")
        bone.head = rng.normal(size=3)
        bone.tail = np.array(bone.head) + rng.normal(size=3) * rng.uniform(0.2, 1.5)
        bone.roll = rng.uniform(-3, 3)
        if number and rng.random() < 0.9:
            bone.parent = edits[rng.integers(number)]
            bone.use_connect = bool(rng.random() < 0.4)
        bone.use_inherit_rotation = bool(rng.random() < 0.8)
        bone.use_local_location = bool(rng.random() < 0.8)
        bone.inherit_scale = str(rng.choice(SCALES))
        edits.append(bone)
    bpy.ops.object.mode_set(mode="OBJECT")
    rig.matrix_world = Matrix.LocRotScale(rng.normal(size=3), random_quaternion(rng), [rng.uniform(0.2, 3)] * 3)
    for bone in rig.pose.bones:
        bone.rotation_mode = str(rng.choice(MODES))
        pose(bone, rng)
        if scaled:
            bone.scale = [rng.uniform(0.6, 1.6)] * 3
    bpy.context.view_layer.update()
    return rig


def random_quaternion(rng):
    from mathutils import Quaternion

    return Quaternion(rng.normal(size=4)).normalized()


def pose(bone, rng):
    """Turn and move a bone at random, by the property of its mode."""
    bone.location = rng.normal(size=3)
    if bone.rotation_mode == "QUATERNION":
        bone.rotation_quaternion = rng.normal(size=4)
    elif bone.rotation_mode == "AXIS_ANGLE":
        bone.rotation_axis_angle = (rng.uniform(-6, 6), *rng.normal(size=3))
    else:
        bone.rotation_euler = rng.uniform(-6, 6, size=3)


def matrices(rig, names):
    """Blender's evaluated pose matrices [B, 4, 4], armature space."""
    bpy.context.view_layer.update()
    return np.array([rig.pose.bones[name].matrix for name in names], float)
