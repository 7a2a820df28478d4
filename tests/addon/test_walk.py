# SPDX-License-Identifier: Apache-2.0
"""Generate writes what the engine made: where the bones point, how long they are, where the hips go, and when."""

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from blender_addon import armature as rigs_of
from drmm_engine.motion import controller, skeleton
from tests.addon import gait, rigs

# Bones that point from one canonical joint to the next on every rig; the trunk is only held alike.
LIMBS = [(f"{side}{a}", f"{side}{b}") for side in ("Left", "Right") for a, b in (
    ("UpperArm", "LowerArm"), ("LowerArm", "Hand"), ("UpperLeg", "LowerLeg"), ("LowerLeg", "Foot"))]  # fmt: skip


def evaluated(rig, mapping, frame):
    """Joints of the armature as Blender evaluates them at a frame, world space."""
    bpy.context.scene.frame_set(int(np.floor(frame)), subframe=frame - np.floor(frame))
    return rigs_of.joint_positions(rig.evaluated_get(bpy.context.evaluated_depsgraph_get()), mapping)


def directions(positions):
    ends = [(skeleton.index(a), skeleton.index(b)) for a, b in LIMBS]
    vectors = np.array([positions[..., b, :] - positions[..., a, :] for a, b in ends])
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.parametrize("kind", rigs.KINDS)
def test_the_bones_point_where_the_engine_says_and_the_hips_reach_the_targets(stage, empty, kind):
    rig = rigs.KINDS[kind]()
    mapping = rigs_of.mapping_of(rig)
    before = evaluated(rig, mapping, 1)
    lengths = [bone.length for bone in rig.data.bones]
    empty("A", (2.0, 1.0, 0.0)), empty("B", (2.0, -2.0, 0.0))
    assert bpy.ops.drmm.generate(armature="Rig", targets="A,B", seconds=30.0, lock_feet=False) == {"FINISHED"}

    scale = 1 / 1.1
    targets = [controller.Target(position=np.array(p) / scale, face=False) for p in ((2.0, 1.0), (2.0, -2.0))]
    blocks = list(gait.walk(None, targets, 30.0, before[0, :2] / scale, -np.pi / 2))
    source = np.concatenate([block.positions for block in blocks])
    assert sum(block.reached for block in blocks) == 2
    walked = np.array([evaluated(rig, mapping, 1 + frame) for frame in range(len(source))])
    np.testing.assert_allclose(directions(walked), directions(source), atol=2e-3)
    np.testing.assert_allclose(walked[:, 0, :2], scale * source[:, 0, :2], atol=0.06)
    for place in ((2.0, 1.0), (2.0, -2.0)):
        assert np.linalg.norm(walked[:, 0, :2] - place, axis=1).min() < gait.REACH
    now = [(bone.tail - bone.head).length for bone in rig.pose.bones]
    np.testing.assert_allclose(now, lengths, rtol=1e-4)


def test_the_walk_starts_where_the_character_stands_and_faces(stage, empty):
    rig = rigs.rigify()
    rig.matrix_world = Matrix.Translation((3, -1, 0.5)) @ Matrix.Rotation(2.0, 4, "Z") @ Matrix.Scale(1.4, 4)
    root = rig.pose.bones["root"]
    root.location, root.rotation_quaternion = (0.5, 0.2, 0.0), (np.cos(0.3), 0, 0, np.sin(0.3))
    bpy.context.view_layer.update()
    mapping = rigs_of.mapping_of(rig)
    stood = evaluated(rig, mapping, 1)
    empty("A", (6.0, 4.0, 0.5))
    bpy.ops.drmm.generate(armature="Rig", targets="A", lock_feet=False)
    first = evaluated(rig, mapping, 1)
    assert np.linalg.norm(first[0, :2] - stood[0, :2]) < 0.06 * 1.4
    angle = np.arccos(np.clip(skeleton.facing(first) @ skeleton.facing(stood), -1, 1))
    assert angle < 2 * gait.TURN / gait.RATE
    feet = [skeleton.index("LeftFoot"), skeleton.index("RightFoot")]
    lowest = min(evaluated(rig, mapping, frame)[feet, 2].min() for frame in range(1, 30))
    assert lowest == pytest.approx(stood[feet, 2].min(), abs=0.02)
    last = evaluated(rig, mapping, rig.animation_data.action.frame_range[1])
    assert np.linalg.norm(last[0, :2] - (6.0, 4.0)) < (gait.REACH + 0.2) * 1.4


@pytest.mark.parametrize("rate", [24, 30, 60, 29.97])
def test_the_walk_takes_the_same_time_at_every_frame_rate(stage, empty, rate):
    rig = rigs.eulers()
    empty("A", (0.0, -3.0, 0.0))
    bpy.ops.drmm.generate(armature="Rig", targets="A", lock_feet=False)
    mapping = rigs_of.mapping_of(rig)
    frames = int(rig.animation_data.action.frame_range[1]) - 1
    at_30 = {0.1 * n: evaluated(rig, mapping, 1 + 3 * n) for n in range(frames // 3)}
    rig.animation_data_clear()
    for bone in rig.pose.bones:
        bone.matrix_basis = Matrix()
    stage.render.fps, stage.render.fps_base = round(rate), round(rate) / rate
    stage.frame_set(11)
    bpy.ops.drmm.generate(armature="Rig", targets="A", lock_feet=False)
    start, end = rig.animation_data.action.frame_range
    assert start == 11
    assert (end - start) / rate == pytest.approx(frames / 30, abs=1.01 / rate)
    for seconds, places in at_30.items():
        np.testing.assert_allclose(evaluated(rig, mapping, 11 + seconds * rate), places, atol=0.012)


def test_every_walk_is_an_action_of_its_own_and_earlier_ones_are_kept(stage, empty):
    rig = rigs.rigify()
    rig.pose.bones["hand.L"].keyframe_insert("rotation_quaternion", frame=1)
    mine = rig.animation_data.action
    empty("A", (0.0, -3.0, 0.0))
    bpy.ops.drmm.generate(armature="Rig", targets="A")
    assert rig.animation_data.action.name == "DRMM Walk"
    assert mine.name in bpy.data.actions and tuple(mine.frame_range) == (1.0, 1.0)
    bpy.ops.drmm.generate(armature="Rig", targets="A", seed=3)
    assert rig.animation_data.action.name == "DRMM Walk.001"
    other = rigs.mixamo("Other")
    bpy.ops.drmm.generate(armature="Other", targets="A")
    assert other.animation_data.action.name == "DRMM Walk.002"
    assert rig.animation_data.action.name == "DRMM Walk.001"
    assert sorted(bpy.data.actions.keys()) == sorted([mine.name, "DRMM Walk", "DRMM Walk.001", "DRMM Walk.002"])


def test_only_mapped_bones_are_keyed_and_the_slot_is_bound(stage, empty):
    rig = rigs.rigify()
    empty("A", (0.0, -3.0, 0.0))
    bpy.ops.drmm.generate(armature="Rig", targets="A")
    animation = rig.animation_data
    if hasattr(animation, "action_slot"):
        assert animation.action_slot == animation.action.slots[0]
        curves = animation.action.layers[0].strips[0].channelbag(animation.action_slot).fcurves
    else:
        curves = animation.action.fcurves
    keyed = {curve.data_path.split('"')[1] for curve in curves}
    assert keyed == set(rig.data.bones.keys()) - {"root"}
    assert [c.data_path for c in curves if c.data_path.endswith("location")] == ['pose.bones["spine"].location'] * 3
    assert {len(curve.keyframe_points) for curve in curves} == {int(animation.action.frame_range[1])}


def test_the_panel_s_settings_are_the_defaults(stage, empty):
    rig = rigs.rigify()
    stage.drmm.armature, stage.drmm.seconds = rig, 1.0
    stage.drmm.targets.add().empty = empty("A", (0.0, -3.0, 0.0))
    bpy.ops.drmm.generate()
    assert rig.animation_data.action.frame_range[1] == 30
    bpy.ops.drmm.generate(seconds=2.0)
    assert rig.animation_data.action.frame_range[1] == 60


def test_undo_takes_the_walk_back_in_one_step(stage, empty):
    rigs.rigify()
    empty("A", (0.0, -3.0, 0.0))
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.drmm.generate(armature="Rig", targets="A")
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    rig = bpy.data.objects["Rig"]
    assert not bpy.data.actions and (rig.animation_data is None or rig.animation_data.action is None)


def test_faces_and_order_reach_the_engine(stage, empty, monkeypatch):
    stage.drmm.armature = rigs.rigify()
    asked = []

    def listen(model, targets, **options):
        asked.append([(round(target.position[0], 3), target.face) for target in targets])
        return gait.walk(model, targets, **options)

    monkeypatch.setattr("blender_addon.walk.controller.walk", listen)
    for name, x in (("A", 1.0), ("B", 2.0), ("C", 3.0)):
        row = stage.drmm.targets.add()
        row.empty, row.face = empty(name, (x, 0.0, 0.0)), name == "B"
    bpy.ops.drmm.generate(seconds=1.0)
    bpy.ops.drmm.generate(targets="C, A", face="C", seconds=1.0)
    assert asked == [[(1.1, False), (2.2, True), (3.3, False)], [(3.3, True), (1.1, False)]]
