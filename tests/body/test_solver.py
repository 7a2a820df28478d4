# SPDX-License-Identifier: Apache-2.0
"""Poses meet their goals, within limits, and nothing else changes."""

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from drmm_engine.body import rotations
from drmm_engine.body.armature import Armature, Basis
from drmm_engine.body.joints import Joint, Joints
from drmm_engine.body.solver import Along, Angle, At, Beyond, Facing, Near, Point, Within, errors, solve
from tests.body import humanoid

BODY = humanoid.humanoid()
MM = 1e-3


def arm(lengths, kind="swing", low=-2.5, high=2.5, **changes):
    """A chain of bones along Y from the origin, each free about all three axes within the limits."""
    count = len(lengths)
    rest = np.tile(np.eye(4), (count, 1, 1))
    rest[:, 1, 3] = np.cumsum([0.0, *lengths[:-1]])
    armature = Armature(tuple(f"b{i}" for i in range(count)), np.arange(count) - 1, rest, np.array(lengths, float),
                        np.ones(count, bool), ("FULL",) * count, np.ones(count, bool), np.zeros(count, bool))
    base = Basis(np.zeros((count, 3)), np.tile(rotations.IDENTITY, (count, 1)), np.ones((count, 3)))
    low, high = (np.broadcast_to(end, 3) for end in (low, high))
    return Joints(armature, tuple(Joint(name, kind, low, high, **changes) for name in armature.names), base)


def tip(joints):
    return humanoid.tail(joints, joints.armature.names[-1])


def place(joints, theta, bone):
    """Where the tail of a bone is [n, 3]."""
    row = joints.armature.names.index(bone)
    pose = joints.matrices(theta)[:, row]
    return pose[:, :3, 3] + pose[:, :3, 1] * joints.armature.lengths[row]


def test_goals_of_legal_poses_are_met_from_starts_near_rest_and_limits_are_kept():
    rng = np.random.default_rng(3)
    for _ in range(12):
        goals, _ = humanoid.query(BODY, rng)
        solved = solve(BODY, humanoid.near_rest(BODY, 32, rng), goals)
        worst = errors(BODY, solved, goals).max(axis=1)
        assert np.sort(worst)[15] < MM  # half of them, and the best by far
        assert worst.min() < 0.2 * MM
        assert (solved >= BODY.low).all() and (solved <= BODY.high).all()


def test_errors_are_distances_and_angles():
    theta = np.zeros((1, BODY.P))
    hand, up = humanoid.tail(BODY, "hand.L"), np.array([0.0, 0.0, 1.0])
    x = place(BODY, theta, "hand.L")[0]
    goals = [
        At(hand, x + [0.3, 0.0, 0.4]), Near(hand, x - [0.0, 0.2, 0.0], 0.1),
        Beyond(hand, 2.0 * up, -2.0 * (x[2] + 0.1)), Beyond(hand, -up, x[2] + 0.1),
        Within(hand, shifted(x + [0.5, 0.0, 0.0], 0.2)), Within(hand, shifted(x, 0.2)),
        Along("hand.L", [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]), Along("hand.L", [0.0, 2.0, 0.0], [-1.0, 0.0, 0.0]),
        Angle("shin.L.x", 0.7), Angle("hips.move_y", -0.2),
    ]
    wanted = [0.5, 0.2, 0.1, 0.0, 0.3, 0.0, np.pi / 4, np.pi, 0.7, 0.2]
    np.testing.assert_allclose(errors(BODY, theta, goals)[0], wanted, atol=1e-12)


def test_the_error_of_facing_is_the_angle_between():
    rng = np.random.default_rng(0)
    theta = humanoid.near_rest(BODY, 5, rng)
    turn = Rotation.from_matrix(BODY.matrices(theta)[:, BODY.armature.names.index("head"), :3, :3])
    wanted = Rotation.from_rotvec([0.3, -1.0, 2.0])
    found = errors(BODY, theta, [Facing("head", wanted.as_quat()[[3, 0, 1, 2]])])[:, 0]
    np.testing.assert_allclose(found, (wanted * turn.inv()).magnitude(), atol=1e-9)


@pytest.mark.parametrize("kind", ["swing", "XYZ", "ZXY", "YZX"])
def test_every_kind_of_joint_reaches_and_turns(kind):
    joints, rng = arm([1.0, 0.8, 0.5], kind, -1.5, 1.5), np.random.default_rng(1)
    truth = rng.uniform(-1.0, 1.0, (1, joints.P))
    pose = joints.matrices(truth)[0, -1]
    goals = [At(tip(joints), place(joints, truth, "b2")[0]), Facing("b2", rotations.from_matrix(pose[:3, :3]))]
    solved = solve(joints, rng.uniform(-0.8, 0.8, (16, joints.P)), goals)
    assert np.median(errors(joints, solved, goals).max(axis=1)) < 1e-3
    assert np.abs(solved).max() <= 1.5


def test_the_least_miss_is_that_of_scipy():
    joints, rng = arm([1.0, 0.7], low=-0.6, high=0.6), np.random.default_rng(2)
    for target in rng.normal(size=(6, 3)) * 2.0:
        goals = [At(tip(joints), target)]
        found = errors(joints, solve(joints, rng.uniform(-0.3, 0.3, (8, 6)), goals), goals).min()
        runs = [least_squares(lambda x, t=target: place(joints, x[None], "b1")[0] - t, start, bounds=(-0.6, 0.6))
                for start in rng.uniform(-0.3, 0.3, (4, 6))]
        best = min(np.linalg.norm(run.fun) for run in runs)
        assert found < best + 1e-3 * (1.0 + best)


def test_what_is_out_of_reach_ends_stretched_towards_it():
    joints = arm([1.0, 0.7])
    goals = [At(tip(joints), [3.0, 1.0, 2.0])]
    solved = solve(joints, np.random.default_rng(0).uniform(-1, 1, (8, 6)), goals)
    found, least = errors(joints, solved, goals)[:, 0], np.sqrt(14.0) - 1.7
    assert found.max() < 1.02 * least
    assert np.median(found) < 1.001 * least


def test_a_straight_limb_gets_away_from_where_it_can_only_bend():
    knee = arm([1.0, 0.7], low=[0.0, 0.0, 0.0], high=[2.5, 0.0, 0.0])
    goals = [At(tip(knee), [0.0, 0.9 * np.cos(0.8), 0.9 * np.sin(0.8)])]
    straight = np.zeros((1, 6))
    straight[0, 0] = 0.8
    assert errors(knee, solve(knee, straight, goals), goals).max() < 1e-3
    free = arm([1.0, 0.7])
    goals = [At(tip(free), [0.0, 0.9, 0.0])]
    assert errors(free, solve(free, np.zeros((1, 6)), goals), goals).max() < 1e-3


def test_held_and_locked_parameters_and_what_no_goal_needs_stay_bit_for_bit():
    rng = np.random.default_rng(4)
    start = humanoid.near_rest(BODY, 8, rng)
    held = np.array([name.startswith(("hips", "spine", "thigh.L")) for name in BODY.names])
    start[:, held] *= 0.1
    goals = [At(humanoid.tail(BODY, "hand.L"), [0.4, -0.3, 1.2]), Beyond(humanoid.tail(BODY, "hand.R"), [0, 0, 1], 0.0)]
    solved = solve(BODY, start, goals, held)
    away = np.array([name.startswith(("foot", "shin", "toe", "neck", "head")) for name in BODY.names])
    locked = BODY.low == BODY.high
    np.testing.assert_array_equal(solved[:, held | locked | away], start[:, held | locked | away])
    assert np.median(errors(BODY, solved, goals)[:, 0]) < MM


def test_starts_beyond_limits_and_off_locked_values_are_taken_back():
    start = np.full((2, BODY.P), 9.0)
    solved = solve(BODY, start, [Angle("shin.L.x", 1.0)])
    others = np.arange(BODY.P) != BODY.names.index("shin.L.x")
    np.testing.assert_array_equal(solved[:, others], np.tile(BODY.high, (2, 1))[:, others])
    assert np.abs(solved[:, ~others] - 1.0).max() < 1e-4


def test_a_pose_that_meets_its_goals_is_returned_as_it_is():
    goals, truth = humanoid.query(BODY, np.random.default_rng(5))
    inside = [goal for goal in goals if errors(BODY, truth[None], [goal]).max() == 0.0 or isinstance(goal, At)]
    np.testing.assert_array_equal(solve(BODY, truth[None], inside), truth[None])


def shifted(centre, half):
    matrix = np.diag([half, half, half, 1.0])
    matrix[:3, 3] = centre
    return matrix


def test_inequalities_hold_and_move_nothing_that_is_inside():
    rng = np.random.default_rng(6)
    hand, foot = humanoid.tail(BODY, "hand.L"), humanoid.tail(BODY, "foot.R")
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec([0.3, 0.5, -0.2]).as_matrix() * [0.10, 0.05, 0.20]
    turn[:3, 3] = 0.3, -0.35, 1.3
    goals = [Within(hand, turn), Beyond(foot, [0.0, -1.0, 0.2], -0.3)]
    solved = solve(BODY, humanoid.near_rest(BODY, 16, rng), goals)
    u = np.linalg.solve(turn, np.append(place(BODY, solved, "hand.L"), np.ones((16, 1)), axis=1).T)[:3]
    inside = (np.abs(u).max(axis=0) <= 1.0) & (place(BODY, solved, "foot.R") @ [0.0, -1.0, 0.2] >= 0.3)
    assert inside.mean() > 0.9
    np.testing.assert_array_equal(solve(BODY, solved[inside], goals), solved[inside])


def test_a_place_kept_on_the_edge_of_the_floor_costs_few_rounds():
    """A point that a goal holds at height 0 has no room for a margin: the pose counts as met in spite of that."""
    joints, up = arm([0.5, 0.5, 0.4]), np.array([0.0, 0.0, 1.0])
    start = np.full((6, joints.P), 0.2)
    target = place(joints, start, "b2")[0]
    goals = [At(tip(joints), target + [0.02, -0.03, 0.0]), Beyond(tip(joints), up, -target[2])]
    few = solve(joints, start, goals, rounds=6)
    assert np.array_equal(few, solve(joints, start, goals))  # nothing was left to do
    assert errors(joints, few, goals).max() < 0.2 * MM


def test_the_centre_of_mass_goes_where_it_is_asked():
    count = len(BODY.armature.names)
    mass = np.arange(1.0, count + 1)
    middles = np.zeros((count, 3))
    middles[:, 1] = 0.5 * BODY.armature.lengths
    point = Point(BODY.armature.names, middles, mass / mass.sum())
    goals = [At(point, [0.05, -0.02, 0.95]), At(humanoid.tail(BODY, "foot.L"), [0.1, -0.13, 0.02])]
    solved = solve(BODY, humanoid.near_rest(BODY, 8, np.random.default_rng(7)), goals)
    pose = BODY.matrices(solved)
    middle = pose[..., :3, 3] + 0.5 * pose[..., :3, 1] * BODY.armature.lengths[:, None]
    centre = np.average(middle, axis=1, weights=mass)
    good = errors(BODY, solved, goals).max(axis=1) < MM
    assert good.mean() > 0.7
    np.testing.assert_allclose(centre[good], np.tile([0.05, -0.02, 0.95], (good.sum(), 1)), atol=MM)


def test_directions_and_angles_are_met_together():
    goals = [Along("head", [0, 0, 1], [0.5, -1.0, 0.1]), Angle("shin.L.x", 1.2), Facing("foot.R", _turn_of("foot.R")),
             Angle("hips.move_z", -0.25)]
    solved = solve(BODY, humanoid.near_rest(BODY, 16, np.random.default_rng(8)), goals)
    assert np.median(errors(BODY, solved, goals).max(axis=1)) < 1e-3


def _turn_of(bone):
    return rotations.from_matrix(BODY.matrices(np.zeros((1, BODY.P)))[0, BODY.armature.names.index(bone), :3, :3])


def test_a_direction_straight_behind_is_reached():
    joints = arm([1.0, 1.0])
    goals = [Along("b1", [0, 1, 0], [0, -1, 0])]
    assert errors(joints, solve(joints, np.zeros((1, 6)), goals), goals)[0, 0] < 1e-3


def test_a_wish_is_weighed_against_the_draw_and_gives_way_to_a_goal():
    joints, start = arm([1.0, 0.7]), np.full((1, 6), 0.4)
    there = place(joints, start, "b1")[0]
    target = 0.8 * there
    misses = [errors(joints, solve(joints, start, [Near(tip(joints), target, sd)]), [At(tip(joints), target)])[0, 0]
              for sd in (0.01, 0.3, 3.0)]
    assert misses[0] < 0.01 < misses[1] < misses[2] < 0.4
    both = [At(tip(joints), there), Near(tip(joints), target, 0.2)]
    assert errors(joints, solve(joints, start + 0.1, both), both)[0, 0] < 1e-3


def test_weights_say_which_of_two_goals_that_conflict_is_met():
    joints, start = arm([1.0, 0.7]), np.random.default_rng(0).uniform(-0.5, 0.5, (1, 6))
    a, b = np.array([0.3, 1.2, 0.0]), np.array([0.5, 1.2, 0.0])
    for weights, part in (((1.0, 1.0), 0.5), ((4.0, 1.0), 0.2), ((1.0, 0.0), 0.0)):
        goals = [At(tip(joints), a, weight=weights[0]), At(tip(joints), b, weight=weights[1])]
        found = place(joints, solve(joints, start, goals), "b1")[0]
        np.testing.assert_allclose(found, a + part * (b - a), atol=5e-3)


@pytest.mark.parametrize("away", [700.0, 1e6])
def test_an_armature_that_is_turned_moved_and_scaled_as_a_whole_gives_the_same_poses(away):
    rng = np.random.default_rng(9)
    goals, _ = humanoid.query(BODY, rng)
    start = humanoid.near_rest(BODY, 8, rng)
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = 100.0 * Rotation.from_rotvec([0.4, 1.0, -2.0]).as_matrix(), [40.0, -20.0, away]
    there = moved(BODY, whole)
    for number, goal in enumerate(goals):
        point = Point(goal.point.bones, goal.point.offsets * 100.0, goal.point.weights)
        if isinstance(goal, At):
            goals[number] = At(point, whole[:3, :3] @ goal.target + whole[:3, 3])
        else:
            normal = whole[:3, :3] @ goal.normal / 100.0
            goals[number] = Beyond(point, normal, 100.0 * goal.offset - normal @ whole[:3, 3])
    here, _ = humanoid.query(BODY, np.random.default_rng(9))
    size = np.where(np.arange(BODY.P) < 63, 1.0, 100.0)
    a, b = solve(BODY, start, here), solve(there, start * size, goals) / size
    both = (errors(BODY, a, here).max(axis=1) < MM) & (errors(there, b * size, goals).max(axis=1) < 100 * MM)
    assert both.mean() > 0.7
    assert np.median(np.abs(a - b)[both].max(axis=1)) < 5e-3


def moved(joints, whole):
    """The joints on an armature that is turned, scaled by 100 and moved within."""
    armature = joints.armature
    rest = whole @ armature.rest
    rest[:, :3, :3] /= 100.0
    changed = Armature(armature.names, armature.parents, rest, armature.lengths * 100.0, armature.inherit_rotation,
                       armature.inherit_scale, armature.local_location, armature.connected)
    limits = [Joint(j.bone, j.kind, j.low, j.high, *((j.move_low * 100, j.move_high * 100) if j.moves else ()))
              for j in joints.joints]
    return Joints(changed, tuple(limits), joints.base)


def test_a_start_near_the_answer_stays_near_it():
    rng = np.random.default_rng(10)
    goals, truth = humanoid.query(BODY, rng)
    start = np.clip(truth + 0.02 * rng.normal(size=(8, BODY.P)), BODY.low, BODY.high)
    solved = solve(BODY, start, goals)
    assert errors(BODY, solved, goals).max() < MM
    assert np.abs(solved - truth).max() < 0.3


def test_no_poses_and_no_goals_are_answered_with_what_was_given():
    goals, truth = humanoid.query(BODY, np.random.default_rng(0))
    assert solve(BODY, np.zeros((0, BODY.P)), goals).shape == (0, BODY.P)
    np.testing.assert_array_equal(solve(BODY, truth[None], []), truth[None])
    assert errors(BODY, truth[None], []).shape == (1, 0)


def test_enough_poses_end_the_search():
    goals, truth = humanoid.query(BODY, np.random.default_rng(11))
    start = humanoid.near_rest(BODY, 32, np.random.default_rng(12))
    some = errors(BODY, solve(BODY, start, goals, enough=4), goals).max(axis=1) < MM
    assert 4 <= some.sum() <= (errors(BODY, solve(BODY, start, goals), goals).max(axis=1) < MM).sum()


@pytest.mark.parametrize(("goal", "said"), [
    (lambda: At(humanoid.tail(BODY, "head"), [0, np.nan, 0], name="it"), "it"),
    (lambda: Near(humanoid.tail(BODY, "head"), [0, 0, 0], 0.0, name="it"), "sd"),
    (lambda: Along("head", [0, 0, 0], [0, 0, 1]), "axis"),
    (lambda: Beyond(humanoid.tail(BODY, "head"), [0, 0, 0], 0.0), "normal"),
    (lambda: Within(humanoid.tail(BODY, "head"), np.zeros((4, 4))), "flat"),
    (lambda: Facing("head", [1, 0, 0]), "quaternion"),
    (lambda: Angle("head.x", 1.0, weight=-1.0), "weight"),
    (lambda: Point(("head",), [[0, 0]], [1]), "head"),
])
def test_goals_that_make_no_sense_are_refused(goal, said):
    with pytest.raises(ValueError, match=said):
        goal()


@pytest.mark.parametrize("goal", [
    At(Point(("tail",), np.zeros((1, 3)), np.ones(1)), [0, 0, 0]), Along("tail", [0, 1, 0], [0, 0, 1]),
    Angle("tail.x", 0.0),
])
def test_goals_on_what_is_not_there_name_it(goal):
    with pytest.raises(ValueError, match="tail"):
        solve(BODY, np.zeros((1, BODY.P)), [goal])


def test_poses_of_other_joints_are_refused():
    with pytest.raises(ValueError, match="66"):
        solve(BODY, np.zeros((1, 5)), [])
    with pytest.raises(ValueError, match="held"):
        solve(BODY, np.zeros((1, 66)), [], held=[True])
