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

from .bones import find
from .learn import begin, cancel, finish, job_of, running
from .learned import check_fits, known_model, model
from .reader import read, theta
from .writer import channels, write

__all__ = [
    "begin", "cancel", "channels", "check_fits", "find", "finish", "job_of", "known_model", "model", "read", "running",
    "theta", "write",
]  # fmt: skip
