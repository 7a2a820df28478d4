# SPDX-License-Identifier: Apache-2.0
"""What the report of clips says, of gaits whose speeds, turns and steps are known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from drmm_engine.motion import write_bvh
from drmm_engine.motion.clip_report import SPAN, clip_report, lines, summary
from drmm_engine.motion.dataset import Motion, read_motion
from tests.gait import walk, write_gait_bvh


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name, seconds, speed, turn in (("left", 4.0, 1.0, 1.2), ("straight", 4.0, 1.0, 0.0), ("still", 2.0, 0.0, 0.0),
                                       ("blink", 0.5, 1.0, 0.0)):
        write_gait_bvh(folder / f"{name}.bvh", seconds, speed=speed, turn_rate=turn)
    clip = walk(3.0)
    places = clip.local_positions.copy()
    places[45:, 0] += (3.0, 0.0, 0.0)  # the marker set was lost here
    write_bvh(replace(clip, local_positions=places), folder / "jump.bvh")
    (folder / "broken.bvh").write_text("nothing\n")
    return read_motion([str(folder)], styles="folders")


def test_speeds_turns_and_feet_are_those_of_the_gait(motion):
    clips = [motion.clips[motion.names.index(name)] for name in ("left", "straight", "still")]
    report = clip_report(Motion(["left", "straight", "still"], clips, motion.rest))
    spans = 2 * (120 - SPAN) + 60 - SPAN
    assert report["standing"] == pytest.approx((60 - SPAN) / spans, abs=0.01)
    assert report["left"] == pytest.approx((120 - SPAN) / spans, abs=0.05) and report["right"] == 0.0
    assert report["speed_m_s"]["50"] == pytest.approx(1.0, abs=0.08)
    assert report["turn_deg_s"]["75"] == pytest.approx(np.degrees(1.2), abs=12)
    assert report["no_foot_down"] < 0.02 and 0.5 < report["left_foot_down"] < 0.85
    assert report["frames"] == 300 and report["minutes"] == pytest.approx(10 / 60, abs=0.01)


def test_every_frame_and_file_is_used_or_dropped_for_a_reason(motion):
    report = clip_report(motion)
    clips = {clip["name"]: clip for clip in report["clips"]}
    assert clips["straight"]["dropped"] == "" and clips["straight"]["frames"] == 120
    assert "its 15 frames are fewer than the 40" in clips["blink"]["dropped"]
    assert "frames around a jump are dropped" in clips["jump"]["dropped"]
    assert clips["jump"]["frames"] < 46 and 90 - clips["jump"]["frames"] + 15 == report["dropped_frames"]
    assert [each["source"].split("/")[-1] for each in report["left_out"]] == ["broken.bvh"]
    assert json.loads(json.dumps(report)) == report


def test_the_lines_name_what_is_left_out_and_no_more_than_asked(motion):
    report = clip_report(motion)
    text = "\n".join(lines(report))
    assert "\nleft out: broken.bvh, line 1" in text and "\nblink: its 15 frames" in text
    assert lines(report, shown=1)[-1] == "and 2 more"
    assert all(len(line) <= 36 for line in summary(report)) and "left out: 1 clip" in summary(report)
