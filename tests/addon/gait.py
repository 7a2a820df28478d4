# SPDX-License-Identifier: Apache-2.0
"""A walk and poses in closed form, in place of the engine's: what the add-on does with them is then known exactly."""

import numpy as np
from drmm_engine.motion.controller import Block
from drmm_engine.motion.posing import Poses

from drmm_engine.body import rotations
from drmm_engine.motion import skeleton
from tests.addon import rigs

SPEED, TURN, REACH, RATE = 1.2, 1.5, 0.3, 30


def _rest():
    """The tests' body as the canonical skeleton has it: facing +x, a head taller than the rigs."""
    places = []
    for joint in skeleton.JOINTS:
        side, part = next(((s, joint.removeprefix(s)) for s in ("Left", "Right") if joint.startswith(s)), ("", joint))
        x, y, z = (rigs.LIMBS if side else rigs.TRUNK)[part][1]
        places.append((-y, -x if side == "Right" else x, z))
    return 1.1 * np.array(places)


REST = _rest()
SKELETON = {
    "joints": list(skeleton.JOINTS),
    "parents": skeleton.PARENTS.tolist(),
    "rest": REST.tolist(),
    "frame_rate": RATE,
}


def swing(phase):
    """The body in mid-stride `[20, 3]`: legs and arms swung to and fro, at the origin, facing +x."""
    local = np.diff(REST[np.stack([np.maximum(skeleton.PARENTS, 0), np.arange(20)])], axis=0)[0]
    local[0] = REST[0]
    turns = np.zeros((20, 3))
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        turns[skeleton.index(f"{side}UpperLeg")] = (0, -0.5 * sign * np.sin(phase), 0)
        turns[skeleton.index(f"{side}LowerLeg")] = (0, 0.4 - 0.4 * sign * np.cos(phase), 0)
        turns[skeleton.index(f"{side}UpperArm")] = (-1.1 * sign, 0, 0.4 * np.sin(phase))
        turns[skeleton.index(f"{side}LowerArm")] = (0, 0, -0.3 * sign)
    positions, world = np.zeros((20, 3)), np.zeros((20, 4))
    for joint, parent in enumerate(skeleton.PARENTS):
        own = rotations.from_rotation_vector(turns[joint])
        above = world[parent] if parent >= 0 else np.array(rotations.IDENTITY)
        positions[joint] = (positions[parent] if parent >= 0 else 0) + rotations.rotate(above, local[joint])
        world[joint] = rotations.multiply(above, own)
    return positions


def place(body, position, heading):
    """A body at the origin that faces +x, moved and turned."""
    return rotations.rotate(rotations.from_axis_angle((0, 0, 1), heading), body) + (*position, 0.0)


def walk(model, targets, seconds=None, start=(0, 0), heading=0.0, seed=0, candidates=256, history=None):
    """As `controller.walk`: straight towards each target, turning at a limited rate."""
    position, frames, pursued = np.array(start, float), 0, 0
    while pursued < len(targets) and frames < seconds * RATE:
        block, reached = [], False
        for _ in range(5):
            way = np.asarray(targets[pursued].position) - position
            wanted = np.arctan2(way[1], way[0])
            turn = (wanted - heading + np.pi) % (2 * np.pi) - np.pi
            heading += np.clip(turn, -TURN / RATE, TURN / RATE)
            if abs(turn) < 0.5:
                position += SPEED / RATE * np.array([np.cos(heading), np.sin(heading)])
            block.append(place(swing(0.2 * frames + seed), position, heading))
            frames += 1
            reached |= bool(np.linalg.norm(way) < REACH)
        yield Block(positions=np.array(block), target=pursued, reached=reached)
        pursued += reached


def sample_poses(model, goals, count=64, seed=0, heading=0.0, origin=(0, 0)):
    """As `posing.sample_poses`: a body in mid-stride moved so that the first goal is met, each pose another stride."""
    bodies = np.array([place(swing(0.1 * n + seed), origin, heading) for n in range(count)])
    joint, goal = next(iter(goals.items()))
    bodies += (np.asarray(goal) - bodies[:, skeleton.index(joint)])[:, None]
    return Poses(positions=bodies, log_weight=-np.arange(count, dtype=float), error=np.zeros(count))
