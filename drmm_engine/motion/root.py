# SPDX-License-Identifier: Apache-2.0
"""The way along the floor and the heading taken out of the hips, for a root bone or the object to carry."""

from __future__ import annotations

import numpy as np

from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array
from drmm_engine.motion.rig import Keys, Rig

SMOOTH = 5.0
"""Standard deviation, frames, over which the way is smoothed: hips sway from step to step, a root does not."""


def split(keys: Keys, rig: Rig) -> tuple[Keys, Array]:
    """Keys of hips that stay above their rest, and the rigid motion `[F, 4, 4]` along the floor that carries them.

    The motion takes the hips' place on the floor and heading at rest to where the hips are, smoothed, in the space of
    the rig: motion · (pose by the new keys) = pose by the old keys, for every bone below the hips.
    """
    place, heading = _way(keys, rig)
    turn = rot.from_axis_angle((0.0, 0.0, 1.0), heading)
    at_rest = np.append(_hips(keys, rig)[1][:2], 0.0)
    carrier = np.tile(np.eye(4), (len(turn), 1, 1))
    carrier[:, :3, :3] = rot.to_matrix(turn)
    carrier[:, :3, 3] = place - rot.rotate(turn, at_rest)
    return _without(keys, rig, turn, carrier[:, :3, 3]), carrier


def on_the_spot(keys: Keys, rig: Rig) -> Keys:
    """Keys of hips that sway, turn and rise as before, but stay above where they start."""
    place, _ = _way(keys, rig)
    return _without(keys, rig, np.tile(rot.IDENTITY, (len(place), 1)), place - place[0])


def _way(keys: Keys, rig: Rig) -> tuple[Array, Array]:
    """Smoothed places `[F, 3]` on the floor and headings `[F]` (radians from that of the rest pose) of the hips."""
    axes, head = _hips(keys, rig)
    place = (head + rot.rotate(axes, keys.location)) * (1.0, 1.0, 0.0)
    turn = rot.multiply(rot.multiply(axes, keys.rotations[:, 0]), rot.inverse(axes))
    heading = np.unwrap(2.0 * np.arctan2(turn[:, 3], turn[:, 0]))
    return smoothed(place), smoothed(heading[:, None])[:, 0]


def smoothed(values: Array, deviation: float = SMOOTH) -> Array:
    """Values `[F, n]` under a Gaussian; at both ends the motion goes on point-symmetrically, so that they stay."""
    reach = min(int(3 * deviation), len(values) - 1)
    if reach < 1:
        return values.copy()
    before, after = 2 * values[0] - values[reach:0:-1], 2 * values[-1] - values[-2 : -reach - 2 : -1]
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    longer = np.concatenate([before, values, after])
    return np.stack([np.convolve(column, kernel / kernel.sum(), "valid") for column in longer.T], axis=1)


def _without(keys: Keys, rig: Rig, turn: Array, shift: Array) -> Keys:
    """Keys after x -> turn⁻¹ (x - shift) of the hips."""
    axes, head = _hips(keys, rig)
    back = rot.inverse(turn)
    place = rot.rotate(back, head + rot.rotate(axes, keys.location) - shift)
    rotations = keys.rotations.copy()
    within = rot.multiply(rot.multiply(rot.inverse(axes), back), axes)
    rotations[:, 0] = rot.multiply(within, rotations[:, 0])
    return Keys(keys.bones, rot.continuous(rotations), rot.rotate(rot.inverse(axes), place - head))


def _hips(keys: Keys, rig: Rig) -> tuple[Array, Array]:
    """Orientation `[4]` and head `[3]` of the hips bone at rest."""
    bone = rig.names.index(keys.bones[0])
    return rig.turns[bone], rig.heads[bone]
