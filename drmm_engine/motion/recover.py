# SPDX-License-Identifier: Apache-2.0
"""From the joints of any rig back to the body that a model moves: what `retarget` does, the other way round."""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.export import canonical_rig
from drmm_engine.motion.retarget import retarget, rig_positions
from drmm_engine.motion.skeleton import JOINTS


def body(positions: Array, rest: Array, body_rest: Array) -> Array:
    """Positions `[F, 20, 3]` of the body at rest `body_rest` `[20, 3]` that is posed as a rig is.

    positions `[F, 20, 3]` and rest `[20, 3]`: the canonical joints of the rig, metres, Z up, in one space. The result
    has the body's own bone lengths, its hips at its size and its feet on its floor (z = 0). ValueError: not finite, or
    a rest pose that does not stand upright.
    """
    rig, same = canonical_rig(np.asarray(body_rest, float)), {joint: joint for joint in JOINTS}
    return rig_positions(rig, retarget(positions, rig, same, rest), same)
