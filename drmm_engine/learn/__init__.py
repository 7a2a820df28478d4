# SPDX-License-Identifier: Apache-2.0
"""Training by the paper's curriculum, on torch."""

from .settings import Settings
from .train import train

__all__ = ["Settings", "train"]
