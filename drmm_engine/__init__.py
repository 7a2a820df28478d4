# SPDX-License-Identifier: Apache-2.0
"""Deep Residual Mixture Models: trained once, then sampled under any conditions."""

from pathlib import Path

from .conditions import Box, GaussianPrior, HalfSpace, Known, LinearEquality
from .model import Model
from .posterior import Draw
from .schema import Schema, Stream, Variable

__all__ = ["Box", "Draw", "GaussianPrior", "HalfSpace", "Known", "LinearEquality", "Model", "Schema", "Stream",
           "Variable", "load"]
__version__ = "0.1.0"


def load(path: str | Path | None = None, kind: str = "locomotion") -> Model:
    """Read a model file (None: the shipped model of a kind, "locomotion" or "pose"); ValueError says what is wrong."""
    from . import models, storage

    return storage.load(models.path(kind) if path is None else path)
