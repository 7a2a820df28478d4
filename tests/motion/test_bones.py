# SPDX-License-Identifier: Apache-2.0
"""Bone lengths: exact after they are enforced, feet where they were, several people on one body."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drmm_engine.motion.bones import bone_lengths, leg_length, to_one_body, with_lengths
from drmm_engine.motion.skeleton import index
from tests.gait import OFFSETS, SHIN, THIGH, walk_clip

TOES = [index("LeftToes"), index("RightToes")]


def test_lengths_of_the_gait_are_its_offsets():
    lengths = bone_lengths(walk_clip(1.0))
    np.testing.assert_allclose(lengths[:, 1:], np.tile(np.linalg.norm(OFFSETS[1:], axis=-1), (len(lengths), 1)))
    assert np.all(lengths[:, 0] == 0)


def test_poses_with_right_lengths_stay():
    clip = walk_clip(2.0)
    fixed = with_lengths(clip, np.median(bone_lengths(clip), axis=0))
    np.testing.assert_allclose(fixed, clip, atol=2e-3)  # a straight knee may move by the last tenth of a millimetre


@given(st.integers(0, 50), st.floats(0.001, 0.05))
def test_noise_leaves_lengths_exact(seed, amount):
    clip = walk_clip(1.0)
    lengths = np.median(bone_lengths(clip), axis=0)
    noisy = clip + np.random.default_rng(seed).normal(0, amount, clip.shape)
    np.testing.assert_allclose(bone_lengths(with_lengths(noisy, lengths)), np.tile(lengths, (len(clip), 1)), atol=1e-9)


def test_toes_stay_where_the_leg_reaches():
    clip = walk_clip(2.0)
    lengths = np.median(bone_lengths(clip), axis=0)
    bent = clip.copy()
    bent[:, [0]] -= (0, 0, 0.05)
    others = [j for j in range(20) if j not in TOES]
    bent[:, others] -= (0, 0, 0.05)
    np.testing.assert_allclose(with_lengths(bent, lengths)[:, TOES], bent[:, TOES], atol=1e-4)


def test_several_people_become_one_body():
    small, tall = walk_clip(2.0) * 0.9, walk_clip(2.0, seed=1) * 1.2
    clips, body = to_one_body([small, tall])
    for clip in clips:
        np.testing.assert_allclose(bone_lengths(clip), np.tile(body, (len(clip), 1)), atol=1e-9)
    assert abs(body[13] + body[14] - 1.05 * (THIGH + SHIN)) < 1e-6
    assert abs(leg_length(clips[0][0]) - leg_length(clips[1][0])) < 1e-9
