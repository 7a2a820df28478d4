# SPDX-License-Identifier: Apache-2.0
"""Where training starts: the paper's random means under the data's own spread, or a greedy fit."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .. import fit
from ..layer import choose
from ..schema import Schema
from .parameters import Parameters, from_model, layers
from .rows import Rows
from .settings import Settings

GREEDY_ROWS = 100_000  # most rows that the greedy start counts
LATENT_SPREAD = 0.001  # latent logits start uniform in +- this


def start(schema: Schema, rows: Rows, settings: Settings, generator: torch.Generator) -> Parameters:
    """Parameters before the first iteration, on the rows' device."""
    order = torch.randperm(len(rows), generator=generator, device=rows.real.device)
    if settings.start == "greedy":
        return greedy_start(schema, rows, order[:GREEDY_ROWS], settings)
    return random_start(schema, rows, order[: settings.start_rows], settings, generator)


def random_start(
    schema: Schema, rows: Rows, index: Tensor, settings: Settings, generator: torch.Generator
) -> Parameters:
    """Layer by layer: K means from a normal of the residuals' mean and sd a variable, cut at 2 sd; weights uniform.

    sigma starts as the root mean square distance, a variable, from the data to the nearest mean of the first layer, in
    every layer: it follows the data's scale, and deeper layers start soft (with their own residuals' sigma seeds end
    further apart).
    """
    parameters: Parameters = {}
    device = rows.real.device
    evidence = rows.evidence(index)
    latents = torch.zeros((len(index), 0), dtype=torch.long, device=device)
    for i, k in enumerate(settings.components):
        draws = _Draws(generator, device)
        parameters |= {f"layers.{i}.{name}": x for name, x in _blank(schema, settings, i, draws).items()}
        if evidence.observations is not None:
            z, known = evidence.observations.z, evidence.observations.weight.expand(len(index), -1)
            mean, sd = _moments(z, known)
            parameters[f"layers.{i}.mean"] = mean + sd * draws.truncated_normal(k, z.shape[1])
            if i == 0:
                nearest = _nearest_squares(z, known, parameters["layers.0.mean"])
                log_variance = _log_variance(nearest, known, schema, settings)
            parameters[f"layers.{i}.log_variance"] = log_variance.clone()
        part = Settings(settings.components[: i + 1], 1, covariance=settings.covariances[: i + 1])
        layer = layers(parameters, schema, part)[i]
        h, _, _ = choose(layer.logits(evidence, latents), None, draws.uniform(len(index)), 0.05)
        evidence = layer.residual_evidence(evidence, None, h)
        latents = torch.cat([latents, h[:, None]], 1)
    return parameters


class _Draws:
    """Random numbers of one generator on one device."""

    def __init__(self, generator: torch.Generator, device: torch.device) -> None:
        self.generator, self.device = generator, device

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, device=self.device)

    def truncated_normal(self, *shape: int) -> Tensor:
        """Standard normal within +-2, by the inverse of its distribution function."""
        low = 0.5 + 0.5 * torch.erf(torch.tensor(-2.0) / 2**0.5).item()
        return torch.special.ndtri(low + (1 - 2 * low) * self.uniform(*shape))


def _blank(schema: Schema, settings: Settings, i: int, draws: _Draws) -> Parameters:
    k, before = settings.components[i], sum(settings.components[:i])
    reals = len(schema.real_columns)
    sigmas = reals if settings.covariances[i] == "diagonal" else len(schema.real_streams)
    out = {"weight": torch.zeros(k), "mean": torch.zeros(k, reals), "log_variance": torch.zeros(sigmas)}
    out = {name: x.to(draws.device) for name, x in out.items()}
    for c, stream in enumerate(schema.categorical_streams):
        out[f"classes.{c}"] = 2 * draws.uniform(k, len(stream.classes)) - 1
    if i:
        out["latent"] = LATENT_SPREAD * (2 * draws.uniform(before, k) - 1)
    return out


def _moments(z: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    count = known.sum(0).clamp(min=1)
    mean = (known * z).sum(0) / count
    return mean, ((known * (z - mean) ** 2).sum(0) / count).sqrt()


def _nearest_squares(z: Tensor, known: Tensor, mean: Tensor) -> Tensor:
    """Squared differences [B, N] from each row to the mean that is nearest in its known variables."""
    distance = (known * z * z).sum(1)[:, None] - 2 * (known * z) @ mean.T + known @ (mean * mean).T
    return known * (z - mean[distance.argmin(1)]) ** 2


def _log_variance(squares: Tensor, known: Tensor, schema: Schema, settings: Settings) -> Tensor:
    """log of the mean square, one a variable or one a stream, not below the floor."""
    widths = [1] * squares.shape[1] if settings.covariance == "diagonal" else [
        len(s.variables) for s in schema.real_streams]
    parts = zip(squares.split(widths, 1), known.split(widths, 1), strict=True)
    mean = [s.sum() / m.sum().clamp(min=1) for s, m in parts]
    return torch.stack(mean).clamp(min=fit.SIGMA_FLOOR**2).log()


def greedy_start(schema: Schema, rows: Rows, index: Tensor, settings: Settings) -> Parameters:
    """The parameters of `fit.fit` on the rows at index."""
    data = np.full((len(index), len(schema.names)), np.nan, dtype=np.float32)

    def put(columns: np.ndarray, values: Tensor, known: Tensor | None) -> None:
        values = values[index].cpu().numpy()
        data[:, columns] = values if known is None else np.where(known[index].cpu().numpy() > 0, values, np.nan)

    put(schema.real_columns, rows.real, rows.known)
    if rows.codes is not None:
        put(schema.categorical_columns, rows.codes, rows.named)
    weight = None if rows.weight is None else rows.weight[index].cpu().numpy()
    # The paper's curriculum makes its own of the layers, so that clusters are enough to start from.
    steps = fit.STEPS if settings.curriculum == "end-to-end" or settings.whitened else 0
    model = fit.fit(schema, data, settings.components, settings.covariances, settings.residuals, weight, settings.seed,
                    steps, settings.shared_rows, settings.floor)
    return from_model(model, rows.real.device)
