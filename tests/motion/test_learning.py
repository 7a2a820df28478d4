# SPDX-License-Identifier: Apache-2.0
"""Models that walk, learned without torch."""

import subprocess
import sys

import numpy as np
import pytest

from drmm_engine.motion import learning
from drmm_engine.motion.controller import Target, walk
from drmm_engine.motion.dataset import Motion
from drmm_engine.motion.rest import rest_pose
from tests.gait import ramp, walk_clip


@pytest.fixture(scope="module")
def motion():
    starting = walk_clip(4.0, speed=ramp((0.0, 0.0), (1.0, 0.0), (3.0, 1.0), (4.0, 1.0)))
    clips = [walk_clip(5.0, speed=1.1), walk_clip(5.0, turn_rate=0.6), starting]
    return Motion(["a", "b", "c"], clips, rest_pose(np.concatenate(clips)))


def test_what_is_learned_walks_and_says_what_of(motion, monkeypatch):
    monkeypatch.setattr(learning, "ROWS", 3000)
    told = []
    model = learning.learn(motion, 1, (64, 64), lambda share, text: told.append(share), {"licence": "own"})
    assert told == sorted(told) and told[0] == 0.0 and told[-1] == 1.0
    assert model.data["licence"] == "own" and model.data["clips"] == 3 and 2500 < model.data["windows"] < 3500
    assert [layer.components for layer in model.layers] == [64, 64]
    begun = motion.clips[0][30:40]
    blocks = list(walk(model, [Target((9.0, 0.0))], seconds=2.0, seed=1, candidates=32, history=begun))
    hips = np.concatenate([block.positions for block in blocks])[:, 0]
    assert hips[-1, 0] - begun[-1, 0, 0] > 1.2 and 0.7 < hips[:, 2].min() < hips[:, 2].max() < 1.1


def test_the_same_seed_learns_the_same_model(motion, monkeypatch):
    monkeypatch.setattr(learning, "ROWS", 800)
    one, two, other = (learning.learn(motion, seed, (8,)).layers[0].mean for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert np.abs(np.asarray(one) - np.asarray(other)).max() > 1e-3


def test_little_motion_gets_few_components(motion):
    clip = motion.clips[0][:45]
    model = learning.learn(Motion(["a"], [clip], motion.rest), components=(512,))
    assert model.layers[0].components == model.data["windows"] // learning.ROWS_A_COMPONENT


def test_whoever_is_told_can_stop_it(motion):
    def stop(share, text):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        learning.learn(motion, progress=stop)


def test_clips_shorter_than_a_window_are_refused(motion):
    with pytest.raises(ValueError, match="shorter than a window: 40 frames"):
        learning.learn(Motion(["a"], [motion.clips[0][:39]], motion.rest))


def test_it_needs_no_torch():
    code = "import sys, drmm_engine.motion.learning; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
