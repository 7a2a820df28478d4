# SPDX-License-Identifier: Apache-2.0
"""What the training commands share: arguments, settings from TOML, progress, held-out rows, saving."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import tomllib
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np

from drmm_engine import Model, Schema
from drmm_engine.em import SHARED_ROWS
from drmm_engine.fit import COVARIANCES, RESIDUALS, STEPS, fit
from drmm_engine.learn import Settings, checkpoint, processes, train
from drmm_engine.learn.rows import Source
from drmm_engine.learn.settings import STARTS
from drmm_engine.progress import clock
from drmm_engine.scaling import to_model_units

from . import fits, sizes

SIZES, KINDS = ("layers", "components"), ("covariance", "residual")
FITTED = 200_000  # rows that expectation-maximisation sees, at most
VALIDATED = 5000  # rows that say whether end-to-end training gains
SCORED = 2000  # rows whose likelihood is estimated after training
PAUSE = 10.0  # seconds between two lines of progress where stderr is not a terminal


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with 2."""
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def parser(prog: str, description: str) -> Parser:
    """A parser with the arguments of every training command; what is left out comes from the recipe."""
    p = Parser(prog=f"python -m training.{prog}", description=description)
    p.add_argument("--out", required=True, metavar="MODEL", help="model file to write (*.drmm.safetensors)")
    p.add_argument("--layers", type=int, metavar="N", help="number of layers (if not said: what suits the data)")
    p.add_argument("--components", type=int, metavar="N", help="components a layer (likewise)")
    p.add_argument("--iterations", type=int, metavar="N", help="training steps, over all three stages")
    p.add_argument("--batch", type=int, metavar="N", help="rows a step")
    p.add_argument("--learning-rate", type=float, metavar="RATE", help="of the first two stages")
    p.add_argument("--covariance", choices=COVARIANCES, help="of a layer's components")
    p.add_argument("--residual", choices=RESIDUALS, help="what a layer passes on: x less the component's mean (shift), "
                                                         "and that divided by its Cholesky factor (whiten)")
    p.add_argument("--start", choices=STARTS, help="random (the paper's) or greedy (layer by layer)")
    p.add_argument("--held-out", type=float, metavar="FRACTION", help="share of the rows kept for the score")
    p.add_argument("--seed", type=int, default=0, help="seed of the random numbers (0)")
    p.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    p.add_argument("--log", metavar="FILE", help="append progress to this file, a line of JSON about every second "
                   "(torchrun takes it for its own, unless the module follows a --: -m -- training.NAME)")
    p.add_argument("--json", action="store_true", help="print the results as one line of JSON, last on stdout")
    return p


def main(command: Callable[[argparse.Namespace], dict], p: Parser, arguments: Sequence[str] | None = None) -> int:
    """Run a command: 0, or 2 after one line on stderr that says what was wrong; 130 if interrupted.

    Of several processes that torchrun started the first speaks, or one that fails.
    """
    options = p.parse_args(arguments)
    options.group = processes.ALONE
    try:
        with processes.joined(options.device) as (options.group, options.device), _muted(not options.group.first):
            results = command(options)
    except (ValueError, OSError, MemoryError) as error:
        if options.group.speaks():
            print(f"{p.prog}: {' '.join(str(error).split()) or 'not enough memory'}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if options.group.first:
            print(f"\n{p.prog}: stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    if not options.group.first:
        return 0
    print(f"{results['out']}: log-likelihood {results['log_likelihood']:.3f} nats a row "
          f"({results['scored']} {'held-out' if results['held_out'] else 'training'} rows)")
    if options.json:
        print(json.dumps(results))
    return 0


@contextmanager
def _muted(mute: bool) -> Iterator[None]:
    """Without stdout and stderr."""
    with open(os.devnull, "w") as nowhere, ExitStack() as stack:
        if mute:
            stack.enter_context(redirect_stdout(nowhere))
            stack.enter_context(redirect_stderr(nowhere))
        yield


def recipe(name: str, *tables: str) -> dict:
    """A recipe's defaults from training/NAME.toml, or from one of its tables."""
    values = tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))
    for table in tables:
        values = values[table]
    return values


def choose(options: argparse.Namespace, defaults: dict) -> tuple[Plan, float]:
    """What the run is to be and the share of rows held out: what was given, else the recipe's."""
    given = {name: value for name, value in vars(options).items() if value is not None}
    values = defaults | {name: given[name] for name in (*defaults, *SIZES, *KINDS) if name in given}
    held_out = values.pop("held_out")
    if not 0 <= held_out < 1:
        raise ValueError(f"--held-out must lie between 0 and 1, got {held_out}")
    for name in SIZES:
        if name in values and values[name] < 1:
            raise ValueError(f"--{name} must be at least 1, got {values[name]}")
    return Plan(values, options.seed), held_out


@dataclass(frozen=True)
class Plan:
    """Settings but for what depends on the data: sizes and kind of the layers, unless recipe or command line say."""

    values: dict
    seed: int

    def settings(self, schema: Schema, data: np.ndarray) -> Settings:
        """The settings for rows [R, variables] in model units."""
        values = dict(self.values)
        layers, components = (values.pop(name, None) for name in SIZES)
        told = None
        if layers is not None or components is not None:
            told = (components or sizes.COMPONENTS,) * (layers or sizes.DEPTH)
        allowed = sizes.kinds(schema, *(values.get(name) for name in KINDS))
        found = sizes.chosen(schema, data, allowed, self.seed, values.get("shared_rows", SHARED_ROWS), told)
        values |= {"covariance": found.covariance, "residual": found.residual}
        if values["covariance"] == "full" or values["residual"] == "whiten":
            values |= {"start": "greedy", "curriculum": "end-to-end"}
        return Settings(found.components, seed=self.seed, **values)


def split(count: int, held_out: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows held out, at random, both in order."""
    order = np.random.default_rng(seed).permutation(count)
    cut = round(held_out * count)
    if cut == count:
        raise ValueError(f"--held-out {held_out} of {count} rows leaves none to train on")
    return np.sort(order[cut:]), np.sort(order[:cut])


def fit_and_save(
    options: argparse.Namespace, schema: Schema, data: np.ndarray | Source, held: np.ndarray, plan: Plan,
    source: dict, about: dict | None = None, seen: np.ndarray | None = None,
    whole: Callable[[Model], Model] = lambda model: model,
) -> dict:
    """Train on data [rows, variables] in data units, score the held-out rows (or the data), save; the results.

    seen: rows of data that are not in memory, from which sizes are chosen and, if none are held out, the score comes.
    whole: what is done to the model last, which changes no likelihood.

    A checkpoint lies beside the model until that is written, so that the same command goes on after a kill.
    """
    out = Path(options.out)
    if not out.parent.is_dir():
        raise ValueError(f"{out}: there is no folder {out.parent}")
    save_at = out.with_name(out.name + ".checkpoint")
    report, begin = reporter(options.log), time.monotonic()
    sample = data if isinstance(data, np.ndarray) else np.asarray(seen)
    given = to_model_units(schema, data) if isinstance(data, np.ndarray) else data
    looked_at = given if isinstance(given, np.ndarray) else to_model_units(schema, sample)
    settings = plan.settings(schema, looked_at)
    run = partial(train, device=check_device(options.device), save_at=save_at, report=report, group=options.group)
    if settings.curriculum == "end-to-end":
        model = fitted_and_trained(schema, given, looked_at, settings, run, save_at if options.group.first else None)
    else:
        model = run(schema, given, settings)
    scored = held if len(held) else sample
    some = np.random.default_rng(settings.seed).permutation(len(scored))[:SCORED]
    metrics = {"log_likelihood": float(model.log_prob(scored[some], samples=32, seed=settings.seed).mean()),
               "scored": len(some), "held_out": len(held), "samples": 32}
    finish(options, whole(replace(model, data=model.data | source, metrics=metrics, **(about or {}))), out, save_at)
    return {"out": str(out), "rows": len(data), "seconds": round(time.monotonic() - begin, 1)} | metrics


def fitted_and_trained(
    schema: Schema, data: np.ndarray | Source, looked_at: np.ndarray, settings: Settings, run: Callable[..., Model],
    save_at: Path | None = None,
) -> Model:
    """The layers fitted one by one, or trained end to end from there: whichever makes rows left out of both likelier.

    looked_at [rows, variables]: the data, or a sample of a source's, whose few left-out rows the gradient steps may
    still draw among all the others. Where values are missing under full covariances a gradient step costs more than it
    gains, and there are none. Beside save_at lie the layers that are fitted, until `finish`.
    """
    order = np.random.default_rng(settings.seed).permutation(len(looked_at))
    cut = min(VALIDATED, len(order) // 10)
    train_on = looked_at[np.sort(order[cut:][:FITTED])]
    model = _fitted(schema, train_on, settings, save_at)
    model = replace(model, training=settings.to_json() | {"iterations": 0, "rows fitted": len(train_on)},
                    data={"rows": len(data)})
    if np.isnan(looked_at[:, schema.real_columns]).any() or cut == 0:
        return model
    rest = data if not isinstance(data, np.ndarray) else np.delete(data, order[:cut], axis=0)
    trained = replace(run(schema, rest, settings, begin=model), data=model.data)
    values = [mean_log_prob(each, looked_at[order[:cut]]) for each in (model, trained)]
    print(f"rows left out of training: {values[0]:.3f} nats a row fitted, {values[1]:.3f} trained end to end",
          file=sys.stderr)
    return trained if values[1] > values[0] else model


def _fitted(schema: Schema, x: np.ndarray, settings: Settings, save_at: Path | None) -> Model:
    """`fit` of the rows, going on behind the layers that a run before this one has kept."""
    said = settings.to_json()
    run = {name: said[name] for name in ("components", "covariance", "residual", "shared_rows", "floor", "seed")}
    run["data"] = f"{len(x)} rows, {zlib.crc32(np.ascontiguousarray(x).data, zlib.crc32(repr(schema).encode())):08x}"
    path = save_at and fits_at(save_at)
    return fit(schema, x, settings.components, settings.covariances, settings.residuals, None, settings.seed,
               shared=settings.shared_rows, floor=settings.floor,
               report=_steps(len(settings.components), time.monotonic()), done=fits.read(path, run) if path else (),
               keep=partial(fits.write, path, run) if path else None)


def fits_at(save_at: Path) -> Path:
    """Where fitted layers are kept beside the checkpoint of the steps that follow."""
    return save_at.with_name(save_at.name + ".fit")


def mean_log_prob(model: Model, x: np.ndarray) -> float:
    """Mean log-likelihood of rows x [rows, variables] of model units, nats in data units."""
    return float(model.log_prob(sizes.data_units(model.schema, x), exact=False).mean())


def _steps(layers: int, begin: float) -> Callable[[int, int, float], None]:
    """Progress of a fit on stderr."""
    said = begin

    def report(level: int, step: int, log_likelihood: float) -> None:
        nonlocal said
        if time.monotonic() - said >= PAUSE:
            said = time.monotonic()
            done = (level * STEPS + step + 1) / (layers * STEPS)
            left = clock((said - begin) * (1 / done - 1))
            print(f"layer {level + 1} of {layers}, step {step + 1}, {log_likelihood:.3f} nats, {left} left at most",
                  file=sys.stderr, flush=True)

    return report


def finish(options: argparse.Namespace, model: Model, out: Path, save_at: Path) -> None:
    """Save the model, then let go of its checkpoint: the first process does."""
    if options.group.first:
        model.save(out)
        for path in (save_at, fits_at(save_at)):
            checkpoint.remove(path)


def check_device(device: str) -> str:
    """The device, if torch has it."""
    import torch

    if device != "cpu" and not (device.split(":")[0] == "cuda" and torch.cuda.is_available()):
        raise ValueError(f"--device {device} is not here; cpu is")
    return device


def append(path: str, text: str) -> None:
    """Add to a file; ValueError where that cannot be."""
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ValueError(f"{path}: cannot be written: {error.strerror}") from None


def reporter(log: str | None) -> Callable[[dict], None]:
    """Progress on stderr (one line that is rewritten on a terminal, else a line now and then), and a log of JSON."""
    if log:
        append(log, "")
    terminal = sys.stderr.isatty()
    said = -PAUSE

    def report(record: dict) -> None:
        nonlocal said
        if log:
            append(log, json.dumps(record) + "\n")
        last = record["iteration"] == record["iterations"]
        if terminal or last or time.monotonic() - said >= PAUSE:
            said = time.monotonic()
            line = (f"{record['iteration']} of {record['iterations']}, stage {record['stage']}, "
                    f"loss {record['loss']:.3f}, {clock(record['seconds_left'])} left")
            end = "\n" if last or not terminal else ""
            print(("\r" if terminal else "") + line.ljust(60 * terminal), end=end, file=sys.stderr, flush=True)

    return report
