# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes of a walk: each an Action of its own, looked at side by side, taken or put back, made anew in parts."""

from importlib import import_module
from typing import Any

_HOMES = {"Motion": "motion", "Take": "record", "add": "store", "as_before": "store", "shown": "store"}
__all__ = ["Motion", "Take", "add", "as_before", "shown"]


def __getattr__(name: str) -> Any:
    """What is public, read when first used (enabling the extension needs none of it)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
