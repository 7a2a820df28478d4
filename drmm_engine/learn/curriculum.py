# SPDX-License-Identifier: Apache-2.0
"""The three-stage curriculum of Sec. 3.4: what each stage's loss holds, where gradients stop, the learning rate.

Stage 1 trains the layers one upon the other without weights and latents, stage 2 adds the latents, stage 3 adds the
weights, lets gradients through and moves from the sum of all depths' losses to the full model's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..evidence import Evidence
from ..layer import Layer, class_logits
from . import fused


def stage(iteration: int, iterations: int) -> int:
    """The stage, 1 to 3, of an iteration counted from 0: thirds of the budget."""
    return 1 + (3 * iteration > iterations) + (3 * iteration > 2 * iterations)


def begins(iteration: int, iterations: int) -> bool:
    """Whether a stage begins with this iteration."""
    return iteration == 0 or stage(iteration, iterations) != stage(iteration - 1, iterations)


def learning_rate(iteration: int, iterations: int, start: float) -> float:
    """Constant in stages 1 and 2; in stage 3 a tenth of it, falling linearly to 0."""
    if stage(iteration, iterations) < 3:
        return start
    return 0.1 * start * (3 - 3 * iteration / iterations)


def interpolation(iteration: int, iterations: int) -> float:
    """Lambda of stage 3, 0 to 1: the losses of the depths before the last count 1 - lambda."""
    return 3 * iteration / iterations - 2 if stage(iteration, iterations) == 3 else 0.0


def depth_estimates(
    layers: Sequence[Layer], evidence: Evidence, noise: Tensor, stage: int, truncation: float
) -> tuple[Tensor, Tensor]:
    """One-path estimates of log p of the models of the first 1 .. L layers (Eq. 10), [L, B], and the orphan terms.

    noise [L, B] uniform in [0, 1). The components are drawn from the terms that the stage has, truncated. Gradients
    pass from a layer to the ones before it, through residuals and log q, in stage 3 alone. Latent tables need not be
    normalised. The orphan terms are `nearest` of all layers, [K_1 + ... + K_L], none in stage 3.
    """
    products = real_products(layers, evidence, stage)
    path = fused.Path.empty(evidence.rows, noise.device)
    estimates, log_q, orphans = [], torch.zeros_like(noise[0]), [noise[0, :0]]
    for level, layer in enumerate(layers):
        real = real_logits(layer, evidence, products[level])
        if stage == 3 and products[level] is None:
            real = real + layer.log_weight
        logits = real if evidence.classes is None else real + class_logits(layer.log_prob, evidence.classes)
        if stage >= 2 and level:
            logits = logits + fused.look_up(layer.latent_table, path)
        if stage < 3 and evidence.observations is not None:
            orphans.append(nearest(real, evidence.observations.weight))
        if level + 1 == len(layers):
            estimates.append(fused.total(logits) - log_q)
            break
        total, h, log_probability = fused.draw(logits, noise[level], truncation)
        estimates.append(total - log_q)
        with torch.set_grad_enabled(stage == 3 and torch.is_grad_enabled()):
            log_q = log_q + (log_probability if stage == 3 else log_probability.detach())
            evidence = layer.residual_evidence(evidence, None, h)
        if stage >= 2:
            path = path.then(h, layer.components)
    return torch.stack(estimates), torch.cat(orphans)


def real_products(layers: Sequence[Layer], evidence: Evidence, stage: int) -> Sequence[fused.Product | None]:
    """The layers' real streams as products, with weights in stage 3; None for all where a value is missing or the
    components of a layer do not share a diagonal."""
    o = evidence.observations
    if o is None or not o.complete or not all(layer.shares_covariance for layer in layers):
        return [None] * len(layers)
    weights = [layer.log_weight for layer in layers] if stage == 3 else []
    return fused.products([layer.mean for layer in layers], [layer.log_sigma[0] for layer in layers], weights)


def real_logits(layer: Layer, evidence: Evidence, product: fused.Product | None) -> Tensor:
    """`layer.real_logits`, by the layer's product if there is one."""
    o = evidence.observations
    if o is None or product is None:
        return layer.real_logits(evidence)
    logits = product.logits(o.z)
    return logits if o.log_volume is None else logits + o.log_volume[:, None]


def nearest(real: Tensor, known: Tensor) -> Tensor:
    """1/K max_i l_i(h), [K]: the likelihood of each component's likeliest row, real streams only; known [1 or B, N].

    Rows with missing values count as if their known variables were all there are.
    """
    if len(known) > 1:
        real = real / known.mean(1).clamp(min=0.5 / known.shape[1])[:, None]
    return fused.highest(real) / real.shape[1]


def loss(
    estimates: Tensor, orphans: Tensor, weight: Tensor | None, share: float | Tensor, orphan: float, batch: int
) -> Tensor:
    """(1 - share) sum_(l<L) NLL_l + NLL_L - orphan * sum orphans.

    NLL_l: the sum of -log p_l over the rows, (weighted) if weights are given, over the number of rows of the batch.
    """
    likelihood = (estimates if weight is None else estimates * weight).sum(1) / batch
    return -((1 - share) * likelihood[:-1].sum() + likelihood[-1] + orphan * orphans.sum())
