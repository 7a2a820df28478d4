# SPDX-License-Identifier: Apache-2.0
"""One iteration on buffers that stay where they are, so that it can be replayed without the host's part.

Captured, once a stage: the layers of the parameters, the estimates of the batch, the loss, all gradients, Adam and the
floor of sigma. Left out, and done before each replay: the batch's rows, noise, learning rate and 1 - lambda are written
into their buffers, and at the first iteration of a stage Adam's counts are set. On a CPU the operations are noted down
and repeated instead (`tape.py`). Where several processes add up their gradients, the same function runs as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..schema import Schema
from . import curriculum
from .end_to_end import SHALLOWER, path_estimates
from .parameters import Parameters, layers, trained
from .processes import ALONE, Group
from .rows import Rows
from .settings import Settings
from .tape import record

WARM_UP = 3  # iterations of a stage that run as they are before it is captured: CUDA asks for it


def adam(parameters: Parameters, settings: Settings) -> torch.optim.Optimizer:
    """One Adam whose iterations count from the start of the run for every parameter, as in the authors' code.

    Latent tables and weights, which have no gradient at first, so begin with a mean of gradients that is short against
    their mean square: steps up to three times as long for some hundred iterations.
    """
    moved, device = trained(parameters), parameters["layers.0.mean"].device
    rate = torch.tensor(settings.learning_rate, device=device)
    optimizer = torch.optim.Adam(moved, lr=rate, fused=True, capturable=device.type == "cuda")
    for p in moved:
        optimizer.state[p] = {"step": torch.zeros((), device=p.device), "exp_avg": torch.zeros_like(p),
                              "exp_avg_sq": torch.zeros_like(p)}
    return optimizer


def batch_loss(
    parameters: Parameters, schema: Schema, batch: Rows, settings: Settings, noise: Tensor, stage: int,
    share: float | Tensor, group: Group = ALONE,
) -> Tensor:
    """The loss of a stage, or of this process's part of it: those of all processes add up to the joint batch's.

    noise [L, B] uniform in [0, 1); share: lambda of stage 3.
    """
    count = len(batch) if group.size == 1 else settings.batch
    if settings.curriculum == "end-to-end":
        estimates = path_estimates(layers(parameters, schema, settings), batch.evidence())
        return curriculum.loss(estimates, estimates[0, :0], batch.weight, 1 - SHALLOWER, 0.0, count)
    stack = layers(parameters, schema, settings, stage, normalise=False)
    estimates, orphans = curriculum.depth_estimates(stack, batch.evidence(), noise, stage, settings.truncation)
    return curriculum.loss(estimates, group.owned(orphans), batch.weight, share, settings.orphan, count)


@dataclass
class Step:
    """Iterations of a run: `step(batch, noise, i)` gives the loss of iteration i without waiting for it."""

    parameters: Parameters
    optimizer: torch.optim.Optimizer
    schema: Schema
    settings: Settings
    group: Group = ALONE

    def __post_init__(self) -> None:
        self.rate = self.optimizer.param_groups[0]["lr"]
        self.share, self.loss = torch.zeros_like(self.rate), torch.zeros_like(self.rate)
        self.stage = 0

    def __call__(self, batch: Rows, noise: Tensor, i: int) -> Tensor:
        position = self.settings.position(i)
        stage = curriculum.stage(*position)
        if stage != self.stage:
            self.stage, self.batch, self.noise = stage, batch.copy(), noise.clone()
            self.run = Repeated(self._run, noise.device, self.group.size == 1)
        if i == 0 or curriculum.begins(*position):
            for state in self.optimizer.state.values():
                state["step"].fill_(i)
        self.rate.fill_(curriculum.learning_rate(*position, self.settings.first_rate))
        self.share.fill_(curriculum.interpolation(*position))
        self.noise.copy_(noise)
        if batch.like(self.batch):
            self.batch.fill(batch)
            self.run()
        else:  # rare: the first batch with a missing value where there seemed to be none
            self._update(batch)
        return self.loss

    def _run(self) -> None:
        self._update(self.batch)

    def _update(self, batch: Rows) -> None:
        """The loss's gradients and Adam's step on them."""
        loss = batch_loss(self.parameters, self.schema, batch, self.settings, self.noise, self.stage, self.share,
                          self.group)
        values = trained(self.parameters)
        gradients = torch.autograd.grad(loss, values, allow_unused=True)
        loss, gradients = self.group.total(loss.detach(), gradients)
        for p, gradient in zip(values, gradients, strict=True):
            p.grad = gradient
        self.optimizer.step()
        self.loss.copy_(loss)
        floor = float(np.log(self.settings.floor))
        for name, p in self.parameters.items():
            if name.endswith(".log_variance"):
                p.detach().clamp_(min=2 * floor)
            elif name.endswith(".log_precision"):
                start = self.parameters[name.replace("log_precision", "unscale")].diagonal(0, 1, 2).log()
                p.detach().copy_(torch.minimum(p.detach(), -floor - start))


class Repeated:
    """A function without arguments or results that is called many times: captured as a graph on CUDA, noted down on a
    CPU, and replayed."""

    def __init__(self, run: Callable[[], None], device: torch.device, capture: bool) -> None:
        self.run, self.device, self.capture = run, device, capture
        self.calls = 0
        self.replay: Callable[[], None] | None = None

    def __call__(self) -> None:
        self.calls += 1
        if self.replay is not None:
            self.replay()
        elif not self.capture or self.device.type not in ("cpu", "cuda"):
            self.run()
        elif self.device.type == "cpu":
            self._on_cpu()
        else:
            self._on_cuda()

    def _on_cpu(self) -> None:
        if self.calls <= WARM_UP:
            self.run()
        else:
            self.replay = record(self.run)

    def _on_cuda(self) -> None:
        if self.calls <= WARM_UP:
            self._aside()
            return
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):  # records without running
            self.run()
        self.replay = graph.replay
        self.replay()

    def _aside(self) -> None:
        """On a stream of its own, as warm-up has to be."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self.run()
        torch.cuda.current_stream().wait_stream(stream)
