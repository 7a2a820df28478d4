# SPDX-License-Identifier: Apache-2.0
"""The paper's figures at settings of a second: pictures drawn, figures sane, the solver solves."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from drmm_engine import reports
from drmm_engine.fit import fit
from drmm_engine.learn import Settings
from drmm_engine.learn.graphs import Step, adam
from drmm_engine.learn.parameters import to_model
from drmm_engine.learn.rows import rows
from drmm_engine.learn.start import start
from scripts.figures import common, fig2, fig5, fig6, fig7, humanoid
from scripts.figures.solver import derivative, solve
from tests.gait import write_gait_bvh
from training import humanoid2d, toys

ROOT = Path(__file__).resolve().parents[2]
TINY = {fig2: fig2.Budget(30, 12), fig5: fig5.Budget(30, 2, 3),
        fig6: fig6.Budget(2000, (8, 8), 30, "greedy", (4, 4)),
        fig7: fig7.Budget((32,), 30, 2000, 100, 20, (4,), (8,), 5, "greedy", 20)}
POSES = humanoid2d.rows(64, seed=5)[:, :18].astype(float)


def drawn(figure, monkeypatch, capsys, folder, *more):
    """A figure at tiny settings: what it printed, its line of JSON and its picture [height, width, 3]."""
    monkeypatch.setattr(figure, "QUICK", TINY[figure])
    options = getattr(figure, "OPTIONS", {})
    assert common.main(figure, ["--out", str(folder), "--json", *more], **options) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    name = figure.__name__.rsplit(".", 1)[-1]
    assert [p.name for p in folder.iterdir() if p.is_file()] == [f"{name}.png"]
    picture = imread(folder / f"{name}.png")[..., :3]
    ink = (picture.min(axis=-1) < 0.9).mean()
    assert 0.005 < ink < 0.5
    return lines, json.loads(last), picture


def test_fig2_draws_two_kinds_of_layers_on_both_data_sets(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(fig2, "DATA", (("swiss roll", toys.swiss_roll, (8,)), ("Sierpinski", toys.sierpinski, (3, 3))))
    lines, figures, picture = drawn(fig2, monkeypatch, capsys, tmp_path)
    assert figures["figure"] == "fig2" and not figures["paper"] and figures["seed"] == 0
    for name in ("swiss roll", "Sierpinski"):
        paper, ours = figures[f"{name}, isotropic"], figures[f"{name}, whitened"]
        assert min(paper["half_space_met"], ours["half_space_met"]) > 0.55  # few components, wide noise
        assert paper["log_likelihood"] < ours["log_likelihood"] < 6
        assert 0 < ours["known_x_missed_by"] < 0.3
    assert len([line for line in lines if "log_likelihood" in line]) == 4
    monkeypatch.setattr(common, "train", None)  # the models are kept: it draws the same again without training
    monkeypatch.setattr(common, "fit", None)
    _, again, same = drawn(fig2, monkeypatch, capsys, tmp_path)
    assert again == figures
    np.testing.assert_array_equal(same, picture)


def test_fig5_compares_runs_that_start_alike(monkeypatch, capsys, tmp_path):
    _, figures, _ = drawn(fig5, monkeypatch, capsys, tmp_path)
    assert {kind: len(values) for kind, values in figures["log_likelihood"].items()} == {
        "curriculum": 2, "no curriculum": 2}
    x = toys.swiss_roll()
    on, off = (list(fig5.learning_curve(kind, x, x[:50], TINY[fig5], seed=1)) for kind in (True, False))
    assert [i for i, _ in on] == [i for i, _ in off] == [0, 10, 20, 30]
    assert on[0] == off[0] and on[-1] != off[-1]
    assert off[-1][1] > off[0][1]


def test_without_curriculum_the_loss_is_the_likelihood_and_everything_learns():
    x = toys.swiss_roll().astype(np.float32)
    settings = Settings((5,), 10, batch=40, truncation=0.0)
    table = rows(toys.SCHEMA, x, None, "cpu")
    parameters = start(toys.SCHEMA, table, settings, torch.Generator().manual_seed(0))
    before = {name: p.clone() for name, p in parameters.items()}
    for p in parameters.values():
        p.requires_grad_()
    model, step = to_model(parameters, toys.SCHEMA, settings), Step(
        parameters, adam(parameters, settings), toys.SCHEMA, settings)
    loss = fig5.without_curriculum(step, table.take(torch.arange(40)), torch.rand(1, 40), 0)
    assert loss.item() == pytest.approx(-model.log_prob(x[:40]).mean(), abs=1e-4)
    assert all((p != before[name]).all() for name, p in parameters.items())
    assert step.optimizer.param_groups[0]["lr"] == pytest.approx(settings.learning_rate)


def test_fig6_draws_solves_and_measures(monkeypatch, capsys, tmp_path):
    lines, figures, _ = drawn(fig6, monkeypatch, capsys, tmp_path)
    assert sum("solved" in line for line in lines) == 2 * len(humanoid.QUERIES)
    for kind in ("isotropic", "whitened"):
        free, known, ceiling, room = (figures[kind][query.title] for query in humanoid.QUERIES)
        assert set(free) == {"moved_rad"}
        assert known["miss_m"][0] > 0.05 and known["all_met"][1] > 0.8
        assert known["miss_m"][1] < known["best_miss_m"][0]
        assert room["bounds_met"][1] > max(room["bounds_met"][0], 0.9)
        assert ceiling["all_met"][1] > 0.5


def test_fig7_scores_poses_and_motion(monkeypatch, capsys, tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    for i in range(2):
        write_gait_bvh(clips / f"{i}.bvh", 4.0)
    (tmp_path / "out").mkdir()
    _, figures, _ = drawn(fig7, monkeypatch, capsys, tmp_path / "out", "--clips", str(clips))
    assert list(figures["poses"]) == list(fig7.COLOURS) and list(figures["motion"]) == list(fig7.COLOURS)[:4]
    for curves in (figures["poses"], figures["motion"]):
        for (point,) in curves.values():
            assert 0 <= point["f1"] <= 1 and 0 <= point["f1_noise"] <= 1 and np.isfinite(point["log_likelihood"])
    best = max(figures["poses"], key=lambda curve: figures["poses"][curve][0]["log_likelihood"])
    assert best == "2 layers, full, whitened"


def test_components_are_matched_as_in_the_paper():
    table = {30: {64: (24, 15, 11), 256: (64, 39, 28), 1024: (150, 89, 64)},
             1800: {64: (32, 22, 16), 128: (63, 42, 32), 1024: (455, 294, 217)}}
    for variables, sizes in table.items():
        for size, deeper in sizes.items():
            assert tuple(fig7.matched(size, n, variables)[-1] for n in (2, 3, 4)) == deeper
            assert fig7.matched(size, 1, variables) == (size,)


def test_parameters_are_counted_as_the_models_card_counts_them():
    model = fit(toys.SCHEMA, toys.swiss_roll(), (4, 5, 3))
    assert fig7.parameters((4, 5, 3), 2) == reports.parameters(model)


def test_a_window_is_seen_from_where_it_begins():
    clip = np.random.default_rng(0).normal(size=(40, 20, 3))
    seen = fig7.windows(clip, 4)
    assert seen.shape == (3, 1800)
    np.testing.assert_allclose(seen.reshape(3, 30, 20, 3)[:, 0, 0, :2], 0, atol=1e-6)
    c, s = np.cos(0.7), np.sin(0.7)
    moved = clip @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + [3.0, -2.0, 0.0]
    np.testing.assert_allclose(fig7.windows(moved, 4), seen, atol=1e-5)
    assert len(fig7.windows(clip[:29], 1)) == 0


@pytest.mark.parametrize("arguments, what", [(["--clips", "nowhere"], "nowhere"), (["--clips", "{one}"], "one clip")])
def test_clips_that_cannot_be_used_are_named(monkeypatch, capsys, tmp_path, arguments, what):
    write_gait_bvh(tmp_path / "one.bvh", 2.0)
    monkeypatch.setattr(fig7, "QUICK", TINY[fig7])
    monkeypatch.setattr(fig7, "judged", lambda *_: {})
    arguments = [a.replace("{one}", str(tmp_path / "one.bvh")) for a in arguments]
    assert common.main(fig7, ["--out", str(tmp_path / "out"), *arguments], **fig7.OPTIONS) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("python -m scripts.figures.fig7: ") and what in last
    assert not (tmp_path / "out" / "fig7.png").exists()


def test_a_command_names_itself_and_a_file_in_place_of_its_folder(tmp_path):
    (tmp_path / "taken").write_text("")
    command = [sys.executable, "-m", "scripts.figures.fig2", "--out", str(tmp_path / "taken")]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert line.startswith("python -m scripts.figures.fig2: ") and "taken" in line


def test_another_seed_or_data_are_another_model(tmp_path):
    x = toys.swiss_roll()
    one, other = Settings((3,), 10), Settings((3,), 10, seed=1)
    make = [common._path(tmp_path, "a b", toys.SCHEMA, part, how) for part, how in ((x, one), (x, other), (x[1:], one))]
    assert len(set(make)) == 3 and all(path.name.startswith("a-b-") for path in make)


def test_conditions_say_what_bounds_say():
    everything = humanoid2d.rows(200, seed=1).astype(float)
    names = humanoid2d.schema().names
    for query in humanoid.QUERIES:
        spaces = [c for c in query.conditions() if hasattr(c, "normal")]
        values = [sum(a * everything[:, names.index(name)] for name, a in c.normal.items()) + c.offset for c in spaces]
        met = humanoid.bounds_met(everything[:, :18], query)
        np.testing.assert_array_equal(np.array(values).reshape(len(spaces), 200).T > 0, met)
    assert [len(query.bounds) for query in humanoid.QUERIES] == [0, 0, 5, 20]


def test_the_fixed_angles_are_left_out():
    assert set(range(30)) - set(humanoid.MOVING) == {5, 8, 11, 14, 17}
    x = humanoid2d.rows(100)
    assert (x.std(axis=0)[humanoid.MOVING] > 0.01).all()
    assert humanoid.moving_schema().names == [humanoid2d.schema().names[i] for i in humanoid.MOVING]


def test_boxes_stand_where_the_centre_of_mass_says():
    corners = humanoid.outlines(POSES)
    weighted = np.concatenate([corners, corners[:, :, :1]], axis=2).mean(axis=2).sum(axis=1) / 16
    np.testing.assert_allclose(weighted, humanoid2d.forward(POSES)[1], atol=1e-12)


@pytest.mark.parametrize("name", humanoid2d.EFFECTORS)
def test_derivatives_are_those_of_forward_kinematics(name):
    i, step = humanoid.NAMES.index(name), 1e-6
    exact = derivative(humanoid2d.forward(POSES)[0], i)
    for k in range(18):
        d = np.zeros(18)
        d[k] = step
        slope = (humanoid.effector(POSES + d, name) - humanoid.effector(POSES - d, name)) / (2 * step)
        np.testing.assert_allclose(exact[:, :, k], slope, atol=1e-7)


@pytest.mark.parametrize("query", humanoid.QUERIES, ids=lambda query: query.title)
def test_the_solver_meets_goals_and_bounds_within_limits(query):
    solved = solve(POSES, query)
    assert (solved >= humanoid.LOW).all() and (solved <= humanoid.HIGH).all()
    met = (humanoid.goal_error(solved, query) < 1e-6) & humanoid.bounds_met(solved, query).all(axis=1)
    assert met.mean() > 0.75, "from poses drawn with no thought of the query"


def test_the_solver_leaves_what_answers_the_query_and_moves_no_further_than_it_must():
    free, known = humanoid.QUERIES[:2]
    np.testing.assert_array_equal(solve(POSES, free), np.clip(POSES, humanoid.LOW, humanoid.HIGH))
    once = solve(POSES, known)
    done = humanoid.goal_error(once, known) < 1e-9
    assert done.mean() > 0.9
    np.testing.assert_allclose(solve(once[done], known), once[done], atol=1e-6)
    nudged = solve(once[done] + 0.01, known)
    assert np.abs(nudged - once[done]).max() < 0.1


def test_out_of_reach_the_solver_stretches_towards_the_goal():
    far = humanoid.Query("far", {"right_hand": (3.0, 1.0)})
    solved = solve(POSES, far)
    assert (solved >= humanoid.LOW).all() and (solved <= humanoid.HIGH).all()
    before, after = humanoid.goal_error(POSES, far), humanoid.goal_error(solved, far)
    assert (after < before).all() and np.median(after) < 1.9, "the root stands 2.7 m away, an arm's end 0.9 m from it"
