# SPDX-License-Identifier: Apache-2.0
"""A small locomotion model of the procedural gait, for tests."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from drmm_engine import Model
from drmm_engine.fit import fit
from drmm_engine.motion.features import encode, locomotion_schema
from drmm_engine.motion.rest import rest_pose
from drmm_engine.scaling import to_model_units
from tests.gait import ramp, walk_clip
from training import motion


def gait_clips() -> list[np.ndarray]:
    """Walks straight and turning, and one that starts from standing."""
    turns = [0.0, 0.4, 0.9]
    walks = [walk_clip(8.0, speed=speed, turn_rate=turn, seed=k)
             for k, (speed, turn) in enumerate((s, t) for s in (0.8, 1.2) for t in turns)]
    return [*walks, walk_clip(6.0, speed=ramp((0.0, 0.0), (1.5, 0.0), (3.0, 1.2), (6.0, 1.2)))]


@lru_cache
def gait_model(components: tuple[int, ...] = (64, 64, 64)) -> Model:
    """Fitted greedily, once a run: seconds."""
    clips = gait_clips()
    windows = motion.training_windows(clips, 1, np.random.default_rng(0))
    x = np.concatenate([encode(part) for part in windows])
    schema = locomotion_schema(x)
    model = fit(schema, to_model_units(schema, x), components, steps=0)
    features = {"kind": "locomotion", "start": motion.start_history(clips).tolist()}
    return replace(model, skeleton=motion.skeleton_of(rest_pose(np.concatenate(clips))), features=features)
