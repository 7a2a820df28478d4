# SPDX-License-Identifier: Apache-2.0
"""The command line against the library, and every refusal in one line with exit code 2."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import drmm_engine as drmm
from drmm_engine import models
from drmm_engine.cli import main
from tests.engine.truth import KINDS, random_model


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model file `m` in the working folder, as read back."""
    monkeypatch.chdir(tmp_path)
    made = random_model(1, (3, 4), "own", classes=(3,))
    replace(made, data={"source": "made up", "licence": "CC0"}, metrics={"nats": 1.5}).save("m")
    return drmm.load("m")


def results(capsys):
    """The JSON line, which is the last on stdout; nothing on stderr."""
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out.splitlines()[-1])


def refusal(capsys, arguments):
    """The one line on stderr."""
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    return err


def test_sample_writes_what_the_library_draws(model, capsys):
    entries = [{"kind": "GaussianPrior", "priors": {"y": [0.0, 0.3]}, "weight": 0.5},
               {"kind": "HalfSpace", "normal": {"x": 1, "y": 0.2}, "offset": 0.1},
               {"kind": "LinearEquality", "normal": {"z": 1, "y": -1}},
               {"kind": "Box", "limits": {"u": [-1, None]}}]
    query = [drmm.Known({"x": 0.5}), drmm.Known({"style0": "c1"}), drmm.GaussianPrior({"y": (0.0, 0.3)}, weight=0.5),
             drmm.HalfSpace({"x": 1, "y": 0.2}, offset=0.1), drmm.LinearEquality({"z": 1, "y": -1}),
             drmm.Box({"u": (-1, np.inf)})]
    with open("c.json", "w") as file:
        json.dump(entries, file)
    common = ["sample", "m", "--known", "x=0.5", "--known", "style0=c1", "--conditions", "c.json", "--count", "7",
              "--seed", "3", "--truncation", "0.01", "--json", "--out"]
    assert main([*common, "o.npz"]) == 0
    summary = results(capsys)
    draw = model.sample(query, count=7, seed=3, truncation=0.01)
    assert (summary["count"], summary["variables"]) == (7, model.schema.names)
    assert summary["effective_sample_size"] == pytest.approx(draw.effective_sample_size)
    with np.load("o.npz") as written:
        for part in ("values", "log_weight", "log_joint", "components"):
            assert np.array_equal(written[part], getattr(draw, part))
        assert written["names"].tolist() == model.schema.names
    assert main([*common, "o.csv"]) == 0
    header, *rows = csv.reader(open("o.csv"))
    assert header == [*model.schema.names, "log_weight"]
    assert {row[4] for row in rows} == {"c1"}
    assert np.array([row[:4] for row in rows], dtype=float) == pytest.approx(draw.values[:, :4], rel=1e-15)


def test_samples_can_be_scored(model, capsys):
    main(["sample", "m", "--count", "20", "--noise", "--out", "o.csv"])
    capsys.readouterr()
    assert main(["score", "m", "o.csv", "--json"]) == 0
    values = model.sample(count=20, noise=True).values
    assert results(capsys)["mean"] == pytest.approx(model.log_prob(values).mean(), abs=1e-9)


def test_sample_says_how_well_conditions_are_met(model, capsys):
    query = [drmm.Known({"x": 0.5}), drmm.HalfSpace({"y": 1.0, "z": -0.2}, offset=0.1),
             drmm.HalfSpace({"u": -1.0}, offset=2.0), drmm.LinearEquality({"y": 1.0, "u": 1.0}, offset=-0.3),
             drmm.GaussianPrior({"z": (0.2, 0.3)})]
    asked = ["--known", "x=0.5", "--where", "y - 0.2 z > -0.1", "--where", "u < 2", "--where", "y + u = 0.3",
             "--where", "z ~ 0.2 +- 0.3", "--sweeps", "2", "--temperature", "0.5", "--layers", "1", "--noise"]
    assert main(["sample", "m", *asked, "--out", "o.npz", "--json"]) == 0
    text, line = capsys.readouterr().out.rsplit("\n", 2)[:2]
    draw = model.first(1).sample(query, sweeps=2, temperature=0.5, noise=True)
    with np.load("o.npz") as written:
        assert np.array_equal(written["values"], draw.values) and written["components"].shape == (64, 1)
    assert json.loads(line)["conditions"] == draw.fulfilment().to_json() and json.loads(line)["conflicts"] == []
    assert text.endswith(str(draw.fulfilment()))


def test_sample_names_conditions_in_conflict(model, capsys):
    main(["sample", "m", "--known", "x=0.5", "--where", "x > 1", "--resample", "--out", "o.csv", "--json"])
    text, line = capsys.readouterr().out.rsplit("\n", 2)[:2]
    conflict = "Known x = 0.5 and HalfSpace x - 1 > 0 cannot both hold"
    assert json.loads(line)["conflicts"] == [conflict] and f"conflict: {conflict}" in text
    main(["sample", "m", "--out", "o.csv"])
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("covariance", ["full", "whitened", "own"])
def test_score_finds_planted_outliers(model, capsys, covariance):
    """One variable of each of five rows is moved by eight times its spread; one of the rows lacks another."""
    made = random_model(1, (3, 4), covariance, classes=(3,))
    made.save("m")
    x = made.sample(count=200, noise=True, seed=1).values
    spread = x.std(0)
    planted = {17: "x", 50: "y", 90: "z", 120: "u", 199: "y"}
    for row, name in planted.items():
        x[row, made.schema.column(name)] += 8 * spread[made.schema.column(name)]
    x[50, made.schema.column("x")] = np.nan
    np.save("d.npy", x)
    assert main(["score", "m", "d.npy", "--json"]) == 0
    found = {entry["row"] - 1: entry["because"][0]["variable"] for entry in results(capsys)["least_likely"]}
    assert found == planted


@pytest.mark.parametrize("kind", ["csv", "npy", "npz"])
def test_score_finds_the_row_and_the_variable(model, capsys, kind):
    x = model.sample(count=30, noise=True, seed=1).values
    x[11, model.schema.column("z")] += 200
    x[4, model.schema.column("y")] = np.nan
    if kind == "csv":  # by name, in any order
        order = [3, 0, 4, 1, 2]
        lines = [",".join(model.schema.names[i] for i in order)]
        lines += [",".join("" if np.isnan(row[i]) else repr(float(row[i])) for i in order) for row in x]
        open("d.csv", "w").write("\n".join(lines))
    elif kind == "npy":
        np.save("d.npy", x)
    else:
        np.savez("d.npz", b=x[:, 2:4], a=x[:, :2], style0=x[:, 4])
    assert main(["score", "m", f"d.{kind}", "--worst", "2", "--json"]) == 0
    found, each = results(capsys), model.log_prob(x)
    assert (found["rows"], found["missing"], len(found["least_likely"])) == (30, 1, 2)
    assert found["mean"] == pytest.approx(each.mean(), abs=1e-9)
    first = found["least_likely"][0]
    assert (first["row"], first["because"][0]["variable"]) == (12, "z")
    assert first["because"][0]["value"] == pytest.approx(x[11, 2])
    assert first["log_prob"] == pytest.approx(each.min(), abs=1e-9)


def test_inspect_tells_what_the_file_holds(model, capsys):
    assert main(["inspect", "m", "--json"]) == 0
    text, line = capsys.readouterr().out.rsplit("\n", 2)[:2]
    card = json.loads(line)
    assert card["layers"] == [{"components": k, "covariance": "diagonal", "residual": "shift"} for k in (3, 4)]
    tensors = [7, 7 * 4, 7 * 4, 7 * 3, 3 * 4]  # weights, means, sigmas, classes, latents
    assert card["parameters"] == sum(tensors)
    assert (card["data"]["licence"], card["metrics"]) == ("CC0", {"nats": 1.5})
    for shown in ("2 layers", "96 parameters", "licence: CC0", "nats: 1.5", "classes: c0, c1, c2", "u: "):
        assert shown in text
    low, high = card["streams"][0]["variables"][0]["range"]
    x = model.sample(count=4000, noise=True, seed=9)["x"]
    assert 0.95 < np.mean((x > low) & (x < high)) < 0.999


@pytest.mark.parametrize("covariance", KINDS)
def test_inspect_counts_the_numbers_of_the_file(model, capsys, covariance):
    """Of the Cholesky factors the lower triangles."""
    made = random_model(1, (3, 4), covariance, classes=(3,))
    made.save("m")
    assert main(["inspect", "m", "--json"]) == 0
    card = results(capsys)
    above = sum(2 * m.components for m in made.layers if m.covariance == "full")  # one in each of two streams
    assert card["parameters"] == sum(tensor.size for tensor in load_file("m").values()) - above
    for told, layer in zip(card["layers"], made.layers, strict=True):
        assert told == {"components": layer.components, "covariance": layer.covariance, "residual": layer.residual}


def test_inspect_shows_long_values_in_full_where_asked(model, capsys):
    replace(model, data={"source": "walks, " * 40}).save("m")
    for arguments, shown in ((["inspect", "m"], 0), (["inspect", "m", "--all"], 1)):
        assert main(arguments) == 0
        assert capsys.readouterr().out.count("walks, " * 40) == shown


def test_inspect_takes_the_shipped_model_where_none_is_given(model, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(models, "path", lambda kind="locomotion": tmp_path / "m")
    assert main(["inspect"]) == 0
    assert f"{tmp_path / 'm'}: 2 layers" in capsys.readouterr().out


SAMPLE = ["sample", "m", "--count", "3", "--out", "o.npz"]


@pytest.mark.parametrize("arguments, message", [
    ([], "the following arguments are required: COMMAND"),
    (["dance"], "invalid choice: 'dance'"),
    (["sample", "m"], "the following arguments are required: --out"),
    ([*SAMPLE, "--count", "many"], "argument --count: invalid int value: 'many'"),
    ([*SAMPLE, "--count", "0"], "count must be a whole number of at least 1, got 0"),
    ([*SAMPLE, "--count", "1000000000000000"], "sample"),
    ([*SAMPLE, "--truncation", "2"], "truncation must be at least 0 and below 1, got 2.0"),
    ([*SAMPLE, "--known", "x"], "--known needs NAME=VALUE, got 'x'"),
    ([*SAMPLE, "--known", "q=1"], "no variable 'q' in this model"),
    ([*SAMPLE, "--known", "x=left"], "Known: 'x' must be a number, got 'left'"),
    ([*SAMPLE, "--known", "x=nan"], "Known: 'x' must be finite, got nan"),
    ([*SAMPLE, "--known", "x=1", "--known", "x=2"], "Known: 'x' is given twice"),
    ([*SAMPLE, "--where", "x"], '--where needs a condition like "x + 0.2 y > -0.1", "x = 0.5" or "y ~ 0 +- 0.3", got'),
    ([*SAMPLE, "--where", "x > y"], "got 'x > y'"),
    ([*SAMPLE, "--where", "3 > 2"], "got '3 > 2'"),
    ([*SAMPLE, "--where", "0 < x < 2"], "got '0 < x < 2'"),
    ([*SAMPLE, "--where", "x ~ 1"], "got 'x ~ 1'"),
    ([*SAMPLE, "--where", "x > nan"], "got 'x > nan'"),
    ([*SAMPLE, "--where", "x - > 1"], "no variable 'x -' in this model"),
    ([*SAMPLE, "--where", "q > 1"], "no variable 'q' in this model"),
    ([*SAMPLE, "--where", "x - 1 x > 0"], "HalfSpace: the normal is zero"),
    ([*SAMPLE, "--where", "x ~ 0 +- -1"], "standard deviation of 'x' must be positive, got -1.0"),
    ([*SAMPLE, "--layers", "3"], "layers must lie between 1 and 2, got 3"),
    ([*SAMPLE, "--sweeps", "-1"], "sweeps must be a whole number of at least 0, got -1"),
    ([*SAMPLE, "--temperature", "0"], "temperature must be a positive number, got 0.0"),
    ([*SAMPLE, "--known", "style0=c9"], "no class 'c9'"),
    ([*SAMPLE, "--out", "o.txt"], "--out must end in .npz or .csv, got 'o.txt'"),
    ([*SAMPLE, "--out", "no/o.npz"], "no/o.npz: cannot be written: No such file or directory"),
    (["sample", "absent", "--out", "o.npz"], "absent: no such file"),
    (["inspect", "bad.json"], "bad.json: not a usable model file"),
    ([*SAMPLE, "--conditions", "absent.json"], "absent.json: no such file"),
    ([*SAMPLE, "--conditions", "bad.json"], "bad.json: cannot be read as JSON"),
    ([*SAMPLE, "--conditions", "dict.json"], "dict.json: must hold a list of conditions, got dict"),
    ([*SAMPLE, "--conditions", "kind.json"], "kind.json: condition 1: \"kind\" must be one of Known, GaussianPrior"),
    ([*SAMPLE, "--conditions", "field.json"], "field.json: condition 1: got an unexpected keyword argument 'value'"),
    ([*SAMPLE, "--conditions", "lacks.json"], "lacks.json: condition 1: missing 1 required positional argument"),
    ([*SAMPLE, "--conditions", "list.json"], "Known: values must be a dict by variable, got [1]"),
    ([*SAMPLE, "--conditions", "box.json"], "Box: 'x' needs a pair of numbers, got [1]"),
    (["score", "m", "absent.csv"], "absent.csv: no such file"),
    (["score", "m", "bad.json"], "bad.json: a table must be one of .csv, .npy, .npz"),
    (["score", "m", "short.csv"], "short.csv: no column 'y'; it has x"),
    (["score", "m", "d.npy"], "d.npy: stream 'a' needs 2 columns, the file has 0"),
    (["score", "m", "ok.npy", "--worst", "-1"], "--worst must not be negative, got -1"),
    (["score", "m", "ok.npy", "--samples", "0"], "samples must be a whole number of at least 1, got 0"),
])
def test_bad_input_gets_one_line(model, capsys, tmp_path, arguments, message):
    contents = {"bad.json": "{", "dict.json": "{}", "kind.json": '[{"kind": "Wish"}]',
                "field.json": '[{"kind": "Known", "value": {}}]', "lacks.json": '[{"kind": "Known"}]',
                "list.json": '[{"kind": "Known", "values": [1]}]',
                "box.json": '[{"kind": "Box", "limits": {"x": [1]}}]',
                "short.csv": "x\n1\n"}
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    np.save("d.npy", np.zeros((2, 3)))
    np.save("ok.npy", np.zeros((2, 5)))
    before = sorted(path.name for path in tmp_path.iterdir())
    assert message in refusal(capsys, arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_as_a_module(model):
    run = subprocess.run([sys.executable, "-m", "drmm_engine", "inspect", "absent"], capture_output=True, text=True,
                         env=os.environ | {"PYTHONPATH": str(Path(drmm.__file__).parents[1])})
    assert (run.returncode, run.stdout, run.stderr) == (2, "", "drmm_engine inspect: absent: no such file\n")
