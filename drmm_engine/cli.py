# SPDX-License-Identifier: Apache-2.0
"""The command line: python -m drmm_engine sample | score | inspect | walk.

A sub-command is one function here that takes the parsed arguments, prints what a person reads, and returns the results
for `--json`; `_parser` names it. What it prints or writes is made in `reports.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from . import load, models, queries, reports
from .progress import progress
from .surprise import log_conditionals
from .table import read_table

if TYPE_CHECKING:
    from .motion.directions import Target

BLOCK = 256  # rows scored at a time


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 2 after one line on stderr that says what was wrong."""
    options = _parser().parse_args(arguments)
    try:
        results = options.run(options)
    except (ValueError, MemoryError) as error:
        line = " ".join(str(error).split()) or "not enough memory"
        print(f"drmm_engine {options.command}: {line}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if options.json:
        print(json.dumps(results))
    return 0


def sample(options: argparse.Namespace) -> dict:
    """Draw samples under conditions into a file, and say how well they meet them."""
    write = reports.writer(options.out)
    model = load(options.model)
    model = model if options.layers is None else model.first(options.layers)
    conditions = [*map(queries.known, options.known), *map(queries.where, options.where)]
    conditions += queries.read(options.conditions)
    draw = model.sample(conditions, options.count, options.seed, options.sweeps, options.truncation,
                        noise=options.noise, resample=options.resample, temperature=options.temperature)
    write(draw, model.schema)
    print(f"{options.out}: {len(draw)} samples of {len(draw.names)} variables, best first; "
          f"worth {draw.effective_sample_size:.1f} exact ones before resampling and sweeps")
    fulfilment = draw.fulfilment()
    for line in [*([str(fulfilment)] if conditions else []), *(f"conflict: {line}" for line in draw.conflicts)]:
        print(line)
    return {"out": options.out, "count": len(draw), "variables": list(draw.names),
            "effective_sample_size": draw.effective_sample_size, "conditions": fulfilment.to_json(),
            "conflicts": draw.conflicts,
            "log_evidence": float(np.logaddexp.reduce(draw.log_weight) - np.log(len(draw)))}


def score(options: argparse.Namespace) -> dict:
    """Held-out log-likelihood of a table, its least likely rows, and the variables that make them so."""
    model = load(options.model)
    x = read_table(options.data).matrix(model.schema)
    blocks = progress([x[i : i + BLOCK] for i in range(0, len(x), BLOCK)], "score")
    each = np.concatenate([model.log_prob(block, options.samples, options.seed) for block in blocks])

    def explain(rows: np.ndarray) -> np.ndarray:
        single = progress([rows[i : i + 1] for i in range(len(rows))], "explain")
        return np.concatenate([log_conditionals(model, row, options.samples, options.seed) for row in single])

    results = reports.score(model.schema, x, each, explain, options.worst)
    print(reports.score_text(results))
    return results


def inspect(options: argparse.Namespace) -> dict:
    """The model's card: layers, parameters, variables with units and ranges, data and licence, metrics."""
    path = models.path() if options.model is None else Path(options.model)
    card = reports.card(load(path), path)
    print(reports.card_text(card, options.all))
    return card


def walk(options: argparse.Namespace) -> dict:
    """A walk to targets on the floor plane, as a BVH file that other programs read."""
    from .motion import controller, export, features, room, write_bvh
    from .motion.rest import rest_of

    if Path(options.out).suffix.lower() != ".bvh":
        raise ValueError(f"--out must end in .bvh, got {options.out!r}")
    targets = _targets(options)
    keep = [] if options.under is None else [room.Ceiling(options.under)]
    model = load(options.model)
    blocks, reached, late = [], [], []
    steps = controller.walk(model, targets, options.seconds, (0.0, 0.0), np.radians(options.heading), options.seed,
                            keep=keep)
    most = round(options.seconds * features.FRAME_RATE / features.NEXT)
    for block, _ in zip(steps, progress(range(most), "decision"), strict=False):
        blocks.append(block.positions)
        if block.reached:
            reached.append(round(len(blocks) * features.NEXT / features.FRAME_RATE, 2))
            late.append(None if block.late is None else round(block.late, 2))
    positions = np.concatenate(blocks)
    write_bvh(export.to_clip(positions, rest_of(model), features.FRAME_RATE), options.out)
    print(f"{options.out}: {len(positions)} frames, {len(reached)} of {len(targets)} targets reached")
    return {"out": options.out, "frames": len(positions), "frame_rate": features.FRAME_RATE, "targets": len(targets),
            "reached_s": reached, "late_s": late}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="drmm_engine", description="Deep residual mixture models: sample, score, inspect.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = _command(commands, "sample", sample, queries.HELP)
    command.add_argument("model", metavar="MODEL", help="a model file (*.drmm.safetensors)")
    command.add_argument("--known", metavar="NAME=VALUE", action="append", default=[],
                         help="a known variable in data units, or a class; may be given several times")
    command.add_argument("--where", metavar="CONDITION", action="append", default=[],
                         help='a condition in data units, as "x + 0.2 y > -0.1"; may be given several times, see below')
    command.add_argument("--conditions", metavar="FILE.json", help="conditions of any kind, see below")
    command.add_argument("--count", type=int, default=64, metavar="N", help="number of samples (64)")
    command.add_argument("--seed", type=int, default=0, help="seed of the random numbers (0)")
    command.add_argument("--truncation", type=float, default=0.05, metavar="SHARE",
                         help="components less likely than this share of the likeliest are left out (0.05; 0: none)")
    command.add_argument("--layers", type=int, metavar="N", help="sample from the first N layers alone (all)")
    command.add_argument("--sweeps", type=int, default=0, metavar="N",
                         help="Gibbs sweeps over the components: exact draws instead of weighted ones (0)")
    command.add_argument("--resample", action="store_true", help="redraw by importance weight")
    command.add_argument("--temperature", type=float, default=1.0, metavar="T",
                         help="below 1 likelier samples, above 1 more varied ones (1)")
    command.add_argument("--noise", action="store_true", help="add what the last layer's sigma leaves open")
    command.add_argument("--out", required=True, metavar="FILE", help="file to write: .npz or .csv, in data units")

    command = _command(commands, "score", score)
    command.add_argument("model", metavar="MODEL", help="a model file (*.drmm.safetensors)")
    command.add_argument("data", metavar="DATA",
                         help=".csv with a header, .npy, or .npz of one array a stream; empty or nan: missing")
    command.add_argument("--samples", type=int, default=32, metavar="N", help="importance samples a row (32)")
    command.add_argument("--worst", type=int, default=5, metavar="N", help="least likely rows to explain (5)")
    command.add_argument("--seed", type=int, default=0, help="seed of the random numbers (0)")

    command = _command(commands, "inspect", inspect)
    command.add_argument("model", metavar="MODEL", nargs="?", help="a model file (the shipped locomotion model)")
    command.add_argument("--all", action="store_true", help="every variable and every value in full")

    command = _command(commands, "walk", walk)
    command.add_argument("model", metavar="MODEL", nargs="?", help="a locomotion model (the shipped one)")
    command.add_argument("--targets", required=True, metavar="PLACES",
                         help='places on the floor plane in their order, metres from the start, and the time to be '
                              'there, where it matters, seconds: "2,0 3,4@6.5"')
    command.add_argument("--seconds", type=float, default=30.0, metavar="S", help="longest walk, seconds (30)")
    command.add_argument("--heading", type=float, default=0.0, metavar="DEGREES",
                         help="where the character faces at the start, counter-clockwise from +x (0)")
    command.add_argument("--face", action="store_true", help="look at the target on the way")
    command.add_argument("--speed", type=float, metavar="M/S", help="how fast to walk, metres a second (as people do)")
    command.add_argument("--stop", action="store_true", help="come to a stand at the last target")
    command.add_argument("--under", type=float, metavar="M", help="keep the head (the base of the skull) below, metres")
    command.add_argument("--style", metavar="NAME", help="a style that the model has learned")
    command.add_argument("--seed", type=int, default=0, help="seed of the random numbers (0)")
    command.add_argument("--out", required=True, metavar="WALK.bvh", help="file to write: Y up, cm, 30 frames/s")
    return parser


def _command(commands: argparse._SubParsersAction, name: str, run: Callable[[argparse.Namespace], dict],
             epilog: str | None = None) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=run.__doc__, description=run.__doc__, epilog=epilog,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    command.set_defaults(run=run)
    command.add_argument("--json", action="store_true", help="print the results as one line of JSON, last on stdout")
    return command


def _targets(options: argparse.Namespace) -> list[Target]:
    """The targets of `walk`: places, with times where they have them."""
    from .motion.controller import Target

    last = len(options.targets.split()) - 1
    targets = []
    for number, word in enumerate(options.targets.split()):
        try:
            place, *time = word.split("@")
            x, y = (float(part) for part in place.split(","))
            arrive = float(*time) if time else None
        except (ValueError, TypeError):
            raise ValueError(f"--targets needs places like \"2,0 3,4@6.5\", got {word!r}") from None
        targets.append(Target((x, y), options.face, arrive=arrive, speed=options.speed, style=options.style,
                              stop=options.stop and number == last))
    return targets
