# SPDX-License-Identifier: GPL-3.0-or-later
"""Any armature as a rig that poses drive: read, limited, learned and posed, with operators or without.

    from blender_addon import rig

    rig.find(armature)                      # fill the list of bones with defaults
    described = rig.read(armature)          # drmm_engine.body.rig.Rig, as the armature stands
    described.save("crane.rig.json")        # for `python -m training.pose crane.rig.json`
    job = rig.begin(armature, count=20_000)
    rig.finish(armature, job)               # waits; in a window the model is chosen when it is there
    rig.write(armature, described.joints, rig.theta(armature, described.joints))
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "find": "bones", "begin": "learn", "cancel": "learn", "finish": "learn", "job_of": "learn", "running": "learn",
    "check_fits": "learned", "known_model": "learned", "model": "learned", "read": "reader", "theta": "reader",
    "channels": "writer", "write": "writer",
}  # fmt: skip
__all__ = [
    "begin", "cancel", "channels", "check_fits", "find", "finish", "job_of", "known_model", "model", "read", "running",
    "theta", "write",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """What is public, read when first used (enabling the extension needs none of it)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
