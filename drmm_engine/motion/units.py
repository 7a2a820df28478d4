# SPDX-License-Identifier: Apache-2.0
"""Which axis of a clip is up, and what its unit of length is (files do not say), and clips in other axes and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.clip import Clip
from drmm_engine.motion.mapping import propose

# From hips to head joint and from hip to ankle along the bones, for an adult.
BODY_LENGTH = 1.4
METRES = {"metre": 1.0, "decimetre": 0.1, "centimetre": 0.01, "inch": 0.0254, "0.45 inch (CMU)": 0.0254 / 0.45}
_SAMPLES = 50

Names = Mapping[str, str]


def standing(clip: Clip, up: str | None = None, scale: float | None = None, names: Names | None = None) -> Clip:
    """The clip in metres, Z up; `up` ("Y" or "Z") and `scale` (metres in its unit) are detected where not given.

    `names` (canonical joint -> joint name) tells the joints whose own names do not.
    """
    if (up or detect_up(clip, names)) == "Y":
        clip = z_up_from_y_up(clip)
    return scaled(clip, detect_scale(clip, names) if scale is None else scale)


def detect_up(clip: Clip, names: Names | None = None) -> str:
    """The axis, "Y" or "Z", along which the head is above the feet, averaged over the clip; "Y" if they are unknown."""
    joints = _joints(clip, names)
    high = next((joints[name] for name in ("Head", "Neck", "Chest") if name in joints), None)
    low = [joints[name] for name in ("LeftFoot", "RightFoot", "LeftLowerLeg", "RightLowerLeg") if name in joints]
    if high is None or not low:
        return "Y"
    positions = _sampled_positions(clip)
    height = (positions[:, high] - positions[:, low].mean(axis=1)).mean(axis=0)
    return "Z" if height[2] > height[1] else "Y"


def detect_scale(clip: Clip, names: Names | None = None) -> float:
    """Metres in the clip's unit: the one that makes a humanoid nearest to an adult; centimetres for anything else.

    Lengths are taken along the bones, so that neither the pose nor the rest pose matters.
    """
    joints = _joints(clip, names)
    head = "Head" if "Head" in joints else "Neck"
    for side in ("Left", "Right"):
        chains = ["Hips", head], [f"{side}UpperLeg", f"{side}LowerLeg", f"{side}Foot"]
        if all(name in joints for chain in chains for name in chain):
            positions = _sampled_positions(clip)
            length = sum(_along(clip, positions, joints[chain[0]], joints[chain[-1]]) for chain in chains)
            if length > 0:
                return min(METRES.values(), key=lambda unit: abs(np.log(unit * length / BODY_LENGTH)))
    return METRES["centimetre"]


def z_up_from_y_up(clip: Clip) -> Clip:
    """A Y-up clip with Z up: (x, y, z) becomes (x, -z, y), of joints and of the axes of rotations alike."""
    return _turned(clip, [0, 2, 1], (1.0, -1.0, 1.0))


def y_up_from_z_up(clip: Clip) -> Clip:
    """A Z-up clip with Y up: (x, y, z) becomes (x, z, -y)."""
    return _turned(clip, [0, 2, 1], (1.0, 1.0, -1.0))


def scaled(clip: Clip, factor: float) -> Clip:
    """The clip with all its lengths multiplied by a factor."""
    return replace(
        clip,
        offsets=clip.offsets * factor,
        local_positions=clip.local_positions * factor,
        end_sites={joint: tip * factor for joint, tip in clip.end_sites.items()},
    )


def _turned(clip: Clip, axes: list[int], signs: tuple[float, float, float]) -> Clip:
    def turn(v: Array) -> Array:
        return v[..., axes] * signs

    return replace(
        clip,
        offsets=turn(clip.offsets),
        local_positions=turn(clip.local_positions),
        local_rotations=np.concatenate([clip.local_rotations[..., :1], turn(clip.local_rotations[..., 1:])], axis=-1),
        end_sites={joint: turn(tip) for joint, tip in clip.end_sites.items()},
    )


def _joints(clip: Clip, names: Names | None) -> dict[str, int]:
    """Index of the source joint for each canonical joint that is known: as said, or by name."""
    mapping = names or propose(clip.joint_names, clip.parents)
    return {canonical: clip.joint_names.index(name) for canonical, name in mapping.items() if name in clip.joint_names}


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
