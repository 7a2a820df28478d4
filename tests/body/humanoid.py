# SPDX-License-Identifier: Apache-2.0
"""A person of 21 driven bones in plain arrays, with limits like a human's; metres, Z up, facing -Y."""

import numpy as np

from drmm_engine.body import rotations
from drmm_engine.body.armature import Armature, Basis
from drmm_engine.body.joints import Joint, Joints
from drmm_engine.body.solver import At, Beyond, Point

# Bone: parent, head, tail; of the limbs the left ones. Limits of swing x, twist y, swing z in degrees.
TRUNK = {
    "hips": (None, (0, 0, 0.96), (0, 0, 1.06), (-60, 60), (-180, 180), (-40, 40)),
    "spine": ("hips", (0, 0, 1.06), (0, 0, 1.22), (-20, 40), (-20, 20), (-20, 20)),
    "chest": ("spine", (0, 0, 1.22), (0, 0, 1.45), (-20, 30), (-25, 25), (-20, 20)),
    "neck": ("chest", (0, 0, 1.48), (0, 0, 1.57), (-30, 30), (-40, 40), (-25, 25)),
    "head": ("neck", (0, 0, 1.57), (0, 0, 1.76), (-30, 30), (-40, 40), (-20, 20)),
}
LIMBS = {
    "shoulder": ("chest", (0.03, 0, 1.43), (0.17, 0, 1.43), (-15, 15), (0, 0), (-15, 30)),
    "upper_arm": ("shoulder", (0.17, 0, 1.43), (0.45, 0, 1.43), (-90, 60), (-70, 70), (-85, 85)),
    "forearm": ("upper_arm", (0.45, 0, 1.43), (0.70, 0, 1.43), (-145, 0), (-80, 80), (0, 0)),
    "hand": ("forearm", (0.70, 0, 1.43), (0.88, 0, 1.43), (-20, 20), (0, 0), (-70, 70)),
    "thigh": ("hips", (0.09, 0, 0.92), (0.09, 0, 0.50), (-120, 30), (-40, 40), (-40, 40)),
    "shin": ("thigh", (0.09, 0, 0.50), (0.09, 0, 0.09), (0, 150), (0, 0), (0, 0)),
    "foot": ("shin", (0.09, 0, 0.09), (0.09, -0.13, 0.02), (-45, 30), (0, 0), (-20, 20)),
    "toe": ("foot", (0.09, -0.13, 0.02), (0.09, -0.20, 0.02), (-30, 45), (0, 0), (0, 0)),
}
FLOOR = ("hand.L", "hand.R", "foot.L", "foot.R", "toe.L", "toe.R", "shin.L", "shin.R", "head")
GOALS = ("hand.L", "hand.R", "foot.L", "foot.R", "head")


def humanoid():
    """The joints of the person; hips move by a metre each way."""
    bones = _bones()
    names = tuple(bones)
    rest = np.stack([_rest(np.array(head, float), np.array(tail, float)) for _, head, tail, *_ in bones.values()])
    parents = np.array([-1 if above is None else names.index(above) for above, *_ in bones.values()])
    lengths = np.array([np.linalg.norm(np.subtract(tail, head)) for _, head, tail, *_ in bones.values()])
    count = len(names)
    armature = Armature(names, parents, rest, lengths, np.ones(count, bool), ("FULL",) * count, np.ones(count, bool),
                        np.zeros(count, bool))
    base = Basis(np.zeros((count, 3)), np.tile(rotations.IDENTITY, (count, 1)), np.ones((count, 3)))
    joints = []
    for name, (_, _, _, *ranges) in bones.items():
        low, high = np.radians(ranges).T
        moves = (np.full(3, -1.0), np.full(3, 1.0)) if name == "hips" else (None, None)
        joints.append(Joint(name, "swing", low, high, *moves))
    return Joints(armature, tuple(joints), base)


def tail(joints, bone):
    """The tail of a bone."""
    length = joints.armature.lengths[joints.armature.names.index(bone)]
    return Point((bone,), np.array([[0.0, length, 0.0]]), np.ones(1))


def floor(joints):
    """Hands, feet, knees and head are above the floor."""
    return [Beyond(tail(joints, bone), np.array([0.0, 0.0, 1.0]), 0.0, name=f"{bone} floor") for bone in FLOOR]


def near_rest(joints, count, rng, spread=0.25):
    """Poses about rest, within the limits."""
    low, high = joints.low, joints.high
    noise = rng.normal(size=(count, joints.P)) * spread * np.minimum(high - low, 2.0)
    return np.clip(np.clip(0.0, low, high) + noise, low, high)


def query(joints, rng):
    """Three to five goals that a legal pose meets, and the floor; and that pose."""
    ground = floor(joints)
    places = [joints.armature.names.index(bone) for bone in FLOOR]
    while True:
        theta = near_rest(joints, 1, rng, spread=rng.uniform(0.1, 0.5))
        pose = joints.matrices(theta)[0]
        tails = pose[:, :3, 3] + pose[:, :3, 1] * joints.armature.lengths[:, None]
        if tails[places, 2].min() > 0.0:
            break
    chosen = rng.permutation(GOALS)[: rng.integers(3, 6)]
    goals = [At(tail(joints, bone), tails[joints.armature.names.index(bone)], name=bone) for bone in chosen]
    return goals + ground, theta[0]


def _bones():
    bones = dict(TRUNK)
    for side, sign in (("L", 1), ("R", -1)):
        for name, (above, head, end, *ranges) in LIMBS.items():
            above = f"{above}.{side}" if above in LIMBS else above
            head, end = (tuple(np.multiply(place, (sign, 1, 1))) for place in (head, end))
            mirrored = [ranges[0], *[(sign * a, sign * b)[::sign] for a, b in ranges[1:]]]
            bones[f"{name}.{side}"] = (above, head, end, *mirrored)
    return bones


def _rest(head, end):
    """Y along the bone; X to the character's left where the bone allows, so that a knee bends by growing x."""
    matrix = np.eye(4)
    along = (end - head) / np.linalg.norm(end - head)
    side = np.array([1.0, 0.0, 0.0]) if abs(along[0]) < 0.9 else np.array([0.0, 0.0, 1.0])
    z = np.cross(side, along)
    z /= np.linalg.norm(z)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = np.cross(along, z), along, z, head
    return matrix
