# SPDX-License-Identifier: Apache-2.0
"""Progress of a long command on stderr, with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
PAUSE = 2.0  # seconds between two lines


def progress(steps: Sequence[T], what: str) -> Iterator[T]:
    """The steps one by one; while they take long, a line on stderr says how many are done and the time left."""
    start = said = time.monotonic()
    for done, step in enumerate(steps):
        now = time.monotonic()
        if done and now - said >= PAUSE:
            left = (now - start) / done * (len(steps) - done)
            print(f"{what}: {done} of {len(steps)}, {clock(left)} left", file=sys.stderr, flush=True)
            said = now
        yield step


def clock(seconds: float) -> str:
    """A duration as h:mm:ss or m:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
