# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones as octahedra: triangles and edges of whole poses at once, with colours lit from above; no Blender in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]

# Blender's octahedral bone of length 1: head, the four corners at a tenth of it, tail.
CORNERS = np.array([[0, 0, 0], [0.1, 0.1, 0.1], [0.1, 0.1, -0.1], [-0.1, 0.1, -0.1], [-0.1, 0.1, 0.1], [0, 1, 0]])
FACES = np.array([[0, 2, 1], [0, 3, 2], [0, 4, 3], [0, 1, 4], [5, 1, 2], [5, 2, 3], [5, 3, 4], [5, 4, 1]])
EDGES = np.array([[0, 1], [0, 2], [0, 3], [0, 4], [1, 2], [2, 3], [3, 4], [4, 1], [5, 1], [5, 2], [5, 3], [5, 4]])
LIGHT = np.array([0.36, -0.48, 0.8])  # in the armature's space: from above, before and to the left
SHADE = 0.45  # how dark a face is that the light does not reach
HIGHLIGHT = (1.0, 0.62, 0.15)


def corners(poses: ArrayLike, lengths: ArrayLike) -> Array:
    """Corners `[n, B, 6, 3]` of the octahedra of poses `[n, B, 4, 4]` of bones of lengths `[B]`."""
    poses = np.asarray(poses, float)
    local = CORNERS * np.asarray(lengths, float)[:, None, None]
    return (np.einsum("nbij,bcj->nbci", poses[..., :3, :3], local) + poses[..., None, :3, 3]).astype(np.float32)


def triangles(points: ArrayLike, colours: ArrayLike) -> tuple[Array, Array]:
    """Positions `[m, 3]` and colours `[m, 4]` of the faces of octahedra `[n, B, 6, 3]` of colours `[n, B, 4]`."""
    faces = np.asarray(points, float)[:, :, FACES]
    normals = np.cross(faces[..., 1, :] - faces[..., 0, :], faces[..., 2, :] - faces[..., 0, :])
    size = np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-30)
    lit = SHADE + (1.0 - SHADE) * (0.5 + 0.5 * (normals / size) @ LIGHT)
    tinted = np.repeat(np.asarray(colours, float)[:, :, None, :], len(FACES), axis=2)
    tinted[..., :3] *= lit[..., None]
    return faces.reshape(-1, 3).astype(np.float32), np.repeat(tinted.reshape(-1, 4), 3, axis=0).astype(np.float32)


def edges(points: ArrayLike, colours: ArrayLike) -> tuple[Array, Array]:
    """Positions `[m, 3]` and colours `[m, 4]` of the edges of octahedra `[n, B, 6, 3]` of colours `[n, B, 4]`."""
    lines = np.asarray(points, np.float32)[:, :, EDGES].reshape(-1, 3)
    return lines, np.repeat(np.asarray(colours, np.float32).reshape(-1, 4), 2 * len(EDGES), axis=0)


def colours(own: ArrayLike, ranks: ArrayLike, chosen: int, strength: float) -> Array:
    """Colours `[n, B, 4]` of ghosts, the first the clearest: a bone's own `[B, 3]`, or its rank's `[n, 3]`."""
    own, ranks = np.asarray(own, float), np.asarray(ranks, float)
    result = np.empty((len(ranks), len(own), 4))
    result[..., :3] = np.where(np.isnan(own), ranks[:, None], own)
    result[..., 3] = strength * np.linspace(1.0, 0.6, len(ranks))[:, None]
    if 0 <= chosen < len(ranks):
        result[chosen, :, :3], result[chosen, :, 3] = HIGHLIGHT, min(1.0, 1.6 * strength)
    return result.astype(np.float32)
