# SPDX-License-Identifier: Apache-2.0
"""The shipped model does what it is told: speeds, times, sharp turns, feet."""

import numpy as np
import pytest

import drmm_engine as drmm
from drmm_engine.metrics.motion import path_length
from drmm_engine.metrics.walks import errand, follow
from drmm_engine.motion.controller import walk
from drmm_engine.motion.directions import POOR, Target
from drmm_engine.motion.rest import rest_of
from drmm_engine.motion.skeleton import TOES


@pytest.fixture(scope="module")
def model():
    return drmm.load()


def walked(model, targets, seconds, seed=0):
    return follow(lambda to, time: walk(model, to, time, seed=seed), targets, seconds)


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.2])
def test_it_walks_at_the_speed_that_is_asked_for(model, speed):
    hips = np.concatenate([walked(model, [Target((40.0, 0.0), speed=speed)], 8.0, seed).positions[60:, 0, :2]
                           for seed in (0, 1)])
    steps = np.linalg.norm(np.diff(hips[::10], axis=0), axis=-1) * 3.0
    assert np.median(steps) == pytest.approx(speed, rel=0.2)


def test_of_a_chain_of_times_most_are_met_and_none_by_far(model):
    late = []
    for seed in (0, 1):
        places = errand(seed, 5.0)[:5]
        ways = np.linalg.norm(np.diff([(0.0, 0.0), *(t.position for t in places)], axis=0), axis=-1)
        times = 1.5 + np.cumsum(ways / 0.8)
        targets = [Target(t.position, arrive=float(when)) for t, when in zip(places, times, strict=True)]
        reached = walked(model, targets, times[-1] + 2.0, seed).times
        assert len(reached) == len(targets)
        late += list(30 * (np.array(reached) - times))
    assert np.mean(np.abs(late) <= 5.01) >= 0.7 and np.max(np.abs(late)) < 30


@pytest.mark.parametrize("way", [0.0, 45.0, -90.0, 150.0])
def test_one_who_is_to_walk_sets_off_walking(model, way):
    place = 5.0 * np.cos(np.radians(way)), 5.0 * np.sin(np.radians(way))
    hips = np.stack([walked(model, [Target(place)], 2.5, seed).positions[:, 0, :2] for seed in (0, 1)])
    assert np.linalg.norm(hips[:, 5:] - hips[:, :-5], axis=-1).max() * 6.0 < 1.75
    assert (np.linalg.norm(hips[:, 60] - hips[:, 0], axis=-1) > 0.8).all()


@pytest.mark.parametrize("speed", [2.5, 3.0])
def test_one_who_is_to_run_runs(model, speed):
    found = walked(model, [Target((60.0, 0.0), speed=speed)], 8.0)
    hips, toes = found.positions[90:, 0], found.positions[90:, TOES, 2]
    assert np.linalg.norm(np.diff(hips[:, :2], axis=0), axis=-1).mean() * 30 == pytest.approx(speed, rel=0.25)
    assert (toes.min(axis=1) > rest_of(model)[TOES, 2].mean() + 0.03).mean() > 0.1  # both feet are off the floor


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_target_behind_is_no_long_way_round(model, side):
    found = walked(model, [Target((-3.0, 0.2 * side))], 6.0)
    assert found.times and path_length(found.positions[: round(30 * found.times[0])]) < 1.5 * 2.5


def test_random_targets_are_walked_to_directly(model):
    ways = [walked(model, errand(seed, 20.0), 20.0, seed).detour for seed in (3, 4, 5)]
    assert np.median(ways) < 1.35


def test_feet_that_are_said_to_stand_do(model):
    found = walked(model, errand(7, 15.0), 15.0, 7)
    toes, down = found.positions[:, TOES], found.contacts
    standing = rest_of(model)[TOES, 2].mean()
    assert 0.3 < down.mean() < 0.75 and toes[down][:, 2].max() < standing + 0.045
    both = down[1:] & down[:-1]
    assert (30 * np.linalg.norm(np.diff(toes[..., :2], axis=0), axis=-1))[both].max() < 0.7


def test_next_to_nothing_of_a_walk_looks_wrong_to_the_model_itself(model):
    said = [block.plausibility for seed in (3, 5, 6) for block in walk(model, errand(seed, 20.0), 20.0, seed=seed)]
    assert np.mean(np.array(said) < POOR) < 0.05 and np.percentile(said, 10) > -70
