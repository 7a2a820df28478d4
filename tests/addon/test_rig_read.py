# SPDX-License-Identifier: Apache-2.0
"""Armatures read and posed: what the engine says where bones stand is where Blender puts them."""

import bpy
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blender_addon import rig as rigging
from blender_addon.rig import reader
from drmm_engine.body.armature import pose_matrices
from tests.addon import random_rigs

SEEDS = st.integers(0, 10**6)
FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def distance(a, b):
    """The largest difference of matrices, relative to their size."""
    return np.abs(a - b).max() / max(np.abs(b).max(), 1.0)


def fresh():
    for data in (bpy.data.objects, bpy.data.armatures):
        for item in list(data):
            data.remove(item)


def drive_all(armature):
    """Drive every bone, within wide limits, and let each topmost one that may move do so."""
    rigging.find(armature)
    for row in armature.drmm.rig.bones:
        bone = armature.pose.bones[row.name]
        row.driven, row.use_tail = not row.problem, True
        row.kind = str(np.random.default_rng(len(row.name)).choice(["swing", "XYZ", "ZXY"]))
        row.low, row.high = [-1.2] * 3, [1.2] * 3
        row.moves = bone.parent is None
        row.move_low, row.move_high = [-1.0] * 3, [1.0] * 3


@FEW
@given(SEEDS)
def test_bones_stand_where_blender_puts_them(scene, seed):
    fresh()
    armature = random_rigs.build(seed)
    bones = reader.chain(armature, armature.pose.bones.keys())
    rest, basis = reader.read_bones(bones), reader.read_basis(armature, bones)
    assert distance(pose_matrices(rest, basis), random_rigs.matrices(armature, rest.names)) < 1e-5


@FEW
@given(SEEDS)
def test_a_pose_written_is_the_pose_that_was_meant(scene, seed):
    fresh()
    armature = random_rigs.build(seed, scaled=False)
    drive_all(armature)
    joints = rigging.read(armature).joints
    theta = np.random.default_rng(seed).uniform(joints.low, joints.high)
    rigging.write(armature, joints, theta)
    meant = joints.matrices(theta[None])[0]
    assert distance(meant, random_rigs.matrices(armature, joints.armature.names)) < 1e-5
    np.testing.assert_allclose(rigging.theta(armature, joints), theta, atol=2e-5)
