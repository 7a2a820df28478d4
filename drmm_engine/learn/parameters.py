# SPDX-License-Identifier: Apache-2.0
"""The free parameters of a model in training, and their way into layers and models.

They are unconstrained tensors by name: `layers.{l}.weight` [K] logits of w; `.mean` [K, N]; `.log_variance`, one a real
stream (isotropic), one a variable [N] or one a variable and component [K, N] (diagonal); `.classes.{c}` [K, C] logits;
`.latent` [K_1 + ... + K_(l-1), K] logits with one row per class of the earlier layers, so that a look-up reads rows and
their gradient adds to rows.

Full covariances stand relative to those of a start that stays fixed, `.centre` [K, N], `.scale` T_0 and `.unscale`
T_0^-1 [K, N, N], so that a step of the optimiser is as long as a component is wide: mu = centre + T_0 `.mean`, and
T^-1 = A T_0^-1, A lower triangular with the log of its diagonal `.log_precision` [K, N] and `.skew` [K, N, N] below.
"""

from __future__ import annotations

from dataclasses import fields, replace
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
FIXED = ("centre", "scale", "unscale")


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
    full = settings.covariances[i] == "full"
    return Layer(
        own("weight").log_softmax(0) if stage == 3 else own("weight").detach(),
        own("centre") + (own("scale") @ own("mean")[..., None])[..., 0] if full else own("mean"),
        None if full else 0.5 * _per_variable(own("log_variance"), schema),
        tuple(own(f"classes.{c}").log_softmax(1) for c in range(len(schema.categorical_streams))),
        table, start, settings.covariances[i], settings.residuals[i],
        whitening=_turned(own("log_precision"), own("skew"), schema) @ own("unscale") if full else None,
    )


def _turned(log_precision: Tensor, skew: Tensor, schema: Schema) -> Tensor:
    """A, [K, N, N]."""
    widths = tuple(len(s.variables) for s in schema.real_streams)
    return log_precision.exp().diag_embed() + skew * _lower(widths, skew.dtype, skew.device)


@lru_cache(maxsize=64)
def _lower(widths: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """1 below the diagonal within a stream, [N, N]; kept, as `latent_start` is."""
    stream = np.repeat(np.arange(len(widths)), widths)
    return torch.as_tensor(np.tril(1.0 * (stream[:, None] == stream), -1), dtype=dtype, device=device)


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
    """One value a variable, [1 or K, N], of one value a stream, one a variable, or one a variable and component."""
    widths = [len(s.variables) for s in schema.real_streams]
    if log_variance.ndim == 2:
        return log_variance
    if len(log_variance) == sum(widths):
        return log_variance[None]
    return log_variance.index_select(0, _stream(tuple(widths), log_variance.device))[None]


@lru_cache(maxsize=64)
def _stream(widths: tuple[int, ...], device: torch.device) -> Tensor:
    """The real stream of each variable, [N]."""
    return torch.as_tensor(np.repeat(np.arange(len(widths)), widths), device=device)


def to_model(parameters: Parameters, schema: Schema, settings: Settings) -> Model:
    """The trained model, NumPy."""
    double = {name: value.detach().cpu().double() for name, value in parameters.items()}
    return Model(schema, tuple(_plain(layer) for layer in layers(double, schema, settings)))


def _plain(layer: Layer) -> Layer:
    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(plain(v) for v in value)
        return value.numpy() if isinstance(value, Tensor) else value

    made = Layer(**{f.name: plain(getattr(layer, f.name)) for f in fields(Layer)})
    if made.whitening is None:
        return made
    return replace(made, cholesky=np.tril(np.linalg.inv(made.whitening)), whitening=None)


def from_model(model: Model, device: torch.device) -> Parameters:
    """The parameters that make this model (NumPy), whatever the covariances of its layers."""
    parameters: Parameters = {}
    firsts = np.cumsum([0] + [len(s.variables) for s in model.schema.real_streams])[:-1]
    for i, layer in enumerate(model.layers):
        own = {"weight": layer.log_weight} | _places(layer, firsts)
        own |= {f"classes.{c}": table for c, table in enumerate(layer.log_prob)}
        own |= {"latent": layer.latent_table} if i else {}
        for name, value in own.items():
            array = np.array(value, dtype=np.float32, order="C")
            parameters[f"layers.{i}.{name}"] = torch.as_tensor(array, device=device)
    return parameters


def _places(layer: Layer, firsts: np.ndarray) -> dict[str, np.ndarray]:
    if layer.covariance == "isotropic":
        return {"mean": layer.mean, "log_variance": 2 * layer.log_sigma[0, firsts]}
    if layer.covariance == "diagonal":
        return {"mean": layer.mean, "log_variance": 2 * (layer.log_sigma[0] if len(layer.log_sigma) == 1
                                                         else layer.log_sigma)}
    return {"centre": layer.mean, "scale": layer.cholesky, "unscale": np.linalg.inv(layer.cholesky),
            "mean": 0 * layer.mean, "log_precision": 0 * layer.mean, "skew": 0 * layer.cholesky}


def trained(parameters: Parameters) -> list[Tensor]:
    """Those that training moves."""
    return [p for name, p in parameters.items() if name.split(".")[-1] not in FIXED]
