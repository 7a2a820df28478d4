# SPDX-License-Identifier: Apache-2.0
"""Figure 7 of the paper: sample quality and likelihood against the number of parameters, for one to four layers.

On the poses of the two-dimensional humanoid, with layers of full covariances beside the paper's; and with --clips on
windows of one second of motion. All are scored on the variables that vary. Without noise a model can draw no more than
its sums of means, K^L points: that score, the paper's, says little of models with few components.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from drmm_engine import Model, Schema, Stream, reports
from drmm_engine.learn import Settings
from drmm_engine.metrics.samples import precision_recall
from drmm_engine.motion.features import placement, to_local
from drmm_engine.motion.skeleton import JOINTS
from scripts.figures import common, humanoid
from training import humanoid2d
from training.motion import read_motion

DEPTHS = (1, 2, 3, 4)
LEAST = 4  # components of a layer
FRAMES = 30
HELD_OUT = 0.1  # of the clips
COLOURS = {"1 layer": "#9ecae1", "2 layers": "#6baed6", "3 layers": "#3182bd", "4 layers": "#08519c",
           "1 layer, full": common.VERMILION, "2 layers, full, whitened": common.PURPLE}
OPTIONS = {"clips": {"nargs": "+", "default": [], "metavar": "CLIPS", "help": "BVH files, zips and folders of motion"}}
TITLES = {"poses": "poses of the humanoid, 25 variables", "motion": "one second of motion, 1800 variables"}
SCORES = {"f1_noise": "F1, samples with noise", "f1": "F1, samples without noise",
          "log_likelihood": "held-out log-likelihood\n(nats a row)"}

Wanted = tuple[str, Callable[[], Model]]  # the curve that a model belongs to, and how to get it


@dataclass(frozen=True)
class Budget:
    """Sizes of the one layer that others are matched to, iterations, rows of data, rows judged by F1 and by likelihood,
    sizes of full-covariance layers; for motion its sizes, iterations, start and frames between two windows."""

    sizes: tuple[int, ...]
    iterations: int
    rows: int
    judged: int
    scored: int
    full: tuple[int, ...]
    motion_sizes: tuple[int, ...]
    motion_iterations: int
    motion_start: str
    stride: int


QUICK = Budget((64, 256, 1024), 2000, 100_000, 4000, 500, (8, 24, 64), (64, 256, 1024), 400, "greedy", 10)
PAPER = Budget((64, 128, 256, 512, 1024), 50_000, 1_000_000, 20_000, 2000, (8, 16, 32, 64, 128),
               (64, 128, 256, 512, 1024), 50_000, "random", 1)


@dataclass(frozen=True)
class Data:
    """Rows to train on and held out [rows, variables] of a schema, and the columns that are scored."""

    name: str
    schema: Schema
    rows: np.ndarray
    held: np.ndarray
    columns: np.ndarray


def draw(budget: Budget, out: Path, seed: int, clips: Sequence[str] = ()) -> common.Drawn:
    """The picture and its figures; a row of panels for the poses, and one for the clips if there are any."""
    poses = Data("poses", humanoid2d.schema(), humanoid2d.rows(budget.rows, seed),
                 humanoid2d.rows(budget.scored, seed + 1), humanoid.MOVING)
    models = [*shifted(poses, budget.sizes, budget.iterations, out, seed), *whitened(poses, budget.full, out, seed)]
    figures = {"poses": judged(models, poses, budget, seed)}
    if clips:
        motion = motion_data(clips, budget.stride, budget.scored, seed)
        models = shifted(motion, budget.motion_sizes, budget.motion_iterations, out, seed, budget.motion_start)
        figures["motion"] = judged(models, motion, budget, seed)
    return picture_of(figures), figures


def shifted(
    data: Data, sizes: tuple[int, ...], iterations: int, out: Path, seed: int, start: str = "random"
) -> Iterator[Wanted]:
    """The paper's models of each depth and size, isotropic components and shifts, by the curriculum."""
    for n in DEPTHS:
        for size in sizes:
            components = matched(size, n, data.rows.shape[1])
            settings = Settings(components, iterations, batch=64, start=start, start_rows=2000, seed=seed)
            name = f"fig7 {data.name} {n}x{components[0]}"
            yield list(COLOURS)[n - 1], partial(common.trained, out, name, data.schema, data.rows, settings)


def whitened(poses: Data, sizes: tuple[int, ...], out: Path, seed: int) -> Iterator[Wanted]:
    """One layer of full covariances, and two with whitened residuals, on the columns that vary."""
    x = poses.rows[:, poses.columns]
    for curve, n in zip(list(COLOURS)[len(DEPTHS) :], (1, 2), strict=True):
        for size in sizes:
            name = f"fig7 {poses.name} {n}x{size} full"
            yield curve, partial(common.fitted, out, name, humanoid.moving_schema(), x, (size,) * n, seed)


def matched(size: int, layers: int, variables: int) -> tuple[int, ...]:
    """Components of so many alike layers: the fewest, but four, with no fewer parameters than one layer of `size`."""
    wanted = parameters((size,), variables)
    k = LEAST
    while layers > 1 and parameters((k,) * layers, variables) < wanted:
        k += 1
    return (size,) if layers == 1 else (k,) * layers


def parameters(components: tuple[int, ...], variables: int) -> int:
    """sum_l 1 + K + (N + (l - 1) K) K: a sigma, weights, means and latent tables of K components a layer."""
    return sum(1 + k + (variables + sum(components[:i])) * k for i, k in enumerate(components))


def motion_data(clips: Sequence[str], stride: int, scored: int, seed: int) -> Data:
    """One second of 20 joints' positions (m), seen from where the first frame stands; a tenth of the clips held out."""
    motion = read_motion(clips)
    order = np.random.default_rng(seed).permutation(len(motion.clips))
    cut = max(1, round(HELD_OUT * len(order)))
    if len(order) == cut:
        raise ValueError(f"{', '.join(clips)}: one clip is too few, some are held out; give more")
    rows, held = (np.concatenate([windows(motion.clips[i], stride) for i in part])
                  for part in (order[cut:], order[:cut]))
    names = [f"{joint}.{axis}.{frame}" for frame in range(FRAMES) for joint in JOINTS for axis in "xyz"]
    held = held[np.random.default_rng(seed).permutation(len(held))[:scored]]
    return Data("motion", Schema((Stream.real("motion", names, "m"),)), rows, held, np.arange(rows.shape[1]))


def windows(clip: np.ndarray, stride: int) -> np.ndarray:
    """Windows of 30 frames of a clip [F, 20, 3], each moved so that its first frame stands at the origin, [n, 1800]."""
    starts = np.arange(0, len(clip) - FRAMES + 1, stride)
    window = clip[starts[:, None] + np.arange(FRAMES)]
    return to_local(window, *placement(window[:, 0])).reshape(len(window), FRAMES * len(JOINTS) * 3).astype(np.float32)


def judged(wanted: Iterable[Wanted], data: Data, budget: Budget, seed: int) -> dict[str, list[dict]]:
    """The scores of each curve's models, printed as they come."""
    figures: dict[str, list[dict]] = {}
    for curve, make in wanted:
        model = make()
        own = {"components": [layer.components for layer in model.layers]} | scores(model, data, budget, seed)
        figures.setdefault(curve, []).append(own)
        print(f"{data.name}, {curve}:", ", ".join(f"{what} {value}" for what, value in own.items()), flush=True)
    return figures


def scores(model: Model, data: Data, budget: Budget, seed: int) -> dict[str, float]:
    """Parameters, F1 against rows of the training data without and with noise, and nats a held-out row."""
    some = np.random.default_rng(seed).permutation(len(data.rows))[: budget.judged]
    reference, out = data.rows[some][:, data.columns], {"parameters": reports.parameters(model)}
    every = len(model.schema.names) == data.rows.shape[1]
    for name, noise in (("f1", False), ("f1_noise", True)):
        samples = model.sample([], len(reference), seed=seed, rank=False, noise=noise).values
        out[name] = round(precision_recall(samples[:, data.columns] if every else samples, reference)["f1"], 4)
    held = np.full(data.held.shape, np.nan)
    held[:, data.columns] = data.held[:, data.columns]  # constants say nothing of a model
    held = held if every else data.held[:, data.columns]
    return out | {"log_likelihood": round(common.log_likelihood(model, held, seed), 3)}


def picture_of(figures: dict[str, dict[str, list[dict]]]) -> Figure:
    """A row of panels for each data set, a column for each score."""
    picture = Figure(figsize=(7.2, 2.3 * len(figures) + 0.3))
    axes = picture.subplots(len(figures), len(SCORES), squeeze=False)
    for row, (name, curves) in zip(axes, figures.items(), strict=True):
        for panel, (score, label) in zip(row, SCORES.items(), strict=True):
            draw_curves(panel, curves, score)
            panel.set_ylabel(label)
        row[1].set_title(TITLES[name])
    for panel in axes[-1]:
        panel.set_xlabel("parameters")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return picture


def draw_curves(axes: Axes, curves: dict[str, list[dict]], score: str) -> None:
    """One score of all curves over the number of parameters."""
    for curve, points in curves.items():
        x, y = ([point[what] for point in points] for what in ("parameters", score))
        axes.plot(x, y, "o-", color=COLOURS[curve], markersize=3, label=curve)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_locator(NullLocator())
    if score.startswith("f1"):
        axes.set_ylim(0, 1)


if __name__ == "__main__":
    sys.exit(common.main(sys.modules[__name__], **OPTIONS))
