# SPDX-License-Identifier: Apache-2.0
"""A clean Blender with the add-on for every test."""

import importlib.util

import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("these tests need the bpy module", allow_module_level=True)

import bpy  # noqa: E402

import blender_addon  # noqa: E402
from blender_addon import rig as rig_of  # noqa: E402
from blender_addon.answers import live  # noqa: E402
from drmm_engine.body import poses  # noqa: E402
from tests.addon import gait, rigs  # noqa: E402
from tests.addon.posed import PLACE  # noqa: E402


@pytest.fixture(scope="session")
def _registered():
    blender_addon.register()
    yield
    blender_addon.unregister()


@pytest.fixture
def scene(_registered):
    """An empty scene at 30 frames/s."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    blender_addon.models.clear()
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.0
    return scene


@pytest.fixture(scope="session")
def model_files(tmp_path_factory):
    """A file of each kind, learned from the closed forms of `gait`."""
    folder = tmp_path_factory.mktemp("models")
    files = {}
    for kind, model in {"locomotion": gait.walk_model(), "pose": gait.pose_model()}.items():
        files[kind] = str(folder / f"{kind}.drmm.safetensors")
        model.save(files[kind])
    return files


@pytest.fixture
def stage(scene, model_files, monkeypatch):
    """The scene with the models chosen, and the closed forms of `gait` in place of what is sampled from them."""
    monkeypatch.setattr("blender_addon.walk.controller.walk", gait.walk)
    monkeypatch.setattr("blender_addon.posing.engine.sample_poses", gait.sample_poses)
    scene.drmm.walk_model, scene.drmm.pose_model = model_files["locomotion"], model_files["pose"]
    return scene


@pytest.fixture
def empty(scene):
    """Makes an empty at a place."""

    def make(name, location):
        made = bpy.data.objects.new(name, None)
        made.location = location
        scene.collection.objects.link(made)
        bpy.context.view_layer.update()
        return made

    return make


@pytest.fixture(scope="session")
def model_file(tmp_path_factory, _registered):
    """A small model of the humanoid, learned once."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    made = rigs.rigify()
    rig_of.find(made)
    file = str(tmp_path_factory.mktemp("rigs") / "rig.drmm.safetensors")
    *_, model = poses.learn(rig_of.read(made), None, count=1000, seed=0)
    model.save(file)
    return file


@pytest.fixture
def rig(scene, model_file):
    """The humanoid somewhere, bones in Euler and quaternion modes, a hand to reach for and a floor."""
    made = scene.drmm.armature = rigs.eulers()
    made.matrix_world = PLACE
    rig_of.find(made)
    made.drmm.rig.model = model_file
    bpy.context.view_layer.update()
    bpy.ops.drmm.add_condition(what="HEAD", bone="hand.L")
    bpy.ops.drmm.add_floor()
    made.drmm.conditions[0].object.location.z -= 0.1
    scene.drmm.count = 10
    yield made
    live.stop()
