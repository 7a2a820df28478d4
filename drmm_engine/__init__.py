# SPDX-License-Identifier: Apache-2.0
"""Deep Residual Mixture Models: trained once, then sampled under any conditions."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conditions import Box, GaussianPrior, HalfSpace, Known, LinearEquality
    from .model import Model
    from .posterior import Draw
    from .schema import Schema, Stream, Variable

__all__ = ["Box", "Draw", "GaussianPrior", "HalfSpace", "Known", "LinearEquality", "Model", "Schema", "Stream",
           "Variable", "load"]
__version__ = "0.1.0"

_HOMES = {"Draw": "posterior", "Model": "model"}
_HOMES |= dict.fromkeys(("Box", "GaussianPrior", "HalfSpace", "Known", "LinearEquality"), "conditions")
_HOMES |= dict.fromkeys(("Schema", "Stream", "Variable"), "schema")


def __getattr__(name: str) -> Any:
    """A public name, read when first used: a part of the engine that needs little of it is there in an instant."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def load(path: str | Path | None = None, kind: str = "locomotion") -> Model:
    """Read a model file (None: the shipped model of a kind, "locomotion" or "pose"); ValueError says what is wrong."""
    from . import models, storage

    return storage.load(models.path(kind) if path is None else path)
