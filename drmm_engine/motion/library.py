# SPDX-License-Identifier: Apache-2.0
"""Reading many clips at once, from folders, zips and files, into canonical positions at one frame rate."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.motion.bvh import read_bvh
from drmm_engine.motion.clip import Clip, resample
from drmm_engine.motion.mapping import propose
from drmm_engine.motion.skeleton import canonical_positions, index
from drmm_engine.motion.units import standing
from drmm_engine.progress import progress

# Height of the toe joint above the floor while the foot stands flat, metres; capture sets differ from 0.01 to 0.05.
TOE_HEIGHT = 0.045
# Metres a second that the joints of a sprinter do not reach on average.
MAX_SPEED = 12.0

BLENDERS = (".fbx", ".glb", ".gltf", ".blend")  # formats that Blender reads

_UNREADABLE = (ValueError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error)
_Source = tuple[str, Callable[[], Clip]]
Others = Callable[[Path], Iterable[Clip]]


@dataclass(frozen=True)
class CanonicalClip:
    """Positions `[F, 20, 3]` of the canonical joints, metres, Z up, floor at 0; `source` is the file it came from,
    `cut` how many frames around jumps it has lost."""

    name: str
    positions: Array
    frame_rate: float
    source: str
    cut: int = 0


@dataclass(frozen=True)
class Refusal:
    """A file that was not used, and why, in one line."""

    source: str
    reason: str


def read_clips(
    paths: str | Path | Iterable[str | Path], mapping: dict[str, str] | None = None, frame_rate: float = 30.0,
    others: Others | None = None, told: Callable[[float, str], None] | None = None,
) -> tuple[list[CanonicalClip], list[Refusal]]:
    """Every clip in folders (with all below them), zips and files, and a list of those that cannot be used.

    `mapping` (canonical joint -> joint name) holds for all files; without it each is mapped by its names. `others`
    reads the formats that are Blender's, which are refused without it; `told` is called with the share done and a name.
    """
    clips, refusals = [], []
    found = [(Path(path), files_in(Path(path))) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    refusals += [Refusal(str(path), f"{path}: no clip in this folder") for path, files in found if not files]
    files = [file for _, each in found for file in each]
    for done, file in enumerate(progress(files, "files read")):
        if told:
            told(done / len(files), file.name)
        try:
            for source, load in _sources(file, others, mapping):
                try:
                    clips.append(_canonical(source, load(), mapping, frame_rate))
                except _UNREADABLE as error:
                    refusals.append(Refusal(source, str(error)))
        except _UNREADABLE as error:
            refusals.append(Refusal(str(file), f"{file}: {error}"))
    return clips, refusals


def files_in(path: Path) -> list[Path]:
    """The path itself, or the clips and zips in a folder and all below it, by name."""
    if not path.is_dir():
        return [path]
    inside = (file for file in path.rglob("*") if file.suffix.lower() in (".bvh", ".zip", *BLENDERS))
    return sorted(file for file in inside if file.is_file() and not file.name.startswith("."))


def _sources(file: Path, others: Others | None, names: dict[str, str] | None) -> Iterator[_Source]:
    """The names of the clips in a zip, in a file of Blender's formats, or of the file itself, with what reads each."""
    if file.suffix.lower() in BLENDERS:
        if others is None:
            raise ValueError("is read through Blender, which is not here: pip install bpy, or save it as BVH")
        for clip in others(file):
            yield f"{file}/{clip.name}", partial(standing, clip, names=names)
    elif file.suffix.lower() != ".zip":
        yield str(file), lambda: _bvh(file.open("rb"), names)
    else:
        yield from _members(file, names)


def _members(file: Path, names: dict[str, str] | None) -> Iterator[_Source]:
    with zipfile.ZipFile(file) as archive:
        inside = [name for name in archive.namelist() if name.lower().endswith(".bvh")]
        members = sorted(name for name in inside if not Path(name).name.startswith("."))
        if not members:
            raise ValueError("no BVH file in this zip")
        for member in members:
            yield f"{file}/{member}", partial(_member, archive, member, names)


def _member(archive: zipfile.ZipFile, member: str, names: dict[str, str] | None) -> Clip:
    file = io.BytesIO(archive.read(member))
    file.name = member
    return read_bvh(file, names=names)


def _bvh(file: IO, names: dict[str, str] | None) -> Clip:
    with file:
        return read_bvh(file, names=names)


def _canonical(source: str, clip: Clip, mapping: dict[str, str] | None, frame_rate: float) -> CanonicalClip:
    calm = without_jumps(clip)
    cut = round((clip.frames - calm.frames) * frame_rate / clip.frame_rate)
    clip = resample(calm, frame_rate)
    positions = canonical_positions(clip, mapping or propose(clip.joint_names, clip.parents))
    return CanonicalClip(clip.name, on_floor(positions), clip.frame_rate, source, cut)


def without_jumps(clip: Clip) -> Clip:
    """The longest part of the clip without a jump, 0.05 s short of the jumps.

    A jump is a step in which the joints move by more than `MAX_SPEED` on average, or a first step of over 5 cm
    that is four times as long as any of the next ten: the T-pose some exporters put before the motion.
    ValueError if nothing is left.
    """
    steps = np.linalg.norm(np.diff(clip.positions(), axis=0), axis=-1).mean(axis=1)
    jumps = steps * clip.frame_rate > MAX_SPEED
    if len(steps) > 2 and steps[0] > max(0.05, 4.0 * steps[1:11].max()):
        jumps[0] = True
    if not jumps.any():
        return clip
    margin = int(np.ceil(0.05 * clip.frame_rate))
    ends = [-margin - 1, *np.flatnonzero(jumps), clip.frames - 1 + margin]
    start, stop = max(((a + 1 + margin, b + 1 - margin) for a, b in pairwise(ends)), key=lambda part: part[1] - part[0])
    if stop <= start:
        raise ValueError(f"{clip.name}: its joints move faster than {MAX_SPEED:g} m/s all the time: is its unit right?")
    return clip.sliced(slice(max(start, 0), stop))


def on_floor(positions: Array) -> Array:
    """Positions `[F, 20, 3]` raised or lowered as a whole, so that the planted toes are `TOE_HEIGHT` above z = 0.

    The lower toe of each frame is planted in most; its 5th percentile over the frames forgives stray ones.
    """
    toes = positions[:, [index("LeftToes"), index("RightToes")], 2].min(axis=1)
    return positions - (0.0, 0.0, np.percentile(toes, 5) - TOE_HEIGHT)
