# SPDX-License-Identifier: Apache-2.0
"""The paper's humanoid: its geometry by matrices, its ranges, its quirks; and what depth does to its likelihood."""

import numpy as np
import pytest

from drmm_engine.fit import fit
from training import humanoid2d
from training.humanoid2d import BONES, forward, rows, schema

NAMES = schema().names


def column(x, name):
    return x[:, NAMES.index(name)]


def matrix(angle, offset):
    """A clockwise turn and a shift, homogeneous."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s, offset[0]], [-s, c, offset[1]], [0, 0, 1]])


def test_positions_are_those_of_chained_matrices():
    x = rows(50, seed=3).astype(float)
    for row in x:
        world = []
        for i, bone in enumerate(BONES):
            own = matrix(row[2 + i], row[:2] if i == 0 else bone.offset)
            world.append(own if i == 0 else world[bone.parent] @ own)
        points = {bone.name: m[:2, 2] for bone, m in zip(BONES, world, strict=True)}
        for name in humanoid2d.EFFECTORS:
            assert [row[NAMES.index(f"{name}_{axis}")] for axis in "xy"] == pytest.approx(points[name], abs=1e-5)
        outlines = []
        for bone, m in zip(BONES, world, strict=True):
            if bone.box:
                x0, y0, x1, y1 = bone.box
                corners = np.array([(x0, y0, 1), (x1, y0, 1), (x1, y1, 1), (x0, y1, 1), (x0, y0, 1)])
                outlines.append((corners @ m.T).mean(0)[:2])
        assert len(outlines) == 11
        centre = [row[NAMES.index(f"centre_of_mass_{axis}")] for axis in "xy"]
        assert centre == pytest.approx(np.sum(outlines, 0) / 16, abs=1e-5)


def test_at_rest_it_stands_with_arms_out():
    rest = np.zeros((1, 18))
    rest[0, :2] = (0.0, 0.7)
    origins, _ = forward(rest)
    where = {bone.name: origins[0, i] for i, bone in enumerate(BONES)}
    assert where["head_top"] == pytest.approx([0, 1.45])
    assert where["right_hand"] == pytest.approx([0.75, 1.2]) and where["left_hand"] == pytest.approx([-0.75, 1.2])
    assert where["right_foot"] == pytest.approx([0.15, 0]) and where["left_foot"] == pytest.approx([-0.15, 0])


def test_a_positive_angle_turns_clockwise():
    lying = np.zeros((1, 18))
    lying[0, 2] = np.pi / 2
    origins, _ = forward(lying)
    assert origins[0, 3] == pytest.approx([0.75, 0])  # the head falls to the right


def test_thirty_variables_in_order_uniform_in_their_ranges():
    x = rows(100_000, seed=1)
    assert x.shape == (100_000, 30) and x.dtype == np.float32
    assert np.flatnonzero(~x.any(axis=0)).tolist() == [5, 8, 11, 14, 17]
    for name, low, high in (("root_x", -0.3, 0.3), ("root_y", 0.4, 1.0), ("head_angle", -0.1 * np.pi, 0.1 * np.pi),
                            ("left_forearm_angle", 0, 0.5 * np.pi), ("left_thigh_angle", -0.1 * np.pi, 0.3 * np.pi)):
        values = column(x, name)
        assert values.min() >= low - 1e-6 and values.max() <= high + 1e-6
        assert np.histogram(values, 10, (low, high))[0] / len(x) == pytest.approx(np.full(10, 0.1), abs=0.005)
    parameters = x[:, [0, 1, 2, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16]]
    assert np.abs(np.corrcoef(parameters.T) - np.eye(13)).max() < 0.02


def test_the_seed_decides():
    assert (rows(10, seed=4) == rows(10, seed=4)).all() and (rows(10, seed=4) != rows(10, seed=5)).any()
    assert (rows(5000, seed=4)[:10] != rows(5000, seed=4)[4096:4106]).any()


def test_every_added_layer_of_the_greedy_fit_raises_the_likelihood_of_poses_it_has_not_seen():
    x = rows(20_400)
    train, held = x[:20_000], x[20_000:]
    depths = [fit(schema(), train, (64,) * depth).log_prob(held, samples=32).mean() for depth in (1, 2, 4)]
    assert depths[0] + 3 < depths[1] < depths[2] - 3
