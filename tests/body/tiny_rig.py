# SPDX-License-Identifier: Apache-2.0
"""A small rig: hips that move and turn right round, a trunk, an arm with an elbow, and a stand that stays."""

import numpy as np

from drmm_engine.body.armature import Armature, Basis
from drmm_engine.body.joints import Joint, Joints
from drmm_engine.body.rig import Rig

BONES = (  # name, parent, head, tail; metres, Z up
    ("stand", -1, (0.0, 0.0, 0.0), (0.0, 0.5, 0.0)),
    ("hips", 0, (0.1, 0.2, 1.0), (0.1, 0.2, 1.2)),
    ("chest", 1, (0.1, 0.2, 1.2), (0.1, 0.2, 1.5)),
    ("arm", 2, (0.2, 0.2, 1.5), (0.5, 0.2, 1.5)),
    ("forearm", 3, (0.5, 0.2, 1.5), (0.8, 0.2, 1.5)),
)
LIMITS = {  # kind, low, high, move_low, move_high
    "hips": ("swing", (-0.6, -3.14, -0.4), (0.6, 3.14, 0.4), (-0.5, -0.3, -0.5), (0.5, 0.3, 0.5)),
    "chest": ("swing", (-0.4, -0.5, -0.4), (0.4, 0.5, 0.4), None, None),
    "arm": ("swing", (-1.2, -0.6, -1.0), (1.2, 0.6, 1.0), None, None),
    "forearm": ("XYZ", (0.0, 0.2, 0.0), (2.4, 0.2, 0.0), None, None),
}
EFFECTORS = (("hips", "head"), ("forearm", "head"), ("forearm", "tail"))


CRANE = (
    ("tower", -1, (0.0, 0.0, 0.0), (0.0, 20.0, 0.0)),
    ("boom", 0, (0.0, 20.0, 0.0), (15.0, 22.0, 0.0)),
    ("slide", 1, (15.0, 22.0, 0.0), (25.0, 23.0, 0.0)),
    ("hook", 2, (25.0, 23.0, 0.0), (25.0, 15.0, 0.0)),
)
CRANE_LIMITS = {
    "tower": ("swing", (0.0, -3.14, 0.0), (0.0, 3.14, 0.0), None, None),
    "boom": ("XYZ", (-0.3, 0.0, -0.9), (0.3, 0.0, 0.9), None, None),
    "slide": ("swing", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, -6.0, 0.0), (0.0, 8.0, 0.0)),
    "hook": ("swing", (-1.5, 0.0, -1.5), (1.5, 0.0, 1.5), None, None),
}


def bone_matrix(head, tail):
    """The bone's Y axis from head to tail, its X axis as near to the armature's as can be (or to its Z axis)."""
    y = np.subtract(tail, head) / np.linalg.norm(np.subtract(tail, head))
    aside = np.eye(3)[0 if abs(y[0]) < 0.9 else 2]
    z = np.cross(aside, y)
    z /= np.linalg.norm(z)
    out = np.eye(4)
    out[:3] = np.stack([np.cross(y, z), y, z, np.asarray(head, float)], axis=1)
    return out


def armature(bones=BONES):
    count = len(bones)
    lengths = np.array([np.linalg.norm(np.subtract(b[3], b[2])) for b in bones])
    return Armature(tuple(b[0] for b in bones), np.array([b[1] for b in bones]),
                    np.stack([bone_matrix(b[2], b[3]) for b in bones]), lengths, np.ones(count, bool),
                    ("FULL",) * count, np.ones(count, bool), np.zeros(count, bool))


def joints(limits=LIMITS, bones=BONES):
    count = len(bones)
    base = Basis(np.zeros((count, 3)), np.tile([1.0, 0.0, 0.0, 0.0], (count, 1)), np.ones((count, 3)))
    return Joints(armature(bones), tuple(Joint(bone, *each) for bone, each in limits.items()), base)


def crane():
    """A tower that turns right round, a boom that is lifted, a bone that slides along it, a hook; Y up."""
    return Rig(joints(CRANE_LIMITS, CRANE), (("boom", "tail"), ("hook", "tail")), (0.0, 1.0, 0.0))


def rig(limits=LIMITS, effectors=EFFECTORS):
    return Rig(joints(limits), effectors)


def still(limits=LIMITS):
    """The rig whose hips neither move nor turn far."""
    kind, low, high, *_ = limits["hips"]
    return rig(limits | {"hips": (kind, (low[0], -0.3, low[2]), (high[0], 0.3, high[2]), None, None)})
