# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of direction: when to arrive, where to look, what to keep out of, and what is keyed."""

from __future__ import annotations

ARRIVE = (
    ("PASS", "In Its Own Time", "At the pace at which the model's people walk"),
    ("SPEED", "At Speed", "At a speed on the way there"),
    ("FRAME", "By Frame", "At a frame of the scene, walking faster or slower as it needs"),
)
FACING = (
    ("FREE", "Free", "As people walk: mostly along the way"),
    ("ALONG", "Along the Way", "Along the way, and nowhere else"),
    ("TOWARDS", "Towards the Target", "Looking at the target on the way"),
    ("AWAY", "Away from the Target", "Backing up to the target"),
    ("OBJECT", "Towards an Object", "Looking at another object on the way"),
    ("ROTATION", "Target's Direction", "As a character faces that stands in the target's axes: along its -Y axis"),
)
ROOMS = (
    ("OUT", "Keep Out", "The body stays out of this empty's cube: goes around it, or ducks under it where it hangs",
     "CUBE", 0),
    ("IN", "Keep In", "The whole body stays in the cube of this empty", "MESH_CUBE", 1),
    ("WALL", "Wall", "The body stays on the side of this plane to which its arrow points", "MESH_PLANE", 2),
    ("CEILING", "Head Height", "Nothing of the body rises above the height of this empty", "TRIA_DOWN_BAR", 3),
)  # fmt: skip
ROOTS = (
    ("HIPS", "Hips Bone", "All of the motion in the hips bone; the object and the bones above it stay where they are"),
    ("ROOT", "Root Bone", "The way along the floor and the heading in the topmost bone above the hips"),
    ("OBJECT", "Object", "The way along the floor and the heading in the object itself"),
    ("IN_PLACE", "In Place", "The way along the floor is left out: the character walks on the spot"),
)
KEYS = (
    ("EVERY", "Every Frame", "A key a frame"),
    ("SPARSE", "Few", "No more keys than it takes to keep to the motion within a bound; easier to edit"),
)


def room_name(kind: str) -> str:
    """What the empty of a room is called."""
    return next(row[1] for row in ROOMS if row[0] == kind)
