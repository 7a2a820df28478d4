# SPDX-License-Identifier: Apache-2.0
"""training.table and training.pose as a user runs them: files, formats, scores, refusals, stops in between."""

import functools
import json

import numpy as np
import pytest

import drmm_engine as drmm
from drmm_engine.fit import fit
from drmm_engine.learn import checkpoint
from drmm_engine.scaling import to_model_units
from training import common, fits, humanoid2d, pose, table

QUICK = ["--iterations", "120", "--components", "8", "--layers", "2", "--covariance", "diagonal"]


def numbers(count=600, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, count)
    x = rng.normal(size=count) + 6 * label
    return label, x, 1000 * x + 50 * rng.normal(size=count)


@pytest.fixture
def csv(tmp_path):
    label, x, y = numbers()
    lines = ["x,y,gait"]
    for i in range(len(x)):
        lines.append(f"{'' if i % 10 == 0 else x[i]},{y[i]},{'' if i % 7 == 0 else ('walk', 'run')[label[i]]}")
    path = tmp_path / "data.csv"
    path.write_text("\n".join(lines))
    return path


def run(command, *arguments):
    return command.main([str(a) for a in arguments])


def test_a_csv_with_gaps_and_words_becomes_a_model_that_knows_their_relation(csv, tmp_path, capsys):
    out = tmp_path / "m.drmm.safetensors"
    assert run(table, csv, "--out", out, "--iterations", 600, "--components", 16,
               "--covariance", "diagonal", "--json") == 0
    output = capsys.readouterr()
    results = json.loads(output.out.splitlines()[-1])
    assert results["rows"] == 540 and results["held_out"] == results["scored"] == 60
    assert "600 of 600, stage 3" in output.err and "0:00 left" in output.err
    model = drmm.load(out)
    assert model.schema.names == ["x", "y", "gait"]
    assert model.metrics["log_likelihood"] == pytest.approx(results["log_likelihood"])
    assert model.data == {"rows": 540, "source": "data.csv"}
    draw = model.sample([drmm.Known({"gait": "run"})], count=200)
    assert draw["x"].mean() == pytest.approx(6, abs=0.6) and draw["y"].mean() == pytest.approx(6000, abs=600)
    assert [p.name for p in tmp_path.iterdir() if "checkpoint" in p.name] == []


def lumps(count, seed=0):
    """Rows of eight lumps of one shape, each turned its own way."""
    rng = np.random.default_rng(seed)
    own = np.random.default_rng(5)
    place, turn = 8 * own.normal(size=(8, 2)), own.normal(size=(8, 2, 2))
    label = rng.integers(0, 8, count)
    return place[label] + np.einsum("nij,nj->ni", turn[label], rng.normal(size=(count, 2)))


def test_untold_sizes_are_what_held_out_rows_like_and_the_better_of_fitted_and_trained_is_kept(tmp_path, capsys):
    np.save(tmp_path / "a.npy", lumps(3000))
    out = tmp_path / "m.drmm.safetensors"
    assert run(table, tmp_path / "a.npy", "--out", out, "--iterations", 50, "--json") == 0
    output = capsys.readouterr()
    model, results = drmm.load(out), json.loads(output.out.splitlines()[-1])
    assert {m.covariance for m in model.layers} == {"full"} and 4 <= model.layers[0].components <= 32
    tried = [line for line in output.err.splitlines() if "components, full" in line]
    assert len(tried) >= 3 and tried[0].startswith("1 components")
    assert "fitted" in output.err and "trained end to end" in output.err
    held = lumps(2000, 1)
    one = fit(model.schema, to_model_units(model.schema, lumps(3000)), (1,), "full")
    assert model.log_prob(held).mean() > one.log_prob(held).mean() + 0.5
    assert results["log_likelihood"] == pytest.approx(model.log_prob(held).mean(), abs=0.3)


def test_told_sizes_and_kinds_are_kept(tmp_path):
    np.save(tmp_path / "a.npy", lumps(1000))
    out = tmp_path / "m.drmm.safetensors"
    for arguments, layers in (
        (["--layers", 3, "--components", 4], ("full", "whiten")),
        (["--layers", 2, "--components", 4, "--covariance", "isotropic"], ("isotropic", "shift")),
        (["--layers", 2, "--components", 4, "--covariance", "full", "--residual", "shift"], ("full", "shift")),
    ):
        assert run(table, tmp_path / "a.npy", "--out", out, "--iterations", 20, *arguments) == 0
        model = drmm.load(out)
        assert [m.components for m in model.layers] == [4] * arguments[1]
        assert {(m.covariance, m.residual) for m in model.layers} == {layers}


def test_a_table_with_gaps_is_fitted_without_gradient_steps(csv, tmp_path, capsys):
    out = tmp_path / "m.drmm.safetensors"
    assert run(table, csv, "--out", out) == 0
    model = drmm.load(out)
    assert model.training["iterations"] == 0 and "stage" not in capsys.readouterr().err
    draw = model.sample([drmm.Known({"gait": "run"})], count=200, noise=True)
    assert draw["x"].mean() == pytest.approx(6, abs=0.6)
    line = model.sample([drmm.Known({"x": 1.0})], count=50)["y"]
    assert line == pytest.approx(1000, abs=150)  # y = 1000 x but for 50


def test_npy_and_npz_name_variables_by_stream_and_whole_numbers_are_classes(tmp_path):
    label, x, y = numbers()
    np.save(tmp_path / "a.npy", np.column_stack([x, y]))
    np.savez(tmp_path / "b.npz", place=np.column_stack([x, y]), kind=label + 5, speed=y[:, None])
    for name, streams in (("a.npy", [("data", "real")]),
                          ("b.npz", [("place", "real"), ("kind", "categorical"), ("speed", "real")])):
        out = tmp_path / "m.drmm.safetensors"
        assert run(table, tmp_path / name, "--out", out, *QUICK) == 0
        schema = drmm.load(out).schema
        assert [(s.name, s.kind) for s in schema.streams] == streams
    assert schema.streams[1].classes == ("5", "6")


def test_a_run_stopped_by_force_goes_on_to_the_same_file_and_another_is_refused(csv, tmp_path, monkeypatch, capsys):
    whole, stopped = tmp_path / "whole.drmm.safetensors", tmp_path / "stopped.drmm.safetensors"
    monkeypatch.setattr(common, "train", functools.partial(common.train, save_seconds=0))
    assert run(table, csv, "--out", whole, *QUICK) == 0
    write, writes = checkpoint.write, []

    def interrupted(*arguments):
        write(*arguments)
        writes.append(0)
        if len(writes) == 50:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write", interrupted)
    assert run(table, csv, "--out", stopped, *QUICK) == 130
    assert stopped.with_name(stopped.name + ".checkpoint").exists() and not stopped.exists()
    assert run(table, csv, "--out", stopped, *QUICK, "--batch", 32) == 2
    assert "batch = 256" in capsys.readouterr().err.splitlines()[-1]
    assert run(table, csv, "--out", stopped, *QUICK) == 0
    assert len(writes) == 120 and not stopped.with_name(stopped.name + ".checkpoint").exists()
    assert stopped.read_bytes() == whole.read_bytes()


def test_the_log_is_json_by_the_line(csv, tmp_path):
    log = tmp_path / "log.jsonl"
    assert run(table, csv, "--out", tmp_path / "m.drmm.safetensors", *QUICK, "--log", log) == 0
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert records[-1]["iteration"] == 120 and {"stage", "learning_rate", "loss", "seconds"} <= set(records[-1])


def test_the_humanoid_is_made_trained_and_scored(tmp_path, capsys):
    out = tmp_path / "m.drmm.safetensors"
    assert run(pose, "humanoid2d", "--out", out, *QUICK, "--rows", 2000, "--json") == 0
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert results["rows"] == 1980 and results["held_out"] == 20
    model = drmm.load(out)
    assert len(model.schema.names) == 30 and model.layers[0].covariance == "diagonal"
    draw = model.sample([drmm.Known({"right_hand_x": 0.8, "right_hand_y": 1.0})], count=16)
    assert np.isfinite(draw.values).all()


@pytest.mark.parametrize("recipe, tables", [("table", ()), ("pose", ("humanoid2d", "quick")),
                                            ("pose", ("humanoid2d", "paper"))])
def test_recipes_hold_every_setting(recipe, tables):
    options = common.parser("x", "y").parse_args(["--out", "m"])
    plan, held_out = common.choose(options, common.recipe(recipe, *tables))
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(2000, 30)) @ rng.normal(size=(30, 30))).astype(np.float32)
    settings = plan.settings(humanoid2d.schema(), x)
    assert settings.iterations > 0 and 0 < held_out < 1
    assert (settings.covariance == "isotropic") == ("paper" in tables)


@pytest.mark.parametrize("content, said", [
    ("x,y\n1,2\n3\n", "data.csv:3: 1 cells"),
    ("x,y\n1,2\n3,4\n5,6o\n", "column 'y', row 3: '6o' is not a number"),
    ("x,x\n1,2\n", "name every column once"),
    ("x,y\n", "empty"),
    ("x,y\n1,inf\n", "infinite"),
    ("x\n" + "\n".join(f"name{i}" for i in range(1001)), "1001 different texts"),
    ("x,y\n,\n,\n", "no row with a value"),
])
def test_a_bad_table_gets_one_line_and_exit_2(tmp_path, capsys, content, said):
    (tmp_path / "data.csv").write_text(content)
    assert run(table, tmp_path / "data.csv", "--out", tmp_path / "m.drmm.safetensors", *QUICK) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert [p.name for p in tmp_path.iterdir()] == ["data.csv"]


@pytest.mark.parametrize("arguments, said", [
    (["--iterations", "0"], "iterations"), (["--layers", "0"], "--layers"), (["--held-out", "1"], "--held-out"),
    (["--held-out", "0.9999"], "none to train on"), (["--learning-rate", "2"], "learning_rate"),
    (["--device", "tpu"], "tpu"), (["--out", "/no/such/folder/m"], "no folder"), (["--log", "/no/such/log"], "log"),
])
def test_bad_arguments_get_one_line_and_exit_2(csv, tmp_path, capsys, arguments, said):
    assert run(table, csv, "--out", tmp_path / "m.drmm.safetensors", *QUICK, *arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert said in lines[-1] and len(lines) == 1


@pytest.mark.parametrize("arguments", [["--covariance", "round"], ["--components", "many"], ["--start", "late"], []])
def test_arguments_that_cannot_be_read_exit_with_2(csv, tmp_path, capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        run(table, csv, *(["--out", tmp_path / "m"] if arguments else []), *arguments)
    assert stop.value.code == 2 and len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("rig, rows, said", [("dragon", 10, "no clip to train on in dragon"),
                                             ("humanoid2d", 0, "--rows")])
def test_another_rig_and_no_rows_are_refused(tmp_path, capsys, rig, rows, said):
    assert run(pose, rig, "--rows", rows, "--out", tmp_path / "m.drmm.safetensors") == 2
    assert said in capsys.readouterr().err


def test_a_fit_stopped_after_a_layer_goes_on_to_the_same_file_and_another_is_refused(tmp_path, monkeypatch, capsys):
    np.save(tmp_path / "a.npy", lumps(900))
    sizes = ["--components", 6, "--layers", 3, "--iterations", 20]
    whole, stopped = tmp_path / "whole.drmm.safetensors", tmp_path / "stopped.drmm.safetensors"
    assert run(table, tmp_path / "a.npy", "--out", whole, *sizes) == 0
    write, left = fits.write, []

    def interrupted(path, said, fitted):
        write(path, said, fitted)
        left.append(path)
        if len(fitted) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fits, "write", interrupted)
    assert run(table, tmp_path / "a.npy", "--out", stopped, *sizes) == 130
    assert left[0].exists() and len(left) == 2 and not stopped.exists()
    assert run(table, tmp_path / "a.npy", "--out", stopped, *sizes, "--seed", 1) == 2
    assert "a run with" in capsys.readouterr().err.splitlines()[-1]
    assert run(table, tmp_path / "a.npy", "--out", stopped, *sizes) == 0
    assert len(left) == 3 and not left[0].exists()  # the third layer alone was fitted
    assert stopped.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:-40], lambda b: b"word" + b])
def test_a_damaged_file_of_fitted_layers_is_refused(tmp_path, damage):
    path, kept = tmp_path / "m.fit", []
    x = lumps(200)
    x[:, 1] = x[:, 0] > 0
    schema = drmm.Schema((drmm.Stream.real("a", ["x"]), drmm.Stream.categorical("b", ["p", "q"])))
    fit(schema, x, (3, 2), "full", "whiten", keep=lambda fitted: kept.append(list(fitted)))
    assert [len(each) for each in kept] == [1, 2]
    fits.write(path, {"seed": 0}, kept[-1])
    again = fits.read(path, {"seed": 0})
    for mine, theirs in zip(kept[-1], again, strict=True):
        assert mine.state == theirs.state and (mine.layer.log_prob[0] == theirs.layer.log_prob[0]).all()
        assert (mine.layer.cholesky == theirs.layer.cholesky).all()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"m\.fit: not a usable checkpoint"):
        fits.read(path, {"seed": 0})
