# SPDX-License-Identifier: Apache-2.0
"""What is measured on an animated armature, as Blender evaluates it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from blender_addon import armature as rigs
from drmm_engine.metrics import motion
from drmm_engine.motion.skeleton import JOINTS


@dataclass(frozen=True)
class Walk:
    """A walk as keyed: canonical joints `positions` [frames, 20, 3] in metres, world space, from frame `start` on."""

    armature: bpy.types.Object
    positions: np.ndarray
    start: int
    frame_rate: float

    @property
    def hips(self) -> np.ndarray:
        """Positions of the hips [frames, 3]."""
        return self.positions[:, JOINTS.index("Hips")]

    def reached(self, places: Sequence[Sequence[float]], within: float) -> list[int | None]:
        """Frame, counted from 0, at which each place was first within so many metres, one after the other."""
        frames, after = [], 0
        for place in places:
            near = np.linalg.norm(self.hips[after:, :2] - np.asarray(place)[:2], axis=1) <= within
            frames.append(after + int(near.argmax()) if near.any() else None)
            after = frames[-1] or after
        return frames


def record(scene: bpy.types.Scene, armature: bpy.types.Object) -> Walk:
    """Play the scene from its first frame to its last."""
    mapping = rigs.mapping_of(armature)
    positions = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        positions.append(rigs.joint_positions(armature, mapping))
    scene.frame_set(scene.frame_start)
    return Walk(armature, np.array(positions), scene.frame_start, scene.render.fps / scene.render.fps_base)


def goal_misses(armature: bpy.types.Object, goals: Mapping[str, bpy.types.Object]) -> dict[str, float]:
    """How far each joint is from the object that is its goal, in metres."""
    positions = rigs.joint_positions(armature, rigs.mapping_of(armature))
    return {
        joint: float(np.linalg.norm(positions[JOINTS.index(joint)] - goal.matrix_world.translation))
        for joint, goal in goals.items()
    }


def describe_walk(walk: Walk, reached: Sequence[int | None], rest: np.ndarray) -> Iterator[str]:
    """The figures of a walk, line by line; `rest` [20, 3] are the armature's joints at rest."""
    times = ["never" if frame is None else f"{frame / walk.frame_rate:.1f} s" for frame in reached]
    slide = 100 * motion.foot_slide(walk.positions, rest[JOINTS.index("LeftToes"), 2], walk.frame_rate)
    low, high = motion.hips_range(walk.positions, rest)
    yield f"targets     reached after {', '.join(times)}"
    yield f"foot slide  mean {slide.mean():.1f} cm/s, median {np.median(slide):.1f}"
    yield f"jerk        mean {motion.mean_jerk(walk.positions, walk.frame_rate):.0f} m/s³"
    yield f"hips        {low:.2f} to {high:.2f} of their height at rest"


def describe_pose(armature: bpy.types.Object, goals: Mapping[str, bpy.types.Object]) -> str:
    """The figures of a pose in one line."""
    misses = goal_misses(armature, goals)
    worst = max(misses, key=misses.__getitem__)
    return f"pose        {len(goals)} goals, the farthest missed by {1000 * misses[worst]:.1f} mm ({worst})"
