# SPDX-License-Identifier: Apache-2.0
"""What common rigs call the joints of the canonical skeleton: a table, to be extended by a line.

A star stands for the side words of the family. Of several names for one joint the first that exists counts.
Case, blanks, dots and underscores do not matter, nor where the side word stands (`LeftArm`, `arm.L`, `L_Arm`).
The same word means different joints in different families (`LeftShoulder` is a clavicle to Mixamo and an upper arm
to Xsens), which is why a rig is read by one line only.
"""

from __future__ import annotations

COLUMNS = (
    *("Hips", "Chest", "Neck", "Head"),
    *("*Shoulder", "*UpperArm", "*LowerArm", "*Hand"),
    *("*UpperLeg", "*LowerLeg", "*Foot", "*Toes"),
)

# family: (left and right word, then one entry for each of COLUMNS)
RIGS: dict[str, tuple[str, ...]] = {
    "canonical, Bandai-Namco, Unity humanoid": (
        *("Left Right", "Hips", "UpperChest Chest", "Neck", "Head"),
        *("*Shoulder", "*UpperArm", "*LowerArm", "*Hand"),
        *("*UpperLeg", "*LowerLeg", "*Foot", "*Toes *Toe"),
    ),
    "Mixamo, LAFAN1, MotionBuilder, CMU for MotionBuilder": (
        *("Left Right", "Hips", "Spine4 Spine3 Spine2 Spine1 Spine", "Neck", "Head"),
        *("*Shoulder", "*Arm", "*ForeArm", "*Hand"),
        *("*UpLeg", "*Leg", "*Foot", "*ToeBase *Toe *ForeFoot"),
    ),
    "Rokoko": (
        *("Left Right", "Hips", "Spine4 Spine3 Spine2 Spine1 Spine", "Neck", "Head"),
        *("*Shoulder", "*Arm", "*ForeArm", "*Hand"),
        *("*Thigh", "*Shin", "*Foot", "*Toe"),
    ),
    "Xsens in BVH, 100STYLE": (
        *("Left Right", "Hips", "Chest4 Chest3 Chest2 Chest", "Neck", "Head"),
        *("*Collar", "*Shoulder", "*Elbow", "*Wrist"),
        *("*Hip", "*Knee", "*Ankle", "*Toe"),
    ),
    "Xsens segments": (
        *("Left Right", "Pelvis", "T8", "Neck", "Head"),
        *("*Shoulder", "*UpperArm", "*ForeArm", "*Hand"),
        *("*UpperLeg", "*LowerLeg", "*Foot", "*Toe"),
    ),
    "Rigify metarig and DEF- bones": (
        *("L R", "spine", "spine.003", "spine.004", "spine.006"),
        *("shoulder.*", "upper_arm.*", "forearm.*", "hand.*"),
        *("thigh.*", "shin.*", "foot.*", "toe.*"),
    ),
    "plain names as Blender spells them": (
        *("L R", "hips", "chest", "neck", "head"),
        *("shoulder.*", "upper_arm.*", "forearm.*", "hand.*"),
        *("thigh.*", "shin.*", "foot.*", "toe.*"),
    ),
    "Unreal mannequin": (
        *("l r", "pelvis", "spine_05 spine_04 spine_03", "neck_01", "head"),
        *("clavicle_*", "upperarm_*", "lowerarm_*", "hand_*"),
        *("thigh_*", "calf_*", "foot_*", "ball_*"),
    ),
    "CMU from ASF": (
        *("l r", "root", "thorax", "lowerneck", "head"),
        *("*clavicle", "*humerus", "*radius", "*wrist"),
        *("*femur", "*tibia", "*foot", "*toes"),
    ),
    "Daz, Poser, CMU in Daz's hip set": (
        *("l r", "hip", "chest", "neck", "head"),
        *("*Collar", "*Shldr", "*ForeArm", "*Hand"),
        *("*Thigh", "*Shin", "*Foot", "*Toe"),
    ),
    "Biovision": (
        *("Left Right", "Hips", "Chest", "Neck", "Head"),
        *("*Collar", "*UpArm", "*LowArm", "*Hand"),
        *("*UpLeg", "*LowLeg", "*Foot", "*Toe"),
    ),
    "MakeHuman": (
        *("L R", "Root", "Spine3 Spine2 Spine1", "Neck", "Head"),
        *("Clavicle_*", "UpArm_*", "LoArm_*", "Hand_*"),
        *("UpLeg_*", "LoLeg_*", "Foot_*", "Toe_*"),
    ),
    "GAMES105": (
        *("l r", "RootJoint", "lowerback_torso", "torso_head", ""),
        *("*Torso_Clavicle", "*Shoulder", "*Elbow", "*Wrist"),
        *("*Hip", "*Knee", "*Ankle", "*ToeJoint"),
    ),
    "CAR": (
        *("Left Right", "Hips", "Spine", "Neck", "Head"),
        *("", "*Arm", "*ForeArm", "*Hand"),
        *("*UpLeg", "*Leg", "*Toe", "*ToeEnd"),
    ),
    "DeepMimic": (
        *("left right", "root", "chest", "neck", ""),
        *("", "*_shoulder", "*_elbow", "*_wrist"),
        *("*_hip", "*_knee", "*_ankle", ""),
    ),
}
