# SPDX-License-Identifier: Apache-2.0
"""Errands and walks whose figures are known: walkers that glide along straight and crooked lines."""

import numpy as np
import pytest

from drmm_engine.metrics.walks import NEAREST, RADIUS, errand, follow
from drmm_engine.motion.directions import Block, Target
from drmm_engine.motion.skeleton import JOINTS

PACE = 0.04  # metres a frame


def gliding(offset):
    """A walker whose hips go at 1.2 m/s to where `offset` puts each target on the way there."""

    def walker(targets, seconds):
        place, current = np.zeros(2), 0
        for _ in range(round(seconds * 6)):
            poses = np.zeros((5, len(JOINTS), 3))
            goal = np.array(targets[current].position) + offset
            for pose in poses:
                place = place + PACE * (goal - place) / np.linalg.norm(goal - place)
                pose[:, :2] = place
            target = targets[current]
            reached = bool(np.linalg.norm(poses[:, 0, :2] - target.position, axis=1).min() < target.radius)
            yield Block(poses, current, reached)
            current += reached
            if current == len(targets):
                return

    return walker


def test_targets_are_near_the_one_before_but_not_too_near_and_a_seed_repeats_them():
    targets = errand(3, 30.0)
    steps = np.diff([(0.0, 0.0), *(target.position for target in targets)], axis=0)
    assert len(targets) >= 60 and np.abs(steps).max() <= RADIUS
    assert np.linalg.norm(steps, axis=1).min() > NEAREST
    assert errand(3, 30.0) == targets != errand(4, 30.0)


def test_a_straight_walk_is_timed_to_the_frame_and_makes_no_detour():
    targets = [Target((3.0, 0.0)), Target((3.0, 4.0))]
    walked = follow(gliding(np.zeros(2)), targets, 20.0)
    first = np.ceil(2.5 / PACE + 1e-9)  # frames until the hips are within half a metre
    assert walked.times[0] == pytest.approx(first / 30, abs=1.01 / 30)
    assert walked.detour == pytest.approx(1.0, abs=0.03)
    assert walked.longest == pytest.approx(max(np.diff([0.0, *walked.times])), abs=0.2)
    assert list(np.unique(walked.pursued)) == [0, 1] and walked.contacts is None


def test_a_walk_beside_its_target_is_longer_by_what_it_misses():
    target = Target((4.0, 0.0))
    walked = follow(gliding(np.array([0.0, 0.48])), [target], 20.0)
    gone = np.linalg.norm(walked.positions[round(walked.times[0] * 30) - 1, 0, :2] - walked.positions[0, 0, :2])
    straight = np.linalg.norm(walked.positions[0, 0, :2] - target.position) - target.radius
    assert walked.detour == pytest.approx(gone / straight, rel=1e-6)
    assert walked.detour > 1.03
