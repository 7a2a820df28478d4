# SPDX-License-Identifier: Apache-2.0
"""Precision and recall of samples against brute force, and where their values are plain to see."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from drmm_engine.metrics import samples
from drmm_engine.metrics.samples import on_manifold, precision_recall, wasserstein

RNG = np.random.default_rng(0)


def brute_force(x, reference, k):
    """One point, one ball at a time."""
    own = np.sort(cdist(reference, reference), axis=1)[:, k]
    return np.array([any(cdist(row[None], reference)[0] <= own) for row in x])


@pytest.mark.parametrize("variables, k, shift", [(1, 1, 0.0), (2, 3, 0.5), (30, 3, 0.1), (30, 5, 1e4)])
def test_they_are_what_brute_force_gives(monkeypatch, variables, k, shift):
    monkeypatch.setattr(samples, "BLOCK", 7000)  # several blocks, the last one short
    data, drawn = RNG.normal(size=(150, variables)), 0.8 * RNG.normal(size=(130, variables))
    data, drawn = data + shift, drawn + shift
    precision, recall = brute_force(drawn, data, k).mean(), brute_force(data, drawn, k).mean()
    assert 0 < precision < 1 or 0 < recall < 1
    assert precision_recall(drawn, data, k) == pytest.approx(
        {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall)})


def test_distances_keep_their_accuracy_far_from_the_origin():
    """Points 0.001 apart on a line, 10,000 away: half precision, or single precision not centred, cannot tell them."""
    line = 1e4 + 1e-3 * np.arange(200.0)[:, None] * [1.0, 1.0]
    between = line[:-1] + 0.5e-3
    beside = line + [0.01, -0.01]
    assert on_manifold(between - 1e4, line - 1e4).all()
    assert precision_recall(between, line)["precision"] == 1
    assert precision_recall(beside, line)["precision"] == 0


def test_a_set_lies_on_its_own_manifold():
    x = RNG.normal(size=(100, 4))
    assert precision_recall(x, x) == {"precision": 1, "recall": 1, "f1": 1}
    assert precision_recall(x[::-1], x)["f1"] == 1


def test_sets_apart_share_nothing():
    x = RNG.normal(size=(100, 4))
    assert precision_recall(x + 100, x) == {"precision": 0, "recall": 0, "f1": 0}


def test_few_points_drawn_often_are_precise_and_cover_only_themselves():
    """One layer without noise can only draw its means: its balls have no extent."""
    data = RNG.normal(size=(200, 30))
    repeated = np.repeat(data[:10], 20, axis=0)
    assert precision_recall(repeated, data) == pytest.approx({"precision": 1, "recall": 0.05, "f1": 0.1 / 1.05})
    beside = repeated + 1e-6
    assert precision_recall(beside, data)["recall"] == 0


def test_dropping_half_of_the_data_costs_recall_and_wide_samples_cost_precision():
    modes = RNG.normal(size=(400, 2)) + np.repeat([[0.0, 0.0], [50.0, 0.0]], 200, axis=0)
    half = precision_recall(RNG.normal(size=(400, 2)), modes)
    assert half["precision"] > 0.9 and half["recall"] == pytest.approx(0.5, abs=0.05)
    wide = precision_recall(20 * RNG.normal(size=(400, 2)), modes[:200])
    assert wide["precision"] < 0.1 and wide["recall"] > 0.9


def test_what_is_given_is_left_as_it_is():
    x, y = RNG.normal(size=(20, 2)), RNG.normal(size=(20, 2))
    before = x.copy(), y.copy()
    precision_recall(x, y)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


@pytest.mark.parametrize("drawn, data, k, what", [
    (np.zeros((5, 2)), np.zeros((5, 3)), 3, "same variables"),
    (np.zeros(5), np.zeros((5, 3)), 3, "same variables"),
    (np.zeros((5, 2)), np.full((5, 2), np.nan), 3, "data hold"),
    (np.full((5, 2), np.inf), np.zeros((5, 2)), 3, "samples hold"),
    (np.zeros((3, 2)), np.zeros((5, 2)), 3, "3 samples"),
    (np.zeros((5, 2)), np.zeros((5, 2)), 0, "between 1"),
])
def test_bad_input_is_named(drawn, data, k, what):
    with pytest.raises(ValueError, match=what):
        precision_recall(drawn, data, k)


@pytest.mark.parametrize("count, other", [(1, 1), (40, 40), (37, 110)])
def test_the_distance_of_two_distributions_is_scipys_and_a_shift_its_length(count, other):
    a, b = RNG.normal(size=count), RNG.exponential(size=other)
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b))
    assert wasserstein(a, a + 0.7) == pytest.approx(0.7)
    assert wasserstein(a, a) == 0.0


@pytest.mark.parametrize("bad", [[], [1.0, np.nan]])
def test_a_distance_needs_numbers(bad):
    with pytest.raises(ValueError, match="finite numbers"):
        wasserstein(bad, [1.0])
