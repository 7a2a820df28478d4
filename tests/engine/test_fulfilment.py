# SPDX-License-Identifier: Apache-2.0
"""How well a draw meets its conditions: worked out again from its values, sample by sample, in data units."""

import numpy as np
import pytest

import drmm_engine as drmm
from drmm_engine.fulfilment import fulfilment
from tests.engine.truth import KINDS, random_model

EACH = np.linspace(-1.0, 1.0, 24)
CODES = np.arange(24) % 3
WEIGHT = np.where(np.arange(24) % 4 == 0, 0.0, 0.5)
QUERY = [
    drmm.Known({"x": 0.3, "style0": "c1"}, weight=0.5),
    drmm.GaussianPrior({"z": (0.2, 0.4)}),
    drmm.LinearEquality({"y": 3.0, "u": -4.0}, offset=0.1, weight=0.5),
    drmm.HalfSpace({"y": 3.0, "z": 4.0}, offset=-0.2),
    drmm.Box({"u": (-0.1, 0.3), "y": (-np.inf, 0.5)}),
]
EACH_ITS_OWN = [
    drmm.Known({"x": EACH, "style0": CODES}, weight=WEIGHT),
    drmm.GaussianPrior({"z": (EACH, 1.5 + EACH)}),
    drmm.LinearEquality({"y": 1.0, "u": -1.0}, offset=EACH),
    drmm.HalfSpace({"y": 1.0, "z": 1.0}, offset=EACH),
    drmm.Box({"u": (EACH, EACH + 0.1)}),
]


@pytest.fixture(params=KINDS)
def model(request):
    return random_model(5, (3, 4), request.param, classes=(3,))


def expected(draw):
    """What each line should say, written out."""
    x, y, z, u, style = (draw[name] for name in ("x", "y", "z", "u", "style0"))
    return [np.abs(x - 0.3), 1.0 * (style != 1), np.abs(z - 0.2) / 0.4, np.abs(3 * y - 4 * u + 0.1) / 5,
            np.maximum(-(3 * y + 4 * z - 0.2) / 5, 0), np.maximum(np.maximum(-0.1 - u, u - 0.3), 0),
            np.maximum(y - 0.5, 0)]


OPTIONS = {"plain": {}, "as modelled": {"clamp": False}, "noise": {"noise": True},
           "resampled": {"resample": True, "noise": True}, "swept": {"sweeps": 2, "clamp": False, "noise": True}}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_misses_are_distances_in_data_units(model, options):
    draw = model.sample(QUERY, count=24, **options)
    lines = draw.fulfilment().lines
    assert [line.unit for line in lines] == ["m", "class", "sd", "m", "m", "m", "m"]
    for line, miss in zip(lines, expected(draw), strict=True):
        assert line.miss == pytest.approx(miss, abs=1e-12)
        assert line.mean == pytest.approx(miss.mean(), abs=1e-12) and line.worst == pytest.approx(miss.max(), abs=1e-12)
        assert line.share == line.met.mean()
    assert np.array_equal(lines[2].met, lines[2].miss <= 2)
    for line in lines[4:]:
        assert np.array_equal(line.met, line.miss < 1e-8)


@pytest.mark.parametrize("rank", [True, False])
@pytest.mark.parametrize("sweeps", [0, 1])
def test_samples_of_their_own_queries_are_judged_by_them(model, rank, sweeps):
    draw = model.sample(EACH_ITS_OWN, count=24, rank=rank, sweeps=sweeps, clamp=False, noise=True)
    at = draw.rows
    assert np.array_equal(at, np.arange(24)) == (not rank) and np.array_equal(np.sort(at), np.arange(24))
    x, y, z, u, style = (draw[name] for name in ("x", "y", "z", "u", "style0"))
    asked = WEIGHT[at] > 0
    misses = [np.where(asked, np.abs(x - EACH[at]), np.nan), np.where(asked, 1.0 * (style != CODES[at]), np.nan),
              np.abs(z - EACH[at]) / (1.5 + EACH[at]), np.abs(y - u + EACH[at]) / np.sqrt(2),
              np.maximum(-(y + z + EACH[at]) / np.sqrt(2), 0),
              np.maximum(np.maximum(EACH[at] - u, u - EACH[at] - 0.1), 0)]
    lines = draw.fulfilment().lines
    for line, miss in zip(lines, misses, strict=True):
        assert line.miss == pytest.approx(miss, abs=1e-12, nan_ok=True)
    assert lines[0].share == lines[0].met.sum() / 18 and not np.any(lines[0].met[~asked])


def test_hard_values_and_equalities_are_met(model):
    """Whatever else is asked for; as modelled (clamp=False) they are not."""
    query = [drmm.Known({"x": 0.3, "style0": 2}), drmm.LinearEquality({"y": 1.0, "u": -2.0}, offset=0.3)]
    for options in ({}, {"noise": True}, {"sweeps": 1}):
        assert [line.share for line in model.sample(query, **options).fulfilment().lines] == [1, 1, 1]
    assert model.sample(query, clamp=False).fulfilment().lines[0].share == 0


def test_a_value_is_met_within_a_thousandth_of_its_scale():
    schema = drmm.Schema((drmm.Stream("a", (drmm.Variable("x", "m", 5.0, 20.0),)),))
    values = np.array([[1.0], [1.019], [1.021], [0.9]])
    line, = fulfilment([drmm.Known({"x": 1.0})], schema, values, np.arange(4)).lines
    assert line.met.tolist() == [True, True, False, False]


def test_the_table_and_its_json():
    model = random_model(5, (3, 4), classes=(3,))
    told = model.sample(QUERY, count=24, noise=True).fulfilment()
    table = str(told).splitlines()
    assert len(table) == 1 + len(told.lines) and len({len(row) for row in table}) == 1
    assert table[0].split() == ["condition", "weight", "met", "mean", "miss", "worst", "miss"]
    for row, text in zip(table[1:], (
            "Known x = 0.3", "Known style0 = c1", "GaussianPrior z ~ 0.2 +- 0.4", "LinearEquality 3 y - 4 u + 0.1 = 0",
            "HalfSpace 3 y + 4 z - 0.2 > 0", "Box -0.1 < u < 0.3", "Box y < 0.5"), strict=True):
        assert row.startswith(text + " ")
    for entry, line in zip(told.to_json(), told.lines, strict=True):
        assert entry == {"condition": line.text, "unit": line.unit, "met": line.share, "mean_miss": line.mean,
                         "worst_miss": line.worst}
    assert str(model.sample(count=2).fulfilment()) == "no conditions"


def test_shares_are_not_rounded_to_all_or_none():
    schema = drmm.Schema((drmm.Stream.real("a", ["x"]),))
    for met, text in ((0, "0%"), (1, "1%"), (999, "99%"), (1000, "100%")):
        values = np.where(np.arange(1000)[:, None] < met, 1.0, -1.0)
        assert f" {text} " in str(fulfilment([drmm.HalfSpace({"x": 1.0})], schema, values, np.arange(1000)))


def test_mixed_units_and_weights_of_zero():
    schema = drmm.Schema((drmm.Stream("a", (drmm.Variable("x", "m"), drmm.Variable("t", "s"))),))
    query = [drmm.HalfSpace({"x": 1.0, "t": 1.0}), drmm.Known({"x": 0.0}, weight=0.0)]
    line, = fulfilment(query, schema, np.zeros((3, 2)), np.arange(3)).lines
    assert (line.unit, line.share) == ("in mixed units", 1.0)
