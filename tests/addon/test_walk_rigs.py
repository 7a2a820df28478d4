# SPDX-License-Identifier: Apache-2.0
"""Walks on rigs of other origins and proportions, as Blender evaluates them: feet hold, arms stay out of the body."""

import addon_utils
import bpy
import numpy as np
import pytest

from blender_addon import armature as rigs_of
from blender_addon import rig as rigging
from drmm_engine.metrics.motion import foot_slide
from drmm_engine.motion import arms, retarget
from drmm_engine.motion.contacts import contacts
from drmm_engine.motion.footlock_keys import locked_keys
from drmm_engine.motion.rig import canonical_rest, mapped_bones
from drmm_engine.motion.skeleton import JOINTS, PARENTS, TOES
from tests import gait as steps
from tests.addon import rigs

MADE = {"unreal": rigs.unreal, "child": rigs.child, "giant": rigs.giant, "mixamo fbx": rigs.fbx}


REST = steps.OFFSETS.copy()
for joint, parent in enumerate(PARENTS):
    REST[joint] += REST[parent] if parent >= 0 else 0.0


def walked(armature, character, bones):
    """Heads of bones `[90, n, 3]` as Blender evaluates them in a walk with a turn, in the size of the walker's body."""
    walk = steps.walk_clip(3.0, 1.2, turn_rate=0.6)
    keys = retarget.retarget(walk, character.rig, character.mapping, REST)
    keys = arms.outside(keys, character.rig, character.mapping)
    keys = locked_keys(keys, character.rig, character.mapping, contacts(walk, steps.TOE))
    made, out = character.channels(keys), []
    for frame in range(len(walk)):
        for channel in made:
            setattr(armature.pose.bones[channel.bone], channel.property, channel.values[frame])
        bpy.context.view_layer.update()
        out.append([armature.matrix_world @ armature.pose.bones[bone].head for bone in bones])
    return np.array(out) / retarget.scale(character.rig, character.mapping, REST)


def at_rest(character):
    """Canonical joints of a character's rest pose `[20, 3]` in the size of the walker's body."""
    rest = canonical_rest(character.rig, mapped_bones(character.rig, character.mapping))
    return rest / retarget.scale(character.rig, character.mapping, REST)


@pytest.mark.parametrize("kind", MADE)
def test_feet_hold_and_arms_stay_out_on_every_rig(scene, kind):
    armature = MADE[kind]()
    character = rigs_of.read_character(armature)
    rest = at_rest(character)
    joints = walked(armature, character, [character.mapping[joint] for joint in JOINTS])
    assert 100 * foot_slide(joints, rest[TOES, 2].mean()).mean() < 1.0
    assert joints[:, TOES, 2].min() > rest[TOES, 2].min() - 0.01
    assert arms.clearance(joints, rest).min() > -0.01
    shins = np.linalg.norm(joints[:, [14, 18]] - joints[:, [13, 17]], axis=-1)
    assert np.ptp(shins) < 1e-4


@pytest.fixture
def generated(stage):
    """The control rig that Rigify makes of its human, arms and legs set to FK."""
    if addon_utils.enable("rigify", default_set=True) is None:
        pytest.skip("this Blender has no Rigify")
    bpy.ops.object.armature_human_metarig_add()
    bpy.ops.pose.rigify_generate()
    armature = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE" and "rig_id" in obj.data)
    for name in ("upper_arm_parent", "thigh_parent"):
        for side in "LR":
            armature.pose.bones[f"{name}.{side}"]["IK_FK"] = 1.0
    follow(armature, 1.0)
    return armature


def follow(armature, share):
    """Set how far neck and head follow the body."""
    armature.pose.bones["torso"]["neck_follow"] = armature.pose.bones["torso"]["head_follow"] = share
    armature.update_tag()
    bpy.context.view_layer.update()


@pytest.mark.slow
def test_a_control_rig_of_rigify_walks_by_its_fk_controls(generated, empty):
    empty("A", (1.5, -1.5, 0.0))
    with pytest.raises(RuntimeError, match="is a control rig: set its arms and legs to FK, use Find Bones"):
        bpy.ops.drmm.generate(armature=generated.name, targets="A", seconds=3.0)
    follow(generated, 0.0)
    rigging.find(generated)
    with pytest.raises(ValueError, match="carries Head along: set arms and legs to FK, neck and head to follow"):
        rigs_of.read_character(generated)
    follow(generated, 1.0)
    rigging.find(generated)
    character = rigs_of.read_character(generated)
    assert character.mapping["Hips"] == "torso" and character.mapping["LeftHand"] == "hand_fk.L"
    assert bpy.ops.drmm.generate(armature=generated.name, targets="A", seconds=3.0) == {"FINISHED"}


@pytest.mark.slow
def test_the_deforming_bones_of_a_control_rig_go_where_the_engine_says(generated):
    rigging.find(generated)
    character = rigs_of.read_character(generated)
    heads = walked(generated, character, ["DEF-toe.L", "DEF-toe.R", "DEF-spine"])
    joints = np.zeros((len(heads), 20, 3))
    joints[:, TOES] = heads[:, :2]
    standing = at_rest(character)[TOES, 2].mean()
    assert 100 * foot_slide(joints, standing).mean() < 1.0
    assert heads[:, :2, 2].min() > standing - 0.01
    assert np.linalg.norm(heads[-1, 2, :2] - heads[0, 2, :2]) > 1.5
