# SPDX-License-Identifier: Apache-2.0
"""What must hold for every model and every query."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import drmm_engine as drmm
from tests.engine.truth import KINDS, Truth, random_model

NAMES = ["x", "y", "z", "u"]
VALUE = st.floats(-3, 3).map(lambda v: round(v, 3))
NORMAL = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([-2.0, -0.5, 1.0, 1.5]), min_size=1, max_size=3)
WEIGHT = st.sampled_from([0.3, 1.0, 1.0, 2.0])


@st.composite
def models(draw):
    return random_model(draw(st.integers(0, 50)), draw(st.sampled_from([(4,), (3, 4), (2, 3, 4)])),
                        draw(st.sampled_from(KINDS)), classes=(3,))


@st.composite
def conditions(draw, kinds=("Known", "GaussianPrior", "HalfSpace", "LinearEquality", "Box")):
    kind, w = draw(st.sampled_from(kinds)), draw(WEIGHT)
    name = draw(st.sampled_from(NAMES))
    if kind == "Known":
        return drmm.Known({name: draw(VALUE)}, w)
    if kind == "GaussianPrior":
        return drmm.GaussianPrior({name: (draw(VALUE), draw(st.floats(0.2, 2.0)))}, w)
    if kind == "Box":
        low = draw(VALUE)
        return drmm.Box({name: (low, low + draw(st.floats(0.1, 3.0)))}, w)
    return {"HalfSpace": drmm.HalfSpace, "LinearEquality": drmm.LinearEquality}[kind](draw(NORMAL), draw(VALUE), w)


def queries(**kinds):
    """Up to three conditions, no variable known twice."""
    return st.lists(conditions(**kinds), max_size=3).filter(
        lambda query: len({n for c in query if isinstance(c, drmm.Known) for n in c.values})
        == sum(isinstance(c, drmm.Known) for c in query))


def same(a, b, value_tolerance=1e-6):
    assert np.array_equal(a.components, b.components)
    assert a.values == pytest.approx(b.values, abs=value_tolerance, rel=value_tolerance)


def moved(model, query, offset, scale):
    """The model and the query after x -> offset + scale * x of every variable's data values (scale common to all)."""
    variables = {v.name: drmm.Variable(v.name, v.unit, offset + scale * v.offset, scale * v.scale)
                 for s in model.schema.real_streams for v in s.variables}
    streams = tuple(replace(s, variables=tuple(variables.get(v.name, v) for v in s.variables))
                    for s in model.schema.streams)
    return replace(model, schema=drmm.Schema(streams)), [moved_condition(c, offset, scale) for c in query]


def moved_condition(c, offset, scale):
    def move(x):
        return offset + scale * x

    if isinstance(c, drmm.Known):
        return drmm.Known({n: move(v) for n, v in c.values.items()}, c.weight)
    if isinstance(c, drmm.GaussianPrior):
        return drmm.GaussianPrior({n: (move(m), scale * sd) for n, (m, sd) in c.priors.items()}, c.weight)
    if isinstance(c, drmm.Box):
        return drmm.Box({n: (move(low), move(high)) for n, (low, high) in c.limits.items()}, c.weight)
    return type(c)(c.normal, scale * c.offset - offset * sum(c.normal.values()), c.weight)


@given(models(), queries(), st.floats(-50, 50), st.floats(0.1, 20))
def test_units_do_not_matter(model, query, offset, scale):
    other, asked = moved(model, query, offset, scale)
    a, b = model.sample(query, count=8), other.sample(asked, count=8)
    real = model.schema.real_columns
    assert np.array_equal(a.components, b.components)
    assert offset + scale * a.values[:, real] == pytest.approx(b.values[:, real], abs=1e-4 * scale, rel=1e-6)
    assert a.log_weight == pytest.approx(b.log_weight, abs=1e-3)
    x = a.values.copy()
    x[:, real] = offset + scale * x[:, real]
    assert other.log_prob(x) == pytest.approx(model.log_prob(a.values) - len(real) * np.log(scale), abs=1e-6)


@given(models(), st.randoms(use_true_random=False))
def test_order_of_components_does_not_matter(model, random):
    orders = [random.sample(range(m.components), m.components) for m in model.layers]
    layers = []
    for level, layer in enumerate(model.layers):
        order, table = orders[level], layer.latent_table
        if level:
            rows = [s + i for s, earlier in zip(layer.latent_start, orders[:level], strict=True) for i in earlier]
            table = table[rows][:, order]
        layers.append(replace(
            layer, log_weight=layer.log_weight[order], mean=layer.mean[order], latent_table=table,
            log_sigma=None if layer.log_sigma is None else layer.log_sigma[order if len(layer.log_sigma) > 1 else [0]],
            cholesky=None if layer.cholesky is None else layer.cholesky[order],
            log_prob=tuple(t[order] for t in layer.log_prob)))
    x = model.sample(count=5, noise=True).values
    assert replace(model, layers=tuple(layers)).log_prob(x) == pytest.approx(model.log_prob(x), abs=1e-9)


@given(models(), queries(), conditions())
def test_multiplier_zero_is_leaving_out(model, query, extra):
    with_it = model.sample([*query, replace(extra, weight=0.0)], count=8, noise=True)
    same(with_it, model.sample(query, count=8, noise=True), 1e-12)
    per_sample = model.sample([*query, replace(extra, weight=np.zeros(8))], count=8, noise=True)
    same(per_sample, with_it, 1e-12)


@given(models(), queries())
def test_multiplier_zero_for_some_samples_leaves_it_out_there(model, query):
    """Alternating samples with and without a condition weigh as the two queries do."""
    extra = drmm.Known({"u": 0.7}) if all("u" not in getattr(c, "values", {}) for c in query) else drmm.HalfSpace(
        {"u": 1.0})
    mixed = model.sample([*query, replace(extra, weight=np.arange(8) % 2)], count=8, rank=False, truncation=0)
    without = model.sample(query, count=8, rank=False, truncation=0)
    assert np.array_equal(mixed.components[::2], without.components[::2])
    assert mixed.log_joint[::2] == pytest.approx(without.log_joint[::2], abs=1e-4)
    assert mixed.values[::2] == pytest.approx(without.values[::2], abs=1e-4)


@given(models(), queries(kinds=("Known", "GaussianPrior", "LinearEquality")), NORMAL, VALUE)
def test_a_half_space_and_its_complement_hold_all_the_mass(model, query, normal, offset):
    layer = model.layers[0]
    above = drmm.HalfSpace(normal, offset)
    below = drmm.HalfSpace({n: -a for n, a in normal.items()}, -offset)
    none, first, second = (layer.logits(model.evidence([*query, *c], 1), np.zeros((1, 0), dtype=int))
                           for c in ([], [above], [below]))
    assert np.logaddexp(first, second) - none == pytest.approx(np.zeros_like(none), abs=1e-5)


@given(models(), queries(), st.sampled_from(NAMES), VALUE, st.floats(0.1, 2), WEIGHT)
def test_a_box_is_its_half_spaces(model, query, name, low, width, weight):
    box = drmm.Box({name: (low, low + width)}, weight)
    sides = [drmm.HalfSpace({name: 1.0}, -low, weight), drmm.HalfSpace({name: -1.0}, low + width, weight)]
    same(model.sample([*query, box], count=8), model.sample([*query, *sides], count=8))


@given(models(), queries(), NORMAL, VALUE, st.floats(0.01, 100))
def test_the_length_of_a_normal_does_not_matter(model, query, normal, offset, length):
    for kind in (drmm.HalfSpace, drmm.LinearEquality):
        a, b = ([*query, kind({n: c * v for n, v in normal.items()}, c * offset)] for c in (1.0, length))
        one, other = model.sample(a, count=8), model.sample(b, count=8)
        if one.log_weight.min() > -1e4:  # of a contradiction, what rounding leaves of the normals decides
            same(one, other)


@given(models(), queries(), st.randoms(use_true_random=False))
def test_order_of_conditions_does_not_matter(model, query, random):
    shuffled = random.sample(query, len(query))
    a, b = model.sample(query, count=8), model.sample(shuffled, count=8)
    same(a, b)
    assert a.log_weight == pytest.approx(b.log_weight, abs=1e-4, rel=1e-6)  # contradictions weigh -1e8


@given(models(), queries(), NORMAL, VALUE, st.floats(0.1, 5))
def test_a_tighter_half_space_holds_less_mass(model, query, normal, offset, by):
    layer = model.layers[0]
    loose, tight = (layer.logits(model.evidence([*query, drmm.HalfSpace(normal, b)], 1), np.zeros((1, 0), dtype=int))
                    for b in (offset, offset - by))
    assert np.all(tight <= loose + 1e-6)


@given(models(), st.sampled_from(NAMES), VALUE)
def test_a_narrow_prior_is_a_known_value(model, name, value):
    prior = model.sample([drmm.GaussianPrior({name: (value, 1e-5)})], count=8)
    known = model.sample([drmm.Known({name: value})], count=8)
    assert np.array_equal(prior.components, known.components)
    assert prior.values == pytest.approx(known.values, abs=1e-3)


@settings(max_examples=40)
@given(models(), queries(), st.sampled_from([0.01, 0.05, 0.5, 0.999]))
def test_no_drawn_component_is_below_the_truncation(model, query, truncation):
    assume(not any(isinstance(c, drmm.Known | drmm.GaussianPrior | drmm.LinearEquality) and c.weight != 1
                   for c in query))
    truth, draw = Truth(model, query), model.sample(query, count=8, truncation=truncation)
    for path in set(map(tuple, draw.components.tolist())):
        for level in range(len(path)):
            others = range(model.layers[level].components)
            logits = np.array([truth.log_joint((*path[:level], i)) for i in others])
            assert logits[path[level]] >= logits.max() + np.log(truncation) - 1e-4


@given(models(), queries())
def test_the_same_seed_draws_the_same(model, query):
    a, b, c = (model.sample(query, count=16, seed=s, sweeps=1, noise=True) for s in (5, 5, 6))
    assert np.array_equal(a.values, b.values)
    assert not np.array_equal(a.values, c.values)


@given(models(), queries(), st.integers(1, 12))
def test_draws_are_finite_and_of_the_shape_asked_for(model, query, count):
    draw = model.sample(query, count=count, sweeps=1, noise=True)
    assert draw.values.shape == (count, 5) and draw.components.shape == (count, len(model.layers))
    assert all(np.isfinite(part).all() for part in (draw.values, draw.log_weight, draw.log_joint))
    assert len(draw) == count and 1 <= model.sample(query, count=count).effective_sample_size <= count + 1e-9
