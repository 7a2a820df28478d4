# SPDX-License-Identifier: Apache-2.0
"""Shapes of ghosts, and that nothing of them is left behind."""

import numpy as np
import pytest

from blender_addon.answers import shapes


def _poses(count, bones, seed=0):
    rng = np.random.default_rng(seed)
    turns = np.linalg.qr(rng.normal(size=(count, bones, 3, 3)))[0]
    turns *= np.sign(np.linalg.det(turns))[..., None, None]
    poses = np.tile(np.eye(4), (count, bones, 1, 1))
    poses[..., :3, :3], poses[..., :3, 3] = turns, rng.normal(size=(count, bones, 3))
    return poses


def test_a_bone_reaches_from_its_head_to_its_tail_and_faces_outwards():
    poses, lengths = _poses(3, 2), np.array([0.5, 2.0])
    points = shapes.corners(poses, lengths)
    assert np.allclose(points[:, :, 0], poses[..., :3, 3], atol=1e-6)
    tails = poses[..., :3, 3] + poses[..., :3, 1] * lengths[:, None]
    assert np.allclose(points[:, :, 5], tails, atol=1e-6)
    faces = points[:, :, shapes.FACES].astype(float)
    centre = points.mean(axis=2)[:, :, None]
    normals = np.cross(faces[..., 1, :] - faces[..., 0, :], faces[..., 2, :] - faces[..., 0, :])
    assert (np.sum(normals * (faces[..., 0, :] - centre), axis=-1) > 0).all()


def test_every_corner_and_colour_is_drawn_in_its_order():
    points = shapes.corners(_poses(2, 3), np.ones(3))
    tints = np.arange(24.0).reshape(2, 3, 4)
    places, colours = shapes.edges(points, tints)
    assert places.shape == (2 * 3 * 12 * 2, 3) and colours.shape == (len(places), 4)
    assert np.array_equal(places.reshape(6, 24, 3)[4, 0], points[1, 1, 0])
    assert np.array_equal(colours.reshape(6, 24, 4)[:, 7], tints.reshape(6, 4))
    places, colours = shapes.triangles(points, tints)
    assert places.shape == (2 * 3 * 8 * 3, 3)
    assert np.array_equal(colours.reshape(6, 24, 4)[:, 7, 3], tints[..., 3].ravel())


def test_a_face_towards_the_light_is_brighter_than_one_away_from_it():
    points = shapes.corners(_poses(1, 1), np.ones(1))
    faces, colours = shapes.triangles(points, np.ones((1, 1, 4)))
    faces = faces.reshape(-1, 3, 3)
    normals = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    lit = normals @ shapes.LIGHT / np.linalg.norm(normals, axis=1)
    assert np.array_equal(np.argsort(lit), np.argsort(colours.reshape(-1, 3, 4)[:, 0, 0]))
    assert colours[:, :3].min() >= shapes.SHADE and colours[:, :3].max() <= 1.0


@pytest.mark.parametrize("chosen", [0, 2, 9])
def test_bones_keep_their_own_colour_but_the_chosen_ghost_is_highlighted(chosen):
    own = np.array([[1.0, 0.0, 0.0], [np.nan] * 3])
    ranks = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])
    tints = shapes.colours(own, ranks, chosen, 0.2)
    for ghost in range(3):
        expected = [shapes.HIGHLIGHT] * 2 if ghost == chosen else [(1.0, 0.0, 0.0), ranks[ghost]]
        assert np.allclose(tints[ghost, :, :3], expected)
    others = [tints[ghost, 0, 3] for ghost in range(3) if ghost != chosen]
    assert others == sorted(others, reverse=True) and 0 < min(others) and max(others) <= 0.2 + 1e-6
