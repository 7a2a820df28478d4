# SPDX-License-Identifier: Apache-2.0
"""What a ceiling still asks of the poses that the model gave: knees bend and the trunk leans till the head is below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.bones import bone_lengths, with_lengths
from drmm_engine.motion.features import placement, to_local, to_world
from drmm_engine.motion.room import Keep, ceilings
from drmm_engine.motion.skeleton import index

SKULL = 0.0  # metres of head above the joint at the base of the skull that a ceiling is for, too
_MARGIN = 0.015  # metres
_AHEAD = 0.9  # metres before a ceiling in which one bends
_LEANING = 0.35  # metres that the head comes ahead in a lean
_KNEES = 0.55  # share of the way down that the knees take
_LOWEST = 0.62  # of their height at rest that hips go down to
_LEAN = np.radians(75)  # the most that the trunk leans
_QUICK = 0.06  # metres more or less a frame that one bends at most

_HEAD = index("Head")
_TRUNK = [index(name) for name in ("Chest", "Neck", "Head")] + [
    index(side + part) for side in ("Left", "Right") for part in ("Shoulder", "UpperArm")
]
_ARMS = [[index(side + part) for part in ("UpperArm", "LowerArm", "Hand")] for side in ("Left", "Right")]
_MIDDLES = [index("LeftLowerLeg"), index("RightLowerLeg")]
_LEG_ROOTS = [index("LeftUpperLeg"), index("RightUpperLeg")]


class Ducker:
    """Bends a character under ceilings, frame by frame; remembers how far it is bent."""

    def __init__(self, rest: Array, keep: Sequence[Keep]) -> None:
        self.lengths, self.height = bone_lengths(rest), float(rest[0, 2])
        self.ceilings = ceilings(keep)
        self.bent = 0.0

    def shown(self, frames: Array) -> Array:
        """Frames `[F, 20, 3]` with heads below the ceilings that they are under, or near."""
        if not self.ceilings:
            return frames
        drops = np.array([self._drop(frame) for frame in frames])
        return bent(frames, drops, self.lengths, _LOWEST * self.height) if drops.any() else frames

    def _drop(self, frame: Array) -> float:
        """Metres that the head goes down in a frame `[20, 3]`: at most so much more or less than before, but enough."""
        wanted, least = 0.0, 0.0
        for each in self.ceilings:
            over = each.height - _MARGIN - SKULL
            needed = max(0.0, float(frame[_HEAD, 2]) - over)
            distance = max(0.0, float(each.distance(frame[_HEAD])) - _LEANING)
            wanted = max(wanted, needed * float(np.clip(1 - distance / _AHEAD, 0, 1)))
            least = max(least, needed if distance == 0 else 0.0)
        self.bent = max(float(np.clip(wanted, self.bent - _QUICK, self.bent + _QUICK)), least)
        return self.bent


def bent(frames: Array, drops: Array, lengths: Array, lowest: float) -> Array:
    """Frames `[F, 20, 3]` whose heads are lower by `drops` `[F]` metres, as far as it goes, on feet that stay.

    The hips go down by a share, but no further than `lowest`, and back a little; the trunk leans about them, so that
    the head, at forward f and up u of the hips, comes to height u' = f sin(-a) + u cos(a).
    """
    origin, heading = placement(frames)
    local = to_local(frames[:, None], origin, heading)[:, 0]
    down = np.minimum(_KNEES * drops, np.maximum(local[:, 0, 2] - lowest, 0.0))
    arm = local[:, _HEAD] - local[:, 0]
    radius = np.hypot(arm[:, 0], arm[:, 2])
    height = np.clip((arm[:, 2] - (drops - down)) / radius, -1.0, 1.0)
    lean = np.clip(np.arctan2(arm[:, 2], arm[:, 0]) - np.arcsin(height), 0.0, _LEAN)
    moved = _leaned(local, lean)
    rest = local[:, _HEAD, 2] - drops - (moved[:, _HEAD, 2] - down)
    down = down - np.minimum(rest, 0.0)
    moved[:, [0, *_LEG_ROOTS, *_TRUNK, *_ARMS[0][1:], *_ARMS[1][1:]]] += np.stack(
        [-0.25 * np.sin(lean) * radius * 0.5, 0 * lean, -down], axis=-1)[:, None]
    moved[:, _MIDDLES, 0] += 2.0 * down[:, None]  # knees of one who goes down come forward, of a leg behind as well
    return to_world(with_lengths(moved, lengths)[:, None], origin, heading)[:, 0]


def _leaned(local: Array, lean: Array) -> Array:
    """Trunks leaned forward about the hips, arms hanging, and the head looking ahead."""
    out = np.array(local)
    out[:, _TRUNK] = local[:, :1] + _pitched(local[:, _TRUNK] - local[:, :1], lean)
    for top, *rest in _ARMS:
        out[:, rest] = out[:, top, None] + _pitched(local[:, rest] - local[:, top, None], 0.35 * lean)
    return out


def _pitched(vectors: Array, angle: Array) -> Array:
    """Local vectors `[F, n, 3]` turned forward (from up to ahead) by `angle` `[F]`."""
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.stack([c * x + s * z, y, c * z - s * x], axis=-1)
