# SPDX-License-Identifier: Apache-2.0
"""How fast to walk to a target with a time, and when to stand before: in time rather than early or late.

One who passes a target counts as there anywhere within its ring, and plans to be well inside it at the time: a little
late is still within.
"""

from __future__ import annotations

import numpy as np

from drmm_engine.motion.directions import Target
from drmm_engine.motion.features import FRAME_RATE, NEXT

EARLY = 1.5  # frames before its time from which a target may be passed
SLOWEST, FASTEST = 0.5, 3.5  # m/s that a target with a time is walked to at
_DEEP = 0.25  # of its radius from a target at which it is planned to be passed
_EASY = 0.8  # m/s at which one sets off after having waited for the time
_SETTING_OFF = 0.5  # s lost to getting under way
_TURNING = 0.4  # s lost to a turn of a radian
_STEPPING_IN = 0.5  # s more than the way at speed takes to come to a stand
_LONG, _SHORT = 1.5, 0.3  # s; to stand for less is not worth while on the way, or there
_SPRINT = (0.8, 0.7)  # m/s, and more for each metre left: nobody sprints for a metre


def pace(target: Target, left: float, turn: float, seconds: float, standing: bool) -> tuple[float, float]:
    """The speed (m/s) at which to walk the `left` metres to a target in `seconds`, or seconds to stand before.

    turn: what the way begins with (radians); standing: whether the character stands now.
    """
    seconds -= _STEPPING_IN if target.stands else 0.0
    ring = 0.0 if target.stands else target.radius
    lost = _SETTING_OFF + _TURNING * abs(turn)
    if standing and (spare := seconds - max(left - ring, 0.0) / _EASY - lost) > NEXT / FRAME_RATE:
        return 0.0, spare
    left = max(left - _DEEP * ring, 0.0)
    spare = seconds - left / _EASY - _SETTING_OFF
    if left < SLOWEST * seconds and spare > (_LONG if left > 0 else _SHORT):
        return 0.0, spare
    most = min(FASTEST, _SPRINT[0] + _SPRINT[1] * left)
    return float(np.clip(left / max(seconds, 0.1), SLOWEST, most)), 0.0
