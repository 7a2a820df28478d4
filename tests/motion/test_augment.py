# SPDX-License-Identifier: Apache-2.0
"""Copies of motion: mirrored, bent and time-warped, with planted feet planted and bones of their length."""

import numpy as np
import pytest

from drmm_engine.metrics.motion import foot_slide
from drmm_engine.motion import features as f
from drmm_engine.motion.augment import bent, time_warped
from drmm_engine.motion.bones import bone_lengths
from drmm_engine.motion.skeleton import facing, index, mirrored
from tests.gait import TOE, walk_clip


def test_a_mirror_image_twice_is_the_motion():
    clip = walk_clip(1.0, turn_rate=0.4)
    np.testing.assert_allclose(mirrored(mirrored(clip)), clip)
    np.testing.assert_allclose(mirrored(clip)[:, index("LeftHand")], clip[:, index("RightHand")] * (1, -1, 1))


@pytest.mark.parametrize("curvature", [-0.6, 0.3, 0.6])
def test_a_bent_walk_follows_the_arc_and_faces_along_it(curvature):
    window = f.windows(walk_clip(3.0))[20:21]
    out = bent(window, np.array([curvature]))[0]
    local = f.to_local(window, *f.placement(window[:, 9]))[0]
    z = complex(local[-1, 0, 0], local[-1, 0, 1])
    arc = (np.exp(1j * curvature * z) - 1) / (1j * curvature)
    np.testing.assert_allclose(out[-1, 0, :2], [arc.real, arc.imag], atol=1e-9)
    assert abs(arc - (np.exp(1j * curvature * z.real) - 1) / (1j * curvature)) < 2 * abs(z.imag)
    turn = np.arctan2(*facing(out[-1])[[1, 0]]) - np.arctan2(*facing(local[-1])[[1, 0]])
    assert abs(turn - curvature * z.real) < 1e-6


def test_bending_keeps_bones_and_planted_feet():
    window = f.windows(walk_clip(3.0))[::10]
    out = bent(window, np.linspace(-0.6, 0.6, len(window)))
    np.testing.assert_allclose(bone_lengths(out), np.broadcast_to(np.median(bone_lengths(window), (0, 1)),
                                                                   out.shape[:3]), atol=1e-9)
    slide = np.concatenate([foot_slide(clip, TOE) for clip in out])
    before = np.concatenate([foot_slide(clip, TOE) for clip in window])
    assert np.median(slide) < np.median(before) + 0.01


def test_no_curvature_is_no_change():
    window = f.windows(walk_clip(2.0))[:1]
    local = f.to_local(window, *f.placement(window[:, 9]))
    np.testing.assert_allclose(bent(window, np.zeros(1)), local, atol=3e-3)


def test_time_warping_changes_the_speed_only():
    clip = walk_clip(4.0)
    fast = time_warped(clip, 1.25)
    assert abs(len(fast) - len(clip) / 1.25) <= 1
    np.testing.assert_allclose(fast[4], clip[5])
