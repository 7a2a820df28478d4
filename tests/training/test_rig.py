# SPDX-License-Identifier: Apache-2.0
"""training.pose of a rig: from its description and out of a .blend, and what it refuses."""

import json
import subprocess
import sys

import numpy as np
import pytest

import drmm_engine as drmm
from drmm_engine.body.poses import Variables, random_poses
from drmm_engine.body.rig import Rig
from tests.body import tiny_rig
from training import pose

QUICK = ["--rows", "1200", "--components", "4", "--iterations", "60"]


@pytest.fixture
def description(tmp_path):
    path = tmp_path / "tiny.rig.json"
    tiny_rig.rig().save(path)
    return path


def train(*arguments):
    return pose.main([str(a) for a in arguments])


@pytest.mark.parametrize("layers", [1, 2])
def test_a_description_becomes_a_model_of_the_rig_that_places_move_with_its_hips(description, tmp_path, capsys, layers):
    out = tmp_path / "m.drmm.safetensors"
    assert train(description, "--out", out, *QUICK, "--layers", layers, "--json") == 0
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    model, rig = drmm.load(out), Rig.load(description)
    assert model.features == {"kind": "rig", "effectors": [list(e) for e in rig.effectors], "heading": "hips"}
    assert model.skeleton == rig.to_json() and model.data["source"] == "random poses of tiny.rig.json"
    assert results["rows"] == 1176 and model.metrics["log_likelihood"] == pytest.approx(results["log_likelihood"])
    hips, hand = ([model.sample([drmm.Known({"pose.hips.move_x": x})], count=400, seed=0)[f"at.{end}.x"].mean()
                   for x in (-0.3, 0.3)] for end in ("hips.head", "forearm.tail"))
    assert np.allclose(hips, (-0.2, 0.4), atol=1e-3)  # the hips' head is at 0.1 at rest
    assert hand[1] - hand[0] == pytest.approx(0.6, abs=0.15)


def test_the_score_is_the_likelihood_of_poses_with_their_places(description, tmp_path):
    out = tmp_path / "m.drmm.safetensors"
    assert train(description, "--out", out, *QUICK, "--layers", 1) == 0
    model, variables = drmm.load(out), Variables.of(Rig.load(description))
    x = variables.rows(random_poses(variables.rig.joints, 500, np.random.default_rng(5)))
    own = len(variables.free)
    x[:, own:] += x[:, :own] @ variables.linear.T
    spread = model.log_prob(x).std() / np.sqrt(24)
    assert model.log_prob(x).mean() == pytest.approx(model.metrics["log_likelihood"], abs=5 * spread)


@pytest.mark.parametrize("arguments, message", [
    (["absent.rig.json"], "absent.rig.json: no such file"),
    (["a.rig.json", "b.rig.json"], "one rig at a time"),
    (["{rig}", "--rows", "1"], "--rows must be at least 2"),
    (["{rig}", "--covariance", "diagonal"], "--covariance of a rig's model must be full"),
    (["absent.blend", "--armature", "Crane"], "absent.blend: no such file"),
])  # fmt: skip
def test_what_cannot_be_learned_is_refused_in_one_line(description, tmp_path, capsys, arguments, message):
    arguments = [a.replace("{rig}", str(description)) for a in arguments]
    assert train(*arguments, "--out", tmp_path / "m.drmm.safetensors") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "m.drmm.safetensors").exists()


SCRIPT = """
import bpy, os, sys
sys.path.insert(0, {root!r})
from training import pose
data = bpy.data.armatures.new("Crane")
crane = bpy.data.objects.new("Crane", data)
bpy.context.scene.collection.objects.link(crane)
bpy.context.view_layer.objects.active = crane
bpy.ops.object.mode_set(mode="EDIT")
lower, upper = data.edit_bones.new("lower"), data.edit_bones.new("upper")
lower.head, lower.tail, upper.head, upper.tail = (0, 0, 0), (0, 0.1, 2), (0, 0.1, 2), (0, 0, 4)
upper.parent, upper.use_connect = lower, True
bpy.ops.object.mode_set(mode="OBJECT")
bpy.ops.wm.save_as_mainfile(filepath={blend!r})
common = [{blend!r}, "--out", {out!r}, "--rows", "400", "--components", "2", "--iterations", "10"]
wrong = pose.main(common + ["--armature", "Cranes"])
right = pose.main(common + ["--armature", "Crane"])
print("statuses", wrong, right, flush=True)
os._exit(0)
"""


def test_a_rig_is_read_out_of_a_blend_file(tmp_path):
    pytest.importorskip("bpy")
    blend, out = tmp_path / "crane.blend", tmp_path / "m.drmm.safetensors"
    root = str(tiny_rig.__file__).rsplit("/tests/", 1)[0]
    script = SCRIPT.format(root=root, blend=str(blend), out=str(out))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240)
    assert "statuses 2 0" in done.stdout, done.stderr[-2000:]
    assert "--armature Cranes must be one of Crane" in done.stderr
    names = drmm.load(out).schema.names
    assert any(name.startswith("pose.upper.") for name in names)
