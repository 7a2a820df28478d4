# SPDX-License-Identifier: Apache-2.0
"""Answers for a small rig that was learned: goals met, limits and held parameters kept, ranking, variety, headings."""

from dataclasses import replace

import numpy as np
import pytest

import drmm_engine as drmm
from drmm_engine.body import poses
from drmm_engine.body import rotations as rot
from drmm_engine.body.draws import draws
from drmm_engine.body.goals import Along, Angle, At, Beyond, Facing, Near, Point, Within
from drmm_engine.body.posing import FIRST, Answers, answer, plausibility, varied
from drmm_engine.body.rig import Rig
from drmm_engine.body.wanted import PLACE_SD, Asked, evidence
from drmm_engine.fit import fit
from drmm_engine.scaling import rescaled, to_model_units
from tests.body import tiny_rig

RIG = tiny_rig.rig()
NOW = np.clip(0.0, RIG.joints.low, RIG.joints.high)
UP = np.array([0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def model():
    return list(poses.learn(RIG, count=4000, seed=1))[-1]


def point(bone, end="tail"):
    length = RIG.joints.armature.lengths[RIG.joints.armature.names.index(bone)]
    return Point((bone,), np.array([[0.0, length * (end == "tail"), 0.0]]), np.ones(1))


HAND, ELBOW, HIPS = point("forearm"), point("forearm", "head"), point("hips", "head")


def places(theta, rig=RIG):
    return rig.points(rig.joints.matrices(theta))


def asked(model, goals=(), now=NOW, held=None):
    return Asked(model, RIG, list(goals), now, np.zeros(RIG.joints.P, bool) if held is None else held)


def legal(count, seed):
    return poses.random_poses(RIG.joints, count, np.random.default_rng(seed))


def test_goals_of_legal_poses_are_met_within_the_limits(model):
    for truth in legal(12, 4):
        hips, elbow, hand = places(truth)
        goals = [At(HAND, hand, name="hand"), At(HIPS, hips, name="hips"),
                 Beyond(ELBOW, UP, 0.02 - elbow[2], name="elbow above")]
        answers = answer(model, RIG, goals, NOW, count=16, seed=1)
        assert answers.error.shape == (16, 3) and answers.names == ("hand", "hips", "elbow above")
        assert answers.error[0].max() < 1e-3 and answers.unmet() == []
        assert np.linalg.norm(places(answers.theta[0])[2] - hand) < 1e-3
        assert np.all(answers.theta >= RIG.joints.low) and np.all(answers.theta <= RIG.joints.high)


def test_before_they_are_solved_draws_lie_nearer_to_the_goals_than_random_poses(model):
    truth = legal(20, 3)
    near = []
    for pose in truth:
        goals = [At(HAND, places(pose)[2]), At(HIPS, places(pose)[0])]
        drawn = draws(asked(model, goals), 32, 0)
        near.append(np.linalg.norm(places(drawn) - places(pose), axis=-1)[:, [0, 2]].mean())
    random = np.linalg.norm(places(legal(20, 8)) - places(truth), axis=-1)[:, [0, 2]].mean()
    assert np.mean(near) < 0.4 * random


def test_a_box_an_angle_and_directions_are_met_too(model):
    box = np.diag([0.05, 0.05, 0.1, 1.0])
    box[:3, 3] = (0.5, 0.1, 1.4)
    goals = [Within(HAND, box, name="box"), Angle("forearm.x", 0.7, name="elbow bends"),
             Along("chest", (0.0, 1.0, 0.0), (0.1, 0.0, 1.0), name="lean")]
    answers = answer(model, RIG, goals, NOW, count=16)
    assert answers.unmet() == []
    inside = np.linalg.solve(box, np.append(places(answers.theta[0])[2], 1.0))[:3]
    assert np.abs(inside).max() < 1.0 + 1e-2
    assert answers.theta[0][RIG.joints.names.index("forearm.x")] == pytest.approx(0.7, abs=0.01)


def test_a_facing_hips_goal_is_met_whatever_the_heading(model):
    turned = poses.free_heading(RIG).turned(NOW[None], 1.2)
    wanted = rot.from_matrix(RIG.joints.matrices(turned)[0, RIG.joints.armature.names.index("hips"), :3, :3])
    goals = [Facing("hips", wanted, name="turned"), At(HAND, places(turned)[0, 2], name="hand")]
    assert answer(model, RIG, goals, NOW, count=16).unmet() == []


def test_a_wish_is_weighed_and_not_named_where_it_is_far(model):
    goals = [At(HIPS, (0.1, 0.2, 1.0), name="hips"), Near(HAND, (0.7, 0.2, 1.4), 0.2, name="hand")]
    answers = answer(model, RIG, goals, NOW, count=16)
    assert answers.error[0, 0] < 1e-3


def test_an_angle_that_is_wished_is_come_to_the_nearer_the_less_its_spread(model):
    place = RIG.joints.names.index("forearm.x")
    free = answer(model, RIG, [At(HIPS, (0.1, 0.2, 1.0))], NOW, count=32).theta[:, place]
    value = float(RIG.joints.low[place] + 0.9 * (RIG.joints.high[place] - RIG.joints.low[place]))
    off = [np.abs(free - value).mean()]
    for sd in (0.5, 0.1, 0.02):
        answers = answer(model, RIG, [At(HIPS, (0.1, 0.2, 1.0)), Angle("forearm.x", value, sd=sd)], NOW, count=32)
        off.append(np.abs(answers.theta[:, place] - value).mean())
        assert np.ptp(answers.theta[:, place]) > 0.0 and answers.unmet() == [] and answers.met[1] >= 2 * sd - 1e-12
    assert off == sorted(off, reverse=True) and off[-1] < 0.05 < 0.2 < off[0]
    with pytest.raises(ValueError, match="sd must not be below zero"):
        Angle("forearm.x", value, sd=-0.1)


def test_goals_that_cannot_be_met_together_are_named_with_their_errors(model):
    goals = [At(HIPS, (0.1, 0.2, 1.0), name="hips"), At(HAND, (4.1, 0.2, 1.0), name="far hand")]
    answers = answer(model, RIG, goals, NOW, count=8)
    unmet = dict(answers.unmet())
    assert "far hand" in unmet and sum(unmet.values()) > 2.5
    assert np.isfinite(answers.theta).all()


def test_unmet_goals_come_worst_first_and_by_their_own_measure():
    error, met = np.array([[0.01, 0.02, 0.0], [0.0, 0.0, 0.0]]), np.array([0.001, 0.05, 0.001])
    answers = Answers(np.zeros((2, 1)), np.zeros(2), error, ("a", "b", "c"), met)
    assert answers.unmet(0) == [("a", 0.01)] and answers.unmet(1) == []


def test_held_parameters_keep_their_values_bit_for_bit(model):
    held = np.zeros(RIG.joints.P, bool)
    for name in ("forearm.x", "chest.y", "hips.move_z", "hips.y"):
        held[RIG.joints.names.index(name)] = True
    now = legal(1, 6)[0]
    goals = [At(HAND, places(now)[2] + (0.03, 0.02, 0.0), name="hand")]
    answers = answer(model, RIG, goals, now, count=16, held=held)
    assert np.array_equal(answers.theta[:, held], np.tile(now[held], (16, 1)))
    assert answers.error[0].max() < 1e-3


def test_draws_turn_with_the_pose_now_and_goals_behind_it_are_reached(model):
    heading = poses.free_heading(RIG)
    now = heading.turned(NOW[None], 2.0)[0]
    angle = heading.angle(draws(asked(model, now=now), 64, 0))
    assert abs(np.median((angle - 2.0 + np.pi) % (2 * np.pi) - np.pi)) < 0.5
    behind = 2 * heading.centre - places(NOW)[2]
    goals = [At(HAND, (behind[0], behind[1], 1.4), name="hand"), At(HIPS, heading.centre, name="hips")]
    assert answer(model, RIG, goals, NOW, count=32).unmet() == []


def test_turned_goals_have_turned_answers(model):
    heading, goal = poses.free_heading(RIG), np.array([0.5, 0.4, 1.3])
    here = draws(asked(model, [At(HAND, goal)]), 16, 3)
    now = heading.turned(NOW[None], 1.1)[0]
    goals = [At(HAND, heading.points(goal, 1.1))]
    there = draws(asked(model, goals, now), 16, 3)
    # Limits of the lean and of the place are the same in all headings, so that a pose at them may not turn.
    turned = heading.points(places(here), 1.1)
    assert np.median(np.linalg.norm(places(there) - turned, axis=-1)) < 0.02


def test_where_the_pose_now_stands_the_answers_stand(model):
    now = NOW.copy()
    moves = [RIG.joints.names.index(f"hips.move_{axis}") for axis in "xyz"]
    now[moves] = (0.4, 0.0, 0.3)
    there = draws(asked(model, now=now), 200, 0)
    here = draws(asked(model), 200, 0)
    assert there[:, moves[0]].mean() > here[:, moves[0]].mean() + 0.1


def test_near_a_pose_the_first_answer_is_the_one_beside_it(model):
    near = legal(1, 11)[0]
    goals = [At(HAND, places(near)[2] + (0.01, 0.0, 0.01), name="hand")]
    answers = answer(model, RIG, goals, NOW, count=16, near=near)
    away = np.linalg.norm(places(answers.theta) - places(near), axis=-1).mean(axis=1)
    assert answers.error[0].max() < 1e-3 and away[0] < 0.03 and away[0] == away.min()


def test_the_first_answers_differ_and_the_better_come_first(model):
    answers = answer(model, RIG, [At(HAND, (0.6, 0.3, 1.4), name="hand")], NOW, count=64, seed=2)
    bones = RIG.joints.matrices(answers.theta[:FIRST])[:, :, :3, 3]
    apart = np.sqrt(np.mean(np.sum((bones[:, None] - bones) ** 2, axis=-1), axis=-1))
    assert apart[~np.eye(FIRST, dtype=bool)].min() >= 0.02 * RIG.stature
    worth = answers.plausibility + asked(model).heading_prior(poses.free_heading(RIG).angle(answers.theta))
    worth -= (answers.error / answers.met).sum(axis=1)
    worth -= 1e6 * (answers.error > answers.met).any(axis=1)
    assert np.all(np.diff(worth[:FIRST]) <= 1e-9) and np.all(np.diff(worth[FIRST:]) <= 1e-9)


def test_poses_that_nearly_equal_a_better_one_come_after_the_first_different_ones():
    bones = np.repeat(np.arange(12.0), 2)[:, None, None] * (1.0, 0.0, 0.0) + np.zeros((24, 4, 3))
    bones[1::2, :, 1] = 0.01
    order = varied(bones, np.arange(24), 0.1)
    assert list(order[:FIRST]) == list(range(0, 2 * FIRST, 2))
    assert sorted(order) == list(range(24)) and list(order[FIRST:]) == sorted(order[FIRST:])


@pytest.fixture(scope="module")
def deep():
    """A model of two layers, the second on whitened residuals."""
    variables = poses.Variables.of(RIG)
    x = variables.rows(legal(3000, 1))
    schema = rescaled(variables.schema, x)
    model = variables.whole(fit(schema, to_model_units(schema, x), (6, 4), "full", "whiten"))
    return replace(model, features=poses.features(variables))


def test_a_model_of_two_layers_answers_too(deep):
    for truth in legal(4, 21):
        hips, _, hand = places(truth)
        answers = answer(deep, RIG, [At(HAND, hand, name="hand"), At(HIPS, hips, name="hips")], NOW, count=16)
        assert answers.unmet() == []


@pytest.mark.parametrize("layers", [1, 2])
def test_plausibility_is_the_likelihood_of_the_pose_whatever_its_effectors(model, deep, layers):
    model = model if layers == 1 else deep
    heading, theta = poses.free_heading(RIG), legal(10, 2)
    upright = heading.turned(theta, -heading.angle(theta))
    x = np.full((10, len(model.schema.names)), np.nan)
    own = asked(model)
    x[:, : len(own.columns)] = upright[:, own.columns]
    # Marginalising works with larger matrices, whose constant directions cost digits.
    assert np.allclose(plausibility(own, theta, heading.angle(theta)), model.log_prob(x), atol=1e-2)


def test_the_same_seed_gives_the_same_answers_and_another_gives_others(model):
    goals = [At(HAND, (0.5, 0.3, 1.3))]
    one, two, other = (answer(model, RIG, goals, NOW, count=8, seed=s).theta for s in (5, 5, 6))
    assert np.array_equal(one, two) and not np.allclose(one, other)


def test_without_goals_there_are_poses_of_the_model(model):
    answers = answer(model, RIG, [], NOW, count=16)
    assert answers.theta.shape == (16, RIG.joints.P) and answers.error.shape == (16, 0) and answers.unmet() == []
    assert np.all(answers.theta >= RIG.joints.low) and np.all(answers.theta <= RIG.joints.high)


def test_narrower_limits_than_those_that_were_learned_are_kept(model):
    limits = dict(tiny_rig.LIMITS)
    kind, low, high, *moves = limits["arm"]
    limits["arm"] = (kind, (-0.2, -0.1, -0.2), (0.2, 0.1, 0.2), *moves)
    rig = tiny_rig.rig(limits)
    answers = answer(model, rig, [At(HAND, (0.7, 0.2, 1.5), name="hand")], NOW, count=16)
    assert np.all(answers.theta >= rig.joints.low) and np.all(answers.theta <= rig.joints.high)
    assert answers.unmet() == []


def test_a_rig_whose_root_stays_is_answered_for(model):
    rig = tiny_rig.still()
    (own,) = poses.learn(rig, count=2000)
    truth = poses.random_poses(rig.joints, 1, np.random.default_rng(4))[0]
    now = np.clip(0.0, rig.joints.low, rig.joints.high)
    answers = answer(own, rig, [At(HAND, places(truth, rig)[2], name="hand")], now, count=16)
    assert own.features["heading"] is None and answers.unmet() == []


def test_what_goals_say_is_what_the_same_conditions_say(model):
    """At, held and the place of the pose now, against priors, known values and half-spaces in data units."""
    held = np.zeros(RIG.joints.P, bool)
    held[RIG.joints.names.index("forearm.x")] = True
    goals = [At(HAND, (0.5, 0.3, 1.3)), Near(ELBOW, (0.4, 0.3, 1.4), 0.1), Angle("chest.x", 0.1),
             Beyond(ELBOW, UP, -1.6), Beyond(HIPS, UP, 0.0)]
    own, turn = asked(model, goals, held=held), np.array([0.0])
    sd = 0.012 * RIG.stature
    priors = {f"at.forearm.tail.{a}": (x, sd) for a, x in zip("xyz", (0.5, 0.3, 1.3), strict=True)}
    priors |= {f"at.forearm.head.{a}": (x, 0.1) for a, x in zip("xyz", (0.4, 0.3, 1.4), strict=True)}
    priors |= {f"pose.hips.move_{a}": (0.0, PLACE_SD * RIG.stature) for a in "xyz"}
    priors["pose.chest.x"] = (0.1, np.radians(3.0))
    conditions = [drmm.GaussianPrior(priors), drmm.Known({"pose.forearm.x": 0.0}),
                  drmm.HalfSpace({"at.forearm.head.z": 1.0}, -1.6)]
    logits = [model.layers[0].logits(e, np.zeros((1, 0), int))
              for e in (evidence(own, turn), model.evidence(conditions, 1))]
    assert np.allclose(logits[0], logits[1], atol=1e-4)


def test_a_crane_with_a_sliding_bone_reaches_all_round():
    crane = tiny_rig.crane()
    (own,) = poses.learn(crane, count=4000)
    joints = crane.joints
    hook = Point(("hook",), np.array([[0.0, joints.armature.lengths[3], 0.0]]), np.ones(1))
    now = np.clip(0.0, joints.low, joints.high)
    assert own.features["heading"] == "tower"
    for truth in poses.random_poses(joints, 8, np.random.default_rng(1)):
        target = crane.points(joints.matrices(truth))[1]
        answers = answer(own, crane, [At(hook, target, name="hook"), Beyond(hook, (0.0, 1.0, 0.0), 0.0)], now, count=32)
        assert answers.error[0, 0] < 1e-3 * crane.stature
        assert np.all(answers.theta >= joints.low) and np.all(answers.theta <= joints.high)


@pytest.mark.parametrize("changes, message", [
    ({"theta": np.zeros(3)}, "theta must be 15 finite numbers"),
    ({"theta": np.full(15, np.nan)}, "theta must be 15 finite numbers"),
    ({"near": np.zeros(2)}, "near must be 15 finite numbers"),
    ({"held": np.zeros(4, bool)}, "held must be 15 of True and False"),
    ({"held": np.zeros(15)}, "held must be 15 of True and False"),
])  # fmt: skip
def test_numbers_that_make_no_pose_are_refused(model, changes, message):
    with pytest.raises(ValueError, match=message):
        answer(**({"model": model, "rig": RIG, "goals": [], "theta": NOW, "count": 4} | changes))


def test_a_model_of_something_else_or_of_another_rig_is_refused(model):
    with pytest.raises(ValueError, match="not of a rig's poses"):
        answer(replace(model, features={"kind": "pose"}), RIG, [], NOW, count=4)
    limits = {bone: each for bone, each in tiny_rig.LIMITS.items() if bone != "chest"}
    other = Rig(tiny_rig.joints(limits), RIG.effectors)
    with pytest.raises(ValueError, match="of another rig, which has 'pose.chest.x'"):
        answer(model, other, [], np.clip(0.0, other.joints.low, other.joints.high), count=4)


def test_a_wish_within_its_spread_is_no_goal_missed(model):
    hips = np.array([0.1, 0.2, 1.0])
    goals = [At(HIPS, hips, name="hips"), Near(HAND, hips + (0.9, 0.0, 0.5), 0.2, name="hand")]
    answers = answer(model, RIG, goals, NOW, count=16)
    assert answers.met == pytest.approx([6e-4 * RIG.stature, 0.4])
    assert answers.unmet() == [] and answers.error[0, 1] > 0.05


def test_while_a_goal_is_dragged_the_pose_does_not_jump_to_another_branch(model):
    pose = legal(1, 14)[0]
    hand, hips = places(pose)[2], places(pose)[0]
    for step in range(20):
        goals = [At(HAND, hand + 0.01 * step * (hips - hand) / np.linalg.norm(hips - hand), name="hand"),
                 At(HIPS, hips, name="hips")]
        answers = answer(model, RIG, goals, pose, count=16, seed=step, near=pose)
        bones = RIG.joints.matrices(np.stack([pose, answers.theta[0]]))[:, :, :3, 3]
        assert np.linalg.norm(bones[1] - bones[0], axis=-1).max() < 0.05
        assert answers.unmet() == []
        pose = answers.theta[0]
