# SPDX-License-Identifier: Apache-2.0
"""The procedural gait that other tests rest on is itself a plausible walk."""

import numpy as np
import pytest

from drmm_engine.motion.skeleton import JOINTS, MIRROR, PARENTS, facing, index
from tests.gait import OFFSETS, RATE, TOE, ramp, walk, walk_clip

CASES = {
    "walk": (1.2, 0.0),
    "slow": (0.6, 0.0),
    "run": (2.8, 0.0),
    "left": (1.2, 0.8),
    "right": (1.0, -1.5),
    "on the spot": (0.0, 1.2),
    "still": (0.0, 0.0),
    "start and stop": (ramp((0, 0), (1, 0), (2, 1.3), (4, 1.3), (5, 0), (6, 0)), 0.0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("seed", [0, 1])
def test_bones_keep_their_length_and_planted_feet_stay(case, seed):
    positions = walk_clip(6.0, *case, seed=seed)
    bones = np.linalg.norm(positions[:, 1:] - positions[:, PARENTS[1:]], axis=-1)
    assert np.allclose(bones, np.linalg.norm(OFFSETS[1:], axis=-1), atol=1e-9)
    assert positions[..., 2].min() > TOE - 1e-6
    toes = positions[:, [index("LeftToes"), index("RightToes")]]
    planted = np.all(np.isclose([toes[1:, :, 2], toes[:-1, :, 2]], TOE, atol=1e-6), axis=0)
    steps = np.linalg.norm(np.diff(toes, axis=0), axis=-1)
    assert planted.mean() > 0.3 and steps[planted].max() < 1e-5
    speed = np.mean(case[0])
    travel = np.sum(np.diff(positions[:, 0], axis=0) * facing(positions[:-1])) / 6.0
    assert travel == pytest.approx(speed, abs=0.1)
    assert 0.75 < positions[:, 0, 2].min() and positions[:, 0, 2].max() < 0.96


def test_seeds_differ_and_repeat():
    assert np.array_equal(walk_clip(2.0, seed=3), walk_clip(2.0, seed=3))
    assert not np.allclose(walk_clip(2.0, seed=3), walk_clip(2.0, seed=4), atol=0.01)


def test_knees_bend_forward_and_sides_alternate():
    positions = walk_clip(4.0)
    knee, hip, ankle = (positions[:, index(f"Left{part}")] for part in ("LowerLeg", "UpperLeg", "Foot"))
    assert np.sum((knee - (hip + ankle) / 2) * facing(positions), axis=-1).min() > 0
    left, right = (positions[:, index(f"{side}Toes"), 0] - positions[:, 0, 0] for side in ("Left", "Right"))
    assert np.corrcoef(left, right)[0, 1] < -0.7
    assert np.all(OFFSETS[MIRROR] * [1, -1, 1] == OFFSETS)


def test_the_clip_is_long_enough_and_named():
    clip = walk(2.5, name="one")
    assert (clip.name, clip.frames, clip.frame_rate, clip.joint_names) == ("one", 75, RATE, JOINTS)
