# SPDX-License-Identifier: Apache-2.0
"""Which axis of a clip is up, and what its unit of length is: files do not say."""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.clip import Clip
from drmm_engine.motion.mapping import propose

# From hips to head joint and from hip to ankle along the bones, for an adult.
BODY_LENGTH = 1.4
METRES = {"metre": 1.0, "decimetre": 0.1, "centimetre": 0.01, "inch": 0.0254, "0.45 inch (CMU)": 0.0254 / 0.45}
_SAMPLES = 50


def detect_up(clip: Clip) -> str:
    """The axis, "Y" or "Z", along which the head is above the feet, averaged over the clip; "Y" if they are unknown."""
    joints = _joints(clip)
    high = next((joints[name] for name in ("Head", "Neck", "Chest") if name in joints), None)
    low = [joints[name] for name in ("LeftFoot", "RightFoot", "LeftLowerLeg", "RightLowerLeg") if name in joints]
    if high is None or not low:
        return "Y"
    positions = _sampled_positions(clip)
    height = (positions[:, high] - positions[:, low].mean(axis=1)).mean(axis=0)
    return "Z" if height[2] > height[1] else "Y"


def detect_scale(clip: Clip) -> float:
    """Metres in the clip's unit: the one that makes a humanoid nearest to an adult; centimetres for anything else.

    Lengths are taken along the bones, so that neither the pose nor the rest pose matters.
    """
    joints = _joints(clip)
    head = next((name for name in ("Head", "Neck") if name in joints), None)
    for side in ("Left", "Right"):
        chains = ["Hips", head], [f"{side}UpperLeg", f"{side}LowerLeg", f"{side}Foot"]
        if all(name in joints for chain in chains for name in chain):
            positions = _sampled_positions(clip)
            length = sum(_along(clip, positions, joints[a], joints[b]) for a, *_, b in chains)
            if length > 0:
                return min(METRES.values(), key=lambda unit: abs(np.log(unit * length / BODY_LENGTH)))
    return METRES["centimetre"]


def _joints(clip: Clip) -> dict[str, int]:
    """Index of the source joint for each canonical joint that is known by name."""
    mapping = propose(clip.joint_names, clip.parents)
    return {canonical: clip.joint_names.index(name) for canonical, name in mapping.items()}


def _sampled_positions(clip: Clip) -> Array:
    return clip.sliced(slice(None, None, max(1, clip.frames // _SAMPLES))).positions()


def _along(clip: Clip, positions: Array, start: int, end: int) -> float:
    """Median length of the path of bones from a joint up to a descendant of it, or straight where it is none."""
    path = [end]
    while path[-1] != start and clip.parents[path[-1]] >= 0:
        path.append(int(clip.parents[path[-1]]))
    if path[-1] != start:
        path = [end, start]
    bones = np.linalg.norm(np.diff(positions[:, path], axis=1), axis=-1)
    return float(np.median(bones.sum(axis=1)))
