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
from typing import NoReturn

import numpy as np

from . import load, models, reports
from .conditions import Box, Condition, GaussianPrior, HalfSpace, Known, LinearEquality
from .progress import progress
from .table import read_table

CONDITIONS = {kind.__name__: kind for kind in (Known, GaussianPrior, HalfSpace, LinearEquality, Box)}
CONDITIONS_HELP = """\
FILE.json holds a list of conditions, in data units; each may have a "weight" (1 if left out; 0: as if not there):
  [{"kind": "Known", "values": {"x": 0.5, "style": "run"}},
   {"kind": "GaussianPrior", "priors": {"y": [0.0, 0.3]}},              mean and standard deviation
   {"kind": "HalfSpace", "normal": {"x": 1, "y": 0.2}, "offset": 0.1},  1 x + 0.2 y + 0.1 > 0
   {"kind": "LinearEquality", "normal": {"x": 1, "y": -1}, "offset": 0},
   {"kind": "Box", "limits": {"y": [-1, null]}}]                        null: no limit
"""
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
    """Draw samples under conditions into a file."""
    write = reports.writer(options.out)
    model = load(options.model)
    conditions = [Known(dict([_known(text)])) for text in options.known] + _read_conditions(options.conditions)
    draw = model.sample(conditions, options.count, options.seed, truncation=options.truncation, noise=options.noise)
    write(draw, model.schema)
    print(f"{options.out}: {len(draw)} samples of {len(draw.names)} variables, best first; "
          f"worth {draw.effective_sample_size:.1f} exact ones")
    return {"out": options.out, "count": len(draw), "variables": list(draw.names),
            "effective_sample_size": draw.effective_sample_size,
            "log_evidence": float(np.logaddexp.reduce(draw.log_weight) - np.log(len(draw)))}


def score(options: argparse.Namespace) -> dict:
    """Held-out log-likelihood of a table, its least likely rows, and the variables that make them so."""
    model = load(options.model)
    x = read_table(options.data).matrix(model.schema)

    def log_prob(rows: np.ndarray, what: str) -> np.ndarray:
        blocks = progress([rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)], what)
        return np.concatenate([model.log_prob(block, options.samples, options.seed) for block in blocks])

    results = reports.score(model.schema, x, log_prob, options.worst)
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
    from .motion import controller, export, features, write_bvh
    from .motion.rest import rest_of

    if Path(options.out).suffix.lower() != ".bvh":
        raise ValueError(f"--out must end in .bvh, got {options.out!r}")
    targets = [controller.Target(place, options.face) for place in _places(options.targets)]
    model = load(options.model)
    blocks, reached = [], []
    steps = controller.walk(model, targets, options.seconds, (0.0, 0.0), np.radians(options.heading), options.seed)
    most = round(options.seconds * features.FRAME_RATE / features.NEXT)
    for block, _ in zip(steps, progress(range(most), "decision"), strict=False):
        blocks.append(block.positions)
        if block.reached:
            reached.append(round(len(blocks) * features.NEXT / features.FRAME_RATE, 2))
    positions = np.concatenate(blocks)
    write_bvh(export.to_clip(positions, rest_of(model), features.FRAME_RATE), options.out)
    print(f"{options.out}: {len(positions)} frames, {len(reached)} of {len(targets)} targets reached")
    return {"out": options.out, "frames": len(positions), "frame_rate": features.FRAME_RATE, "targets": len(targets),
            "reached_s": reached}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="drmm_engine", description="Deep residual mixture models: sample, score, inspect.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = _command(commands, "sample", sample, CONDITIONS_HELP)
    command.add_argument("model", metavar="MODEL", help="a model file (*.drmm.safetensors)")
    command.add_argument("--known", metavar="NAME=VALUE", action="append", default=[],
                         help="a known variable in data units, or a class; may be given several times")
    command.add_argument("--conditions", metavar="FILE.json", help="conditions of any kind, see below")
    command.add_argument("--count", type=int, default=64, metavar="N", help="number of samples (64)")
    command.add_argument("--seed", type=int, default=0, help="seed of the random numbers (0)")
    command.add_argument("--truncation", type=float, default=0.05, metavar="SHARE",
                         help="components less likely than this share of the likeliest are left out (0.05; 0: none)")
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
    command.add_argument("--all", action="store_true", help="list every variable, not the first of each stream")

    command = _command(commands, "walk", walk)
    command.add_argument("model", metavar="MODEL", nargs="?", help="a locomotion model (the shipped one)")
    command.add_argument("--targets", required=True, metavar="PLACES",
                         help='places on the floor plane in their order, metres from the start: "2,0 3,4"')
    command.add_argument("--seconds", type=float, default=30.0, metavar="S", help="longest walk, seconds (30)")
    command.add_argument("--heading", type=float, default=0.0, metavar="DEGREES",
                         help="where the character faces at the start, counter-clockwise from +x (0)")
    command.add_argument("--face", action="store_true", help="look at the target on the way")
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


def _places(text: str) -> list[tuple[float, float]]:
    places = []
    for word in text.split():
        try:
            x, y = (float(part) for part in word.split(","))
        except ValueError:
            raise ValueError(f"--targets needs places like \"2,0 3,4\", got {word!r}") from None
        places.append((x, y))
    return places


def _known(text: str) -> tuple[str, float | str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"--known needs NAME=VALUE, got {text!r}")
    try:
        return name, float(value)
    except ValueError:
        return name, value


def _read_conditions(path: str | None) -> list[Condition]:
    if path is None:
        return []
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(entries, list):
        raise ValueError(f"{path}: must hold a list of conditions, got {type(entries).__name__}")
    return [_condition(f"{path}: condition {i}", entry) for i, entry in enumerate(entries, 1)]


def _condition(where: str, entry: object) -> Condition:
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str) or entry["kind"] not in CONDITIONS:
        raise ValueError(f"{where}: \"kind\" must be one of {', '.join(CONDITIONS)}, got {entry!r}")
    fields = {name: value for name, value in entry.items() if name != "kind"}
    if isinstance(fields.get("limits"), dict):
        fields["limits"] = {name: _limits(pair) for name, pair in fields["limits"].items()}
    try:
        return CONDITIONS[entry["kind"]](**fields)
    except TypeError as error:
        raise ValueError(f"{where}: {str(error).removeprefix(entry['kind'] + '.__init__() ')}") from None


def _limits(pair: object) -> object:
    """A pair of limits; null is no limit."""
    if not isinstance(pair, list) or len(pair) != 2:
        return pair
    return tuple(none if limit is None else limit for limit, none in zip(pair, (-np.inf, np.inf), strict=True))
