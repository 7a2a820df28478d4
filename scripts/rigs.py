# SPDX-License-Identifier: Apache-2.0
"""The benchmark's rig: a person of 21 driven bones is learned, and random queries are answered."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import drmm_engine as drmm
from drmm_engine.body import poses
from drmm_engine.body.posing import Answers, answer
from drmm_engine.body.rig import Rig
from tests.body import humanoid

NEAR = 1e-3  # metres, or radians: what counts as met
EFFECTORS = ("hand.L", "hand.R", "foot.L", "foot.R", "head", "toe.L", "toe.R", "shin.L", "shin.R", "forearm.L",
             "forearm.R")
COUNTS = (64, 16)
STEP, STEPS = 0.01, 10  # metres that a goal is dragged from one answer to the next, and how often


def rig_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the benchmark's rig."""
    parser.add_argument("--asked", type=int, default=500, help="rig: random queries that can be met (500)")
    parser.add_argument("--learned", type=int, default=poses.COUNT, help=f"rig: random poses ({poses.COUNT:,})")


def person() -> Rig:
    """The rig: tails of hands, feet, toes, shins, forearms and head, and the hips, are effectors."""
    return Rig(humanoid.humanoid(), (("hips", "head"), *((bone, "tail") for bone in EFFECTORS)))


def rig(options: argparse.Namespace) -> dict:
    """Seconds to learn and size of the model; of random queries of 3 to 5 goals and a floor, that legal poses meet, the
    share that the first answer meets, and how long an answer takes, also while a goal is dragged."""
    described, results = person(), {}
    with tempfile.TemporaryDirectory() as folder:
        model = learned(described, options.learned, Path(folder) / "rig.drmm.safetensors", results)
    rng = np.random.default_rng(0)
    queries = [humanoid.query(described.joints, rng)[0] for _ in range(options.asked)]
    now = np.clip(0.0, described.joints.low, described.joints.high)
    answer(model, described, queries[0], now)  # the first one of a model inverts its matrices
    for count in COUNTS:
        def ask(goals: list, seed: int, count: int = count) -> Answers:
            return answer(model, described, goals, now, count, seed)

        results[f"{count} candidates"] = measured(described, queries, ask)
    results["dragged, 16 candidates"] = dragged(model, described, queries, now)
    for name, values in results.items():
        print(f"{name}: {values}")
    return {"rig": results}


def learned(described: Rig, count: int, path: Path, results: dict) -> drmm.Model:
    """The full model, as it is read back from its file."""
    begin, seconds, processor = time.monotonic(), [], time.process_time()
    for model in poses.learn(described, count=count):
        model.save(path)
        seconds.append(round(time.monotonic() - begin, 1))
    results["learning"] = {"poses": count, "first_model_s": seconds[0], "full_model_s": seconds[-1],
                           "processor_s": round(time.process_time() - processor, 1),
                           "megabytes": round(path.stat().st_size / 1e6, 2)}
    begin = time.perf_counter()
    model = drmm.load(path)
    results["loading_ms"] = round(1000 * (time.perf_counter() - begin), 1)
    return model


def measured(described: Rig, queries: list, ask: Callable[[list, int], Answers]) -> dict:
    """Shares met by the first answer, by the first eight and by all candidates, and milliseconds an answer."""
    met, wall, processor, outside = [], [], [], 0
    for seed, goals in enumerate(queries):
        begin = time.perf_counter(), time.process_time()
        answers = ask(goals, seed)
        wall.append(1000 * (time.perf_counter() - begin[0]))
        processor.append(1000 * (time.process_time() - begin[1]))
        met.append((answers.error <= NEAR).all(axis=1))
        theta, joints = answers.theta, described.joints
        outside += int(((theta < joints.low) | (theta > joints.high)).any())
    shares = {"first": np.mean([m[0] for m in met]), "first_eight": np.mean([m[:8] for m in met]), "all": np.mean(met)}
    return {"met": {name: round(float(share), 4) for name, share in shares.items()}, "beyond_limits": outside,
            **percentiles("wall", wall), **percentiles("processor", processor)}


def dragged(model: drmm.Model, described: Rig, queries: list, now: np.ndarray) -> dict:
    """The same while the first goal is moved in steps, each answer near the one before; and how far bones jump."""
    last = [now]

    def ask(goals: list, seed: int) -> Answers:
        answers = answer(model, described, goals, last[-1], 16, seed, near=last[-1])
        last.append(answers.theta[0])
        return answers

    paths = [goals for query in queries[: max(1, len(queries) // STEPS)] for goals in moved(query)]
    out = measured(described, paths, ask)
    bones = described.joints.matrices(np.stack(last[1:]))[:, :, :3, 3]
    drags = bones.reshape(-1, STEPS, *bones.shape[1:])
    jumps = np.linalg.norm(np.diff(drags, axis=1), axis=-1).mean(axis=-1)
    return out | {"jump_mm_p95": round(1000 * float(np.percentile(jumps, 95)), 1), "step_mm": 1000 * STEP}


def moved(goals: list) -> list[list]:
    """Queries whose first goal moves on by a step each."""
    point, target, name = goals[0].point, np.asarray(goals[0].target), goals[0].name
    step = STEP * (target - (0.0, 0.0, 1.0)) / np.linalg.norm(target - (0.0, 0.0, 1.0))
    return [[humanoid.At(point, target - i * step, name=name), *goals[1:]] for i in range(STEPS)]


def percentiles(name: str, milliseconds: list[float]) -> dict:
    """Median and 95th percentile."""
    return {f"{name}_ms_p{p}": round(float(np.percentile(milliseconds, p)), 1) for p in (50, 95)}
