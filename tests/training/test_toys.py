# SPDX-License-Identifier: Apache-2.0
"""The two-dimensional data: their shape by their own geometry, and what training makes of them."""

import numpy as np
import pytest

from drmm_engine.learn import Settings, train
from training import toys


def test_swiss_roll_is_a_spiral_as_dense_along_its_arc():
    x = toys.swiss_roll(seed=3)
    assert len(x) == pytest.approx(4 * np.pi / 0.001 / 2, rel=0.03)
    assert np.ptp(x, axis=0).max() == pytest.approx(2, abs=0.15) and np.abs(x).max() <= 1 + 1e-9
    assert x.max(0) == pytest.approx(-x.min(0))
    raw_low, raw_high = -5.5, 2 * np.pi  # of t/2 sin t and t/2 cos t together
    t = np.linspace(0, 4 * np.pi, 200_000)
    spiral = 0.5 * t[:, None] * np.stack([np.sin(t), np.cos(t)], axis=1)
    middle, half = (spiral.max(0) + spiral.min(0)) / 2, np.ptp(spiral) / 2
    assert spiral.min() < raw_low < 0 < raw_high == pytest.approx(spiral.max())
    radius = np.linalg.norm(x * half + middle, axis=1)
    assert np.histogram(radius, 5, (0, 2 * np.pi))[0] / len(x) == pytest.approx(np.arange(1, 10, 2) / 25, abs=0.02)


def test_sierpinski_has_its_corners_and_maps_onto_itself():
    x = toys.sierpinski()
    assert x.shape == (3**8, 2)
    unique = np.unique(np.round(x, 9), axis=0)
    assert len(unique) == (3**8 + 3) / 2  # inner corners are shared by two triangles
    assert x.max() == pytest.approx(1, abs=0.1) and x.max(0) == pytest.approx(-x.min(0))
    top = x[x[:, 1].argmax()]
    third = np.unique(np.round((toys.sierpinski(6) - top) / 2 + top, 6), axis=0)
    fine = {tuple(p) for p in np.round(unique, 6)}
    assert all(any(abs(p[0] - q[0]) + abs(p[1] - q[1]) < 1e-5 for q in fine) for p in third[::50])


@pytest.mark.parametrize("name, components, bar", [("swiss_roll", (16,) * 3, 2.30), ("sierpinski", (3,) * 5, 1.73)])
def test_the_likelihood_of_the_authors_code_is_reached_after_3000_iterations(name, components, bar):
    """Their log mean of 32 estimates, which leaves out log 2 pi, within their spread of seeds (0.1)."""
    x = getattr(toys, name)()
    model = train(toys.SCHEMA, x, Settings(components, 3000, batch=64, learning_rate=0.005, start_rows=len(x)))
    estimates = model.log_prob(x[::4], samples=32, exact=False)
    assert estimates.mean() > bar - np.log(2 * np.pi) - 0.1
    assert model.log_prob(x[::4], exact=True).mean() == pytest.approx(estimates.mean(), abs=0.05)
