# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that learns a rig: run by Blender's own binary without a window, or by a plain Python.

    blender --background --factory-startup --python worker.py -- FOLDER

FOLDER holds `job.json` (parent: its process; paths of Python's packages; rig; count; seed) and perhaps `given.npy`:
poses to learn from too. Models go into FOLDER, news line by line into its `news.jsonl`; all of that is the parent's to
keep, and is removed here only where the parent has gone.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

NEWS, JOB, GIVEN = "news.jsonl", "job.json", "given.npy"
PAUSE = 0.2  # seconds between two lines of progress


def main(folder: Path) -> int:
    """Do the job; the exit status is 1 where the last line of news is an error."""
    news = _News(folder / NEWS)
    try:
        job = json.loads((folder / JOB).read_text(encoding="utf-8"))
        sys.path += [path for path in job["paths"] if path not in sys.path]
        _learn(folder, job, news)
    except Exception as problem:  # the parent can show one line, and nothing else
        news.tell(error=" ".join(str(problem).split()) or type(problem).__name__)
        return 1
    news.tell(done=True)
    return 0


def _learn(folder: Path, job: dict, news: _News) -> None:
    import numpy as np

    from drmm_engine.body import poses
    from drmm_engine.body.rig import Rig

    rig = Rig.from_json(job["rig"])
    given = np.load(folder / GIVEN, allow_pickle=False) if (folder / GIVEN).exists() else None
    alone = _left_alone(job["parent"])
    models = poses.learn(rig, given, count=job["count"], seed=job["seed"], progress=news.progress, stop=alone)
    for number, model in enumerate(models):
        name = f"{number}.drmm.safetensors"
        model.save(folder / name)
        news.tell(model=name)
    if alone():
        shutil.rmtree(folder, ignore_errors=True)


class _News:
    """Lines of JSON for the parent, which reads what is new now and then."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "a", encoding="utf-8")
        self._told = 0.0

    def tell(self, **line: object) -> None:
        """Append a line, at once and whole."""
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def progress(self, fraction: float, text: str) -> None:
        """Tell how far it is, not too often."""
        if time.monotonic() - self._told >= PAUSE:
            self._told = time.monotonic()
            self.tell(fraction=fraction, text=text)


def _left_alone(parent: int) -> Callable[[], bool]:
    """A function that says whether the process that began this one is gone: nobody would get the model then."""
    if os.name != "nt":
        return lambda: not _runs(parent)
    import ctypes

    synchronize, running = 0x00100000, 0x102  # the wait for its end times out
    handle = ctypes.windll.kernel32.OpenProcess(synchronize, False, parent)
    return lambda: ctypes.windll.kernel32.WaitForSingleObject(handle, 0) != running


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(5)  # Blender itself stays quick
    status = main(Path(sys.argv[sys.argv.index("--") + 1]))
    sys.stdout.flush()
    os._exit(status)
