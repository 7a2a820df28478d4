# SPDX-License-Identifier: Apache-2.0
"""The names of real rigs find their places, whatever their dialect; a user's table is read or refused."""

import pytest

from drmm_engine.motion.mapping import missing, propose, read_table
from drmm_engine.motion.rigs import COLUMNS, RIGS
from drmm_engine.motion.skeleton import JOINTS


def both_sides(center, left, right=None):
    """Names of one rig in canonical order: four in the middle, and eight with a star for each side."""
    sides = ("Left", "Right") if right is None else right
    arms, legs = left.split()[:4], left.split()[4:]
    chains = [[name.replace("*", side) for name in part] for part in (arms, legs) for side in sides]
    return [*center.split(), *(name for chain in chains for name in chain)]


MIXAMO = both_sides("Hips Spine2 Neck Head", "*Shoulder *Arm *ForeArm *Hand *UpLeg *Leg *Foot *ToeBase")
RIGIFY = both_sides(
    "spine spine.003 spine.004 spine.006",
    "shoulder.* upper_arm.* forearm.* hand.* thigh.* shin.* foot.* toe.*",
    ("L", "R"),
)
DIALECTS = {
    "Bandai-Namco": both_sides(
        "Hips Chest Neck Head",
        "Shoulder_* UpperArm_* LowerArm_* Hand_* UpperLeg_* LowerLeg_* Foot_* Toes_*",
        "LR",
    ),
    "LAFAN1": both_sides("Hips Spine2 Neck Head", "*Shoulder *Arm *ForeArm *Hand *UpLeg *Leg *Foot *Toe"),
    "Mixamo": [f"mixamorig:{name}" for name in MIXAMO],
    "Mixamo, second character": [f"mixamorig2:{name}" for name in MIXAMO],
    "MotionBuilder": [f"Character1_{name}" for name in MIXAMO],
    "Mixamo in lower case": [name.lower() for name in MIXAMO],
    "Mixamo with Blender's sides": both_sides(
        "Hips Spine2 Neck Head", "Shoulder.* Arm.* ForeArm.* Hand.* UpLeg.* Leg.* Foot.* ToeBase.*", "LR"
    ),
    "names with blanks": both_sides(
        "Hips Spine2 Neck Head", "*_Shoulder *_Arm *_Fore_Arm *_Hand *_Up_Leg *_Leg *_Foot *_Toe_Base"
    ),
    "100STYLE": both_sides("Hips Chest4 Neck Head", "*Collar *Shoulder *Elbow *Wrist *Hip *Knee *Ankle *Toe"),
    "Xsens segments": both_sides(
        "Pelvis T8 Neck Head", "*Shoulder *UpperArm *ForeArm *Hand *UpperLeg *LowerLeg *Foot *Toe"
    ),
    "CMU from ASF": both_sides(
        "root thorax lowerneck head", "*clavicle *humerus *radius *wrist *femur *tibia *foot *toes", "lr"
    ),
    "Rokoko": both_sides("Hips Spine4 Neck Head", "*Shoulder *Arm *ForeArm *Hand *Thigh *Shin *Foot *Toe"),
    "Rigify metarig": RIGIFY,
    "Rigify deform bones": [f"DEF-{name}" for name in RIGIFY],
    "Rigify, generated": [
        *("root", "torso", "hips", "chest", "head", "neck", "hand_ik.L", "foot_ik.L", "upper_arm_fk.L", "thigh_fk.R"),
        *(f"ORG-{name}" for name in RIGIFY),
        *(f"MCH-{name}" for name in RIGIFY),
        *(f"DEF-{name}" for name in RIGIFY),
        *(f"DEF-{name}.001" for name in RIGIFY if "upper" in name or "thigh" in name),
    ],
    "Unreal mannequin": both_sides(
        "pelvis spine_03 neck_01 head", "clavicle_* upperarm_* lowerarm_* hand_* thigh_* calf_* foot_* ball_*", "lr"
    ),
    "Unreal 5 mannequin": both_sides(
        "pelvis spine_05 neck_01 head", "clavicle_* upperarm_* lowerarm_* hand_* thigh_* calf_* foot_* ball_*", "lr"
    ),
    "MakeHuman": both_sides(
        "Root Spine3 Neck Head", "Clavicle_* UpArm_* LoArm_* Hand_* UpLeg_* LoLeg_* Foot_* Toe_*", "LR"
    ),
    "the canonical names": [*JOINTS[:8], *JOINTS[8:12], *JOINTS[12:]],
}
MORE = ["Spine", "Spine1", "LeftHandIndex1", "LeftEye", "spine_01", "spine_02", "Chest2", "lowerback", "Jaw"]


@pytest.mark.parametrize("names", DIALECTS.values(), ids=DIALECTS.keys())
def test_each_dialect_is_understood_in_full(names):
    expected = names[-20:] if len(names) == 20 else [f"DEF-{name}" for name in RIGIFY]
    assert propose(names) == dict(zip(JOINTS, expected, strict=True))
    assert propose(list(reversed(names))) == propose(names) and missing(propose(names)) == []


@pytest.mark.parametrize("dialect", ["LAFAN1", "100STYLE", "CMU from ASF", "Unreal mannequin", "Bandai-Namco"])
def test_further_joints_do_not_confuse(dialect):
    names = DIALECTS[dialect]
    assert propose([*MORE, *names]) == propose(names)


def test_the_same_word_means_another_joint_in_another_rig():
    xsens, mixamo = propose(DIALECTS["100STYLE"]), propose(DIALECTS["Mixamo"])
    assert xsens["LeftUpperArm"] == "LeftShoulder" and mixamo["LeftShoulder"] == "mixamorig:LeftShoulder"
    assert mixamo["LeftLowerLeg"] == "mixamorig:LeftLeg"


def test_the_chest_is_where_the_arms_branch():
    names = ["Hips", "Spine", "Spine1", "Spine2", "Neck", "Head", "LeftArm", "RightArm"]
    parents = [-1, 0, 1, 2, 2, 4, 2, 2]
    assert propose(names, parents)["Chest"] == "Spine1" and propose(names)["Chest"] == "Spine2"


def test_arms_at_the_hips_leave_the_chest_to_the_names():
    names = ["Hips", "Spine", "LeftArm", "RightArm", "Neck", "Head"]
    assert propose(names, [-1, 0, 0, 0, 1, 4])["Chest"] == "Spine"


def test_strangers_stay_unmapped_and_are_listed():
    assert propose([]) == {} and propose(["base", "child1", "child2"]) == {}
    assert missing({"Hips": "Bone", "Head": ""}) == [joint for joint in JOINTS if joint != "Hips"]


def test_the_table_of_rigs_has_no_holes():
    assert all(len(row) == 1 + len(COLUMNS) and len(row[0].split()) == 2 for row in RIGS.values())
    assert {column.replace("*", side) for column in COLUMNS for side in ("Left", "Right")} == set(JOINTS)


def test_rigify_of_this_blender_is_mapped_in_full():
    bpy = pytest.importorskip("bpy")
    import addon_utils

    addon_utils.enable("rigify")
    bpy.ops.object.armature_human_metarig_add()
    armature = bpy.context.object
    bones = list(armature.data.bones)
    parents = [bones.index(bone.parent) if bone.parent else -1 for bone in bones]
    mapping = propose([bone.name for bone in bones], parents)
    heads = {joint: armature.data.bones[name].head_local for joint, name in mapping.items()}
    bpy.data.objects.remove(armature)
    assert missing(mapping) == []
    # A metarig faces -Y, so its left is at +X; heights order the joints.
    assert all(heads[joint].x > 0.01 for joint in JOINTS if joint.startswith("Left") and joint != "LeftShoulder")
    order = ["LeftToes", "LeftFoot", "LeftLowerLeg", "LeftUpperLeg", "Chest", "Neck", "Head"]
    assert [heads[joint].z for joint in order] == sorted(heads[joint].z for joint in order)


def table(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text", ["canonical,source\nHips,pelvis bone\n\nHead, kopf\n", "\ufeffHips,pelvis bone\r\nHead,kopf"]
)
def test_a_table_is_read(tmp_path, text):
    assert read_table(table(tmp_path, text)) == {"Hips": "pelvis bone", "Head": "kopf"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("canonical,source\nhips,a\n", "mine.csv, line 2: 'hips' is none of the canonical joints"),
        ("Hips,a\nHips,b\n", "line 2: one line 'Hips"),
        ("Hips\n", "line 1: one line 'Hips"),
        ("Hips,\n", "line 1: one line 'Hips"),
        ("Hips,a,b\n", "line 1: one line 'Hips"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(tmp_path, text, reason):
    with pytest.raises(ValueError, match=reason):
        read_table(table(tmp_path, text))
