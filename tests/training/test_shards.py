# SPDX-License-Identifier: Apache-2.0
"""training.table on a folder of shards: one command like that of a file, to the same model."""

import json

import numpy as np
import pytest

import drmm_engine as drmm
from training import table

QUICK = ["--iterations", "120", "--components", "8", "--layers", "2", "--covariance", "diagonal"]


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=600) * 50 + 3000, rng.normal(size=600)])
    x[::9, 1] = np.nan
    (tmp_path / "data").mkdir()
    for i, part in enumerate(np.array_split(x, 4)):
        np.save(tmp_path / "data" / f"part{i}.npy", part)
    np.save(tmp_path / "whole.npy", x)
    return tmp_path


def run(*arguments):
    return table.main([str(a) for a in arguments])


def test_a_folder_gives_the_model_of_the_file_with_its_rows(folder, capsys):
    for name in ("data", "whole.npy"):
        assert run(folder / name, "--out", folder / f"{name}.drmm.safetensors", *QUICK, "--held-out", 0, "--json") == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [r["rows"] for r in results] == [600, 600] and results[0]["held_out"] == 0
    one, other = (drmm.load(folder / f"{name}.drmm.safetensors") for name in ("data", "whole.npy"))
    assert one.schema == other.schema and one.data == {"rows": 600, "source": "data"}
    for a, b in zip(one.layers, other.layers, strict=True):
        assert np.array_equal(a.mean, b.mean) and np.array_equal(a.log_sigma, b.log_sigma)


def test_held_out_rows_are_scored(folder, capsys):
    assert run(folder / "data", "--out", folder / "m.drmm.safetensors", *QUICK, "--json") == 0
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert results["rows"] == 540 and results["scored"] == results["held_out"] == 60
    assert np.isfinite(results["log_likelihood"])


def test_a_folder_that_cannot_be_mapped_gets_one_line_and_exit_2(folder, capsys):
    np.savez(folder / "data" / "more.npz", x=np.zeros((3, 2)))
    assert run(folder / "data", "--out", folder / "m.drmm.safetensors", *QUICK) == 2
    assert "more.npz: an .npz cannot be mapped" in capsys.readouterr().err
