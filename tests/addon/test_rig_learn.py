# SPDX-License-Identifier: Apache-2.0
"""Rigs learned by a process of their own: models, news, errors, and what is left when it is stopped."""

import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_addon import rig as rigging
from blender_addon.background import job as jobs
from blender_addon.background import watch, worker
from blender_addon.rig import learn, learned, task
from drmm_engine.body.posing import answer
from drmm_engine.body.rig import Rig
from tests.addon import rigs
from tests.addon.test_rig_limits import chain

FOREVER = 5_000_000
TIME = 60.0


@pytest.fixture
def crane(scene):
    """A rig of three bones, its list filled, chosen in the panel."""
    armature = scene.drmm.armature = chain([1.0, 1.0, 0.5])
    rigging.find(armature)
    yield armature
    watch.stop_all()
    learned.clear()


def until(condition):
    """Wait for a condition; whether it came true."""
    end = time.monotonic() + TIME
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_learn_rig_makes_a_model_of_the_rig_and_chooses_it(crane, tmp_path):
    out = tmp_path / "crane.drmm.safetensors"
    assert bpy.ops.drmm.learn_rig(count=2000, path=str(out)) == {"FINISHED"}
    assert crane.drmm.rig.model == str(out) and rigging.known_model(crane)
    model = rigging.model(crane)
    assert model.features["kind"] == "rig"
    rigging.check_fits(crane, rigging.read(crane), model)
    assert Rig.from_json(model.skeleton).joints.names == rigging.read(crane).joints.names
    assert os.listdir(tmp_path) == [out.name]
    draw = model.sample([], count=8, seed=0)
    assert np.isfinite(draw.values).all()


def test_two_rigs_are_learned_at_once_and_news_come(crane, tmp_path):
    other = chain([1.0, 0.5], name="Other")
    rigging.find(other)
    both = [rigging.begin(crane, 2000, path=str(tmp_path / "a")), rigging.begin(other, 2000, path=str(tmp_path / "b"))]
    with pytest.raises(ValueError, match="'Crane' is being learned already"):
        rigging.begin(crane)
    fractions = []

    def over():
        fractions.append(both[0].fraction)
        return watch.tick() is None

    assert until(over) and not both[0].error and not both[1].error
    assert fractions == sorted(fractions) and both[0].fraction == 1.0
    assert [Path(rig.drmm.rig.model).name for rig in (crane, other)] == ["a", "b"]
    assert not any(job.folder.exists() for job in both)


def test_a_first_model_is_there_early_and_the_full_one_replaces_it(crane, tmp_path):
    job = rigging.begin(crane, 31_000, path=str(tmp_path / "model"))
    assert until(lambda: watch.tick() is not None and job.models == 1)
    first = rigging.model(crane)
    assert first is not None and job.fraction < 1.0 and crane.drmm.rig.model == str(job.out)
    assert until(lambda: watch.tick() is None)
    assert job.models == 2 and not job.error
    assert rigging.model(crane) is not first and os.listdir(tmp_path) == ["model"]


def test_cancelled_nothing_is_left(crane, tmp_path):
    job = rigging.begin(crane, FOREVER, path=str(tmp_path / "model"))
    assert until(lambda: job.look() and (job.folder / worker.NEWS).exists())
    assert bpy.ops.drmm.cancel_learning() == {"FINISHED"}
    assert job._process.poll() is not None and not job.folder.exists()
    assert os.listdir(tmp_path) == [] or job.models
    assert job.text == "Cancelled" and not job.error and not rigging.running(crane)
    with pytest.raises(RuntimeError, match="not being learned"):
        bpy.ops.drmm.cancel_learning()


def test_an_old_model_is_replaced_only_by_the_last_one(crane, tmp_path):
    out = tmp_path / "model"
    out.write_bytes(b"old")
    job = rigging.begin(crane, FOREVER, path=str(out))
    assert until(lambda: job.look() and (job.folder / "0.drmm.safetensors").exists())
    rigging.cancel(crane)
    assert out.read_bytes() == b"old"


def test_a_process_that_dies_is_told_of_in_one_line(crane, tmp_path, monkeypatch):
    dying = [sys.executable, "-c", "import sys; print('first'); print('out of memory'); sys.exit(3)"]
    monkeypatch.setattr(watch, "command", lambda: dying)
    with pytest.raises(RuntimeError) as refusal:
        bpy.ops.drmm.learn_rig(count=2000, path=str(tmp_path / "model"))
    assert "Learning ended early: out of memory (status 3)" in str(refusal.value)
    assert os.listdir(tmp_path) == []


def test_an_error_of_the_process_is_its_one_line(crane, tmp_path):
    job = rigging.begin(crane, 2000, path=str(tmp_path / "missing" / "model"))
    while job.look():
        job.wait(0.05)
    assert "missing" in job.error and "cannot be written" in job.error and "\n" not in job.error
    described = rigging.read(crane)
    job = jobs.Job(task.__file__, {"rig": described.to_json(), "count": 2000, "seed": 0}, tmp_path / "model",
                   watch.command(), partial(task.keep, np.zeros((3, 1))))
    while job.look():
        job.wait(0.05)
    assert "given poses" in job.error and os.listdir(tmp_path) == []


def test_a_process_that_cannot_be_started_is_told_of(crane, tmp_path):
    with pytest.raises(ValueError, match="learning cannot be started"):
        jobs.Job(task.__file__, {}, tmp_path / "model", [str(tmp_path / "no such program")])


@pytest.mark.parametrize("late", [False, True], ids=["while it learns", "before it begins"])
def test_the_process_ends_when_blender_is_gone(crane, tmp_path, late):
    folder = tmp_path / "job"
    folder.mkdir()
    job = {"paths": sys.path, "task": task.__file__, "rig": rigging.read(crane).to_json(), "count": FOREVER, "seed": 0}
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (folder / worker.JOB).write_text(json.dumps(job | {"parent": parent.pid}))
    if late:
        parent.communicate(b"\n")
    child = subprocess.Popen([sys.executable, worker.__file__, "--", str(folder)])
    if not late:
        assert until(lambda: (folder / worker.NEWS).exists() and (folder / worker.NEWS).read_text())
        parent.communicate(b"\n")
    assert child.wait(TIME) == 0 and not folder.exists()


def test_deleted_and_renamed_meanwhile(crane, tmp_path):
    crane.name = "Crane of another name"
    other = chain([1.0, 0.5], name="Other")
    rigging.find(other)
    rigging.begin(crane, 2000, path=str(tmp_path / "a"))
    rigging.begin(other, 2000, path=str(tmp_path / "b"))
    bpy.data.objects.remove(other)
    assert until(lambda: watch.tick() is None)
    assert crane.drmm.rig.model and (tmp_path / "b").exists()


def test_a_model_that_is_gone_or_no_longer_fits_is_told_of(crane, tmp_path):
    assert rigging.model(crane) is None and not rigging.known_model(crane)
    crane.drmm.rig.model = str(tmp_path / "gone")
    with pytest.raises(ValueError, match="of 'Crane' is gone"):
        rigging.model(crane)
    bpy.ops.drmm.learn_rig(count=2000, path=str(tmp_path / "model"))
    model = rigging.model(crane)
    crane.drmm.rig.bones["part1"].low = crane.drmm.rig.bones["part1"].high = (0, 0, 0)
    with pytest.raises(ValueError, match="'part1.x' of 'Crane' was free"):
        rigging.check_fits(crane, rigging.read(crane), model)
    rigging.find(crane)
    rigging.check_fits(crane, rigging.read(crane), model)
    bpy.context.view_layer.objects.active = crane
    bpy.ops.object.mode_set(mode="EDIT")
    crane.data.edit_bones["part2"].tail = (0.5, 0, 2.5)
    bpy.ops.object.mode_set(mode="OBJECT")
    with pytest.raises(ValueError, match="the rest pose of 'Crane' has changed at 'part2'"):
        rigging.check_fits(crane, rigging.read(crane), model)


def test_a_model_follows_bones_that_are_renamed(crane, tmp_path):
    bpy.ops.drmm.learn_rig(count=2000, path=str(tmp_path / "model"))
    then = rigging.model(crane)
    crane.data.bones["part1"].name = "head"
    crane.data.bones["part0"].name = "base"
    described, now = rigging.read(crane), rigging.model(crane)
    rigging.check_fits(crane, described, now)
    assert now.features["effectors"] == [["part2", "tail"]]
    assert [v.replace("head", "part1").replace("base", "part0") for v in now.schema.names] == list(then.schema.names)
    assert now.schema.names != then.schema.names and rigging.model(crane) is now
    found = answer(now, described, [], rigging.theta(crane, described.joints), count=4)
    assert found.theta.shape == (4, described.joints.P)
    crane.data.bones["base"].name, crane.data.bones["head"].name = "part0", "part1"
    assert rigging.model(crane) is then


def test_a_model_moves_with_its_blend(crane, tmp_path):
    (tmp_path / "old").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "old" / "scene.blend"))
    bpy.ops.drmm.learn_rig(count=2000)
    file = Path(crane.drmm.rig.model)
    assert file.parent == tmp_path / "old" / learned.FOLDER and file.name.startswith("Crane-")
    bpy.ops.wm.save_mainfile()
    (tmp_path / "old").rename(tmp_path / "new")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "new" / "scene.blend"))
    assert learned.find(bpy.data.objects["Crane"]).parent.parent == tmp_path / "new"


def test_people_actions_and_assets_are_poses_to_learn_from(scene):
    armature = rigs.rigify()
    rigging.find(armature)
    settings = armature.drmm.rig
    assert settings.use_mocap  # people's poses fit a humanoid
    joints = rigging.read(armature).joints
    settings.use_actions, settings.use_mocap = True, False
    with pytest.raises(ValueError, match="Actions turns the driven bones"):
        learn.sources.given(armature, joints)
    theta = np.clip(np.random.default_rng(0).uniform(joints.low, joints.high) / 2, joints.low, joints.high)
    armature.pose.bones["shin.L"].rotation_mode = "XZY"
    for frame in (1, 11):
        rigging.write(armature, joints, theta if frame == 11 else rest(joints))
        for bone, name in rigging.channels(armature, joints):
            armature.pose.bones[bone].keyframe_insert(name, frame=frame)
    rigging.write(armature, joints, rest(joints))
    poses = learn.sources.given(armature, joints)
    assert poses.shape == (11, joints.P)
    np.testing.assert_allclose(poses[[0, -1]], [rest(joints), theta], atol=1e-4)
    armature.animation_data.action.asset_mark()
    settings.use_assets, settings.use_actions = True, False
    np.testing.assert_allclose(learn.sources.given(armature, joints), poses)


def rest(joints):
    return np.clip(np.zeros(joints.P), joints.low, joints.high)


@pytest.mark.parametrize("make", [rigs.rigify, rigs.mixamo])
def test_the_limits_of_joints_leave_room_for_people(scene, make):
    armature = make()
    rigging.find(armature)
    limits = rigging.read(armature).joints
    for row in armature.drmm.rig.bones:
        if row.driven:
            row.low, row.high = (-np.pi,) * 3, (np.pi,) * 3
    wide = rigging.read(armature).joints
    poses = learn.sources.people(armature, wide, count=300)
    out = (poses < limits.low - 0.01) | (poses > limits.high + 0.01)
    free = np.asarray(limits.high) > limits.low
    assert wide.names == limits.names and out[:, free].mean(axis=0).max() < 0.15 and out[:, free].mean() < 0.02


def test_poses_of_people_keep_within_the_limits_and_stand(scene):
    armature = rigs.rigify()
    rigging.find(armature)
    joints = rigging.read(armature).joints
    poses = learn.sources.people(armature, joints, count=20)
    assert poses.shape == (20, joints.P) and (poses >= joints.low).all() and (poses <= joints.high).all()
    heads = joints.matrices(poses)[:, joints.armature.names.index("spine.006"), 2, 3]
    feet = joints.matrices(poses)[:, joints.armature.names.index("foot.L"), 2, 3]
    assert np.median(heads) > 1.2 and np.abs(np.median(feet)) < 0.25
