# SPDX-License-Identifier: Apache-2.0
"""Kinds, sizes and shared rows that held-out rows choose: data whose best kind is known."""

import numpy as np
import pytest

from drmm_engine.schema import Schema, Stream
from training import sizes

SIX = Schema((Stream.real("a", [f"x{i}" for i in range(6)]),))


def lumps(count, factors, seed=0):
    """Rows [count, 6] of lumps far apart, of covariances F F'."""
    rng = np.random.default_rng(seed)
    place = 20 * np.random.default_rng(7).normal(size=(len(factors), 6))
    own = rng.integers(0, len(factors), count)
    return place[own] + np.einsum("nij,nj->ni", np.asarray(factors)[own], rng.normal(size=(count, 6)))


def turned(count):
    """Factors of thin lumps, each turned its own way."""
    rng = np.random.default_rng(3)
    return [np.linalg.qr(rng.normal(size=(6, 6)))[0] * [1, 1, 1, 0.05, 0.05, 0.05] for _ in range(count)]


ROUND, ALONG, TURNED = [0.3 * np.eye(6)] * 8, [np.diag([1.5, 0.01, 0.4, 0.02, 1, 0.05])] * 8, turned(8)


@pytest.mark.parametrize("factors, covariance", [(ROUND, "isotropic"), (ALONG, "diagonal"), (TURNED, "full")])
@pytest.mark.parametrize("told", [None, (8,)])
def test_the_kind_is_that_of_the_data(factors, covariance, told):
    x = lumps(900, factors)
    found = sizes.chosen(SIX, x, sizes.kinds(SIX), 0, told=told)
    assert found.covariance == covariance
    assert found.components == told if told else 4 <= found.components[0] <= 16


def test_what_is_told_is_kept():
    x = lumps(300, ROUND)
    found = sizes.chosen(SIX, x, sizes.kinds(SIX, "full"), 0, 3.0, (2, 5))
    assert found == sizes.Choice((2, 5), "full", "whiten", 3.0)
    assert sizes.chosen(SIX, x, sizes.kinds(SIX, "full", "shift"), 0, 3.0).shared == 3.0


def test_kinds_that_are_tried():
    wide = Schema((Stream.real("a", [f"x{i}" for i in range(sizes.WIDEST + 1)]),))
    classes = Schema((Stream.categorical("kind", ["p", "q"]),))
    assert sizes.kinds(SIX) == list(sizes.KINDS)
    assert [c for c, _ in sizes.kinds(wide)] == ["diagonal", "diagonal", "isotropic"]
    assert sizes.kinds(classes) == sizes.kinds(wide, "diagonal") == [("diagonal", "shift")]
    assert sizes.kinds(SIX, residual="shift") == [("full", "shift")]
    assert sizes.kinds(SIX, "full") == [("full", "whiten")]


def test_a_single_row_and_gaps_are_borne():
    x = lumps(200, ROUND)
    x[np.random.default_rng(0).random(x.shape) < 0.1] = np.nan
    assert sizes.chosen(SIX, x, sizes.kinds(SIX), 0).components[0] >= 4
    assert sizes.chosen(SIX, x[:1], sizes.kinds(SIX), 0) == sizes.Choice((1,), *sizes.KINDS[0])
