# SPDX-License-Identifier: Apache-2.0
"""Train a pose model: python -m training.pose humanoid2d --out MODEL (the paper's two-dimensional humanoid)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from . import common, humanoid2d


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    p = common.parser("pose", "Train a model on random poses of a rig: joint angles (rad) and positions (m).")
    p.add_argument("rig", metavar="RIG", help="humanoid2d: the paper's humanoid, 30 variables")
    p.add_argument("--setting", choices=("quick", "paper"), default="quick",
                   help="quick: 4 x 64, 3,000 iterations; paper: 10 x 256, 500,000 iterations")
    p.add_argument("--rows", type=int, metavar="N", help="random poses to train on (1,000,000)")
    return common.main(run, p, arguments)


def run(options: argparse.Namespace) -> dict:
    """Make the poses, train, score and save."""
    if options.rig != "humanoid2d":
        raise ValueError(f"{options.rig}: no such rig; there is humanoid2d")
    count = common.recipe("pose", "humanoid2d")["rows"] if options.rows is None else options.rows
    if count < 1:
        raise ValueError(f"--rows must be at least 1, got {count}")
    settings, share = common.choose(options, common.recipe("pose", "humanoid2d", options.setting))
    x = humanoid2d.rows(count, settings.seed)
    train, held = common.split(len(x), share, settings.seed)
    source = f"{count} random poses of humanoid2d, seed {settings.seed}"
    return common.fit_and_save(options, humanoid2d.schema(), x[train], x[held], settings, source)


if __name__ == "__main__":
    raise SystemExit(main())
