# SPDX-License-Identifier: Apache-2.0
"""Figure 6 of the paper: inverse kinematics, four queries to a model of random poses, ten draws each.

Drawn by forward kinematics of the sampled root and joint angles, likeliest of 64 first, that one dark; below each row
the same draws after a solver, which meets exactly what samples of angles and positions side by side meet nearly.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from drmm_engine import Model
from drmm_engine.learn import Settings
from scripts.figures import common, humanoid
from scripts.figures.humanoid import QUERIES, Query
from scripts.figures.solver import solve
from training import humanoid2d

BATCH, DRAWN = 64, 10
LEVEL = 1e-3  # metres; a goal missed by less is met


@dataclass(frozen=True)
class Budget:
    """Rows of data; the paper's layers, their training and its start; our layers."""

    rows: int
    components: tuple[int, ...]
    iterations: int
    start: str
    whitened: tuple[int, ...]


QUICK = Budget(100_000, (256,) * 10, 600, "greedy", (64, 64))
PAPER = Budget(1_000_000, (256,) * 10, 500_000, "random", (256, 64))


def draw(budget: Budget, out: Path, seed: int) -> common.Drawn:
    """The picture and its figures."""
    x = humanoid2d.rows(budget.rows, seed)
    settings = Settings(budget.components, budget.iterations, start=budget.start, seed=seed)
    models = {"isotropic": common.trained(out, "fig6", humanoid2d.schema(), x, settings),
              "whitened": common.fitted(out, "fig6 whitened", humanoid.moving_schema(), x[:, humanoid.MOVING],
                                        budget.whitened, seed)}
    picture = Figure(figsize=(7.2, 7.6))
    axes = picture.subplots(2 * len(models), len(QUERIES), sharex=True, sharey=True)
    for column, query in enumerate(QUERIES):
        axes[0, column].set_title(query.title)
        axes[-1, column].set_xlabel("x (m)")
    figures: dict[str, dict] = {}
    for rows, (kind, model) in zip(axes.reshape(len(models), 2, -1), models.items(), strict=True):
        for row, how in zip(rows, ("as sampled", "solved"), strict=True):
            row[0].set_ylabel(f"{_sizes(model)} {kind},\n{how}\ny (m)")
        figures[kind] = {query.title: draw_query(rows[:, i], model, query, seed) for i, query in enumerate(QUERIES)}
        for title, values in figures[kind].items():
            shown = (f"{name} {before:.4f}, solved {after:.4f}" for name, (before, after) in values.items())
            print(f"{kind}, {title}: " + "; ".join(shown), flush=True)
    return picture, figures


def draw_query(panels: np.ndarray, model: Model, query: Query, seed: int) -> dict[str, list[float]]:
    """One query's draws in the upper panel, the same solved in the lower one, and its figures."""
    before = sampled(model, query, seed)
    after = solve(before, query)
    draw_panel(panels[0], before, query)
    draw_panel(panels[1], after, query)
    return measures(before, after, query)


def _sizes(model: Model) -> str:
    sizes = [layer.components for layer in model.layers]
    return f"{len(sizes)} × {sizes[0]}" if len(set(sizes)) == 1 else " + ".join(map(str, sizes))


def sampled(model: Model, query: Query, seed: int) -> np.ndarray:
    """Parameters of 64 poses, likeliest first."""
    whole = model.layers[-1].covariance == "full"  # a component is a family of poses, drawn from rather than averaged
    return humanoid.parameters(model.sample(query.conditions(), BATCH, seed=seed, noise=whole))


def measures(before: np.ndarray, after: np.ndarray, query: Query) -> dict[str, list[float]]:
    """Of all 64 draws, by forward kinematics, as sampled and solved: the mean and best miss of the goals, the share of
    bounds met, and of poses that meet all."""
    figures: dict[str, list[float]] = {}
    for poses in (before, after):
        miss, met = humanoid.goal_error(poses, query), humanoid.bounds_met(poses, query)
        own = {}
        if query.goals:
            own |= {"miss_m": miss.mean(), "best_miss_m": miss.min()}
        if query.bounds:
            own |= {"bounds_met": met.mean(), "all_bounds_met": met.all(axis=1).mean()}
        if query.goals or query.bounds:
            own["all_met"] = ((miss < LEVEL) & met.all(axis=1)).mean()
        for name, value in own.items():
            figures.setdefault(name, []).append(float(value))
    return figures | {"moved_rad": [0.0, float(np.abs(after - before)[:, 2:].mean())]}


def draw_panel(axes: Axes, poses: np.ndarray, query: Query) -> None:
    """Ten poses, the first on top; goals as dots, bounds as the grey that lies beyond them."""
    axes.set(xlim=(-1.25, 1.25), ylim=(-0.45, 2.1), aspect="equal", xticks=(-1, 0, 1), yticks=(0, 1, 2))
    for b in {(b.axis, b.sign, b.limit): b for b in query.bounds}.values():
        span = axes.axhspan if b.axis else axes.axvspan
        span(b.limit, b.limit + 9 * b.sign, color="#ececec", linewidth=0, zorder=0)
    bodies = humanoid.outlines(poses[:DRAWN])
    others = bodies[1:].reshape(-1, 4, 2)
    axes.add_collection(PolyCollection(others, facecolor="none", edgecolor=common.GREY, alpha=0.45, linewidth=0.5))
    axes.add_collection(PolyCollection(bodies[0], facecolor=(1, 1, 1, 0.5), edgecolor=common.INK, linewidth=0.9))
    for place in query.goals.values():
        axes.plot(*place, "o", color=common.VERMILION, markersize=3.5, zorder=5)


if __name__ == "__main__":
    sys.exit(common.main(sys.modules[__name__]))
