# SPDX-License-Identifier: Apache-2.0
"""Resampling: picked frames are kept exactly, others lie on the motion."""

import numpy as np
import pytest

from drmm_engine.motion import Clip, resample


def turning(frame_rate, frames=61):
    """One joint that moves at 2 m/s along x and turns at 3 rad/s about z, and a child half a metre out."""
    t = np.arange(frames) / frame_rate
    positions = np.tile([[0.0, 0, 1], [0.5, 0, 0]], (frames, 1, 1))
    positions[:, 0, 0] = 2 * t
    rotations = np.tile([1.0, 0, 0, 0], (frames, 2, 1))
    rotations[:, 0, 0], rotations[:, 0, 3] = np.cos(1.5 * t), np.sin(1.5 * t)
    return Clip("turning", ("a", "b"), np.array([-1, 0]), positions[0], frame_rate, positions, rotations)


@pytest.mark.parametrize(("rate", "step"), [(60.0, 2), (120.0, 4), (30.0, 1), (119.9, 4)])
def test_whole_ratios_pick_frames_exactly(rate, step):
    clip = turning(rate)
    picked = resample(clip, 30)
    assert picked.frame_rate == 30
    assert np.array_equal(picked.local_positions, clip.local_positions[::step])
    assert np.array_equal(picked.local_rotations, clip.local_rotations[::step])


@pytest.mark.parametrize("rate", [24.0, 25.0, 40.0, 100.0])
@pytest.mark.parametrize("frames", [1, 2, 61])
def test_other_ratios_follow_the_motion(rate, frames):
    clip = resample(turning(rate, frames), 30)
    t = np.arange(clip.frames) / 30
    assert clip.frames == int((frames - 1) / rate * 30 + 1e-9) + 1
    truth = np.stack([2 * t + 0.5 * np.cos(3 * t), 0.5 * np.sin(3 * t), np.ones_like(t)], axis=-1)
    assert np.allclose(clip.positions()[:, 1], truth, atol=1e-9)
    assert np.allclose(np.linalg.norm(clip.local_rotations, axis=-1), 1)


@pytest.mark.parametrize("rate", [0, -30, float("nan")])
def test_a_rate_that_is_not_above_zero_is_refused(rate):
    with pytest.raises(ValueError, match="frame rate"):
        resample(turning(60.0), rate)
