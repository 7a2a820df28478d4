# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes of a walk: each an Action of its own, looked at side by side, taken or put back, made anew in parts."""

from .motion import Motion
from .record import Take
from .store import add, as_before, shown

__all__ = ["Motion", "Take", "add", "as_before", "shown"]
