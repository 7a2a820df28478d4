# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones of an armature poses should drive, which of them carries the body, and which ends are reached for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set

import numpy as np

from drmm_engine.body import rotations
from drmm_engine.body.armature import Armature
from drmm_engine.motion import mapping as names
from drmm_engine.motion.skeleton import JOINTS

# Canonical joints that the names must tell, before a rig counts as a humanoid.
FEET = ("LeftFoot", "RightFoot")
BODY_OF = ("Hips", "Head", *FEET) + tuple(
    side + part for side in ("Left", "Right") for part in ("UpperArm", "LowerArm", "UpperLeg", "LowerLeg")
)
UPRIGHT = 0.7  # cosine of the angle between trunk and legs, at least
MOST = 40  # bones driven in a rig whose names tell nothing: the longest
SMALL = 0.02  # of the longest side of the rig: shorter bones are details
HELPER = re.compile(
    r"twist|roll|helper|pole|target|ctrl|control|socket|weapon|prop|eye|brow|lid|lip|cheek|nose|jaw|teeth|tongue|"
    r"finger|thumb|index|middle|ring|pinky|little|breast|hair|cloth|skirt|_ik|\bik|^mch|^vis|tweak|_end$|\bend$|"
    r"(^|[^a-z])ear([^a-z]|$)|face|forehead|temple|chin|beak|feather|palm|belly|(pelvis|skull)[._][lrc]$"
)
BODY = re.compile(r"hip|pelvis|torso|\bcog\b|body|root")
# Ends that are reached for in a humanoid: joint without side, and the end of its bone.
REACHED = (
    ("Hips", "head"), ("Head", "tail"), ("LowerArm", "head"), ("Hand", "head"),
    ("LowerLeg", "head"), ("Foot", "head"), ("Foot", "tail"),
)  # fmt: skip
# What posing drives in a rig that Rigify generated.
CONTROLS = {"Hips": "torso", "Neck": "neck", "Head": "head"} | {
    f"{word}{part}": f"{name}.{side}"
    for word, side in (("Left", "L"), ("Right", "R"))
    for part, name in (
        ("Shoulder", "shoulder"), ("UpperArm", "upper_arm_fk"), ("LowerArm", "forearm_fk"), ("Hand", "hand_fk"),
        ("UpperLeg", "thigh_fk"), ("LowerLeg", "shin_fk"), ("Foot", "foot_fk"), ("Toes", "toe_fk"),
    )
}  # fmt: skip
SPINE = re.compile(r"spine_fk(\.\d+)?")


def joints(armature: Armature, free: Set[str]) -> dict[str, str]:
    """Canonical joint -> bone, for a humanoid whose names tell it; empty for any other rig."""
    found = controls(free)
    if found:
        return found
    kept = [i for i, name in enumerate(armature.names) if name in free]
    place = {bone: row for row, bone in enumerate(kept)}
    parents = []
    for bone in kept:
        parent = int(armature.parents[bone])
        while parent >= 0 and parent not in place:
            parent = int(armature.parents[parent])
        parents.append(place.get(parent, -1))
    found = names.propose([armature.names[i] for i in kept], parents)
    return found if set(BODY_OF) <= set(found) and _stands(armature, found) else {}


def _stands(armature: Armature, mapping: Mapping[str, str]) -> bool:
    """Whether trunk and legs are in line at rest: an animal's joints may be named alike."""
    hips, head, *feet = (
        armature.rest[armature.names.index(mapping[joint]), :3, 3] for joint in ("Hips", "Head", *FEET)
    )
    trunk, legs = rotations.normalize([head - hips, hips - np.mean(feet, axis=0)])
    return bool(trunk @ legs > UPRIGHT)


def driven(armature: Armature, free: Set[str], wanted: Set[str], mapping: Mapping[str, str]) -> list[str]:
    """The bones to drive, parents first: a humanoid's joints with all between them, else the longer bones.

    `free` are the bones that nothing else drives, `wanted` those of them that move the character.
    """
    if mapping:
        between = {bone for name in mapping.values() for bone in up_to(armature, name, mapping["Hips"])}
        chosen = set(mapping.values()) | {name for name in between if not HELPER.search(name.lower())}
        if mapping["Hips"] == CONTROLS["Hips"]:
            chosen |= {name for name in free if SPINE.fullmatch(name)}
        return [name for name in armature.names if name in chosen and name in free]
    heads = armature.rest[:, :3, 3]
    tails = heads + armature.lengths[:, None] * armature.rest[:, :3, 1]
    size = float(np.ptp(np.concatenate([heads, tails]), axis=0).max())
    length = dict(zip(armature.names, armature.lengths, strict=True))
    fit = [name for name in armature.names
           if name in wanted and length[name] >= SMALL * size and not HELPER.search(name.lower())]
    least = sorted((length[name] for name in fit), reverse=True)[:MOST][-1:]  # left and right are alike long
    return [name for name in fit if length[name] >= 0.999 * least[0]]


def carrier(armature: Armature, chosen: Sequence[str], mapping: Mapping[str, str]) -> str | None:
    """The driven bone that moves with the body: a humanoid's hips, else a topmost bone that branches or is named so."""
    if mapping:
        return mapping["Hips"]
    below = {name: 0 for name in chosen}
    tops = []
    for name in chosen:
        above = _driven_parent(armature, name, below)
        if above is None:
            tops.append(name)
        else:
            below[above] += 1
    bodies = [name for name in tops if below[name] > 1 or (below[name] and BODY.search(name.lower()))]
    return max(bodies, key=lambda name: below[name], default=None)


def effectors(armature: Armature, chosen: Sequence[str], mapping: Mapping[str, str]) -> list[tuple[str, str]]:
    """(bone, "head" or "tail") to learn the places of: a humanoid's hands, feet, ...; else the last bones' tails."""
    if mapping:
        parts = {joint: joint.removeprefix("Left").removeprefix("Right") for joint in JOINTS}
        return [(mapping[joint], end) for part, end in REACHED for joint in JOINTS
                if parts[joint] == part and mapping.get(joint) in chosen]
    above = {_driven_parent(armature, name, set(chosen)) for name in chosen}
    ends = [(name, "tail") for name in chosen if name not in above]
    body = carrier(armature, chosen, mapping)
    return ([(body, "head")] if body else []) + ends


def controls(free: Set[str]) -> dict[str, str]:
    """The joints of a rig that Rigify generated; empty for any other."""
    found = {joint: name for joint, name in CONTROLS.items() if name in free}
    spine = sorted(name for name in free if SPINE.fullmatch(name))
    if len(found) < len(CONTROLS) // 2 or "Hips" not in found or not spine:
        return {}
    return {joint: {**found, "Chest": spine[-1]}[joint] for joint in JOINTS if joint in found or joint == "Chest"}


def _driven_parent(armature: Armature, name: str, chosen: Set[str] | Mapping[str, int]) -> str | None:
    """The nearest bone above that is driven."""
    parent = int(armature.parents[armature.names.index(name)])
    while parent >= 0 and armature.names[parent] not in chosen:
        parent = int(armature.parents[parent])
    return armature.names[parent] if parent >= 0 else None


def up_to(armature: Armature, name: str, top: str) -> list[str]:
    """A bone and those above it up to `top`; the bone alone where it is not below that."""
    path = [name]
    while path[-1] != top:
        parent = int(armature.parents[armature.names.index(path[-1])])
        if parent < 0:
            return [name]
        path.append(armature.names[parent])
    return path
