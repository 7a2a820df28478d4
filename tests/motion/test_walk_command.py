# SPDX-License-Identifier: Apache-2.0
"""python -m drmm_engine walk: a BVH file that arrives, and one line for what cannot be walked."""

import json

import numpy as np
import pytest

from drmm_engine import cli
from drmm_engine.motion import read_bvh
from drmm_engine.motion.controller import REACHED
from tests.motion.locomotion import gait_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "gait.drmm.safetensors"
    gait_model().save(path)
    return str(path)


def test_the_file_holds_a_walk_to_the_targets(model, tmp_path, capsys):
    out = tmp_path / "walk.bvh"
    assert cli.main(["walk", model, "--targets", "2.5,0 3.5,2", "--seconds", "20", "--out", str(out), "--json"]) == 0
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    clip = read_bvh(out)
    hips = clip.positions()[:, clip.joint_names.index("Hips"), :2]
    assert clip.frames == results["frames"] and clip.frame_rate == 30
    assert len(results["reached_s"]) == 2
    for place in ((2.5, 0.0), (3.5, 2.0)):
        assert np.linalg.norm(hips - place, axis=-1).min() < REACHED + 0.01


def test_the_shipped_model_walks_without_being_named(tmp_path):
    out = tmp_path / "walk.bvh"
    assert cli.main(["walk", "--targets", "2,0", "--seconds", "1", "--out", str(out)]) == 0
    assert read_bvh(out).frames == 30


def test_it_walks_as_it_is_told(model, tmp_path, capsys):
    out = tmp_path / "walk.bvh"
    told = ["--targets", "3,0@6", "--stop", "--under", "1.3", "--seconds", "15", "--json"]
    assert cli.main(["walk", model, "--out", str(out), *told]) == 0
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    clip = read_bvh(out)
    positions = clip.positions()
    head, hips = (positions[:, clip.joint_names.index(name)] for name in ("Head", "Hips"))
    assert np.mean(head[:, 2] < 1.3 + 1e-3) > 0.99
    np.testing.assert_allclose(hips[-1, :2], (3.0, 0.0), atol=0.15)  # a bent body's hips are behind its place
    assert abs(results["late_s"][0]) < 0.5


@pytest.mark.parametrize(("arguments", "said"), [
    (["--targets", "2;0"], "--targets needs places"),
    (["--targets", "2,0@soon"], "--targets needs places"),
    (["--targets", "2,0", "--style", "old"], "has no style 'old'"),
    (["--targets", ""], "no target"),
    (["--targets", "0.1,0"], "target 1 is where the character stands"),
    (["--targets", "2,0", "--seconds", "-1"], "seconds must be positive"),
    (["--targets", "2,0", "--out", "walk.fbx"], "--out must end in .bvh"),
])
def test_bad_input_is_one_line_and_writes_nothing(model, tmp_path, capsys, arguments, said):
    assert cli.main(["walk", model, "--out", str(tmp_path / "walk.bvh"), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())
