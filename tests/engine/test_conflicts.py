# SPDX-License-Identifier: Apache-2.0
"""Contradictory conditions: found where linear programming finds them, in smallest sets, named as they were given."""

import numpy as np
import pytest
from scipy.optimize import linprog

import drmm_engine as drmm
from drmm_engine.conflicts import contradictions, nonnegative_least_squares
from tests.engine.truth import KINDS, random_model

X1 = drmm.Known({"x": 1.0})
BOTH, ALL = "{} and {} cannot both hold", "{}, {} and {} cannot all hold"
CONTRADICTORY = {
    "value against equality": ([X1, drmm.LinearEquality({"x": 1.0}, -2.0)],
                               [BOTH.format("Known x = 1", "LinearEquality x - 2 = 0")]),
    "value against half-space": ([X1, drmm.HalfSpace({"x": 2.0}, -6.0)],
                                 [BOTH.format("Known x = 1", "HalfSpace 2 x - 6 > 0")]),
    "value against box": ([drmm.Box({"y": (0, 1), "x": (2, np.inf)}), X1], [BOTH.format("Box 2 < x", "Known x = 1")]),
    "boxes": ([drmm.Box({"x": (0.0, 1.0)}), drmm.Box({"x": (2.0, 3.0)})],
              [BOTH.format("Box 0 < x < 1", "Box 2 < x < 3")]),
    "opposed half-spaces": ([drmm.HalfSpace({"x": 1.0}, -1.0), drmm.HalfSpace({"x": -0.5})],
                            [BOTH.format("HalfSpace x - 1 > 0", "HalfSpace -0.5 x > 0")]),
    "a half-space and its complement": ([drmm.HalfSpace({"x": 1.0, "y": -0.3}), drmm.HalfSpace({"x": -1.0, "y": 0.3})],
                                        [BOTH.format("HalfSpace x - 0.3 y > 0", "HalfSpace -x + 0.3 y > 0")]),
    "equality against half-space": (
        [drmm.LinearEquality({"x": 1.0, "y": -2.0}, 0.5), drmm.HalfSpace({"x": -3.0, "y": 6.0}, -2.0)],
        [BOTH.format("LinearEquality x - 2 y + 0.5 = 0", "HalfSpace -3 x + 6 y - 2 > 0")]),
    "three half-spaces": (
        [drmm.HalfSpace({"x": 1.0}, -1.0), drmm.HalfSpace({"y": 1.0}, -1.0), drmm.HalfSpace({"x": -1.0, "y": -1.0}, 1)],
        [ALL.format("HalfSpace x - 1 > 0", "HalfSpace y - 1 > 0", "HalfSpace -x - y + 1 > 0")]),
    "values in a sum": (
        [drmm.Known({"x": 0.2, "y": 0.3, "z": 5.0}), drmm.LinearEquality({"x": 1.0, "y": 1.0}, -1.0)],
        [ALL.format("Known x = 0.2", "Known y = 0.3", "LinearEquality x + y - 1 = 0")]),
    "two conflicts": (
        [X1, drmm.LinearEquality({"x": 1.0}), drmm.Box({"y": (0, 1)}), drmm.HalfSpace({"y": 1.0}, -2.0)],
        [BOTH.format("Known x = 1", "LinearEquality x = 0"), BOTH.format("Box 0 < y < 1", "HalfSpace y - 2 > 0")]),
    "in some samples": ([drmm.Known({"x": np.array([0.0, 1.0, 2.0, 3.0])}), drmm.HalfSpace({"x": 1.0}, -1.5)],
                        [BOTH.format("Known x = 0..3", "HalfSpace x - 1.5 > 0") + " (in 2 of 4 samples)"]),
    "hard in some samples": ([drmm.Known({"x": 0.0}, weight=np.array([1, 0.5, 0, 2])), drmm.HalfSpace({"x": 1.0}, -1)],
                             [BOTH.format("Known x = 0", "HalfSpace x - 1 > 0") + " (in 2 of 4 samples)"]),
}
CONSISTENT = {
    "nothing": [],
    "repeated": [X1, drmm.LinearEquality({"x": -2.0}, 2.0), drmm.LinearEquality({"x": 1.0}, -1.0),
                 drmm.Box({"x": (0.0, 2.0)}), drmm.Box({"x": (0.0, 2.0)})],
    "values on their limits": [X1, drmm.Box({"x": (-3.0, 1.0)}), drmm.Known({"y": 2.0}),
                               drmm.HalfSpace({"y": 1.0}, -2.0)],
    "a soft value": [drmm.Known({"x": 1.0}, weight=0.9), drmm.LinearEquality({"x": 1.0}, -2.0)],
    "priors": [X1, drmm.GaussianPrior({"x": (5.0, 0.1)}), drmm.GaussianPrior({"x": (-5.0, 0.1)})],
    "weight 0": [X1, drmm.LinearEquality({"x": 1.0}, -2.0, weight=0.0)],
    "a corner": [drmm.HalfSpace({"x": 1.0}, -1.0), drmm.HalfSpace({"y": 1.0}, -1.0),
                 drmm.HalfSpace({"x": -1.0, "y": -1.0}, 2.1)],
    "dependent equalities": [drmm.Known({"x": 0.1, "y": 0.2}), drmm.LinearEquality({"x": 1.0, "y": 1.0}, -0.3),
                             drmm.LinearEquality({"x": 1.0, "y": -1.0}, 0.1)],
    "classes": [drmm.Known({"style0": "c1", "x": 1.0}), drmm.HalfSpace({"x": 1.0})],
    "each its own": [drmm.Known({"x": np.arange(4.0)}), drmm.HalfSpace({"x": 1.0}, offset=1 - np.arange(4.0))],
}


@pytest.fixture(scope="module")
def model():
    """Offsets and scales of its own for every variable."""
    return random_model(3, (3, 4), classes=(3,))


@pytest.mark.parametrize("query, lines", CONTRADICTORY.values(), ids=CONTRADICTORY)
def test_the_conditions_in_conflict_are_named(model, query, lines):
    assert model.sample(query, count=4).conflicts == lines


@pytest.mark.parametrize("query", CONSISTENT.values(), ids=CONSISTENT)
def test_what_can_be_met_is_no_conflict(model, query):
    assert model.sample(query, count=4).conflicts == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("query", [query for query, _ in CONTRADICTORY.values()], ids=CONTRADICTORY)
def test_contradictions_still_give_an_answer(kind, query):
    """On NumPy and on torch, and what is missed is told."""
    for model in (made := random_model(3, (3, 4), kind, classes=(3,)), made.to("cpu")):
        draw = model.sample(query, count=4, sweeps=1, noise=True)
        assert np.isfinite(draw.values).all() and np.isfinite(draw.log_weight).all()
        assert draw.conflicts
        missed = min(line.share for line in draw.fulfilment().lines) < 1
        assert missed or all(isinstance(c, drmm.HalfSpace) for c in query)  # of half-spaces a common edge may be left


def feasible(a, low, high):
    """Linear programming: whether some x has a.x = low = high, or between low and high with room to spare."""
    value, width = low == high, a.shape[1]
    rows = [(sign * np.append(r, 0) + np.append(0 * r, 1), sign * limit) for r, limits in zip(
        a[~value], np.stack([low, high], 1)[~value], strict=True) for sign, limit in zip((-1, 1), limits, strict=True)
        if np.isfinite(limit)]
    upper = {"A_ub": np.array([r for r, _ in rows]), "b_ub": np.array([b for _, b in rows])} if rows else {}
    equal = {"A_eq": np.c_[a[value], np.zeros(value.sum())], "b_eq": low[value]} if value.any() else {}
    found = linprog(np.append(np.zeros(width), -1.0), **upper, **equal, bounds=[(None, None)] * width + [(None, 1.0)])
    return found.status == 0 and found.x[-1] > 1e-6


def random_system(rng):
    """Up to eight unit rows, many of them parallel: values, half-lines and intervals, some met by one point."""
    rows, width = rng.integers(2, 9), rng.integers(1, 5)
    a = rng.integers(-2, 3, (rows, width)).astype(float)
    a[~a.any(1), 0] = 1.0
    a /= np.linalg.norm(a, axis=1)[:, None]
    low = np.where(rng.random(rows) < 0.7, a @ rng.normal(size=width), rng.normal(size=rows))
    above = np.array([0.0, np.inf, 1.0])[rng.integers(0, 3, rows)]
    return a, low - np.where(above > 0, 0.3 * rng.random(rows), 0), low + above * rng.uniform(0.2, 2, rows)


def test_smallest_sets_as_linear_programming_finds_them():
    rng, sizes = np.random.default_rng(0), {0: 0}
    for _ in range(400):
        a, low, high = random_system(rng)
        found = contradictions(a, low, high)
        assert feasible(a, low, high) == (not found)
        sizes[0] += not found
        for members in map(list, found):
            sizes[len(members)] = sizes.get(len(members), 0) + 1
            assert not feasible(a[members], low[members], high[members])
            for one in members:
                rest = [i for i in members if i != one]
                assert feasible(a[rest], low[rest], high[rest])
    assert all(sizes.get(n, 0) > 10 for n in (0, 2, 3, 4)), sizes


def test_all_pairs_are_found():
    a, values = np.ones((4, 1)), np.array([1.0, 2.0, 1.0, 3.0])
    assert contradictions(a, values, values) == [(0, 1), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_nonnegative_least_squares_is_optimal():
    """x >= 0, the gradient nowhere downhill, and 0 where x is positive (Karush, Kuhn and Tucker)."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        m = rng.normal(size=(rng.integers(1, 6), rng.integers(1, 12)))
        target = rng.normal(size=len(m))
        x = nonnegative_least_squares(m, target)
        slope = (target - m @ x) @ m
        assert np.all(x >= 0) and np.all(slope < 1e-9) and np.all(np.abs(slope[x > 0]) < 1e-9)
        assert not np.any(x) or np.linalg.matrix_rank(m[:, x > 0]) == np.sum(x > 0)
