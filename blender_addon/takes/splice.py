# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames of a take stay when a part of it is made anew, and which targets are to come; no Blender in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drmm_engine.motion import skeleton
from drmm_engine.motion.features import FRAME_RATE, HISTORY, NEXT

from .record import Take

Target = dict[str, Any]

END = 10  # frames after a stretch that its new motion is led into
LEAST = 10  # frames of the scene that a stretch must have
EXACT = 5  # decimals of a number that tell whether a target is another
AHEAD = 3.0  # metres in the model's size that are walked at most in a second of walking straight on


def history(take: Take, frame: int) -> NDArray[np.float64]:
    """The ten frames before one of a take `[10, 20, 3]`; before its beginning the body stood as it begins."""
    return take.motion.positions[np.maximum(np.arange(frame - HISTORY, frame), 0)]


def stretch(take: Take, first: int, last: int) -> tuple[int, int]:
    """Frames of the motion between which it is made anew, for kept frames `first` and `last` of the scene.

    ValueError where they are too near each other or not in the take.
    """
    first, last = max(first, take.start), min(last, take.end)
    if last - first < LEAST:
        raise ValueError(
            f"frames {first} to {last} of the take ({take.start} to {take.end}) are too few to make anew; choose at "
            f"least {LEAST}"
        )
    return int(np.floor(take.frame(first) + 1e-6)), int(np.ceil(take.frame(last) - 1e-6))


def changed(before: Sequence[Target], now: Sequence[Target]) -> int | None:
    """Number of the first target that is another now; None where all are as they were."""
    for number, (old, new) in enumerate(zip(before, now, strict=False)):
        if _plain(old) != _plain(new):
            return number
    return None if len(before) == len(now) else min(len(before), len(now))


def merged(before: Sequence[Target], now: Sequence[Target]) -> list[Target]:
    """Targets as their objects stand now, and those that never had one where they were."""
    rest, result = list(now), []
    for target in before:
        if not target["object"]:
            result.append(target)
        elif rest:
            result.append(rest.pop(0))
    return result + rest


def pursued(take: Take, number: int) -> int:
    """The first frame of the motion at which a target is walked to; its length where none is."""
    frames = np.flatnonzero(take.motion.target >= number)
    return int(frames[0]) if len(frames) else len(take.motion)


def later(targets: Sequence[Target], seconds: float) -> list[Target]:
    """Targets of a walk that goes on after some time: what is to be reached by a time has so much less, and what moves
    has moved on."""
    result = []
    for target in targets:
        arrive = target.get("arrive")
        left = None if arrive is None else arrive - seconds
        asked = {"arrive": left if left and left > 0 else None, "facing": _after(target.get("facing", "free"), seconds)}
        result.append(target | asked)
    return result


def _after(facing: Any, seconds: float) -> Any:
    """What is faced from a time on: of places, one for each block, the rest."""
    if isinstance(facing, list) and isinstance(facing[0], list):
        return facing[min(round(seconds * FRAME_RATE / NEXT), len(facing) - 1) :]
    return facing


def extra(before: Sequence[dict], listed: Sequence[dict]) -> list[dict]:
    """The rows of a list of targets that a walk did not have yet: those after its own, or of other objects."""
    names = [row["object"] for row in before]
    if [row["object"] for row in listed[: len(names)]] == names:
        return list(listed[len(names) :])
    return [row for row in listed if row["object"] not in names]


def ahead(take: Take, seconds: float) -> Target:
    """A target straight on, farther than is walked in some seconds, world space."""
    hips = take.motion.positions[:, skeleton.index("Hips"), :2]
    way = hips[-1] - hips[-min(len(hips), HISTORY)]
    if np.linalg.norm(way) < 0.05:
        way = skeleton.facing(take.motion.positions[-1])[:2]
    place = hips[-1] + AHEAD * (seconds + 1.0) * way / np.linalg.norm(way)
    position = take.world(np.array([*place, 0.0])).tolist()
    return {"object": "", "position": position, "facing": "free", "arrive": None, "speed": None, "stop": False,
            "wait": 0.0, "style": None}  # fmt: skip


def seconds(take: Take, frame: int) -> float:
    """The time of a frame of the motion from its start."""
    return frame / take.record.get("rate", FRAME_RATE)


def _plain(value: Any) -> Any:
    """The same with numbers rounded, so that what was written and read is equal."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return round(value, EXACT) if isinstance(value, float) else value
