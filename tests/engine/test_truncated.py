# SPDX-License-Identifier: Apache-2.0
"""Gaussians within half-spaces and boxes: against scipy, rejection, and what holds whatever the limits are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import kstest, truncnorm

from drmm_engine.truncated import cut, interval_moments, multipliers, to_mode

RNG = np.random.default_rng


def moved(a, b, x, noise=False, binds=None, seed=0):
    """Points x [B, N] of N(0, I), moved to where a x + b > 0: draws themselves, or (without noise) means of N(x, I)."""
    g = np.broadcast_to(b, (len(x), len(b)))
    k = np.broadcast_to(a @ a.T, (len(x), *(a @ a.T).shape))
    binds = np.ones(g.shape, bool) if binds is None else binds
    y = x @ a.T + b
    steps = multipliers(g if noise else y, k, binds, y if noise else None, 1.0, RNG(seed))
    return x + steps @ a


@pytest.mark.parametrize("low, high", [
    (-1.0, 2.0), (0.5, 0.6), (3.0, np.inf), (-40.0, -39.0), (25.0, 25.01), (30.0, np.inf), (-1e-4, 1e-4),
    (-np.inf, 9.0),
])
@pytest.mark.parametrize("m, v", [(0.0, 1.0), (1.5, 0.2)])
def test_moments_of_an_interval(low, high, m, v):
    low = -1e9 if low == -np.inf else low
    mean, variance = interval_moments(*(np.array([[x]]) for x in (m, v, low, high)))
    sd = v**0.5
    a, b = (low - m) / sd, (high - m) / sd
    x = np.linspace(max(a, -12 + min(b, 0)), min(b, 12 + max(a, 0)), 400_001)
    log_p = -0.5 * x * x
    p = np.exp(log_p - log_p.max())
    expected = (p * x).sum() / p.sum()
    spread = np.sqrt((p * (x - expected) ** 2).sum() / p.sum())
    assert (mean[0, 0] - m) / sd == pytest.approx(expected, abs=2e-3 * spread)
    assert np.sqrt(variance[0, 0]) / sd == pytest.approx(spread, rel=0.02)


def test_one_half_space_has_the_mean_of_the_truncated_normal():
    a, x = np.array([[0.6, -0.8, 0.0]]), RNG(0).normal(size=(9, 3)) * 3
    out = moved(a, np.array([-1.0]), x)
    inside = truncnorm(1.0 - x @ a[0], np.inf, loc=x @ a[0]).mean()
    assert out @ a[0] == pytest.approx(inside, abs=1e-4)
    assert out - x == pytest.approx(np.outer(inside - x @ a[0], a[0]), abs=1e-4)  # along the normal alone


@pytest.mark.parametrize("seed", range(6))
def test_means_and_draws_within_several_half_spaces(seed):
    """Against rejection: means to a fiftieth of a standard deviation, draws' means and covariances."""
    rng = RNG(seed)
    a, b = rng.normal(size=(2 + seed, 3)), rng.uniform(-0.3, 1.5, 2 + seed)
    x = rng.normal(size=(2_000_000, 3))
    truth = x[np.all(x @ a.T + b > 0, axis=1)]
    assert len(truth) > 2000
    error = 5 / np.sqrt(len(truth))
    assert moved(a, b, np.zeros((1, 3)))[0] == pytest.approx(truth.mean(0), abs=0.02 + error)
    drawn = moved(a, b, rng.normal(size=(8000, 3)), noise=True)
    assert np.all(drawn @ a.T + b > 0)
    assert drawn.mean(0) == pytest.approx(truth.mean(0), abs=error + 5 / np.sqrt(8000))
    assert np.cov(drawn.T) == pytest.approx(np.cov(truth.T), abs=1.5 * error + 8 / np.sqrt(8000))


@pytest.mark.parametrize("low, high", [(-0.5, 0.7), (2.0, 2.1), (6.0, np.inf), (-3.0, 0.0)])
def test_draws_within_an_interval_follow_the_truncated_normal(low, high):
    rows = [[1.0, 0.0]] + ([[-1.0, 0.0]] if np.isfinite(high) else [])
    b = np.array([-low, high][: len(rows)])
    x = moved(np.array(rows), b, RNG(1).normal(size=(20_000, 2)), noise=True)
    assert kstest(x[:, 0], truncnorm(low, high).cdf).pvalue > 1e-4
    assert kstest(x[:, 1], "norm").pvalue > 1e-4


def test_a_temperature_widens_the_draws():
    n = 20_000
    x = 2 * RNG(2).normal(size=(n, 1))  # temperature 4
    steps = multipliers(np.ones((n, 1)), np.ones((n, 1, 1)), np.ones((n, 1), bool), x + 1, 4.0, RNG(0))
    assert kstest((x + steps)[:, 0], truncnorm(-0.5, np.inf, scale=2).cdf).pvalue > 1e-4


@pytest.mark.parametrize("seed", range(8))
def test_the_likeliest_point(seed):
    rng = RNG(seed)
    a, x = rng.normal(size=(5, 4)), 4 * rng.normal(size=4)
    b = rng.uniform(0.1, 2, 5) - a @ rng.normal(size=4)  # some point is inside
    c = cut((a @ x + b)[None], (a @ a.T)[None], np.ones((1, 5), bool))
    found = x + (c.spread(to_mode(c), 5) @ a)[0]
    best = minimize(lambda p: ((p - x) ** 2).sum(), x, constraints={"type": "ineq", "fun": lambda p: a @ p + b},
                    method="SLSQP", options={"ftol": 1e-12, "maxiter": 500})
    assert found == pytest.approx(best.x, abs=1e-4)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 8), st.sampled_from([0.1, 3.0, 30.0]),
       st.sampled_from([0.02, 1.0]), st.booleans())
def test_all_end_up_inside(seed, rows, variables, away, room, noise):
    """Wherever some point is inside, near or thirty standard deviations away, wide or a needle."""
    rng = RNG(seed)
    a, inner = rng.normal(size=(rows, variables)), away * rng.normal(size=variables)
    b = room * (0.1 + rng.exponential(size=rows)) * np.linalg.norm(a, axis=1) - a @ inner
    x = moved(a, b, rng.normal(size=(5, variables)), noise)
    assert np.isfinite(x).all()
    assert ((x @ a.T + b) / np.linalg.norm(a, axis=1)).min() > -1e-8


def test_what_does_not_bind_does_nothing():
    a, x = np.eye(2), np.full((3, 2), -2.0)
    binds = np.array([[True, False], [False, True], [False, False]])
    out = moved(a, np.zeros(2), x, binds=binds)
    assert np.array_equal(out[~binds], x[~binds]) and np.all(out[binds] > 0)


@pytest.mark.parametrize("noise", [False, True])
def test_limits_that_exclude_each_other_end_between_them(noise):
    a = np.array([[1.0, 0.0], [-1.0, 0.0]])
    x = moved(a, np.array([-3.0, 1.0]), RNG(0).normal(size=(20, 2)), noise)  # x > 3 and x < 1
    assert x[:, 0] == pytest.approx(np.full(20, 2.0), abs=1e-3)
