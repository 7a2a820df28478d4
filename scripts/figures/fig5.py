# SPDX-License-Identifier: Apache-2.0
"""Figure 5 of the paper: held-out log-likelihood while 4 x 16 learns the swiss roll, with the curriculum and without.

Without: the full model's likelihood alone from the first iteration, all terms on, gradients through all layers, a
constant learning rate and no regulariser.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from drmm_engine.learn import Settings
from drmm_engine.learn.graphs import Step, adam, batch_loss
from drmm_engine.learn.parameters import to_model
from drmm_engine.learn.rows import Rows, rows, sample
from drmm_engine.learn.start import start
from drmm_engine.learn.train import draws
from drmm_engine.progress import progress
from scripts.figures import common
from training import toys

COMPONENTS = (16,) * 4
RATE = 0.005
HELD_OUT, SCORED = 0.1, 500
KINDS = {"curriculum": common.BLUE, "no curriculum": common.VERMILION}


@dataclass(frozen=True)
class Budget:
    """Iterations of a run, runs of each kind, and how often a run is scored."""

    iterations: int
    runs: int
    scores: int


QUICK = Budget(2400, 3, 12)
PAPER = Budget(50_000, 10, 50)


def draw(budget: Budget, out: Path, seed: int) -> common.Drawn:
    """The picture and its figures."""
    x, held = common.split(toys.swiss_roll(), HELD_OUT, seed)
    runs = [(kind, seed + i) for kind in KINDS for i in range(budget.runs)]
    curves: dict[str, list] = {kind: [] for kind in KINDS}
    for kind, own in progress(runs, "runs"):
        curves[kind].append(list(learning_curve(kind == "curriculum", x, held[:SCORED], budget, own)))
    picture = Figure(figsize=(3.6, 2.6))
    draw_curves(picture.subplots(), curves, budget.iterations)
    ends = {kind: [values[-1][1] for values in each] for kind, each in curves.items()}
    for kind, values in ends.items():
        print(f"{kind}: {np.mean(values):.3f} nats a held-out row after {budget.iterations} iterations "
              f"({', '.join(f'{v:.3f}' for v in values)})", flush=True)
    return picture, {"iterations": budget.iterations, "log_likelihood": ends}


def learning_curve(
    by_curriculum: bool, x: np.ndarray, held: np.ndarray, budget: Budget, seed: int
) -> Iterator[tuple[int, float]]:
    """Iterations done and held-out nats a row, from the start on; both kinds start alike and see the same batches."""
    settings = Settings(COMPONENTS, budget.iterations, learning_rate=RATE, start_rows=256, seed=seed)
    table, generator = rows(toys.SCHEMA, x, None, "cpu"), torch.Generator().manual_seed(seed)
    parameters = start(toys.SCHEMA, sample(table, generator), settings, generator)
    for p in parameters.values():
        p.requires_grad_()
    step = Step(parameters, adam(parameters, settings), toys.SCHEMA, settings)
    advance = step if by_curriculum else partial(without_curriculum, step)
    when = {round(budget.iterations * i / budget.scores) for i in range(budget.scores + 1)}
    for i in range(budget.iterations + 1):
        if i in when:
            yield i, common.log_likelihood(to_model(parameters, toys.SCHEMA, settings), held)
        if i < budget.iterations:
            index, noise = draws(len(table), settings, generator)
            advance(table.take(index), noise, i)


def without_curriculum(step: Step, batch: Rows, noise: Tensor, _: int) -> Tensor:
    """One iteration of a run on -log p of the full model; returns that loss."""
    loss = batch_loss(step.parameters, step.schema, batch, step.settings, noise, stage=3, share=1.0)
    step.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    step.optimizer.step()
    return loss.detach()


def draw_curves(axes: Axes, curves: dict[str, list], iterations: int) -> None:
    """Each run thin, each kind's mean thick; the curriculum's stages by their numbers."""
    for kind, each in curves.items():
        runs = np.array(each)  # [runs, scores, 2]
        axes.plot(runs[0, :, 0], runs[..., 1].T, color=KINDS[kind], linewidth=0.5, alpha=0.5)
        axes.plot(runs[0, :, 0], runs[..., 1].mean(0), color=KINDS[kind], linewidth=1.6, label=kind)
    for number in (1, 2, 3):
        axes.axvline(iterations * number / 3, color=common.PALE, linewidth=0.6, zorder=0)
        axes.annotate(f"stage {number}", (iterations * (number - 0.5) / 3, 1), xycoords=("data", "axes fraction"),
                      ha="center", va="bottom", color=common.GREY, fontsize=7)
    axes.set(xlabel="iterations", ylabel="held-out log-likelihood (nats a row)", xlim=(0, iterations))
    low = min(np.array(each)[:, 1:, 1].min() for each in curves.values())
    axes.set_ylim(bottom=low - 0.1)  # before the first iteration all are far below
    axes.legend(loc="lower right")


if __name__ == "__main__":
    sys.exit(common.main(sys.modules[__name__]))
