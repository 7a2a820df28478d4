# SPDX-License-Identifier: Apache-2.0
"""What a model should be over, measured: how far parts are turned from how capture turns them, told or learned.

    python scripts/representations.py CLIPS... --model MODEL      # a locomotion model of the 487 variables

Heads, hands, forearms and feet of clips held out: from positions alone, and with turns learned onto the model. A turn
that a part has in all frames alike is the rig's affair and is taken away; then how much of what a model's layers leave
of its steps follows linearly from what they leave of the history, as a last layer with one full covariance would tell.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import drmm_engine as drmm
from drmm_engine.body import rotations as rot
from drmm_engine.body.rotations import Array
from drmm_engine.motion.bvh import read_bvh
from drmm_engine.motion.clip import Clip, resample
from drmm_engine.motion.features import (
    FRAME_RATE,
    GOALS,
    HISTORY,
    HISTORY_NAMES,
    WINDOW,
    encode,
    variable_names,
    windows,
)
from drmm_engine.motion.frames import turns
from drmm_engine.motion.mapping import propose
from drmm_engine.motion.rest import rest_pose
from drmm_engine.motion.skeleton import JOINTS, canonical_positions, index
from drmm_engine.motion.widen import widened
from drmm_engine.posterior import Draw
from drmm_engine.schema import Variable

PARTS = ("Head", "LeftHand", "RightHand", "LeftLowerArm", "RightLowerArm", "LeftFoot", "RightFoot")
WEIGHT = 0.3  # model units a radian
ROWS, SCORED = 6000, 1000
STRIDE = 3  # frames between two windows


def main() -> None:
    """Read clips, measure and print a table."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("clips", nargs="+", metavar="CLIPS", help="BVH files of one rig")
    p.add_argument("--model", metavar="MODEL", help="a locomotion model of this body, of the 487 variables")
    options = p.parse_args()
    clips = [resample(read_bvh(path), FRAME_RATE) for path in options.clips]
    places = [canonical_positions(clip, propose(clip.joint_names, clip.parents)) for clip in clips]
    rest = rest_pose(np.concatenate(places))
    offs = [_off(clip, place, rest) for clip, place in zip(clips, places, strict=True)]
    usual = np.stack([_mean(part) for part in np.concatenate(offs).swapaxes(0, 1)])
    errors = [rot.to_rotation_vector(rot.multiply(rot.inverse(usual), off)) for off in offs]
    held = max(1, len(clips) // 5)
    _print("positions alone", np.concatenate(errors[:held]))
    if not options.model:
        return
    rows = [_rows(place, error) for place, error in zip(places, errors, strict=True) if len(place) >= WINDOW]
    if len(rows) <= held:
        raise SystemExit("representations: too few clips are as long as a window to hold some out")
    train, test = (_some(np.concatenate(part), count) for part, count in ((rows[held:], ROWS), (rows[:held], SCORED)))
    model = drmm.load(options.model)
    _print("turns drawn by the model", _left_by_model(model, train, test))
    print(f"of what the layers leave of the steps follows linearly from what they leave of the history: "
          f"{100 * _linear(model, train, test):.0f} %")


def _some(rows: Array, count: int) -> Array:
    return rows[np.random.default_rng(0).permutation(len(rows))[:count]]


def _off(clip: Clip, positions: Array, rest: Array) -> Array:
    """Turns `[F, 7, 4]`, in the part's own axes, from what positions tell to what capture says."""
    mapping = propose(clip.joint_names, clip.parents)
    told = turns(positions, rest)
    true = clip.rotations()
    return np.stack([rot.multiply(rot.inverse(told[:, index(part)]), true[:, clip.joint_names.index(mapping[part])])
                     for part in PARTS], axis=1)


def _mean(quaternions: Array) -> Array:
    """The mean `[4]` of rotations `[n, 4]`, whatever their signs: the axis of their largest moment."""
    return np.linalg.eigh(quaternions.T @ quaternions)[1][:, -1]


def _left_by_model(model: drmm.Model, train: Array, test: Array) -> Array:
    """What the model's draws given the motion leave of the errors `[n, 7, 3]`, turns learned onto it from rows."""
    plain, count = len(variable_names()), 3 * len(PARTS)
    names = [f"turn.{part}.{axis}" for part in PARTS for axis in "xyz"]
    added = tuple(Variable(name, "rad", float(mean), 1.0 / WEIGHT)
                  for name, mean in zip(names, train[:, plain:].mean(axis=0), strict=True))
    drawn = _drawn(widened(model, train, added), test).values[:, -count:]
    return (test[:, -count:] - drawn).reshape(-1, len(PARTS), 3)


def _drawn(model: drmm.Model, rows: Array) -> Draw:
    """One draw a row, given its motion."""
    known = drmm.Known({name: rows[:, k] for k, name in enumerate(variable_names())})
    return model.sample([known], count=len(rows), seed=1, rank=False)


def _linear(model: drmm.Model, train: Array, test: Array) -> float:
    """Share of the squared residual of the steps that a ridge regression on the history's residual explains."""
    plain, history = len(variable_names()), len(HISTORY_NAMES) * 3 * len(JOINTS)
    past, steps = slice(0, history), slice(history, plain - len(GOALS))
    left = [_left(model, rows[:, :plain]) for rows in (train, test)]
    known = left[0][:, past]
    ridge = 0.05 * len(known) * np.var(known) * np.eye(history)
    gain = np.linalg.solve(known.T @ known + ridge, known.T @ left[0][:, steps])
    rest = left[1][:, steps] - left[1][:, past] @ gain
    return float(1 - np.sum(rest**2) / np.sum(left[1][:, steps] ** 2))


def _left(model: drmm.Model, rows: Array) -> Array:
    """Rows `[n, 487]` less the means of the components drawn for each, model units."""
    h, plain = _drawn(model, rows).components, rows.shape[1]
    means = sum(layer.mean[h[:, level], :plain] for level, layer in enumerate(model.layers))
    return (rows - model.schema.offset[:plain]) / model.schema.scale[:plain] - means


def _rows(positions: Array, errors: Array) -> Array:
    """Rows `[n, 487 + 21]`: windows of positions `[F, 20, 3]`, and errors `[F, 7, 3]` right after the history."""
    found = encode(windows(positions, STRIDE))
    at = HISTORY + STRIDE * np.arange(len(found))
    return np.concatenate([found, errors[at].reshape(len(found), -1)], axis=1)


def _print(title: str, errors: Array) -> None:
    """Median and 95th percentile of the lengths of rotation vectors `[n, 7, 3]`, degrees."""
    degrees = np.degrees(np.linalg.norm(errors, axis=-1))
    told = "  ".join(f"{part} {np.median(degrees[:, k]):.1f}/{np.percentile(degrees[:, k], 95):.1f}"
                     for k, part in enumerate(PARTS))
    print(f"{title}: degrees, median/95 %: {told}")


if __name__ == "__main__":
    main()
