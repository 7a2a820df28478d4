# SPDX-License-Identifier: Apache-2.0
"""The whole way with the engine itself: from empties in Blender to the bones of an armature."""

import bpy
import numpy as np
import pytest

from blender_addon import armature as rigs_of
from drmm_engine.motion import skeleton
from tests.addon import rigs


@pytest.mark.parametrize("kind", rigs.KINDS)
def test_a_sampled_pose_has_its_hand_and_foot_at_the_empties(scene, model_files, empty, kind):
    rig = rigs.KINDS[kind]()
    goals = {"LeftHand": (0.25, -0.4, 1.2), "RightFoot": (-0.12, -0.3, 0.2)}
    named = ",".join(f"{joint}:{empty(joint, place).name}" for joint, place in goals.items())
    bpy.ops.drmm.sample_pose(armature="Rig", goals=named, model=model_files["pose"], count=16, seed=1)
    ranks = [pose.plausibility for pose in rig.drmm.poses]
    assert len(ranks) == 16 and np.isfinite(ranks).all()
    for step in range(4):
        bpy.context.view_layer.update()
        joints = rigs_of.joint_positions(rig, rigs_of.mapping_of(rig))
        for joint, place in goals.items():
            miss = np.linalg.norm(joints[skeleton.index(joint)] - place)
            assert miss <= rig.drmm.poses[step].error / 1000 + 1e-4
            assert miss < 0.01
        bpy.ops.drmm.step_pose(armature="Rig")


def test_a_walk_arrives(scene, model_files, empty):
    rig = rigs.mixamo()
    mapping = rigs_of.mapping_of(rig)
    stood = rigs_of.joint_positions(rig, mapping)[0, :2]
    empty("A", (0.5, -3.0, 0.0))
    bpy.ops.drmm.generate(armature="Rig", targets="A", model=model_files["locomotion"], seconds=20.0)
    frames = range(1, int(rig.animation_data.action.frame_range[1]) + 1)
    hips = []
    for frame in frames:
        scene.frame_set(frame)
        hips.append(rigs_of.joint_positions(rig, mapping)[0])
    hips = np.array(hips)
    assert np.linalg.norm(hips[0, :2] - stood) < 0.1
    assert np.linalg.norm(np.diff(hips[:, :2], axis=0), axis=1).max() < 0.12
    assert np.linalg.norm(hips[-5:, :2] - (0.5, -3.0), axis=1).min() < 0.5


def test_the_seed_decides(scene, model_files, empty):
    rig = rigs.rigify()
    empty("A", (0.2, -0.4, 1.2))
    drawn = []
    for seed in (1, 1, 2):
        bpy.ops.drmm.sample_pose(armature="Rig", goals="LeftHand:A", model=model_files["pose"], count=4, seed=seed)
        drawn.append(list(rig.drmm.poses[0]["values"]))
        bpy.ops.drmm.revert_pose(armature="Rig")
    assert drawn[0] == drawn[1] != drawn[2]
