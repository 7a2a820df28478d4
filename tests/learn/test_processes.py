# SPDX-License-Identifier: Apache-2.0
"""Two processes under torchrun against one: the same losses and model, whatever ends on the way."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

import drmm_engine as drmm
from drmm_engine.learn.processes import Group

ROOT = Path(__file__).parents[2]
COMMAND = textwrap.dedent("""
    import functools, os, signal, sys
    from training import common, table
    train = sys.modules["drmm_engine.learn.train"]
    train.REPORT_SECONDS = 0.0
    common.train = functools.partial(common.train, save_seconds=0.0)
    rank, end, who, when = os.environ.get("RANK", "0"), *sys.argv[1:4]
    if who == rank:
        call, count = train.Step.__call__, 0
        def counted(*arguments):
            global count
            count += 1
            if count == int(when) and end == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if count == int(when) and end == "fails":
                raise ValueError("the data have a fault")
            return call(*arguments)
        train.Step.__call__ = counted
    raise SystemExit(table.main(sys.argv[4:]))
""")
OPTIONS = ["--iterations", "45", "--components", "8", "--layers", "3", "--batch", "33", "--learning-rate", "0.02",
           "--covariance", "diagonal"]


def command(tmp_path, processes, name, end="none", who="0", when="0", data="data.npy"):
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    launcher = [] if processes == 1 else ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
                                          str(processes), "--"]
    arguments = [end, who, when, str(tmp_path / data), "--out", str(tmp_path / f"{name}.drmm.safetensors"),
                 "--log", str(tmp_path / f"{name}.log"), "--json", *OPTIONS]
    return subprocess.run([sys.executable, *launcher, str(script), *arguments], cwd=ROOT, text=True,
                          env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, capture_output=True)


def losses(tmp_path, name):
    lines = (tmp_path / f"{name}.log").read_text().splitlines()
    return {record["iteration"]: record["loss"] for record in map(json.loads, lines)}


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3)) + 4 * rng.integers(0, 2, (400, 1))
    np.save(tmp_path / "data.npy", x)
    (tmp_path / "shards").mkdir()
    x[rng.random(x.shape) < 0.1] = np.nan
    for i, part in enumerate(np.array_split(x, 2)):
        np.save(tmp_path / "shards" / f"{i}.npy", part)
    return tmp_path


def alike(tmp_path, a, b):
    mine, theirs = (drmm.load(tmp_path / f"{name}.drmm.safetensors") for name in (a, b))
    return all(np.allclose(x.mean, y.mean, atol=1e-3) and np.allclose(x.log_weight, y.log_weight, atol=1e-3)
               and np.allclose(x.log_sigma, y.log_sigma, atol=1e-3)
               for x, y in zip(mine.layers, theirs.layers, strict=True))


def test_two_processes_give_the_losses_of_one_and_a_killed_run_goes_on(data):
    one = command(data, 1, "one", data="shards")
    assert one.returncode == 0, one.stderr
    killed = command(data, 2, "two", "killed", "1", "25", data="shards")
    assert killed.returncode != 0 and not (data / "two.drmm.safetensors").exists()
    reached = max(losses(data, "two"))
    assert reached >= 20 and (data / "two.drmm.safetensors.checkpoint").exists()
    two = command(data, 2, "two", data="shards")
    assert two.returncode == 0, two.stderr
    assert len(two.stdout.splitlines()) == 2 and json.loads(two.stdout.splitlines()[-1])["rows"] == 360
    expected, got = losses(data, "one"), losses(data, "two")
    assert set(expected) == set(got) == set(range(1, 46))
    for iteration, loss in expected.items():
        assert got[iteration] == pytest.approx(loss, abs=1e-4), iteration
    assert alike(data, "one", "two")
    records = [json.loads(line) for line in (data / "two.log").read_text().splitlines()]
    assert [r["iteration"] for r in records][reached] <= reached + 1  # gone on, not begun again
    assert len(records) < 45 + reached
    assert not list(data.glob("*.checkpoint"))


def test_a_process_that_fails_ends_all_with_one_line(data):
    done = command(data, 2, "two", "fails", "1", "12")
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if "training.table: " in line]
    assert len(said) == 1 and said[0].endswith("the data have a fault")


@pytest.mark.slow
def test_what_is_wrong_for_all_is_said_once(data):
    done = command(data, 2, "two", data="none.npy")
    said = [line for line in done.stderr.splitlines() if "training.table: " in line]
    assert done.returncode != 0 and len(said) == 1 and "no such file" in said[0]


def test_parts_make_up_the_batch_and_each_process_gets_one():
    parts = [range(33)[Group(rank, 4).part(33)] for rank in range(4)]
    assert [i for part in parts for i in part] == list(range(33)) and {len(part) for part in parts} == {8, 9}
    with pytest.raises(ValueError, match="too small for 4 processes"):
        Group(0, 4).part(3)


def test_alone_nothing_is_shared_out():
    highest, loss = torch.arange(3.0), torch.tensor(2.0)
    group = Group()
    assert group.owned(highest) is highest and group.speaks() and group.first
    assert group.total(loss, [None, highest]) == (loss, [None, highest])
