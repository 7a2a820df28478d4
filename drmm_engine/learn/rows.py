# SPDX-License-Identifier: Apache-2.0
"""Training data as it lies on the device, and batches of it as evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..evidence import Classes, Evidence, Functionals, Observations
from ..schema import Schema


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

    def evidence(self, index: Tensor) -> Evidence:
        """What the rows at index [B] say: what is not missing is known."""
        observations = classes = None
        if self.real.shape[1]:
            z = self.real[index]
            weight = torch.ones_like(z[:1]) if self.known is None else self.known[index]
            everything = Functionals(slice(None), None, True)
            observations = Observations(everything, z, torch.zeros_like(z[:1]), weight)
        if self.codes is not None and self.named is not None:
            classes = Classes(self.codes[index], self.named[index])
        return Evidence(observations, None, classes, len(index))


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
    real, codes = (data[:, columns] for columns in (schema.real_columns, schema.categorical_columns))
    if np.isinf(real).any():
        raise ValueError("the data hold an infinite value")

    def move(x: np.ndarray, kind: type = np.float32) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(x, dtype=kind), device=device)

    missing, unnamed = np.isnan(real), np.isnan(codes)
    return Rows(
        move(np.where(missing, 0, real) if missing.any() else real),
        move(~missing) if missing.any() else None,
        move(np.where(unnamed, 0, codes), np.int64) if codes.shape[1] else None,
        move(~unnamed) if codes.shape[1] else None,
        None if weight is None else move(weight / weight.mean()),
    )


def _checked(weight: np.ndarray, count: int) -> np.ndarray:
    weight = np.asarray(weight, dtype=float)
    if weight.shape != (count,) or not np.isfinite(weight).all() or (weight < 0).any() or not weight.any():
        raise ValueError("sample weights must be one number a row, not negative and not all 0")
    return weight
