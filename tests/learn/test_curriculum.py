# SPDX-License-Identifier: Apache-2.0
"""The curriculum against a naive computation of its formulas, finite differences, and its own promises."""

import math

import numpy as np
import pytest
import torch

from drmm_engine.learn import curriculum
from drmm_engine.learn.parameters import layers, to_model
from tests.learn.problems import MIXED, PLAIN, loss_of, parameters, settings, table

ITERATIONS = {1: 3, 2: 15, 3: 25}  # an iteration of each stage, of 30


def noise(s, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((len(s.components), s.batch), generator=generator, dtype=torch.float64)


def log_softmax(x, axis):
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def naive_loss(p, schema, s, data, weight, u, i):
    """The sheet's formulas in loops over rows, streams and components: no look-ups, no matrix products."""
    p = {name: x.detach().numpy() for name, x in p.items()}
    stage = 1 if i / 30 <= 1 / 3 else 2 if i / 30 <= 2 / 3 else 3
    estimates = np.zeros((len(s.components), len(data)))
    likelihoods = [np.zeros((len(data), k)) for k in s.components]
    for b, x in enumerate(data):
        residual, path, log_q = x.copy(), [], 0.0
        for level, k in enumerate(s.components):
            logits = np.zeros(k)
            for h in range(k):
                first = 0
                for r, stream in enumerate(schema.real_streams):
                    for v in range(len(stream.variables)):
                        n = first + v
                        own = p[f"layers.{level}.log_variance"]
                        log_variance = own[n if s.covariance == "diagonal" else r]
                        value = residual[schema.real_columns[n]]
                        if not np.isnan(value):
                            d = value - p[f"layers.{level}.mean"][h, n]
                            logits[h] += -0.5 * d * d / math.exp(log_variance)
                            logits[h] += -0.5 * log_variance - 0.5 * math.log(2 * math.pi)
                    first += len(stream.variables)
                likelihoods[level][b, h] = logits[h]
                for c, column in enumerate(schema.categorical_columns):
                    if not np.isnan(x[column]):
                        logits[h] += log_softmax(p[f"layers.{level}.classes.{c}"], 1)[h, int(x[column])]
                if stage >= 2:
                    start = 0
                    for j, hj in enumerate(path):
                        block = p[f"layers.{level}.latent"][start : start + s.components[j]]
                        logits[h] += log_softmax(block, 0)[hj, h]
                        start += s.components[j]
                if stage == 3:
                    logits[h] += log_softmax(p[f"layers.{level}.weight"], 0)[h]
            top = logits.max()
            estimates[level, b] = top + math.log(np.exp(logits - top).sum()) - log_q
            q = np.where(logits >= top + math.log(s.truncation), np.exp(logits - top), 0)
            q = q / q.sum()
            h = int(np.searchsorted(np.cumsum(q), float(u[level, b]), side="right"))
            log_q += math.log(q[h])
            path.append(h)
            residual[schema.real_columns] -= p[f"layers.{level}.mean"][h]
    mean = (estimates * (1 if weight is None else weight)).mean(1)
    phase = i / 30
    share = 3 * phase - 2 if stage == 3 else 0
    total = -(1 - share) * mean[:-1].sum() - mean[-1]
    if stage < 3:
        for level, k in enumerate(s.components):
            total -= 0.01 / k * sum(likelihoods[level][:, h].max() for h in range(k))
    return total


@pytest.mark.parametrize("stage", [1, 2, 3])
@pytest.mark.parametrize("covariance", ["isotropic", "diagonal"])
@pytest.mark.parametrize("weighted", [False, True])
def test_each_stage_has_the_loss_of_its_formula(stage, covariance, weighted):
    s = settings(3, 4, 2, covariance=covariance)
    weight = np.linspace(0.1, 2, 40) if weighted else None
    data, t = table(MIXED, weight=weight)
    p = parameters(MIXED, s)
    index = torch.arange(16)
    i = ITERATIONS[stage]
    got = loss_of(p, MIXED, t, s, index, noise(s), i)
    own = None if weight is None else (weight / weight.mean())[:16]
    data = data.astype(np.float32).astype(float)
    assert float(got.detach()) == pytest.approx(naive_loss(p, MIXED, s, data[:16], own, noise(s), i), rel=1e-6)


def test_missing_values_are_left_out_of_the_loss_in_stage_3():
    s = settings(3, 2)
    data, t = table(MIXED, missing=0.4)
    p = parameters(MIXED, s)
    data = data[~np.isnan(data).all(1)].astype(np.float32).astype(float)[:16]
    got = loss_of(p, MIXED, t, s, torch.arange(16), noise(s), 25)
    assert float(got.detach()) == pytest.approx(naive_loss(p, MIXED, s, data, None, noise(s), 25), rel=1e-6)


@pytest.mark.parametrize("schema, missing", [(PLAIN, 0.0), (MIXED, 0.3)])
@pytest.mark.parametrize("covariance", ["isotropic", "diagonal"])
@pytest.mark.parametrize("components", [(3, 3, 3), (2, 4, 3)])
def test_gradients_of_stage_3_are_those_of_finite_differences(schema, missing, covariance, components):
    s = settings(*components, covariance=covariance)
    _, t = table(schema, missing=missing)
    p = parameters(schema, s)
    names, index = list(p), torch.arange(16)

    def loss(*values):
        return loss_of(dict(zip(names, values, strict=True)), schema, t, s, index, noise(s), 25)

    assert torch.autograd.gradcheck(loss, list(p.values()), eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("stage", [1, 2])
def test_gradient_stops_leave_each_layer_to_its_own_loss(stage):
    s = settings(3, 3, 3)
    _, t = table(PLAIN)
    p = parameters(PLAIN, s)
    everyone = torch.arange(16)
    stack = layers(p, PLAIN, s, stage)
    estimates, orphans = curriculum.depth_estimates(stack, t.evidence(everyone), noise(s), stage, 0.5)
    for level in range(3):
        own = torch.autograd.grad(estimates[level].sum(), p.values(), retain_graph=True, allow_unused=True)
        for name, gradient in zip(p, own, strict=True):
            if not name.startswith(f"layers.{level}."):
                assert gradient is None or not gradient.any(), name
            elif name.endswith("mean"):
                assert gradient.abs().min() > 0
    assert orphans.requires_grad


@pytest.mark.parametrize("stage, unused", [(1, ("weight", "latent")), (2, ("weight",)), (3, ())])
def test_a_stage_has_no_gradient_for_what_it_leaves_out(stage, unused):
    s = settings(3, 3)
    _, t = table(MIXED)
    p = parameters(MIXED, s)
    loss_of(p, MIXED, t, s, torch.arange(16), noise(s), ITERATIONS[stage]).backward()
    for name, x in p.items():
        assert (x.grad is None) == (name.split(".")[2] in unused), name


def test_in_stage_3_the_last_loss_reaches_the_first_layer():
    s = settings(3, 3)
    _, t = table(PLAIN)
    p = parameters(PLAIN, s)
    estimates, orphans = curriculum.depth_estimates(layers(p, PLAIN, s), t.evidence(torch.arange(16)), noise(s), 3, 0.5)
    estimates[-1].mean().backward()
    for name in ("mean", "weight", "log_variance"):
        assert p[f"layers.0.{name}"].grad.abs().sum() > 0
    assert not orphans.any()


def test_thirds_rates_and_interpolation():
    rates = [curriculum.learning_rate(i, 300, 0.01) for i in range(300)]
    assert [curriculum.stage(i, 300) for i in (0, 100, 101, 200, 201, 299)] == [1, 1, 2, 2, 3, 3]
    assert rates[:201] == [0.01] * 201
    assert rates[201] == pytest.approx(0.001, rel=0.02)
    assert np.allclose(np.diff(rates[201:]), -0.001 / 100)
    assert curriculum.learning_rate(299, 300, 0.01) == pytest.approx(1e-5)
    shares = [curriculum.interpolation(i, 300) for i in range(300)]
    assert shares[:201] == [0.0] * 201 and np.allclose(np.diff(shares[201:]), 0.01)
    assert shares[-1] == pytest.approx(1, abs=0.011)
    assert [i for i in range(300) if curriculum.begins(i, 300)] == [0, 101, 201]


def test_the_look_up_of_latents_equals_the_smoothed_log_one_hot_arithmetic():
    """Sec. 3: softmax(log smooth onehot(h))' log P, epsilon 1e-8, and log-domain residuals of categorical streams."""
    s = settings(5, 4, 3)
    p = parameters(PLAIN, s)
    model_layers = layers(p, PLAIN, s)
    h = torch.tensor([[a, b] for a in range(5) for b in range(4)])
    got = model_layers[2].latent_logits(h).detach().numpy()
    log_p = [np.asarray(block) for block in np.split(model_layers[2].latent_table.detach().numpy(), [5])]
    onehot = [np.log((1 - 1e-8) * np.eye(k)[h[:, j]] + 1e-8 / k) for j, k in enumerate((5, 4))]
    onehot[0] = log_softmax(onehot[0] - model_layers[1].latent_table.detach().numpy().T[h[:, 1]], 1)
    expected = sum(np.exp(log_softmax(x, 1)) @ table for x, table in zip(onehot, log_p, strict=True))
    assert np.allclose(got, expected, atol=1e-6)


def test_tables_are_saved_normalised_and_the_model_is_the_one_that_was_trained(tmp_path):
    s = settings(3, 4, 2)
    p = parameters(MIXED, s)
    model = to_model(p, MIXED, s)
    model.save(tmp_path / "m.drmm.safetensors")
    for level, layer in enumerate(model.layers):
        assert np.exp(layer.log_weight).sum() == pytest.approx(1)
        for j, start in enumerate([] if level == 0 else layer.latent_start):
            assert np.allclose(np.exp(layer.latent_table[start : start + s.components[j]]).sum(0), 1)
    copies = 50_000
    data, t = table(MIXED, count=4)
    evidence = t.evidence(torch.arange(4).repeat_interleave(copies))
    u = torch.rand((3, 4 * copies), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        estimates, _ = curriculum.depth_estimates(layers(p, MIXED, s), evidence, u, 3, 0.0)
    mean = torch.logsumexp(estimates[-1].reshape(4, copies), 1).numpy() - math.log(copies)
    assert np.allclose(mean, model.log_prob(data, exact=True), atol=0.03)
