# SPDX-License-Identifier: Apache-2.0
"""Contacts against made motion whose stances are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drmm_engine.motion.contacts import MOVING, OFF, borne_out, contacts, runs
from drmm_engine.motion.skeleton import JOINTS, MIRROR, TOES
from tests import gait


def stepping(stance: int, swing: int, steps: int, length: float = 0.6, lift: float = 0.1) -> tuple[np.ndarray, list]:
    """Toes `[F, 2, 3]` of feet that stand and swing in turn, and whether each stands `[F, 2]`."""
    frames, standing = [], []
    places = np.array([[0.0, 0.1, 0.0], [0.0, -0.1, 0.0]])
    for step in range(steps):
        foot = step % 2
        frames += [places.copy()] * stance
        standing += [[True, True]] * stance
        for k in range(1, swing + 1):
            now = places.copy()
            now[foot, 0] += length * k / (swing + 1)
            now[foot, 2] += lift * np.sin(np.pi * k / (swing + 1))
            frames.append(now)
            standing.append([foot != 0, foot != 1])
        places = places.copy()
        places[foot, 0] += length
    frames += [places] * stance
    standing += [[True, True]] * stance
    return np.array(frames), np.array(standing)


def motion(toes: np.ndarray, standing: float) -> np.ndarray:
    positions = np.zeros((len(toes), len(JOINTS), 3))
    positions[:, TOES] = toes + (0.0, 0.0, standing)
    return positions


@given(st.integers(4, 12), st.integers(6, 12), st.integers(1, 6), st.floats(0.0, 0.1))
def test_stances_are_found_to_a_frame_at_their_ends(stance, swing, steps, standing):
    toes, truth = stepping(stance, swing, steps)
    found = contacts(motion(toes, standing), standing)
    for foot in (0, 1):
        assert len(runs(found[:, foot])) == len(runs(truth[:, foot]))
        for (a, b), (first, end) in zip(runs(found[:, foot]), runs(truth[:, foot]), strict=True):
            assert abs(a - first) <= 1 and abs(b - end) <= 1


def test_a_foot_that_slides_or_hangs_in_the_air_does_not_stand():
    toes = np.zeros((30, 2, 3))
    toes[:, 0, 0] = np.arange(30) / 30 * 1.5  # 1.5 m/s over the floor
    toes[:, 1, 2] = 0.2
    assert not contacts(motion(toes, 0.05), 0.05).any()


def test_noise_at_a_threshold_is_no_step():
    rng = np.random.default_rng(0)
    toes = np.zeros((300, 2, 3))
    toes[..., 2] = 0.02 + 0.01 * rng.uniform(-1, 1, (300, 2))
    assert contacts(motion(toes, 0.0), 0.0).all()


@pytest.mark.parametrize("frame_rate", [30.0, 60.0, 120.0])
def test_the_frame_rate_does_not_matter(frame_rate):
    toes, truth = stepping(8, 8, 4)
    times = np.arange(0, len(toes) - 1, 30.0 / frame_rate)
    low = times.astype(int)
    part = (times - low)[:, None, None]
    found = contacts(motion((1 - part) * toes[low] + part * toes[low + 1], 0.0), 0.0, frame_rate)
    assert abs(found.mean() - truth.mean()) < 0.06


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_mirrored_motion_has_mirrored_contacts(seed):
    positions = gait.walk(4.0, seed=seed).positions()
    mirrored = positions[:, MIRROR] * (1.0, -1.0, 1.0)
    assert (contacts(mirrored, gait.TOE) == contacts(positions, gait.TOE)[:, ::-1]).all()


def test_a_made_walk_always_has_a_foot_down_and_each_swings():
    found = contacts(gait.walk(6.0, speed=1.2).positions(), gait.TOE)
    assert found.any(axis=1).mean() > 0.98
    assert 0.5 < found.mean() < 0.75
    assert contacts(gait.walk(3.0, speed=0.0).positions(), gait.TOE).all()


def test_one_frame_and_none():
    assert contacts(motion(np.zeros((1, 2, 3)), 0.0), 0.0).tolist() == [[True, True]]
    assert contacts(np.zeros((0, 20, 3)), 0.0).shape == (0, 2)


@given(st.integers(4, 8), st.integers(6, 12), st.integers(1, 6), st.integers(1, 20))
def test_what_is_said_of_feet_holds_only_where_they_are_low_and_still(stance, swing, steps, count):
    toes, truth = stepping(stance, swing, steps)
    count = min(count, len(toes) - 1)
    everywhere = np.ones((count, 2), bool)
    found = borne_out(everywhere, motion(toes, 0.02), 0.02)
    np.testing.assert_array_equal(found & ~truth[-count:], False)
    inner = truth[-count:] & truth[-count - 1 : -1] & np.concatenate([truth[-count + 1 :] if count > 1 else truth[:0],
                                                                      truth[-1:]])
    assert found[inner].all()
    assert not borne_out(~everywhere, motion(toes, 0.02), 0.02).any()


@pytest.mark.parametrize(("height", "speed", "stands"), [
    (0.0, 0.0, True), (OFF - 0.001, 0.0, True), (OFF + 0.001, 0.0, False),
    (0.0, MOVING - 0.01, True), (0.0, MOVING + 0.01, False)])
def test_a_foot_stands_below_a_height_and_a_speed(height, speed, stands):
    toes = np.zeros((4, 2, 3))
    toes[:, 0, 2] = height
    toes[:, 0, 0] = speed / 30 * np.arange(4)
    assert (borne_out(np.ones((3, 2), bool), motion(toes, 0.02), 0.02) == [stands, True]).all()
