# SPDX-License-Identifier: Apache-2.0
"""Greedy fitting: clusters, covariances and tables of data whose answer is known; missing values, weights, classes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drmm_engine import em
from drmm_engine.fit import LEAST_FLOOR, SIGMA_FLOOR, fit
from drmm_engine.kmeans import nearest
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
        assert (layer.log_sigma >= np.log(SIGMA_FLOOR) - 1e-6).all()  # fitted in single precision
        assert np.exp(layer.log_prob[0]).sum(1) == pytest.approx(np.ones(components))
    assert np.exp(model.layers[1].latent_table).sum(0) == pytest.approx(np.ones(components))
    assert np.isfinite(model.log_prob(x)).all()


def test_nearest_goes_by_the_known_variables_in_blocks_as_in_one(monkeypatch):
    rng = np.random.default_rng(0)
    x, means = rng.normal(size=(500, 3)).astype(np.float32), rng.normal(size=(7, 3)).astype(np.float32)
    known = (rng.random((500, 3)) < 0.6).astype(np.float32)
    distance = (known[:, None] * (x[:, None] - means[None]) ** 2).sum(-1)
    assert (nearest(known * x, known, means) == distance.argmin(1)).all()
    monkeypatch.setattr("drmm_engine.kmeans.BLOCK", 50)
    assert (nearest(known * x, known, means) == distance.argmin(1)).all()


@pytest.mark.parametrize("data, covariance, match", [
    (np.full((3, 2), np.nan), "isotropic", "no row"), (np.zeros((0, 2)), "isotropic", "no row"),
    (np.zeros((3, 2)), "round", "covariance"), (np.zeros((3, 2)), ("full", "full"), "covariance"),
    (np.zeros((3, 3)), "isotropic", "columns"),
    (np.array([[np.inf, 0.0]]), "isotropic", "infinite"),
])
def test_what_cannot_be_fitted_is_refused(data, covariance, match):
    with pytest.raises(ValueError, match=match):
        fit(PLAIN, data, (2,), covariance)


def correlated(count=4000, seed=0):
    """Rows of a normal distribution of x and y, its mean and its covariance."""
    mean, covariance = np.array([1.0, -2.0]), np.array([[1.0, 0.85], [0.85, 1.0]])
    return np.random.default_rng(seed).multivariate_normal(mean, covariance, count), mean, covariance


def covariance_of(layer, h=0):
    return layer.cholesky[h] @ layer.cholesky[h].T


def test_one_full_component_is_the_mean_and_covariance_of_the_rows():
    x, _, _ = correlated(500)
    layer = fit(PLAIN, x, (1,), "full").layers[0]
    assert layer.mean[0] == pytest.approx(x.mean(0), abs=1e-5)
    assert covariance_of(layer) == pytest.approx(np.cov(x.T, bias=True) + SIGMA_FLOOR**2 * np.eye(2), abs=1e-5)


def test_streams_are_independent_within_a_component():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 4)) @ rng.normal(size=(4, 4))
    x[:, 2] = rng.integers(0, 2, 3000)
    c = covariance_of(fit(MIXED, x, (1,), "full").layers[0])
    assert c[0, 1] == pytest.approx(np.cov(x[:, :2].T)[0, 1], rel=0.01)
    assert c[0, 2] == c[1, 2] == 0


def test_lumps_of_different_shapes_are_told_apart():
    """Two long lumps that cross: k-means cuts them across, expectation-maximisation takes them as they are."""
    rng = np.random.default_rng(0)
    long = rng.normal(size=(6000, 2)) * [3.0, 0.1]
    x = np.where(np.arange(6000)[:, None] < 2000, long, long[:, ::-1])
    layer = fit(PLAIN, x, (2,), "full", steps=100).layers[0]
    lying = int(np.argmax([covariance_of(layer, h)[0, 0] for h in range(2)]))
    assert np.exp(layer.log_weight[lying]) == pytest.approx(1 / 3, abs=0.03)
    assert np.sqrt(np.diag(covariance_of(layer, lying))) == pytest.approx([3.0, 0.1], rel=0.1)
    assert np.sqrt(np.diag(covariance_of(layer, 1 - lying))) == pytest.approx([0.1, 3.0], rel=0.1)


def test_missing_values_are_filled_in_by_what_their_rows_know():
    """Where x is large y is missing, so that rows without a gap are no fair sample: only the likelihood is."""
    x, mean, covariance = correlated(20_000)
    hidden = x.copy()
    hidden[x[:, 0] > 1.0, 1] = np.nan
    complete = x[~np.isnan(hidden).any(1)]
    layer = fit(PLAIN, hidden, (1,), "full", steps=200).layers[0]
    assert abs(complete[:, 1].mean() - mean[1]) > 0.5
    assert layer.mean[0] == pytest.approx(mean, abs=0.05)
    assert covariance_of(layer) == pytest.approx(covariance, abs=0.05)


def expected_once(x, mean, c):
    """One step of expectation-maximisation of a normal distribution, row by row: the textbook's."""
    rows, second = np.zeros_like(x), np.zeros_like(c)
    for i, row in enumerate(x):
        o, m = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
        gain = c[np.ix_(m, o)] @ np.linalg.inv(c[np.ix_(o, o)])
        rows[i, o], rows[i, m] = row[o], mean[m] + gain @ (row[o] - mean[o])
        second[np.ix_(m, m)] += c[np.ix_(m, m)] - gain @ c[np.ix_(o, m)]
    d = rows - rows.mean(0)
    return rows.mean(0), (d.T @ d + second) / len(x)


def test_the_fixed_point_with_missing_values_is_the_textbooks():
    rng = np.random.default_rng(3)
    schema = Schema((Stream.real("a", ["x", "y", "z"]),))
    x = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 3))
    x[rng.random(x.shape) < 0.3] = np.nan
    x = x[~np.isnan(x).all(1)]
    layer = fit(schema, x, (1,), "full", steps=300).layers[0]
    mean, c = np.zeros(3), np.eye(3)
    for _ in range(300):
        mean, c = expected_once(x, mean, c)
    assert layer.mean[0] == pytest.approx(mean, abs=0.02)
    assert covariance_of(layer) == pytest.approx(c, abs=0.03 * np.abs(c).max())


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("covariance, residual", [
    ("isotropic", "shift"), ("diagonal", "shift"), ("full", "shift"), ("full", "whiten"), ("diagonal", "whiten")])
def test_every_step_raises_the_likelihood_in_every_layer(covariance, residual, missing):
    rng = np.random.default_rng(0)
    x = np.concatenate([correlated(600, 1)[0], correlated(600, 2)[0][:, ::-1] * [1, 3]])
    x[rng.random(x.shape) < missing] = np.nan
    x = x[~np.isnan(x).all(1)]
    steps = {}
    model = fit(PLAIN, x, (4, 3), covariance, residual, report=lambda level, step, log_likelihood:
                steps.setdefault(level, []).append(log_likelihood))
    assert set(steps) == {0, 1}
    for each in steps.values():
        assert min(np.diff(each)) > -0.01  # what drawing covariances to their mean may cost
        assert each[-1] > each[0]
    held = correlated(2000, 5)[0]
    assert np.isfinite(model.log_prob(held)).all()


def test_a_fitted_stack_is_a_density():
    x = np.concatenate([correlated(1500, 1)[0], correlated(1500, 2)[0][:, ::-1] * [1, 3]])
    grid = np.stack(np.meshgrid(np.linspace(-14, 12, 400), np.linspace(-14, 12, 400)), -1).reshape(-1, 2)
    mixed = ("full", "diagonal"), ("whiten", "shift")
    for covariance, residual in (("full", "whiten"), mixed, ("diagonal", "whiten")):
        model = fit(PLAIN, x, (3, 3), covariance, residual)
        mass = np.exp(model.log_prob(grid)).sum() * (26 / 399) ** 2
        assert mass == pytest.approx(1, abs=0.01)


def alike(count=6000, seed=0):
    """Rows of eight lumps that are turned and scaled images of one pattern of six small ones."""
    rng = np.random.default_rng(seed)
    pattern = np.random.default_rng(7).normal(size=(6, 2))
    place = 30 * np.random.default_rng(8).normal(size=(8, 2))
    scale = np.exp(np.random.default_rng(9).normal(size=(8, 1)))
    lump, own = rng.integers(0, 8, count), rng.integers(0, 6, count)
    return place[lump] + scale[lump] * (pattern[own] + 0.05 * rng.normal(size=(count, 2)))


def test_a_whitened_second_layer_says_more_than_as_many_components_in_one():
    x, held = alike(), alike(2000, 1)
    wide = fit(PLAIN, x, (14,), "full").log_prob(held).mean()
    deep = fit(PLAIN, x, (8, 6), "full", "whiten").log_prob(held).mean()
    assert deep > wide + 0.2


@pytest.mark.parametrize("residual", ["shift", "whiten"])
def test_constant_and_repeated_columns_and_repeated_rows_keep_the_floor(residual):
    x = np.repeat(np.random.default_rng(0).normal(size=(20, 1)), 50, axis=0)
    schema = Schema((Stream.real("a", ["x", "again", "constant"]),))
    data = np.concatenate([x, x, np.full_like(x, 3.0)], 1)
    model = fit(schema, data, (30, 4), "full", residual)
    held = data[::50] + SIGMA_FLOOR * np.random.default_rng(1).normal(size=(20, 3))
    assert np.linalg.eigvalsh([covariance_of(model.layers[0], h) for h in range(30)]).min() > 0.98 * SIGMA_FLOOR**2
    highest = -np.log(20) - 3 * (0.5 * np.log(2 * np.pi) + 0.5 + np.log(SIGMA_FLOOR))
    assert highest - 2.5 < model.log_prob(held).mean() < highest + 0.7  # each row a lump as narrow as the floor lets it


def test_a_component_without_rows_starts_anew_where_rows_fit_worst():
    layer, kind = fit(PLAIN, lumps()[0], (3,), "full").layers[0], em.Kind(PLAIN, "full", "shift")
    statistics = em.nothing(layer, kind)
    statistics.weight[:2] += 50
    statistics.count[:2] += 50
    statistics.square[:2] += 50 * np.eye(2)
    made = em.maximisation(statistics, layer, kind, np.array([[9.0, 9.0], [7.0, 7.0]]))
    assert made.mean[2] == pytest.approx([9, 9]) and made.mean[:2] == pytest.approx(layer.mean[:2])
    assert covariance_of(made, 2) == pytest.approx(np.eye(2), abs=1e-5)


def test_no_component_of_a_large_layer_is_left_without_rows():
    x = alike()
    model = fit(PLAIN, x, (120,), "full", steps=10)
    assert np.exp(model.layers[0].log_weight).min() * len(x) > 1.5  # a row and the one that smooths


def test_torch_rows_give_the_same_model():
    rng = np.random.default_rng(0)
    x = np.concatenate([3 * lumps(900)[0], rng.integers(0, 2, (900, 1)), rng.normal(size=(900, 1))], 1)
    for hidden in (0.0, 0.2):
        x[rng.random(x.shape) < hidden] = np.nan
        for covariance, residual in (("full", "whiten"), ("diagonal", "shift"), ("isotropic", "shift")):
            ours = fit(MIXED, x, (3, 2), covariance, residual)
            theirs = fit(MIXED, torch.as_tensor(x), (3, 2), covariance, residual)
            assert torch.is_tensor(theirs.layers[0].mean)
            assert ours.log_prob(x[:50]) == pytest.approx(theirs.log_prob(x[:50]), abs=0.02)


def test_layers_may_differ_in_kind():
    model = fit(PLAIN, alike(), (6, 5, 4), ("full", "diagonal", "isotropic"), ("whiten", "whiten", "shift"))
    assert [m.covariance for m in model.layers] == ["full", "diagonal", "isotropic"]
    assert [m.residual for m in model.layers] == ["whiten", "whiten", "shift"]
    depths = [model.first(i).log_prob(alike(1000, 1)).mean() for i in (1, 2, 3)]
    assert depths[1] > depths[0] and depths[2] > depths[0]


@pytest.mark.parametrize("floor", [LEAST_FLOOR, 0.05])
@pytest.mark.parametrize("covariance", ["diagonal", "full"])
def test_the_floor_is_the_callers_to_say(covariance, floor):
    x = np.random.default_rng(0).normal(size=(500, 1)) * [1.0, 0.0]
    layer = fit(PLAIN, x, (4,), covariance, floor=floor).layers[0]
    sd = np.exp(layer.log_sigma) if covariance == "diagonal" else np.linalg.norm(layer.cholesky, axis=2)
    assert sd[:, 1] == pytest.approx(np.full(4, floor), rel=1e-4)


@pytest.mark.parametrize("floor", [0.0, 1e-4, np.inf, np.nan])
def test_a_floor_that_is_too_small_is_refused(floor):
    with pytest.raises(ValueError, match=f"floor.*{floor}"):
        fit(PLAIN, lumps(20)[0], (2,), "full", floor=floor)


def test_rows_that_miss_the_same_variables_say_together_what_each_says_alone(monkeypatch):
    x = np.random.default_rng(0).normal(size=(60, 3)) @ np.array([[1.0, 0.8, 0.2], [0, 0.5, 0.3], [0, 0, 0.4]])
    gaps = np.array([[0, 0, 1], [1, 0, 0], [1, 1, 0]], dtype=bool)[np.arange(60) % 3]
    x[gaps] = np.nan
    x[:3] = [[np.nan, 1.0, np.nan], [1.0, np.nan, 2.0], [np.nan, np.nan, np.nan]]
    schema = Schema((Stream.real("a", ["x", "y", "z"]),))
    together = fit(schema, x, (1,), "full").layers[0]
    monkeypatch.setattr("drmm_engine.fit.ALIKE", 1000)
    apart = fit(schema, x, (1,), "full").layers[0]
    assert together.mean == pytest.approx(apart.mean, abs=1e-9)
    assert together.cholesky == pytest.approx(apart.cholesky, abs=1e-9)


def test_covariances_are_drawn_to_those_around_and_these_to_all():
    mean = np.concatenate([np.arange(8.0), 100 + np.arange(8.0)])[:, None]
    count, variance = np.full((16, 1), 50.0), np.repeat([[1.0], [9.0]], 8, axis=0)
    variance[3], count[3] = 4.0, 5.0
    drawn = em._drawn(count * variance, count, 10.0, em._around(mean))
    everyone = (count * variance).sum() / count.sum()
    near = (7 * 50 * 1.0 + 5 * 4.0 + 10 * everyone) / (7 * 50 + 5 + 10)
    assert drawn[3] == pytest.approx((5 * 4.0 + 10 * near) / 15)
    far = (8 * 50 * 9.0 + 10 * everyone) / 410
    assert drawn[8:] == pytest.approx(np.full((8, 1), (50 * 9.0 + 10 * far) / 60))
    assert em._drawn(0 * variance[:2], 0 * count[:2], 0.0, em._around(mean[:2])) == pytest.approx(np.zeros((2, 1)))


def test_components_around_are_the_nearest_and_itself():
    mean = np.random.default_rng(0).normal(size=(30, 3))
    around, distance = em._around(mean), np.linalg.norm(mean[:, None] - mean, axis=2)
    assert (around.sum(1) == em.AROUND).all() and (np.diagonal(around) == 1).all()
    assert (np.where(around, distance, 0).max(1) < np.where(around, np.inf, distance).min(1)).all()
    assert (em._around(mean[:5]) == 1).all()
