# SPDX-License-Identifier: Apache-2.0
"""The baseline on made gaits: it plays clips as they are, turns where it should, and its jumps leave no step."""

import numpy as np
import pytest

from drmm_engine.metrics.motion import foot_slide, jerks
from drmm_engine.metrics.walks import errand, follow
from drmm_engine.motion.bones import bone_lengths
from drmm_engine.motion.directions import Target
from drmm_engine.motion.features import placement, to_local
from scripts import motion_matching
from tests import gait

TURNS = (-0.9, -0.4, 0.0, 0.4, 0.9)


@pytest.fixture(scope="module")
def base():
    clips = [gait.walk_clip(8.0, turn_rate=turn, seed=seed) for seed, turn in enumerate(TURNS)]
    clips.append(gait.walk_clip(6.0, speed=gait.ramp((0, 0), (2, 0), (3.5, 1.2), (6, 1.2))))
    return motion_matching.database(clips)


def walked(base, targets, seconds):
    return follow(lambda targets, time: motion_matching.walk(base, targets, time), targets, seconds)


def test_what_it_plays_without_a_search_is_the_clip():
    clip = gait.walk_clip(4.0, turn_rate=0.3)
    base = motion_matching.database([clip])
    character = motion_matching.Character(base, start=(5.0, 1.0), heading=2.0)
    first = character.at
    played = np.stack([character.step() for _ in range(20)])
    of = clip if first < len(clip) else clip * (1, -1, 1)
    own = base.poses[first + 1 : first + 21]
    assert of.shape[1:] == own.shape[1:]
    np.testing.assert_allclose(to_local(played, *placement(played[0])), to_local(own, *placement(own[0])), atol=2e-3)


def test_a_jump_goes_on_from_the_pose_and_the_velocity(base):
    character = motion_matching.Character(base)
    poses = [character.step() for _ in range(4)]
    for other in (300, 60):
        character._jump(other)
        poses += [character.step() for _ in range(30)]
    turns = np.linalg.norm(np.diff(poses, n=2, axis=0), axis=-1)
    assert turns.max() < 0.1  # metres a frame²; the poses themselves differ by up to 0.6 m
    np.testing.assert_allclose(character.offset, 0.0, atol=0.01)


def test_it_reaches_targets_on_all_sides_at_the_pace(base):
    for place in ((4.0, 0.0), (0.0, 4.0), (-3.0, -3.0)):
        found = walked(base, [Target(place)], 15.0)
        assert len(found.times) == 1
        assert found.times[0] < 4.5 / 1.2 + 4.0


def test_random_targets_are_reached_on_feet_that_hardly_slide(base):
    found = walked(base, errand(0, 20.0), 20.0)
    assert len(found.times) >= 4
    assert np.ptp(bone_lengths(found.positions), axis=0).max() < 1e-9
    assert np.median(foot_slide(found.positions, gait.TOE)) < 0.15
    assert np.median(jerks(found.positions)) < 200


def test_a_later_time_is_walked_to_more_slowly(base):
    soon, late = (walked(base, [Target((5.0, 0.0), arrive=when)], 15.0).times[0] for when in (4.5, 8.0))
    assert soon < late


def test_clips_that_are_too_short_are_told():
    with pytest.raises(ValueError, match="nothing to match"):
        motion_matching.database([gait.walk_clip(1.0)])
