# SPDX-License-Identifier: Apache-2.0
"""Answers keyed, by keying set and auto-keying, and stored as assets."""

import bpy
import numpy as np
import pytest

import blender_addon
from blender_addon import rig as rig_of
from blender_addon.answers import keying, store
from tests.addon.posed import found, turns

CHANNELS = [("hips", "location"), ("hips", "rotation_quaternion"), ("arm", "rotation_euler")]


@pytest.mark.parametrize(
    "identifier, expected",
    [
        ("", CHANNELS),
        ("Location", CHANNELS[:1]),
        ("Rotation", CHANNELS[1:]),
        ("BUILTIN_KSI_VisualLocRot", CHANNELS),
        ("BUILTIN_KSI_RotScale", CHANNELS[1:]),
        ("WholeCharacter", CHANNELS),
        ("Scaling", []),
        ("BUILTIN_KSI_DeltaLocation", []),
        ("Available", CHANNELS[2:]),
        (keying.OWN, CHANNELS[:1]),
    ],
)
def test_the_keying_set_chooses_among_the_driven_channels(identifier, expected):
    paths = ['pose.bones["hips"].location', 'pose.bones["head"].location']
    keyed = ['pose.bones["arm"].rotation_euler', 'pose.bones["head"].rotation_euler']
    assert keying.wanted(CHANNELS, identifier, paths, keyed) == expected


def curves(rig):
    return {curve.data_path: len(curve.keyframe_points) for curve in blender_addon.compat.curves(rig).fcurves}


def test_key_keys_the_driven_bones_and_nothing_else(rig):
    found(rig)
    bpy.context.scene.frame_set(7)
    bpy.ops.drmm.step_answer()
    shown = turns(rig)
    assert bpy.ops.drmm.key_answer() == {"FINISHED"}
    joints = rig_of.read(rig).joints
    wanted = {f'pose.bones["{bone}"].{name}' for bone, name in rig_of.channels(rig, joints)}
    assert set(curves(rig)) == wanted and set(curves(rig).values()) == {1}
    bpy.context.scene.frame_set(20)
    assert np.allclose(turns(rig), shown, atol=1e-5) and not store.on_trial(rig)
    bpy.context.scene.keying_sets.active = None
    bpy.context.scene.keying_sets_all.active = bpy.context.scene.keying_sets_all["Location"]
    found(rig)
    bpy.ops.drmm.key_answer()
    assert {path for path, count in curves(rig).items() if count == 2} == {p for p in wanted if p.endswith("location")}
    bpy.context.scene.keying_sets_all.active = bpy.context.scene.keying_sets_all["Scale"]
    with pytest.raises(RuntimeError, match="keys none of the driven bones"):
        bpy.ops.drmm.key_answer()


def test_apply_keys_where_auto_keying_is_on(rig):
    tools = bpy.context.scene.tool_settings
    tools.use_keyframe_insert_auto, tools.auto_keying_mode = True, "REPLACE_KEYS"
    found(rig)
    bpy.ops.drmm.apply_answer()
    assert rig.animation_data is None or rig.animation_data.action is None
    rig.pose.bones["thigh.L"].keyframe_insert(rig_of.channels(rig, rig_of.read(rig).joints)[0][1], frame=1)
    tools.auto_keying_mode = "ADD_REPLACE_KEYS"
    found(rig)
    bpy.ops.drmm.apply_answer()
    assert len(curves(rig)) >= len(rig_of.channels(rig, rig_of.read(rig).joints))


def test_a_pose_asset_holds_the_driven_bones_and_leaves_the_armature_alone(rig):
    found(rig)
    assert bpy.ops.drmm.store_answer(name="Reach") == {"FINISHED"}
    stored = bpy.data.actions["Reach"]
    assert stored.asset_data is not None and (rig.animation_data is None or rig.animation_data.action is None)
    shown = turns(rig)
    bpy.ops.drmm.revert_answer()
    blender_addon.compat.assign(rig, stored)
    bpy.context.scene.frame_set(1)
    assert np.allclose(turns(rig), shown, atol=1e-5)
