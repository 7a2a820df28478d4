# SPDX-License-Identifier: Apache-2.0
"""Conditions as the command line writes them."""

import pytest

import drmm_engine as drmm
from drmm_engine.clauses import clauses
from drmm_engine.queries import where

SCHEMA = drmm.Schema((drmm.Stream.real("a", ["x", "y", "left-foot", "hips.L x", "2nd"]),))
WRITTEN = {
    "x > 1": drmm.HalfSpace({"x": 1.0}, -1.0),
    "x + 0.2 y > -0.1": drmm.HalfSpace({"x": 1.0, "y": 0.2}, 0.1),
    "-x - 2 y < 1": drmm.HalfSpace({"x": 1.0, "y": 2.0}, 1.0),
    "- x + .5*y < 1e-1": drmm.HalfSpace({"x": 1.0, "y": -0.5}, 0.1),
    "-0.5 x - 2 > 1": drmm.HalfSpace({"x": -0.5}, -3.0),
    "x + y = 0.5": drmm.LinearEquality({"x": 1.0, "y": 1.0}, -0.5),
    "x + x - 3 y = 0": drmm.LinearEquality({"x": 2.0, "y": -3.0}, 0.0),
    "left-foot - 2 hips.L x > 0": drmm.HalfSpace({"left-foot": 1.0, "hips.L x": -2.0}, 0.0),
    "3 2nd > 0": drmm.HalfSpace({"2nd": 3.0}, 0.0),
    "y ~ -0.5 +- 0.3": drmm.GaussianPrior({"y": (-0.5, 0.3)}),
    "hips.L x~1+-2": drmm.GaussianPrior({"hips.L x": (1.0, 2.0)}),
}


@pytest.mark.parametrize("text, condition", WRITTEN.items(), ids=WRITTEN)
def test_texts_are_read(text, condition):
    assert where(text) == condition


@pytest.mark.parametrize("condition", WRITTEN.values(), ids=WRITTEN)
def test_what_a_report_prints_is_read_back(condition):
    text = clauses([condition], SCHEMA)[0].text.partition(" ")[2]
    assert where(text) == condition
