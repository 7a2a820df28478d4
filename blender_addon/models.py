# SPDX-License-Identifier: GPL-3.0-or-later
"""Models on disk, read once."""

from __future__ import annotations

import os
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import drmm_engine as drmm
from drmm_engine import models
from drmm_engine.motion.features import HISTORY
from drmm_engine.motion.skeleton import JOINTS

DATA = {"source": "Data", "licence": "Licence"}
FIGURES = {
    "targets_per_minute": "Targets a minute",
    "slide_mean_cm_s": "Foot slide, cm/s",
    "jerk_m_s3": "Jerk, m/s³",
    "log_likelihood": "Log-likelihood, nats",
}
WIDTH = 36  # characters that the sidebar shows at its usual width
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


def styles(path: str) -> list[str]:
    """The styles in which a locomotion model that was read can walk."""
    entry = known(path, "locomotion")
    return list((entry.model.features or {}).get("styles", ())) if entry and entry.model else []


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
    if found != kind:
        raise ValueError(f"the file {file.name} is no model for {PURPOSES[kind]}; choose one of the kind {kind!r}")
    if not _has_body(model):
        raise ValueError(f"the file {file.name} does not tell which body its motion is of; train it again")
    return Entry(modified, model, describe(model, file.name))


def _has_body(model: drmm.Model) -> bool:
    """Whether the file's rest pose, frame rate and, for walks, first frames are there and of their shapes."""
    body, features = model.skeleton or {}, model.features or {}
    try:
        parts = [(body["rest"], (len(JOINTS), 3)), (body["frame_rate"], ())]
        if features["kind"] == "locomotion":
            parts.append((features["start"], (HISTORY, len(JOINTS), 3)))
        return all(np.shape(part) == shape and np.isfinite(np.array(part, float)).all() for part, shape in parts)
    except (KeyError, TypeError, ValueError):
        return False


def describe(model: drmm.Model, name: str) -> tuple[str, ...]:
    """A few short lines: name, size, source and licence of the data, and the figures that an animator can use."""
    size = " + ".join(str(layer.components) for layer in model.layers)
    known = [name, f"{size} components, {len(model.schema.names)} variables"]
    known += [f"{label}: {model.data[key]}" for key, label in DATA.items() if model.data.get(key)]
    walks = model.metrics.get("walks")
    figures = model.metrics | (walks if isinstance(walks, dict) else {})
    shown = [(label, figures.get(key)) for key, label in FIGURES.items()]
    known += [f"{label}: {value:.4g}" for label, value in shown if isinstance(value, (int, float))]
    return tuple(line for entry in known for line in textwrap.wrap(entry, WIDTH))
