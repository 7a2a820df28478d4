# SPDX-License-Identifier: Apache-2.0
"""When the feet of a motion stand on the floor, from the height and the speed of the toe joints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array
from drmm_engine.motion.skeleton import TOES

# A foot comes to stand below the first height and speed and leaves above the second; between them it keeps doing what
# it did, so that noise at a threshold is no step.
HEIGHTS = (0.025, 0.045)  # metres above where the toe joint stands
SPEEDS = (0.35, 0.70)  # m/s
OFF, MOVING = 0.03, 0.5  # metres and m/s from which a foot does not stand, whatever a model says of it
SHORTEST = 0.1  # s; shorter stands are touches, shorter gaps between stands are noise


def contacts(positions: Array, standing: float, frame_rate: float = 30.0) -> NDArray[np.bool_]:
    """Whether the left and the right foot stand, `[F, 2]`, in a motion `[F, 20, 3]` (metres, Z up).

    standing: height of the toe joints of a standing foot. A foot stands where its toe joint is low and slow.
    """
    toes = np.asarray(positions, float)[:, TOES]
    height = toes[..., 2] - standing
    speed = _speed(toes, frame_rate)
    sure = (height < HEIGHTS[0]) & (speed < SPEEDS[0])
    possible = (height < HEIGHTS[1]) & (speed < SPEEDS[1])
    shortest = int(round(SHORTEST * frame_rate))
    return np.stack([_steady(_hysteresis(sure[:, foot], possible[:, foot]), shortest) for foot in (0, 1)], axis=1)


def borne_out(
    down: NDArray[np.bool_], positions: Array, standing: float, frame_rate: float = 30.0
) -> NDArray[np.bool_]:
    """What is said of the feet, `down` `[n, 2]`, where it may be: of the last n frames of a motion `[F, 20, 3]`, F > n.

    A foot does not stand whose toe joint is off the floor, or moves to the frame or from it.
    """
    toes = np.asarray(positions, float)[-len(down) - 1 :, TOES]
    steps = np.linalg.norm(np.diff(toes[..., :2], axis=0), axis=-1) * frame_rate
    speed = np.maximum(steps, np.concatenate([steps[1:], steps[-1:]]))
    return down & (toes[1:, :, 2] - standing < OFF) & (speed < MOVING)


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches (first, end) of true flags `[F]`, end excluded."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _speed(toes: Array, frame_rate: float) -> Array:
    """Horizontal speeds [F, 2] over the steps before and after a frame: the slower one, so a stand keeps its ends."""
    steps = np.linalg.norm(np.diff(toes[..., :2], axis=0), axis=-1) * frame_rate
    if not len(steps):
        return np.zeros(toes.shape[:2])
    return np.minimum(np.concatenate([steps[:1], steps]), np.concatenate([steps, steps[-1:]]))


def _hysteresis(sure: NDArray[np.bool_], possible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Stretches of possible frames in which one is sure."""
    out = np.zeros(len(sure), bool)
    for first, end in runs(possible):
        out[first:end] = sure[first:end].any()
    return out


def _steady(flags: NDArray[np.bool_], shortest: int) -> NDArray[np.bool_]:
    """Without gaps, and then without stretches, shorter than some frames; those at the ends of the motion stay."""
    out = flags.copy()
    for value in (False, True):
        for first, end in runs(out == value):
            if end - first < shortest and first > 0 and end < len(out):
                out[first:end] = not value
    return out
