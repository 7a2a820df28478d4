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
from ..model import Model
from ..schema import Schema
from . import checkpoint, curriculum
from .graphs import Step, adam
from .parameters import from_model, to_model, trained
from .processes import ALONE, Group
from .rows import Rows, Source, rows, sample
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
    data: np.ndarray | Source,
    settings: Settings,
    *,
    weight: np.ndarray | None = None,
    device: str = "cpu",
    save_at: str | Path | None = None,
    report: Report | None = None,
    save_seconds: float = CHECKPOINT_SECONDS,
    group: Group = ALONE,
    begin: Model | None = None,
) -> Model:
    """A model trained by the paper's curriculum (Sec. 3.4), or end to end from fitted layers.

    data [rows, variables] in model units (`scaling.to_model_units`), schema order, NaN = missing (multiplier 0), and
    weight [rows] that scales each row's loss; or a source of rows without weights (`shards.ShardRows`). save_at: a
    checkpoint file, gone on from where it exists and written every save_seconds; the caller removes it when the model
    is safe. report is called about once a second with iteration, iterations, stage, learning_rate, loss and seconds.
    begin: the model (NumPy) to start from, of the same sizes, instead of the settings' start. group: the processes that
    share the work (`processes.joined`); only the first reports and writes. On a CPU the same
    settings, data and number of threads give the same model bit for bit, stopped in between or not. ValueError: no
    data, or a checkpoint of another run.
    """
    source = rows(schema, data, weight, device) if isinstance(data, np.ndarray) else data
    part = group.part(settings.batch)
    generator = torch.Generator(device).manual_seed(settings.seed)
    if begin is None:
        parameters = start(schema, sample(source, generator), settings, generator)
    else:
        parameters = from_model(begin, torch.device(device))
    for p in trained(parameters):
        p.requires_grad_()
    optimizer = adam(parameters, settings)
    run = settings.to_json() | {"data": _fingerprint(schema, source)}
    path = None if save_at is None else Path(save_at)
    done = checkpoint.read(path, parameters, optimizer, generator, run) if path and path.exists() else 0
    group.agree(run | {"iterations done": done}, [p.detach() for p in parameters.values()])
    clock = _Clock(settings, done, report if group.first else None)
    step, saved = Step(parameters, optimizer, schema, settings, group), time.monotonic()
    for i in range(done, settings.iterations):
        index, noise = draws(len(source), settings, generator)
        batch = source.take(index[part])
        if settings.whitened:
            batch = blurred(batch, settings, generator, part)
        loss = step(batch, noise[:, part], i)
        clock.tick(i, loss)
        if path and group.first and time.monotonic() - saved > save_seconds:
            checkpoint.write(path, parameters, optimizer, generator, i + 1, run)
            saved = time.monotonic()
    model = to_model(parameters, schema, settings)
    versions = {"drmm_engine": __version__, "torch": str(torch.__version__)}
    return replace(model, training=settings.to_json() | {"versions": versions}, data={"rows": len(source)})


def draws(count: int, settings: Settings, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which of `count` rows an iteration sees [B], with replacement, and the noise of its components [L, B]."""
    device = generator.device
    index = torch.randint(count, (settings.batch,), generator=generator, device=device)
    return index, torch.rand((len(settings.components), settings.batch), generator=generator, device=device)


def blurred(batch: Rows, settings: Settings, generator: torch.Generator, part: slice) -> Rows:
    """The batch, or this process's part of it, with the noise that keeps full covariances from collapsing (`fit`)."""
    shape = settings.batch, batch.real.shape[1]
    noise = torch.randn(shape, generator=generator, device=generator.device, dtype=batch.real.dtype)
    return replace(batch, real=batch.real + settings.floor * noise[part])


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
        position = self.settings.position(i)
        rate = curriculum.learning_rate(*position, self.settings.first_rate)
        left = (now - self.begin) / (i + 1 - self.done) * (total - i - 1)
        self.report({"iteration": i + 1, "iterations": total, "stage": curriculum.stage(*position),
                     "learning_rate": rate, "loss": value, "seconds": round(now - self.begin, 1),
                     "seconds_left": round(left, 1)})


def _fingerprint(schema: Schema, source: Source) -> str:
    """Tells one table from another."""
    return f"{source.fingerprint()}, {zlib.crc32(repr(schema).encode()):08x}"
