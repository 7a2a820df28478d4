# SPDX-License-Identifier: Apache-2.0
"""Learn to Walk from one's own clips: files and this file's Actions, report, licence, cancel, and what is refused."""

import os
import time
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_addon import models
from blender_addon.background import watch
from blender_addon.data import learn, licences
from drmm_engine.motion.controller import Target, walk
from tests import gait as gaits

TIME = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two short walks in a folder of styles."""
    made = tmp_path_factory.mktemp("clips")
    for name, speed in (("calm", 0.9), ("brisk", 1.4)):
        (made / name).mkdir()
        gaits.write_gait_bvh(made / name / f"{name}.bvh", 2.0, speed=speed)
    return made


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A walk of which learning takes so long that nobody is quicker than Cancel."""
    made = tmp_path_factory.mktemp("long")
    gaits.write_gait_bvh(made / "long.bvh", 120.0)
    return made


@pytest.fixture
def data(scene):
    """The settings of the scene, and no process left behind."""
    settings = scene.drmm.data
    settings.licence = "OWN"
    yield settings
    watch.stop_all()
    learn.forget()


@pytest.fixture
def walker(scene, folder):
    """An armature that an Action walks."""
    bpy.ops.import_anim.bvh(filepath=str(folder / "calm" / "calm.bvh"), global_scale=0.01, target="ARMATURE")
    armature = scene.drmm.armature = bpy.context.object
    return armature


def until(condition):
    end = time.monotonic() + TIME
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_clips_and_actions_become_the_walk_model_with_a_report(scene, data, walker, folder, tmp_path):
    data.folder, data.use_actions, data.styles, data.source = str(folder), True, "FOLDERS", "my studio"
    walker.name = "My Own Rig"
    for number, row in enumerate(walker.drmm.mapping):  # by the panel's mapping, not by name
        walker.data.bones[row.joint].name = row.bone = f"b{number}"
    frame, action = scene.frame_current, walker.animation_data.action
    out = tmp_path / "own.drmm.safetensors"
    assert bpy.ops.drmm.learn_to_walk(path=str(out)) == {"FINISHED"}
    assert scene.frame_current == frame and walker.animation_data.action == action
    assert scene.drmm.walk_model == str(out) and os.listdir(tmp_path) == [out.name]
    model = models.load(str(out), "locomotion")
    assert model.data["licence"] == "My own, unrestricted" and model.data["source"] == "my studio"
    assert "Licence: My own, unrestricted" in models.known(str(out), "locomotion").lines
    assert next(walk(model, [Target((2.0, 0.0))], candidates=16)).positions.shape == (5, 20, 3)
    report = learn.job().facts["report"]
    assert {Path(clip["source"]).parts[-2:] for clip in report["clips"]} == {
        ("calm", "calm.bvh"), ("brisk", "brisk.bvh"), ("Actions.blend", "calm")}
    assert set(report["styles"]) == {"calm", "brisk", "this file"} and not report["left_out"]
    assert bpy.ops.drmm.report_clips() == {"FINISHED"}
    assert "3 clips, 180 frames" in bpy.data.texts[learn.TEXT].as_string()


def test_an_action_is_the_same_motion_as_its_file(scene, data, walker, folder):
    """Both become one body's positions: the same, but for where Blender put frame 1."""
    from drmm_engine.motion import blender
    from drmm_engine.motion.library import read_clips

    file = folder / "actions.blend"
    bpy.data.libraries.write(str(file), {walker, walker.animation_data.action}, fake_user=True)
    fps = scene.render.fps / scene.render.fps_base
    clips, refusals = read_clips([file], None, 30.0, lambda path: blender.clips(bpy, path, rate=fps))
    file.unlink()
    truth, _ = read_clips([folder / "calm" / "calm.bvh"])
    assert not refusals and len(clips) == 1
    np.testing.assert_allclose(clips[0].positions, truth[0].positions, atol=1e-4)


def test_it_runs_beside_blender_tells_how_far_and_is_cancelled(scene, data, long, tmp_path):
    data.folder = str(long)
    job = learn.begin(scene, str(tmp_path / "model"))
    with pytest.raises(RuntimeError, match="being learned already"):
        bpy.ops.drmm.learn_to_walk()
    assert until(lambda: watch.tick() is not None and job.fraction > 0 and "summary" in job.facts)
    assert not job.over and scene.drmm.walk_model == ""
    assert bpy.ops.drmm.cancel_learning_to_walk() == {"FINISHED"}
    assert job._process.poll() is not None and not job.folder.exists() and not os.listdir(tmp_path)
    assert job.text == "Cancelled" and not job.error
    with pytest.raises(RuntimeError, match="No walk is being learned"):
        bpy.ops.drmm.cancel_learning_to_walk()


def test_the_model_is_chosen_when_it_is_there(scene, data, folder, tmp_path):
    data.folder = str(folder)
    job = learn.begin(scene, str(tmp_path / "model"))
    assert until(lambda: watch.tick() is None) and not job.error and job.fraction == 1.0
    assert scene.drmm.walk_model == str(tmp_path / "model")


def test_killed_half_way_nothing_is_written_and_one_line_says_so(scene, data, long, tmp_path):
    data.folder = str(long)
    job = learn.begin(scene, str(tmp_path / "model"))
    assert until(lambda: job.look() and job.fraction > 0)
    job._process.kill()
    assert until(lambda: watch.tick() is None)
    assert "learning ended early" in job.error and "\n" not in job.error and not os.listdir(tmp_path)


@pytest.mark.parametrize(("given", "said"), [
    ({"licence": "NONE"}, "under which licence"),
    ({"licence": "OTHER"}, "under which licence"),
    ({"licence": "BY"}, "makers of the clips are named"),
    ({"folder": ""}, "nothing to learn from"),
    ({"folder": "/no such folder"}, "there is no file or folder"),
    ({"use_actions": True}, "choose the armature"),
    ({"styles": "TABLE"}, "choose the table of styles"),
    ({"styles": "TABLE", "table": "/gone.csv"}, "table of styles '/gone.csv' is not there"),
    ({"mapping": "/gone.csv"}, "table of joint names '/gone.csv' is not there"),
])
def test_what_cannot_begin_is_refused_in_one_line(scene, data, folder, given, said):
    data.folder = str(folder)
    for name, value in given.items():
        setattr(data, name, value)
    with pytest.raises(RuntimeError) as refusal:
        bpy.ops.drmm.learn_to_walk()
    assert said in str(refusal.value).lower() and len(str(refusal.value).strip().splitlines()) == 1
    assert learn.job() is None


def test_an_armature_that_nothing_moves_is_told_of(scene, data, walker):
    walker.animation_data_clear()
    for action in list(bpy.data.actions):
        action["drmm_take"] = "made by the add-on"
    data.use_actions = True
    with pytest.raises(RuntimeError, match="No Action in this file moves the bones of"):
        bpy.ops.drmm.learn_to_walk()


def test_clips_that_are_of_no_use_end_it_with_the_reason(scene, data, tmp_path):
    gaits.write_gait_bvh(tmp_path / "blink.bvh", 0.5)
    data.folder = str(tmp_path)
    with pytest.raises(RuntimeError, match="shorter than a window"):
        bpy.ops.drmm.learn_to_walk(path=str(tmp_path / "model"))
    assert learn.job().facts["report"]["clips"][0]["dropped"]
    (tmp_path / "blink.bvh").write_text("HIERARCHY\n")
    with pytest.raises(RuntimeError, match="No clip to train on .* blink.bvh, line"):
        bpy.ops.drmm.learn_to_walk(path=str(tmp_path / "model"))
    assert sorted(os.listdir(tmp_path)) == ["blink.bvh"]


@pytest.mark.parametrize("path", ["missing/model", "read only/model"])
def test_a_model_that_cannot_be_written_is_refused_at_once(scene, data, folder, tmp_path, monkeypatch, path):
    data.folder = str(folder)
    (tmp_path / "read only").mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever runs this may write anywhere
    with pytest.raises(RuntimeError, match="Nothing can be written into the folder"):
        bpy.ops.drmm.learn_to_walk(path=str(tmp_path / path))
    assert learn.job() is None


def test_licences_say_what_they_ask():
    assert licences.said("OWN", "", "") == "My own, unrestricted"
    assert licences.said("OTHER", " by contract 12 ", "") == "by contract 12"
    assert licences.said("BY_NC", "", "Studio") == "CC BY-NC 4.0"
