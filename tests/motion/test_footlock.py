# SPDX-License-Identifier: Apache-2.0
"""Foot lock by its invariants: standing feet stand, bones keep their lengths, nothing is under the floor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drmm_engine.body import rotations as rot
from drmm_engine.metrics.motion import foot_slide, mean_jerk
from drmm_engine.motion.bones import bone_lengths
from drmm_engine.motion.contacts import contacts
from drmm_engine.motion.footlock import HEEL, SINK, locked
from drmm_engine.motion.footlock_keys import locked_keys
from drmm_engine.motion.frames import FEET, LEGS, MIDDLES
from drmm_engine.motion.retarget import retarget, rig_positions
from drmm_engine.motion.rig import canonical_rest, mapped_bones
from drmm_engine.motion.skeleton import MIRROR, TOES
from tests import gait
from tests.motion import bodies

REST = gait.OFFSETS.copy()
for joint, parent in enumerate(gait.PARENTS):
    REST[joint] += REST[parent] if parent >= 0 else 0.0


def skating(seed: int, drift: float = 0.15, seconds: float = 5.0) -> np.ndarray:
    """A walk whose feet slide, sink and float a little, as drawn motion does."""
    rng = np.random.default_rng(seed)
    positions = gait.walk(seconds, speed=1.2, turn_rate=rng.uniform(-0.6, 0.6), seed=seed).positions()
    time = np.arange(len(positions)) / 30
    positions = positions + drift * np.sin(2.0 * time + rng.uniform(0, 6))[:, None, None] * (0.3, 0.3, 0.0)
    positions[..., 2] += 0.015 * np.sin(3.0 * time + rng.uniform(0, 6))[:, None]
    return positions


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_standing_feet_stand_and_nothing_else_breaks(seed):
    positions = skating(seed)
    down = contacts(positions, gait.TOE)
    held = locked(positions, down, REST)
    assert 100 * foot_slide(positions, gait.TOE).mean() > 3
    assert 100 * foot_slide(held, gait.TOE).mean() < 1.0
    assert held[:, TOES, 2].min() > gait.TOE - 0.01
    assert np.allclose(bone_lengths(held), bone_lengths(positions), atol=1e-9)
    assert (positions[:, 0, 2] - held[:, 0, 2]).max() < SINK + HEEL
    upper = [j for j in range(20) if j < 12]
    assert np.allclose(held[:, upper] - held[:, :1], positions[:, upper] - positions[:, :1])


def test_a_motion_that_holds_already_is_left_alone():
    positions = gait.walk(4.0, speed=0.0).positions()
    held = locked(positions, contacts(positions, gait.TOE), REST)
    assert np.abs(held - positions).max() < 0.005


def test_the_motion_stays_as_smooth_as_it_was():
    positions = [skating(seed) for seed in range(4)]
    held = [locked(motion, contacts(motion, gait.TOE), REST) for motion in positions]
    assert sum(map(mean_jerk, held)) < 1.1 * sum(map(mean_jerk, positions))


def test_legs_that_are_nearly_straight_do_not_snap():
    positions = skating(2)
    held = locked(positions, contacts(positions, gait.TOE), REST)
    assert np.abs(np.diff(_bends(held), 2, axis=0)).max() < np.abs(np.diff(_bends(positions), 2, axis=0)).max() + 6.0


def _bends(positions):
    """Bends of the knees [F, 2], degrees."""
    thighs, shins = (rot.normalize(positions[:, ends] - positions[:, tops])
                     for tops, ends in ((LEGS, MIDDLES[2:]), (MIDDLES[2:], FEET)))
    return np.degrees(np.arccos(np.clip(np.sum(thighs * shins, axis=-1), -1.0, 1.0)))


def test_strength_goes_from_nothing_to_all():
    positions = skating(3)
    down = contacts(positions, gait.TOE)
    slides = [foot_slide(locked(positions, down, REST, strength), gait.TOE).mean() for strength in (0.0, 0.5, 1.0)]
    assert slides[0] > slides[1] > slides[2]
    assert np.abs(locked(positions, down, REST, 0.0) - positions).max() < 0.03  # but for knees that were overstretched


def test_what_is_far_from_a_stance_is_untouched():
    positions = skating(5)
    down = np.zeros((len(positions), 2), bool)
    down[40:50, 0] = True
    positions[:, :, 2] += 0.2  # all in the air, so that nothing needs clearance
    held = locked(positions, down, REST, blend=4)
    assert np.allclose(held[:30], positions[:30], atol=1e-3)
    assert np.allclose(held[60:], positions[60:], atol=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.floats(-3, 3), st.floats(-5, 5))
def test_turned_and_moved_motion_is_locked_alike(seed, angle, shift):
    positions = skating(seed, seconds=3.0)
    down = contacts(positions, gait.TOE)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    # medians of x and y are not those of turned axes: the anchors may differ by a little
    other = locked(positions @ turn.T + (shift, 0.0, 0.0), down, REST)
    assert np.abs(other - (locked(positions, down, REST) @ turn.T + (shift, 0.0, 0.0))).max() < 0.05


def test_no_frames_and_wrong_shapes():
    assert locked(np.zeros((0, 20, 3)), np.zeros((0, 2), bool), REST).shape == (0, 20, 3)
    with pytest.raises(ValueError, match="contacts"):
        locked(np.zeros((3, 20, 3)), np.zeros((4, 2), bool), REST)
    with pytest.raises(ValueError, match="strength"):
        locked(np.zeros((3, 20, 3)), np.zeros((3, 2), bool), REST, strength=2.0)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 1.6), st.floats(-0.2, 1.0))
def test_feet_of_a_rig_hold_whatever_its_size_and_rolls(seed, size, arms_down):
    rng = np.random.default_rng(seed)
    lengths = rng.uniform(0.85, 1.15, 20)
    lengths = 0.5 * (lengths + lengths[MIRROR])
    rig, mapping = bodies.rig(size * bodies.rest(lengths, arms_down), rng)
    positions = skating(seed)
    keys = retarget(positions, rig, mapping, REST)
    down = contacts(positions, gait.TOE)
    held = locked_keys(keys, rig, mapping, down)
    rest = canonical_rest(rig, mapped_bones(rig, mapping))
    after = rig_positions(rig, held, mapping)
    assert 100 * foot_slide(after / size, rest[TOES, 2].mean() / size).mean() < 1.0
    assert after[:, TOES, 2].min() > rest[TOES, 2].min() - 0.01 * size
    assert np.allclose(bone_lengths(after), bone_lengths(rig_positions(rig, keys, mapping)), atol=1e-9)
