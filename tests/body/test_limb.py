# SPDX-License-Identifier: Apache-2.0
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drmm_engine.body.limb import two_bone


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 0.6), st.floats(0.1, 0.6))
def test_a_limb_of_two_bones_reaches_what_it_can_and_keeps_its_lengths_and_side(seed, upper, lower):
    rng = np.random.default_rng(seed)
    top, target, side = rng.uniform(-0.5, 0.5, (3, 200, 3))
    middle, end = two_bone(top, target, side, upper, lower)
    assert np.allclose(np.linalg.norm(middle - top, axis=-1), upper, atol=1e-9)
    assert np.allclose(np.linalg.norm(end - middle, axis=-1), lower, atol=1e-9)
    distance = np.linalg.norm(target - top, axis=-1)
    nearest = np.clip(distance, abs(upper - lower), upper + lower)
    assert np.allclose(np.linalg.norm(end - target, axis=-1), np.abs(distance - nearest), atol=1e-9)
    line = (target - top) / distance[:, None]
    across = side - line * np.sum(side * line, axis=-1, keepdims=True)
    assert np.all(np.sum((middle - top) * across, axis=-1) > -1e-9)


def test_a_target_at_the_limb_s_own_top_gives_numbers():
    middle, end = two_bone(np.zeros(3), np.zeros(3), np.array([1.0, 0.0, 0.0]), np.array(0.3), np.array(0.2))
    assert np.isfinite(middle).all() and np.isfinite(end).all()
