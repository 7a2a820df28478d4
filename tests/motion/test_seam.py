# SPDX-License-Identifier: Apache-2.0
"""A motion that begins in a rig's pose, with feet that stay until their first step."""

from dataclasses import replace

import numpy as np
import pytest

from drmm_engine.body import rotations as rot
from drmm_engine.motion import seam
from drmm_engine.motion.contacts import contacts
from drmm_engine.motion.footlock_keys import locked_keys
from drmm_engine.motion.frames import TOES
from drmm_engine.motion.retarget import retarget, rig_positions
from tests import gait
from tests.motion import bodies

FRAMES = 10


@pytest.fixture(scope="module")
def scene():
    """Keys of a walk that starts from standing, its contacts, the rig and its mapping."""
    rig, mapping = bodies.rig(bodies.rest(arms_down=0.7), np.random.default_rng(0), spine=2)
    rest = gait.OFFSETS.copy()
    for joint, parent in enumerate(gait.PARENTS):
        rest[joint] += rest[parent] if parent >= 0 else 0.0
    walk = gait.walk_clip(3.0, gait.ramp((0, 0.0), (0.4, 0.0), (1.2, 1.2), (3.0, 1.2)))
    return retarget(walk, rig, mapping, rest), contacts(walk, gait.TOE), rig, mapping


def stance(keys, rig, mapping, place=(0.05, 0.06, -0.03), turned=0.15, seed=1):
    """Keys of one frame: the walk's first pose moved, and every bone turned a little."""
    rng = np.random.default_rng(seed)
    turn = rot.from_rotation_vector(rng.uniform(-turned, turned, keys.rotations[0].shape[:-1] + (3,)))
    axes = rig.turns[rig.names.index(keys.bones[0])]
    location = keys.location[:1] + rot.rotate(rot.inverse(axes), np.array(place))
    return replace(keys, rotations=rot.multiply(keys.rotations[:1], turn[None]), location=location)


def test_the_first_frame_is_the_pose_and_the_rest_of_the_motion_stays(scene):
    keys, stands, rig, mapping = scene
    before = stance(keys, rig, mapping)
    result = seam.begun(before, keys, rig, mapping, stands, FRAMES)
    joints, goal = (rig_positions(rig, k, mapping) for k in (result, keys))
    assert np.abs(joints[0] - rig_positions(rig, before, mapping)[0]).max() < 1e-3
    last = max(np.argmin(foot) for foot in stands.T) + FRAMES + 10
    assert last < len(goal) - 10 and np.abs(joints[last:] - goal[last:]).max() < 1e-3


def test_standing_feet_stay_where_the_pose_has_them_until_they_are_lifted(scene):
    keys, stands, rig, mapping = scene
    before = stance(keys, rig, mapping)
    result = seam.begun(before, keys, rig, mapping, stands, FRAMES)
    goal, toes, plain, held = (
        rig_positions(rig, k, mapping)[:, TOES, :2]
        for k in (keys, result, seam.blend_keys(before, keys, FRAMES), locked_keys(result, rig, mapping, stands))
    )
    for foot in (0, 1):
        lifted = int(np.argmin(stands[:, foot]))
        assert lifted > 5
        off, off_plain = (np.ptp((p - goal)[:lifted, foot], axis=0).max() for p in (toes, plain))
        assert off < 1e-3 < 0.02 < off_plain
        assert np.ptp(held[: lifted - 3, foot], axis=0).max() < 1e-3
    assert np.linalg.norm(held[0] - toes[0], axis=-1).max() < 0.01


def test_the_offset_runs_out_without_a_jump():
    part = seam.fade(30, 10)
    assert part[0] == 1.0 and np.all(part[10:] == 0.0) and np.all(np.diff(part[:11]) < 0)
    fine = seam.fade(10001, 10000)
    assert np.abs(np.diff(fine, 2)).max() * 1e8 < 6.0 and abs(np.diff(fine, 2)[[0, -1]]).max() * 1e8 < 0.1


def test_a_motion_begun_in_its_own_first_pose_is_itself(scene):
    keys, stands, rig, mapping = scene
    first = replace(keys, rotations=keys.rotations[:1], location=keys.location[:1])
    joints = rig_positions(rig, seam.begun(first, keys, rig, mapping, stands, FRAMES), mapping)
    assert np.abs(joints - rig_positions(rig, keys, mapping)).max() < 1e-3


def test_keys_of_other_bones_are_refused(scene):
    keys, stands, rig, mapping = scene
    with pytest.raises(ValueError, match="not of the same bones"):
        seam.begun(replace(keys, bones=keys.bones[::-1]), keys, rig, mapping, stands)
