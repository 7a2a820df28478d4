# SPDX-License-Identifier: Apache-2.0
"""Where a posed rig stands, and what was found for it."""

import bpy
import numpy as np
from mathutils import Matrix

PLACE = Matrix.Translation((2, 1, 0)) @ Matrix.Rotation(1.1, 4, "Z") @ Matrix.Scale(0.5, 4)


def places(rig, bone="hand.L"):
    bpy.context.view_layer.update()
    return np.array(rig.matrix_world @ rig.pose.bones[bone].head)


def turns(rig):
    bpy.context.view_layer.update()
    return np.array([bone.matrix for bone in rig.pose.bones])


def goal(rig):
    bpy.context.view_layer.update()
    return np.array(rig.drmm.conditions[0].object.matrix_world.translation)


def found(rig, **given):
    assert bpy.ops.drmm.find_poses(**given) == {"FINISHED"}
    return rig.drmm.answers
