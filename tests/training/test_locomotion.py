# SPDX-License-Identifier: Apache-2.0
"""Training on clips, from files to a model that walks: locomotion and poses."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

import drmm_engine as drmm
from drmm_engine.motion.controller import Target, walk
from drmm_engine.motion.layout import Layout
from drmm_engine.motion.posing import sample_poses
from tests.gait import walk_clip, write_gait_bvh
from tests.motion.locomotion import gait_model
from training import locomotion, motion, pose


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    write_gait_bvh(folder / "straight.bvh", 6.0)
    write_gait_bvh(folder / "left.bvh", 6.0, turn_rate=0.7)
    write_gait_bvh(folder / "slow.bvh", 5.0, speed=0.7)
    with zipfile.ZipFile(folder / "zip.zip", "w") as archive:
        archive.write(folder / "slow.bvh", "slow.bvh")
    (folder / "slow.bvh").unlink()
    (folder / "broken.bvh").write_text("HIERARCHY\nROOT Hips\n{\n")
    return folder


def test_folders_and_zips_become_a_model_that_walks(clips, tmp_path, capsys):
    out = tmp_path / "m.drmm.safetensors"
    status = locomotion.main([str(clips), "--out", str(out), "--layers", "2", "--components", "32", "--copies", "1",
                              "--iterations", "30", "--walks", "1", "--licence", "own", "--json"])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    results = json.loads(printed.out.splitlines()[-1])
    assert "left out" in printed.err and "broken.bvh" in printed.err
    model = drmm.load(out)
    assert model.schema.names == Layout(contacts=True).names and Layout.of(model.features) == Layout(contacts=True)
    assert model.data["licence"] == "own" and model.data["clips"] == 3
    assert results["walks"]["walks"] == 1 == model.metrics["walks"]["walks"]
    assert next(walk(model, [Target((2.0, 0.0))], candidates=16)).positions.shape == (5, 20, 3)
    assert not list(tmp_path.glob("*.checkpoint"))


def test_styles_of_some_clips_become_a_stream_that_walks_ask_for(clips, tmp_path):
    table, out = tmp_path / "styles.csv", tmp_path / "m.drmm.safetensors"
    table.write_text("file,style\nstraight.bvh,proud\nleft.bvh,shy\n")
    assert locomotion.main([str(clips), "--out", str(out), "--layers", "2", "--components", "16", "--copies", "0",
                            "--iterations", "20", "--walks", "0", "--starts", "1", "--styles", str(table)]) == 0
    model = drmm.load(out)
    assert Layout.of(model.features) == Layout(True, ("proud", "shy"))
    block = next(walk(model, [Target((2.0, 0.0), style="shy")], candidates=16))
    assert np.isfinite(block.positions).all()


def test_training_goes_on_from_a_model_without_contacts(clips, tmp_path):
    before, out = tmp_path / "before.drmm.safetensors", tmp_path / "m.drmm.safetensors"
    plain = gait_model((24, 16))
    plain.save(before)
    assert locomotion.main([str(clips), "--out", str(out), "--begin", str(before), "--copies", "0", "--iterations", "5",
                            "--learning-rate", "1e-5", "--walks", "0"]) == 0
    model = drmm.load(out)
    assert model.schema.names == Layout(contacts=True).names
    assert [layer.components for layer in model.layers] == [24, 16]
    np.testing.assert_allclose(model.layers[0].mean[:, :487], plain.layers[0].mean, atol=1e-3)
    assert np.ptp(model.layers[0].mean[:, 487:]) > 0.1


def test_training_goes_on_from_a_locomotion_model_only(clips, tmp_path, capsys):
    other = tmp_path / "pose.drmm.safetensors"
    replace(gait_model((8,)), features={"kind": "pose"}).save(other)
    arguments = [str(clips), "--out", str(tmp_path / "m.drmm.safetensors"), "--begin", str(other), "--copies", "0"]
    assert locomotion.main(arguments) == 2
    assert "a locomotion model is needed" in capsys.readouterr().err


def test_poses_of_clips_become_a_model_that_poses(clips, tmp_path):
    out = tmp_path / "p.drmm.safetensors"
    assert pose.main([str(clips), "--out", str(out), "--layers", "2", "--components", "16", "--iterations", "20"]) == 0
    model = drmm.load(out)
    assert model.features["kind"] == "pose" and len(model.schema.names) == 58
    assert sample_poses(model, {"LeftHand": (0.3, 0.3, 1.2)}, count=8).error.min() < 0.01


@pytest.mark.parametrize(("arguments", "said"), [
    (["nowhere"], "nowhere"),
    (["CLIPS", "--copies", "-1"], "--copies must not be negative"),
    (["CLIPS", "--starts", "-1"], "--starts must not be negative"),
    (["CLIPS", "--fastest", "0.01"], "no motion is slower"),
    (["CLIPS", "--mapping", "absent.csv"], "absent.csv"),
])
def test_bad_input_is_one_line_and_writes_nothing(clips, tmp_path, capsys, arguments, said):
    arguments = [str(clips) if a == "CLIPS" else a for a in arguments]
    assert locomotion.main([*arguments, "--out", str(tmp_path / "m.drmm.safetensors")]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("python -m training")]
    assert len(lines) == 1 and said in lines[0]
    assert not list(tmp_path.iterdir())


def test_copies_multiply_windows_and_fast_motion_is_left_out():
    clip, rng = walk_clip(4.0), np.random.default_rng(0)
    plain = sum(map(len, motion.training_windows([clip], 0, rng)))
    assert plain == 2 * (len(clip) - 39)
    assert sum(map(len, motion.training_windows([clip], 2, rng))) > 2.5 * plain
    mixed = [clip, walk_clip(4.0, speed=2.0)]
    assert sum(map(len, motion.training_windows(mixed, 0, rng, fastest=1.6))) == plain


def test_the_start_is_standing_where_there_is_any():
    standing = walk_clip(3.0, speed=0.0)
    start = motion.start_history([walk_clip(3.0), standing])
    assert np.linalg.norm(start[-1, 0, :2] - start[0, 0, :2]) < 0.02
