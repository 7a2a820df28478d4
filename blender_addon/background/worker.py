# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that learns: run by Blender's own binary without a window, or by a plain Python.

    blender --background --factory-startup --python worker.py -- FOLDER

FOLDER holds `job.json` (parent: its process; paths of Python's packages; task: a Python file whose
`learn(folder, job, news, alone)` gives models, and what that needs). Models go into FOLDER, news line by line into its
`news.jsonl`; all of that is the parent's to keep, and is removed here only where the parent has gone.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

NEWS, JOB = "news.jsonl", "job.json"
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
    alone = _left_alone(job["parent"])
    for number, model in enumerate(_task(job["task"]).learn(folder, job, news, alone)):
        name = f"{number}.drmm.safetensors"
        model.save(folder / name)
        news.tell(model=name)
    if alone():
        shutil.rmtree(folder, ignore_errors=True)


def _task(file: str) -> ModuleType:
    """The module in a file, which is in no package that this process knows."""
    spec = importlib.util.spec_from_file_location("drmm_task", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
