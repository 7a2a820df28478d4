# SPDX-License-Identifier: GPL-3.0-or-later
"""Models on disk, read once."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import drmm_engine as drmm
from drmm_engine import models

PURPOSES = {"locomotion": "walking", "pose": "posing"}


@dataclass(frozen=True)
class Entry:
    """A model that was read, with lines about it for the panel; without a model, the line is the problem."""

    modified: int
    model: drmm.Model | None
    lines: tuple[str, ...]


_entries: dict[tuple[str, str], Entry] = {}


def load(path: str, kind: str) -> drmm.Model:
    """The model of a file, or for an empty path the shipped one of a kind ("locomotion", "pose").

    Raises ValueError where there is none, where it is damaged, or where it is of another kind.
    """
    file = Path(path or models.path(kind))
    if not file.is_file():
        raise ValueError(f"there is no model file {str(file)!r}; choose another, or clear the field")
    modified = os.stat(file).st_mtime_ns
    entry = _entries.get((path, kind))
    if entry is None or entry.modified != modified:
        entry = _entries[path, kind] = _read(file, kind, modified)
    return entry.model


def look(path: str, kind: str) -> None:
    """Read a model for the panel, where a problem is shown as well."""
    try:
        load(path, kind)
    except ValueError as problem:
        _entries[path, kind] = Entry(0, None, (str(problem),))


def known(path: str, kind: str) -> Entry | None:
    """What is known of a model without touching the disk; None if it was not read yet."""
    return _entries.get((path, kind))


def clear() -> None:
    """Forget all models."""
    _entries.clear()


def _read(file: Path, kind: str, modified: int) -> Entry:
    try:
        model = drmm.load(file)
    except ImportError as problem:
        version = ".".join(map(str, sys.version_info[:2]))
        raise ValueError(
            f"the safetensors library of this extension does not load in Python {version} ({problem}); "
            "install the extension that fits this Blender"
        ) from None
    found = (model.features or {}).get("kind")
    if found != kind or not model.skeleton:
        raise ValueError(f"the file {file.name} is no model for {PURPOSES[kind]}; choose one of the kind {kind!r}")
    return Entry(modified, model, describe(model, file.name))


def describe(model: drmm.Model, name: str) -> tuple[str, ...]:
    """A few short lines: name, size, source and licence of the data, and the figures that the file gives."""
    size = " + ".join(str(layer.components) for layer in model.layers)
    known = [name, f"{size} components, {len(model.schema.names)} variables"]
    known += [f"{label}: {model.data[key]}" for label, key in (("Data", "source"), ("Licence", "licence"))
              if key in model.data]
    return (*known, *(f"{name.replace('_', ' ')}: {_short(value)}" for name, value in model.metrics.items()
                      if isinstance(value, (int, float, str))))


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
