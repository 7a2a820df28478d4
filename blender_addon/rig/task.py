# SPDX-License-Identifier: GPL-3.0-or-later
"""What the process does that learns a rig (see background/worker.py); no Blender in here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

GIVEN = "given.npy"


def keep(given: np.ndarray | None, folder: Path) -> None:
    """Write poses to learn from too into the folder of the job."""
    if given is not None and len(given):
        np.save(folder / GIVEN, given)


def learn(folder: Path, job: dict, news: Any, alone: Callable[[], bool]) -> Iterator[Any]:
    """Models of the job's rig, each better than the one before; `given.npy`: poses to learn from too."""
    from drmm_engine.body import poses
    from drmm_engine.body.rig import Rig

    file = folder / GIVEN
    given = np.load(file, allow_pickle=False) if file.exists() else None
    return poses.learn(Rig.from_json(job["rig"]), given, count=job["count"], seed=job["seed"], progress=news.progress,
                       stop=alone)
