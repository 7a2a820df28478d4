# SPDX-License-Identifier: Apache-2.0
"""The benchmark's comparison with Blender's IK: how near answers for a character come to poses of people held out."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

import blender_addon
from blender_addon import armature as rigs
from blender_addon import rig as rigging
from blender_addon.rig import sources
from drmm_engine.body import poses, rotations
from drmm_engine.body.armature import Armature
from drmm_engine.body.goals import At, Beyond, Facing, Goal, Point
from drmm_engine.body.posing import answer
from drmm_engine.body.rig import Rig
from drmm_engine.body.rotations import Array
from drmm_engine.body.solver import solve
from drmm_engine.model import Model
from drmm_engine.motion import pose_features
from drmm_engine.motion.skeleton import mirrored
from tests.addon import rigs as armatures
from training.motion import Motion, read_motion
from training.pose import distinct

REACHED = {"LeftHand": "head", "RightHand": "head", "LeftFoot": "head", "RightFoot": "head", "Head": "tail"}
CHAINS = {"LeftLowerArm": 2, "RightLowerArm": 2, "LeftLowerLeg": 2, "RightLowerLeg": 2, "Head": 0}  # 0: below the hips
HIPS = ("not given", "place given", "place and turn given")
EVERY = 5  # one of so many clips is held out
FIRST = 8
MET = 1e-3  # metres


@dataclass(frozen=True)
class Character:
    """A humanoid armature in the scene, as the add-on reads it, with the bone of each canonical joint."""

    armature: bpy.types.Object
    rig: Rig
    bones: dict[str, str]

    def point(self, joint: str, end: str = "head") -> Point:
        """The head or the tail of a joint's bone."""
        armature, bone = self.rig.joints.armature, self.bones[joint]
        length = armature.lengths[armature.names.index(bone)] if end == "tail" else 0.0
        return Point((bone,), np.array([[0.0, length, 0.0]]), np.ones(1))


def posing(options: argparse.Namespace) -> dict:
    """Mean joint angle errors in degrees, and misses of the goals in millimetres, of poses for the hands, feet and head
    of held-out poses above a floor: the first answer of 64, Blender's IK from the rest pose, and the rest pose."""
    if not options.clips:
        raise SystemExit("benchmark: posing needs --clips: folders, zips or files of motion capture")
    blender_addon.register()
    character = humanoid()
    taught, held = captured(character, read_motion(options.clips))
    joints = character.rig.joints
    chosen = held[np.linspace(0, len(held) - 1, min(options.asked, len(held))).astype(int)]
    *_, model = poses.learn(character.rig, taught, count=options.learned)
    truth, rest = joints.matrices(chosen), np.clip(0.0, joints.low, joints.high)
    goals = {hips: [asked(character, pose, hips) for pose in truth] for hips in HIPS}
    starts = {hips: np.stack([_with_hips(character, rest, theta, hips) for theta in chosen]) for hips in HIPS}
    results: dict = {"poses": {"taught": len(taught), "held out": len(held), "asked": len(chosen)}}
    tables = {hips: {"answers": _answers(character, model, goals[hips], rest),
                     "solver alone, from rest": _solved(character, goals[hips], starts[hips]),
                     "rest pose": {"first": joints.matrices(starts[hips])}} for hips in HIPS}
    for name, limited in (("Blender's IK", False), ("Blender's IK within limits", True)):
        constrain(character, limited)
        for hips in HIPS:
            tables[hips][name] = {"first": blender(character, truth, starts[hips])}
    for hips, table in tables.items():
        results[f"hips {hips}"] = {name: _figures(character, given, truth) for name, given in table.items()}
        for name, figures in results[f"hips {hips}"].items():
            print(f"hips {hips}, {name}: {figures}")
    return {"posing": results}


def humanoid() -> Character:
    """An armature in a T-pose with rolled bones, and the limits that the add-on finds."""
    armature = armatures.mixamo()
    rigging.find(armature)
    return Character(armature, rigging.read(armature), rigs.mapping_of(armature))


def captured(character: Character, motion: Motion) -> tuple[Array, Array]:
    """Poses [n, P] of the clips and their mirror images to learn from, and those [m, P] of the clips held out; all
    above the same place and facing the same way."""
    held = np.arange(len(motion.clips)) % EVERY == EVERY - 1
    parts = []
    for chosen in (~held, held):
        clips = [distinct(motion.clips[i]) for i in np.flatnonzero(chosen)]
        parts.append(np.concatenate(clips))
    taught, other = parts
    both = np.concatenate([taught, mirrored(taught)])
    return _carried(character, both, motion.rest), _carried(character, other, motion.rest)


def _carried(character: Character, positions: Array, rest: Array) -> Array:
    """Poses [n, P] of positions [n, 20, 3], with the hips over those of the armature and facing as it does."""
    stand = rigs.read_character(character.armature)
    local = pose_features.decode(pose_features.encode(positions), stand.position / stand.fit(rest)[0], stand.heading)
    return sources.carried(stand, character.rig.joints, local, rest)


def asked(character: Character, pose: Array, hips: str) -> list[Goal]:
    """Goals at places of a pose [B, 4, 4]: hands, feet and head, what is given of the hips, and a floor under it."""
    joints, points = character.rig.joints, {joint: character.point(joint, end) for joint, end in REACHED.items()}
    if hips != HIPS[0]:
        points["Hips"] = character.point("Hips")
    goals: list[Goal] = [At(point, _places(joints.armature, [point], pose)[0], name=joint)
                         for joint, point in points.items()]
    if hips == HIPS[2]:
        bone = character.bones["Hips"]
        turn = rotations.from_matrix(pose[joints.armature.names.index(bone), :3, :3])
        goals.append(Facing(bone, turn, name="Hips turn"))
    low = [character.point(f"{side}{part}", end) for side in ("Left", "Right")
           for part, end in (("Toes", "head"), ("Toes", "tail"), ("LowerLeg", "head"), ("Hand", "tail"))]
    ground = min(0.0, _places(joints.armature, low, pose)[:, 2].min())
    return goals + [Beyond(point, np.array([0.0, 0.0, 1.0]), -ground, name="floor") for point in low]


def constrain(character: Character, limited: bool) -> None:
    """IK constraints on both arms, both legs and the trunk, each after an empty, with or without the rig's limits."""
    for joint, count in CHAINS.items():
        bone = character.armature.pose.bones[character.bones[joint]]
        for old in bone.constraints[:]:
            bone.constraints.remove(old)
        constraint = bone.constraints.new("IK")
        constraint.target = _empty(joint)
        constraint.chain_count = count or len(_trunk(character))
    for joint in character.rig.joints.joints:
        bone = character.armature.pose.bones[joint.bone]
        for place, axis in enumerate("xyz"):
            setattr(bone, f"use_ik_limit_{axis}", limited)
            setattr(bone, f"ik_min_{axis}", joint.low[place])
            setattr(bone, f"ik_max_{axis}", joint.high[place])


def blender(character: Character, truth: Array, starts: Array) -> Array:
    """Bones [n, B, 4, 4] in the poses that Blender's IK finds from starts [n, P] for the ends of the true ones."""
    armature, joints, out = character.armature, character.rig.joints, []
    ends = [character.point(joint, "tail") for joint in CHAINS]
    for pose, start in zip(truth, starts, strict=True):
        for joint, place in zip(CHAINS, _places(joints.armature, ends, pose), strict=True):
            _empty(joint).location = armature.matrix_world @ Vector(place)
        rigging.write(armature, joints, start)
        bpy.context.view_layer.update()
        out.append(np.array([armature.pose.bones[name].matrix for name in joints.armature.names], float))
    return np.stack(out)


def _answers(character: Character, model: Model, goals: Sequence[list[Goal]], now: Array) -> dict[str, Array]:
    """Bones of the first answers and of the first eight, [n, B, 4, 4] and [n, 8, B, 4, 4]."""
    joints = character.rig.joints
    found = np.stack([answer(model, character.rig, each, now, seed=seed).theta[:FIRST]
                      for seed, each in enumerate(goals)])
    bones = joints.matrices(found)
    return {"first": bones[:, 0], "best of the first eight": bones}


def _solved(character: Character, goals: Sequence[list[Goal]], starts: Array) -> dict[str, Array]:
    joints = character.rig.joints
    theta = [solve(joints, start[None], each)[0] for start, each in zip(starts, goals, strict=True)]
    return {"first": joints.matrices(np.stack(theta))}


def _figures(character: Character, given: dict[str, Array], truth: Array) -> dict:
    """Degrees of a driven joint, the root among them, and millimetres of a goal, on average; the share of poses of
    which every goal is within a millimetre."""
    armature, first = character.rig.joints.armature, given["first"]
    points = [character.point(joint, end) for joint, end in REACHED.items()]
    miss = np.linalg.norm(_places(armature, points, first) - _places(armature, points, truth), axis=-1)
    out = {"degrees": _degrees(character, first, truth).mean()}
    if "best of the first eight" in given:
        eight = _degrees(character, given["best of the first eight"], truth[:, None])
        out["degrees, nearest of eight"] = eight.min(axis=1).mean()
    out |= {"mm": 1000 * miss.mean(), "met": (miss < MET).all(axis=1).mean()}
    return {name: round(float(value), 3) for name, value in out.items()}


def _degrees(character: Character, pose: Array, truth: Array) -> Array:
    """Mean angle [...] between the driven bones' turns against their parents' in two poses [..., B, 4, 4]."""
    joints = character.rig.joints
    one, other = (_turns(joints.armature, joints.bones, each) for each in (pose, truth))
    chord = np.linalg.norm(one - other, axis=(-2, -1)) / np.sqrt(8.0)  # of a turn by t: sin(t / 2), exact near 0
    return np.degrees(2.0 * np.arcsin(np.minimum(chord, 1.0))).mean(axis=-1)


def _turns(armature: Armature, bones: NDArray[np.int64], pose: Array) -> Array:
    """Rotations [..., J, 3, 3] of bones in the axes of their parents."""
    parents = armature.parents[bones]
    own, above = pose[..., bones, :3, :3], pose[..., parents, :3, :3]
    return np.where((parents < 0)[:, None, None], own, np.swapaxes(above, -1, -2) @ own)


def _places(armature: Armature, points: Iterable[Point], pose: Array) -> Array:
    """Where points of one bone each are, [..., n, 3], in poses [..., B, 4, 4]."""
    return np.stack([(pose[..., armature.names.index(point.bones[0]), :3, :3] @ point.offsets[0])
                     + pose[..., armature.names.index(point.bones[0]), :3, 3] for point in points], axis=-2)


def _with_hips(character: Character, rest: Array, theta: Array, hips: str) -> Array:
    """The rest pose [P] with what is given of the hips."""
    names, bone, out = character.rig.joints.names, character.bones["Hips"], rest.copy()
    given = [name.startswith(f"{bone}.") and (hips == HIPS[2] or (hips == HIPS[1] and ".move_" in name))
             for name in names]
    return np.where(given, theta, out)


def _trunk(character: Character) -> list[str]:
    """The bones from the head down to the one above the hips."""
    names = [character.bones["Head"]]
    bones = character.armature.data.bones
    while bones[names[-1]].parent.name != character.bones["Hips"]:
        names.append(bones[names[-1]].parent.name)
    return names


def _empty(joint: str) -> bpy.types.Object:
    """The empty that an end of the body follows."""
    name = f"IK {joint}"
    if name not in bpy.data.objects:
        bpy.context.collection.objects.link(bpy.data.objects.new(name, None))
    return bpy.data.objects[name]
