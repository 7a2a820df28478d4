# SPDX-License-Identifier: Apache-2.0
"""Figure 2 of the paper: two-dimensional data, samples free and under conditions, and density as layers are added.

One model a data set; the densities of fewer layers are those of its first ones.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import drmm_engine as drmm
from drmm_engine import Model
from drmm_engine.learn import Settings
from scripts.figures import common
from training import toys

NORMAL = {"x": 1.0, "y": 0.2}
LEFT_OF_IT = np.array([[0.22, -1.1], [-0.22, 1.1], [-1.1, 1.1], [-1.1, -1.1]])  # where the half-space does not hold
KNOWN_X = 0.5
EDGE = 1.1
SAMPLES, KNOWN_SAMPLES = 1000, 100
COLUMNS = ("data", "samples", "samples,\nx + 0.2 y > 0", "samples,\nx = 0.5")
DATA = (("swiss roll", toys.swiss_roll, (16,) * 3), ("Sierpinski", toys.sierpinski, (3,) * 5))


@dataclass(frozen=True)
class Budget:
    """Training iterations, and pixels across a picture of density."""

    iterations: int
    pixels: int


QUICK = Budget(8_000, 160)
PAPER = Budget(50_000, 512)


def draw(budget: Budget, out: Path, seed: int) -> common.Drawn:
    """The picture and its figures; two rows a data set: the paper's layers, and full covariances whitened."""
    depth = max(len(components) for _, _, components in DATA)
    picture = Figure(figsize=(1.25 * (len(COLUMNS) + depth), 5.4))
    axes = picture.subplots(2 * len(DATA), len(COLUMNS) + depth, squeeze=False)
    for panel, title in zip(axes[0], (*COLUMNS, *_depths(depth)), strict=True):
        panel.set_title(title)
    figures = {}
    for i, (name, rows, components) in enumerate(DATA):
        x = rows()
        settings = Settings(components, budget.iterations, batch=64, learning_rate=0.005, start_rows=len(x), seed=seed)
        models = {"isotropic": common.trained(out, f"fig2 {name}", toys.SCHEMA, x, settings),
                  "whitened": common.fitted(out, f"fig2 {name} whitened", toys.SCHEMA, x, components, seed)}
        for row, (kind, model) in zip(axes[2 * i :], models.items(), strict=False):
            row[0].set_ylabel(f"{name}\n{len(components)} × {components[0]} {kind}")
            draw_row(row, model, x, budget.pixels, seed)
            figures[f"{name}, {kind}"] = measures(model, x, seed)
            print(f"{name}, {len(components)} x {components[0]} {kind}:",
                  ", ".join(f"{what} {value:.3f}" for what, value in figures[f"{name}, {kind}"].items()), flush=True)
    return picture, figures


def _depths(depth: int) -> list[str]:
    return [f"density,\n{n} layer{'s' * (n > 1)}" for n in range(1, depth + 1)]


def draw_row(row: np.ndarray, model: Model, x: np.ndarray, pixels: int, seed: int) -> None:
    """Data, samples and densities of one model."""
    for axes in row:
        common.bare(axes)
        axes.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE))
    some = np.random.default_rng(seed).permutation(len(x))[:SAMPLES]
    _points(row[0], x[some], common.GREY)
    _points(row[1], samples(model, [], SAMPLES, seed), common.BLUE)
    row[2].fill(*LEFT_OF_IT.T, color=common.PALE, alpha=0.6, linewidth=0)
    _points(row[2], samples(model, [drmm.HalfSpace(NORMAL)], SAMPLES, seed), common.BLUE)
    row[3].axvline(KNOWN_X, color=common.PALE, linewidth=3, zorder=0)
    _points(row[3], samples(model, [drmm.Known({"x": KNOWN_X})], KNOWN_SAMPLES, seed), common.VERMILION, size=4)
    densities = row[len(COLUMNS) :]
    for layers, axes in enumerate(densities[: len(model.layers)], 1):
        draw_density(axes, model.first(layers), pixels)
    for axes in densities[len(model.layers) :]:
        axes.set_axis_off()


def samples(model: Model, query: list, count: int, seed: int, clamp: bool = True) -> np.ndarray:
    """Samples [count, 2] with the noise of the last sigma, as probable as their weights say."""
    return model.sample(query, count, seed=seed, resample=True, noise=True, clamp=clamp).values


def _points(axes: Axes, x: np.ndarray, colour: str, size: float = 1.2) -> None:
    axes.scatter(*x.T, s=size, color=colour, linewidth=0)


def draw_density(axes: Axes, model: Model, pixels: int) -> None:
    """p(x) on a grid: darker where larger; black from the 99th percentile on, lest a peak pale the rest."""
    place = EDGE * (2 * (np.arange(pixels) + 0.5) / pixels - 1)
    grid = np.stack(np.meshgrid(place, place), axis=-1).reshape(-1, 2)
    density = np.exp(model.log_prob(grid)).reshape(pixels, pixels)
    axes.imshow(density, cmap="Greys", origin="lower", extent=(-EDGE, EDGE) * 2, interpolation="antialiased",
                vmin=0, vmax=np.percentile(density, 99))


def measures(model: Model, x: np.ndarray, seed: int) -> dict[str, float]:
    """Nats a row of the data; how well each condition is met, the known x by samples that are not clamped to it."""
    inside = samples(model, [drmm.HalfSpace(NORMAL)], SAMPLES, seed)
    free = samples(model, [drmm.Known({"x": KNOWN_X})], SAMPLES, seed, clamp=False)
    return {"log_likelihood": float(model.log_prob(x, samples=32, seed=seed).mean()),
            "half_space_met": float((inside @ list(NORMAL.values()) > 0).mean()),
            "known_x_missed_by": float(np.abs(free[:, 0] - KNOWN_X).mean())}


if __name__ == "__main__":
    sys.exit(common.main(sys.modules[__name__]))
