# SPDX-License-Identifier: Apache-2.0
"""Arms that stay out of the body of a rig with other proportions."""

import numpy as np
import pytest

from drmm_engine.body import rotations as rot
from drmm_engine.metrics.motion import mean_jerk
from drmm_engine.motion import arms
from drmm_engine.motion.bones import bone_lengths
from drmm_engine.motion.frames import ARMS, HANDS, MIDDLES
from drmm_engine.motion.retarget import retarget, rig_positions
from drmm_engine.motion.skeleton import JOINTS
from tests import gait
from tests.motion import bodies


def gait_rest():
    rest = np.zeros((20, 3))
    for joint, parent in enumerate(gait.PARENTS):
        rest[joint] = gait.OFFSETS[joint] + (rest[parent] if parent >= 0 else 0.0)
    return rest


def stout(hips=2.0, arms_at=0.75):
    """A body with wide hips and narrow shoulders."""
    rest = bodies.rest(arms_down=0.7)
    for joint, name in enumerate(JOINTS):
        if "Leg" in name or name.endswith(("Foot", "Toes")):
            rest[joint, 1] *= hips
    for side in (0, 1):
        shift = (arms_at - 1.0) * rest[ARMS[side], 1]
        rest[[ARMS[side], MIDDLES[side], HANDS[side]], 1] += shift
    return rest


def moved(rest, seed=0):
    """Keys of a walk with a turn on a rig with this rest pose, the rig, its mapping and where its joints are."""
    rig, mapping = bodies.rig(rest, np.random.default_rng(seed), spine=2)
    walk = gait.walk_clip(3.0, 1.2, turn_rate=0.6, seed=seed)
    keys = retarget(walk, rig, mapping, gait_rest())
    return keys, rig, mapping, rig_positions(rig, keys, mapping)


def test_arms_that_were_inside_come_out_and_the_motion_stays_smooth():
    keys, rig, mapping, before = moved(stout())
    assert arms.clearance(before, stout()).min() < -0.03
    result = arms.outside(keys, rig, mapping)
    after = rig_positions(rig, result, mapping)
    assert arms.clearance(after, stout()).min() > -0.005
    assert mean_jerk(after) < 1.05 * mean_jerk(before)
    assert np.abs(bone_lengths(after) - bone_lengths(before)).max() < 1e-9


def test_only_the_upper_arms_are_turned():
    keys, rig, mapping, _ = moved(stout(), seed=1)
    result = arms.outside(keys, rig, mapping)
    other = [n for n, bone in enumerate(keys.bones) if not bone.endswith("UpperArm")]
    away = np.abs(np.sum(keys.rotations[:, other] * result.rotations[:, other], axis=-1))
    assert away.min() > 1 - 1e-12 and np.array_equal(keys.location, result.location)


def test_arms_with_room_are_left_as_they_are():
    keys, rig, mapping, before = moved(stout(hips=0.6, arms_at=2.0))
    assert arms.clearance(before, stout(hips=0.6, arms_at=2.0)).min() > 0.03
    after = rig_positions(rig, arms.outside(keys, rig, mapping), mapping)
    assert np.abs(after - before).max() < 1e-9


def test_a_motion_turned_and_moved_gives_the_result_turned_and_moved():
    keys, rig, mapping, before = moved(stout(), seed=2)
    turn = rot.from_axis_angle((0.0, 0.0, 1.0), 1.1)
    walk = rot.rotate(turn, gait.walk_clip(3.0, 1.2, turn_rate=0.6, seed=2)) + (1.0, -2.0, 0.0)
    turned = arms.outside(retarget(walk, rig, mapping, gait_rest()), rig, mapping)
    expected = rot.rotate(turn, rig_positions(rig, arms.outside(keys, rig, mapping), mapping)) + (
        rig_positions(rig, turned, mapping)[0, 0] - rot.rotate(turn, before[0, 0]))
    assert np.abs(rig_positions(rig, turned, mapping) - expected).max() < 1e-6


def test_the_gap_of_a_flat_capsule_is_zero_on_its_surface_and_a_distance_nearby():
    capsule = arms.Capsule(np.zeros((1, 3)), np.array([[0.0, 0.0, -1.0]]), 0.2, np.array([[1.0, 0.0, 0.0]]), 0.5)
    for point, gap, way in [((0.0, 0.2, -0.5), 0.0, (0, 1, 0)), ((0.1, 0.0, -0.5), 0.0, (1, 0, 0)),
                            ((0.11, 0.0, -0.5), 0.01, (1, 0, 0)), ((0.0, -0.15, -0.5), -0.05, (0, -1, 0)),
                            ((0.0, 0.0, 0.3), 0.1, (0, 0, 1))]:
        measured, away = capsule.gap(np.array([point]))
        assert measured[0] == pytest.approx(gap, abs=1e-12) and away[0] == pytest.approx(way, abs=1e-12)


def test_a_mapping_that_does_not_fit_is_refused():
    keys, rig, mapping, _ = moved(stout())
    with pytest.raises(ValueError, match="no bone is mapped to Chest"):
        arms.outside(keys, rig, mapping | {"Chest": ""})
