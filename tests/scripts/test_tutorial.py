# SPDX-License-Identifier: Apache-2.0
"""The tutorial: every question is printed as the code that asked it, and answered."""

import numpy as np
import pytest
from matplotlib.image import imread

from scripts import tutorial
from scripts.figures import common

ROWS = tutorial.spiral(800, seed=1)


@pytest.fixture(scope="module")
def sample():
    model = tutorial.learned(ROWS)
    return lambda query, **how: model.sample(query, 300, seed=1, **how)


def test_it_prints_the_code_and_draws(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(tutorial, "spiral", lambda seed: ROWS)
    assert tutorial.main(["--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for line in ('sample([Known({"x": 0.4})])', "sample([HalfSpace(", "sweeps=5)", "# Free samples"):
        assert line in printed
    assert 0.02 < (imread(tmp_path / "tutorial.png")[..., :3].min(axis=-1) < 0.9).mean() < 0.5
    assert common.LOOK["font.size"] == 8


@pytest.mark.parametrize("question", tutorial.QUESTIONS)
def test_the_code_shown_is_the_code_that_runs(question, sample):
    names = {**vars(tutorial), "np": np, "sample": sample}
    shown = eval(tutorial.code(question), names)
    np.testing.assert_array_equal(shown.values, question(sample).values)
    assert question.__doc__


def test_the_answers_meet_the_questions(sample):
    assert (tutorial.known(sample)["x"] == 0.4).all()
    assert np.std(tutorial.softly_known(sample)["x"]) > 0.01
    pulled = tutorial.prior(sample)
    assert abs(pulled["x"].mean() - 0.4) < 0.2 and abs(pulled["y"].mean() - 0.4) < 0.2
    half = tutorial.half_space(sample)
    assert (half["x"] + 0.2 * half["y"] > 0).mean() > 0.9
    slab = tutorial.slab(sample)
    assert (abs(slab["x"] + slab["y"]) < 0.3).mean() > 0.9
    box = tutorial.box(sample)
    assert ((box["x"] > -0.6) & (box["x"] < 0.2) & (box["y"] > -0.9) & (box["y"] < 0.1)).mean() > 0.9
    equal = tutorial.equality(sample)
    np.testing.assert_allclose(equal["x"] - equal["y"], 0.2, atol=1e-4)
    assert (tutorial.class_known(sample)["turn"] == 1).all() and (tutorial.combined(sample)["turn"] == 2).all()
    assert tutorial.cooler(sample).log_joint.mean() > tutorial.warmer(sample).log_joint.mean()


def test_the_turn_is_the_radius_and_half_of_them_are_missing():
    x, y, turn = ROWS.T
    named = ~np.isnan(turn)
    assert 0.4 < named.mean() < 0.6
    np.testing.assert_array_equal(np.floor(3 * np.hypot(x, y))[named], turn[named])
