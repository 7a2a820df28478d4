# SPDX-License-Identifier: Apache-2.0
"""Measure: `python -m scripts.benchmark step | sampling | density | conditional | walks | locomotion | rig | posing`,
on one core unless told otherwise."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import drmm_engine as drmm
from drmm_engine.fit import fit
from drmm_engine.learn import Settings, train
from drmm_engine.learn.graphs import WARM_UP, Step, adam
from drmm_engine.learn.rows import rows, sample
from drmm_engine.learn.start import start
from drmm_engine.learn.train import draws
from drmm_engine.metrics.motion import foot_slide, mean_jerk
from drmm_engine.metrics.walks import measure_walks
from drmm_engine.motion.features import FRAME_RATE, WINDOW, windows
from drmm_engine.motion.library import TOE_HEIGHT, read_clips
from training import humanoid2d, toys
from training.motion import steady

from .conditional import conditional, conditional_arguments
from .locomotion import locomotion, locomotion_arguments
from .rigs import rig, rig_arguments

MOVING = 0.3  # m/s of the hips; slower is standing
LOG_2PI = float(np.log(2 * np.pi))  # what the authors' code leaves out of a density of two variables


def main() -> int:
    """Run one measurement and print it, as text or as a line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m scripts.benchmark", description=__doc__)
    parser.add_argument("what", choices=tuple(MEASURES))
    parser.add_argument("--repeats", type=int, default=30, help="timed repeats (30)")
    parser.add_argument("--seeds", type=int, default=3, help="density: training runs of each kind (3)")
    parser.add_argument("--iterations", type=int, nargs="+", default=[3000, 10000], help="density (3000 10000)")
    parser.add_argument("--start", default="random", choices=("random", "greedy"), help="density (random)")
    conditional_arguments(parser)
    rig_arguments(parser)
    locomotion_arguments(parser)
    parser.add_argument("--model", help="walks, locomotion: a locomotion model (the shipped one)")
    parser.add_argument("--clips", nargs="*", default=[], help="folders, zips, files: capture to measure alike (walks) "
                                                               "or to make poses and a table of (conditional), "
                                                               "or that a model was trained on (locomotion)")
    parser.add_argument("--fastest", type=float, default=np.inf, help="walks: leave out faster capture, m/s (none)")
    parser.add_argument("--walks", type=int, default=10, help="walks: how many, 30 s each (10), or locomotion: "
                                                                   "of --seconds each")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (1)")
    parser.add_argument("--device", default="cpu", help="step: cpu or cuda (cpu)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON last on stdout")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    results = {"machine": machine(), "threads": options.threads} | MEASURES[options.what](options)
    if options.json:
        print(json.dumps(results))
    return 0


def machine() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    names = [x.split(":")[1].strip() for x in info.read_text().splitlines() if x.startswith("model name")] if (
        info.exists()) else []
    return f"{names[0] if names else platform.processor()}, {platform.system()}"


def timed(run: Callable[[], object], repeats: int) -> dict:
    """Medians of repeated runs after three that do not count, ms: wall time, and time on the processor alone (which
    other programs on the machine disturb less)."""
    wall, processor = [], []
    for _ in range(repeats + 3):
        begin = time.perf_counter(), time.process_time()
        run()
        wall.append(1000 * (time.perf_counter() - begin[0]))
        processor.append(1000 * (time.process_time() - begin[1]))
    wall_ms, processor_ms = (round(statistics.median(times[3:]), 1) for times in (wall, processor))
    return {"wall_ms": wall_ms, "processor_ms": processor_ms}


def step(options: argparse.Namespace) -> dict:
    """One training step, batch 256, of the paper's two models in each stage; the data have the shape alone.

    Beside each: what the step's matrix products alone would take at the speed of a large product in the same run, and
    the authors' code on two cores of a like machine.
    """
    humanoid = humanoid2d.rows(100_000)
    noise = np.random.default_rng(0).normal(size=(100_000, 487)).astype(np.float32)
    wide = drmm.Schema((drmm.Stream.real("motion", [f"v{i}" for i in range(487)]),))
    speed = product_speed(options.device)
    print(f"matrix products: {speed / 1e9:.0f} GFLOP/s")
    results: dict = {"gflop_s": round(speed / 1e9, 1)}
    for name, schema, data, settings, authors in (
        ("humanoid 10 x 256, 30 variables", humanoid2d.schema(), humanoid, Settings((256,) * 10, 300), 99.7),
        ("motion 4 x 512, 487 variables", wide, noise, Settings((512,) * 4, 300), 93.0),
    ):
        iterate = iterations(schema, data, settings, options.device)
        mean = 0.0
        for stage, i in ((1, 50), (2, 150), (3, 250)):
            for _ in range(WARM_UP + 1):
                iterate(i)
            times = timed(lambda iterate=iterate, i=i: iterate(i), options.repeats)
            limit = 1000 * product_operations(settings, len(schema.names), stage) / speed
            results[f"{name}, stage {stage}"] = times | {"limit_ms": round(limit, 2)}
            print(f"{name}, stage {stage}: {times['wall_ms']} ms, {times['processor_ms']} on the processor; "
                  f"products alone {limit:.2f} ms, {times['wall_ms'] / limit:.1f} times that")
            mean += times["wall_ms"] / 3
        results[name] = {"mean_ms": round(mean, 1), "authors_ms": authors, "faster": round(authors / mean, 2)}
        print(f"{name}: mean of the stages {mean:.1f} ms, the authors' {authors} ms, {authors / mean:.1f} times that")
    return {"step": results}


def iterations(schema: drmm.Schema, data: np.ndarray, settings: Settings, device: str) -> Callable[[int], None]:
    """A function that runs one iteration of a run, as `learn.train` does, and waits for it."""
    table = rows(schema, data, None, device)
    generator = torch.Generator(device).manual_seed(0)
    parameters = start(schema, sample(table, generator), settings, generator)
    for p in parameters.values():
        p.requires_grad_()
    step = Step(parameters, adam(parameters, settings), schema, settings)

    def iterate(i: int) -> None:
        index, noise = draws(len(table), settings, generator)
        step(table.take(index), noise, i)
        if device != "cpu":
            torch.cuda.synchronize()

    return iterate


def product_operations(settings: Settings, variables: int, stage: int) -> float:
    """Floating point operations of a step's products of batch, variables and components: one a layer forward, one for
    the means' gradient, and in stage 3 one for the residual's, which the first layer has not."""
    each = [2.0 * settings.batch * variables * k for k in settings.components]
    return 2 * sum(each) + (sum(each[1:]) if stage == 3 else 0.0)


def product_speed(device: str, size: int = 1024) -> float:
    """FLOP/s of a large matrix product, median of 20."""
    a = torch.randn(size, size, device=device)

    def product() -> None:
        a @ a
        if device != "cpu":
            torch.cuda.synchronize()

    seconds = []
    for _ in range(23):
        begin = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - begin)
    return 2.0 * size**3 / statistics.median(seconds[3:])


def sampling(options: argparse.Namespace) -> dict:
    """64 poses of a 10 x 256 model under 6 known variables and 20 half-spaces, NumPy."""
    model = fit(humanoid2d.schema(), humanoid2d.rows(100_000), (256,) * 10, steps=0)
    names = [f"{point}_{axis}" for point in ("left_foot", "right_foot", "right_hand") for axis in "xy"]
    query = [drmm.Known(dict(zip(names, (-0.2, 0.0, 0.2, 0.0, 0.8, 1.0), strict=True)))]
    for point in humanoid2d.EFFECTORS:
        query += [drmm.HalfSpace({f"{point}_y": -1.0}, 1.2, weight=3.0), drmm.HalfSpace({f"{point}_y": 1.0}, 0.05),
                  drmm.HalfSpace({f"{point}_x": 1.0}, 1.0), drmm.HalfSpace({f"{point}_x": -1.0}, 1.0)]
    results = {}
    for name, conditions in (("free", []), ("6 known", query[:1]), ("6 known, 20 half-spaces", query)):
        times = timed(lambda conditions=conditions: model.sample(conditions, 64), options.repeats)
        results[name] = times
        print(f"64 poses, {name}: {times['wall_ms']} ms, {times['processor_ms']} on the processor (bar 35)")
    return {"sampling": results}


def density(options: argparse.Namespace) -> dict:
    """log mean of 32 estimates of the toys at the authors' settings; + log 2 pi for their unnormalised figure."""
    results = {}
    bars = {("swiss roll", 3000): 2.30, ("swiss roll", 10000): 2.55, ("sierpinski", 3000): 1.73,
            ("sierpinski", 10000): 1.92}
    data = (("swiss roll", toys.swiss_roll(), (16,) * 3), ("sierpinski", toys.sierpinski(), (3,) * 5))
    for iterations in options.iterations:
        for name, x, components in data:
            values = []
            for seed in range(options.seeds):
                settings = Settings(components, iterations, batch=64, learning_rate=0.005, start=options.start,
                                    start_rows=len(x), seed=seed)
                model = train(toys.SCHEMA, x, settings)
                values.append(float(model.log_prob(x, samples=32, exact=False).mean()))
            mean = statistics.mean(values)
            results[f"{name} {iterations}"] = {"mean": round(mean, 3), "seeds": [round(v, 3) for v in values]}
            bar = bars.get((name, iterations))
            print(f"{name}, {iterations} iterations: {mean:.3f} nats a row ({', '.join(f'{v:.3f}' for v in values)}); "
                  f"unnormalised {mean + LOG_2PI:.3f}" + (f", the authors' {bar:.2f}" if bar else ""), flush=True)
    return {"density": results}


def walks(options: argparse.Namespace) -> dict:
    """Walks of 30 s to random targets within 4 m, medians; frames a second on one thread; the capture's own figures."""
    model = drmm.load(options.model)
    begin = time.process_time()
    measured = measure_walks(model, range(options.walks))
    spent = time.process_time() - begin
    measured["frames_per_second"] = round(options.walks * 30 * FRAME_RATE / spent, 1)
    print("walks:", ", ".join(f"{name} {value}" for name, value in measured.items()))
    if not options.clips:
        return {"walks": measured}
    figures = capture(options.clips, options.fastest)
    for name, values in figures.items():
        print(f"capture, {name}:", ", ".join(f"{what} {value}" for what, value in values.items()))
    return {"walks": measured, "capture": figures}


def posing(options: argparse.Namespace) -> dict:
    """Answers for a character beside Blender's IK; needs the bpy module."""
    from . import blender_ik  # where Blender is, and only when it is asked for

    return blender_ik.posing(options)


def capture(paths: list[str], fastest: float) -> dict:
    """The same figures of the clips as they were captured, not fitted to one body: a model is no judge of itself.

    In stretches of 40 frames no faster than `fastest` (m/s), as training takes them; a second time without standing.
    """
    clips, _ = steady(read_clips(paths, frame_rate=FRAME_RATE)[0])
    stretches = [part for clip in clips for part in windows(clip.positions, WINDOW // 2)]
    speeds = np.array([np.linalg.norm(np.diff(part[:, 0, :2], axis=0), axis=-1).mean() * FRAME_RATE
                       for part in stretches])
    figures = {}
    for name, chosen in (("all", speeds <= fastest), ("moving", (speeds <= fastest) & (speeds > MOVING))):
        parts = [stretches[i] for i in np.flatnonzero(chosen)]
        if not parts:
            raise SystemExit(f"benchmark: no stretch of the clips is {name} and no faster than {fastest:g} m/s")
        slide = 100 * np.concatenate([foot_slide(part, TOE_HEIGHT) for part in parts])
        figures[name] = {"slide_mean_cm_s": round(float(slide.mean()), 2),
                         "slide_median_cm_s": round(float(np.median(slide)), 2),
                         "feet_down": round(len(slide) / sum(map(len, parts)), 2),
                         "jerk_m_s3": round(float(np.mean([mean_jerk(part) for part in parts])), 2)}
    return figures


MEASURES = {"step": step, "sampling": sampling, "density": density, "conditional": conditional, "walks": walks,
            "locomotion": locomotion, "rig": rig, "posing": posing}

if __name__ == "__main__":
    status = main()
    if "bpy" in sys.modules:  # which may wait for ever when Python ends
        sys.stdout.flush()
        os._exit(status)
    raise SystemExit(status)
