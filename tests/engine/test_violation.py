# SPDX-License-Identifier: Apache-2.0
"""Where every component violates a condition, the least violating one wins, however far out."""

import numpy as np
import pytest

import drmm_engine as drmm
from tests.engine.truth import KINDS, Truth, random_model

FAR = (10.0, 100.0, 1e4)  # standard deviations of the widest component
CONDITIONS = {
    "half-space": lambda d: [drmm.HalfSpace({"x": 1.0, "z": -0.5}, -d)],
    "box": lambda d: [drmm.Box({"y": (d, 1.1 * d)})],
    "half-space given a value": lambda d: [drmm.Known({"u": 0.2}), drmm.HalfSpace({"y": 1.0, "u": 0.3}, -d)],
    "two half-spaces": lambda d: [drmm.HalfSpace({"x": 1.0}, -d), drmm.HalfSpace({"z": -1.0}, -2 * d)],
}


@pytest.mark.parametrize("distance", FAR)
@pytest.mark.parametrize("make", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_least_violating_component_wins(kind, make, distance):
    """log p of every component as by scipy's log Phi; layer by layer the draws take those that are likeliest."""
    made = random_model(2, (4, 3), kind)
    query = make(distance * float(made.schema.scale.max()))
    truth = Truth(made, query)
    expected = np.array([truth.log_joint((h,)) for h in range(4)])
    for model in (made, made.to("cpu")):
        logits = np.asarray(model.layers[0].logits(model.evidence(query, 1), model.like[:1, :0]))[0]
        assert logits == pytest.approx(expected, rel=1e-6, abs=1e-4)
        draw = model.sample(query, count=40)
        assert np.isfinite(draw.log_weight).all()
        for h in draw.components.tolist():
            last = np.array([truth.log_joint((h[0], k)) for k in range(3)])
            assert expected[h[0]] >= expected.max() + np.log(0.05) - 1e-3
            assert last[h[1]] >= last.max() + np.log(0.05) - 1e-3
