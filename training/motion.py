# SPDX-License-Identifier: Apache-2.0
"""Clips for the locomotion and the pose recipe, with what was read and left out said on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from drmm_engine.motion import dataset
from drmm_engine.motion.bones import leg_length
from drmm_engine.motion.dataset import Motion, skeleton_of, start_history, steady, training_windows
from drmm_engine.motion.features import FRAME_RATE

__all__ = ["Motion", "read_motion", "skeleton_of", "start_history", "steady", "training_windows"]


def read_motion(paths: Sequence[str], table: str | None = None) -> Motion:
    """All clips in folders, zips and files, brought to one body; a line on stderr for each file that is left out."""
    motion = dataset.read_motion(paths, table)
    for refusal in motion.left_out:
        print(f"left out: {refusal.reason}", file=sys.stderr)
    print(f"{len(motion.clips)} clips, {sum(map(len, motion.clips)) / FRAME_RATE / 60:.1f} minutes, "
          f"legs {leg_length(motion.rest):.2f} m", file=sys.stderr)
    return motion
