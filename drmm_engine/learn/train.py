# SPDX-License-Identifier: Apache-2.0
"""The training loop: Adam on one-path estimates, data on the device, no wait for the device but at reports."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import __version__
from ..fit import SIGMA_FLOOR
from ..model import Model
from ..schema import Schema
from . import checkpoint, curriculum
from .parameters import Parameters, layers, to_model
from .rows import Rows, rows
from .settings import Settings
from .start import start

REPORT_SECONDS = 1.0
CHECKPOINT_SECONDS = 60.0

Report = Callable[[dict], None]


@contextmanager
def _flushed_denormals() -> Iterator[None]:
    """Denormal responsibilities make matrix products a hundred times slower; the setting is the whole thread's."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@_flushed_denormals()
def train(
    schema: Schema,
    data: np.ndarray,
    settings: Settings,
    *,
    weight: np.ndarray | None = None,
    device: str = "cpu",
    save_at: str | Path | None = None,
    report: Report | None = None,
    save_seconds: float = CHECKPOINT_SECONDS,
) -> Model:
    """A model trained by the paper's curriculum (Sec. 3.4).

    data [rows, variables] in model units (`scaling.to_model_units`), schema order, NaN = missing (multiplier 0);
    weight [rows] scales each row's loss. save_at: a checkpoint file, gone on from where it exists and written every
    save_seconds; the caller removes it when the model is safe. report is called about once a second with
    iteration, iterations, stage, learning_rate, loss and seconds. On a CPU the same settings, data and number of
    threads give the same model bit for bit, stopped in between or not. ValueError: no data, or a checkpoint of
    another run.
    """
    table = rows(schema, data, weight, device)
    generator = torch.Generator(device).manual_seed(settings.seed)
    parameters = start(schema, table, settings, generator)
    for p in parameters.values():
        p.requires_grad_()
    optimizer = adam(parameters, settings)
    run = settings.to_json() | {"data": _fingerprint(schema, data, weight)}
    path = None if save_at is None else Path(save_at)
    done = checkpoint.read(path, parameters, optimizer, generator, run) if path and path.exists() else 0
    clock = _Clock(settings, done, report)
    saved = time.monotonic()
    for i in range(done, settings.iterations):
        loss = step(parameters, optimizer, schema, table, settings, generator, i)
        clock.tick(i, loss)
        if path and time.monotonic() - saved > save_seconds:
            checkpoint.write(path, parameters, optimizer, generator, i + 1, run)
            saved = time.monotonic()
    model = to_model(parameters, schema, settings)
    versions = {"drmm_engine": __version__, "torch": str(torch.__version__)}
    return replace(model, training=settings.to_json() | {"versions": versions}, data={"rows": len(table)})


def adam(parameters: Parameters, settings: Settings) -> torch.optim.Optimizer:
    """One Adam whose iterations count from the start of the run for every parameter, as in the authors' code.

    Latent tables and weights, which have no gradient at first, so begin with a mean of gradients that is short against
    their mean square: steps up to three times as long for some hundred iterations.
    """
    optimizer = torch.optim.Adam(parameters.values(), lr=settings.learning_rate, fused=True)
    for p in parameters.values():
        optimizer.state[p] = {"step": torch.zeros((), device=p.device), "exp_avg": torch.zeros_like(p),
                              "exp_avg_sq": torch.zeros_like(p)}
    return optimizer


def step(
    parameters: Parameters, optimizer: torch.optim.Optimizer, schema: Schema, table: Rows, settings: Settings,
    generator: torch.Generator, i: int,
) -> Tensor:
    """One iteration; returns its loss without waiting for it."""
    device = table.real.device
    index = torch.randint(len(table), (settings.batch,), generator=generator, device=device)
    noise = torch.rand((len(settings.components), settings.batch), generator=generator, device=device)
    loss = batch_loss(parameters, schema, table, settings, index, noise, i)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if curriculum.begins(i, settings.iterations):
        for state in optimizer.state.values():
            state["step"].fill_(i)
    for group in optimizer.param_groups:
        group["lr"] = curriculum.learning_rate(i, settings.iterations, settings.learning_rate)
    optimizer.step()
    with torch.no_grad():
        for level in range(len(settings.components)):
            parameters[f"layers.{level}.log_variance"].clamp_(min=2 * float(np.log(SIGMA_FLOOR)))
    return loss.detach()


def batch_loss(
    parameters: Parameters, schema: Schema, table: Rows, settings: Settings, index: Tensor, noise: Tensor, i: int
) -> Tensor:
    """The loss of iteration i on the rows at index [B]; noise [L, B] uniform in [0, 1)."""
    stage = curriculum.stage(i, settings.iterations)
    stack = layers(parameters, schema, settings, stage)
    estimates, orphans = curriculum.depth_estimates(stack, table.evidence(index), noise, stage, settings.truncation)
    weight = None if table.weight is None else table.weight[index]
    share = curriculum.interpolation(i, settings.iterations)
    return curriculum.loss(estimates, orphans, weight, share, settings.orphan)


class _Clock:
    """Reports at most once a second, and at the last iteration; looks at the loss, and so waits for it, only then."""

    def __init__(self, settings: Settings, done: int, report: Report | None) -> None:
        self.settings, self.report = settings, report
        self.begin = self.last = time.monotonic()
        self.done = done

    def tick(self, i: int, loss: Tensor) -> None:
        now, total = time.monotonic(), self.settings.iterations
        if i + 1 == total and not np.isfinite(float(loss)):
            raise ValueError("training diverged; try a smaller learning rate")
        if self.report is None or (now - self.last < REPORT_SECONDS and i + 1 < total):
            return
        self.last = now
        value = float(loss)
        rate = curriculum.learning_rate(i, total, self.settings.learning_rate)
        left = (now - self.begin) / (i + 1 - self.done) * (total - i - 1)
        self.report({"iteration": i + 1, "iterations": total, "stage": curriculum.stage(i, total),
                     "learning_rate": rate, "loss": value, "seconds": round(now - self.begin, 1),
                     "seconds_left": round(left, 1)})


def _fingerprint(schema: Schema, data: np.ndarray, weight: np.ndarray | None) -> str:
    """Tells one table from another."""
    parts = [np.ascontiguousarray(data), np.ascontiguousarray(0 if weight is None else weight)]
    total = zlib.crc32(repr(schema).encode())
    for part in parts:
        total = zlib.crc32(part.tobytes(), total)
    return f"{len(data)} rows, {total:08x}"
