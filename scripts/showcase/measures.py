# SPDX-License-Identifier: Apache-2.0
"""What is measured on an animated armature, as Blender evaluates it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from blender_addon import armature as rigs
from drmm_engine.motion.skeleton import JOINTS

REACHED = 0.5
TOES = [JOINTS.index("LeftToes"), JOINTS.index("RightToes")]


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

    def reached(self, places: Sequence[Sequence[float]]) -> list[int | None]:
        """Frame, counted from 0, at which each place was first within half a metre, one after the other."""
        frames, after = [], 0
        for place in places:
            near = np.linalg.norm(self.hips[after:, :2] - np.asarray(place)[:2], axis=1) <= REACHED
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


def foot_slide(walk: Walk) -> np.ndarray:
    """Horizontal speeds of the toe joints while they are within 2 cm of their standing height, in m/s.

    The standing height is the 5th percentile of the toe's heights.
    """
    toes = walk.positions[:, TOES]
    speeds = np.linalg.norm(np.diff(toes[..., :2], axis=0), axis=-1) * walk.frame_rate
    standing = toes[:-1, :, 2] < np.percentile(toes[..., 2], 5, axis=0) + 0.02
    return speeds[standing]


def jerk(walk: Walk) -> float:
    """The mean over joints and frames of the third derivative of the position, in m/s³."""
    return float(np.linalg.norm(np.diff(walk.positions, n=3, axis=0), axis=-1).mean() * walk.frame_rate**3)


def goal_misses(armature: bpy.types.Object, goals: Mapping[str, bpy.types.Object]) -> dict[str, float]:
    """How far each joint is from the object that is its goal, in metres."""
    positions = rigs.joint_positions(armature, rigs.mapping_of(armature))
    return {
        joint: float(np.linalg.norm(positions[JOINTS.index(joint)] - goal.matrix_world.translation))
        for joint, goal in goals.items()
    }


def describe_walk(walk: Walk, targets: Sequence[bpy.types.Object]) -> Iterator[str]:
    """The figures of a walk, line by line."""
    reached = walk.reached([target.matrix_world.translation for target in targets])
    times = ["never" if frame is None else f"{frame / walk.frame_rate:.1f} s" for frame in reached]
    slide = 100 * foot_slide(walk)
    rest = walk.armature.data.bones[rigs.mapping_of(walk.armature)["Hips"]].head_local.z
    hips = walk.hips[:, 2] / rest
    yield f"targets     reached after {', '.join(times)} (within {REACHED} m)"
    yield f"foot slide  mean {slide.mean():.1f} cm/s, median {np.median(slide):.1f}"
    yield f"jerk        mean {jerk(walk):.0f} m/s³"
    yield f"hips        {hips.min():.2f} to {hips.max():.2f} of their height at rest"


def describe_pose(armature: bpy.types.Object, goals: Mapping[str, bpy.types.Object]) -> str:
    """The figures of a pose in one line."""
    misses = goal_misses(armature, goals)
    worst = max(misses, key=misses.__getitem__)
    return f"pose        {len(goals)} goals, the farthest missed by {1000 * misses[worst]:.1f} mm ({worst})"
