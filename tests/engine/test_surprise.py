# SPDX-License-Identifier: Apache-2.0
"""log p(variable | the rest of a row): the difference of two densities by enumeration."""

import numpy as np
import pytest

from drmm_engine import surprise
from drmm_engine.surprise import log_conditionals
from tests.engine.truth import KINDS, random_model


def rows_of(model):
    """Likely rows, an outlier, rows that miss values, one that misses all."""
    x = model.sample(count=6, noise=True, seed=2).values
    x[1, 2] += 20
    x[2, [0, 4]] = np.nan
    x[3, 1:3] = np.nan
    x[4] = np.nan
    return x


def differences(model, x):
    """log p(row) - log p(row without each variable), model units."""
    out = np.full(x.shape, np.nan)
    for r, v in np.argwhere(~np.isnan(x)):
        without = x[r].copy()
        without[v] = np.nan
        whole, rest = model.log_prob(np.stack([x[r], without]), exact=True)
        out[r, v] = whole - rest + np.log(model.schema.variables[v].scale)
    return out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("components", [(4,), (3, 4), (2, 3, 4)])
def test_as_the_difference_of_two_densities(kind, components):
    model = random_model(3, components, kind, classes=(3,))
    x = rows_of(model)
    assert log_conditionals(model, x) == pytest.approx(differences(model, x), abs=1e-8, nan_ok=True)


def test_the_paths_of_draws_are_enough(monkeypatch):
    """Where the paths are too many to sum over; components overlap, so that the draws reach what is likely."""
    model = random_model(3, (5, 5, 5), "whitened", classes=(3,))
    x = rows_of(model)
    monkeypatch.setattr(surprise, "ENUMERATE", 1)
    assert log_conditionals(model, x, samples=400) == pytest.approx(differences(model, x), abs=0.05, nan_ok=True)
