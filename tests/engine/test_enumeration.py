# SPDX-License-Identifier: Apache-2.0
"""Two and three layers against enumeration over all component paths."""

import numpy as np
import pytest
from scipy.special import logsumexp

import drmm_engine as drmm
from tests.engine.truth import (
    ABOVE,
    EQUALITY,
    KINDS,
    KNOWN,
    QUERIES,
    Truth,
    log_rows,
    mixture_log_prob,
    random_model,
    sampling_error,
    tally,
    total_variation,
)


@pytest.fixture(params=KINDS)
def sigma(request):
    return request.param


@pytest.fixture
def model(sigma):
    return random_model(5, (3, 4, 3), sigma, classes=(3,))


@pytest.fixture(params=[1.0, 4.0])
def any_model(request, sigma):
    """Overlapping components, and components far apart."""
    return random_model(5, (3, 4, 3), sigma, classes=(3,), spread=request.param)


@pytest.fixture(params=QUERIES)
def query(request):
    return QUERIES[request.param]


def rows_of(model, count, missing):
    rng = np.random.default_rng(1)
    x = model.sample(count=count, noise=True).values
    x[rng.random(x.shape) < missing] = np.nan
    return x


@pytest.mark.parametrize("missing", [0.0, 0.5])
def test_density(any_model, missing):
    model, x = any_model, rows_of(any_model, 12, missing)
    expected = mixture_log_prob(model, x)
    assert model.log_prob(x) == pytest.approx(expected, abs=1e-9)
    assert model.log_prob(x, exact=True) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("samples", [1, 4])
def test_density_estimate_is_unbiased(model, samples):
    """Eq. 10: the mean of estimates is the density, within five standard errors."""
    x, n = rows_of(model, 3, 0.3), 3000
    each = model.log_prob(np.repeat(x, n, axis=0), samples=samples, exact=False).reshape(3, n)
    estimates = np.exp(each - mixture_log_prob(model, x)[:, None])
    assert np.all(np.abs(estimates.mean(1) - 1) < 5 * estimates.std(1) / np.sqrt(n) + 1e-9)


def test_density_in_blocks_is_the_same(model, monkeypatch):
    x = rows_of(model, 9, 0.2)
    whole = model.log_prob(x)
    monkeypatch.setattr("drmm_engine.model.BLOCK", 500)
    assert model.log_prob(x) == pytest.approx(whole, abs=1e-12)
    assert len(model.log_prob(np.zeros((0, x.shape[1])))) == 0


@pytest.mark.parametrize("truncation", [0.0, 0.3])
def test_joint_density_and_weight_of_every_draw(any_model, query, truncation):
    """log_joint = log p(h, conditions) and log_weight = log_joint - log q(h), path by path."""
    model, truth = any_model, Truth(any_model, query)
    draw = model.sample(query, count=8, seed=2, truncation=truncation)
    for h, log_joint, log_weight in zip(draw.components, draw.log_joint, draw.log_weight, strict=True):
        path = tuple(int(i) for i in h)
        assert log_joint == pytest.approx(truth.log_joint(path), abs=2e-5)
        assert log_weight == pytest.approx(log_joint - truth.log_q(path, truncation), abs=2e-4)


def test_weighted_draws_are_the_conditional_distribution(model, query):
    truth = Truth(model, query)
    draw = model.sample(query, count=20_000, truncation=0)
    p, log_evidence = truth.posterior()
    w = np.exp(draw.log_weight - log_evidence)
    assert abs(w.mean() - 1) < 5 * w.std() / np.sqrt(len(w)) + 1e-5
    found = tally(truth, draw.components, w)
    assert total_variation(found, p) < sampling_error(len(p), draw.effective_sample_size)


def test_draws_follow_the_proposal(model, query):
    truth = Truth(model, query)
    draw = model.sample(query, count=20_000, seed=1, truncation=0.05)
    with np.errstate(divide="ignore"):
        q = {path: truth.log_q(path, 0.05) for path in set(map(tuple, draw.components.tolist()))}
    expected = np.array([np.exp(q.get(path, -np.inf)) for path in truth.paths])
    assert total_variation(tally(truth, draw.components), expected) < sampling_error(len(expected), 20_000)


def test_resampled_draws_are_the_conditional_distribution(model, query):
    truth = Truth(model, query)
    draw = model.sample(query, count=20_000, truncation=0, resample=True)
    worth = model.sample(query, count=20_000, truncation=0).effective_sample_size
    p, log_evidence = truth.posterior()
    assert total_variation(tally(truth, draw.components), p) < sampling_error(len(p), worth)
    assert np.ptp(draw.log_weight) == 0
    assert draw.log_weight[0] == pytest.approx(log_evidence, abs=5 * np.sqrt(1 / worth))


def test_sweeps_keep_and_reach_the_conditional_distribution(model, query):
    """Per-sample weights switch resampling off, so that the sweeps alone must get there."""
    truth = Truth(model, query)
    each = np.array([1.0, *np.ones(3999)])
    own = [drmm.HalfSpace({"x": 1.0}, offset=1e6 + each)]  # always true, but different evidence for every sample
    draw = model.sample([*query, *own], count=4000, sweeps=12, truncation=0)
    p, _ = truth.posterior()
    assert total_variation(tally(truth, draw.components), p) < sampling_error(len(p), 4000)
    for h, log_joint in list(zip(draw.components, draw.log_joint, strict=True))[:10]:
        assert log_joint == pytest.approx(truth.log_joint(tuple(int(i) for i in h)), abs=2e-5)


def test_shared_evidence_sweeps_start_from_resampled_draws(model):
    truth = Truth(model, QUERIES["known"])
    draw = model.sample(QUERIES["known"], count=4000, sweeps=6)
    assert total_variation(tally(truth, draw.components), truth.posterior()[0]) < sampling_error(36, 4000)


@pytest.mark.parametrize("name", [n for n in QUERIES if "half" not in n and "all else" not in n])
def test_values_are_the_mean_given_the_path_and_the_observations(model, name):
    truth, real = Truth(model, QUERIES[name]), model.schema.real_columns
    draw = model.sample(QUERIES[name], count=30)
    for h, values in zip(draw.components, draw.values, strict=True):
        assert values[real] == pytest.approx(truth.given(tuple(h))[0], abs=1e-6)


CUT = {name: QUERIES[name] for name in QUERIES if "half" in name and "weighted" not in name} | {
    "half-space alone": [drmm.HalfSpace({"y": 1.0}, offset=-0.6)],
    "box": [drmm.Known({"x": 0.3}), drmm.Box({"y": (-0.6, 0.3), "z": (-0.5, 1.0)})],
}


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("name", CUT)
def test_values_lie_where_the_inequalities_hold(model, name, noise):
    draw = model.sample(CUT[name], count=200, noise=noise)
    unequal = [line for line in draw.fulfilment().lines if "<" in line.text or ">" in line.text]
    assert unequal and all(line.share == 1.0 for line in unequal)
    assert all(line.share == 1.0 for line in draw.fulfilment().lines if line.text.startswith("Known") and "0." in
               line.text and np.all(line.weight == 1))


@pytest.mark.parametrize("name", CUT)
def test_values_are_the_mean_within_the_inequalities(model, name):
    """Against draws by rejection; of several inequalities the mean is approximate, to a twentieth of the spread."""
    truth, real = Truth(model, CUT[name]), model.schema.real_columns
    draw, compared = model.sample(CUT[name], count=12), 0
    for h, values in zip(draw.components, draw.values, strict=True):
        x = truth.within(tuple(h), 100_000)
        if len(x) > 500:
            sd = np.sqrt(np.maximum(np.diag(truth.given(tuple(h))[1]), 0))
            error = 0.05 * sd + 5 * x.std(0) / np.sqrt(len(x)) + 1e-6
            assert np.all(np.abs(values[real] - x.mean(0)) < error)
            compared += 1
    assert compared


@pytest.mark.parametrize("name", CUT)
def test_noise_draws_within_the_inequalities(sigma, name):
    """One component a layer: means and covariance of what rejection leaves."""
    one, n = random_model(6, (1, 1), sigma), 10_000
    truth = Truth(one, CUT[name])
    x, values = truth.within((0, 0), 1_000_000), one.sample(CUT[name], count=n, noise=True).values
    if len(x) < 500:  # a far one: that all lie within is tested above
        return
    sd = np.maximum(x.std(0), 1e-6)
    assert np.all(np.abs(values.mean(0) - x.mean(0)) < 5 * sd * np.sqrt(1 / n + 1 / len(x)) + 1e-6)
    assert np.abs((np.cov(values.T) - np.cov(x.T)) / np.outer(sd, sd)).max() < 8 * np.sqrt(1 / n + 1 / len(x)) + 1e-6


def test_an_inequality_of_low_weight_binds_that_share_of_the_samples():
    one, n = random_model(6, (1, 1)), 4000
    truth = Truth(one, [drmm.HalfSpace({"y": 1.0})])
    offset = -float(truth.component((0, 0))[0][1] + 0.3)  # the mean lies outside
    met = [one.sample([drmm.HalfSpace({"y": 1.0}, offset=offset, weight=w)], count=n).fulfilment().lines[0].share
           for w in (0.25, 1.0, 2.0)]
    assert met[1:] == [1.0, 1.0] and abs(met[0] - 0.25) < 5 * np.sqrt(0.25 * 0.75 / n)


def test_values_unclamped_are_the_sum_of_means(model, query):
    truth, real = Truth(model, query), model.schema.real_columns
    draw = model.sample(query, count=30, clamp=False)
    for h, values in zip(draw.components, draw.values, strict=True):
        assert values[real] == pytest.approx(truth.component(tuple(h))[0], abs=1e-9)


@pytest.mark.parametrize("clamp", [True, False])
@pytest.mark.parametrize("name", ["nothing", "known softly", "known, prior and equality that share variables"])
def test_noise_has_the_covariance_left_open(sigma, name, clamp):
    """One component a layer, so that all draws share their path: mean and covariance within sampling error."""
    one = random_model(6, (1, 1), sigma)
    truth, n = Truth(one, QUERIES[name]), 20_000
    mean, covariance = truth.given((0, 0)) if clamp else truth.component((0, 0))
    values = one.sample(QUERIES[name], count=n, clamp=clamp, noise=True).values
    sd = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    assert np.all(np.abs(values.mean(0) - mean) < 5 * sd / np.sqrt(n) + 1e-6)
    unit = np.outer(np.sqrt(np.diag(truth.component((0, 0))[1])), np.sqrt(np.diag(truth.component((0, 0))[1])))
    assert np.abs((np.cov(values.T) - covariance) / unit).max() < 5 * np.sqrt(2 / n)


def test_noise_leaves_known_variables_exact(model):
    draw = model.sample([KNOWN, EQUALITY], count=50, noise=True)
    assert np.all(draw["x"] == 0.3) and np.all(draw["u"] == -0.4)
    assert draw["y"] == pytest.approx(np.full(50, 0.5 * -0.4 - 0.1), abs=1e-5)
    assert np.std(draw["z"]) > 0


def test_per_sample_values_are_separate_queries(model):
    """Every sample has its own values, limits and weights; its joint density is that of its query alone."""
    n, rng = 12, np.random.default_rng(0)
    x, offset, mean, weight = rng.normal(size=(4, n))
    weight = np.abs(weight) * (np.arange(n) % 4 > 0)  # 0 for some
    labels = np.array(["c0", "c1", "c2"])[np.arange(n) % 3]

    def query(i):
        return [drmm.Known({"x": x[i]}, weight=weight[i]), drmm.Known({"style0": labels[i]}, weight=weight[i]),
                drmm.GaussianPrior({"z": (mean[i], 0.5)}), drmm.HalfSpace({"y": 1.0}, offset=offset[i]),
                drmm.Box({"u": (offset[i] - 1, 2.0)}, weight=0.7)]

    together = model.sample(query(slice(None)), count=n, rank=False)
    assert together["y"] + offset == pytest.approx(np.maximum(together["y"] + offset, 0))
    observed = model.sample(query(slice(None))[:3], count=n, rank=False)
    for i in range(n):
        truth = Truth(model, [c for c in query(i) if np.any(c.weight > 0)])
        path = tuple(int(h) for h in together.components[i])
        assert together.log_joint[i] == pytest.approx(truth.log_joint(path), abs=2e-5)
        assert together.log_weight[i] == pytest.approx(truth.log_joint(path) - truth.log_q(path, 0.05), abs=2e-4)
        path = tuple(int(h) for h in observed.components[i])
        assert observed.values[i][model.schema.real_columns] == pytest.approx(truth.given(path)[0], abs=1e-5)
        if weight[i] > 0:
            assert together["style0"][i] == i % 3


def test_per_sample_values_of_equal_value_draw_as_one(model):
    same = model.sample([drmm.Known({"x": 0.3, "z": -0.1}), ABOVE], count=40, seed=4)
    each = model.sample([drmm.Known({"x": np.full(40, 0.3), "z": -0.1}), ABOVE], count=40, seed=4)
    assert np.array_equal(same.components, each.components)
    assert same.values == pytest.approx(each.values, abs=1e-12)
    assert same.log_weight == pytest.approx(each.log_weight, abs=1e-9)


def test_resampling_across_different_queries_is_refused(model):
    with pytest.raises(ValueError, match="resample=True needs the same conditions for all samples"):
        model.sample([drmm.Known({"x": np.linspace(0, 1, 8)})], count=8, resample=True)


def test_unknown_classes_follow_the_last_component(model):
    truth, n = Truth(model, [KNOWN]), 20_000
    draw = model.sample([KNOWN], count=n, truncation=0, resample=True)
    p, _ = truth.posterior()
    table = np.exp(model.layers[-1].log_prob[0])
    expected = sum(p[i] * table[path[-1]] for i, path in enumerate(truth.paths))
    found = np.bincount(draw["style0"].astype(int), minlength=3) / n
    worth = model.sample([KNOWN], count=n, truncation=0).effective_sample_size
    assert total_variation(found, expected) < sampling_error(3, worth)


def test_classes_by_label_and_by_number_are_the_same(model):
    for label, number in (("c0", 0), ("c2", 2.0), (np.array(["c1"] * 16), np.ones(16))):
        a, b = (model.sample([drmm.Known({"style0": v})], count=16) for v in (label, number))
        assert np.array_equal(a.components, b.components)
        assert np.array_equal(a["style0"], b["style0"])


def test_ranked_best_first(model, query):
    draw = model.sample(query, count=50)
    assert np.all(np.diff(draw.log_weight) <= 0)
    swept = model.sample(query, count=50, sweeps=1)
    assert np.all(np.diff(swept.log_joint) <= 0)
    unranked = model.sample(query, count=50, rank=False)
    assert sorted(map(tuple, unranked.components)) == sorted(map(tuple, draw.components))


def test_categorical_streams_alone():
    model = random_model(2, (3, 2), streams=0, classes=(3, 4))
    x = np.array([[0, 1], [2, np.nan], [np.nan, np.nan]])
    assert model.log_prob(x) == pytest.approx(mixture_log_prob(model, x), abs=1e-12)
    draw = model.sample([drmm.Known({"style1": "c3"})], count=20, sweeps=1)
    assert np.all(draw["style1"] == 3)
    assert set(draw["style0"]) <= {0.0, 1.0, 2.0}


def test_latent_look_up_is_the_papers_smoothed_one_hot_arithmetic():
    """Streams h = log(smooth(onehot(h))), epsilon 1e-8, whose residual x - log p goes on, renormalised (Sec. 3)."""
    model, rng = random_model(9, (4, 5, 3, 4)), np.random.default_rng(0)
    table = [[log_rows(rng, model.layers[j].components, layer.components) for j in range(i)]
             for i, layer in enumerate(model.layers)]
    for i, layer in enumerate(model.layers):
        if i:
            layer.latent_table[:] = np.concatenate([t.T for t in table[i]])
    for h in rng.integers(0, 3, (20, 4)):
        streams = []
        for level, layer in enumerate(model.layers):
            smoothed = sum((np.exp(s - logsumexp(s)) @ t.T for s, t in zip(streams, table[level], strict=True)), 0.0)
            if level:
                assert layer.latent_logits(h[None, :level])[0] == pytest.approx(smoothed, abs=2e-6)
            streams = [s - t[h[level]] for s, t in zip(streams, table[level], strict=True)]
            one_hot = np.eye(layer.components)[h[level]]
            streams = [s - logsumexp(s) for s in streams] + [np.log((1 - 1e-8) * one_hot + 1e-8 / layer.components)]
