# SPDX-License-Identifier: Apache-2.0
"""Random poses within limits, the vectors made of them, headings left out, and models learned of a small rig."""

import numpy as np
import pytest

import drmm_engine as drmm
from drmm_engine.body import poses
from drmm_engine.body import rotations as rot
from drmm_engine.body.heading import Heading
from drmm_engine.fit import fit
from drmm_engine.scaling import rescaled, to_model_units
from tests.body import tiny_rig


@pytest.fixture(scope="module")
def learned():
    rig = tiny_rig.rig()
    return rig, list(poses.learn(rig, count=3000, seed=1))[-1]


def drawn(rig, count=500, seed=0):
    return poses.random_poses(rig.joints, count, np.random.default_rng(seed))


def test_random_poses_stay_within_the_limits_and_come_near_both_ends():
    joints = tiny_rig.joints()
    theta = drawn(tiny_rig.rig(), 4000)
    assert np.all(theta >= joints.low) and np.all(theta <= joints.high)
    width = joints.high - joints.low
    assert np.all(theta.min(axis=0) <= joints.low + 0.05 * width)
    assert np.all(theta.max(axis=0) >= joints.high - 0.05 * width)


def test_most_random_poses_lie_about_rest():
    joints = tiny_rig.joints()
    theta = drawn(tiny_rig.rig(), 4000)
    column = joints.names.index("arm.x")
    assert abs(np.median(theta[:, column])) < 0.06
    assert np.mean(np.abs(theta[:, column]) < 0.6) > 0.55  # uniform angles: a half


def test_angles_along_a_chain_go_together_and_others_do_not():
    joints = tiny_rig.joints()
    theta = drawn(tiny_rig.rig(), 4000)
    chest, arm, place = (theta[:, joints.names.index(n)] for n in ("chest.x", "arm.x", "hips.move_x"))
    assert np.corrcoef(chest, arm)[0, 1] > 0.3
    assert abs(np.corrcoef(place, arm)[0, 1]) < 0.06


def test_the_same_seed_gives_the_same_poses_and_another_gives_others():
    rig = tiny_rig.rig()
    assert np.array_equal(drawn(rig, seed=3), drawn(rig, seed=3))
    assert not np.allclose(drawn(rig, seed=3), drawn(rig, seed=4))


def test_copies_of_given_poses_lie_about_them_within_the_limits():
    rig, joints = tiny_rig.rig(), tiny_rig.joints()
    given = np.stack([joints.low, 0.5 * (joints.low + joints.high)])
    theta = poses.jittered(rig, given, 2000, np.random.default_rng(0))
    assert np.all(theta >= joints.low) and np.all(theta <= joints.high)
    width = np.where(joints.high > joints.low, joints.high - joints.low, 1.0)
    floor = [joints.names.index(f"hips.move_{axis}") for axis in "xz"]  # the bone stands upright
    away = np.delete(np.abs(theta[:, None] - given) / width, floor, axis=2)
    assert away.max(axis=2).min(axis=1).max() < 0.2
    assert np.all(np.abs(theta[:, floor]).mean(axis=0) > 0.15) and np.all(np.ptp(theta[:, floor], axis=0) > 0.9)


@pytest.mark.parametrize("given", [np.zeros((2, 3)), np.full((1, 15), np.nan)])
def test_given_poses_of_another_shape_are_refused(given):
    with pytest.raises(ValueError, match=r"given poses must be \[n, 15\] finite numbers"):
        next(poses.learn(tiny_rig.rig(), given, count=100))


@pytest.mark.parametrize("count", [1, 2.5, "many"])
def test_a_number_of_poses_that_makes_no_sense_is_refused(count):
    with pytest.raises(ValueError, match="count must be a whole number"):
        next(poses.learn(tiny_rig.rig(), count=count))


def test_of_the_places_what_the_moving_hips_do_is_linear_and_nothing_else():
    rig = tiny_rig.rig()
    variables = poses.Variables.of(rig)
    names = [rig.joints.names[i] for i in variables.free]
    moves = [names.index(f"hips.move_{axis}") for axis in "xyz"]
    turn = rig.joints.armature.rest[1][:3, :3]
    assert np.allclose(variables.linear[:, moves], np.tile(turn, (3, 1)))
    assert not np.delete(variables.linear, moves, axis=1).any()
    assert "forearm.y" not in names and "forearm.x" in names


def test_a_model_of_the_whole_places_says_of_them_what_the_fitted_one_says_of_their_rest():
    rig = tiny_rig.still(tiny_rig.LIMITS)
    variables = poses.Variables.of(tiny_rig.rig())
    theta = drawn(variables.rig, 400)
    x = variables.rows(theta)
    schema = rescaled(variables.schema, x)
    own = len(variables.free)
    whole_x = np.concatenate([x[:, :own], x[:, own:] + x[:, :own] @ variables.linear.T], axis=1)
    for components, residual in (((3,), "shift"), ((3, 2), "shift"), ((3, 2), "whiten")):
        model = fit(schema, to_model_units(schema, x), components, "full", residual)
        whole = variables.whole(model)
        assert np.allclose(whole.log_prob(whole_x), model.log_prob(x), atol=1e-6)
    assert poses.Variables.of(rig).heading is None


def test_a_turn_about_the_vertical_turns_every_place_about_the_line_through_the_root():
    rig = tiny_rig.rig()
    heading = poses.free_heading(rig)
    theta, turn = drawn(rig, 50), np.linspace(-2.0, 2.0, 50)
    before, after = (rig.points(rig.joints.matrices(t)) for t in (theta, heading.turned(theta, turn)))
    q = rot.from_axis_angle((0.0, 0.0, 1.0), turn)[:, None]
    centre = np.array([0.1, 0.2, 1.0])
    assert np.allclose(after, centre + rot.rotate(q, before - centre), atol=1e-9)
    upright = heading.turned(theta, -heading.angle(theta))
    assert np.allclose(heading.angle(upright), 0.0, atol=1e-9)
    back = heading.turned(upright, heading.angle(theta))
    assert np.allclose(rig.joints.matrices(back), rig.joints.matrices(theta), atol=1e-9)


@pytest.mark.parametrize("kind", ["swing", "XYZ", "ZXY"])
def test_poses_turned_back_into_the_limits_are_the_same_where_they_are_legal(kind):
    limits = tiny_rig.LIMITS | {"hips": (kind, (-0.6, -3.14, -0.4), (0.6, 3.14, 0.4), *tiny_rig.LIMITS["hips"][3:])}
    rig = tiny_rig.rig(limits)
    heading, theta = Heading.of(rig, "hips"), drawn(rig, 200)
    within = heading.within(heading.turned(theta, 0.0))
    assert np.all(within >= rig.joints.low) and np.all(within <= rig.joints.high)
    assert np.allclose(rig.joints.matrices(within), rig.joints.matrices(theta), atol=1e-6)


def test_a_rig_whose_root_turns_little_or_carries_not_every_effector_keeps_its_heading():
    assert poses.free_heading(tiny_rig.still()) is None
    apart = tiny_rig.rig(effectors=(("stand", "tail"), ("forearm", "tail")))
    assert poses.free_heading(apart) is None and poses.free_heading(tiny_rig.rig()) is not None


def test_heading_of_a_bone_that_is_not_driven_is_refused():
    with pytest.raises(ValueError, match="bone 'stand' carries the heading"):
        Heading.of(tiny_rig.rig(), "stand")


def test_a_learned_model_knows_where_the_hand_of_a_pose_is(learned):
    rig, model = learned
    theta = drawn(rig, 20, 9)
    theta = poses.free_heading(rig).turned(theta, -poses.free_heading(rig).angle(theta))
    hand = rig.points(rig.joints.matrices(theta))[:, 2]
    names = [n for n in model.schema.names if n.startswith("pose.")]
    columns = [rig.joints.names.index(n.removeprefix("pose.")) for n in names]
    miss = []
    for pose, place in zip(theta[:, columns], hand, strict=True):
        draw = model.sample([drmm.Known(dict(zip(names, pose, strict=True)))], count=1)
        miss.append([draw[f"at.forearm.tail.{axis}"][0] for axis in "xyz"] - place)
    assert np.linalg.norm(miss, axis=1).mean() < 0.1  # the arm is 0.6 m long


def test_a_bone_that_only_moves_is_where_it_is_moved_to():
    limits = {"hips": ("swing", (0, 0, 0), (0, 0, 0), (-0.5, -0.3, -0.5), (0.5, 0.3, 0.5))}
    (model,) = poses.learn(tiny_rig.rig(limits, (("hips", "head"),)), count=200, seed=2)
    draw = model.sample([drmm.Known({"at.hips.head.x": 0.3, "at.hips.head.z": 0.7})], count=4)
    assert np.allclose(draw["pose.hips.move_x"], 0.2, atol=1e-3)
    assert np.allclose(draw["pose.hips.move_y"], -0.3, atol=1e-3)  # along the bone, which stands upright


def test_constant_and_repeated_effectors_do_not_break_the_fit():
    effectors = (("stand", "tail"), ("chest", "head"), ("hips", "tail"), ("forearm", "tail"))
    models = list(poses.learn(tiny_rig.rig(effectors=effectors), count=2000))
    draw = models[-1].sample([drmm.GaussianPrior({"at.forearm.tail.z": (1.2, 0.01)})], count=32, noise=True)
    assert np.isfinite(draw.values).all()
    assert np.allclose(draw["at.stand.tail.y"], 0.5, atol=0.01)
    assert np.abs(draw["at.chest.head.x"] - draw["at.hips.tail.x"]).max() < 0.05


def test_learning_gives_a_first_model_and_then_one_of_all_poses_and_tells_how_far_it_is(monkeypatch, tmp_path):
    monkeypatch.setattr(poses, "FIRST", 500)
    said = []
    rig = tiny_rig.rig()
    models = list(poses.learn(rig, count=2000, progress=lambda share, text: said.append((share, text))))
    shares = [share for share, _ in said]
    assert [m.data["rows"] for m in models] == [500, 2000]
    assert shares == sorted(shares) and shares[0] == 0.0 and shares[-1] == pytest.approx(1.0)
    assert {text for _, text in said} == {"Learning from 500 poses", "Learning from 2,000 poses"}
    models[-1].save(tmp_path / "m.drmm.safetensors")
    again = drmm.load(tmp_path / "m.drmm.safetensors")
    assert again.features == {"kind": "rig", "effectors": [list(e) for e in rig.effectors], "heading": "hips"}
    assert again.skeleton == rig.to_json()


def test_learning_stops_when_asked_to():
    asked = iter([False, False, True])
    assert list(poses.learn(tiny_rig.rig(), count=500, stop=lambda: next(asked))) == []


def test_given_poses_are_likelier_to_the_model_that_saw_them():
    rig = tiny_rig.rig()
    given = 0.8 * drawn(rig, 30, 5) + 0.2 * rig.joints.high
    (without,), (seen,) = poses.learn(rig, count=2000), poses.learn(rig, given, count=2000)
    x = poses.Variables.of(rig).rows(given)
    own, linear = len(poses.Variables.of(rig).free), poses.Variables.of(rig).linear
    x[:, own:] += x[:, :own] @ linear.T
    assert seen.log_prob(x).mean() > without.log_prob(x).mean() + 1.0
    assert seen.data["given poses"] == 30


def test_the_same_seed_learns_the_same_model():
    one, two = (next(poses.learn(tiny_rig.rig(), count=400, seed=7)) for _ in range(2))
    assert np.array_equal(one.layers[0].mean, two.layers[0].mean)


def test_a_rig_of_many_variables_has_fewer_components(monkeypatch):
    rig = tiny_rig.rig()
    variables = len(poses.Variables.of(rig).schema.names)
    monkeypatch.setattr(poses, "NUMBERS", 5 * variables**2 + 1)
    (model,) = poses.learn(rig, count=3000)
    assert model.layers[0].components == 5 and model.training["components"] == [5]
