# SPDX-License-Identifier: Apache-2.0
"""FBX, glTF and .blend files as clips: any unit, axis and frame rate, several Actions, and what cannot be used."""

import math

import bpy
import numpy as np
import pytest

from drmm_engine.motion import blender
from drmm_engine.motion.library import read_clips
from tests import gait as gaits

SECONDS = 1.0


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """The file of a gait that turns, and the clip that it is."""
    file = tmp_path_factory.mktemp("truth") / "gait.bvh"
    gaits.write_gait_bvh(file, SECONDS, turn_rate=0.8)
    return file, read_clips(file)[0][0]


@pytest.fixture
def walker(scene, truth):
    """An armature that an Action walks, at 30 frames a second."""
    bpy.ops.import_anim.bvh(filepath=str(truth[0]), global_scale=0.01, target="ARMATURE")
    return bpy.context.object


def read(path):
    """The clips of a file and the reasons of those that are left out."""
    clips, refusals = read_clips(path, others=lambda file: blender.clips(bpy, file))
    return clips, [each.reason for each in refusals]


def export(path):
    """Write the scene as path says, as its exporters do by default."""
    if path.suffix == ".blend":
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
    elif path.suffix == ".fbx":
        bpy.ops.export_scene.fbx(filepath=str(path), bake_anim_simplify_factor=0.0)
    else:
        kind = "GLB" if path.suffix == ".glb" else "GLTF_SEPARATE"
        bpy.ops.export_scene.gltf(filepath=str(path), export_format=kind)
    return path


def check(clips, truth, tolerance=2e-3):
    """Whether one clip is the gait: but for a turn about the vertical, which files do not keep."""
    assert len(clips) == 1
    found, wanted = (without_heading(clip.positions) for clip in (clips[0], truth))
    assert found.shape == wanted.shape and clips[0].frame_rate == 30.0
    assert np.abs(found - wanted).max() < tolerance


def without_heading(positions):
    """From where the hips are in the first frame, which face +x then."""
    from drmm_engine.motion.features import placement, to_local

    return to_local(positions, *placement(positions[0]))


@pytest.mark.parametrize("name", ["a.blend", "a.fbx", "a.glb", "a.gltf"])
def test_every_format_gives_the_gait(walker, truth, tmp_path, name):
    clips, refusals = read(export(tmp_path / name))
    assert not refusals
    check(clips, truth[1])


@pytest.mark.parametrize("scale", [100.0, 39.37, 10.0])
def test_centimetres_inches_and_decimetres_are_told_by_the_size_of_the_body(walker, truth, tmp_path, scale):
    walker.scale = (scale,) * 3
    check(read(export(tmp_path / "a.blend"))[0], truth[1], 0.01 if scale == 39.37 else 2e-3)


def test_a_body_that_lies_is_stood_up(walker, truth, tmp_path):
    """As of a file whose vertical axis its program took for another."""
    walker.rotation_mode = "XYZ"
    walker.rotation_euler = (-math.pi / 2, 0.0, 0.0)
    check(read(export(tmp_path / "a.blend"))[0], truth[1])


def test_120_frames_a_second_become_30(walker, truth, tmp_path):
    for curve in curves(walker.animation_data.action):
        for point in curve.keyframe_points:
            point.co.x = 1 + 4 * (point.co.x - 1)
            point.handle_left.x, point.handle_right.x = point.co.x - 1, point.co.x + 1
    bpy.context.scene.render.fps = 120
    clips, _ = read(export(tmp_path / "a.blend"))
    check(clips, truth[1])


def curves(action):
    from blender_addon.compat import all_curves

    return all_curves(action)


def test_every_action_of_an_armature_is_a_clip_and_others_are_not(walker, truth, tmp_path):
    first = walker.animation_data.action
    names = sorted([first.name, "again"])
    second = first.copy()
    second.name, second.use_fake_user = "again", True
    take = first.copy()
    take["drmm_take"], take.use_fake_user = "made by the add-on", True
    cube = bpy.data.objects.new("cube", None)
    cube.keyframe_insert("location", frame=1)
    bpy.data.actions[-1].use_fake_user = True
    clips, refusals = read(export(tmp_path / "a.blend"))
    assert sorted(clip.name for clip in clips) == names and not refusals
    assert all(clip.source == f"{tmp_path / 'a.blend'}/{clip.name}" for clip in clips)


def test_an_armature_that_is_hidden_muted_and_in_its_rest_pose_is_read_all_the_same(walker, truth, tmp_path):
    walker.hide_viewport = True
    walker.data.pose_position = "REST"
    track = walker.animation_data.nla_tracks.new()
    track.strips.new("strip", 1, walker.animation_data.action)
    walker.animation_data.action = None
    track.mute = True
    check(read(export(tmp_path / "a.blend"))[0], truth[1])


def test_bones_of_unknown_names_are_named_and_a_table_helps(walker, truth, tmp_path):
    mapping = {}
    for number, bone in enumerate(walker.data.bones):
        mapping[bone.name] = f"b{number}"
        bone.name = f"b{number}"
    file = export(tmp_path / "a.blend")
    clips, refusals = read(file)
    assert not clips and "no joint for Hips" in refusals[0] and "map it with a table" in refusals[0]
    check(read_clips(file, mapping, others=lambda path: blender.clips(bpy, path))[0], truth[1])
    check(read_clips(file, others=lambda path: blender.clips(bpy, path, "gait", mapping))[0], truth[1])


@pytest.mark.parametrize(("name", "said"), [
    ("broken.fbx", "Blender cannot read it"), ("broken.glb", "Blender cannot read it"),
    ("broken.blend", "Blender cannot read it"), ("gone.fbx", "there is no such file"),
    ("empty.blend", "there is no armature in it"), ("still.blend", "no Action in it moves the bones of 'calm'"),
])
def test_what_cannot_be_read_is_one_line_and_stops_nothing(scene, truth, tmp_path, name, said):
    file = tmp_path / name
    if name.startswith("broken"):
        file.write_bytes(b"Kaydara FBX Binary  \x00\x1a\x00 no more" if name.endswith("fbx") else b"glTF nothing")
    elif name.startswith(("empty", "still")):
        if name.startswith("still"):
            bpy.ops.object.armature_add()
            bpy.context.object.name = "calm"
        export(file)
    clips, refusals = read_clips([file, truth[0]], others=lambda path: blender.clips(bpy, path))[:2]
    assert len(clips) == 1 and len(refusals) == 1
    assert refusals[0].reason.startswith(f"{file}: ") and said in refusals[0].reason
    assert "\n" not in refusals[0].reason
