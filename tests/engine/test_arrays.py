# SPDX-License-Identifier: Apache-2.0
"""The array operations against scipy, and NumPy's against torch's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from drmm_engine import arrays

FINITE = st.floats(-1e9, 1e9)


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_log_ndtr_is_scipys(z):
    z = np.array(z)
    assert arrays.log_ndtr(z) == pytest.approx(special.log_ndtr(z), abs=1e-6, rel=1e-9)


def test_log_ndtr_everywhere_it_bends():
    z = np.linspace(-40, 10, 200_001)
    assert np.abs(arrays.log_ndtr(z) - special.log_ndtr(z)).max() < 1e-6
    assert np.all(np.diff(arrays.log_ndtr(z)) >= -1e-9)


@given(st.lists(st.one_of(FINITE, st.just(-np.inf)), min_size=1, max_size=20))
def test_logsumexp_is_scipys(x):
    x = np.array(x)
    with np.errstate(divide="ignore"):
        assert arrays.NUMPY.logsumexp(x[None])[0] == pytest.approx(special.logsumexp(x), rel=1e-12)


def test_numpy_and_torch_agree():
    rng = np.random.default_rng(0)
    table, index = rng.normal(size=(12, 5)), rng.integers(0, 12, (7, 3))
    key = rng.integers(0, 4, 20)
    a, b = arrays.namespace(table), arrays.namespace(torch.tensor(table))
    assert (a.name, b.name) == ("numpy", "torch")
    assert a.bag(table, index) == pytest.approx(b.bag(torch.tensor(table), torch.tensor(index)).numpy())
    assert a.bag(table, index) == pytest.approx(table[index].sum(1))
    for x, y in zip(a.unique(key), b.unique(torch.tensor(key)), strict=True):
        assert np.array_equal(x, y.numpy())
    assert a.log_ndtr(table) == pytest.approx(b.log_ndtr(torch.tensor(table)).numpy(), abs=1e-6)


@pytest.mark.parametrize("a, b", [((5, 7), (7, 3)), ((4, 5, 7), (4, 7, 3)), ((1, 2), (2, 1))])
def test_products_are_the_same_without_a_library(a, b, monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=a), rng.normal(size=b)
    monkeypatch.setattr(arrays, "has_blas", lambda: False)
    assert arrays.product(x, y) == pytest.approx(x @ y, abs=1e-12)


def test_a_numpy_without_a_library_is_known(monkeypatch):
    for built, has in (({"Build Dependencies": {"blas": {"name": "none", "found": False}}}, False),
                       ({"Build Dependencies": {"blas": {"name": "openblas", "found": True}}}, True)):
        monkeypatch.setattr(np, "show_config", lambda mode, built=built: built)
        arrays.has_blas.cache_clear()
        assert arrays.has_blas() == has
    monkeypatch.undo()
    arrays.has_blas.cache_clear()
