# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of conditions: what is asked of, how, and which of them go together."""

from __future__ import annotations

WHAT = (
    ("HEAD", "Bone Head", "Where the bone begins: the joint about which it turns"),
    ("TAIL", "Bone Tail", "Where the bone ends: the tip of a finger, the top of the head"),
    ("ROTATION", "Orientation", "How the bone is turned; the object's axes are the bone's axes"),
    ("TRANSFORM", "Head and Orientation", "Where the bone begins and how it is turned"),
    ("DIRECTION", "Direction", "Where the bone points: along the object's Y axis; it may twist freely"),
    ("MASS", "Centre of Mass", "The centre of mass of all bones, each weighing as much as its size suggests"),
    ("BODY", "Hands, Feet, Joints", "Head and end of every effector bone, and the joint above it, each for itself"),
    ("ANGLE", "Joint Angle", "One angle of a joint of the rig"),
)
HOW = (
    ("KNOWN", "Known", "Exactly at the object; with less confidence, about there"),
    ("PRIOR", "Prior", "Probably near the middle of a sphere, its radius the standard deviation; or near an angle"),
    ("HALF_SPACE", "Plane", "On the side of a plane to which its Z axis points, or of the floor; or an angle at least"),
    ("BOX", "Box", "Anywhere within a cube; for an angle, between two values"),
    ("KEEP", "Keep", "Stay as it was when the condition was added, or last updated"),
)
AXES = (("X", "X", "Bend about the bone's X axis"), ("Y", "Y", "Twist about the bone's own axis"),
        ("Z", "Z", "Bend about the bone's Z axis"))  # fmt: skip
SPREAD = 0.2  # radians that an angle is usually off, where nothing else is said
PLACES = ("HEAD", "TAIL", "MASS")
TURNS = ("ROTATION", "TRANSFORM", "DIRECTION")
_HOW = {
    "ROTATION": ("KNOWN", "KEEP"),
    "TRANSFORM": ("KNOWN", "KEEP"),
    "DIRECTION": ("KNOWN", "KEEP"),
    "BODY": ("HALF_SPACE", "BOX"),
    "ANGLE": ("KNOWN", "PRIOR", "HALF_SPACE", "BOX", "KEEP"),
}
_SUFFIX = {"HEAD": "head", "TAIL": "tail", "ROTATION": "orientation", "TRANSFORM": "transform",
           "DIRECTION": "direction", "ANGLE": "angle"}  # fmt: skip


def ways(what: str) -> tuple[str, ...]:
    """How a thing may be asked for: some of the words of HOW."""
    return _HOW.get(what, tuple(word for word, *_ in HOW))


def needs_bone(what: str) -> bool:
    """Whether a condition on this names a bone."""
    return what not in ("MASS", "BODY")


def needs_object(what: str, how: str) -> bool:
    """Whether a condition lies at an object; a half-space without one is the floor."""
    return what != "ANGLE" and how not in ("KEEP", "HALF_SPACE")


def takes_object(what: str, how: str) -> bool:
    """Whether a condition may have an object."""
    return what != "ANGLE" and how != "KEEP"


def label(what: str, bone: str, axis: str = "") -> str:
    """What messages and lists call the thing: "hand.L head", "centre of mass"."""
    if what == "MASS":
        return "centre of mass"
    if what == "BODY":
        return "hands, feet, joints"
    return f"{bone} {_SUFFIX[what]}" + (f" {axis.lower()}" if what == "ANGLE" else "")
