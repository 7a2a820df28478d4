# SPDX-License-Identifier: Apache-2.0
"""The large arrays of a training step, with their gradients worked out by hand.

The same numbers as `layer.py` gives under autograd, which would write and read several times as many arrays of the
size of a batch's logits [B, K] or of the latent tables. No function here looks at a value, so none waits for the
device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

LOG_2PI = math.log(2 * math.pi)
LOG2_E = math.log2(math.e)


@dataclass(frozen=True)
class Product:
    """What the real streams of a layer of shared diagonal covariance are, as one product with rows z [B, N].

    anchor [N] keeps the expanded squares small against the variances; curvature [N] -1 / (2 sigma^2); components
    [K, N + 2]: (mu - anchor) / sigma^2, 1, and what is left of log N(z; mu, sigma^2) without z.
    """

    anchor: Tensor
    curvature: Tensor
    components: Tensor

    def logits(self, z: Tensor) -> Tensor:
        """log N(z; mu_k, diag sigma^2) (Eq. 4), [B, K], and log w_k if the layer was given it."""
        return _Product.apply(z, self.anchor, self.curvature, self.components)


def products(
    means: Sequence[Tensor], log_sigmas: Sequence[Tensor], log_weights: Sequence[Tensor] = ()
) -> list[Product]:
    """Of layers mu [K, N], log sigma [N], log w [K] (none: 0); those of one size at once, for the operations of one."""
    if len(set(map(len, means))) > 1:
        each = [slice(i, i + 1) for i in range(len(means))]
        return [products(means[one], log_sigmas[one], log_weights[one])[0] for one in each]
    mean, log_sigma = torch.stack(tuple(means)), torch.stack(tuple(log_sigmas))  # [L, K, N], [L, N]
    anchor = mean.detach().mean(1)
    precision = torch.exp(-2 * log_sigma)
    centre = mean - anchor[:, None]
    slope = centre * precision[:, None]
    level = (centre * slope).sum(2).mul(-0.5) - (log_sigma.sum(1) + 0.5 * LOG_2PI * mean.shape[2])[:, None]
    if log_weights:
        level = level + torch.stack(tuple(log_weights))
    components = torch.cat([slope, torch.ones_like(slope[..., :1]), level[..., None]], 2)
    parts = zip(anchor.unbind(), (-0.5 * precision).unbind(), components.unbind(), strict=True)
    return [Product(*part) for part in parts]


@dataclass(frozen=True)
class Path:
    """The latents h_1 .. h_J that the B rows of a batch have drawn so far, as look-ups and their gradients read them.

    index [B, J]: the row of a table in which each lies; case [J B]: the batch's rows, block by block in the order of
    the table's row in which they lie; first [K_1 + ... + K_J]: where in `case` those of each row of the table begin.
    """

    index: Tensor
    case: Tensor
    first: Tensor
    sizes: tuple[int, ...] = ()

    @classmethod
    def empty(cls, count: int, device: torch.device) -> Path:
        """Of a batch of `count` rows before the first layer."""
        none = torch.zeros(0, dtype=torch.long, device=device)
        return cls(none.expand(count, 0), none, none)

    def then(self, h: Tensor, components: int) -> Path:
        """With the components h [B] of one more layer, which has so many."""
        lies, case = h.sort(stable=True)
        first = torch.searchsorted(lies, torch.arange(components, device=h.device)) + len(self.case)
        index = torch.cat([self.index, h[:, None] + sum(self.sizes)], 1)
        return Path(index, torch.cat([self.case, case]), torch.cat([self.first, first]), (*self.sizes, components))


def look_up(table: Tensor, path: Path) -> Tensor:
    """sum_j log P_j[h][h_j], [B, K], log P_j each block of rows of table [K_1 + ... + K_J, K] normalised down its
    columns.

    The sum of logits less the blocks' log-sum-exps, so that the normalised tables are never written out.
    """
    return _LookUp.apply(table, path)


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


def _powers(x: Tensor, top: Tensor) -> Tensor:
    """exp(x - top), as a power of 2: torch's exp takes longer, and a hundred times as long where it underflows."""
    return torch.add(top * -LOG2_E, x, alpha=LOG2_E).exp2_()


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, z: Tensor, anchor: Tensor, curvature: Tensor, components: Tensor) -> Tensor:
        z = z - anchor
        squares = z * z
        own = (squares @ curvature)[:, None]
        rows = torch.cat([z, own, torch.ones_like(own)], 1)
        context.save_for_backward(squares, curvature, rows, components)
        return rows @ components.T

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        squares, curvature, rows, components = context.saved_tensors
        n = len(curvature)
        of_components = (rows.T @ gradient).T  # this way round is twice as fast
        if not context.needs_input_grad[0]:
            return None, None, gradient.sum(1) @ squares, of_components
        of_rows = gradient @ components
        row = of_rows[:, n]
        of_z = torch.addcmul(of_rows[:, :n], row[:, None] * rows[:, :n], curvature, value=2)
        return of_z, None, row @ squares, of_components


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, table: Tensor, path: Path) -> Tensor:
        powers, masses, log_masses = [], [], []
        for part in _blocks(table, path.sizes):
            top = part.amax(1, keepdim=True)
            powers.append(_powers(part, top))
            masses.append(powers[-1].sum(1, keepdim=True))
            log_masses.append((masses[-1].log() + top).sum((0, 1)))
        context.path = path
        context.save_for_backward(*masses, *powers)
        return torch.nn.functional.embedding_bag(path.index, table, mode="sum").sub_(sum(log_masses[1:], log_masses[0]))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Counts less what the probabilities expect."""
        path, saved = context.path, context.saved_tensors
        masses, powers = saved[: len(saved) // 2], saved[len(saved) // 2 :]
        out = torch.nn.functional.embedding_bag(path.case, gradient, path.first, mode="sum")
        expected = gradient.sum(0)
        for part, mass, power in zip(_blocks(out, path.sizes), masses, powers, strict=True):
            part.addcmul_(power, expected / mass, value=-1)
        return out, None


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
        here = torch.ge(x, top, out=torch.empty_like(x))
        return here.mul_(gradient / here.sum(0))


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, logits: Tensor) -> Tensor:
        top = logits.amax(1, keepdim=True)
        p = _powers(logits, top)
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
        p = _powers(logits, top)
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
