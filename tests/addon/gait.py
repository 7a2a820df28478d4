# SPDX-License-Identifier: Apache-2.0
"""A walk and poses in closed form, in place of the engine's or to learn from: what the add-on does is known exactly."""

from dataclasses import replace

import numpy as np

import drmm_engine as drmm
from drmm_engine.body import rotations
from drmm_engine.body.skeleton import forward_kinematics
from drmm_engine.fit import fit
from drmm_engine.layer import Layer
from drmm_engine.motion import features, pose_features, skeleton
from drmm_engine.motion.controller import Block, Target
from drmm_engine.motion.posing import Poses
from drmm_engine.scaling import to_model_units
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
    """Bodies in mid-stride `[n, 20, 3]` at phases `[n]`: legs and arms swung to and fro, at the origin, facing +x."""
    phase = np.atleast_1d(phase)
    turns = np.zeros((len(phase), 20, 3))
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        turns[:, skeleton.index(f"{side}UpperLeg"), 1] = -0.5 * sign * np.sin(phase)
        turns[:, skeleton.index(f"{side}LowerLeg"), 1] = 0.4 - 0.4 * sign * np.cos(phase)
        arm = skeleton.index(f"{side}UpperArm")
        turns[:, arm, 0], turns[:, arm, 2] = -1.1 * sign, 0.4 * np.sin(phase)
        turns[:, skeleton.index(f"{side}LowerArm"), 2] = -0.3 * sign
    offsets = REST - REST[np.maximum(skeleton.PARENTS, 0)]
    offsets[0] = REST[0]
    local = np.broadcast_to(offsets, turns.shape)
    return forward_kinematics(skeleton.PARENTS, local, rotations.from_rotation_vector(turns))[0]


def place(body, position, heading):
    """A body at the origin that faces +x, moved and turned."""
    return rotations.rotate(rotations.from_axis_angle((0, 0, 1), heading), body) + (*position, 0.0)


def walk(model, targets, seconds=None, start=(0, 0), heading=0.0, seed=0, candidates=256, history=None, keep=()):
    """As `controller.walk`: towards each target in a bend of a limited rate; after a history, in another stride."""
    if history is not None:
        start, heading = features.placement(history[-1])
    position, frames, pursued = np.array(start, float), 0, 0
    while pursued < len(targets) and frames < seconds * RATE:
        block, reached = [], False
        for _ in range(5):
            way = np.asarray(targets[pursued].position) - position
            wanted = np.arctan2(way[1], way[0])
            turn = (wanted - heading + np.pi) % (2 * np.pi) - np.pi
            heading += np.clip(turn, -TURN / RATE, TURN / RATE)
            step = SPEED / RATE * np.clip(np.cos(turn), 0.3, 1.0)  # slower in a bend, so that no target is circled
            position += step * np.array([np.cos(heading), np.sin(heading)])
            block.append(place(swing(0.2 * frames + seed)[0], position, heading))
            frames += 1
            reached |= bool(np.linalg.norm(way) < REACH)
        yield Block(positions=np.array(block), target=pursued, reached=reached)
        pursued += reached


def sample_poses(model, goals, count=64, seed=0, heading=0.0, origin=(0, 0)):
    """As `posing.sample_poses`: a body in mid-stride moved so that the first goal is met, each pose another stride."""
    bodies = place(swing(0.1 * np.arange(count) + seed), origin, heading)
    joint, goal = next(iter(goals.items()))
    bodies += (np.asarray(goal) - bodies[:, skeleton.index(joint)])[:, None]
    return Poses(positions=bodies, log_weight=-np.arange(count, dtype=float), error=np.zeros(count))


def pose_model():
    """A pose model with a component at each of 32 moments of a stride."""
    means = pose_features.encode(swing(np.linspace(0, 2 * np.pi, 32, endpoint=False)))
    layer = Layer(np.full(len(means), -np.log(len(means))), means, np.full((1, means.shape[1]), np.log(0.1)))
    return describe(drmm.Model(pose_features.pose_schema(), (layer,)), {"kind": "pose"})


def walk_model():
    """A locomotion model of walks to and fro between places at random, of two layers."""
    noise = np.random.default_rng(0)
    clips = []
    for phase in np.linspace(0, 2 * np.pi, 6, endpoint=False):
        places = [Target(tuple(place)) for place in noise.uniform(-3, 3, (12, 2))]
        clips.append(np.concatenate([block.positions for block in walk(None, places, 25.0, seed=phase)]))
    values = features.encode(np.concatenate([features.windows(clip, stride=3) for clip in clips]))
    schema = features.locomotion_schema(values)
    start = clips[0][:features.HISTORY]
    start = features.to_local(start, *features.placement(start[-1]))
    model = fit(schema, to_model_units(schema, values), (128, 64), steps=0)
    return describe(model, {"kind": "locomotion", "start": start.tolist()})


def describe(model, kind_and_start):
    """A model with what its file says of body and features."""
    data = {"source": "closed form", "licence": "CC0"}
    return replace(model, data=data, skeleton=SKELETON, features=kind_and_start)
