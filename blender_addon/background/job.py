# SPDX-License-Identifier: GPL-3.0-or-later
"""Something being learned by a process of its own: begun, looked at without waiting, cancelled. No Blender in here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from drmm_engine.files import write_whole

from . import worker

LAST = 5.0  # seconds that a process gets to end when told to


class Job:
    """A process that learns; what it makes stays in a temporary folder until it is whole."""

    def __init__(
        self, task: str, needs: dict, out: Path, command: Sequence[str],
        prepare: Callable[[Path], None] = lambda folder: None,
    ) -> None:
        """Begin: `command` runs a Python file with arguments, `out` is where the model goes.

        `task` is the file of what is to be done with what it `needs` (JSON) and finds in its folder, into which
        `prepare` may write first.
        """
        self.out, self.fraction, self.text, self.error, self.over = Path(out), 0.0, "Starting", "", False
        self.facts: dict = {}  # what else the process told
        self._newest: Path | None = None
        self.models = 0  # how many were put in place
        self._had = self.out.exists()  # then only the last one replaces it
        self._read = 0
        self.folder = Path(tempfile.mkdtemp(prefix="drmm-"))
        job = {"parent": os.getpid(), "paths": [path for path in sys.path if path], "task": task}
        try:
            (self.folder / worker.JOB).write_text(json.dumps(job | needs), encoding="utf-8")
            prepare(self.folder)
            with open(self.folder / "log.txt", "wb") as log:
                self._process = subprocess.Popen(
                    [*command, worker.__file__, "--", str(self.folder)],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )  # fmt: skip
        except (OSError, ValueError, RuntimeError) as problem:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise ValueError(f"learning cannot be started: {problem}") from None

    def look(self) -> bool:
        """Read the news, take over finished models; whether the job still runs. Never waits."""
        if self.over:
            return False
        ended = self._process.poll() is not None  # before reading: nothing is told after that
        for line in self._news():
            if not self.over:
                self._take(line)
        if ended and not self.over:
            self._end(self.error or f"learning ended early: {self._last_words()}")
        return not self.over

    def cancel(self) -> None:
        """Stop the process and throw away what it has not finished; a model that is in place stays."""
        if not self.over:
            self._end("")
            self.text = "Cancelled"

    def wait(self, seconds: float) -> None:
        """Give the process some time: for scripts, which have nothing else to do."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass

    def _news(self) -> list[dict]:
        path = self.folder / worker.NEWS
        if not path.exists():
            return []
        with open(path, "rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")
        self._read += len(whole[0]) + len(whole[1])
        return [json.loads(line) for line in whole[0].splitlines()]

    def _take(self, line: dict) -> None:
        self.fraction, self.text = line.get("fraction", self.fraction), line.get("text", self.text)
        self.error = line.get("error", self.error)
        self.facts |= line.get("facts", {})
        try:
            if "model" in line:
                self._newest = self.folder / line["model"]
            if self._newest and ("done" if self._had else "model") in line:
                write_whole(self.out, self._newest.read_bytes())
                self.models += 1
            if "done" in line:
                self.fraction, self.text = 1.0, "Learned"
                self._end("" if self.models else "no model was learned")
        except (OSError, ValueError) as problem:
            self._end(f"the model cannot be kept: {problem}")

    def _end(self, error: str) -> None:
        self.error, self.over = error, True
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(LAST)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _last_words(self) -> str:
        lines = (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f"{said[-1] if said else 'no reason given'} (status {self._process.returncode})"
