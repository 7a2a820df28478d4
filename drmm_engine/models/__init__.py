# SPDX-License-Identifier: Apache-2.0
"""The models that ship with the engine."""

from pathlib import Path

KINDS = ("locomotion", "pose")


def path(kind: str = "locomotion") -> Path:
    """The file of a shipped model."""
    if kind not in KINDS:
        raise ValueError(f"no shipped model {kind!r}; there are {', '.join(KINDS)}")
    return Path(__file__).with_name(f"{kind}.drmm.safetensors")
