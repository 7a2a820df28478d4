# SPDX-License-Identifier: Apache-2.0
"""Short motions as points in which nearness is likeness, for precision and recall of generated motion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.features import FRAME_RATE, WINDOW, placement, to_local, windows
from drmm_engine.motion.skeleton import index

EVERY = 4  # frames of a window that are compared
STRIDE = 2  # frames between the windows of a clip
_SIDES = [index(side + part) for part in ("LowerArm", "Hand", "LowerLeg", "Foot", "Toes") for side in ("Left", "Right")]
JOINTS = [index("Hips"), index("Chest"), index("Head"), *_SIDES]


def described(part: Array) -> Array:
    """Windows `[n, 40, 20, 3]` as rows `[n, 390]`: the places, metres, of hips, chest, head, elbows, hands, knees,
    ankles and toes in every fourth frame, seen from where the body is in the middle.

    The root mean square of a row's difference times √3 is the mean distance between joints.
    """
    local = to_local(part, *placement(part[:, WINDOW // 2]))
    return local[:, ::EVERY][:, :, JOINTS].reshape(len(part), -1)


def sampled(
    clips: Sequence[Array], count: int, rng: np.random.Generator, speeds: tuple[float, float] = (0.0, np.inf)
) -> Array:
    """At most `count` windows `[n, 40, 20, 3]` of clips `[F, 20, 3]`, drawn without replacement, whose hips move at
    between the two speeds, m/s along their path; shorter clips have none."""
    part = np.concatenate([windows(clip, STRIDE) for clip in clips])
    speed = np.linalg.norm(np.diff(part[:, :, 0, :2], axis=1), axis=-1).mean(axis=1) * FRAME_RATE
    part = part[(speed >= speeds[0]) & (speed <= speeds[1])]
    return part[np.sort(rng.permutation(len(part))[:count])]
