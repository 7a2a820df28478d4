# SPDX-License-Identifier: Apache-2.0
"""A control rig that Rigify generated, with its hundreds of constraints, is driven by its FK controls."""

import addon_utils
import bpy
import numpy as np
import pytest

from blender_addon import rig as rigging
from blender_addon.rig import sources
from tests.addon import random_rigs


@pytest.fixture
def rigify(scene):
    """Rigify, switched on."""
    if addon_utils.enable("rigify", default_set=True) is None:
        pytest.skip("this Blender has no Rigify")


@pytest.fixture
def generated(rigify):
    """The rig of Rigify's human, set to FK, its neck and head following the spine."""
    bpy.ops.object.armature_human_metarig_add()
    bpy.ops.pose.rigify_generate()
    armature = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE" and "rig_id" in obj.data)
    for name in ("upper_arm_parent", "thigh_parent"):
        for side in "LR":
            armature.pose.bones[f"{name}.{side}"]["IK_FK"] = 1.0
    armature.pose.bones["torso"]["neck_follow"] = armature.pose.bones["torso"]["head_follow"] = 1.0
    armature.update_tag()
    bpy.context.view_layer.update()
    return armature


def test_an_animal_is_no_humanoid_though_its_joints_are_named_alike(rigify):
    bpy.ops.object.armature_basic_quadruped_metarig_add()
    armature = bpy.context.object
    rigging.find(armature)
    rows = {row.name: row for row in armature.drmm.rig.bones if row.driven}
    legs = {f"{front}{part}.{side}" for front in ("", "front_") for part in ("thigh", "shin", "foot") for side in "LR"}
    assert legs <= set(rows) and not armature.drmm.rig.use_mocap
    assert [name for name, row in rows.items() if row.moves] == ["spine.004"]  # the pelvis
    for name in ("shin.L", "front_shin.L"):
        assert rows[name].low[2] == rows[name].high[2] == 0.0 and rows[name].high[0] - rows[name].low[0] > 2.0
    ends = set(rigging.read(armature).effectors)
    assert {(f"{front}toe.{side}", "tail") for front in ("", "front_") for side in "LR"} <= ends


@pytest.mark.slow
def test_rigify_is_driven_by_its_controls_exactly(generated):
    assert rigging.find(generated) == 23
    rows = {row.name: row for row in generated.drmm.rig.bones if row.driven}
    assert rows["upper_arm_fk.L"].follows == "shoulder.L" and rows["head"].follows == "neck"
    assert [name for name, row in rows.items() if row.moves] == ["torso"]
    assert not any("FK" in row.source for row in rows.values())
    joints = rigging.read(generated).joints
    assert generated.drmm.rig.use_mocap
    people = joints.matrices(sources.people(generated, joints, count=50))
    head, foot = (people[:, joints.armature.names.index(name), 2, 3] for name in ("head", "foot_fk.L"))
    assert np.median(head) > 1.3 and np.abs(np.median(foot)) < 0.2
    rng = np.random.default_rng(0)
    for _ in range(5):
        theta = np.clip(0.7 * rng.uniform(joints.low, joints.high), joints.low, joints.high)
        rigging.write(generated, joints, theta)
        meant = joints.matrices(theta)
        assert np.abs(meant - random_rigs.matrices(generated, joints.armature.names)).max() < 1e-5


@pytest.mark.slow
def test_limbs_set_to_ik_are_told_of(generated):
    generated.pose.bones["thigh_parent.L"]["IK_FK"] = 0.0
    generated.update_tag()
    rigging.find(generated)
    idle = {row.name for row in generated.drmm.rig.bones if "set the rig to FK" in row.source}
    assert idle == {"thigh_fk.L", "shin_fk.L", "foot_fk.L", "toe_fk.L"}
