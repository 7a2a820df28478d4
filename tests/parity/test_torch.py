# SPDX-License-Identifier: Apache-2.0
"""NumPy and torch: the same components for the same seed, and the same samples."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

import drmm_engine as drmm
from tests.engine.truth import KINDS, random_model

EACH = np.linspace(-1, 1, 32)
QUERIES = {
    "nothing": [],
    "known": [drmm.Known({"x": 0.3, "u": -0.4}, weight=0.7)],
    "prior": [drmm.GaussianPrior({"x": (0.5, 0.6), "z": (0.2, 0.4)})],
    "equality": [drmm.LinearEquality({"y": 1.0, "u": -0.5}, offset=0.1)],
    "half-space": [drmm.HalfSpace({"y": 1.0, "z": 0.7}, offset=-0.2, weight=2.0)],
    "far half-space": [drmm.HalfSpace({"y": 1.0}, offset=-40.0)],
    "box": [drmm.Box({"y": (-0.6, 0.9), "z": (-np.inf, 1.0)})],
    "class": [drmm.Known({"style0": "c1"})],
    "all, sharing variables": [
        drmm.Known({"x": 0.3, "style1": 0}), drmm.GaussianPrior({"x": (0.1, 1.0), "y": (0, 1.0)}),
        drmm.LinearEquality({"x": 1.0, "y": 1.0}), drmm.HalfSpace({"y": 1.0, "z": 1.0})],
    "a value for each sample": [drmm.Known({"x": EACH, "style0": (np.arange(32) % 3)}, weight=1 - EACH**2)],
    "a prior for each sample": [drmm.GaussianPrior({"x": (EACH, 1.5 + EACH)}), drmm.Known({"z": 0.1})],
    "limits for each sample": [
        drmm.Box({"y": (EACH, EACH + 1)}), drmm.HalfSpace({"z": 1.0}, offset=EACH, weight=EACH + 1)],
}
OPTIONS = {
    "plain": {},
    "untruncated, as modelled": {"truncation": 0.0, "clamp": False},
    "swept, with noise": {"sweeps": 2, "noise": True},
}


@pytest.fixture(params=KINDS, scope="module")
def models(request):
    model = random_model(7, (4, 6, 5), request.param, classes=(3, 2))
    return model, model.to("cpu")


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_same_draws(models, query, options):
    ours, theirs = (model.sample(query, count=32, seed=3, **options) for model in models)
    assert np.array_equal(ours.components, theirs.components)
    for part in ("values", "log_weight", "log_joint"):
        assert getattr(ours, part) == pytest.approx(getattr(theirs, part), abs=1e-5)
        assert isinstance(getattr(theirs, part), np.ndarray)


def single_precision(model):
    """The model as it runs on a graphics card."""
    def narrow(x):
        if isinstance(x, tuple):
            return tuple(map(narrow, x))
        return x.float() if torch.is_tensor(x) and x.is_floating_point() else x

    return replace(model, layers=tuple(
        replace(x, **{f.name: narrow(getattr(x, f.name)) for f in fields(x)}) for x in model.layers))


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_single_precision_draws_the_same_but_for_rounding(models, query):
    double, single = (model.sample(query, count=32, seed=3, sweeps=1, rank=False, noise=True)
                      for model in (models[0], single_precision(models[1])))
    same = np.all(double.components == single.components, axis=1)
    assert same.mean() > 0.9
    assert double.values[same] == pytest.approx(single.values[same], abs=1e-3)


@pytest.mark.parametrize("exact", [True, False])
def test_same_likelihood(models, exact):
    x = models[0].sample(count=20, noise=True).values
    x[np.random.default_rng(0).random(x.shape) < 0.3] = np.nan
    ours, theirs = (model.log_prob(x, exact=exact) for model in models)
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_same_file(models, tmp_path):
    for name, model in zip("nt", models, strict=True):
        model.save(tmp_path / name)
    assert (tmp_path / "n").read_bytes() == (tmp_path / "t").read_bytes()


@pytest.mark.parametrize("spread", [1.0, 4.0])
@pytest.mark.parametrize("kind", KINDS)
def test_repeated_equalities_in_single_precision(kind, spread):
    """Said five times over, at any length of the normal, they hold as said once: no factorisation fails."""
    rng = np.random.default_rng(3)
    for seed in range(6):
        model = single_precision(random_model(seed, (6, 5, 4), kind, spread=spread).to("cpu"))
        normal, offset, x = dict(zip("xyzu", rng.normal(size=4), strict=True)), rng.normal(), rng.normal()
        equalities = [drmm.LinearEquality({n: c * a for n, a in normal.items()}, c * offset)
                      for c in (1.0, -3.0, 0.7, 1e-3, 170.0)]
        also = [drmm.Known({"x": x}), drmm.LinearEquality({"x": -2.3}, 2.3 * x), drmm.HalfSpace({"y": 1.0})]
        for query in (equalities, equalities + also):
            draw = model.sample(query, count=16, sweeps=1, noise=True)
            assert np.isfinite(draw.log_weight).all() and draw.conflicts == []
            assert max(line.worst for line in draw.fulfilment().lines if "=" in line.text) < 1e-5
        once, repeated = (model.sample(q + also, count=16, rank=False) for q in (equalities[:1], equalities))
        assert np.mean(np.all(once.components == repeated.components, axis=1)) > 0.8
