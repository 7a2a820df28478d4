# SPDX-License-Identifier: Apache-2.0
"""Takes of closed-form walks, made as Generate makes them."""

import bpy
import numpy as np

from blender_addon import armature as rigs_of
from blender_addon import channels, compat, takes
from drmm_engine.motion import retarget
from drmm_engine.motion.controller import Target
from tests.addon import gait


def motion(places=((0.0, -3.0),), seed=0, seconds=30.0, heading=-np.pi / 2):
    """A walk from the origin, in the size of the model's body, each block half a nat less plausible than the last."""
    blocks = gait.walk(None, [Target(place) for place in places], seconds, heading=heading, seed=seed)
    made = takes.Motion.of(list(blocks))
    made.plausibility[:] = -0.5 * (np.arange(len(made)) // 5)
    return made


def keys(armature, made, fps=30):
    """What to key of a motion."""
    character = rigs_of.read_character(armature)
    keyed = retarget.retarget(made.positions, character.rig, character.mapping, gait.REST)
    return character.channels(channels.resample(keyed, gait.RATE, fps))


def record(seed=0, fps=30, places=((0.0, -3.0),)):
    """What a take remembers at least."""
    targets = [{"object": "", "position": [*place, 0.0]} for place in places]
    said = {"seed": seed, "rate": 30.0, "fps": float(fps), "scale": 1 / 1.1, "floor": 0.0, "position": [0.0, 0.0]}
    return said | {"targets": targets}


def take(armature, seed=0, start=1, **options):
    """Add a take of a straight walk to the armature's list."""
    made = motion(seed=seed, **options)
    return takes.add(armature, record(seed), made, keys(armature, made), start)


def curves(action):
    """All numbers of an Action's keys, by path and index."""
    result = {}
    for curve in compat.all_curves(action):
        points = curve.keyframe_points
        rows = np.empty((len(points), 6), np.float32)
        for column, name in enumerate(("co", "handle_left", "handle_right")):
            values = np.empty(2 * len(points), np.float32)
            points.foreach_get(name, values)
            rows[:, 2 * column : 2 * column + 2] = values.reshape(-1, 2)
        result[curve.data_path, curve.array_index] = rows
    return result


def played(armature):
    """The Action that an armature plays."""
    return armature.animation_data.action if armature.animation_data else None


def at(armature, frame):
    """The joints at a frame of the scene, world space."""
    bpy.context.scene.frame_set(frame)
    evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return rigs_of.joint_positions(evaluated, rigs_of.mapping_of(armature))
