# SPDX-License-Identifier: Apache-2.0
"""From clips on disk to motion on one body and its windows: what is learned from, with torch or without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array
from drmm_engine.motion.augment import bent, time_warped
from drmm_engine.motion.bones import to_one_body
from drmm_engine.motion.contacts import contacts
from drmm_engine.motion.features import FRAME_RATE, HISTORY, NEXT, WINDOW, placement, to_local, windows
from drmm_engine.motion.layout import Part
from drmm_engine.motion.library import CanonicalClip, Others, Refusal, read_clips
from drmm_engine.motion.mapping import read_table
from drmm_engine.motion.rest import rest_pose
from drmm_engine.motion.skeleton import JOINTS, PARENTS, TOES, mirrored
from drmm_engine.motion.styles import labels

WANTED_WINDOWS = 150_000  # below this, bent and time-warped copies fill up
MOST_COPIES = 8
BENT = 0.35  # share of the windows of a copy that are bent: capture's own turns are better, but few
CURVATURE = 0.8  # 1/m; the sharpest bend
SPEED = 0.12  # a copy plays up to this much faster or slower
STANDING_SPEED = 0.15  # m/s of the hips
WALKING_SPEED = 0.5  # likewise
PLANTED_SPEED = 0.15  # m/s of a toe joint
MOST_DIP = 0.015  # metres


@dataclass(frozen=True)
class Motion:
    """Clips `[F, 20, 3]` of one body at 30 frames/s with their names, and its rest pose `[20, 3]`.

    For each clip also its file, its style ("": none) and how many frames its jumps have cost; and the files that were
    left out.
    """

    names: list[str]
    clips: list[Array]
    rest: Array
    sources: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    left_out: list[Refusal] = field(default_factory=list)


def read_motion(
    paths: Sequence[str], table: str | None = None, styles: str | None = None, others: Others | None = None,
    told: Callable[[float, str], None] | None = None,
) -> Motion:
    """All clips in folders, zips and files, brought to one body.

    table: a file of joint names (`mapping.read_table`); styles: where labels are from (`styles.labels`; None: no
    labels); others: what reads the formats that are Blender's; told: called with the share read and the file.
    ValueError where no clip is left.
    """
    clips, refusals = read_clips(list(paths), read_table(table) if table else None, FRAME_RATE, others, told)
    if not clips:
        reason = refusals[0].reason if refusals else "nothing was given"
        more = f" ({len(refusals) - 1} more are left out)" if len(refusals) > 1 else ""
        raise ValueError(f"no clip to train on in {', '.join(paths)}: {reason}{more}")
    clips, unsteady = steady(clips)
    bodies, _ = to_one_body([clip.positions for clip in clips])
    sources = [clip.source for clip in clips]
    return Motion([clip.name for clip in clips], bodies, rest_pose(np.concatenate(bodies)), sources,
                  labels(sources, styles) if styles else [], [clip.cut for clip in clips], refusals + unsteady)


def steady(clips: list[CanonicalClip]) -> tuple[list[CanonicalClip], list[Refusal]]:
    """Clips whose toe joint is the ball of the foot; all of them if there is no such clip.

    A joint further forward dips under the floor when the heel rises, and no foot of a model can then stand on it.
    """
    dips = [_dip(clip.positions) for clip in clips]
    if min(dips) > MOST_DIP:
        return clips, []
    refusals = [Refusal(clip.source, f"{clip.name}: its toe joints dip {100 * dip:.0f} cm below where they stand")
                for clip, dip in zip(clips, dips, strict=True) if dip > MOST_DIP]
    return [clip for clip, dip in zip(clips, dips, strict=True) if dip <= MOST_DIP], refusals


def _dip(positions: Array) -> float:
    toes = positions[:, TOES]
    planted = np.linalg.norm(np.diff(toes[..., :2], axis=0), axis=-1) * FRAME_RATE < PLANTED_SPEED
    height = np.median(toes[:-1, :, 2][planted]) if planted.any() else 0.0
    return float(height - np.percentile(toes[..., 2].min(axis=1), 5))


def standing_height(rest: Array) -> float:
    """Height of the toe joints of a body at rest `[20, 3]`, metres: that of a foot that stands."""
    return float(rest[TOES, 2].mean())


def skeleton_of(rest: Array) -> dict:
    """What a model file says of the body."""
    return {"joints": list(JOINTS), "parents": PARENTS.tolist(), "rest": np.round(rest, 6).tolist(),
            "frame_rate": FRAME_RATE}


def training_windows(
    clips: Sequence[Array], copies: int | None, rng: np.random.Generator, fastest: float = np.inf
) -> Iterator[Array]:
    """Windows `[n, 40, 20, 3]` of each clip, its mirror image and `copies` time-warped copies of both, bent in part.

    copies None: as many as bring the windows to 150,000, one at least and eight at most. Windows whose hips move
    faster than `fastest` (m/s along their path) are left out. ValueError where no window is left.
    """
    return (part.windows for part in training_parts(clips, (), 0.0, copies, rng, fastest))


def training_parts(
    clips: Sequence[Array], styles: Sequence[str], standing: float, copies: int | None, rng: np.random.Generator,
    fastest: float = np.inf, starts: int = 0,
) -> Iterator[Part]:
    """As `training_windows`, with the contacts of the feet and the styles of the clips ([]: none is known).

    standing: height of the toe joints of a standing foot, metres; starts: more copies of those windows in which
    standing turns into walking or walking into standing, of which any capture has few.
    """
    count = 2 * sum(max(0, len(clip) - WINDOW + 1) for clip in clips)
    if count == 0:
        raise ValueError(f"every clip is shorter than a window: {WINDOW} frames at {FRAME_RATE:.0f} frames/s")
    if copies is None:
        copies = int(np.clip(round(WANTED_WINDOWS / count) - 1, 1, MOST_COPIES))  # capture has few sharp turns
    found = False
    for clip, style in zip(clips, styles or [""] * len(clips), strict=True):
        for motion in (clip, mirrored(clip)):
            for copy in range(copies + starts + 1):
                part = _part(motion, style, standing, rng if copy else None, fastest, copy > copies)
                if len(part.windows):
                    found = True
                    yield part
    if not found:
        raise ValueError(f"no motion is slower than {fastest:g} m/s: raise --fastest")


def _part(clip: Array, style: str, standing: float, rng: np.random.Generator | None, fastest: float, starts: bool
          ) -> Part:
    """The windows of a clip or, with random numbers, of a copy of it: all, or those that start or stop."""
    if rng is not None:
        clip = time_warped(clip, float(rng.uniform(1 - SPEED, 1 + SPEED)))
    found, down = windows(clip), _next_contacts(clip, standing)
    if rng is not None and len(found):
        some = rng.random(len(found)) < BENT
        found[some] = bent(found[some], rng.uniform(-CURVATURE, CURVATURE, some.sum()))
    chosen = _path_speed(found) <= fastest
    if starts:
        chosen &= _starts_or_stops(found)
    return Part(found[chosen], down[chosen], style)


def _next_contacts(clip: Array, standing: float) -> NDArray[np.bool_]:
    """Contacts `[n, 5, 2]` of the next poses of the windows of a clip; bending a window leaves them as they are."""
    first = np.arange(HISTORY, max(len(clip) - WINDOW + 1, 0) + HISTORY)
    return contacts(clip, standing)[first[:, None] + np.arange(NEXT)]


def _starts_or_stops(part: Array) -> NDArray[np.bool_]:
    """Windows `[n]` whose hips stand in their first 0.3 s and walk in their last, or the other way round."""
    places = part[:, :, 0, :2]
    third = HISTORY - 1
    speeds = [np.linalg.norm(places[:, at + third] - places[:, at], axis=-1) * FRAME_RATE / third
              for at in (0, WINDOW - HISTORY)]
    return (np.minimum(*speeds) < STANDING_SPEED) & (np.maximum(*speeds) > WALKING_SPEED)


def _path_speed(part: Array) -> Array:
    steps = np.linalg.norm(np.diff(part[:, :, 0, :2], axis=1), axis=-1)
    return steps.mean(axis=1) * FRAME_RATE


def start_history(clips: Sequence[Array]) -> Array:
    """Ten frames `[10, 20, 3]` to start from, local: the most usual standing, or slowest motion where none stands."""
    histories = np.concatenate([windows(clip, stride=3)[:, :HISTORY] for clip in clips if len(clip) >= WINDOW])
    path = np.linalg.norm(histories[:, -1, 0, :2] - histories[:, 0, 0, :2], axis=-1)
    speed = path * FRAME_RATE / (HISTORY - 1)
    slow = speed <= max(STANDING_SPEED, float(np.percentile(speed, 5)))
    local = to_local(histories[slow], *placement(histories[slow, -1]))
    usual = np.median(local[:, -1], axis=0)
    return local[np.argmin(np.linalg.norm(local[:, -1] - usual, axis=(1, 2)))]
