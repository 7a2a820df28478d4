# SPDX-License-Identifier: Apache-2.0
"""Motion: clips and BVH files, the canonical skeleton, and what is learned from them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drmm_engine.motion.bvh import read_bvh, write_bvh
    from drmm_engine.motion.clip import Clip, resample

__all__ = ["Clip", "read_bvh", "resample", "write_bvh"]

_HOMES = {"Clip": "clip", "read_bvh": "bvh", "resample": "clip", "write_bvh": "bvh"}


def __getattr__(name: str) -> Any:
    """A public name, read when first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
