# SPDX-License-Identifier: Apache-2.0
"""Train a locomotion model: python -m training.locomotion CLIPS... --out MODEL (folders, zips or files)."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

import drmm_engine
from drmm_engine import Model
from drmm_engine.learn import Settings, train
from drmm_engine.metrics.walks import measure_walks
from drmm_engine.motion.clip_report import clip_report
from drmm_engine.motion.dataset import standing_height
from drmm_engine.motion.features import variable_names
from drmm_engine.motion.layout import Layout, layout_for, rows, schema_of
from drmm_engine.motion.widen import with_contacts
from drmm_engine.scaling import to_model_units

from . import common, gather, motion

T = TypeVar("T")
WIDENED = 24_000  # rows that contacts are learned from, where a model to begin with has none


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    p = common.parser("locomotion", "Train a model that walks on motion capture or animation of people on foot.")
    gather.add_arguments(p)
    p.add_argument("--copies", type=int, metavar="N",
                   help="bent and time-warped copies of each clip (as many as make 150,000 windows, 1 to 8)")
    p.add_argument("--starts", type=int, default=0, metavar="N",
                   help="more copies of where standing turns into walking, or walking into standing (0)")
    p.add_argument("--begin", metavar="MODEL", help="go on from this model with steps end to end; it may lack contacts")
    p.add_argument("--fastest", type=float, default=np.inf, metavar="SPEED",
                   help="leave out motion faster than this, m/s (none): runs, where only a walk is wanted")
    p.add_argument("--source", default="", help="what the clips are, for the model file")
    p.add_argument("--licence", default="", help="the licence of the clips, for the model file")
    p.add_argument("--walks", type=int, default=3, metavar="N", help="walks of 30 s that are measured afterwards (3)")
    return common.main(run, p, arguments)


def run(options: argparse.Namespace) -> dict:
    """Read, train, measure and save."""
    out = Path(options.out)
    if not out.parent.is_dir():
        raise ValueError(f"{out}: there is no folder {out.parent}")
    if options.copies is not None and options.copies < 0:
        raise ValueError(f"--copies must not be negative, got {options.copies}")
    if options.starts < 0:
        raise ValueError(f"--starts must not be negative, got {options.starts}")
    plan, share = common.choose(options, common.recipe("locomotion"))
    licence = gather.licence(options.licence)
    data = motion.read_motion(options.clips, options.mapping, options.styles)
    layout = layout_for(data.styles)
    x = _rows(data, layout, options, share)
    begun = _begun(options.begin, layout, x) if options.begin else None
    schema = begun.schema if begun else schema_of(x, layout)
    save_at = out.with_name(out.name + ".checkpoint")
    begin = time.monotonic()
    in_units = to_model_units(schema, x)
    settings = _settings_of(begun, plan) if begun else plan.settings(schema, in_units)
    model = train(schema, in_units, settings, device=common.check_device(options.device), save_at=save_at,
                  report=common.reporter(options.log), group=options.group, begin=begun)
    seconds = time.monotonic() - begin
    names = ", ".join(Path(path).name for path in options.clips)
    source = {"source": options.source or names, "licence": licence,
              "clips": len(data.clips), "windows": len(x)}
    features = {"kind": "locomotion", "start": np.round(motion.start_history(data.clips), 4).tolist()} | layout.said()
    model = replace(model, data=model.data | source, skeleton=motion.skeleton_of(data.rest), features=features)
    metrics = _metrics(model, data, share, layout, options)
    common.finish(options, replace(model, metrics=metrics), out, save_at)
    return {"out": str(out), "rows": len(x), "seconds": round(seconds, 1), "report": clip_report(data)} | metrics


def _begun(path: str, layout: Layout, x: np.ndarray) -> Model:
    """The model to go on from, with contacts learned onto it if it has none."""
    model = drmm_engine.load(path)
    if (model.features or {}).get("kind") != "locomotion":
        raise ValueError(f"{path}: to begin with, a locomotion model is needed")
    if model.schema.names == variable_names():
        some = np.random.default_rng(0).permutation(len(x))[:WIDENED]
        model = with_contacts(model, x[np.sort(some)])
    if model.schema.names != layout.names:
        raise ValueError(f"{path}: it has other styles than these clips")
    return model


def _settings_of(begun: Model, plan: common.Plan) -> Settings:
    """Steps end to end from a model, of its sizes and kinds."""
    values = {name: value for name, value in plan.values.items() if name not in common.SIZES}
    values |= {"covariance": tuple(layer.covariance for layer in begun.layers),
               "residual": tuple(layer.residual for layer in begun.layers), "curriculum": "end-to-end"}
    return Settings(tuple(layer.components for layer in begun.layers), seed=plan.seed, **values)


def split_clips(clips: list[T], share: float, seed: int) -> tuple[list[T], list[T]]:
    """Clips to train on, and clips held out: none where there are too few to spare one."""
    count = round(share * len(clips))
    order = np.random.default_rng(seed).permutation(len(clips))
    return [clips[i] for i in np.sort(order[count:])], [clips[i] for i in np.sort(order[:count])]


def _rows(data: motion.Motion, layout: Layout, options: argparse.Namespace, share: float) -> np.ndarray:
    """Rows of the clips that are not held out, and of their copies."""
    clips, _ = split_clips(data.clips, share, options.seed)
    styles, _ = split_clips(data.styles, share, options.seed) if data.styles else ([], [])
    parts = motion.training_parts(clips, styles, standing_height(data.rest), options.copies,
                                  np.random.default_rng(options.seed), options.fastest, options.starts)
    return np.concatenate([rows(part, layout).astype(np.float32) for part in parts])


def _metrics(model: Model, data: motion.Motion, share: float, layout: Layout, options: argparse.Namespace) -> dict:
    seed, walks = options.seed, options.walks
    kept, held = split_clips(data.clips, share, seed)
    parts = motion.training_parts(held or kept, [], standing_height(data.rest), 0, np.random.default_rng(seed),
                                  options.fastest)
    x = np.concatenate([rows(part, layout) for part in parts])
    some = np.random.default_rng(seed).permutation(len(x))[: common.SCORED]
    score = float(model.log_prob(x[some], samples=32, seed=seed).mean())
    metrics = {"log_likelihood": score, "scored": len(some), "held_out": len(x) if held else 0, "samples": 32}
    return metrics | ({"walks": measure_walks(model, range(seed, seed + walks))} if walks else {})


if __name__ == "__main__":
    raise SystemExit(main())
