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
from drmm_engine.motion import pose_features  # noqa: E402
from tests.addon import gait  # noqa: E402


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
    """A file of each kind; that of poses has a component at each of 32 moments of a stride."""
    folder = tmp_path_factory.mktemp("models")
    poses = pose_features.encode([gait.swing(phase) for phase in np.linspace(0, 2 * np.pi, 32, endpoint=False)])
    means = {"pose": poses, "locomotion": np.array([[0.0, 1.0], [1.0, 0.0]])}
    schemas = {
        "pose": pose_features.pose_schema(),
        "locomotion": drmm.Schema((drmm.Stream.real("motion", ["x", "y"], "m"),)),
    }
    files = {}
    for kind, mean in means.items():
        layer = Layer(np.full(len(mean), -np.log(len(mean))), mean, np.full((1, mean.shape[1]), np.log(0.1)))
        data, features = {"source": "closed form", "licence": "CC0"}, {"kind": kind}
        files[kind] = str(folder / f"{kind}.drmm.safetensors")
        drmm.Model(schemas[kind], (layer,), data=data, skeleton=gait.SKELETON, features=features).save(files[kind])
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
