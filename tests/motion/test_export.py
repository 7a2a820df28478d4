# SPDX-License-Identifier: Apache-2.0
"""Clips of generated positions: bone lengths, round trip through a file, and through Blender's own importer."""

import numpy as np
import pytest

from drmm_engine.body import rotations as rot
from drmm_engine.motion import read_bvh, write_bvh
from drmm_engine.motion.export import SPINE, to_clip
from drmm_engine.motion.mapping import propose
from drmm_engine.motion.skeleton import JOINTS, PARENTS, canonical_positions
from tests.motion import bodies

REST = bodies.rest()
NAMED = {joint: joint for joint in JOINTS}


def wandering(frames=12):
    poses = bodies.poses(2, frames)
    turns = rot.from_axis_angle((0.0, 0.0, 1.0), np.linspace(0, 2, frames))
    return rot.rotate(turns[:, None], poses) + np.linspace(0, 3, frames)[:, None, None] * (1.0, 0.5, 0.0)


def test_a_clip_of_whole_bodies_has_their_positions():
    positions = wandering()
    clip = to_clip(positions, REST, 30)
    toes = [JOINTS.index("LeftToes"), JOINTS.index("RightToes")]
    others = [n for n in range(20) if n not in toes]
    assert np.abs(canonical_positions(clip, NAMED) - positions)[:, others].max() < 1e-6
    assert clip.frame_rate == 30 and clip.joint_names[1] == SPINE


def test_a_clip_of_inexact_positions_has_exact_bones_and_its_feet_in_place():
    positions = wandering() + np.random.default_rng(0).normal(0, 0.005, (12, 20, 3))
    found = canonical_positions(to_clip(positions, REST, 30), NAMED)
    lengths, expected = (np.linalg.norm(p[..., 1:, :] - p[..., PARENTS[1:], :], axis=-1) for p in (found, REST))
    assert np.abs(lengths - expected).max() < 1e-9
    feet = [JOINTS.index("LeftFoot"), JOINTS.index("RightFoot")]
    assert np.abs(found - positions)[:, feet].max() < 1e-6
    assert np.linalg.norm(found - positions, axis=-1).mean() < 0.02


def test_a_written_clip_reads_back_and_is_mapped_by_its_names(tmp_path):
    clip = to_clip(wandering(), REST, 30)
    write_bvh(clip, tmp_path / "walk.bvh")
    back = read_bvh(tmp_path / "walk.bvh")
    mapping = propose(back.joint_names, back.parents)
    assert mapping == NAMED
    assert np.abs(canonical_positions(back, mapping) - canonical_positions(clip, NAMED)).max() < 1e-5


def test_blender_imports_a_written_clip_with_the_same_positions(tmp_path):
    bpy = pytest.importorskip("bpy")
    clip = to_clip(wandering(), REST, 30)
    write_bvh(clip, tmp_path / "walk.bvh")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_anim.bvh(filepath=str(tmp_path / "walk.bvh"), global_scale=0.01, axis_up="Y", axis_forward="-Z")
    armature = bpy.context.object
    expected = canonical_positions(clip, NAMED)
    for frame in (0, 5, 11):
        bpy.context.scene.frame_set(frame + 1)
        heads = [armature.matrix_world @ armature.pose.bones[joint].head for joint in JOINTS]
        assert np.abs(np.array(heads) - expected[frame]).max() < 1e-4
