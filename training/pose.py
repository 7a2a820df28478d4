# SPDX-License-Identifier: Apache-2.0
"""Train a pose model: python -m training.pose RIG --out MODEL.

RIG: a rig (*.rig.json, or a .blend with --armature NAME), the paper's two-dimensional humanoid2d, or motion capture
(folders, zips, BVH files), whose poses are learned.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drmm_engine.motion import pose_features
from drmm_engine.motion.skeleton import mirrored

from . import common, humanoid2d, motion
from .rig import is_rig, rig_poses

LEAST_STEP = 0.03  # metres that joints move on average between two poses of a clip that are both kept


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    p = common.parser("pose", "Train a model on random poses of a rig: joint angles (rad) and positions (m).")
    p.add_argument("rig", nargs="+", metavar="RIG",
                   help="a rig: *.rig.json, or a .blend with --armature; humanoid2d: the paper's humanoid, 30 "
                        "variables; or folders, zips or BVH files of poses")
    p.add_argument("--armature", metavar="NAME", help="the armature object of a .blend")
    p.add_argument("--setting", choices=("quick", "paper"), default="quick",
                   help="humanoid2d quick: sizes chosen, minutes; paper: 10 x 256 isotropic, 500,000 iterations")
    p.add_argument("--rows", type=int, metavar="N",
                   help="random poses to train on (humanoid2d: 1,000,000; a rig: 200,000)")
    p.add_argument("--mapping", metavar="TABLE", help="joint names of rigs that are not known: canonical,source (csv)")
    p.add_argument("--source", default="", help="what the poses are, for the model file")
    p.add_argument("--licence", default="", help="the licence of the poses, for the model file")
    return common.main(run, p, arguments)


def run(options: argparse.Namespace) -> dict:
    """Make or read the poses, train, score and save."""
    if any(map(is_rig, options.rig)):
        return rig_poses(options)
    return _random_poses(options) if options.rig == ["humanoid2d"] else _captured_poses(options)


def _random_poses(options: argparse.Namespace) -> dict:
    count = common.recipe("pose", "humanoid2d")["rows"] if options.rows is None else options.rows
    if count < 1:
        raise ValueError(f"--rows must be at least 1, got {count}")
    plan, share = common.choose(options, common.recipe("pose", "humanoid2d", options.setting))
    x = humanoid2d.rows(count, options.seed)
    train, held = common.split(len(x), share, options.seed)
    source = {"source": f"{count} random poses of humanoid2d, seed {options.seed}"}
    return common.fit_and_save(options, humanoid2d.schema(), x[train], x[held], plan, source)


def _captured_poses(options: argparse.Namespace) -> dict:
    plan, share = common.choose(options, common.recipe("pose", "clips"))
    data = motion.read_motion(options.rig, options.mapping)
    poses = [distinct(clip) for clip in data.clips]
    x = np.concatenate([pose_features.encode(both) for clip in poses for both in (clip, mirrored(clip))])
    train, held = split_by_clip([2 * len(clip) for clip in poses], share, options.seed)
    names = ", ".join(Path(path).name for path in options.rig)
    source = {"source": options.source or names, "licence": options.licence,
              "clips": len(poses), "poses": len(x) // 2}
    about = {"skeleton": motion.skeleton_of(data.rest), "features": pose_features.FEATURES}
    return common.fit_and_save(options, pose_features.pose_schema(x), x[train], x[held], plan, source, about)


def split_by_clip(lengths: Sequence[int], held_out: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows held out of clips of so many rows, whole clips: poses of a clip are alike.

    Single rows where holding out a clip would leave too few others.
    """
    clips = np.repeat(np.arange(len(lengths)), lengths)
    some = max(round(held_out * len(lengths)), int(held_out > 0))
    if some >= len(lengths) or np.sort(lengths)[-some:].sum() > 0.5 * len(clips):
        return common.split(len(clips), held_out, seed)
    held = np.isin(clips, np.random.default_rng(seed).permutation(len(lengths))[:some])
    return np.flatnonzero(~held), np.flatnonzero(held)


def distinct(clip: np.ndarray) -> np.ndarray:
    """Poses `[n, 20, 3]` of a clip `[F, 20, 3]`: each the first whose joints moved 3 cm since the last one kept."""
    local = pose_features.decode(pose_features.encode(clip))
    kept = [0]
    for frame in range(1, len(local)):
        if np.linalg.norm(local[frame] - local[kept[-1]], axis=-1).mean() >= LEAST_STEP:
            kept.append(frame)
    return clip[kept]


if __name__ == "__main__":
    raise SystemExit(main())
