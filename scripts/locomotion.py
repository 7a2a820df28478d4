# SPDX-License-Identifier: Apache-2.0
"""The benchmark's walks: a model beside motion matching on the same clips, and both beside the capture itself.

Everyone walks to the same random targets. What generated motion is compared with are clips that neither has seen: those
that training holds out. Slide, jerk and likeness are of motion between 0.3 and 2 m/s, as both walk.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

import drmm_engine as drmm
from drmm_engine.body.rotations import Array
from drmm_engine.metrics import motion as figures
from drmm_engine.metrics.samples import precision_recall, wasserstein
from drmm_engine.metrics.walks import Walk, Walker, errand, follow
from drmm_engine.metrics.windows import described, sampled
from drmm_engine.motion.contacts import contacts
from drmm_engine.motion.controller import walk
from drmm_engine.motion.directions import Target
from drmm_engine.motion.features import FRAME_RATE, WINDOW
from drmm_engine.motion.footlock import locked
from drmm_engine.motion.rest import rest_of
from drmm_engine.motion.room import Ceiling, Keep
from drmm_engine.motion.skeleton import TOES
from training import common
from training import locomotion as recipe
from training.motion import read_motion

from . import motion_matching

SPEEDS = (0.3, 2.0)  # m/s of the capture's windows that walks are compared with
WINDOWS = 2000  # at most, of each side
LEAST = 300  # windows that are held out; where there are fewer, all clips are compared with, which matching plays
NEIGHBOURS = 5
LIMIT, BOWED = 1.2, 1.0  # metres of the head-height limit, and seconds that bowing under it may take from the start
PACES = (0.6, 1.0)  # m/s over the straight way that arrivals ask for
START_UP = 1.5  # seconds for the first step and turn
ON_TIME = 5  # frames
GRACE = 2.0  # seconds after the last time until which a walk with times goes on
SHORT = 30.0  # seconds, at most, of the walks with times and of those under the limit


@dataclass(frozen=True)
class Subject:
    """Who walks: a walker of each seed, perhaps one that keeps to a room, on a body `rest` `[20, 3]`."""

    name: str
    walker: Callable[..., Walker]
    rest: Array

    @property
    def standing(self) -> float:
        """Height of a toe joint that stands, metres."""
        return float(self.rest[TOES, 2].mean())


@dataclass(frozen=True)
class Capture:
    """Windows `[n, 40, 20, 3]` trained on and held out, at a walk."""

    trained: Array
    held: Array


def locomotion_arguments(p: argparse.ArgumentParser) -> None:
    """The options of this measurement alone."""
    p.add_argument("--seconds", type=float, default=60.0, help="locomotion: of each walk (60)")


def locomotion(options: argparse.Namespace) -> dict:
    """Walks of a model and of motion matching, and the capture, against the bars; needs --clips that it is made of."""
    if not options.clips:
        raise SystemExit("benchmark: locomotion needs --clips, those of the model's training")
    model = drmm.load(options.model)
    motion = read_motion(options.clips)
    kept, held = recipe.split_clips(motion.clips, common.recipe("locomotion")["held_out"], 0)
    capture = captured(motion.clips, kept, held)
    base = motion_matching.database(kept)
    subjects = [Subject("model", lambda seed, keep=(): models_walker(model, seed, keep), rest_of(model)),
                Subject("matching", lambda seed: lambda targets, seconds: motion_matching.walk(base, targets, seconds),
                        motion.rest)]
    results: dict = {"seeds": options.walks, "seconds": options.seconds,
                     "capture": of_capture(capture, subjects[1].standing)}
    for subject in subjects:
        results[subject.name] = of_subject(subject, capture, range(options.walks), options.seconds)
    results["model"] |= under_limit(subjects[0], range(options.walks), options.seconds)
    results["model"] |= as_keys(options.model)
    results["verdicts"] = table(results)
    return {"locomotion": results}


def captured(clips: Sequence[Array], kept: Sequence[Array], held: Sequence[Array]) -> Capture:
    """Windows at a walk: of the clips trained on, and of those held out or, where they are too few, of all."""
    rng = np.random.default_rng(0)
    trained, apart = (sampled(each, WINDOWS, rng, SPEEDS) if each else np.zeros((0, WINDOW)) for each in (kept, held))
    if len(apart) < LEAST:
        apart = sampled(clips, WINDOWS, rng, SPEEDS)
    if not len(apart):
        raise SystemExit("benchmark: no second of the clips is at a walk, 0.3 to 2 m/s")
    return Capture(trained, apart)


def models_walker(model: drmm.Model, seed: int, keep: Sequence[Keep] = ()) -> Walker:
    """A model's walker of one seed."""
    return lambda targets, seconds: walk(model, targets, seconds, seed=seed, keep=keep)


def of_subject(subject: Subject, capture: Capture, seeds: range, seconds: float) -> dict:
    """All figures of one walker's walks."""
    begin, walks = time.process_time(), []
    for seed in seeds:
        walks.append(follow(subject.walker(seed), errand(seed, seconds), seconds))
        print(f"{subject.name} {seed}: {len(walks[-1].times)} targets", file=sys.stderr, flush=True)
    made = time.process_time() - begin
    begin = time.process_time()
    feet = [lock(each, subject) for each in walks]
    lock_time = time.process_time() - begin
    frames = sum(len(each.positions) for each in walks)
    return {
        "targets_per_minute": _mean([60 * len(each.times) / seconds for each in walks]),
        "longest_s": _round(max(each.longest for each in walks)),
        "detour": _round(np.median([each.detour for each in walks])),
        **of_motion([each.positions for each in walks], capture.held, subject.standing),
        "depth_cm": _depth([each.positions for each in walks], subject.standing),
        **of_feet(feet, capture.held, subject),
        "frozen_s": _round(max(figures.longest_still(each.positions) for each in walks)),
        "broken_frames": int(sum(figures.broken(each.positions, subject.rest).sum() for each in walks)),
        **likeness([each.positions for each in walks], capture),
        **arrivals(subject, seeds, seconds),
        "frames_per_second": _round(frames / made, 0), "with_lock": _round(frames / (made + lock_time), 0),
    }  # fmt: skip


def of_motion(parts: Sequence[Array], held: Array, standing: float) -> dict:
    """Slide (cm/s), jerk (m/s³) and acceleration (m/s²) of motions, and how far theirs are from the held-out capture's:
    W₁ over the capture's mean."""
    slide = 100 * np.concatenate([figures.foot_slide(part, standing) for part in parts])
    out = {"slide_mean_cm_s": _mean(slide), "slide_median_cm_s": _round(np.median(slide)),
           "feet_down": _round(len(slide) / sum(map(len, parts)))}
    for name, measure in (("jerk", figures.jerks), ("acceleration", figures.accelerations)):
        own, captures = (np.concatenate([measure(part).ravel() for part in each]) for each in (parts, held))
        out[name] = [_round(q, 1) for q in (own.mean(), *np.percentile(own, (50, 95, 99)))]
        out[f"{name}_distance"] = _round(wasserstein(own, captures) / captures.mean())
    return out


def of_capture(capture: Capture, standing: float) -> dict:
    """The same of the held-out capture; distances and likeness are those of what was trained on from it."""
    own = of_motion(list(capture.held), capture.held, standing)
    trained = of_motion(list(capture.trained), capture.held, standing)
    own |= {name: trained[name] for name in ("jerk_distance", "acceleration_distance")}
    return own | {"depth_cm": _depth(list(capture.held), standing), **_compared(capture.trained, capture.held)}


def lock(each: Walk, subject: Subject) -> tuple[Array, Array]:
    """Positions whose feet hold, and which feet `[F, 2]` those are."""
    feet = each.contacts if each.contacts is not None else contacts(each.positions, subject.standing)
    return locked(each.positions, feet, subject.rest), feet


def of_feet(feet: Sequence[tuple[Array, Array]], held: Array, subject: Subject) -> dict:
    """Slide (cm/s) after the feet are locked, of low toes and of feet in contact, depth (cm) and jerk (m/s³)."""
    positions = [part for part, _ in feet]
    low = 100 * np.concatenate([figures.foot_slide(part, subject.standing) for part in positions])
    held_still = 100 * np.concatenate([_contact_speed(*each) for each in feet])
    return {"locked_slide_mean_cm_s": _mean(low), "locked_slide_median_cm_s": _round(np.median(low)),
            "locked_contact_cm_s": _mean(held_still), "locked_depth_cm": _depth(positions, subject.standing),
            "locked_jerk": of_motion(positions, held, subject.standing)["jerk"]}


def _contact_speed(positions: Array, feet: Array) -> Array:
    speed = FRAME_RATE * np.linalg.norm(np.diff(positions[:, TOES, :2], axis=0), axis=-1)
    return speed[feet[1:] & feet[:-1]]


def _depth(parts: Sequence[Array], standing: float) -> float:
    return _round(100 * max(figures.foot_depth(part, standing).max() for part in parts))


def likeness(parts: Sequence[Array], capture: Capture) -> dict:
    """Precision and recall of windows of generated motion against as many held-out ones."""
    return _compared(sampled(parts, len(capture.held), np.random.default_rng(0)), capture.held)


def _compared(samples: Array, held: Array) -> dict:
    count = min(len(samples), len(held))
    found = precision_recall(described(samples[:count]), described(held[:count]), NEIGHBOURS)
    return {name: round(found[name], 3) for name in ("precision", "recall")} | {"windows": count}


def arrivals(subject: Subject, seeds: range, seconds: float) -> dict:
    """Share of targets with a time that are reached within five frames of it, and how far off (frames) the middle is.

    Times ask for 0.6 to 1 m/s along the straight way between the targets, and a second and a half for the start.
    """
    off, seconds = [], min(seconds, SHORT)
    for seed in seeds:
        targets = timed(errand(seed, seconds), np.random.default_rng(seed))
        targets = targets[: max(1, sum((target.arrive or 0.0) < seconds for target in targets))]
        walked = follow(subject.walker(seed), targets, (targets[-1].arrive or 0.0) + GRACE)
        late = [time - (target.arrive or 0.0) for time, target in zip(walked.times, targets, strict=False)]
        off += [FRAME_RATE * each for each in late] + [np.inf] * (len(targets) - len(late))
    frames = np.abs(off)
    return {"on_time": round(float((frames <= ON_TIME + 1e-6).mean()), 3), "off_frames": _round(np.median(frames), 1)}


def timed(targets: Sequence[Target], rng: np.random.Generator) -> list[Target]:
    """Targets that are each to be reached at a time."""
    places = np.array([(0.0, 0.0), *(target.position for target in targets)])
    ways = np.array([float(np.linalg.norm(b - a)) for a, b in pairwise(places)])
    times = START_UP + np.cumsum(ways / rng.uniform(*PACES, len(ways)))
    return [replace(target, arrive=float(when)) for target, when in zip(targets, times, strict=True)]


def under_limit(subject: Subject, seeds: range, seconds: float) -> dict:
    """Share of frames, after the first second, in which no joint is above 1.2 m, and targets a minute meanwhile."""
    held, reached, seconds = [], 0, min(seconds, SHORT)
    for seed in seeds:
        walked = follow(subject.walker(seed, (Ceiling(LIMIT),)), errand(seed, seconds), seconds)
        held.append(walked.positions[round(BOWED * FRAME_RATE):, :, 2].max(axis=1) <= LIMIT)
        reached += len(walked.times)
    return {"under_limit": round(float(np.concatenate(held).mean()), 4),
            "under_limit_targets": _round(60 * reached / seconds / len(seeds))}


def as_keys(model: str | None) -> dict:
    """What it takes until a walk of 300 frames is keys in Blender; nothing where there is no bpy module."""
    if importlib.util.find_spec("bpy") is None:
        return {}
    from . import takes  # where Blender is

    return takes.written(model)


def table(results: dict) -> list[list]:
    """Prints the bars, the figures and whether they are met; [what, bar, value, met] of each."""
    own, other, capture = results["model"], results["matching"], results["capture"]
    slide = 1.3 * capture["slide_mean_cm_s"]
    rows = [
        ("targets a minute", f">= {other['targets_per_minute']}", own["targets_per_minute"],
         own["targets_per_minute"] >= other["targets_per_minute"]),
        ("path over the shortest", "<= 1.15", own["detour"], own["detour"] <= 1.15),
        ("arrivals within 5 frames", ">= 0.95", own["on_time"], own["on_time"] >= 0.95),
        ("slide, cm/s", f"<= {slide:.1f}", own["slide_mean_cm_s"], own["slide_mean_cm_s"] <= slide),
        ("slide with locked feet, cm/s", "< 1", own["locked_slide_mean_cm_s"], own["locked_slide_mean_cm_s"] < 1),
        ("the same of feet in contact, cm/s", "< 1", own["locked_contact_cm_s"], own["locked_contact_cm_s"] < 1),
        ("deepest foot with locked feet, cm", "<= 1", own["locked_depth_cm"], own["locked_depth_cm"] <= 1),
        *[(f"{name}, 95 and 99 %", f"<= {capture[name][2:]}", own[name][2:],
           own[name][2] <= capture[name][2] and own[name][3] <= capture[name][3]) for name in ("jerk", "acceleration")],
        ("longest at a stand, s", "<= 2", own["frozen_s"], own["frozen_s"] <= 2),
        ("broken frames", "0", own["broken_frames"], own["broken_frames"] == 0),
        ("precision", f">= {other['precision'] - 0.05:.3f}", own["precision"],
         own["precision"] >= other["precision"] - 0.05),
        ("recall", f">= {other['recall']}", own["recall"], own["recall"] >= other["recall"]),
        ("frames under 1.2 m", ">= 0.99", own["under_limit"], own["under_limit"] >= 0.99),
        ("frames/s with locked feet", ">= 200", own["with_lock"], own["with_lock"] >= 200),
    ]
    if "take_s" in own:
        rows += [("frames/s with keys written", ">= 200", own["keyed_frames_per_second"],
                  own["keyed_frames_per_second"] >= 200),
                 ("a take of 300 frames, s", "< 2", own["take_s"], own["take_s"] < 2)]
    print(f"{'':36}{'bar':>20}{'model':>20}")
    for what, bar, value, met in rows:
        print(f"{what:36}{bar:>20}{value!s:>20}  {'met' if met else 'missed'}")
    sides = ("model", "matching", "capture")
    print("\n" + " " * 28 + "".join(f"{side:>30}" for side in sides))
    for name in own:
        print(f"{name:28}" + "".join(f"{results[side].get(name, '')!s:>30}" for side in sides))
    return [[what, bar, value, bool(met)] for what, bar, value, met in rows]


def _mean(values: Sequence[float] | Array) -> float:
    return _round(np.mean(values)) if len(values) else 0.0


def _round(value: float, digits: int = 2) -> float:
    return round(float(value), digits)
