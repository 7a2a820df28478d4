# SPDX-License-Identifier: Apache-2.0
"""End-to-end training of fitted layers: its likelihood against enumeration, its parameters, what it gains."""

import sys

import numpy as np
import pytest
import torch

from drmm_engine.em import SIGMA_FLOOR
from drmm_engine.learn import Settings, train
from drmm_engine.learn.end_to_end import path_estimates
from drmm_engine.learn.parameters import FIXED, from_model, layers, to_model
from drmm_engine.schema import Schema, Stream
from tests.engine.truth import KINDS, random_model

POINT = Schema((Stream.real("a", ["x", "y"]),))


def rows_of(model, count, missing=0.0):
    x = model.sample(count=count, noise=True).values
    x[np.random.default_rng(1).random(x.shape) < missing] = np.nan
    return x


def estimates(model, x, paths):
    """In data units, as log_prob is."""
    moved = model.to("cpu")
    made = path_estimates(moved.layers, moved.data_evidence(x), paths).numpy()
    known = ~np.isnan(x[:, model.schema.real_columns])
    return made - known @ np.log(model.schema.scale)


@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize("kind", KINDS)
def test_all_paths_are_the_likelihood_of_every_depth_and_few_a_lower_bound(kind, missing):
    model = random_model(3, (3, 4, 3), kind, classes=(3,))
    x = rows_of(model, 10, missing)
    every = estimates(model, x, 1000)
    for depth in (1, 2, 3):
        assert every[depth - 1] == pytest.approx(model.first(depth).log_prob(x, exact=True), abs=1e-9)
    few = [every[-1] - estimates(model, x, n)[-1] for n in (1, 2, 4, 8)]
    assert np.min(few) >= -1e-12
    assert np.all(np.diff(np.mean(few, axis=1)) < 0)


def settings_of(model, **values):
    covariances = [m.covariance for m in model.layers]
    values = {"iterations": 10, "start": "greedy", "curriculum": "end-to-end"} | values
    return Settings(tuple(m.components for m in model.layers), covariance=tuple(covariances),
                    residual=tuple(m.residual for m in model.layers), **values)


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_make_the_model_that_they_were_taken_from(kind):
    model = random_model(3, (3, 4, 3), kind, classes=(3,))
    again = to_model(from_model(model, torch.device("cpu")), model.schema, settings_of(model))
    x = rows_of(model, 10)
    assert again.log_prob(x) == pytest.approx(model.log_prob(x), abs=1e-3)  # parameters are single precision
    assert [m.residual for m in again.layers] == [m.residual for m in model.layers]


@pytest.mark.parametrize("kind", ["own", "full", "whitened", "whitened diagonal"])
def test_gradients_are_those_of_the_likelihood(kind):
    """Against differences of the enumerated likelihood, along a random direction in all parameters at once."""
    model = random_model(4, (3, 4), kind, classes=(3,), scaled=False)
    s, x = settings_of(model), rows_of(model, 20)
    start = {n: p.double() for n, p in from_model(model, torch.device("cpu")).items()}
    generator = torch.Generator().manual_seed(0)
    direction = {n: torch.randn(p.shape, generator=generator, dtype=torch.float64) * (n.split(".")[-1] not in FIXED)
                 for n, p in start.items()}

    def likelihood(step):
        moved = {n: p + step * direction[n] for n, p in start.items()}
        return to_model(moved, model.schema, s).log_prob(x, exact=True).mean()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    stack = layers({n: p + step * direction[n] for n, p in start.items()}, model.schema, s)
    evidence = model.to("cpu").data_evidence(x)
    slope, = torch.autograd.grad(path_estimates(stack, evidence, 1000)[-1].mean(), step)
    assert float(slope) == pytest.approx((likelihood(1e-5) - likelihood(-1e-5)) / 2e-5, rel=1e-5, abs=1e-6)


def arcs(count, seed):
    """Rows along two arcs: curved, so that pieces that are fitted one by one can be placed better together."""
    rng = np.random.default_rng(seed)
    t, upper = rng.uniform(0, np.pi, count), rng.integers(0, 2, count)
    x = np.stack([np.cos(t) + upper, np.where(upper, 0.5 - np.sin(t), np.sin(t))], 1)
    return x + 0.05 * rng.normal(size=x.shape)


@pytest.mark.parametrize("covariance, residual", [("full", "whiten"), ("diagonal", "shift")])
def test_it_raises_the_held_out_likelihood_of_the_fit(covariance, residual):
    x, held = arcs(4000, 0), arcs(2000, 1)
    common = {"covariance": covariance, "residual": residual, "start": "greedy", "curriculum": "end-to-end"}
    before, after = (train(POINT, x, Settings((4, 4), n, learning_rate=rate, **common)).log_prob(held).mean()
                     for n, rate in ((1, 1e-9), (600, 0.01)))
    assert after > before + 0.05


def test_no_component_falls_below_the_floor():
    """Rows on two points: the likelihood would have the variances vanish."""
    x = np.repeat([[0.0, 0.0], [1.0, 2.0]], 200, axis=0)
    model = train(POINT, x, Settings((2, 2), 300, learning_rate=0.05, covariance="full", residual="whiten",
                                     start="greedy", curriculum="end-to-end"))
    sigma = np.sqrt(np.linalg.eigvalsh(model.layers[0].cholesky @ model.layers[0].cholesky.swapaxes(1, 2)))
    assert sigma.min() > 0.3 * SIGMA_FLOOR
    assert np.isfinite(model.log_prob(x)).all()


def test_missing_values_classes_and_weights():
    model = random_model(3, (3, 3), "whitened", classes=(3,))
    x = rows_of(model, 400, 0.2)
    x = x[~np.isnan(x).all(1)]
    made = train(model.schema, x, settings_of(model, iterations=20), weight=np.linspace(1, 2, len(x)))
    assert np.isfinite(made.log_prob(x)).all()


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path, monkeypatch):
    x = arcs(500, 0)
    s = Settings((3, 3), 12, covariance="full", residual="whiten", start="greedy", curriculum="end-to-end")
    whole = train(POINT, x, s)

    def stop(record):
        if record["iteration"] >= 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["drmm_engine.learn.train"], "REPORT_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        train(POINT, x, s, save_at=tmp_path / "c", save_seconds=0, report=stop)
    again = train(POINT, x, s, save_at=tmp_path / "c")
    assert np.array_equal(whole.layers[1].cholesky, again.layers[1].cholesky)
    assert np.array_equal(whole.layers[0].mean, again.layers[0].mean)
