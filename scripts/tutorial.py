# SPDX-License-Identifier: Apache-2.0
"""A tutorial: train a model in seconds, then ask it everything; writes tutorial.png. `python -m scripts.tutorial`.

Read this file from top to bottom: first the data, then the model, then one short function for each thing that can be
asked. The picture has a panel for each, with its code under it.
"""

from __future__ import annotations

import argparse
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from drmm_engine import Box, Draw, GaussianPrior, HalfSpace, Known, LinearEquality, Model, Schema, Stream
from drmm_engine.fit import fit
from scripts.figures import common

# 1. The data: points of a spiral. Each has two numbers and a class, the turn it is on, which every other row lacks.

TURNS = ["inner", "middle", "outer"]
SCHEMA = Schema((Stream.real("point", ["x", "y"]), Stream.categorical("turn", TURNS)))


def spiral(count: int = 4000, seed: int = 0) -> np.ndarray:
    """Rows [count, 3]: x, y and the number of the turn; nan is how a table says that something is missing."""
    rng = np.random.default_rng(seed)
    t = np.sqrt(rng.random(count))  # how far along the spiral, as dense everywhere
    x, y = t * np.sin(4 * np.pi * t), t * np.cos(4 * np.pi * t)
    turn = np.where(rng.random(count) < 0.5, np.nan, np.floor(3 * t))
    return np.stack([x, y, turn], axis=1)


# 2. The model: layers of 8 and 48 components, each a full covariance; the second learns what the first leaves over.


def learned(rows: np.ndarray, seed: int = 0) -> Model:
    """`fit` needs seconds and NumPy alone; `drmm_engine.learn.train` is the paper's training, on torch."""
    return fit(SCHEMA, rows, (8, 48), covariance="full", residual="whiten", seed=seed)


# 3. What can be asked, all of one model; nothing of it was decided in training. sample(query) stands for
#    model.sample(query, count=300, noise=True).

Sample = Callable[..., Draw]


def nothing(sample: Sample):
    """Free samples"""
    return sample([])


def known(sample: Sample):
    """A variable is known"""
    return sample([Known({"x": 0.4})])


def softly_known(sample: Sample):
    """Known, but not quite"""
    return sample([Known({"x": 0.4},
                         weight=0.01)])


def prior(sample: Sample):
    """Means and deviations"""
    return sample([GaussianPrior({"x": (0.4, 0.2),
                                  "y": (0.4, 0.2)})])


def half_space(sample: Sample):
    """An inequality: x + 0.2 y > 0"""
    return sample([HalfSpace({"x": 1, "y": 0.2})])


def slab(sample: Sample):
    """Several: |x + y| < 0.3"""
    return sample([
        HalfSpace({"x": 1, "y": 1}, 0.3),
        HalfSpace({"x": -1, "y": -1}, 0.3)])


def box(sample: Sample):
    """Limits"""
    return sample([Box({"x": (-0.6, 0.2),
                        "y": (-0.9, 0.1)})])


def equality(sample: Sample):
    """An equality: x - y = 0.2"""
    return sample([LinearEquality(
        {"x": 1, "y": -1}, offset=-0.2)])


def class_known(sample: Sample):
    """A class is known"""
    return sample([Known({"turn": "middle"})])


def combined(sample: Sample):
    """All at once"""
    return sample([
        Known({"turn": "outer"}),
        HalfSpace({"x": 1}, offset=0.2),
        GaussianPrior({"y": (0.0, 0.4)})])


def each_its_own(sample: Sample):
    """Each sample its own value"""
    return sample([Known({
        "x": np.linspace(-0.8, 0.6, 300)})])


def cooler(sample: Sample):
    """Likelier ones: temperature"""
    return sample([], temperature=0.3)


def warmer(sample: Sample):
    """More varied ones"""
    return sample([], temperature=2.0)


def resampled(sample: Sample):
    """Redrawn by weight"""
    return sample([Box({"y": (-0.2, 0.2)}),
                   Known({"turn": "outer"})],
                  resample=True)


def swept(sample: Sample):
    """By Gibbs sweeps"""
    return sample([Box({"y": (-0.2, 0.2)}),
                   Known({"turn": "outer"})],
                  sweeps=5)


QUESTIONS = (nothing, known, softly_known, prior, half_space, slab, box, equality, class_known, combined, each_its_own,
             cooler, warmer, resampled, swept)


def density(model: Model, points: np.ndarray) -> np.ndarray:
    """And the other way round: how likely are points [rows, 2]? What is not known is nan"""
    unknown = np.full((len(points), 1), np.nan)
    return model.log_prob(np.hstack([points, unknown]))


# 4. The picture.

COLOURS = np.array([common.BLUE, common.VERMILION, common.GREEN])
EDGE = 1.15
COLUMNS, PIXELS = 4, 240


def code(question: Callable) -> str:
    """What a question asks, as it stands in this file."""
    source = textwrap.dedent(inspect.getsource(question)).split('"""')[-1]
    return textwrap.dedent(source.strip("\n")).removeprefix("return ").replace("\n       ", "\n").rstrip()


def draw(model: Model, rows: np.ndarray, answers: Mapping[Callable, Draw]) -> Figure:
    """A panel a question, and one of the density."""
    count = len(answers) + 1
    picture = Figure(figsize=(7.6, 2.45 * -(-count // COLUMNS)))
    panels = picture.subplots(-(-count // COLUMNS), COLUMNS).flat
    for axes, (question, samples) in zip(panels, answers.items(), strict=False):
        axes.plot(*rows[:, :2].T, ".", color=common.PALE, markersize=0.6, zorder=0)
        for condition in samples.conditions:
            show(axes, condition)
        axes.scatter(samples["x"], samples["y"], s=2.5, color=COLOURS[samples["turn"].astype(int)], linewidth=0)
        label(axes, question.__doc__, code(question))
    for i, turn in enumerate(TURNS):
        panels[0].text(0.97, 0.97 - 0.07 * i, turn, color=COLOURS[i], fontsize=6, ha="right", va="top",
                       transform=panels[0].transAxes)
    place = EDGE * np.linspace(-1, 1, PIXELS)
    log_p = density(model, np.stack(np.meshgrid(place, place), axis=-1).reshape(-1, 2)).reshape(PIXELS, PIXELS)
    axes = panels[count - 1]
    axes.imshow(log_p, cmap="Greys", origin="lower", extent=(-EDGE, EDGE) * 2, vmin=log_p.max() - 12)
    label(axes, "How likely is a point?", "model.log_prob([[x, y, nan], ...])")
    return picture


def label(axes: Axes, title: str, text: str) -> None:
    """The frame of a panel: what is asked above, the code below."""
    common.bare(axes)
    axes.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), title=title)
    axes.set_xlabel(text, family="monospace", fontsize=5.3, loc="left")


def show(axes: Axes, condition: object) -> None:
    """A condition on x and y: a line where they must lie, grey where they must not, a ring at two deviations."""
    if isinstance(condition, Known):
        for value in [v for name, v in condition.values.items() if name == "x" and np.ndim(v) == 0]:
            axes.axvline(value, color=common.GREY, linewidth=0.6, zorder=0)
    elif isinstance(condition, GaussianPrior) and len(condition.priors) == 2:
        (x, width), (y, height) = condition.priors["x"], condition.priors["y"]
        turn = np.linspace(0, 2 * np.pi, 100)
        axes.plot(x + 2 * width * np.cos(turn), y + 2 * height * np.sin(turn), color=common.GREY, linewidth=0.6)
    elif isinstance(condition, (HalfSpace, LinearEquality)):
        x, y = np.meshgrid(*[np.linspace(-EDGE, EDGE, 200)] * 2)
        value = condition.normal.get("x", 0) * x + condition.normal.get("y", 0) * y + condition.offset
        if isinstance(condition, HalfSpace):
            axes.contourf(x, y, value, levels=[-9, 0], colors=[common.PALE], alpha=0.5, zorder=-1)
        axes.contour(x, y, value, levels=[0], colors=[common.GREY], linewidths=0.6, zorder=0)
    elif isinstance(condition, Box):
        for name, (low, high) in condition.limits.items():
            show(axes, HalfSpace({name: 1}, -low))
            show(axes, HalfSpace({name: -1}, high))


def main(arguments: Sequence[str] | None = None) -> int:
    """Learn, ask, print and draw."""
    p = argparse.ArgumentParser(prog="python -m scripts.tutorial", description=__doc__.split("`")[0])
    p.add_argument("--out", type=Path, default=Path("out"), metavar="FOLDER", help="for the picture (out)")
    p.add_argument("--seed", type=int, default=0, help="seed of the random numbers (0)")
    options = p.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    rows = spiral(seed=options.seed)
    model = learned(rows, options.seed)
    answers = {question: question(partial(model.sample, count=300, noise=True, seed=options.seed))
               for question in QUESTIONS}
    for question, samples in answers.items():
        print(f"# {question.__doc__}\n{code(question)}")
        print(samples.fulfilment() if samples.conditions else "", end="\n\n")  # how well what was asked is met
    with matplotlib.rc_context(common.LOOK):
        common.save(draw(model, rows, answers), options.out / "tutorial.png")
    print(options.out / "tutorial.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
