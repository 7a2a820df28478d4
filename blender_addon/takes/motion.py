# SPDX-License-Identifier: GPL-3.0-or-later
"""What was generated, frame by frame, before it became keys; no Blender in it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drmm_engine.motion.directions import Block
from drmm_engine.motion.skeleton import JOINTS

GRAIN = 1e-5  # metres; positions are kept as whole numbers of it
MOST_FRAMES = 180_000  # a bound on what a damaged file can ask for
DAMAGED = "the motion kept with this take is damaged; generate it again"

_WORDS = np.dtype("<i4")


@dataclass(frozen=True)
class Motion:
    """Positions `[F, 20, 3]` in metres in the size of the model's body, and of each frame: which feet stand `[F, 2]`
    (left, right), how plausible it is `[F]` (nats), the target it walks to `[F]`, and where the hips may be a second
    later `[F, 5]` (mean x, y; covariance xx, xy, yy; metres). What is not known is nan."""

    positions: NDArray[np.float64]
    contacts: NDArray[np.bool_]
    plausibility: NDArray[np.float64]
    target: NDArray[np.int64]
    reach: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.positions)

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> Motion:
        """The frames of a controller's blocks, one after the other."""
        return join([_of(block) for block in blocks])

    @classmethod
    def plain(cls, positions: ArrayLike, target: int = 0) -> Motion:
        """Frames towards one target, of which no more is known."""
        count = len(positions)
        return cls(
            np.asarray(positions, float), np.zeros((count, 2), bool), np.full(count, np.nan), np.full(count, target),
            np.full((count, 5), np.nan),
        )  # fmt: skip

    def part(self, first: int, end: int | None = None) -> Motion:
        """The frames from `first` up to, without, `end`."""
        span = slice(max(first, 0), None if end is None else max(end, 0))
        return Motion(*(getattr(self, name)[span] for name in FIELDS))


FIELDS = tuple(field.name for field in fields(Motion))


def join(parts: Sequence[Motion]) -> Motion:
    """Motions one after the other."""
    return Motion(*(np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS))


def _of(block: Block) -> Motion:
    motion = Motion.plain(block.positions, block.target)
    known = {}
    if getattr(block, "contacts", None) is not None:
        known["contacts"] = np.array(block.contacts, bool)
    if getattr(block, "plausibility", None) is not None:
        known["plausibility"] = np.full(len(motion), float(block.plausibility))
    if getattr(block, "reach", None) is not None:
        (x, y), ((xx, xy), (_, yy)) = block.reach
        known["reach"] = np.tile([x, y, xx, xy, yy], (len(motion), 1))
    return replace(motion, **known)


def pack(motion: Motion) -> bytes:
    """A motion in few bytes: positions to a hundredth of a millimetre, the other numbers to seven digits."""
    grains = np.round(motion.positions.reshape(len(motion), -1) / GRAIN).astype(_WORDS)
    steps = np.ascontiguousarray(np.diff(grains, axis=0, prepend=_WORDS.type(0)).T)
    parts = (
        steps.view(np.uint8).reshape(-1, _WORDS.itemsize).T,  # bytes of one weight side by side: most are alike
        np.packbits(motion.contacts),
        motion.plausibility.astype("<f4"),
        motion.target.astype("<i2"),
        motion.reach.astype("<f4"),
    )
    return np.array(len(motion), _WORDS).tobytes() + zlib.compress(b"".join(part.tobytes() for part in parts))


@lru_cache(maxsize=32)
def unpack(data: bytes) -> Motion:
    """The motion that `pack` made bytes of, to be read only; ValueError where they are none of its."""
    count = int(np.frombuffer(data[:4], _WORDS)[0]) if len(data) >= 4 else -1
    if not 0 < count <= MOST_FRAMES:
        raise ValueError(DAMAGED)
    columns = 3 * len(JOINTS)
    sizes = (_WORDS.itemsize * count * columns, -(-2 * count // 8), 4 * count, 2 * count, 20 * count)
    try:
        raw = zlib.decompressobj().decompress(data[4:], sum(sizes))
    except zlib.error:
        raise ValueError(DAMAGED) from None
    if len(raw) != sum(sizes):
        raise ValueError(DAMAGED)
    ends = np.cumsum((0, *sizes))
    words, stand, plausibility, target, reach = (raw[a:b] for a, b in zip(ends, ends[1:], strict=False))
    steps = np.ascontiguousarray(np.frombuffer(words, np.uint8).reshape(_WORDS.itemsize, -1).T).view(_WORDS)
    grains = steps.reshape(columns, count).T.cumsum(axis=0, dtype=_WORDS)
    return Motion(
        positions=grains.reshape(count, len(JOINTS), 3) * GRAIN,
        contacts=np.unpackbits(np.frombuffer(stand, np.uint8), count=2 * count).reshape(count, 2).astype(bool),
        plausibility=np.frombuffer(plausibility, "<f4").astype(float),
        target=np.frombuffer(target, "<i2").astype(int),
        reach=np.frombuffer(reach, "<f4").reshape(count, 5).astype(float),
    )
