# SPDX-License-Identifier: Apache-2.0
"""How likely a locomotion model holds a motion that is there already, frame by frame."""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.model import Model
from drmm_engine.motion.draws import Sampler
from drmm_engine.motion.features import HISTORY, NEXT, encode_history, placement, to_local

DRAWS = 64  # for each estimate of a density, by importance (paper Eq. 10)


def plausibility(model: Model, positions: Array, seed: int = 0) -> Array:
    """`Block.plausibility` of every frame `[F]` of positions `[F, 20, 3]` (metres, 30 frames/s), nats.

    Of five frames at a time it is the log density of the ten before them, less what is usual of the model; nan for the
    first ten, before which nothing is known.
    """
    positions = np.asarray(positions, float)
    starts = np.arange(HISTORY, len(positions), NEXT)
    result = np.full(len(positions), np.nan)
    if len(starts):
        local = np.stack([_local(positions[start - HISTORY : start]) for start in starts])
        sampler = Sampler(model)
        values = sampler.familiar(encode_history(local), [None] * len(local), DRAWS, np.random.default_rng(seed))
        result[HISTORY:] = np.repeat(values, NEXT)[: len(positions) - HISTORY]
    return result


def _local(history: Array) -> Array:
    return to_local(history, *placement(history[-1]))
