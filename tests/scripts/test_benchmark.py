# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs and prints what it promises (its figures are for people to judge)."""

import json
import sys

import pytest
import torch

from scripts import benchmark
from training import humanoid2d


@pytest.fixture(autouse=True)
def torch_as_it_was():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.mark.parametrize("what, smaller", [
    ("density", ["--iterations", "30", "--seeds", "1"]), ("sampling", ["--repeats", "1"]),
])
def test_it_prints_figures_and_a_line_of_json(monkeypatch, capsys, what, smaller):
    rows = humanoid2d.rows
    monkeypatch.setattr(humanoid2d, "rows", lambda count: rows(min(count, 2000)))
    monkeypatch.setattr(sys, "argv", ["benchmark", what, *smaller, "--json"])
    assert benchmark.main() == 0
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert results["machine"] and results[what]
