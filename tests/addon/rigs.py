# SPDX-License-Identifier: Apache-2.0
"""Armatures for tests: one body, named, rolled, scaled and turned as rigs of different origins are."""

import bpy
import numpy as np
from mathutils import Matrix

# Joint: parent, place in metres; the body faces -Y, as characters in Blender do. Left limbs only.
TRUNK = {
    "Hips": (None, (0, 0, 0.96)),
    "Spine": ("Hips", (0, 0, 1.08)),
    "Chest": ("Spine", (0, 0.01, 1.22)),
    "Neck": ("Chest", (0, 0.01, 1.48)),
    "Head": ("Neck", (0, -0.01, 1.57)),
}
LIMBS = {
    "Shoulder": ("Chest", (0.03, 0, 1.43)),
    "UpperArm": ("Shoulder", (0.18, 0.01, 1.42)),
    "LowerArm": ("UpperArm", (0.46, 0.01, 1.42)),
    "Hand": ("LowerArm", (0.71, 0, 1.42)),
    "UpperLeg": ("Hips", (0.09, 0, 0.92)),
    "LowerLeg": ("UpperLeg", (0.09, -0.01, 0.50)),
    "Foot": ("LowerLeg", (0.09, 0.02, 0.09)),
    "Toes": ("Foot", (0.09, -0.11, 0.02)),
}
TIPS = {"Head": (0, -0.01, 1.76), "Hand": (0.85, 0, 1.42), "Toes": (0.09, -0.18, 0.02)}
RIGIFY = dict(
    Hips="spine", Spine="spine.001", Chest="spine.003", Neck="spine.004", Head="spine.006", Shoulder="shoulder",
    UpperArm="upper_arm", LowerArm="forearm", Hand="hand", UpperLeg="thigh", LowerLeg="shin", Foot="foot", Toes="toe",
)  # fmt: skip
MIXAMO = dict(
    Hips="Hips", Spine="Spine", Chest="Spine2", Neck="Neck", Head="Head", Shoulder="Shoulder", UpperArm="Arm",
    LowerArm="ForeArm", Hand="Hand", UpperLeg="UpLeg", LowerLeg="Leg", Foot="Foot", Toes="ToeBase",
)  # fmt: skip
UNREAL = dict(
    Hips="pelvis", Spine="spine_01", Chest="spine_05", Neck="neck_01", Head="head", Shoulder="clavicle",
    UpperArm="upperarm", LowerArm="lowerarm", Hand="hand", UpperLeg="thigh", LowerLeg="calf", Foot="foot", Toes="ball",
)  # fmt: skip
EULERS = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "AXIS_ANGLE")


def rigify(name="Rig", **options):
    """Names as in a Rigify metarig, arms lowered to an A-pose, below a bone "root" on the floor."""
    ends = {"L": ".L", "R": ".R", "": ""}
    return build(name, lambda joint, side: RIGIFY[joint] + ends[side], lowered=0.7, root="root", **options)


def mixamo(name="Rig", **options):
    """Names as from Mixamo, a T-pose, every bone rolled by an angle of its own."""
    words = {"L": "Left", "R": "Right", "": ""}
    return build(name, lambda joint, side: f"mixamorig:{words[side]}{MIXAMO[joint]}", rolled=True, **options)


def eulers(name="Rig"):
    """The Rigify-like rig with bones in Euler and axis-angle modes in turn."""
    rig = rigify(name)
    for number, bone in enumerate(rig.pose.bones):
        bone.rotation_mode = EULERS[number % len(EULERS)]
    return rig


def fbx(name="Rig"):
    """The Mixamo rig as its FBX files come in: in centimetres and Y up, in an object of scale 0.01 turned upright."""
    up = Matrix.Rotation(np.pi / 2, 4, "X")
    rig = mixamo(name, inside=Matrix.Scale(100.0, 4) @ up.inverted())
    rig.matrix_world = up @ Matrix.Scale(0.01, 4)
    bpy.context.view_layer.update()
    return rig


def unreal(name="Rig"):
    """Names as of Unreal's mannequin, in centimetres; bones do not lie along the limbs, which their own Z axes do."""
    ends = {"L": "_l", "R": "_r", "": ""}
    rig = build(name, lambda joint, side: UNREAL[joint] + ends[side], lowered=0.75, root="root",
                inside=Matrix.Scale(100.0, 4))  # fmt: skip
    bpy.ops.object.mode_set(mode="EDIT")
    for number, edit in enumerate(rig.data.edit_bones):
        limb = (edit.tail - edit.head).normalized()
        edit.tail = edit.head + 8.0 * (Matrix.Rotation(0.9 * number, 3, limb) @ limb.orthogonal())
        edit.align_roll(limb)
    bpy.ops.object.mode_set(mode="OBJECT")
    rig.matrix_world = Matrix.Scale(0.01, 4)
    bpy.context.view_layer.update()
    return rig


def child(name="Rig"):
    """A child: short legs, wide hips, short arms, a large trunk; 1.1 m tall."""
    return sized(rigify(name, arms=0.85), size=0.62, legs=0.8, trunk=1.15, hips=1.35)


def giant(name="Rig"):
    """A giant with long arms, 7 m tall."""
    return sized(rigify(name, arms=1.2), size=4.0, legs=1.1, trunk=0.95, hips=1.0)


def sized(rig, size, legs, trunk, hips):
    """The rig with other proportions: the heights of legs and trunk, and the width up to the hips."""
    waist = LIMBS["UpperLeg"][1][2]
    bpy.ops.object.mode_set(mode="EDIT")
    for edit in rig.data.edit_bones:
        for end in ("head", "tail"):
            x, y, z = getattr(edit, end)
            width, height = (hips, legs * z) if z <= waist + 0.01 else (1.0, legs * waist + trunk * (z - waist))
            setattr(edit, end, (size * width * x, size * y, size * height))
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.update()
    return rig


KINDS = {"rigify": rigify, "mixamo": mixamo, "eulers": eulers, "fbx": fbx}


def build(name, naming, lowered=0.0, arms=1.0, rolled=False, root=None, inside=None):
    """Make the armature object in the scene; `arms` lengthens its arms, `inside` turns and scales its bones within."""
    rig = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    edit_bones = rig.data.edit_bones
    if root:
        bone = edit_bones.new(root)
        bone.head, bone.tail = (0, 0, 0), (0, 0.3, 0)
    for bone, (parent, head, tail) in joints(naming, lowered, arms).items():
        edit = edit_bones.new(bone)
        edit.head, edit.tail = head, tail
        parent = parent or root
        edit.parent = edit_bones[parent] if parent else None
    for number, edit in enumerate(edit_bones):
        edit.roll = 0.37 * number if rolled else 0.0
        if inside:
            edit.transform(inside)
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.update()
    return rig


def joints(naming, lowered, arms):
    """Bone: parent, head and tail, parents first."""
    places = {("", joint): (parent, np.array(place)) for joint, (parent, place) in TRUNK.items()}
    for side, sign in (("L", 1), ("R", -1)):
        for joint, (parent, place) in LIMBS.items():
            places[side, joint] = (parent, lower(joint, np.array(place), lowered, arms) * (sign, 1, 1))
    result = {}
    for (side, joint), (parent, head) in places.items():
        children = [p for (s, j), (above, p) in places.items() if above == joint and s in ("", side)]
        tip = lower(joint, np.array(TIPS.get(joint, head)), lowered, arms) * (-1 if side == "R" else 1, 1, 1)
        tail = children[0] if children else tip
        above = parent and naming(parent, side if parent in LIMBS else "")
        result[naming(joint, side)] = (above, head, tail)
    return result


def lower(joint, place, angle, longer):
    """A place on the arm after it was lowered and made longer from the upper arm's joint."""
    if joint not in ("LowerArm", "Hand"):
        return place
    centre = np.array(LIMBS["UpperArm"][1])
    x, y, z = longer * (place - centre)
    return centre + (x * np.cos(angle) + z * np.sin(angle), y, z * np.cos(angle) - x * np.sin(angle))
