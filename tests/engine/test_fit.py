# SPDX-License-Identifier: Apache-2.0
"""The greedy start: clusters, sigma and tables of data whose answer is known; missing values, weights, classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drmm_engine.fit import SIGMA_FLOOR, fit, nearest
from drmm_engine.schema import Schema, Stream

PLAIN = Schema((Stream.real("a", ["x", "y"]),))
MIXED = Schema((Stream.real("a", ["x", "y"]), Stream.categorical("kind", ["p", "q"]), Stream.real("b", ["z"])))
CENTRES = np.array([[-4.0, 0.0], [0.0, 4.0], [4.0, 0.0]])
SHARES = np.array([0.5, 0.3, 0.2])


def lumps(count=3000, sd=0.2, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.choice(3, count, p=SHARES)
    return CENTRES[label] + sd * rng.normal(size=(count, 2)), label


def check(layer, tolerance=0.1):
    order = np.argsort(layer.mean[:, 0])
    assert layer.mean[order] == pytest.approx(CENTRES, abs=tolerance)
    assert np.exp(layer.log_weight[order]) == pytest.approx(SHARES, abs=0.03)


@pytest.mark.parametrize("covariance", ["isotropic", "diagonal"])
@pytest.mark.parametrize("seed", range(3))
def test_one_layer_finds_separate_lumps_their_shares_and_their_spread(covariance, seed):
    x, _ = lumps()
    layer = fit(PLAIN, x, (3,), covariance, seed=seed).layers[0]
    check(layer)
    assert np.exp(layer.log_sigma[0]) == pytest.approx([0.2, 0.2], rel=0.05)


def test_diagonal_sigma_is_one_a_variable_and_isotropic_one_a_stream():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(0, 0.1, 4000), rng.normal(0, 2, 4000), rng.integers(0, 2, 4000),
                         rng.normal(0, 5, 4000)])
    diagonal = fit(MIXED, x, (1,), "diagonal").layers[0]
    assert np.exp(diagonal.log_sigma[0]) == pytest.approx([0.1, 2, 5], rel=0.05)
    isotropic = fit(MIXED, x, (1,), "isotropic").layers[0]
    assert np.exp(isotropic.log_sigma[0]) == pytest.approx([np.sqrt(4.01 / 2)] * 2 + [5], rel=0.05)


def test_missing_values_do_not_move_means_or_sigma():
    x, label = lumps(6000)
    hidden = x.copy()
    hidden[np.random.default_rng(1).random(len(x)) < 0.4, 1] = np.nan
    layer = fit(PLAIN, hidden, (3,), "isotropic").layers[0]
    check(layer)
    assert np.exp(layer.log_sigma[0]) == pytest.approx([0.2, 0.2], rel=0.1)


def test_a_weight_counts_as_so_many_copies():
    x, label = lumps(100)
    copies = 1 + label
    one = fit(PLAIN, np.repeat(x, copies, axis=0), (3,)).layers[0]
    other = fit(PLAIN, x, (3,), weight=copies).layers[0]
    a, b = (layer.mean[:, 0].argsort() for layer in (one, other))
    assert one.mean[a] == pytest.approx(other.mean[b], abs=1e-3)
    assert one.log_weight[a] == pytest.approx(other.log_weight[b], abs=1e-6)
    assert one.log_sigma == pytest.approx(other.log_sigma, abs=1e-3)


def test_class_tables_are_the_classes_shares_in_each_lump():
    x, label = lumps()
    kind = (np.random.default_rng(2).random(len(x)) < np.array([0.9, 0.5, 0.1])[label]).astype(float)
    kind[::3] = np.nan
    data = np.column_stack([3 * x, kind, np.zeros(len(x))])
    layer = fit(MIXED, data, (3,)).layers[0]
    order = np.argsort(layer.mean[:, 0])
    assert np.exp(layer.log_prob[0][order, 1]) == pytest.approx([0.9, 0.5, 0.1], abs=0.05)


def test_two_layers_split_what_one_cannot_and_the_tables_say_which_pairs_occur():
    rng = np.random.default_rng(0)
    coarse, fine = rng.integers(0, 2, 4000), rng.integers(0, 2, 4000)
    fine[coarse == 0] = 0  # the pair (0, 1) never occurs
    x = np.column_stack([10.0 * coarse + fine, np.zeros(4000)]) + 0.05 * rng.normal(size=(4000, 2))
    x[coarse == 0, 0] -= 0.5
    model = fit(PLAIN, x, (2, 3))
    draw = model.sample(count=2000, truncation=0.0)
    nearest_mode = np.abs(draw["x"][:, None] - np.array([-0.5, 10.0, 11.0])).min(1)
    assert (nearest_mode < 0.3).mean() > 0.98
    assert model.log_prob(x).mean() > fit(PLAIN, x, (2,)).log_prob(x).mean() + 1


@given(st.integers(1, 12), st.integers(1, 5), st.sampled_from(["isotropic", "diagonal"]), st.data())
def test_any_table_gives_a_proper_model(rows, components, covariance, data):
    values = st.one_of(st.floats(-1e3, 1e3, width=32), st.just(float("nan")), st.just(0.0))
    x = data.draw(arrays(float, (rows, 4), elements=values))
    x[:, 2] = np.where(np.isnan(x[:, 2]), np.nan, np.abs(x[:, 2]) > 1)
    x[0, 0] = 1.0
    model = fit(MIXED, x, (components, components), covariance)
    for layer in model.layers:
        assert np.exp(layer.log_weight).sum() == pytest.approx(1)
        assert (layer.log_sigma >= np.log(SIGMA_FLOOR) - 1e-12).all()
        assert np.exp(layer.log_prob[0]).sum(1) == pytest.approx(np.ones(components))
    assert np.exp(model.layers[1].latent_table).sum(0) == pytest.approx(np.ones(components))
    assert np.isfinite(model.log_prob(x)).all()


def test_nearest_goes_by_the_known_variables_in_blocks_as_in_one(monkeypatch):
    rng = np.random.default_rng(0)
    x, means = rng.normal(size=(500, 3)).astype(np.float32), rng.normal(size=(7, 3)).astype(np.float32)
    known = (rng.random((500, 3)) < 0.6).astype(np.float32)
    distance = (known[:, None] * (x[:, None] - means[None]) ** 2).sum(-1)
    assert (nearest(known * x, known, means) == distance.argmin(1)).all()
    monkeypatch.setattr("drmm_engine.fit.BLOCK", 50)
    assert (nearest(known * x, known, means) == distance.argmin(1)).all()


@pytest.mark.parametrize("data, covariance, match", [
    (np.full((3, 2), np.nan), "isotropic", "no row"), (np.zeros((0, 2)), "isotropic", "no row"),
    (np.zeros((3, 2)), "full", "covariance"), (np.zeros((3, 3)), "isotropic", "columns"),
    (np.array([[np.inf, 0.0]]), "isotropic", "infinite"),
])
def test_what_cannot_be_fitted_is_refused(data, covariance, match):
    with pytest.raises(ValueError, match=match):
        fit(PLAIN, data, (2,), covariance)
