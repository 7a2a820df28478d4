# SPDX-License-Identifier: Apache-2.0
"""The conditional benchmark's own arithmetic: mixtures as models, tables of clips, classes as columns, errors."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import drmm_engine as drmm
from scripts import clip_tables, conditional, gaps

SCHEMA = drmm.Schema((drmm.Stream("a", (drmm.Variable("x", "m", 1.0, 2.0), drmm.Variable("y", "m", -3.0, 0.5))),
                      drmm.Stream.categorical("kind", ["p", "q", "r"])))
NAMES = ("Hips", "Head", "Hand_L", "Hand_R", "Foot_L", "Foot_R", "Toes_L", "Toes_R", "UpperLeg_L", "UpperLeg_R")


def test_a_mixture_as_a_model_has_its_density():
    rng = np.random.default_rng(0)
    weights, means = np.array([0.3, 0.7]), rng.normal(size=(2, 2))
    roots = rng.normal(size=(2, 2, 2))
    covariances = roots @ roots.swapaxes(1, 2) + 0.1 * np.eye(2)
    schema = drmm.Schema(SCHEMA.real_streams)
    x = rng.normal(size=(20, 2))
    density = sum(w * multivariate_normal.pdf(x, m, c) for w, m, c in zip(weights, means, covariances, strict=True))
    model = conditional.as_model(schema, weights, means, covariances)
    assert model.log_prob(x) == pytest.approx(np.log(density), abs=1e-9)


def test_neighbours_are_the_nearest_rows_in_what_is_known():
    x = np.random.default_rng(0).normal(size=(50, 2))
    rows = conditional.Rows(drmm.Schema(SCHEMA.real_streams), x, x)
    drawn = conditional.Neighbours(rows).sample([drmm.Known({"y": 0.2})], 5)
    assert np.sort(np.abs(drawn[:, 1] - 0.2)) == pytest.approx(np.sort(np.abs(x[:, 1] - 0.2))[:5])


def walker(count=6, seed=0, turn=0.0, place=(0.0, 0.0)):
    """A stiff figure that walks straight ahead, seen after a turn about the vertical and a move."""
    rest = np.array([[0, 0, 1], [0.1, 0, 1.6], [0.2, 0.4, 1.1], [0.1, -0.4, 1.0], [0.3, 0.1, 0.1], [-0.2, -0.1, 0.05],
                     [0.4, 0.1, 0.04], [-0.1, -0.1, 0.02], [0, 0.1, 0.9], [0, -0.1, 0.9]])
    moved = rest + np.arange(count)[:, None, None] * [0.04, 0.0, 0.0]
    c, s = np.cos(turn), np.sin(turn)
    turned = moved @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + [*place, 0.0]
    return clip_tables.Frames(turned, NAMES, 30.0, "walk", "proud")


def test_poses_and_descriptions_do_not_depend_on_where_and_whither():
    here, there = walker(), walker(turn=2.0, place=(5.0, -3.0))
    assert clip_tables.pose_rows([here]) == pytest.approx(clip_tables.pose_rows([there]), abs=1e-5)
    schema, x = clip_tables.frame_table([here])
    _, y = clip_tables.frame_table([there], schema)
    assert x == pytest.approx(y, abs=1e-6)
    row = dict(zip(schema.names, x[0], strict=True))
    assert row["speed"] == pytest.approx(1.2) and row["turning"] == pytest.approx(0, abs=1e-9)
    assert row["foot_left_forward"] == pytest.approx(0.3) and row["stride_width"] == pytest.approx(0.2)
    assert row["lower_foot"] == 0  # the right one


def test_a_pose_row_by_joint():
    schema = clip_tables.pose_schema([walker()])
    joints = clip_tables.joints(schema, clip_tables.pose_rows([walker()])[0])
    assert joints["Head"] == pytest.approx([0.1, 0, 1.6], abs=1e-6) and joints["Hips"] == pytest.approx([1.0])


def test_classes_as_columns_and_back():
    x = np.array([[0.5, 1.0, 2], [np.nan, 2.0, 0], [1.0, 3.0, np.nan]])
    wide = gaps._one_hot(SCHEMA, x)
    assert wide.shape == (3, 5) and np.isnan(wide[2, 2:]).all()
    assert wide[0, 2:].tolist() == [0, 0, 1]
    assert gaps._from_one_hot(SCHEMA, wide[:2])[:, 2].tolist() == [2, 0]


def test_errors_count_hidden_values_alone():
    held = np.array([[1.0, 1.0, 0], [3.0, 2.0, 1]])
    asked = np.array([[np.nan, 1.0, np.nan], [3.0, 2.0, np.nan]])
    filled = np.array([[5.0, 9.0, 0], [9.0, 9.0, 2]])
    assert gaps.errors(SCHEMA, filled, asked, held) == {"rmse_sd": 2.0, "wrong_kind": 0.5}


def test_a_mirrored_pose_has_its_sides_changed_and_comes_back():
    names = ["Hips.z", "Hand_L.x", "Hand_L.y", "Hand_L.z", "Hand_R.x", "Hand_R.y", "Hand_R.z"]
    schema = drmm.Schema((drmm.Stream.real("pose", names),))
    x = np.array([[0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]])
    other = clip_tables.mirrored(schema, x)
    assert other == pytest.approx(np.array([[0.9, 0.4, -0.5, 0.6, 0.1, -0.2, 0.3]]))
    assert clip_tables.mirrored(schema, other) == pytest.approx(x)
