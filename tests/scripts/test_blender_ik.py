# SPDX-License-Identifier: Apache-2.0
"""Blender's IK in the benchmark: it reaches what it can, from the pose it is given, and errors are what they say."""

import importlib.util

import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("these tests need the bpy module", allow_module_level=True)

import bpy  # noqa: E402
import numpy as np  # noqa: E402

import blender_addon  # noqa: E402
from drmm_engine.body.solver import errors  # noqa: E402
from scripts import blender_ik  # noqa: E402
from scripts.blender_ik import HIPS  # noqa: E402


@pytest.fixture
def person():
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    there = hasattr(bpy.types.Object, "drmm")  # the add-on's own tests keep it for the session
    if not there:
        blender_addon.register()
    yield blender_ik.humanoid()
    if not there:
        blender_addon.unregister()


def poses(person, count):
    """Rest, and poses with bent arms and legs and with the hips elsewhere, [count, P]."""
    joints = person.rig.joints
    rest = np.clip(0.0, joints.low, joints.high)
    noise = np.random.default_rng(0).standard_normal((count, joints.P)) * np.minimum(joints.high - joints.low, 1.0)
    return rest, np.clip(rest + 0.1 * noise, joints.low, joints.high)


def test_blenders_ik_takes_the_ends_to_their_places_and_leaves_the_hips(person):
    joints, (rest, theta) = person.rig.joints, poses(person, 6)
    truth = joints.matrices(theta)
    blender_ik.constrain(person, limited=False)
    starts = np.stack([blender_ik._with_hips(person, rest, each, HIPS[2]) for each in theta])
    found = blender_ik.blender(person, truth, starts)
    hips = joints.armature.names.index(person.bones["Hips"])
    np.testing.assert_allclose(found[:, hips], truth[:, hips], atol=1e-5)
    figures = blender_ik._figures(person, {"first": found}, truth)
    before = blender_ik._figures(person, {"first": joints.matrices(starts)}, truth)
    assert figures["mm"] < 0.2 * before["mm"]


def test_figures_of_the_truth_are_zero_and_of_one_turn_its_share(person):
    joints, (_, theta) = person.rig.joints, poses(person, 3)
    truth = joints.matrices(theta)
    assert blender_ik._figures(person, {"first": truth}, truth) == pytest.approx(
        {"degrees": 0.0, "mm": 0.0, "met": 1.0}, abs=1e-3)
    turned = theta.copy()
    column = joints.names.index(f"{person.bones['LeftToes']}.x")
    turned[:, column] = joints.high[column]
    theta[:, column] = joints.low[column]
    between = np.degrees(joints.high[column] - joints.low[column])
    one = blender_ik._figures(person, {"first": joints.matrices(turned)}, joints.matrices(theta))
    assert one["degrees"] == pytest.approx(between / len(joints.joints), abs=0.5)


@pytest.mark.parametrize("hips, more", [(HIPS[0], 0), (HIPS[1], 1), (HIPS[2], 2)])
def test_goals_are_met_by_the_pose_they_are_of(person, hips, more):
    joints, (_, theta) = person.rig.joints, poses(person, 4)
    for each in theta:
        goals = blender_ik.asked(person, joints.matrices(each), hips)
        assert len(goals) == 5 + more + 8
        assert errors(joints, each[None], goals).max() < 1e-6
