# SPDX-License-Identifier: Apache-2.0
"""The demo's character, camera and measures."""

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

if importlib.util.find_spec("bpy") is None:
    pytest.skip("these tests need the bpy module", allow_module_level=True)

import bpy  # noqa: E402
from bpy_extras.object_utils import world_to_camera_view  # noqa: E402
from mathutils import Vector  # noqa: E402

from drmm_engine.motion import mapping, skeleton  # noqa: E402
from scripts.showcase import character, measures, stage  # noqa: E402

RATE = 30.0


@pytest.fixture
def scene():
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return bpy.context.scene


@pytest.fixture
def body(scene):
    return character.build().children[0]


def vertices(body):
    """Where Blender shows the body's vertices, [n, 3]."""
    mesh = body.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    return np.array([vertex.co for vertex in mesh.vertices])


def walk(positions):
    """A walk of all joints at given positions [frames, 3]."""
    everywhere = np.repeat(np.asarray(positions, float)[:, None], len(skeleton.JOINTS), axis=1)
    return measures.Walk(None, everywhere, 1, RATE)


def test_every_joint_has_a_bone(body):
    bones = body.parent.data.bones
    found = mapping.propose([bone.name for bone in bones])
    assert mapping.missing(found) == [] and len(found) == len(skeleton.JOINTS)
    left, right = (bones[found[f"{side}UpperArm"]].head_local for side in ("Left", "Right"))
    facing = (left - right).cross(Vector((0, 0, 1)))
    assert facing.normalized().dot((0, -1, 0)) > 0.99


def test_the_body_stands_on_the_floor_and_is_symmetric(body):
    points = vertices(body)
    assert 0.0 <= points[:, 2].min() < 1e-3 and 1.70 < points[:, 2].max() < 1.80
    mirrored = points * (-1, 1, 1)
    assert cKDTree(points).query(mirrored)[0].max() < 1e-3


def test_each_part_follows_its_bone_and_keeps_its_shape(body):
    before = vertices(body)
    shin = body.parent.pose.bones["shin.L"]
    shin.rotation_mode = "XYZ"
    shin.rotation_euler.x = 0.7
    after = vertices(body)
    below = {bone.name for bone in (shin, *shin.children_recursive)}
    groups = [body.vertex_groups[vertex.groups[0].group].name for vertex in body.data.vertices]
    moved = np.linalg.norm(after - before, axis=1) > 1e-6
    assert {name for name, far in zip(groups, moved, strict=True) if far} == below
    turn = np.array(shin.matrix @ shin.bone.matrix_local.inverted())
    carried = [i for i, name in enumerate(groups) if name in below]
    np.testing.assert_allclose(after[carried], before[carried] @ turn[:3, :3].T + turn[:3, 3], atol=1e-5)


@settings(max_examples=30)
@given(azimuth=st.floats(-130, -50), elevation=st.floats(0, 80), lens=st.floats(50, 120), seed=st.integers(0, 99))
def test_the_camera_frames_all_points_and_no_more(azimuth, elevation, lens, seed):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    points = np.random.default_rng(seed).uniform(-1, 1, (20, 3)) * (4, 1, 1) + (2, 3, 1)
    stage.aim(scene, points, azimuth, elevation, lens, (320, 180))
    bpy.context.view_layer.update()
    seen = np.array([world_to_camera_view(scene, scene.camera, Vector(point)) for point in points])
    assert (seen[:, 2] > 0).all()
    across = seen[:, :2]
    assert across.min() > -1e-3 and across.max() < 1 + 1e-3
    touched = abs(across.min(axis=0)) + abs(1 - across.max(axis=0))
    assert np.min(touched) < 2e-3, "the points fill the frame from edge to edge in one direction"


def test_targets_are_reached_in_their_order():
    path = np.stack([np.linspace(0, 10, 101), np.zeros(101), np.full(101, 0.9)], 1)
    assert walk(path).reached([(2, 0), (5, 0.3)], 0.5) == [15, 46]
    assert walk(path).reached([(5, 0), (2, 0)], 0.5) == [45, None]
    assert walk(path).reached([(5, 0.6), (7, 0)], 0.5) == [None, 65]


def test_misses_are_distances_from_the_bones_heads(scene, monkeypatch):
    armature = character.build()
    armature.location = (1, 2, 3)
    bpy.context.view_layer.update()
    wrist = np.array(armature.matrix_world @ armature.data.bones["hand.L"].head_local)
    monkeypatch.setattr(measures.rigs, "mapping_of", lambda armature: mapping.propose(armature.data.bones.keys()))
    goal = SimpleNamespace(matrix_world=SimpleNamespace(translation=wrist + (0.03, 0, 0.04)))
    assert measures.goal_misses(armature, {"LeftHand": goal})["LeftHand"] == pytest.approx(0.05, abs=1e-6)
