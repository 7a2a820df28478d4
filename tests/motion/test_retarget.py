# SPDX-License-Identifier: Apache-2.0
"""Retargeting against truth: rigs posed by independent forward kinematics, other proportions, mirrors, Blender."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drmm_engine.body import rotations as rot
from drmm_engine.motion.retarget import retarget, rig_positions, scale
from drmm_engine.motion.rig import Rig, pose
from drmm_engine.motion.skeleton import JOINTS, MIRROR, PARENTS
from tests.motion import bodies

seeds = st.integers(0, 10_000)
arms_down = st.floats(-0.2, 1.1)
Y_MIRROR = np.array([1.0, -1.0, 1.0])
LIMBS = [n for n in bodies.LIMBS if not JOINTS[n].endswith("Toes")]


def angle(a, b):
    """Degrees between rotations, or between directions."""
    if a.shape[-1] == 4:
        return np.degrees(2 * np.arctan2(np.linalg.norm(rot.multiply(rot.inverse(a), b)[..., 1:], axis=-1),
                                         np.abs(np.sum(a * b, axis=-1))))
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1)))


def directions(positions):
    return rot.normalize(positions[:, 1:] - positions[:, PARENTS[1:]])


def posed(rig: Rig, mapping, turns, place) -> np.ndarray:
    """Canonical positions [F, 20, 3] by products of 4x4 matrices, as Blender has them.

    turns [F, 20, 4] of the mapped bones against their parents, in armature axes; place [F, 3] of the hips.
    """
    out = np.empty((len(turns), len(JOINTS), 3))
    joints = {mapping[joint]: n for n, joint in enumerate(JOINTS)}
    for frame in range(len(turns)):
        matrices = []
        for bone, parent in enumerate(rig.parents):
            matrix = rig.rest[bone]
            if parent >= 0:
                matrix = matrices[parent] @ np.linalg.inv(rig.rest[parent]) @ matrix
            joint = joints.get(rig.names[bone])
            if joint is not None:
                basis = np.eye(4)
                rest = rig.rest[bone, :3, :3]
                basis[:3, :3] = rest.T @ rot.to_matrix(turns[frame, joint]) @ rest
                basis[:3, 3] = rest.T @ (place[frame] - rig.rest[bone, :3, 3]) if joint == 0 else 0.0
                matrix = matrix @ basis
                out[frame, joint] = matrix[:3, 3]
            matrices.append(matrix)
    return out


def human_turns(rng, frames=6) -> np.ndarray:
    """Turns [F, 20, 4] against the parents within about what people can do: elbows and knees bend as hinges."""
    reach = np.where(np.isin(np.arange(20), bodies.LIMBS), 0.4, 0.3)
    for joint, name in enumerate(JOINTS):
        reach[joint] = 0.8 if "Upper" in name else reach[joint]
    turns = rot.from_rotation_vector(rng.uniform(-1, 1, (frames, 20, 3)) * reach[:, None])
    turns[:, 0] = rot.multiply(rot.from_axis_angle((0.0, 0.0, 1.0), rng.uniform(-3, 3, frames)), turns[:, 0])
    for name, axis in (("LeftLowerArm", (0, 0, -1)), ("RightLowerArm", (0, 0, 1)), ("LeftLowerLeg", (0, 1, 0)),
                       ("RightLowerLeg", (0, 1, 0))):  # fmt: skip
        turns[:, JOINTS.index(name)] = rot.from_axis_angle(np.array(axis, float), rng.uniform(0.5, 1.8, frames))
    return turns


def world(turns) -> np.ndarray:
    turns = turns.copy()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        turns[:, joint] = rot.multiply(turns[:, parent], turns[:, joint])
    return turns


def motion(seed, frames=6):
    """A random body in random poses: its rest, and positions with the hips wandering."""
    rng = np.random.default_rng(seed)
    rest = bodies.rest(rng.uniform(0.8, 1.2, 20))
    rig, mapping = bodies.rig(rest, rng, spine=0)
    return rest, posed(rig, mapping, human_turns(rng, frames), rest[0] + rng.uniform(-1, 1, (frames, 3)) * (1, 1, 0.1))


@settings(max_examples=20, deadline=None)
@given(seeds, arms_down)
def test_the_same_rig_comes_back_to_the_same_positions(seed, down):
    rng = np.random.default_rng(seed)
    rest = bodies.rest(rng.uniform(0.7, 1.3, 20), down)
    rig, mapping = bodies.rig(rest, rng, spine=0)
    positions = posed(rig, mapping, human_turns(rng), rest[0] + rng.uniform(-1, 1, (6, 3)))
    keys = retarget(positions, rig, mapping, rest)
    assert np.abs(rig_positions(rig, keys, mapping) - positions).max() < 1e-6


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_twist_is_recovered_where_bent_limbs_show_it(seed):
    rng = np.random.default_rng(seed)
    rest = bodies.rest()
    rig, mapping = bodies.rig(rest, rng, spine=0)
    turns = human_turns(rng)
    keys = retarget(posed(rig, mapping, turns, np.tile(rest[0], (6, 1))), rig, mapping, rest)
    _, found = pose(rig, keys)
    for joint, name in enumerate(JOINTS):
        if name in ("Hips", "Chest") or "Upper" in name or "Lower" in name:
            assert angle(found[:, rig.names.index(mapping[name])], world(turns)[:, joint]).max() < 1e-4, name


@settings(max_examples=20, deadline=None)
@given(seeds, arms_down, st.integers(0, 3))
def test_another_rig_takes_the_directions_of_the_limbs_and_keeps_its_bones(seed, down, spine):
    source_rest, positions = motion(seed)
    rng = np.random.default_rng(seed + 1)
    rest = bodies.rest(rng.uniform(0.7, 1.3, 20), down, heading=rng.uniform(-3, 3))
    rig, mapping = bodies.rig(rest, rng, spine)
    result = rig_positions(rig, retarget(positions, rig, mapping, source_rest), mapping)
    limbs = np.array(LIMBS) - 1
    assert angle(directions(result)[:, limbs], directions(positions)[:, limbs]).max() < 1e-4
    rigid = list(range(2, 20))
    lengths = np.linalg.norm(result - result[:, PARENTS], axis=-1)[:, rigid]
    assert np.abs(lengths - np.linalg.norm(rest - rest[PARENTS], axis=-1)[rigid]).max() < 1e-9
    trunk = np.cross(result[:, 1] - result[:, 0], positions[:, 1] - positions[:, 0])
    assert np.linalg.norm(trunk, axis=-1).max() < 1e-6 and np.isfinite(result).all()


@settings(max_examples=15, deadline=None)
@given(seeds, st.floats(-3, 3))
def test_a_motion_turned_about_the_vertical_gives_the_result_turned(seed, heading):
    source_rest, positions = motion(seed)
    rig, mapping = bodies.rig(bodies.rest(arms_down=0.7, heading=-1.5), np.random.default_rng(seed), spine=2)
    turn = rot.from_axis_angle((0.0, 0.0, 1.0), heading)
    heads, turns = pose(rig, retarget(positions, rig, mapping, source_rest))
    turned_heads, turned = pose(rig, retarget(rot.rotate(turn, positions), rig, mapping, source_rest))
    assert np.abs(turned_heads - rot.rotate(turn, heads))[:, 1:].max() < 1e-9
    mapped = [rig.names.index(name) for name in mapping.values()]
    assert angle(turned, rot.multiply(turn, turns))[:, mapped].max() < 1e-5


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_a_mirrored_motion_gives_the_mirror_image(seed):
    source_rest, positions = motion(seed)
    source_rest = bodies.rest()
    rig, mapping = bodies.rig(bodies.rest(arms_down=0.7), np.random.default_rng(seed), spine=2)
    order = [rig.names.index(mapping[joint]) for joint in JOINTS]
    heads, turns = (a[:, order] for a in pose(rig, retarget(positions, rig, mapping, source_rest)))
    mirrored = retarget(positions[:, MIRROR] * Y_MIRROR, rig, mapping, source_rest[MIRROR] * Y_MIRROR)
    mirror_heads, mirror_turns = (a[:, order] for a in pose(rig, mirrored))
    assert np.abs(mirror_heads - heads[:, MIRROR] * Y_MIRROR).max() < 1e-9
    assert angle(mirror_turns, turns[:, MIRROR] * (1.0, -1.0, 1.0, -1.0)).max() < 1e-5


@pytest.mark.parametrize("limb, axis", [("LeftLowerLeg", (0.0, 1.0, 0.05)), ("RightLowerArm", (0.05, 0.0, 1.0))])
def test_a_limb_passes_through_straight_without_a_jump(limb, axis):
    angles = np.radians(np.arange(-8.0, 60.0, 0.5))
    rest = bodies.rest()
    rig, mapping = bodies.rig(rest, np.random.default_rng(0))
    turns = np.tile(np.array(rot.IDENTITY), (len(angles), 20, 1))
    turns[:, JOINTS.index(limb)] = rot.from_axis_angle(np.array(axis), angles)
    keys = retarget(posed(rig, mapping, turns, np.tile(rest[0], (len(angles), 1))), rig, mapping, rest)
    assert np.isfinite(keys.rotations).all()
    steps = angle(keys.rotations[1:], keys.rotations[:-1])
    assert steps[:, [not name.endswith("Toes") for name in keys.bones]].max() < 1.5


def test_exactly_straight_and_folded_limbs_give_finite_keys():
    rest = bodies.rest()
    folded = rest.copy()
    folded[[JOINTS.index("LeftHand"), JOINTS.index("RightFoot")]] = rest[[JOINTS.index("LeftUpperArm"),
                                                                         JOINTS.index("RightUpperLeg")]]
    rig, mapping = bodies.rig(rest, np.random.default_rng(1))
    keys = retarget(np.stack([rest, folded]), rig, mapping, rest)
    assert np.isfinite(keys.rotations).all() and np.allclose(np.linalg.norm(keys.rotations, axis=-1), 1.0)
    assert angle(keys.rotations[0], np.array(rot.IDENTITY)).max() < 1e-5


def test_feet_of_other_proportions_stay_on_the_floor_in_a_squat():
    rest = bodies.rest()
    longer = np.ones(20)
    longer[[JOINTS.index(name) for name in ("LeftLowerLeg", "RightLowerLeg")]] = 1.3
    rig, mapping = bodies.rig(bodies.rest(longer, 0.8), np.random.default_rng(2), spine=2)
    bend = np.linspace(0, 1.2, 30)
    turns = np.tile(np.array(rot.IDENTITY), (30, 20, 1))
    for joint, name in enumerate(JOINTS):
        share = -1.0 if "UpperLeg" in name else 2.0 if "LowerLeg" in name else -1.0 if "Foot" in name else 0.0
        turns[:, joint] = rot.from_axis_angle((0.0, 1.0, 0.0), share * bend)
    source_rig, source_mapping = bodies.rig(rest, np.random.default_rng(3), spine=0)
    place = np.tile(rest[0], (30, 1))
    place[:, 2] -= 0.81 * (1 - np.cos(bend))
    feet = [JOINTS.index(name) for name in ("LeftFoot", "RightFoot", "LeftToes", "RightToes")]
    positions = posed(source_rig, source_mapping, turns, place)
    result = rig_positions(rig, retarget(positions, rig, mapping, rest), mapping)
    wandered = result - result[0] - scale(rig, mapping, rest) * (positions - positions[0])
    assert np.abs(wandered[:, feet]).max() < 1e-6
    assert np.abs(result[:, feet, 2] - bodies.rest(longer)[feet, 2]).max() < 1e-6


def test_toes_stay_flat_on_the_floor_while_the_heel_rises():
    rest = bodies.rest()
    foot, toes = JOINTS.index("LeftFoot"), JOINTS.index("LeftToes")
    raised = np.tile(rest, (10, 1, 1))
    across = np.cross((0.0, 0.0, 1.0), rest[toes] - rest[foot])
    lift = rot.from_axis_angle(across, np.linspace(0.0, 0.9, 10))
    raised[:, foot] = rest[toes] + rot.rotate(lift, rest[foot] - rest[toes])
    rig, mapping = bodies.rig(rest, np.random.default_rng(0))
    _, turns = pose(rig, retarget(raised, rig, mapping, rest))
    heel, ball = (turns[:, rig.names.index(mapping[name])] for name in ("LeftFoot", "LeftToes"))
    assert angle(ball, np.array(rot.IDENTITY)).max() < 4.0
    assert angle(heel, np.array(rot.IDENTITY)).max() == pytest.approx(np.degrees(0.9), abs=0.5)


def test_scale_is_the_ratio_of_leg_lengths():
    rig, mapping = bodies.rig(1.7 * bodies.rest(), np.random.default_rng(0))
    assert scale(rig, mapping, bodies.rest()) == pytest.approx(1.7)


def test_a_rig_without_hands_toes_neck_and_shoulders_is_keyed():
    rest, positions = motion(5)
    rig, mapping = bodies.rig(rest, np.random.default_rng(5), spine=0)
    fewer = {joint: bone for joint, bone in mapping.items() if not joint.endswith(("Toes", "Shoulder", "Neck"))}
    keys = retarget(positions, rig, fewer, rest)
    assert set(keys.bones) == set(fewer.values())
    limbs = np.array(LIMBS) - 1
    result = rig_positions(rig, keys, mapping)
    assert angle(directions(result)[:, limbs], directions(positions)[:, limbs]).max() < 1e-4


@pytest.mark.parametrize("change, message", [
    ({"Chest": ""}, "no bone is mapped to Chest"),
    ({"Head": "antenna"}, "'antenna', mapped to Head, is not in the armature"),
    ({"Head": "bone Neck"}, "mapped to both"),
    ({"Hips": "tail"}, "is not below 'tail'"),
])  # fmt: skip
def test_a_mapping_that_does_not_fit_is_refused(change, message):
    rig, mapping = bodies.rig(bodies.rest(), np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        retarget(bodies.rest()[None], rig, mapping | change, bodies.rest())


def test_positions_that_are_not_finite_are_refused():
    rig, mapping = bodies.rig(bodies.rest(), np.random.default_rng(0))
    positions = np.tile(bodies.rest(), (3, 1, 1))
    positions[2, 4, 1] = np.nan
    with pytest.raises(ValueError, match="LeftShoulder in frame 2"):
        retarget(positions, rig, mapping, bodies.rest())


def test_a_rig_that_lies_at_rest_is_refused():
    lying = rot.rotate(rot.from_axis_angle((0.0, 1.0, 0.0), np.array(1.5)), bodies.rest())
    rig, mapping = bodies.rig(lying, np.random.default_rng(0))
    with pytest.raises(ValueError, match="does not stand upright"):
        retarget(bodies.rest()[None], rig, mapping, bodies.rest())


def test_a_rig_whose_parents_come_late_is_refused():
    rig, _ = bodies.rig(bodies.rest(), np.random.default_rng(0))
    with pytest.raises(ValueError, match="before its children"):
        replace(rig, parents=np.arange(len(rig.names)))


def test_blender_evaluates_the_keys_as_we_do():
    bpy = pytest.importorskip("bpy")
    source_rest, positions = motion(11, frames=3)
    rng = np.random.default_rng(11)
    rig, mapping = bodies.rig(bodies.rest(rng.uniform(0.8, 1.2, 20), 0.8, heading=-1.5), rng, spine=2)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    armature = bpy.data.objects.new("rig", bpy.data.armatures.new("rig"))
    bpy.context.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for name, parent, matrix in zip(rig.names, rig.parents, rig.rest, strict=True):
        bone = armature.data.edit_bones.new(name)
        bone.head, bone.tail = matrix[:3, 3], matrix[:3, 3] + 0.1 * matrix[:3, 1]
        bone.align_roll(matrix[:3, 2].tolist())
        bone.parent = armature.data.edit_bones[rig.names[parent]] if parent >= 0 else None
    bpy.ops.object.mode_set(mode="OBJECT")
    rest = np.array([np.array(armature.data.bones[name].matrix_local) for name in rig.names])
    rig = replace(rig, rest=rest)
    keys = retarget(positions, rig, mapping, source_rest)
    expected = rig_positions(rig, keys, mapping)
    for frame in range(len(positions)):
        armature.pose.bones[keys.bones[0]].location = keys.location[frame]
        for name, rotation in zip(keys.bones, keys.rotations[frame], strict=True):
            armature.pose.bones[name].rotation_mode = "QUATERNION"
            armature.pose.bones[name].rotation_quaternion = rotation
        bpy.context.view_layer.update()
        heads = np.array([np.array(armature.pose.bones[mapping[joint]].head) for joint in JOINTS])
        assert np.abs(heads - expected[frame]).max() < 1e-5
