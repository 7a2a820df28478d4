# SPDX-License-Identifier: Apache-2.0
"""One layer is a Gaussian mixture: closed forms and direct integrals over the plane are the judges."""

import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal, norm

import drmm_engine as drmm
from tests.engine.truth import SIGMAS, random_model

COMPONENTS = 5


@pytest.fixture(params=SIGMAS)
def model(request):
    return random_model(3, (COMPONENTS,), request.param, streams=1)


def mixture(model):
    """Weights [K], means [K, 2] and standard deviations [K, 2] in data units."""
    layer, schema = model.layers[0], model.schema
    sd = schema.scale * np.exp(layer.log_sigma)
    return np.exp(layer.log_weight), schema.offset + schema.scale * layer.mean, np.broadcast_to(sd, (COMPONENTS, 2))


def logits(model, *conditions):
    evidence = model.evidence(conditions, 1)
    return model.layers[0].logits(evidence, np.zeros((1, 0), dtype=int))[0]


def log_evidence(model, *conditions):
    return model.sample(conditions, count=1, truncation=0).log_weight[0]


def plane(model, steps=1600):
    """Points x and y [S, S] that hold all of the mixture's mass, and each component's mass in every cell [K, S, S]."""
    w, mean, sd = mixture(model)
    low, high = (mean - 8 * sd).min(0), (mean + 8 * sd).max(0)
    x, y = (low[i] + (high[i] - low[i]) * (np.arange(steps) + 0.5) / steps for i in range(2))
    cell = np.prod((high - low) / steps)
    mass = [w[k] * cell * norm.pdf(x, mean[k, 0], sd[k, 0])[:, None] * norm.pdf(y, mean[k, 1], sd[k, 1])
            for k in range(COMPONENTS)]
    return *np.meshgrid(x, y, indexing="ij"), np.array(mass)


def share_above(value):
    """How much of each cell has a positive value, to second order in the cell's size."""
    dx, dy = np.gradient(value)
    return np.clip(0.5 + value / (np.abs(dx) + np.abs(dy)), 0, 1)


def test_likelihood_is_that_of_the_mixture(model):
    w, mean, sd = mixture(model)
    x = np.random.default_rng(0).normal(size=(50, 2))
    each = [np.log(w[k]) + multivariate_normal.logpdf(x, mean[k], np.diag(sd[k] ** 2)) for k in range(COMPONENTS)]
    assert model.log_prob(x) == pytest.approx(logsumexp(each, axis=0), abs=1e-9)


def test_likelihood_integrates_to_one(model):
    x, y, mass = plane(model, 300)
    cell = mass.sum() / np.exp(model.log_prob(np.stack([x.ravel(), y.ravel()], 1))).sum()
    assert cell == pytest.approx((x[1, 0] - x[0, 0]) * (y[0, 1] - y[0, 0]), rel=1e-6)


def test_unknown_values_are_marginalised(model):
    w, mean, sd = mixture(model)
    x = np.array([[0.3, np.nan], [np.nan, -0.2], [np.nan, np.nan]])
    expected = [logsumexp(np.log(w) + norm.logpdf(0.3, mean[:, 0], sd[:, 0])),
                logsumexp(np.log(w) + norm.logpdf(-0.2, mean[:, 1], sd[:, 1])), 0.0]
    assert model.log_prob(x) == pytest.approx(np.array(expected), abs=1e-9)


def test_components_given_a_known_variable(model):
    w, mean, sd = mixture(model)
    expected = np.log(w) + norm.logpdf(0.4, mean[:, 0], sd[:, 0])
    assert softmax(logits(model, drmm.Known({"x": 0.4}))) == pytest.approx(softmax(expected), abs=1e-12)
    assert log_evidence(model, drmm.Known({"x": 0.4})) == pytest.approx(
        logsumexp(expected) + np.log(model.schema.scale[0]), abs=1e-9)


def test_the_free_variable_follows_the_component(model):
    _, mean, _ = mixture(model)
    draw = model.sample([drmm.Known({"x": 0.4})], count=200)
    assert np.all(draw["x"] == 0.4)
    assert draw["y"] == pytest.approx(mean[draw.components[:, 0], 1], abs=1e-12)


def test_prior_multiplies_and_integrates_out(model):
    prior = drmm.GaussianPrior({"x": (0.2, 0.5), "y": (-0.4, 1.5)})
    x, y, mass = plane(model)
    factor = norm.pdf(x, 0.2, 0.5) * norm.pdf(y, -0.4, 1.5)
    expected = (factor * mass).sum((1, 2))
    assert softmax(logits(model, prior)) == pytest.approx(expected / expected.sum(), abs=1e-6)
    assert log_evidence(model, prior) == pytest.approx(
        np.log(expected.sum()) + np.log(model.schema.scale).sum(), abs=1e-5)


def test_values_under_a_prior_are_the_product_mean(model):
    _, mean, sd = mixture(model)
    draw = model.sample([drmm.GaussianPrior({"x": (0.2, 0.5)})], count=100)
    h = draw.components[:, 0]
    precision = 1 / sd[h, 0] ** 2 + 1 / 0.5**2
    assert draw["x"] == pytest.approx((mean[h, 0] / sd[h, 0] ** 2 + 0.2 / 0.5**2) / precision, abs=1e-9)


def test_equality_is_the_density_on_its_line(model):
    w, mean, sd = mixture(model)
    a, b = np.array([1.0, -0.7]), 0.3
    density = norm.logpdf(0, mean @ a + b, np.sqrt(sd**2 @ a**2))
    condition = drmm.LinearEquality({"x": a[0], "y": a[1]}, offset=b)
    assert softmax(logits(model, condition)) == pytest.approx(softmax(np.log(w) + density), abs=1e-9)
    draw = model.sample([condition], count=100)
    assert draw.values @ a + b == pytest.approx(np.zeros(100), abs=1e-6)
    h = draw.components[:, 0]
    along = sd[h] ** 2 * a  # the least likely step onto the line is against the covariance times the normal
    expected = mean[h] - along * ((mean[h] @ a + b) / (along @ a))[:, None]
    assert draw.values == pytest.approx(expected, abs=1e-6)


def test_equality_known_and_prior_together(model):
    """x is known, and so y by the equality; the prior on y then only scales."""
    w, mean, sd = mixture(model)
    query = [drmm.Known({"x": 0.5}), drmm.LinearEquality({"x": 1.0, "y": 2.0}, offset=-0.1),
             drmm.GaussianPrior({"y": (0.3, 0.2)})]
    y = (0.1 - 0.5) / 2
    expected = np.log(w) + norm.logpdf(0.5, mean[:, 0], sd[:, 0]) + norm.logpdf(y, mean[:, 1], sd[:, 1])
    assert softmax(logits(model, *query)) == pytest.approx(softmax(expected), abs=1e-5)
    draw = model.sample(query, count=20)
    assert np.all(draw["x"] == 0.5)
    assert draw["y"] == pytest.approx(np.full(20, y), abs=1e-5)


def test_equality_with_a_prior_that_shares_its_variables(model):
    x, y, mass = plane(model)
    query = [drmm.LinearEquality({"x": 1.0, "y": 0.5}, offset=0.2), drmm.GaussianPrior({"x": (0.1, 0.4)})]
    width = 0.05  # the equality as a narrow ridge
    factor = norm.pdf(x + 0.5 * y + 0.2, 0, width) * norm.pdf(x, 0.1, 0.4)
    expected = (factor * mass).sum((1, 2))
    assert softmax(logits(model, *query)) == pytest.approx(expected / expected.sum(), abs=0.01)


def test_known_and_prior_on_one_variable(model):
    w, mean, sd = mixture(model)
    query = [drmm.Known({"x": 0.5}), drmm.GaussianPrior({"x": (-3.0, 0.1)})]
    expected = np.log(w) + norm.logpdf(0.5, mean[:, 0], sd[:, 0])
    assert softmax(logits(model, *query)) == pytest.approx(softmax(expected), abs=1e-5)
    assert np.all(model.sample(query, count=5)["x"] == 0.5)


def test_saying_an_equality_twice_changes_nothing(model):
    once = drmm.LinearEquality({"x": 1.0, "y": 2.0}, offset=-0.1)
    again = drmm.LinearEquality({"x": -2.0, "y": -4.0}, offset=0.2)
    expected = softmax(logits(model, once))
    assert softmax(logits(model, once, again)) == pytest.approx(expected, abs=1e-4)


def test_half_space_mass(model):
    x, y, mass = plane(model)
    expected = (share_above(x - 0.6 * y + 0.1) * mass).sum((1, 2))
    condition = drmm.HalfSpace({"x": 1.0, "y": -0.6}, offset=0.1)
    assert np.exp(logits(model, condition)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("observed", [
    drmm.GaussianPrior({"x": (0.2, 0.3)}),
    drmm.GaussianPrior({"x": (0.2, 0.3), "y": (1.0, 0.7)}),
])
def test_half_space_under_the_distribution_given_a_prior(model, observed):
    x, y, mass = plane(model)
    factor = np.prod([norm.pdf({"x": x, "y": y}[n], *p) for n, p in observed.priors.items()], axis=0)
    expected = (share_above(x - 0.6 * y + 0.1) * factor * mass).sum((1, 2))
    condition = drmm.HalfSpace({"x": 1.0, "y": -0.6}, offset=0.1)
    assert softmax(logits(model, observed, condition)) == pytest.approx(expected / expected.sum(), abs=1e-5)


def test_half_space_on_a_known_and_a_free_variable(model):
    w, mean, sd = mixture(model)
    query = [drmm.Known({"x": 0.5}), drmm.HalfSpace({"x": 1.0, "y": -0.6}, offset=0.1)]
    free = norm.logcdf((0.5 + 0.1) / 0.6, mean[:, 1], sd[:, 1])
    expected = np.log(w) + norm.logpdf(0.5, mean[:, 0], sd[:, 0]) + free
    assert softmax(logits(model, *query)) == pytest.approx(softmax(expected), abs=1e-5)


@pytest.mark.parametrize("offset", [0.6, -0.6])
def test_half_space_on_known_variables_alone_says_nothing_of_components(model, offset):
    known, half_space = drmm.Known({"x": 0.0}), drmm.HalfSpace({"x": 1.0}, offset=offset)
    expected = softmax(logits(model, known))
    assert softmax(logits(model, known, half_space)) == pytest.approx(expected, abs=1e-5)


def test_half_space_with_an_equality(model):
    """On the line x + y = 0.2, y > 0.5 is x < -0.3 ."""
    line = drmm.LinearEquality({"x": 1.0, "y": 1.0}, offset=-0.2)
    above, left = drmm.HalfSpace({"y": 1.0}, offset=-0.5), drmm.HalfSpace({"x": -1.0}, offset=-0.3)
    assert softmax(logits(model, line, above)) == pytest.approx(softmax(logits(model, line, left)), abs=1e-6)


def test_box_is_the_product_of_its_sides(model):
    w, mean, sd = mixture(model)
    box = drmm.Box({"x": (-0.5, 0.8), "y": (0.1, np.inf)})
    z = (np.array([-0.5, 0.8, 0.1]) - mean[:, [0, 0, 1]]) / sd[:, [0, 0, 1]]
    expected = np.log(w) + norm.logsf(z[:, 0]) + norm.logcdf(z[:, 1]) + norm.logsf(z[:, 2])
    assert logits(model, box) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("m", [0.333, 1.0, 2.5])
def test_multiplier_is_the_first_power_on_the_whole_term(model, m):
    w, mean, sd = mixture(model)
    known = drmm.Known({"x": 0.4}, weight=m)
    term = norm.logpdf(0.4, mean[:, 0], sd[:, 0]) + np.log(model.schema.scale[0])
    assert logits(model, known) == pytest.approx(np.log(w) + m * term, abs=1e-9)
    half_space = drmm.HalfSpace({"x": 1.0}, offset=-0.4, weight=m)
    assert logits(model, half_space) == pytest.approx(
        np.log(w) + m * norm.logsf((0.4 - mean[:, 0]) / sd[:, 0]), abs=1e-6)


def test_weights_of_coupled_observations_are_continuous_with_those_of_separate_ones(model):
    """An equality that hardly touches x leaves the meaning of x's multiplier as it is."""
    for m in (0.25, 1.0, 2.0):
        known = drmm.Known({"x": 0.4}, weight=m)
        alone = logits(model, known) + logits(model, drmm.LinearEquality({"y": 1.0})) - logits(model)
        joint = logits(model, known, drmm.LinearEquality({"x": 1e-7, "y": 1.0}))
        assert joint == pytest.approx(alone, abs=1e-5)


def test_soft_known_value_moves_the_sample_by_its_multiplier(model):
    _, mean, _ = mixture(model)
    draw = model.sample([drmm.Known({"x": 0.4}, weight=0.25)], count=50)
    h = draw.components[:, 0]
    assert draw["x"] == pytest.approx(mean[h, 0] + 0.25 * (0.4 - mean[h, 0]), abs=1e-9)


def test_the_least_violating_component_wins_where_all_violate(model):
    _, mean, sd = mixture(model)
    for distance in (50, 1e3, 1e6):
        z = (mean[:, 0] - distance) / sd[:, 0]
        draw = model.sample([drmm.HalfSpace({"x": 1.0}, offset=-distance)], count=20, truncation=0)
        assert np.all(np.isfinite(draw.log_weight))
        assert np.all(draw.components == np.argmax(z))


def test_contradictory_conditions_still_give_samples(model):
    query = [drmm.Known({"x": 0.0}), drmm.HalfSpace({"x": 1.0}, offset=-5.0), drmm.Box({"y": (3.0, 3.0001)}),
             drmm.LinearEquality({"x": 1.0}, offset=2.0)]
    draw = model.sample(query, count=8, sweeps=1, noise=True)
    assert np.all(np.isfinite(draw.values))
