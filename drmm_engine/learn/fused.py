# SPDX-License-Identifier: Apache-2.0
"""The large arrays of a training step, with their gradients worked out by hand.

The same numbers as `layer.py` gives under autograd, which would write and read several times as many arrays of the
size of a batch's logits [B, K] or of the latent tables. No function here looks at a value, so none waits for the
device.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

LOG_2PI = math.log(2 * math.pi)


def normal_logits(z: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
    """log N(z; mu_k, diag sigma^2) (Eq. 4), [B, K], of whole rows z [B, N]; mean [K, N], log_sigma [N]."""
    return _NormalLogits.apply(z, mean, log_sigma)


def look_up(table: Tensor, index: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """sum_j log P_j[h][h_j], [B, K], log P_j each block of rows of table [sum sizes, K] normalised down its columns.

    index [B, J]: the row of each latent. The sum of logits less the blocks' log-sum-exps, so that the normalised tables
    are never written out.
    """
    return _LookUp.apply(table, index, sizes)


def highest(x: Tensor) -> Tensor:
    """The largest of each column of x [B, K], [K]; rows that are alike share its gradient."""
    return _Highest.apply(x)


def total(logits: Tensor) -> Tensor:
    """log sum_h exp logits, [B], of logits [B, K]."""
    return _Total.apply(logits)


def draw(logits: Tensor, noise: Tensor, truncation: float) -> tuple[Tensor, Tensor, Tensor]:
    """`total` of logits [B, K], components h [B] as `layer.choose` draws them, and their log q [B].

    noise [B] uniform in [0, 1); components below truncation times the likeliest are left out.
    """
    return _Draw.apply(logits, noise, truncation)


def _exp_(x: Tensor) -> Tensor:
    """exp in place that never underflows: torch takes a hundred times as long where it would."""
    return x.clamp_(min=-80 if x.element_size() < 8 else -700).exp_()


class _NormalLogits(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, z: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
        anchor = mean.mean(0)  # keeps the expanded squares small against the variances
        precision = torch.exp(-log_sigma)
        white, centre = (z - anchor).mul_(precision), (mean - anchor).mul_(precision)
        context.save_for_backward(white, centre, precision)
        own = (white * white).sum(1).mul_(-0.5) - (log_sigma.sum() + 0.5 * LOG_2PI * z.shape[1])
        return torch.addmm((centre * centre).sum(1).mul_(-0.5), white, centre.T).add_(own[:, None])

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Of -|white_b - centre_k|^2 / 2 - sum log sigma."""
        white, centre, precision = context.saved_tensors
        row, component = gradient.sum(1), gradient.sum(0)
        product = gradient.T @ white
        of_z = None
        if context.needs_input_grad[0]:
            of_z = torch.addcmul(gradient @ centre, row[:, None], white, value=-1).mul_(precision)
        of_log_sigma = None
        if context.needs_input_grad[2]:
            squares = row @ (white * white) + component @ (centre * centre)
            of_log_sigma = squares - 2 * (centre * product).sum(0) - row.sum()
        return of_z, product.addcmul_(component[:, None], centre, value=-1).mul_(precision), of_log_sigma


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, table: Tensor, index: Tensor, sizes: tuple[int, ...]) -> Tensor:
        parts = [(part.amax(1, keepdim=True), part) for part in _blocks(table, sizes)]
        powers = [(top, _exp_(part - top)) for top, part in parts]
        masses = [power.sum(1, keepdim=True) for _, power in powers]
        log_mass = sum((top + mass.log()).sum((0, 1)) for (top, _), mass in zip(powers, masses, strict=True))
        context.save_for_backward(index, *masses, *(power for _, power in powers))
        return torch.nn.functional.embedding_bag(index, table, mode="sum").sub_(log_mass)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Counts less what the probabilities expect."""
        index, *saved = context.saved_tensors
        masses, powers = saved[: len(saved) // 2], saved[len(saved) // 2 :]
        expected = gradient.sum(0).neg_()
        parts = [(power * (expected / mass)).flatten(0, 1) for mass, power in zip(masses, powers, strict=True)]
        out = parts[0] if len(parts) == 1 else torch.cat(parts)
        each = gradient[:, None].expand(-1, index.shape[1], -1).reshape(-1, gradient.shape[1])
        return out.index_add_(0, index.flatten(), each), None, None


def _blocks(table: Tensor, sizes: tuple[int, ...]) -> list[Tensor]:
    """The table as arrays [blocks, size, K], one where all blocks are alike."""
    if len(set(sizes)) == 1:
        return [table.unflatten(0, (len(sizes), sizes[0]))]
    return [block[None] for block in table.split(sizes)]


class _Highest(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        top = x.amax(0)
        context.save_for_backward(x, top)
        return top

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        x, top = context.saved_tensors
        here = (x >= top).to(x.dtype)
        return here.mul_(gradient / here.sum(0))


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, logits: Tensor) -> Tensor:
        top = logits.amax(1, keepdim=True)
        p = _exp_(logits - top)
        mass = p.sum(1)
        context.save_for_backward(p, mass)
        return top[:, 0] + mass.log()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        p, mass = context.saved_tensors
        return p * (gradient / mass)[:, None]


class _Draw(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, logits: Tensor, noise: Tensor, truncation: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        top = logits.amax(1, keepdim=True)
        p = _exp_(logits - top)
        kept = torch.nn.functional.threshold(p, math.nextafter(truncation, 0.0), 0.0) if truncation > 0 else p
        rising = kept.cumsum(1)
        h = torch.searchsorted(rising, noise[:, None] * rising[:, -1:], right=True)
        mass, kept_mass = p.sum(1), kept.sum(1)
        context.save_for_backward(p, kept, h, mass, kept_mass)
        context.set_materialize_grads(False)
        context.mark_non_differentiable(h)
        return top[:, 0] + mass.log(), h[:, 0], (p.gather(1, h)[:, 0] / kept_mass).log()

    @staticmethod
    def backward(
        context: Any, of_sum: Tensor | None, _: None, of_log_q: Tensor | None
    ) -> tuple[Tensor | None, None, None]:
        p, kept, h, mass, kept_mass = context.saved_tensors
        out = None if of_sum is None else p * (of_sum / mass)[:, None]
        if of_log_q is not None:
            rate = -(of_log_q / kept_mass)[:, None]
            out = kept * rate if out is None else out.addcmul_(kept, rate)
            out.scatter_add_(1, h, of_log_q[:, None])
        return out, None, None
