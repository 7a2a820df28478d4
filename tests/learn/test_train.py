# SPDX-License-Identifier: Apache-2.0
"""Whole runs: starts, repeatability, stops in between by force, missing values and weights, refusals."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import norm

from drmm_engine.learn import Settings, checkpoint, train
from drmm_engine.learn.rows import rows
from drmm_engine.learn.start import start
from drmm_engine.schema import Schema, Stream
from tests.learn.problems import MIXED, PLAIN, settings, table

ROOT = Path(__file__).parents[2]


def same(a, b):
    return all(np.array_equal(getattr(x, name), getattr(y, name))
               for x, y in zip(a.layers, b.layers, strict=True) for name in ("log_weight", "mean", "log_sigma"))


def two_lumps(count=4000, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random((count, 1)) < 0.25, -2.0, 2.0) + 0.3 * rng.normal(size=(count, 2))


@pytest.mark.parametrize("kind", ["random", "greedy"])
@pytest.mark.parametrize("factor", [1e-2, 1.0, 30.0])
def test_the_start_follows_the_scale_of_the_data(kind, factor):
    s = settings(8, 8, start=kind)
    made = start(PLAIN, rows(PLAIN, factor * two_lumps(), None, "cpu"), s, torch.Generator().manual_seed(0))
    reference = start(PLAIN, rows(PLAIN, two_lumps(), None, "cpu"), s, torch.Generator().manual_seed(0))
    for level in range(2):
        sigma, at_one = (np.exp(0.5 * p[f"layers.{level}.log_variance"]) for p in (made, reference))
        assert sigma == pytest.approx(factor * at_one.numpy(), rel=1e-3, abs=2e-3)
        assert made[f"layers.{level}.mean"].abs().max() < 2 * factor * 5


def test_random_means_lie_within_two_standard_deviations():
    x = two_lumps()
    made = start(PLAIN, rows(PLAIN, x, None, "cpu"), settings(500), torch.Generator().manual_seed(0))
    z = (made["layers.0.mean"].numpy() - x.mean(0)) / x.std(0)
    assert np.abs(z).max() < 2.15 and np.abs(z).max() > 1.8
    assert z.std() == pytest.approx(0.88, abs=0.05)  # of a normal cut at 2 sd


def test_training_finds_two_lumps_and_their_shares():
    x = two_lumps()
    model = train(PLAIN, x, Settings((2,), 2500, batch=256, learning_rate=0.02, start="greedy"))
    layer = model.layers[0]
    left = int(np.argmin(layer.mean[:, 0]))
    assert layer.mean[left] == pytest.approx([-2, -2], abs=0.1)
    assert np.exp(layer.log_sigma[0]) == pytest.approx([0.3, 0.3], abs=0.03)
    assert np.exp(layer.log_weight[left]) == pytest.approx(0.25, abs=0.06)
    entropy = -(norm.entropy(scale=0.3) * 2) + 0.25 * np.log(0.25) + 0.75 * np.log(0.75)
    assert model.log_prob(x).mean() == pytest.approx(entropy, abs=0.05)


def test_missing_values_and_weights_shape_what_is_learned():
    x = two_lumps()
    x[np.random.default_rng(1).random(x.shape) < 0.3] = np.nan
    light = np.where(np.nansum(x, 1) > 0, 1 / 3, 1.0)  # makes the lumps equal
    made = train(PLAIN, x, Settings((2,), 2500, batch=256, learning_rate=0.02, start="greedy"), weight=light)
    layer = made.layers[0]
    assert np.sort(layer.mean, 0) == pytest.approx(np.array([[-2, -2], [2, 2]]), abs=0.1)
    assert np.exp(layer.log_weight) == pytest.approx([0.5, 0.5], abs=0.06)


def test_rows_of_weight_0_leave_no_trace():
    x = two_lumps(400)
    x[:200] += 100
    model = train(PLAIN, x, Settings((3,), 60, batch=16, start="greedy"), weight=np.repeat([0.0, 1.0], 200))
    assert np.abs(model.layers[0].mean).max() < 10


@pytest.mark.parametrize("schema, columns", [(Schema((Stream.categorical("kind", ["p", "q", "r"]),)), 1), (MIXED, 4)])
@pytest.mark.parametrize("kind", ["random", "greedy"])
def test_classes_alone_or_among_numbers_are_learned(schema, columns, kind):
    data, _ = table(schema, count=3000)
    column = schema.categorical_columns[0]
    data[:, column] = np.random.default_rng(0).choice(3, 3000, p=[0.6, 0.3, 0.1])
    model = train(schema, data, Settings((4, 3), 900, batch=64, learning_rate=0.02, start=kind))
    alone = np.full((3, columns), np.nan)
    alone[:, column] = range(3)
    assert np.exp(model.log_prob(alone)) == pytest.approx([0.6, 0.3, 0.1], abs=0.08)


def test_constant_columns_and_repeated_rows_break_nothing():
    x = np.zeros((50, 2))
    x[:, 0] = np.repeat([0.0, 1.0], 25)
    for covariance in ("isotropic", "diagonal"):
        for kind in ("random", "greedy"):
            s = Settings((4, 3), 300, batch=16, learning_rate=0.05, covariance=covariance, start=kind)
            assert np.isfinite(train(PLAIN, x, s).log_prob(x)).all()


def test_the_same_seed_gives_the_same_model_and_another_another():
    x = two_lumps(300)
    a, b, c = (train(PLAIN, x, settings(4, 3, seed=seed)) for seed in (1, 1, 2))
    assert same(a, b) and not same(a, c)


def test_reports_say_where_training_stands():
    records = []
    train(PLAIN, two_lumps(300), settings(4, 3), report=records.append)
    last = json.loads(json.dumps(records[-1]))
    assert last["iteration"] == last["iterations"] == 30
    assert last["stage"] == 3 and np.isfinite(last["loss"]) and last["seconds_left"] == 0


KILLED = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    from drmm_engine.learn import checkpoint
    from tests.learn.test_train import resumable
    when, write, replace, count = sys.argv[2], checkpoint.write, Path.replace, 0
    def kill(): os.kill(os.getpid(), signal.SIGKILL)
    def writing(*arguments):
        global count
        count += 1
        write(*arguments)
        if count == 7 and when == "between iterations": kill()
    def renaming(self, target):
        if count == 7 and when == "before the rename": kill()
        return replace(self, target)
    checkpoint.write, Path.replace = writing, renaming
    resumable(Path(sys.argv[1]))
""")


def resumable(folder):
    data, _ = table(MIXED, count=200, missing=0.2)
    weight = np.linspace(1, 2, 200)
    s = settings(4, 3, iterations=40, start="greedy")
    return train(MIXED, data, s, weight=weight, save_at=folder / "c.checkpoint", save_seconds=0)


def test_a_killed_run_goes_on_bit_for_bit(tmp_path):
    (tmp_path / "whole").mkdir()
    whole = resumable(tmp_path / "whole")
    for when in ("between iterations", "before the rename"):  # of stage 1, then in stage 2 of the run that goes on
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), when], env=environment, cwd=ROOT)
        assert done.returncode == -signal.SIGKILL
    checkpoint_file = tmp_path / "c.checkpoint"
    assert len(list(tmp_path.glob(".c.checkpoint.*"))) == 1  # the file that never got its name
    again = resumable(tmp_path)
    for a, b in zip(whole.layers, again.layers, strict=True):
        for name in ("log_weight", "mean", "log_sigma"):
            assert np.array_equal(getattr(a, name), getattr(b, name))
        assert all(np.array_equal(x, y) for x, y in zip(a.log_prob, b.log_prob, strict=True))
    assert np.array_equal(whole.layers[1].latent_table, again.layers[1].latent_table)
    checkpoint.remove(checkpoint_file)
    assert not list(tmp_path.glob("*c.checkpoint*")) and not list(tmp_path.glob(".c*"))


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(tmp_path):
    x, at = two_lumps(300), tmp_path / "c.checkpoint"
    train(PLAIN, x, settings(4, 3), save_at=at, save_seconds=0)
    with pytest.raises(ValueError, match="components"):
        train(PLAIN, x, settings(4, 4), save_at=at)
    with pytest.raises(ValueError, match="data"):
        train(PLAIN, x + 1, settings(4, 3), save_at=at)
    at.write_bytes(at.read_bytes()[:-100])
    with pytest.raises(ValueError, match="not a usable checkpoint"):
        train(PLAIN, x, settings(4, 3), save_at=at)


@pytest.mark.parametrize("data, match", [
    (np.full((5, 2), np.nan), "no row"), (np.array([[0.0, np.inf]]), "infinite"), (np.zeros((0, 2)), "no row"),
    (np.zeros((5, 3)), "columns"), (np.zeros(5), "columns"),
])
def test_data_that_cannot_be_learned_are_refused(data, match):
    with pytest.raises(ValueError, match=match):
        train(PLAIN, data, settings(2))


@pytest.mark.parametrize("weight", [np.ones(4), np.zeros(5), -np.ones(5), np.full(5, np.nan)])
def test_wrong_weights_are_refused(weight):
    with pytest.raises(ValueError, match="weights"):
        train(PLAIN, np.zeros((5, 2)), settings(2), weight=weight)


@pytest.mark.parametrize("values", [
    {"components": ()}, {"components": (0,)}, {"components": (2.5,)}, {"iterations": 0}, {"batch": 0},
    {"learning_rate": 0}, {"covariance": "round"}, {"start": "none"}, {"truncation": 1.0}, {"orphan": -1},
    {"residual": "turn"}, {"covariance": ("full", "full")}, {"curriculum": "none"},
])
def test_wrong_settings_are_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        Settings(**({"components": (2,), "iterations": 10} | values))


@pytest.mark.parametrize("values", [{"covariance": "full"}, {"residual": ("whiten", "shift")},
                                    {"covariance": ("isotropic", "diagonal")}, {"curriculum": "end-to-end"}])
def test_what_needs_a_fit_to_start_from_is_refused_without(values):
    with pytest.raises(ValueError, match="start = 'greedy'"):
        Settings(**({"components": (2, 3), "iterations": 10} | values))


def test_numbers_below_the_normal_range_are_there_again_after_training():
    train(PLAIN, two_lumps(64), Settings((2,), 2, batch=8, learning_rate=0.01, start="greedy"))
    assert np.finfo(float).tiny / 2 > 0
