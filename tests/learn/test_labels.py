# SPDX-License-Identifier: Apache-2.0
"""Classes that are known of a few rows only: what the other rows teach, and what rows in memory and on disk give."""

import numpy as np
import pytest

import drmm_engine as drmm
from drmm_engine.learn import Settings, train

SCHEMA = drmm.Schema((drmm.Stream.real("place", ["x", "y"]), drmm.Stream.categorical("kind", ["left", "right"])))


def two_clusters(count, labelled, seed=0):
    """Rows whose class is their cluster, known of a share of them."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, count)
    place = np.where(kind, 1.5, -1.5)[:, None] * [1.0, 0.5] + 0.4 * rng.normal(size=(count, 2))
    return np.column_stack([place, np.where(rng.random(count) < labelled, kind, np.nan)]), kind


def classified(model, rows):
    """The likelier class of rows without one."""
    scores = [model.log_prob(np.column_stack([rows[:, :2], np.full(len(rows), float(c))])) for c in (0, 1)]
    return np.argmax(scores, 0)


@pytest.mark.parametrize("components, start", [((4, 4), "random"), ((4,), "random"), ((4,), "greedy")])
def test_labels_of_a_twentieth_of_the_rows_class_all_others(components, start):
    """A model's classes hang on the last layer's components alone: a greedy second layer, whose components are those of
    residuals, has little to tell them apart by."""
    x, _ = two_clusters(2000, 0.05)
    assert 60 < np.isfinite(x[:, 2]).sum() < 140
    model = train(SCHEMA, x, Settings(components, 900, batch=64, learning_rate=0.02, start=start))
    held, kind = two_clusters(500, 0.0, seed=1)
    assert (classified(model, held) == kind).mean() > 0.98


def test_without_a_label_the_classes_stay_a_guess():
    """The check above can fail: what tells the classes apart are the labels."""
    x, _ = two_clusters(1000, 0.0)
    x[0, 2] = 0
    held, kind = two_clusters(300, 0.0, seed=1)
    model = train(SCHEMA, x, Settings((4, 4), 300, batch=64, learning_rate=0.02, start="greedy"))
    assert (classified(model, held) == kind).mean() < 0.9


def test_unlabelled_rows_move_what_labelled_ones_cannot_see():
    """Labels stand at one edge of each cluster; the clusters' middles come from the rows without."""
    rng = np.random.default_rng(0)
    x, kind = two_clusters(2000, 1.0)
    far = np.abs(x[:, 0]) < 1.9
    x[far, 2] = np.nan
    x = x[far | (rng.random(len(x)) < 0.3)]
    assert np.isfinite(x[:, 2]).mean() < 0.1
    model = train(SCHEMA, x, Settings((2,), 900, batch=64, learning_rate=0.02, start="greedy"))
    draw = model.sample([drmm.Known({"kind": "right"})], count=200, seed=0)
    assert draw["x"].mean() == pytest.approx(1.45, abs=0.12)
