# SPDX-License-Identifier: Apache-2.0
"""Tables made of motion capture, for benchmarks: poses of 21 joints, and numbers and classes that describe a frame.

The clips are named as the Bandai-Namco-Research-Motiondataset names them: content_style_number_set.bvh.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import drmm_engine as drmm
from drmm_engine.motion import read_bvh
from drmm_engine.scaling import scaled_stream

GIVEN = ("Hips", "Head", "Hand_L", "Hand_R", "Foot_L", "Foot_R")
HELD_OUT = 0.15  # of the clips
REALS = ("speed", "turning", "hips_height", "head_height", "lean", "hand_left_height", "hand_right_height",
         "hand_left_forward", "hand_right_forward", "foot_left_forward", "foot_right_forward", "stride_width")


@dataclass(frozen=True)
class Frames:
    """Positions [F, J, 3] of a clip, metres, Z up, with the names of its joints, its content and its style."""

    positions: np.ndarray
    names: tuple[str, ...]
    rate: float
    content: str
    style: str

    def __getitem__(self, joint: str) -> np.ndarray:
        """One joint's positions [F, 3]."""
        return self.positions[:, self.names.index(joint)]

    def facing(self) -> np.ndarray:
        """Unit vectors [F, 2] to the front: across the upper legs, turned by a right angle."""
        across = (self["UpperLeg_L"] - self["UpperLeg_R"])[:, :2]
        forward = np.stack([across[:, 1], -across[:, 0]], 1)
        return forward / np.linalg.norm(forward, axis=1, keepdims=True)


def read(paths: list[str]) -> list[Frames]:
    """The clips of folders and zips, in order of their names."""
    clips = []
    for path in map(Path, paths):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                files = {name: io.BytesIO(archive.read(name)) for name in archive.namelist() if name.endswith(".bvh")}
        else:
            files = {file.name: file for file in sorted(path.glob("*.bvh"))}
        for name in sorted(files):
            clip = read_bvh(files[name])
            content, style, *_ = Path(name).stem.split("_")
            clips.append(Frames(clip.positions(), tuple(clip.joint_names), clip.frame_rate, content, style))
    return clips


def split(clips: list[Frames]) -> tuple[list[Frames], list[Frames]]:
    """Clips to train on and clips held out."""
    order = np.random.default_rng(0).permutation(len(clips))
    cut = round(HELD_OUT * len(clips))
    return [clips[i] for i in np.sort(order[cut:])], [clips[i] for i in np.sort(order[:cut])]


def pose_schema(clips: list[Frames]) -> drmm.Schema:
    """Joints in the character's own frame, metres, of one scale, the variables' root mean square deviation; x and y of
    the hips are 0 and left out."""
    names = [f"{joint}.{axis}" for joint in clips[0].names for axis in "xyz"]
    names = [name for name in names if name not in ("Hips.x", "Hips.y")]
    x = pose_rows(clips)
    scale = float(np.sqrt(x.var(axis=0).mean()))
    variables = [drmm.Variable(name, "m", float(mean), scale) for name, mean in zip(names, x.mean(0), strict=True)]
    return drmm.Schema((drmm.Stream("pose", tuple(variables)),))


def pose_rows(clips: list[Frames]) -> np.ndarray:
    """Poses [rows, 61] of all frames: the hips' place on the floor at the origin, facing +x."""
    parts = []
    for clip in clips:
        front = clip.facing()
        moved = clip.positions - clip["Hips"][:, None] * [1.0, 1.0, 0.0]
        x = (moved[..., :2] * front[:, None]).sum(-1)
        y = moved[..., 1] * front[:, None, 0] - moved[..., 0] * front[:, None, 1]
        local = np.stack([x, y, moved[..., 2]], -1).reshape(len(moved), -1)
        hips = clip.names.index("Hips")
        parts.append(np.delete(local, [3 * hips, 3 * hips + 1], axis=1))
    return np.concatenate(parts).astype(np.float32)


def mirrored(schema: drmm.Schema, x: np.ndarray) -> np.ndarray:
    """Poses [rows, 61] as a mirror to the character's left shows them: y is -y, left is right."""
    sides = {"L": "R", "R": "L"}
    names = [name.split(".") for name in schema.names]
    other = [joint[:-1] + sides[joint[-1]] if joint[-2:] in ("_L", "_R") else joint for joint, _ in names]
    columns = [schema.column(f"{joint}.{axis}") for joint, (_, axis) in zip(other, names, strict=True)]
    return x[:, columns] * np.where([axis == "y" for _, axis in names], -1, 1).astype(x.dtype)


def joints(schema: drmm.Schema, row: np.ndarray) -> dict[str, np.ndarray]:
    """A row of `pose_rows`, or a difference of two, by joint."""
    by_joint: dict[str, list[float]] = {}
    for name, value in zip(schema.names, row, strict=True):
        by_joint.setdefault(name.split(".")[0], []).append(value)
    return {name: np.array(values) for name, values in by_joint.items()}


def frame_table(clips: list[Frames], schema: drmm.Schema | None = None) -> tuple[drmm.Schema, np.ndarray]:
    """Numbers and classes that describe each frame: [rows, 12 reals, content, style, the lower foot].

    The schema, where none is given, scales the reals by these rows.
    """
    reals = np.concatenate([_reals(clip) for clip in clips])
    lower = np.concatenate([1.0 * (clip["Toes_L"][:-1, 2] < clip["Toes_R"][:-1, 2]) for clip in clips])
    if schema is None:
        labels = [sorted({getattr(clip, name) for clip in clips}) for name in ("content", "style")]
        named = zip(("content", "style", "lower_foot"), (*labels, ["right", "left"]), strict=True)
        streams = [drmm.Stream.categorical(name, classes) for name, classes in named]
        schema = drmm.Schema((scaled_stream("frame", REALS, reals), *streams))
    codes = [np.concatenate([np.full(len(clip.positions) - 1, schema.class_code(name, getattr(clip, name)))
                             for clip in clips]) for name in ("content", "style")]
    return schema, np.column_stack([reals, *codes, lower])


def _reals(clip: Frames) -> np.ndarray:
    """[F - 1, 12]: m/s, rad/s and metres."""
    front, hips = clip.facing(), clip["Hips"]
    side = np.stack([-front[:, 1], front[:, 0]], 1)
    speed = np.linalg.norm(np.diff(hips[:, :2], axis=0), axis=1) * clip.rate
    turned = front[:-1, 0] * front[1:, 1] - front[:-1, 1] * front[1:, 0]

    def ahead(joint: str) -> np.ndarray:
        return ((clip[joint] - hips)[:, :2] * front).sum(1)[:-1]

    width = ((clip["Foot_L"] - clip["Foot_R"])[:, :2] * side).sum(1)[:-1]
    heights = [clip[joint][:-1, 2] for joint in ("Hips", "Head", "Hand_L", "Hand_R")]
    ahead_of = [ahead(joint) for joint in ("Hand_L", "Hand_R", "Foot_L", "Foot_R")]
    return np.column_stack([speed, turned * clip.rate, *heights[:2], ahead("Head"), *heights[2:], *ahead_of, width])
