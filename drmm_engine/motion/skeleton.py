# SPDX-License-Identifier: Apache-2.0
"""The canonical skeleton: the 20 joints in which every motion is learned, and how a clip is brought to them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drmm_engine.body.rotations import Array, normalize, rotate
from drmm_engine.motion.clip import Clip

_TREE = {
    "Hips": None,
    "Chest": "Hips",
    "Neck": "Chest",
    "Head": "Neck",
    "LeftShoulder": "Chest",
    "LeftUpperArm": "LeftShoulder",
    "LeftLowerArm": "LeftUpperArm",
    "LeftHand": "LeftLowerArm",
    "RightShoulder": "Chest",
    "RightUpperArm": "RightShoulder",
    "RightLowerArm": "RightUpperArm",
    "RightHand": "RightLowerArm",
    "LeftUpperLeg": "Hips",
    "LeftLowerLeg": "LeftUpperLeg",
    "LeftFoot": "LeftLowerLeg",
    "LeftToes": "LeftFoot",
    "RightUpperLeg": "Hips",
    "RightLowerLeg": "RightUpperLeg",
    "RightFoot": "RightLowerLeg",
    "RightToes": "RightFoot",
}
JOINTS: tuple[str, ...] = tuple(_TREE)
PARENTS = np.array([-1 if parent is None else JOINTS.index(parent) for parent in _TREE.values()])


def _mirrored(joint: str) -> str:
    return joint.replace("Left", "?").replace("Right", "Left").replace("?", "Right")


MIRROR = np.array([JOINTS.index(_mirrored(joint)) for joint in JOINTS])
TOES = [JOINTS.index("LeftToes"), JOINTS.index("RightToes")]

_UP = (0.0, 0.0, 1.0)
# Where the inner end of a clavicle lies on the way from the chest joint to the upper arm, and the base of the skull
# on the way from the neck to the top of the head: medians over sixteen rigs that have these joints, rounded.
_CLAVICLE, _SKULL = 0.5, 0.5


def index(joint: str) -> int:
    """Place of a canonical joint in arrays `[..., 20, 3]`."""
    return JOINTS.index(joint)


def mirrored(positions: Array) -> Array:
    """Positions `[..., 20, 3]` with left and right exchanged, mirrored in the plane y = 0."""
    return np.asarray(positions, float)[..., MIRROR, :] * (1.0, -1.0, 1.0)


def facing(positions: Array) -> Array:
    """Unit horizontal direction `[..., 3]` that bodies `[..., 20, 3]` face: (left - right upper arm) x up.

    Where the arms lie above one another, the upper legs take their place; (1, 0, 0) where those do, too.
    """
    positions = np.asarray(positions, float)
    across = {part: positions[..., index(f"Left{part}"), :] - positions[..., index(f"Right{part}"), :]
              for part in ("UpperArm", "UpperLeg")}  # fmt: skip
    arms, legs = (vector * (1.0, 1.0, 0.0) for vector in across.values())
    degenerate = np.linalg.norm(arms, axis=-1, keepdims=True) < 0.1 * np.linalg.norm(
        across["UpperArm"], axis=-1, keepdims=True
    )
    forward = np.cross(np.where(degenerate, legs, arms), _UP)
    return np.where(np.linalg.norm(forward, axis=-1, keepdims=True) > 0, normalize(forward), (1.0, 0.0, 0.0))


def canonical_positions(clip: Clip, mapping: dict[str, str]) -> Array:
    """World positions `[F, 20, 3]` of the canonical joints of a clip, metres, Z up.

    `mapping` gives canonical joint -> joint name. What a rig lacks is derived where that is sound: toes and hands from
    the end sites of feet and lower arms, the head on the line from the neck to its end site, shoulders (clavicles)
    on the line from the chest to the upper arm. ValueError names the joints that are left over.
    """
    positions, rotations = clip.world()
    unknown = [f"{joint} = {name}" for joint, name in mapping.items() if name not in clip.joint_names]
    if unknown:
        raise ValueError(f"{clip.name}: the mapping names joints that it does not have: {', '.join(unknown)}")
    sources = {joint: clip.joint_names.index(name) for joint, name in mapping.items() if name}
    found = {joint: positions[:, source] for joint, source in sources.items()}

    def tip(joint: str) -> Array | None:
        source = sources.get(joint)
        offset = clip.end_sites.get(source) if source is not None else None
        return None if offset is None else positions[:, source] + rotate(rotations[:, source], offset)

    _derive(found, tip)
    left_over = [joint for joint in JOINTS if joint not in found]
    if left_over:
        raise ValueError(f"{clip.name}: no joint for {', '.join(left_over)}: map it with a table")
    return np.stack([found[joint] for joint in JOINTS], axis=1)


def _derive(found: dict[str, Array], tip: Callable[[str], Array | None]) -> None:
    """Adds what can be derived to the positions found; `tip` gives the end site of a joint or None."""
    top = tip("Neck")
    if "Head" not in found and top is not None:
        found["Head"] = found["Neck"] + _SKULL * (top - found["Neck"])
    for side in ("Left", "Right"):
        for joint, before in (("Toes", "Foot"), ("Hand", "LowerArm")):
            end = tip(side + before)
            if side + joint not in found and end is not None:
                found[side + joint] = end
        if side + "Shoulder" not in found and {"Chest", side + "UpperArm"} <= set(found):
            arm = found[side + "UpperArm"]
            found[side + "Shoulder"] = found["Chest"] + _CLAVICLE * (arm - found["Chest"])
