# SPDX-License-Identifier: Apache-2.0
"""Files of real programs and the capture sets: read as their lists say, and as Blender's own importer reads them."""

import csv
import warnings
from pathlib import Path

import numpy as np
import pytest

from drmm_engine.motion import read_bvh
from drmm_engine.motion.bvh import _load, _parse
from drmm_engine.motion.library import read_clips
from drmm_engine.motion.skeleton import facing, index
from drmm_engine.motion.units import detect_up
from tests.motion.bvh_files import naive_positions

DATA = (Path(__file__).parents[2] / "../shared/data").resolve()
CORPUS = DATA / "bvh-corpus"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the capture data is not here")


def rows(name):
    path = CORPUS / name
    return list(csv.DictReader(path.open(encoding="utf-8"))) if path.exists() else []


def quietly(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_bvh(path, **options)


@pytest.mark.parametrize("row", rows("manifest.csv"), ids=lambda row: row["file"])
def test_real_files_are_what_the_manifest_says(row):
    path = CORPUS / row["file"]
    clip = read_bvh(path)
    assert (len(clip.joint_names), clip.frames) == (int(row["joints"]), int(row["frames"]))
    assert clip.frame_rate == pytest.approx(1 / float(row["frame_time"]), rel=2e-4)
    assert detect_up(_parse(*_load(path))) == row["up_axis"]
    some = slice(0, None, max(1, clip.frames // 20))
    truth = naive_positions(path.read_text(encoding="utf-8-sig"))[some]
    assert np.allclose(read_bvh(path, up="Z", scale=1.0).positions()[some], truth, atol=1e-6)


@pytest.mark.parametrize("row", rows("variants.csv"), ids=lambda row: row["file"])
def test_variants_are_the_same_motion(row):
    base = quietly(CORPUS / "variants/base.bvh").positions()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        positions = read_bvh(CORPUS / row["file"]).positions()
    frames = {"variants/truncated-declares-more.bvh": 30}.get(row["file"], 48)
    assert len(positions) == frames and bool(warned) == ("declares" in row["file"])
    assert np.allclose(positions, base[:frames], atol=2e-4)


@pytest.mark.parametrize(
    ("folder", "clips", "head"),
    [
        ("bandai-namco", 739, (1.2, 1.5)),
        ("cmu-walk", 91, (1.2, 1.7)),
        ("sie-run", 46, (1.2, 1.6)),
        ("xsens-locomotion", 5, (1.5, 1.7)),
    ],
)
def test_every_clip_of_a_set_is_an_upright_person_on_the_floor(folder, clips, head):
    found, refused = read_clips(DATA / folder)
    assert len(found) == clips and not refused
    for clip in found[:: max(1, clips // 40)]:
        assert clip.frame_rate == 30 and np.all(np.isfinite(clip.positions))
        assert head[0] < np.median(clip.positions[:, index("Head"), 2]) < head[1]
        assert clip.positions[:, :, 2].min() > -0.1
        steps = np.linalg.norm(np.diff(clip.positions, axis=0), axis=-1)
        assert steps.max() * 30 < 25 and steps.mean(axis=1).max() * 30 < 12
    forward = [travel_forward(clip.positions) for clip in found]
    assert np.median(forward) > 0.7


def travel_forward(positions):
    """The part of the hips' travel that goes where the body faces."""
    steps = np.diff(positions[:, 0], axis=0) * (1, 1, 0)
    length = np.linalg.norm(steps, axis=-1).sum()
    return np.sum(steps * facing(positions[:-1])) / max(length, 1e-9)


def test_corpus_clips_of_people_are_used_and_others_refused_in_one_line():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, refused = read_clips(CORPUS)
    assert len(found) == 23
    names = {Path(refusal.source).stem for refusal in refused}
    assert names == {"non-human-sinusoid", "rotation-before-position", "two-joints"}
    assert all("no joint for" in refusal.reason and "\n" not in refusal.reason for refusal in refused)


@pytest.mark.parametrize(
    ("name", "up"),
    [
        ("mixamo-namespace", "Y"),
        ("cmu-mb-walk-crlf", "Y"),
        ("geno-stance-all-positions", "Y"),
        ("rotation-before-position", "Y"),
        ("zup-mixed-orders", "Z"),
        ("pybvh-four-orders-crlf", "Z"),
        ("makehuman-walk-zup-dm", "Z"),
    ],
)
def test_joints_are_where_blender_puts_them(name, up):
    bpy = pytest.importorskip("bpy")
    import addon_utils

    addon_utils.enable("io_anim_bvh")
    path = CORPUS / f"real/{name}.bvh"
    clip = read_bvh(path, up=up, scale=0.01)
    positions = clip.positions()
    axes = {"axis_up": "Y", "axis_forward": "-Z"} if up == "Y" else {"axis_up": "Z", "axis_forward": "Y"}
    bpy.ops.import_anim.bvh(filepath=str(path), global_scale=0.01, frame_start=1, rotate_mode="NATIVE", **axes)
    armature = bpy.context.object
    try:
        for frame in {0, 1, clip.frames // 2, clip.frames - 1}:
            bpy.context.scene.frame_set(frame + 1)
            heads = {bone.name: armature.matrix_world @ bone.head for bone in armature.pose.bones}
            for joint, joint_name in enumerate(clip.joint_names):
                assert np.allclose(heads[joint_name], positions[frame, joint], atol=2e-5), (frame, joint_name)
    finally:
        bpy.data.objects.remove(armature)
