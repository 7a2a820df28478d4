# SPDX-License-Identifier: Apache-2.0
"""What is kept with a take, and what of it is drawn, without Blender's windows."""

import bpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon import takes
from blender_addon.direction import draw
from blender_addon.takes import Motion, Take, figures, ghosts, motion, splice, strip
from drmm_engine.motion.controller import Block
from drmm_engine.motion.skeleton import index
from tests.addon import rigs, taken


def random_motion(seed, frames):
    noise = np.random.default_rng(seed)
    reach = noise.normal(size=(frames, 5))
    reach[: frames // 2] = np.nan
    return Motion(
        noise.normal(scale=10.0, size=(frames, 20, 3)), noise.random((frames, 2)) < 0.5,
        noise.normal(scale=9.0, size=frames), noise.integers(0, 300, frames), reach,
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 40))
def test_a_motion_is_kept_to_a_hundredth_of_a_millimetre_and_all_else_as_it_is(seed, frames):
    given_one = random_motion(seed, frames)
    data = motion.pack(given_one)
    kept = motion.unpack(data)
    assert np.abs(kept.positions - given_one.positions).max() <= motion.GRAIN / 2 + 1e-12
    np.testing.assert_array_equal(kept.contacts, given_one.contacts)
    np.testing.assert_array_equal(kept.target, given_one.target)
    np.testing.assert_allclose(kept.plausibility, given_one.plausibility, rtol=1e-6)
    np.testing.assert_allclose(kept.reach, given_one.reach, rtol=1e-6)
    assert motion.pack(kept) == data


def test_a_minute_takes_little_room():
    assert len(motion.pack(taken.motion(places=((0.0, -999.0),), seconds=60.0))) < 80_000


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 100))
def test_no_bytes_but_its_own_become_a_motion(noise, cut):
    whole = motion.pack(random_motion(0, 5))
    for data in (noise, whole[: min(cut, len(whole) - 1)], whole[:4] + noise):
        with pytest.raises(ValueError, match="damaged"):
            motion.unpack(data)


def test_blocks_become_frames():
    reach = (np.array([1.0, 2.0]), np.array([[3.0, 4.0], [4.0, 5.0]]))
    known = Block(np.ones((5, 20, 3)), 1, True, contacts=np.eye(5, 2) > 0, plausibility=-2.0, reach=reach)
    made = Motion.of([Block(np.zeros((5, 20, 3)), 0, False), known])
    assert len(made) == 10 and not made.contacts[:5].any() and np.isnan(made.reach[:5]).all()
    np.testing.assert_array_equal(made.contacts[5:], known.contacts)
    np.testing.assert_array_equal(made.target, [0] * 5 + [1] * 5)
    np.testing.assert_array_equal(made.reach[5:], [[1.0, 2.0, 3.0, 4.0, 5.0]] * 5)
    np.testing.assert_array_equal(made.plausibility[5:], -2.0)


@pytest.mark.parametrize("fps", [24.0, 30.0, 59.94])
def test_frames_of_scene_and_motion_are_the_same_moments(fps):
    take = Take(taken.record() | {"start": 11, "fps": fps}, random_motion(0, 100))
    assert take.frame(11) == 0.0 and take.frame(11 + fps) == pytest.approx(30.0)
    assert take.frame(take.end) <= 99 < take.frame(take.end + 1)
    before, after = splice.stretch(take, 20, 40)
    assert before <= take.frame(20) < before + 1 and after - 1 < take.frame(40) <= after


def test_a_figure_is_the_body_at_the_moment_between_two_frames():
    positions = random_motion(0, 3).positions
    np.testing.assert_allclose(figures.pose_at(positions, 1.25), 0.75 * positions[1] + 0.25 * positions[2])
    np.testing.assert_array_equal(figures.pose_at(positions, -4), positions[0])
    np.testing.assert_allclose(figures.pose_at(positions, 99), positions[2], atol=1e-12)
    np.testing.assert_array_equal(figures.pose_at(positions[:1], 0.5), positions[0])
    ends = figures.lines(positions[0])
    assert len(ends) == 38 and len(figures.tints((1, 1, 1), 0.5)) == 38
    pairs = {tuple(pair) for pair in ends.reshape(-1, 2, 3).round(4).reshape(-1, 6).tolist()}
    shin = positions[0][[index("LeftLowerLeg"), index("LeftFoot")]].astype(np.float32).round(4).ravel()
    assert tuple(shin.tolist()) in pairs


def test_colours_go_from_red_by_way_of_yellow_to_blue_and_grey_is_not_known():
    shades = figures.shades([-20.0, -10.0, -5.0, 0.0, 5.0, np.nan], -10.0, 0.0)
    expected = (figures.POOR, figures.POOR, figures.MIDDLE, figures.USUAL, figures.USUAL, figures.UNKNOWN)
    np.testing.assert_allclose(shades[:, :3], expected, atol=1e-6)


def test_each_frame_of_the_take_has_its_place_in_the_timeline():
    take = Take(taken.record() | {"start": 11, "fps": 60.0}, random_motion(0, 7))
    corners, colours = strip.triangles(take)
    assert corners.shape == (42, 2) and colours.shape == (42, 4)
    boxes = corners.reshape(7, 6, 2)
    np.testing.assert_allclose(boxes[..., 0].mean(axis=1), 11 + 2 * np.arange(7), atol=1e-5)
    np.testing.assert_allclose(boxes[..., 0].max(axis=1)[:-1], boxes[..., 0].min(axis=1)[1:], atol=1e-5)
    area = np.cross(corners[1::3] - corners[::3], corners[2::3] - corners[::3])
    assert area == pytest.approx(np.full(14, 2.0), abs=1e-4)


def test_the_other_takes_are_seen_where_they_are_at_the_frame(scene):
    hero = scene.drmm.armature = rigs.rigify()
    for seed in (0, 1, 2):
        taken.take(hero, seed=seed)
    scene.frame_set(16)
    shapes = ghosts.shapes()
    assert len(shapes) == 4
    for number, seed in ((0, 0), (2, 1)):
        expected = figures.lines(taken.motion(seed=seed).positions[15] / 1.1)
        np.testing.assert_allclose(shapes[number][0], expected, atol=1e-4)
    hero.drmm.takes.index = 0
    expected = figures.lines(taken.motion(seed=1).positions[15] / 1.1)
    np.testing.assert_allclose(ghosts.shapes()[0][0], expected, atol=1e-4)
    hero.drmm.takes.view, hero.drmm.takes.gap = "SIDE", 2.0
    moved = ghosts.shapes()[0][0] - expected
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 2.0, atol=1e-4)
    hero.drmm.takes.view = "OFF"
    assert not ghosts.shapes()
    assert ghosts._follow not in bpy.app.handlers.frame_change_post


def test_nothing_is_left_behind_after_the_review(scene):
    hero = scene.drmm.armature = rigs.rigify()
    for finish in (bpy.ops.drmm.accept_take, bpy.ops.drmm.reject_takes):
        taken.take(hero, seed=0), taken.take(hero, seed=1)
        assert ghosts.shapes()
        finish()
        assert not ghosts.shapes() and ghosts._follow not in bpy.app.handlers.frame_change_post
    taken.take(hero, seed=0), taken.take(hero, seed=1)
    bpy.data.objects.remove(hero)
    bpy.context.view_layer.update()
    scene.frame_set(5)
    assert not ghosts.shapes()


def test_undo_and_loading_show_what_the_scene_then_has(scene, tmp_path):
    hero = scene.drmm.armature = rigs.rigify()
    bpy.ops.ed.undo_push(message="no take")
    taken.take(hero, seed=0), taken.take(hero, seed=1)
    bpy.ops.ed.undo_push(message="two takes")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "two.blend"))
    bpy.ops.ed.undo()
    assert not ghosts.shapes()
    bpy.ops.ed.redo()
    assert len(ghosts.shapes()) == 2
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert not ghosts.shapes()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "two.blend"))
    assert len(ghosts.shapes()) == 2


def test_footprints_go_with_the_take_that_made_them(scene):
    hero = scene.drmm.armature = rigs.rigify()
    made = taken.motion()
    made.contacts[10:20, 0] = True
    takes.add(hero, taken.record(), made, taken.keys(hero, made), 1)
    assert draw.shown()
    bpy.ops.drmm.reject_takes()
    assert not draw.shown()
