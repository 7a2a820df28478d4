# SPDX-License-Identifier: Apache-2.0
"""The free parameters of a model in training, and their way into layers and models.

They are unconstrained tensors by name: `layers.{l}.weight` [K] logits of w; `.mean` [K, N]; `.log_variance`, one a real
stream (isotropic) or one a variable (diagonal); `.classes.{c}` [K, C] logits; `.latent` [K_1 + ... + K_(l-1), K]
logits with one row per class of the earlier layers, so that a look-up reads rows and their gradient adds to rows.
"""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..layer import Layer
from ..model import Model
from ..schema import Schema
from .settings import Settings

Parameters = dict[str, Tensor]


def layers(parameters: Parameters, schema: Schema, settings: Settings, stage: int = 3, normalise: bool = True
           ) -> tuple[Layer, ...]:
    """The layers under these parameters; what a stage does not use is left as it is, without gradient.

    normalise: whether the latent tables are; `curriculum.depth_estimates` does without.
    """
    return tuple(_layer(parameters, schema, settings, i, stage, normalise) for i in range(len(settings.components)))


def _layer(parameters: Parameters, schema: Schema, settings: Settings, i: int, stage: int, normalise: bool) -> Layer:
    def own(name: str) -> Tensor:
        return parameters[f"layers.{i}.{name}"]

    table = start = None
    if i:
        sizes = settings.components[:i]
        table = own("latent")
        start = latent_start(sizes, table.device)
        if stage >= 2 and normalise:
            table = normalised(table, sizes)
    return Layer(
        own("weight").log_softmax(0) if stage == 3 else own("weight").detach(),
        own("mean"),
        0.5 * _per_variable(own("log_variance"), schema)[None],
        tuple(own(f"classes.{c}").log_softmax(1) for c in range(len(schema.categorical_streams))),
        table, start, settings.covariance,
    )


def normalised(table: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """log P of latent logits: each block of rows normalised down its columns."""
    if len(set(sizes)) == 1:  # saves a copy
        return table.unflatten(0, (len(sizes), sizes[0])).log_softmax(1).flatten(0, 1)
    return torch.cat([block.log_softmax(0) for block in table.split(sizes)])


@lru_cache(maxsize=256)
def latent_start(sizes: tuple[int, ...], device: torch.device) -> Tensor:
    """First row of each earlier layer's block, [l - 1]; kept, as bringing it to a device would wait for that."""
    return torch.as_tensor(np.cumsum((0, *sizes[:-1])), device=device)


def _per_variable(log_variance: Tensor, schema: Schema) -> Tensor:
    """One value a variable, [N], of one value a stream."""
    widths = [len(s.variables) for s in schema.real_streams]
    if len(log_variance) == sum(widths):
        return log_variance
    return torch.cat([value.expand(n) for value, n in zip(log_variance, widths, strict=True)])


def to_model(parameters: Parameters, schema: Schema, settings: Settings) -> Model:
    """The trained model, NumPy."""
    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(plain(v) for v in value)
        return value.numpy() if isinstance(value, Tensor) else value

    double = {name: value.detach().cpu().double() for name, value in parameters.items()}
    stack = layers(double, schema, settings)
    return Model(schema, tuple(Layer(**{f.name: plain(getattr(x, f.name)) for f in fields(Layer)}) for x in stack))
