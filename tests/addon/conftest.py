# SPDX-License-Identifier: Apache-2.0
"""A clean Blender with the add-on for every test."""

import importlib.util

import numpy as np
import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("these tests need the bpy module", allow_module_level=True)

import bpy  # noqa: E402

import blender_addon  # noqa: E402
import drmm_engine as drmm  # noqa: E402
from drmm_engine.layer import Layer  # noqa: E402
from tests.addon import gait  # noqa: E402


@pytest.fixture(scope="session")
def _registered():
    blender_addon.register()
    yield
    blender_addon.unregister()


@pytest.fixture
def scene(_registered, monkeypatch):
    """An empty scene at 30 frames/s."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    blender_addon.models.clear()
    monkeypatch.setattr("blender_addon.walk.controller.walk", gait.walk)
    monkeypatch.setattr("blender_addon.posing.engine.sample_poses", gait.sample_poses)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.0
    return scene


@pytest.fixture(scope="session")
def model_files(tmp_path_factory):
    """Files of the two kinds; the closed forms of `gait` walk and pose in their place."""
    folder = tmp_path_factory.mktemp("models")
    schema = drmm.Schema((drmm.Stream("motion", (drmm.Variable("x"), drmm.Variable("y"))),))
    layer = Layer(np.log([0.5, 0.5]), np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros((1, 2)))
    files = {}
    for kind in ("locomotion", "pose"):
        files[kind] = str(folder / f"{kind}.drmm.safetensors")
        data = {"source": "closed form", "licence": "CC0"}
        drmm.Model(schema, (layer,), data=data, skeleton=gait.SKELETON, features={"kind": kind}).save(files[kind])
    return files


@pytest.fixture
def stage(scene, model_files):
    """The scene, with the models of the tests chosen."""
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
