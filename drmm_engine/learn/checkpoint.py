# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: one safetensors file with JSON inside, from which a run goes on bit for bit (on one kind of machine)."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..files import write_whole
from .parameters import Parameters


def write(
    path: Path, parameters: Parameters, optimizer: torch.optim.Optimizer, generator: torch.Generator, iteration: int,
    run: dict,
) -> None:
    """Everything that the next iteration depends on; `run` says which run this is, in JSON."""
    tensors = {f"parameter.{name}": p.detach() for name, p in parameters.items()}
    for name, p in parameters.items():
        tensors |= {f"adam.{key}.{name}": value for key, value in optimizer.state[p].items()}
    tensors["generator"] = generator.get_state()
    header = {"checkpoint": json.dumps({"iteration": iteration, "run": run})}
    write_whole(path, save({name: x.cpu().contiguous() for name, x in tensors.items()}, header))


def read(
    path: Path, parameters: Parameters, optimizer: torch.optim.Optimizer, generator: torch.Generator, run: dict
) -> int:
    """Restore a run in place and return its iteration; ValueError where the file is damaged or of another run."""
    try:
        with safe_open(str(path), framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("checkpoint", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{path}: not a usable checkpoint ({error}); delete it to start anew") from None
    same(path, header.get("run", {}), run)
    for name, p in parameters.items():
        p.data.copy_(tensors[f"parameter.{name}"])
        for key, value in optimizer.state[p].items():
            value.copy_(tensors[f"adam.{key}.{name}"])
    generator.set_state(tensors["generator"])
    return header["iteration"]


def same(path: Path, theirs: dict, ours: dict) -> None:
    """ValueError where a file is of another run than this one."""
    for name in sorted(set(theirs) | set(ours)):
        if theirs.get(name) != ours.get(name):
            raise ValueError(f"{path}: a run with {name} = {theirs.get(name)!r} was stopped here, now {name} is "
                             f"{ours.get(name)!r}; go on with the former, or delete the file to start anew")


def remove(path: Path) -> None:
    """Delete a finished run's checkpoint, and what a kill while writing may have left beside it."""
    for file in (path, *path.parent.glob(f".{path.name}.*")):
        file.unlink(missing_ok=True)
