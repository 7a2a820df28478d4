# SPDX-License-Identifier: Apache-2.0
"""Every refusal is a ValueError of one line that names what was given."""

import numpy as np
import pytest

import drmm_engine as drmm
from tests.engine.truth import random_model

MODEL = random_model(1, (3, 2), classes=(3,))
NAN, INF = np.nan, np.inf
REFUSED = [
    (drmm.Known({"q": 1.0}), "no variable 'q' in this model; it has x, y, z, u, style0"),
    (drmm.Known({"stile0": 1.0}), "no variable 'stile0' in this model; did you mean style0"),
    (drmm.GaussianPrior({"q": (0, 1)}), "'q'"),
    (drmm.HalfSpace({"q": 1.0}), "'q'"),
    (drmm.Box({"q": (0, 1)}), "'q'"),
    (drmm.Known({"x": NAN}), "Known: 'x' must be finite, got nan"),
    (drmm.Known({"x": INF}), "Known: 'x' must be finite, got inf"),
    (drmm.Known({"x": 1e200}), "Known: 'x' must be finite, got 1e.200"),
    (drmm.Known({"x": "left"}), "Known: 'x' must be a number, got 'left'"),
    (drmm.Known({"x": None}), "Known: 'x' must be .*, got None"),
    (drmm.Known({"x": [1.0, 2.0]}), r"Known: 'x' must be one number or 4 of them, got shape \(2,\)"),
    (drmm.Known({"x": np.zeros((4, 1))}), r"Known: 'x' must be one number or 4 of them, got shape \(4, 1\)"),
    (drmm.Known({"x": [0, 1, NAN, 2]}), "Known: 'x' must be finite, got .*nan"),
    (drmm.Known({"style0": "c7"}), "variable 'style0': no class 'c7'; it has c0, c1, c2"),
    (drmm.Known({"style0": 3}), "variable 'style0': no class 3"),
    (drmm.Known({"style0": 0.5}), "variable 'style0': no class 0.5"),
    (drmm.Known({"style0": NAN}), "variable 'style0': no class nan"),
    (drmm.Known({"style0": ["c0", "c1"]}), "Known: 'style0' needs one class or 4, got 2"),
    (drmm.Known({"x": 1.0}, weight=-0.5), "Known: weight must not be negative, got -0.5"),
    (drmm.Known({"x": 1.0}, weight=NAN), "Known: 'weight' must be finite, got nan"),
    (drmm.Known([1.0]), r"Known: values must be a dict by variable, got \[1.0\]"),
    (drmm.GaussianPrior({"x": (0.0, 0.0)}), "GaussianPrior: standard deviation of 'x' must be positive, got 0.0"),
    (drmm.GaussianPrior({"x": (0.0, -1.0)}), "'x' must be positive, got -1.0"),
    (drmm.GaussianPrior({"x": (NAN, 1.0)}), "GaussianPrior: 'x' must be finite, got nan"),
    (drmm.GaussianPrior({"x": 1.0}), "GaussianPrior: 'x' needs a pair of numbers, got 1.0"),
    (drmm.GaussianPrior({"x": (1.0, 2.0, 3.0)}), "GaussianPrior: 'x' needs a pair"),
    (drmm.GaussianPrior({"style0": (0.0, 1.0)}), "variable 'style0' is categorical; only Known takes it"),
    (drmm.HalfSpace({}), "HalfSpace: the normal is zero"),
    (drmm.HalfSpace({"x": 0.0, "y": 0.0}), "HalfSpace: the normal is zero, got {'x': 0.0, 'y': 0.0}"),
    (drmm.HalfSpace({"x": INF}), "HalfSpace: 'x' must be finite, got inf"),
    (drmm.HalfSpace({"x": 1.0}, offset=NAN), "HalfSpace: 'offset' must be finite, got nan"),
    (drmm.HalfSpace({"style0": 1.0}), "variable 'style0' is categorical"),
    (drmm.LinearEquality({"x": 0.0}), "LinearEquality: the normal is zero, got {'x': 0.0}"),
    (drmm.LinearEquality({"x": 1.0}, offset=[1, 2]), "LinearEquality: 'offset' must be one number or 4"),
    (drmm.Box({"x": (1.0, 1.0)}), r"Box: 'x' needs min < max, got \(1.0, 1.0\)"),
    (drmm.Box({"x": (2.0, -1.0)}), r"Box: 'x' needs min < max, got \(2.0, -1.0\)"),
    (drmm.Box({"x": (NAN, 1.0)}), "Box: 'x' must be finite, got nan"),
    (drmm.Box({"x": ([-INF, 0, 0, 0], 1.0)}), "Box: a limit of 'x' is infinite for some samples only"),
    ({"x": 1.0}, "a condition must be Known, GaussianPrior, HalfSpace, LinearEquality or Box, got {'x': 1.0}"),
    ("x", "a condition must be .*, got 'x'"),
]


@pytest.mark.parametrize("condition, message", REFUSED, ids=[m for _, m in REFUSED])
def test_condition_is_refused(condition, message):
    with pytest.raises(ValueError, match=message) as caught:
        MODEL.sample([condition], count=4)
    assert "\n" not in str(caught.value)


def test_a_single_condition_without_a_list_is_refused():
    with pytest.raises(ValueError, match="conditions must be a list"):
        MODEL.sample(drmm.Known({"x": 1.0}), count=4)


@pytest.mark.parametrize("name, values", [("x", (0.1, 0.2)), ("style0", ("c0", "c1"))])
def test_a_variable_known_twice_is_refused(name, values):
    twice = [drmm.Known({name: v}) for v in values]
    with pytest.raises(ValueError, match=f"Known: '{name}' is given twice, the second time as {values[1]!r}"):
        MODEL.sample(twice, count=4)
    MODEL.sample([twice[0], drmm.Known({name: values[1]}, weight=0.0)], count=4)


@pytest.mark.parametrize("options, message", [
    ({"count": 0}, "count must be a whole number of at least 1, got 0"),
    ({"count": -3}, "got -3"),
    ({"count": 2.5}, "got 2.5"),
    ({"sweeps": -1}, "sweeps must be a whole number of at least 0, got -1"),
    ({"truncation": 1.0}, "truncation must be at least 0 and below 1, got 1.0"),
    ({"truncation": NAN}, "truncation must be at least 0 and below 1, got nan"),
])
def test_option_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MODEL.sample([], **options)


@pytest.mark.parametrize("x, options, message", [
    (np.zeros((2, 3)), {}, r"log_prob needs rows of 5 columns, got shape \(2, 3\)"),
    (np.zeros((2, 2, 5)), {}, "log_prob needs rows of 5 columns"),
    ([[0, 0, INF, 0, 0]], {}, "log_prob: infinite value in z"),
    ([[0, 0, 0, 0, 3]], {}, "variable 'style0': no class 3; classes are 0 to 2"),
    ([[0, 0, 0, 0, 0.5]], {}, "variable 'style0': no class 0.5"),
    (np.zeros((2, 5)), {"samples": 0}, "samples must be a whole number of at least 1, got 0"),
])
def test_rows_are_refused(x, options, message):
    with pytest.raises(ValueError, match=message):
        MODEL.log_prob(x, **options)


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no variable 'q' in this draw"):
        MODEL.sample(count=2)["q"]


@pytest.mark.parametrize("make, message", [
    (lambda: drmm.Variable(""), "a variable needs a name, got ''"),
    (lambda: drmm.Variable("x", scale=0.0), "variable 'x': scale must be positive, got 0.0"),
    (lambda: drmm.Variable("x", scale=NAN), "variable 'x': scale must be a finite number, got nan"),
    (lambda: drmm.Variable("x", offset=10**400), "variable 'x': offset must be a finite number"),
    (lambda: drmm.Variable("x", offset="0"), "variable 'x': offset must be a finite number, got '0'"),
    (lambda: drmm.Variable("x", unit=3), "variable 'x': unit must be text, got 3"),
    (lambda: drmm.Stream.real("a.b", ["x"]), "a stream needs a name without dots, got 'a.b'"),
    (lambda: drmm.Stream.real("a", []), "stream 'a' has no variables"),
    (lambda: drmm.Stream("a", (drmm.Variable("x"),), "complex"), "stream 'a': kind must be one of .*, got 'complex'"),
    (lambda: drmm.Stream.categorical("a", []), "categorical stream 'a' must have one variable and at least one class"),
    (lambda: drmm.Stream.categorical("a", ["b", "b"]), "categorical stream 'a' names a class twice"),
    (lambda: drmm.Schema(()), "a schema needs at least one stream"),
    (lambda: drmm.Schema((drmm.Stream.real("a", ["x"]), drmm.Stream.real("a", ["y"]))), "two streams have the same"),
    (lambda: drmm.Schema((drmm.Stream.real("a", ["x"]), drmm.Stream.real("b", ["x"]))), "variable 'x' appears twice"),
])
def test_schema_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
