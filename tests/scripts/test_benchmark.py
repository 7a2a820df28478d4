# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs and prints what it promises (its figures are for people to judge)."""

import json
import sys

import pytest
import torch

from drmm_engine.metrics.motion import mean_jerk
from drmm_engine.motion import read_bvh
from drmm_engine.motion.skeleton import JOINTS, canonical_positions
from scripts import benchmark
from tests.gait import write_gait_bvh
from training import humanoid2d


@pytest.fixture(autouse=True)
def torch_as_it_was():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.mark.parametrize("what, smaller", [
    ("density", ["--iterations", "30", "--seeds", "1"]), ("sampling", ["--repeats", "1"]),
    ("rig", ["--asked", "3", "--learned", "1500"]),
])
def test_it_prints_figures_and_a_line_of_json(monkeypatch, capsys, what, smaller):
    rows = humanoid2d.rows
    monkeypatch.setattr(humanoid2d, "rows", lambda count: rows(min(count, 2000)))
    monkeypatch.setattr(sys, "argv", ["benchmark", what, *smaller, "--json"])
    assert benchmark.main() == 0
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert results["machine"] and results[what]


def test_capture_is_measured_as_it_was_captured_and_standing_apart(tmp_path):
    write_gait_bvh(tmp_path / "walk.bvh", 6.0)
    write_gait_bvh(tmp_path / "stand.bvh", 6.0, speed=0.0)
    write_gait_bvh(tmp_path / "fast.bvh", 6.0, speed=2.0)
    figures = benchmark.capture([str(tmp_path)], fastest=1.6)
    walk = read_bvh(tmp_path / "walk.bvh")
    alone = benchmark.capture([str(tmp_path / "walk.bvh")], fastest=1.6)
    assert figures["moving"] == alone["moving"]
    assert figures["all"]["jerk_m_s3"] < figures["moving"]["jerk_m_s3"]
    assert figures["moving"]["jerk_m_s3"] == pytest.approx(mean_jerk(canonical_positions(
        walk, {joint: joint for joint in JOINTS})), rel=0.1)
    with pytest.raises(SystemExit, match="no faster than 0.1"):
        benchmark.capture([str(tmp_path / "walk.bvh")], fastest=0.1)
