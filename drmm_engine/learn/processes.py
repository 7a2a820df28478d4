# SPDX-License-Identifier: Apache-2.0
"""Training on several processes, as torchrun starts them: each works out its part of one joint batch.

All processes draw the same joint batch from the same generator, so that the sums of their losses and gradients are
those of one process, up to rounding. The first process alone reports and writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

LOST = "another process of this run has ended; the same command goes on from the last checkpoint"


@dataclass(frozen=True)
class Group:
    """This process, `rank` of `size`, counted from 0, and the store where a failing process leaves word."""

    rank: int = 0
    size: int = 1
    store: Any = None

    @property
    def first(self) -> bool:
        """Whether this is the one that reports and writes."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """The rows of a joint batch that are this process's; ValueError where there are not enough for all."""
        if count < self.size:
            raise ValueError(f"a batch of {count} rows is too small for {self.size} processes")
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def owned(self, highest: Tensor) -> Tensor:
        """Of maxima over this process's rows [n] those that are the joint batch's, 0 elsewhere; equal ones are shared.
        """
        if self.size == 1 or not len(highest):
            return highest
        everyone = [torch.empty_like(highest) for _ in range(self.size)]
        with _together():
            dist.all_gather(everyone, highest.detach().contiguous())
        own = torch.stack(everyone)
        owner = (own == own.amax(0)).to(own.dtype)
        return highest * (owner[self.rank] / owner.sum(0))

    def total(self, loss: Tensor, gradients: Sequence[Tensor | None]) -> tuple[Tensor, list[Tensor | None]]:
        """Sums over the processes, in one message."""
        if self.size == 1:
            return loss, list(gradients)
        flat = torch.cat([loss[None], *(g.flatten() for g in gradients if g is not None)])
        with _together():
            dist.all_reduce(flat)
        sizes = [0 if g is None else g.numel() for g in gradients]
        parts = flat[1:].split(sizes)
        return flat[0], [None if g is None else part.view_as(g) for g, part in zip(gradients, parts, strict=True)]

    def agree(self, what: dict, tensors: Sequence[Tensor]) -> None:
        """Bring the first process's tensors to all; ValueError where `what`, in JSON, is not the same everywhere."""
        if self.size == 1:
            return
        told: list[Any] = [None] * self.size
        with _together():
            dist.all_gather_object(told, what)
            for x in tensors:
                dist.broadcast(x, 0)
        for name in what:
            if any(other[name] != told[0][name] for other in told):
                raise ValueError(f"the processes of this run differ in {name}; give them the same files and arguments")

    def speaks(self) -> bool:
        """Whether no other process has said why the run fails; asked once."""
        try:
            return self.store is None or self.store.add("failures", 1) == 1
        except RuntimeError:  # the store is gone, and so is the first process
            return False


ALONE = Group()


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise ValueError(LOST) from error


@contextmanager
def joined(device: str) -> Iterator[tuple[Group, str]]:
    """The processes that torchrun started and the device of this one; alone where it did not."""
    launched = dist.is_available() and dist.is_torchelastic_launched() and int(os.environ["WORLD_SIZE"]) > 1
    if not launched or (device == "cuda" and not torch.cuda.is_available()):
        yield ALONE, device
        return
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    store, rank, size = next(dist.rendezvous("env://"))
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", store=store, rank=rank, world_size=size)
    try:
        yield Group(rank, size, store), device
    finally:
        dist.destroy_process_group()
