# SPDX-License-Identifier: Apache-2.0
"""Clips for the locomotion and the pose recipe, with what was read and left out said on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from drmm_engine.motion.clip_report import clip_report, lines
from drmm_engine.motion.dataset import Motion, skeleton_of, start_history, steady, training_parts, training_windows

from . import gather

__all__ = ["Motion", "read_motion", "skeleton_of", "start_history", "steady", "training_parts", "training_windows"]


def read_motion(paths: Sequence[str], table: str | None = None, styles: str | None = None) -> Motion:
    """All clips in folders, zips and files, brought to one body; on stderr what they hold and what is left out."""
    motion = gather.gather(paths, table, styles)
    print("\n".join(lines(clip_report(motion))), file=sys.stderr)
    return motion
