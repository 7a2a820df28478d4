# SPDX-License-Identifier: Apache-2.0
"""The benchmark of walks on made gaits: its figures of walkers whose walks are known."""

import argparse
import importlib.util

import numpy as np
import pytest

from drmm_engine.metrics.walks import errand, follow
from drmm_engine.motion.directions import Block
from drmm_engine.motion.features import windows
from drmm_engine.motion.rest import rest_pose
from drmm_engine.motion.skeleton import TOES
from scripts import locomotion
from tests import gait
from tests.motion.locomotion import gait_model

STRAIGHT = gait.walk_clip(40.0)


def late(delay):
    """A walker that glides to each target so that it is there `delay` frames after its time."""

    def walker(targets, seconds):
        frame = 0
        for number, target in enumerate(targets):
            due = round(target.arrive * 30) + delay
            while frame < due:
                poses = np.full((5, 20, 3), 99.0)
                within = np.arange(frame + 1, frame + 6) >= due
                poses[within, 0, :2] = target.position
                frame += 5
                yield Block(poses, number, bool(within.any()))

    return walker


def subject(walker):
    return locomotion.Subject("walker", lambda seed, keep=(): walker, rest_pose(STRAIGHT))


def test_times_ask_for_a_pace_between_the_two():
    targets = locomotion.timed(errand(1, 10.0), np.random.default_rng(0))
    places = np.array([(0.0, 0.0), *(target.position for target in targets)])
    ways = np.linalg.norm(np.diff(places, axis=0), axis=1)
    pace = ways / np.diff([locomotion.START_UP, *(target.arrive for target in targets)])
    assert locomotion.PACES[0] - 1e-9 <= pace.min() < pace.max() <= locomotion.PACES[1] + 1e-9


@pytest.mark.parametrize("delay, share", [(0, 1.0), (4, 1.0), (9, 0.0), (-9, 0.0)])
def test_arrivals_are_on_time_within_five_frames(delay, share):
    found = locomotion.arrivals(subject(late(delay)), range(2), 30.0)
    assert found["on_time"] == share
    assert found["off_frames"] == pytest.approx(abs(delay), abs=1)


def test_feet_of_a_gait_are_still_before_and_after_the_lock():
    def gaits(targets, seconds):
        for start in range(0, 600, 5):
            yield Block(STRAIGHT[start : start + 5], 0, False)

    one = subject(gaits)
    assert one.standing == pytest.approx(STRAIGHT[:, TOES, 2].min(), abs=0.005)
    walked = follow(gaits, errand(0, 20.0), 20.0)
    found = locomotion.of_feet([locomotion.lock(walked, one)], windows(STRAIGHT, 40), one)
    assert found["locked_slide_median_cm_s"] < 0.5 and found["locked_depth_cm"] < 1.0, found


def test_a_motion_is_at_no_distance_from_itself_and_some_from_a_faster_one():
    held = windows(STRAIGHT, 10)
    own = locomotion.of_motion(list(held), held, gait.TOE)
    faster = locomotion.of_motion([STRAIGHT[::2]], held, gait.TOE)
    assert own["jerk_distance"] == own["acceleration_distance"] == 0.0
    assert faster["jerk_distance"] > 1.0


def test_few_held_out_windows_are_replaced_by_all_clips_and_standing_is_no_walk():
    few = locomotion.captured([STRAIGHT], [STRAIGHT[:400]], [STRAIGHT[400:500]])
    assert len(few.held) == len(windows(STRAIGHT, 2)) and len(few.trained) == len(windows(STRAIGHT[:400], 2))
    with pytest.raises(SystemExit, match="at a walk"):
        locomotion.captured([gait.walk_clip(4.0, speed=0.0)], [], [])


def test_it_prints_bars_figures_and_verdicts(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for number in range(6):
        gait.write_gait_bvh(tmp_path / f"{number}.bvh", 6.0, turn_rate=0.3 * number - 0.75, seed=number)
    gait_model((32, 32)).save(tmp_path / "model.drmm.safetensors")
    options = argparse.Namespace(model=tmp_path / "model.drmm.safetensors", clips=[str(tmp_path)], walks=1, seconds=5.0)
    results = locomotion.locomotion(options)["locomotion"]
    said = capsys.readouterr().out
    assert {row[0] for row in results["verdicts"]} <= {line[:36].strip() for line in said.splitlines()}
    for side in ("model", "matching"):
        assert 0 <= results[side]["precision"] <= 1 and results[side]["slide_mean_cm_s"] > 0
    assert results["capture"]["jerk_distance"] < results["model"]["jerk_distance"] + 1
