# SPDX-License-Identifier: Apache-2.0
"""A part of a take made anew: what is kept is kept to the bit, what is new goes on from it, and the take stays."""

import bpy
import numpy as np
import pytest

from blender_addon import takes
from blender_addon.takes import again, patch, seams, splice
from drmm_engine.motion import skeleton
from tests.addon import gait, rigs, taken


def joined(model, history, end, frames, seed=0, keep=()):
    """A motion in between in closed form: the body glides there, swaying to its left by a seed's decimetres."""
    part = np.linspace(0, 1, frames - len(end) + 2)[1:-1]
    way = history[-1] + part[:, None, None] * (end[0] - history[-1])
    way += 0.1 * seed * np.sin(np.pi * part)[:, None, None] * np.array([1.0, 0.0, 0.0])
    return np.concatenate([way, end])


@pytest.fixture
def walked(stage, empty, monkeypatch):
    """An armature with a take of a walk to two empties from frame 11 on, at 24 frames/s."""
    monkeypatch.setattr(again.between, "between", joined)
    stage.render.fps = 24
    stage.drmm.armature = rigs.eulers()
    for name, place in (("A", (0.3, -2.5, 0.0)), ("B", (1.5, -4.0, 0.0))):
        stage.drmm.targets.add().empty = empty(name, place)
    stage.frame_set(11)
    assert bpy.ops.drmm.generate(seed=2) == {"FINISHED"}
    return stage.drmm.armature


def keyed_alike(before, after, inside):
    """How many curves differ of two Actions, whose keys outside of the frames that `inside` tells are the same."""
    changed = 0
    for curve, rows in before.items():
        now = after[curve]
        old, new = rows[~inside(rows[:, 0])], now[~inside(now[:, 0])]
        np.testing.assert_array_equal(old[:, :2], new[:, :2])
        changed += not np.array_equal(rows[:, 1], now[: len(rows), 1])
    return changed


def jumps(armature, frames):
    """Lengths of the joints' steps from frame to frame `[n - 1, 20]`."""
    places = np.array([taken.at(armature, frame) for frame in frames])
    return np.linalg.norm(np.diff(places, axis=0), axis=-1)


def test_a_stretch_is_made_anew_and_all_other_keys_stay(walked):
    source = taken.played(walked)
    before, kept, fastest = taken.curves(source), takes.shown(walked), jumps(walked, range(11, 70)).max()
    assert bpy.ops.drmm.remake_stretch(first=31, last=61, seed=3) == {"FINISHED"}
    made = taken.played(walked)
    assert made != source and len(walked.drmm.takes.rows) == 2
    for was, now in zip(before.items(), taken.curves(source).items(), strict=True):
        assert was[0] == now[0] and np.array_equal(was[1], now[1])
    changed = keyed_alike(before, taken.curves(made), lambda frames: (frames > 31) & (frames < 61))
    assert changed > 10
    now = takes.shown(walked)
    frames = np.arange(len(now.motion))
    inside = (frames > kept.frame(31)) & (frames < kept.frame(61))
    np.testing.assert_allclose(now.motion.positions[~inside], kept.motion.positions[~inside], atol=6e-6)
    assert np.isfinite(now.motion.plausibility[inside]).all()
    assert now.record["seed"] == 3 and kept.record["seed"] == 2
    assert jumps(walked, range(26, 67)).max() < 1.2 * fastest


def test_the_preview_range_is_the_stretch_and_each_time_it_is_another(walked):
    bpy.context.scene.use_preview_range = True
    bpy.context.scene.frame_preview_start, bpy.context.scene.frame_preview_end = 30, 50
    for _ in range(2):
        assert bpy.ops.drmm.remake_stretch() == {"FINISHED"}
    seeds = [row.seed for row in walked.drmm.takes.rows]
    assert seeds == [2, 3, 4] and "30 to 50" in walked.drmm.takes.rows[2].note


@pytest.mark.parametrize("span", [(20, 22), (-50, 14), (500, 600)])
def test_a_stretch_that_is_too_short_or_elsewhere_is_refused(walked, span):
    with pytest.raises(RuntimeError, match="too few to make anew"):
        bpy.ops.drmm.remake_stretch(first=span[0], last=span[1])
    bpy.context.scene.use_preview_range = False
    with pytest.raises(RuntimeError, match="preview range"):
        bpy.ops.drmm.remake_stretch()
    assert len(walked.drmm.takes.rows) == 1


def test_keys_of_the_animator_outside_of_the_stretch_and_on_other_bones_stay(walked):
    source = taken.played(walked)
    root = walked.pose.bones["root"]
    root.rotation_mode = "XYZ"
    root.keyframe_insert("rotation_euler", frame=40)
    curve = next(one for one in taken.compat.all_curves(source) if "thigh.L" in one.data_path)
    curve.keyframe_points[5].co.y += 0.4
    curve.update()
    before = taken.curves(source)
    bpy.ops.drmm.remake_stretch(first=31, last=61)
    after = taken.curves(taken.played(walked))
    keyed_alike(before, after, lambda frames: (frames > 31) & (frames < 61))
    lone = [(key, rows) for key, rows in before.items() if '"root"' in key[0]]
    assert len(lone) == 3 and all(np.array_equal(after[key], rows) for key, rows in lone)


def test_a_moved_target_changes_only_what_follows(walked):
    source, scene = taken.played(walked), bpy.context.scene
    before, kept, fastest = taken.curves(source), takes.shown(walked), jumps(walked, range(11, 70)).max()
    first = int(np.flatnonzero(kept.motion.target == 1)[0])
    scene.objects["B"].location = (-1.5, -4.5, 0.0)
    assert bpy.ops.drmm.update_take() == {"FINISHED"}
    border = kept.start + (first - 1) / kept.ratio
    keyed_alike(before, taken.curves(taken.played(walked)), lambda frames: frames > np.floor(border))
    now = takes.shown(walked)
    np.testing.assert_allclose(now.motion.positions[:first], kept.motion.positions[:first], atol=6e-6)
    assert now.record["targets"][1]["position"][:2] == pytest.approx([-1.5, -4.5])
    ends = [taken.at(walked, frame)[0, :2] for frame in range(now.start, now.end + 1)]
    assert np.linalg.norm(np.array(ends) - (-1.5, -4.5), axis=1).min() < gait.REACH
    assert jumps(walked, range(int(border) - 3, int(border) + 8)).max() < 1.2 * fastest
    with pytest.raises(RuntimeError, match="was moved since"):
        bpy.ops.drmm.update_take()


def test_with_the_first_target_moved_all_but_the_beginning_is_new(walked):
    bpy.context.scene.objects["A"].location = (-2.0, -2.0, 0.0)
    start = taken.at(walked, 11)
    bpy.ops.drmm.update_take()
    np.testing.assert_allclose(taken.at(walked, 11), start, atol=1e-6)
    now = takes.shown(walked)
    path = np.array([taken.at(walked, frame)[0, :2] for frame in range(11, now.end + 1)])
    for place in ((-2.0, -2.0), (1.5, -4.0)):
        assert np.linalg.norm(path - place, axis=1).min() < gait.REACH + 0.1


def test_extended_it_goes_on_to_the_targets_added_since(walked, empty):
    source, scene = taken.played(walked), bpy.context.scene
    before, kept, fastest = taken.curves(source), takes.shown(walked), jumps(walked, range(11, 70)).max()
    scene.drmm.targets.add().empty = empty("C", (3.0, -4.0, 0.0))
    assert bpy.ops.drmm.extend_take(seconds=20.0) == {"FINISHED"}
    after, now = taken.curves(taken.played(walked)), takes.shown(walked)
    keyed_alike(before, after, lambda frames: frames > kept.end)
    assert now.end > kept.end and len(now.record["targets"]) == 3
    assert np.linalg.norm(taken.at(walked, now.end)[0, :2] - (3.0, -4.0)) < gait.REACH + 0.1
    assert jumps(walked, range(kept.end - 5, kept.end + 12)).max() < 1.2 * fastest
    assert set(now.motion.target[len(kept.motion) :]) == {2}


def test_extended_without_new_targets_it_goes_straight_on(walked):
    kept = takes.shown(walked)
    assert bpy.ops.drmm.extend_take(seconds=2.0) == {"FINISHED"}
    now = takes.shown(walked)
    assert (now.end - kept.end) / 24 == pytest.approx(2.0, abs=0.1)
    way = now.motion.positions[-1, 0, :2] - kept.motion.positions[-1, 0, :2]
    before = kept.motion.positions[-1, 0, :2] - kept.motion.positions[-10, 0, :2]
    assert way @ before > 0.99 * np.linalg.norm(way) * np.linalg.norm(before)
    assert bpy.ops.drmm.extend_take(seconds=1.0) == {"FINISHED"}
    bpy.context.scene.objects["B"].location.x += 1.0
    assert bpy.ops.drmm.update_take() == {"FINISHED"}


def test_variations_have_seeds_of_their_own_and_start_alike(walked):
    start = taken.at(walked, 11)[0]
    assert bpy.ops.drmm.vary_take(count=2) == {"FINISHED"}
    assert [row.seed for row in walked.drmm.takes.rows] == [2, 3, 4]
    assert taken.played(walked) == walked.drmm.takes.rows[2].action
    np.testing.assert_allclose(taken.at(walked, 11)[0, :2], start[:2], atol=0.05)
    bpy.ops.drmm.vary_take(count=1)
    assert walked.drmm.takes.rows[3].seed == 5


def test_generate_during_a_review_starts_as_the_first_time(walked):
    bpy.context.scene.frame_set(11)
    bpy.ops.drmm.generate(seed=2)
    first, second = (row.action for row in walked.drmm.takes.rows)
    for key, rows in taken.curves(first).items():
        np.testing.assert_array_equal(taken.curves(second)[key], rows)


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "ZXY", "AXIS_ANGLE", ""])
def test_new_values_meet_the_kept_ones_whatever_their_signs_and_turns(mode):
    size = {"QUATERNION": 4, "AXIS_ANGLE": 4}.get(mode, 3)
    smooth = np.cumsum(np.full((20, size), 0.01), axis=0) + 0.3
    kept = smooth[0].copy()
    other = -smooth if size == 4 else smooth + (2 * np.pi if mode else 0.0)
    aligned = seams.aligned(other[1:], kept, mode)
    expected = smooth[1:] if mode else other[1:]
    np.testing.assert_allclose(aligned, expected, atol=1e-12)


def test_a_miss_dies_away_smoothly_from_both_ends():
    frames = np.arange(1, 30)
    bent = seams.bent(np.zeros((29, 1)), frames, (0, 30), (np.array([1.0]), np.array([-2.0])))[:, 0]
    whole = np.concatenate([[1.0], bent, [-2.0]])
    np.testing.assert_array_equal(whole[seams.WIDTH : 31 - seams.WIDTH], 0.0)
    assert (np.diff(whole) <= 0).all() and np.abs(np.diff(whole)).max() < 0.3 * 2


def test_keys_few_and_far_between_are_replaced_within_the_stretch_alone(scene):
    hero = rigs.rigify()
    motion = taken.motion()
    source = takes.add(hero, taken.record(), motion, taken.keys(hero, motion), 1)
    channels = []
    for channel in taken.keys(hero, motion):
        frames = np.array([0, 13, 27, 44, len(channel.values) - 1])
        channels.append(taken.channels.Channel(channel.bone, channel.property, channel.values[frames], frames))
    made = patch.patched(hero, source, channels, 1, 11, 41)
    before, after = taken.curves(source), taken.curves(made)
    keyed_alike(before, after, lambda frames: (frames > 11) & (frames < 41))
    for rows in after.values():
        np.testing.assert_array_equal(rows[(rows[:, 0] > 11) & (rows[:, 0] < 41), 0], [14, 28])


def test_which_targets_changed():
    old = [{"object": "A", "position": [1.0, 2.0, 0.0]}, {"object": "", "position": [3.0, 0.0, 0.0]}]
    assert splice.changed(old, [dict(row) for row in old]) is None
    assert splice.changed(old, [old[0], old[1] | {"position": (3.0, 1e-9, 0.0)}]) is None
    assert splice.changed(old, [old[0], old[1] | {"stop": True}]) == 1
    assert splice.changed(old, old[:1]) == 1 and splice.changed(old, [*old, old[0]]) == 2
    assert splice.merged(old, [old[0] | {"stop": True}]) == [old[0] | {"stop": True}, old[1]]
    assert splice.extra([{"object": "A"}], [{"object": "A"}, {"object": "A"}]) == [{"object": "A"}]
    assert splice.extra([{"object": "A"}], [{"object": "B"}, {"object": "A"}]) == [{"object": "B"}]
    path = [[float(k), 0.0] for k in range(20)]
    assert splice.later([{"facing": path}], 2.0)[0]["facing"] == path[12:]
    assert splice.later([{"facing": path}], 99.0)[0]["facing"] == path[-1:]
    assert splice.later([{"facing": [1.0, 2.0]}], 2.0)[0]["facing"] == [1.0, 2.0]
    times = splice.later([{"arrive": 3.0}, {"arrive": 1.0}, {"arrive": None}], 2.0)
    assert [row["arrive"] for row in times] == [1.0, None, None]


def test_a_body_that_stands_is_led_straight_ahead(scene):
    take = takes.Take(taken.record() | {"start": 1}, takes.Motion.plain(np.repeat(gait.REST[None], 20, axis=0)))
    place = np.array(splice.ahead(take, 2.0)["position"][:2])
    assert place / np.linalg.norm(place) == pytest.approx(skeleton.facing(gait.REST)[:2], abs=1e-6)
    assert np.linalg.norm(place) >= 2.0 * splice.AHEAD * take.record["scale"]
