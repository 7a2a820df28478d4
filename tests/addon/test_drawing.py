# SPDX-License-Identifier: Apache-2.0
"""What is drawn of direction: shapes by their closed forms, and that they follow the scene and go."""

import bpy
import numpy as np
import pytest

from blender_addon import takes
from blender_addon.direction import draw, labels, shapes
from drmm_engine.motion import skeleton
from tests.addon import rigs


@pytest.fixture
def set_up(stage, empty):
    stage.drmm.armature = rigs.rigify()
    for name, place in (("A", (0.0, -3.0, 0.0)), ("B", (2.0, -3.0, 0.0))):
        stage.drmm.targets.add().empty = empty(name, place)
    bpy.context.view_layer.update()
    return stage


def corners(name):
    """All corners of the lines of a picture `[n, 3]`."""
    lines, _ = draw.shown()[name].joined()
    return lines[0]


def near(points, place, within=0.02):
    return np.linalg.norm(points[:, :2] - place, axis=1).min() < within


def test_the_region_is_the_ellipse_of_the_covariance():
    covariance = np.array([[0.04, 0.01], [0.01, 0.02]])
    outline = shapes.region((1.0, 2.0), covariance, 0.5)
    off = outline[:, :2] - (1.0, 2.0)
    distance = np.sqrt(np.einsum("ni,ij,nj->n", off, np.linalg.inv(covariance), off))
    np.testing.assert_allclose(distance, shapes.DEVIATIONS, rtol=1e-9)
    np.testing.assert_allclose(outline[:, 2], 0.5 + shapes.LIFT)


def test_a_fan_covers_its_outline_s_area():
    picture = shapes.Picture()
    picture.fan(shapes.ring((0, 0, 0), 2.0)[:-1], shapes.STOP)
    a, b, c = picture.sides[0][0].reshape(-1, 3, 3).transpose(1, 0, 2)
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()
    assert area == pytest.approx(np.pi * 4, rel=0.01)


@pytest.mark.parametrize("side", [0, 1])
def test_a_foot_leaves_a_print_each_time_it_stands_on_its_own_side(side):
    motion = np.zeros((40, 20, 3))
    word, across = ("Left", "Right")[side], (0.1, -0.1)[side]
    motion[:, skeleton.index(word + "Foot"), :2] = np.stack([np.arange(40) // 20 * 0.7, np.full(40, across)], axis=1)
    motion[:, skeleton.index(word + "Toes"), :2] = motion[:, skeleton.index(word + "Foot"), :2] + (0.14, 0.0)
    stands = (np.arange(40) % 20 < 12)
    prints = list(shapes.soles(motion, stands, side, 0.0))
    assert len(prints) == 2
    np.testing.assert_allclose(prints[1] - prints[0], np.broadcast_to((0.7, 0.0, 0.0), prints[0].shape), atol=1e-12)
    length = np.ptp(prints[0][:, 0])
    assert 0.2 < length < 0.32 and 0.2 < np.ptp(prints[0][:, 1]) / length < 0.5
    ball = prints[0][np.abs(prints[0][:, 0] - prints[0][:, 0].min() - 0.7 * length) < 0.1 * length]
    outer = np.abs(ball[:, 1]).max() - abs(across)
    assert outer > abs(across) - np.abs(ball[:, 1]).min()  # broader to the body's outside


def test_the_way_goes_from_the_character_by_its_targets(set_up):
    draw.refresh(set_up)
    way = corners("way")
    for place in ((0.0, 0.0), (0.0, -3.0), (2.0, -3.0)):
        assert near(way, place)


def test_it_follows_what_is_moved_and_switched_off(set_up):
    draw.refresh(set_up)
    set_up.objects["B"].location.x = 5.0
    bpy.context.view_layer.update()
    assert near(corners("way"), (5.0, -3.0)) and not near(corners("way"), (2.0, -3.0))
    set_up.drmm.walk.show_route = False
    assert "way" not in draw.shown()
    set_up.drmm.walk.show_route = True
    set_up.drmm.targets.clear()
    set_up.drmm.armature = None
    draw.refresh(set_up)
    assert not draw.shown()


def test_a_take_leaves_footprints_until_it_is_gone(set_up):
    draw.refresh(set_up)
    set_up.drmm.walk.show_route = False
    bpy.ops.drmm.generate(seconds=3.0)
    rig = set_up.drmm.armature
    take = takes.shown(rig)
    made = takes.Motion(**(vars(take.motion) | {"contacts": np.tile(np.arange(len(take.motion)) % 20 < 10, (2, 1)).T}))
    picture = shapes.Picture()
    shapes.footprints(picture, take.world(made.positions), made.contacts, take.record["floor"])
    assert len(picture.sides) == 2 * int(np.ceil(len(made) / 20))
    rig.animation_data_clear()
    bpy.context.view_layer.update()
    assert "way" not in draw.shown()


def test_targets_are_said_in_a_few_words(set_up):
    row = set_up.drmm.targets[0]
    row.arrive, row.frame, row.facing, row.wait = "FRAME", 90, "AWAY", 24
    assert labels.said(1, row) == "1, by frame 90, backwards, wait 24"
    row.arrive, row.speed, row.facing, row.wait, row.stop = "SPEED", 1.4, "FREE", 0, True
    assert labels.said(2, row) == "2, 1.4 m/s, stop"


def test_what_is_being_generated_is_drawn_and_goes(set_up):
    class Half:
        blocks = [type("Block", (), {"positions": np.random.default_rng(0).random((5, 20, 3))})()] * 6

        def world(self, positions):
            return positions + (0.0, 0.0, 1.0)

    draw.generating([Half()])
    ends = corners("walk")
    assert len(ends) == 38 * 4 + 2 * 29 and ends[:, 2].min() >= 1.0
    draw.generating(())
    assert "walk" not in draw.shown()


def test_it_follows_the_list(set_up):
    draw.refresh(set_up)
    set_up.drmm.target_index = 0
    bpy.ops.drmm.move_target(direction="DOWN")
    first = draw.said()[0][0][:2]
    np.testing.assert_allclose(first, (2.0, -3.0), atol=1e-6)
    bpy.ops.drmm.remove_target()
    assert not near(corners("way"), (0.0, -3.0))


def test_objects_that_are_gone_are_left_out(set_up):
    bpy.data.objects.remove(bpy.data.objects["A"])
    draw.refresh(set_up)
    assert near(corners("way"), (2.0, -3.0)) and not near(corners("way"), (0.0, -3.0))
