# SPDX-License-Identifier: Apache-2.0
"""Data larger than memory: a folder of .npy files, mapped, of which only the rows that are drawn are read."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

from ..scaling import to_model_units
from ..schema import Schema
from .rows import Rows, to_rows

MOST_HELD = 100_000  # rows held out, at most
LOOKED_AT = 4096  # rows, evenly spaced, by which one data set is told from another


@dataclass(frozen=True)
class Shards:
    """Files of rows in data units, [rows, columns] each, NaN = missing, one after the other."""

    files: tuple[Path, ...]
    arrays: tuple[np.ndarray, ...]

    @cached_property
    def starts(self) -> np.ndarray:
        """First row of each file, and the number of rows."""
        return np.cumsum([0, *map(len, self.arrays)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def columns(self) -> int:
        """Columns of every file."""
        return self.arrays[0].shape[1]

    def read(self, index: np.ndarray) -> np.ndarray:
        """The rows at index [B], [B, columns]; ValueError with file, row and column where one is infinite."""
        out = np.empty((len(index), self.columns), np.result_type(*self.arrays, np.float32))
        which = np.searchsorted(self.starts, index, side="right") - 1
        for shard in np.unique(which):
            here = which == shard
            out[here] = self.arrays[shard][index[here] - self.starts[shard]]
        if np.isinf(out).any():
            i, column = np.argwhere(np.isinf(out))[0]
            raise ValueError(f"{self.files[which[i]]}: row {index[i] - self.starts[which[i]] + 1}, column "
                             f"{column + 1}: the value is infinite")
        return out

    def spread(self) -> np.ndarray:
        """Some rows, evenly spaced."""
        return self.read(np.linspace(0, len(self) - 1, min(len(self), LOOKED_AT)).astype(np.int64))


def open_shards(folder: str | Path) -> Shards:
    """The .npy files of a folder in the order of their names; ValueError on what cannot be mapped or does not fit."""
    folder = Path(folder)
    archives = sorted(folder.glob("*.npz"))
    if archives:
        raise ValueError(f"{archives[0]}: an .npz cannot be mapped into memory; save each part as .npy")
    files = sorted(folder.glob("*.npy"))
    arrays = [_mapped(file) for file in files]
    if not sum(map(len, arrays)):
        raise ValueError(f"{folder}: no .npy file with a row in it")
    for file, array in zip(files, arrays, strict=True):
        if array.shape[1] != arrays[0].shape[1]:
            raise ValueError(f"{file}: {array.shape[1]} columns, but {files[0].name} has {arrays[0].shape[1]}")
    return Shards(tuple(files), tuple(arrays))


def _mapped(file: Path) -> np.ndarray:
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{file}: cannot be mapped into memory: {error}") from None
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise ValueError(f"{file}: a shard must be numbers [rows, columns], got {array.dtype} {list(array.shape)}")
    return array


@dataclass(frozen=True)
class ShardRows:
    """A `rows.Source`: the shards' rows less the held-out ones `held` [H], sorted, in a schema's model units.

    A row without a value gets weight 0.
    """

    schema: Schema
    shards: Shards
    held: np.ndarray

    def __len__(self) -> int:
        return len(self.shards) - len(self.held)

    @cached_property
    def masked(self) -> bool:
        """Whether values seem to be missing: then every batch says which, so that all are of one form."""
        return bool(np.isnan(self.shards.spread()).any())

    def place(self, index: np.ndarray) -> np.ndarray:
        """Which rows of the shards these are: the held-out ones are stepped over."""
        return index + np.searchsorted(self.held - np.arange(len(self.held)), index, side="right")

    def take(self, index: Tensor) -> Rows:
        """The rows at index [B], on its device."""
        data = to_model_units(self.schema, self.shards.read(self.place(index.cpu().numpy())))
        empty = np.isnan(data).all(axis=1)
        return to_rows(self.schema, data, ~empty if empty.any() else None, index.device, self.masked)

    def fingerprint(self) -> str:
        """Of names, sizes, scaling, what is held out and some rows: most bytes are not read."""
        total = zlib.crc32(self.held.tobytes(), zlib.crc32(self.shards.spread().tobytes()))
        for file, array in zip(self.shards.files, self.shards.arrays, strict=True):
            total = zlib.crc32(f"{file.name} {array.shape} {array.dtype}".encode(), total)
        return f"{len(self)} rows, {total:08x}"


def hold_out(count: int, share: float, seed: int) -> np.ndarray:
    """Rows of `count` to hold out at random, sorted: the share of them, 100,000 at most."""
    some = min(round(share * count), MOST_HELD)
    if some == count:
        raise ValueError(f"--held-out {share} of {count} rows leaves none to train on")
    return np.sort(np.random.default_rng(seed).choice(count, some, replace=False, shuffle=False))
