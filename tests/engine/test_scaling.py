# SPDX-License-Identifier: Apache-2.0
"""Scales from data: model units have mean 0 and standard deviation 1, and go back to what they were."""

import numpy as np
import pytest

from drmm_engine.scaling import rescaled, to_model_units
from drmm_engine.schema import Schema, Stream

SCHEMA = Schema((Stream.real("a", ["x", "y"], unit="m"), Stream.categorical("kind", ["p", "q"]),
                 Stream.real("b", ["constant", "empty"])))


def test_mixed_units_become_standard_and_return():
    rng = np.random.default_rng(0)
    x = np.column_stack([1e6 + 1e3 * rng.normal(size=900), 1e-4 * rng.normal(size=900), rng.integers(0, 2, 900),
                         np.full(900, 0.1), np.full(900, np.nan)])
    x[::7, 0] = np.nan
    schema = rescaled(SCHEMA, x)
    u = to_model_units(schema, x)
    assert u.dtype == np.float32 and (np.isnan(u) == np.isnan(x)).all()
    assert np.nanmean(u[:, :2], 0) == pytest.approx([0, 0], abs=1e-5)
    assert np.nanstd(u[:, :2], 0) == pytest.approx([1, 1], abs=1e-5)
    assert (u[:, 2] == x[:, 2]).all() and not u[:, 3].any()
    assert [v.scale for v in schema.variables[3:]] == [1.0, 1.0]
    assert schema.variables[0].unit == "m"
    back = schema.join(u[:, schema.real_columns].astype(float), u[:, schema.categorical_columns])
    assert np.allclose(back, x, rtol=1e-6, equal_nan=True)
