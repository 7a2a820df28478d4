# SPDX-License-Identifier: Apache-2.0
"""What the draws of a query follow: sweeps, weights, temperature, noise, the first layers, conditional densities."""

import numpy as np
import pytest
from scipy.special import logsumexp

import drmm_engine as drmm
from tests.engine.truth import (
    KINDS,
    QUERIES,
    Truth,
    mixture_log_prob,
    random_model,
    sampling_error,
    tally,
    total_variation,
)

TEMPERATURES = (0.5, 2.0)
TEMPERED = ["known, prior and equality that share variables"]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(params=QUERIES)
def query(request):
    return QUERIES[request.param]


@pytest.fixture
def model(kind):
    return random_model(5, (3, 3), kind, classes=(3,))


def tempered(truth, temperature):
    """p(h | conditions)^(1 / T) over all paths, and the log of its normaliser, sum_h p(h, conditions)^(1 / T)."""
    joint = np.array([truth.log_joint(path) for path in truth.paths]) / temperature
    return np.exp(joint - logsumexp(joint)), logsumexp(joint)


def test_swept_draws_are_the_posterior(model, query):
    """20,000 draws within a total variation of 0.02, of which independent draws take 0.01."""
    truth = Truth(model, query)
    draw = model.sample(query, count=20_000, sweeps=15)
    assert total_variation(tally(truth, draw.components), truth.posterior()[0]) < 0.02


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("name", TEMPERED)
def test_swept_draws_are_the_tempered_posterior(model, name, temperature):
    truth = Truth(model, QUERIES[name])
    draw = model.sample(QUERIES[name], count=20_000, sweeps=30, truncation=0, temperature=temperature)
    assert total_variation(tally(truth, draw.components), tempered(truth, temperature)[0]) < 0.02


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_weights_at_a_temperature(model, query, temperature):
    """sum over the last component of p(h, conditions)^(1 / T), over the share of draws of the others; log_joint is not
    tempered."""
    truth = Truth(model, query)
    draw = model.sample(query, count=30, truncation=0, temperature=temperature)
    first = np.array([truth.log_joint((h,)) for h in range(3)]) / temperature
    for h, log_weight, log_joint in zip(draw.components.tolist(), draw.log_weight, draw.log_joint, strict=True):
        last = logsumexp([truth.log_joint((h[0], k)) / temperature for k in range(3)])
        assert log_weight == pytest.approx(last - first[h[0]] + logsumexp(first), abs=2e-4)
        assert log_joint == pytest.approx(truth.log_joint(tuple(h)), abs=2e-5)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_resampled_draws_at_a_temperature(model, temperature):
    query = QUERIES["known, prior and equality that share variables"]
    truth = Truth(model, query)
    draw = model.sample(query, count=20_000, truncation=0, resample=True, temperature=temperature)
    p, log_normaliser = tempered(truth, temperature)
    assert total_variation(tally(truth, draw.components), p) < sampling_error(len(p), draw.effective_sample_size)
    assert draw.log_weight == pytest.approx(log_normaliser, abs=5 / np.sqrt(draw.effective_sample_size))


@pytest.mark.parametrize("clamp", [True, False])
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("name", ["nothing", "known softly", "known, prior and equality that share variables"])
def test_noise_at_a_temperature_has_that_share_of_the_covariance(kind, name, temperature, clamp):
    """One component a layer: the mean given the observations, and T times the covariance given them."""
    one, n = random_model(6, (1, 1), kind), 20_000
    truth = Truth(one, QUERIES[name])
    mean, covariance = truth.given((0, 0)) if clamp else truth.component((0, 0))
    values = one.sample(QUERIES[name], count=n, clamp=clamp, noise=True, temperature=temperature).values
    sd = np.sqrt(np.diag(truth.component((0, 0))[1]))
    assert np.all(np.abs(values.mean(0) - mean) < 5 * sd * np.sqrt(temperature / n))
    error = np.abs(np.cov(values.T) - temperature * covariance) / np.outer(sd, sd)
    assert error.max() < 5 * temperature * np.sqrt(2 / n)


def test_effective_sample_size(model, query):
    """(sum w)^2 / sum w^2, kept through resampling; of many draws what enumeration says it tends to."""
    truth, n = Truth(model, query), 20_000
    draw = model.sample(query, count=n, truncation=0)
    w = np.exp(draw.log_weight - draw.log_weight.max())
    assert draw.effective_sample_size == pytest.approx(w.sum() ** 2 / (w**2).sum(), rel=1e-9)
    assert draw.effective_sample_size == model.sample(query, n, truncation=0, resample=True).effective_sample_size
    before = range(3)
    last = [logsumexp([truth.log_joint((h, k)) for k in range(3)]) for h in before]  # the last layer is summed exactly
    q = np.array([truth.log_q((h,)) for h in before])
    expected = n * np.exp(2 * logsumexp(last) - logsumexp(2 * np.array(last) - q))
    assert draw.effective_sample_size == pytest.approx(expected, rel=0.2)  # a rare path may weigh 20 times the mean


@pytest.mark.parametrize("layers", [1, 2])
def test_the_first_layers_are_a_model_of_their_own(kind, layers):
    """Its draws and densities are those of the same layers written out."""
    model, query = random_model(5, (3, 3, 4), kind, classes=(3,)).first(layers), QUERIES["half-space and box"]
    truth = Truth(model, query)
    draw = model.sample(query, count=20_000, sweeps=15)
    assert draw.components.shape == (20_000, layers)
    assert total_variation(tally(truth, draw.components), truth.posterior()[0]) < 0.02
    x = model.sample(count=4, noise=True).values
    assert model.log_prob(x) == pytest.approx(mixture_log_prob(model, x), abs=1e-9)


def test_the_file_of_the_first_layers(kind, tmp_path):
    model = random_model(5, (3, 3, 4), kind, classes=(3,))
    model.first(2).save(tmp_path / "m")
    read, x = drmm.load(tmp_path / "m"), model.sample(count=5, noise=True).values
    assert len(read.layers) == 2 and read.log_prob(x) == pytest.approx(model.first(2).log_prob(x), abs=1e-4)
    same = model.first(3)
    assert same.log_prob(x) == pytest.approx(model.log_prob(x), abs=1e-12)


@pytest.mark.parametrize("given", [["x"], ["style0"], ["y", "u", "style0"], ["x", "y", "z", "u", "style0"]])
def test_conditional_likelihood(model, given):
    """log p(x | given) = log p(x) - log p(given), by enumeration; what is missing is marginalised on both sides."""
    x = model.sample(count=8, noise=True, seed=3).values
    x[1, 0] = x[2, 1] = x[3, 4] = np.nan
    margin = np.full_like(x, np.nan)
    columns = [model.schema.column(name) for name in given]
    margin[:, columns] = x[:, columns]
    expected = mixture_log_prob(model, x) - mixture_log_prob(model, margin)
    assert model.log_prob(x, given=given) == pytest.approx(expected, abs=1e-9)


def test_conditional_densities_integrate_to_one_and_marginals_to_their_integral(model):
    """Over y, on a grid that holds all of its mass."""
    row, y = model.sample(count=1, noise=True, seed=3).values[0], model.schema.column("y")
    scale = model.schema.variables[y].scale
    grid = model.schema.variables[y].offset + scale * np.linspace(-14, 14, 4001)
    x = np.repeat(row[None], len(grid), axis=0)
    x[:, y] = grid
    step = grid[1] - grid[0]
    others = [name for name in model.schema.names if name != "y"]
    assert np.exp(model.log_prob(x, given=others)).sum() * step == pytest.approx(1, abs=1e-6)
    row[y] = np.nan
    assert np.log(np.exp(model.log_prob(x)).sum() * step) == pytest.approx(model.log_prob(row)[0], abs=1e-6)
