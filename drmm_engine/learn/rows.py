# SPDX-License-Identifier: Apache-2.0
"""Training data: rows as they lie on the device, batches of them as evidence, and what else rows may be drawn from."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..evidence import Classes, Evidence, Functionals, Observations
from ..schema import Schema

SAMPLE = 100_000  # most rows that the start of training looks at


class Source(Protocol):
    """What batches are drawn from: a number of rows, of which any may be taken."""

    def __len__(self) -> int: ...

    def take(self, index: Tensor) -> Rows:
        """The rows at index [B], on its device."""

    def fingerprint(self) -> str:
        """Tells these rows from others."""


@dataclass(frozen=True)
class Rows:
    """real [R, N] in model units, 0 where missing; known [R, N] its multipliers (None: nothing is missing); codes
    [R, C] and named [R, C] likewise (None: no categorical streams); weight [R], mean 1 (None: all alike)."""

    real: Tensor
    known: Tensor | None
    codes: Tensor | None
    named: Tensor | None
    weight: Tensor | None

    def __len__(self) -> int:
        return len(self.real)

    def take(self, index: Tensor) -> Rows:
        """The rows at index [B]."""
        return self._each(lambda x: x.index_select(0, index))

    def copy(self) -> Rows:
        """The same rows in tensors of their own."""
        return self._each(torch.clone)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Rows:
        return replace(self, **{name: change(x) for name, x in vars(self).items() if x is not None})

    def like(self, other: Rows) -> bool:
        """Whether the same tensors are there, of the same shapes."""
        return all(None is x is y or (x is not None and y is not None and x.shape == y.shape)
                   for x, y in zip(vars(self).values(), vars(other).values(), strict=True))

    def fill(self, other: Rows) -> None:
        """Overwrite with rows that are like these."""
        for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True):
            if mine is not None:
                mine.copy_(theirs)

    def fingerprint(self) -> str:
        """Of every value."""
        total = 0
        for x in vars(self).values():
            total = zlib.crc32(b"" if x is None else x.cpu().numpy(), total)
        return f"{len(self)} rows, {total:08x}"

    def evidence(self, index: Tensor | None = None) -> Evidence:
        """What the rows at index [B] (None: all) say: what is not missing is known."""
        if index is not None:
            return self.take(index).evidence()
        observations = classes = None
        if self.real.shape[1]:
            z = self.real
            weight = torch.ones_like(z[:1]) if self.known is None else self.known
            everything = Functionals(slice(None), None, True)
            observations = Observations(everything, z, torch.zeros_like(z[:1]), weight, self.known is None)
        if self.codes is not None and self.named is not None:
            classes = Classes(self.codes, self.named)
        return Evidence(observations, None, classes, len(self))


def rows(schema: Schema, data: np.ndarray, weight: np.ndarray | None, device: str) -> Rows:
    """Rows [R, variables] in model units, NaN = missing; rows without a value or a weight teach nothing: left out."""
    if data.ndim != 2 or data.shape[1] != len(schema.names):
        raise ValueError(f"the data need {len(schema.names)} columns, got shape {data.shape}")
    weight = None if weight is None else _checked(weight, len(data))
    keep = ~np.isnan(data).all(axis=1) & (True if weight is None else weight > 0)
    if not keep.all():
        data, weight = data[keep], None if weight is None else weight[keep]
    if not len(data):
        raise ValueError("there is no row with a value to train on")
    if np.isinf(data[:, schema.real_columns]).any():
        raise ValueError("the data hold an infinite value")
    return to_rows(schema, data, None if weight is None else weight / weight.mean(), device)


def to_rows(
    schema: Schema, data: np.ndarray, weight: np.ndarray | None, device: str | torch.device, masked: bool = False
) -> Rows:
    """The rows [R, variables] as they are, on the device; masked: with multipliers even if no number is missing."""
    real, codes = (data[:, columns] for columns in (schema.real_columns, schema.categorical_columns))

    def move(x: np.ndarray, kind: type = np.float32) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(x, dtype=kind), device=device)

    missing, unnamed = np.isnan(real), np.isnan(codes)
    masked = masked or bool(missing.any())
    return Rows(
        move(np.where(missing, 0, real) if masked else real),
        move(~missing) if masked else None,
        move(np.where(unnamed, 0, codes), np.int64) if codes.shape[1] else None,
        move(~unnamed) if codes.shape[1] else None,
        None if weight is None else move(weight),
    )


def sample(source: Source, generator: torch.Generator) -> Rows:
    """The rows that the start of training looks at: all, or as many of a long table, drawn at random."""
    device = generator.device
    if len(source) <= SAMPLE:
        return source if isinstance(source, Rows) else source.take(torch.arange(len(source), device=device))
    return source.take(torch.randint(len(source), (SAMPLE,), generator=generator, device=device))


def _checked(weight: np.ndarray, count: int) -> np.ndarray:
    weight = np.asarray(weight, dtype=float)
    if weight.shape != (count,) or not np.isfinite(weight).all() or (weight < 0).any() or not weight.any():
        raise ValueError("sample weights must be one number a row, not negative and not all 0")
    return weight
