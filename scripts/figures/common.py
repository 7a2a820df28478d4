# SPDX-License-Identifier: Apache-2.0
"""What the figures share: the command line, models kept for drawing again, the look, and files written whole."""

from __future__ import annotations

import argparse
import io
import json
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import drmm_engine as drmm
from drmm_engine import Model, Schema
from drmm_engine.files import write_whole
from drmm_engine.fit import fit
from drmm_engine.learn import Settings, checkpoint, train
from drmm_engine.scaling import to_model_units
from training.common import Parser, reporter

INK, GREY, PALE = "#222222", "#8a8a8a", "#d9d9d9"
BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#8a5a9e"
LOOK = {
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
    "legend.fontsize": 7, "legend.frameon": False, "font.family": "DejaVu Sans", "text.color": INK,
    "axes.edgecolor": GREY, "axes.linewidth": 0.6, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
    "axes.spines.top": False, "axes.spines.right": False, "lines.linewidth": 1.2, "figure.constrained_layout.use": True,
}
DPI = 130


def main(figure: ModuleType, arguments: Sequence[str] | None = None, **more: dict) -> int:
    """Draw a figure of a module that has QUICK, PAPER and draw(budget, out, seed); 2 after one line on bad input.

    more: further options of the command, by name with what argparse wants to know of them; draw takes them by name.
    """
    name = figure.__spec__.name.rsplit(".", 1)[-1]  # its own name even where it is run as __main__
    p = Parser(prog=f"python -m scripts.figures.{name}", description=figure.__doc__.split("\n")[0])
    p.add_argument("--paper", action="store_true", help="the paper's settings: hours, not minutes")
    p.add_argument("--out", type=Path, default=Path("out"), metavar="FOLDER", help="picture and models (out)")
    p.add_argument("--seed", type=int, default=0, help="seed of the random numbers (0)")
    p.add_argument("--json", action="store_true", help="print the figures as one line of JSON, last on stdout")
    for option, about in more.items():
        p.add_argument(f"--{option}", **about)
    options = p.parse_args(arguments)
    try:
        return _drawn(figure, name, options, {option: getattr(options, option) for option in more})
    except (ValueError, OSError) as error:
        print(f"{p.prog}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _drawn(figure: ModuleType, name: str, options: argparse.Namespace, more: dict) -> int:
    (options.out / "models").mkdir(parents=True, exist_ok=True)
    budget = figure.PAPER if options.paper else figure.QUICK
    with matplotlib.rc_context(LOOK):
        picture, figures = figure.draw(budget, options.out, options.seed, **more)
        save(picture, options.out / f"{name}.png")
    print(options.out / f"{name}.png")
    if options.json:
        print(json.dumps({"figure": name, "paper": options.paper, "seed": options.seed} | figures))
    return 0


def save(picture: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    content = io.BytesIO()
    picture.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    write_whole(path, content.getvalue())


def trained(out: Path, name: str, schema: Schema, data: np.ndarray, settings: Settings) -> Model:
    """A model by the paper's curriculum on data in data units; read where the same was trained before."""
    path = _path(out, name, schema, data, settings)
    if path.exists():
        return drmm.load(path)
    print(f"training {name}, {settings.iterations} iterations", file=sys.stderr)
    save_at = path.with_name(path.name + ".checkpoint")
    train(schema, to_model_units(schema, data), settings, save_at=save_at, report=reporter(None)).save(path)
    checkpoint.remove(save_at)
    return drmm.load(path)


def fitted(
    out: Path, name: str, schema: Schema, data: np.ndarray, components: Sequence[int], seed: int,
    covariance: str = "full", residual: str = "whiten",
) -> Model:
    """The same by expectation-maximisation layer by layer."""
    path = _path(out, name, schema, data, (components, covariance, residual, seed))
    if not path.exists():
        print(f"fitting {name}", file=sys.stderr)
        x = to_model_units(schema, data)
        fit(schema, x, components, covariance=covariance, residual=residual, seed=seed).save(path)
    return drmm.load(path)


def _path(out: Path, name: str, schema: Schema, data: np.ndarray, settings: object) -> Path:
    """A file whose name tells one schema, data and settings from others."""
    key = zlib.crc32(np.ascontiguousarray(data).tobytes(), zlib.crc32(repr((schema, settings)).encode()))
    return out / "models" / f"{name.replace(' ', '-')}-{key:08x}.drmm.safetensors"


def split(data: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and a share of them held out."""
    order = np.random.default_rng(seed).permutation(len(data))
    cut = round(share * len(data))
    return data[order[cut:]], data[order[:cut]]


def bare(axes: Axes) -> None:
    """A small picture of points: equal units, no ticks, a thin frame."""
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set(visible=True, color=PALE)


def log_likelihood(model: Model, x: np.ndarray, seed: int = 0) -> float:
    """Mean log p over rows in data units, nats: each the log of the mean of 32 estimates."""
    return float(model.log_prob(x, samples=32, seed=seed, exact=False).mean())


Drawn = tuple[Figure, dict]
