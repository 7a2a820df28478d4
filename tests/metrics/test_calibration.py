# SPDX-License-Identifier: Apache-2.0
"""Ranks of simulated values among posterior draws, and what they say of every kind of model."""

import numpy as np
import pytest
from scipy.stats import chi2, chisquare, norm

import drmm_engine as drmm
from drmm_engine.metrics.calibration import chi_square, ranks
from tests.engine.truth import KINDS, random_model

SETS, DRAWS = 1500, 15
LIMIT = chi2.ppf(1 - 1e-4, DRAWS)


def test_ranks_count_the_draws_below():
    assert ranks([0.0, 5.0, -1.0], [[1, 2, -3], [1, 2, 3], [0, 0, 0]]).tolist() == [1, 3, 0]


def test_ties_are_spread():
    found = ranks(np.zeros(4000), np.zeros((4000, 3)))
    assert chi_square(found, 4) < chi2.ppf(1 - 1e-4, 3)


def test_chi_square_is_pearsons():
    found = np.random.default_rng(0).integers(0, 5, 300)
    assert chi_square(found, 6) == pytest.approx(chisquare(np.bincount(found, minlength=6)).statistic)


@pytest.mark.parametrize("make, message", [
    (lambda: ranks([1.0], [1.0]), "ranks needs one true value a row of draws"),
    (lambda: ranks([1.0, 2.0], [[1.0]]), r"got shapes \(2,\) and \(1, 1\)"),
    (lambda: chi_square(np.array([0, 4]), 4), "chi_square needs ranks from 0 to 3, got 0 to 4"),
])
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("width, right", [(1.0, True), (0.7, False), (1.4, False)])
def test_a_normal_posterior_passes_and_one_too_narrow_or_wide_does_not(width, right):
    rng = np.random.default_rng(1)
    truth, error = rng.normal(size=(2, SETS))
    mean, sd = (truth + error) / 2, np.sqrt(0.5)
    draws = mean[:, None] + width * sd * norm.rvs(size=(SETS, DRAWS), random_state=2)
    assert (chi_square(ranks(truth, draws), DRAWS + 1) < LIMIT) == right


def simulate(model, sd, seed=0):
    """Values from the model, and what is observed of them: x and the class exactly, z with an error."""
    truth = model.sample(count=SETS, seed=3 * seed, sweeps=20, noise=True, rank=False, truncation=0.0)
    observed = truth["z"] + sd * np.random.default_rng(3 * seed + 1).normal(size=SETS)
    x, z, style = (np.repeat(v, DRAWS) for v in (truth["x"], observed, truth["style0"]))
    return truth, [drmm.Known({"x": x, "style0": style}), drmm.GaussianPrior({"z": (z, sd)})]


@pytest.mark.parametrize("components", [(4,), (3, 4)])
@pytest.mark.parametrize("kind", KINDS)
def test_posterior_draws_are_calibrated(kind, components):
    """Values drawn from the model rank uniformly among the draws given what is observed of them."""
    model, seed = random_model(4, components, kind, classes=(2,)), 10 * KINDS.index(kind) + len(components)
    truth, query = simulate(model, 0.5 * model.schema.scale[2], seed)
    draw = model.sample(query, count=SETS * DRAWS, seed=3 * seed + 2, sweeps=8, noise=True, rank=False, truncation=0.0)
    for name in ("y", "z", "u"):
        assert chi_square(ranks(truth[name], draw[name].reshape(SETS, DRAWS)), DRAWS + 1) < LIMIT, name


def test_a_posterior_without_its_noise_is_found_out():
    model = random_model(4, (3, 4), "full", classes=(2,))
    truth, query = simulate(model, sd=0.5 * model.schema.scale[2])
    draw = model.sample(query, count=SETS * DRAWS, seed=1, sweeps=8, noise=False, rank=False, truncation=0.0)
    assert chi_square(ranks(truth["z"], draw["z"].reshape(SETS, DRAWS)), DRAWS + 1) > LIMIT
