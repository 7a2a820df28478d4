# SPDX-License-Identifier: Apache-2.0
"""Many files at once: folders, zips, refusals, T-poses before the motion, and the floor."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest

from drmm_engine.motion import write_bvh
from drmm_engine.motion.library import TOE_HEIGHT, on_floor, read_clips, without_jumps
from drmm_engine.motion.skeleton import JOINTS, index
from tests.gait import OFFSETS, walk, walk_clip, write_gait_bvh
from tests.motion.bvh_files import SMALL


def with_frames_before(clip, count):
    """The clip after frames of a T-pose at the origin, as some exporters put them."""
    tpose = np.tile(OFFSETS, (count, 1, 1))
    still = np.tile([1.0, 0, 0, 0], (count, len(JOINTS), 1))
    return replace(
        clip,
        local_positions=np.concatenate([tpose, clip.local_positions]),
        local_rotations=np.concatenate([still, clip.local_rotations]),
    )


def test_folders_zips_and_files_are_read_and_bad_files_listed(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    truth = write_gait_bvh(inner / "one.BVH", 1.0, seed=1).positions()
    write_gait_bvh(tmp_path / "two.bvh", 1.0, seed=2)
    with zipfile.ZipFile(tmp_path / "a" / "more.zip", "w") as archive:
        archive.write(tmp_path / "two.bvh", "folder/three.bvh")
        archive.writestr("folder/cut.bvh", (tmp_path / "two.bvh").read_text()[:3000])
        archive.writestr("folder/notes.txt", "no motion")
        archive.writestr("__MACOSX/._three.bvh", b"\0\0")
    (tmp_path / "tail.bvh").write_text(SMALL)
    with zipfile.ZipFile(tmp_path / "nothing.zip", "w") as archive:
        archive.writestr("notes.txt", "no motion")
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 not a zip")
    (tmp_path / "empty").mkdir()

    clips, refused = read_clips([tmp_path, tmp_path / "two.bvh", tmp_path / "empty", tmp_path / "absent.bvh"])
    assert sorted(clip.name for clip in clips) == ["one", "three", "two", "two"]
    one = next(clip for clip in clips if clip.name == "one")
    assert one.source.endswith("one.BVH") and one.frame_rate == 30
    assert np.allclose(one.positions, truth, atol=1e-5)
    reasons = {refusal.source.split("/")[-1]: refusal.reason for refusal in refused}
    assert set(reasons) == {"cut.bvh", "tail.bvh", "broken.zip", "nothing.zip", "empty", "absent.bvh"}
    assert reasons["cut.bvh"].startswith("cut.bvh, line ")
    assert "tail: no joint for Neck" in reasons["tail.bvh"] and "no clip in this folder" in reasons["empty"]
    assert all("\n" not in reason for reason in reasons.values())


def test_a_mapping_holds_for_every_file(tmp_path):
    clip = walk(0.5)
    names = tuple(f"bone {n}" for n in range(20))
    write_bvh(replace(clip, joint_names=names), tmp_path / "odd.bvh")
    assert not read_clips(tmp_path)[0]
    clips, refused = read_clips(str(tmp_path), mapping=dict(zip(JOINTS, names, strict=True)))
    assert not refused and np.allclose(clips[0].positions, clip.positions(), atol=1e-5)


@pytest.mark.parametrize("rate", [30.0, 60.0, 120.0])
def test_a_tpose_before_the_motion_is_dropped(rate, tmp_path):
    clip = replace(walk(3.0, seed=4), frame_rate=rate)
    left = without_jumps(with_frames_before(clip, 1))
    assert clip.frames - 8 < left.frames <= clip.frames
    assert np.allclose(left.positions(), clip.positions()[-left.frames :])


def test_a_teleport_keeps_the_longer_part():
    clip = walk(3.0)
    clip.local_positions[60:, 0, 0] += 3.0
    kept = without_jumps(clip)
    assert 55 <= kept.frames <= 60 and np.allclose(kept.positions(), clip.positions()[: kept.frames])


@pytest.mark.parametrize("speed", [0.0, 1.2, 2.8])
def test_motion_without_jumps_is_untouched(speed):
    clip = walk(2.0, speed=speed)
    assert without_jumps(clip) is clip


def test_nothing_but_jumps_is_refused():
    clip = replace(walk(1.0), frame_rate=3000.0)
    with pytest.raises(ValueError, match="gait: its joints move faster than 12 m/s"):
        without_jumps(clip)


@pytest.mark.parametrize("height", [-0.9, 0.0, 0.4])
def test_planted_toes_stand_on_the_floor(height):
    positions = on_floor(walk_clip(3.0) + [0, 0, height])
    toes = positions[:, [index("LeftToes"), index("RightToes")], 2].min(axis=1)
    assert np.percentile(toes, 5) == pytest.approx(TOE_HEIGHT)
    assert np.allclose(positions, walk_clip(3.0), atol=1e-3)
