# SPDX-License-Identifier: Apache-2.0
"""What a character may be told, and what is refused, by the number of the target."""

import numpy as np
import pytest

from drmm_engine.motion.directions import Target, check


def test_what_can_be_done_is_accepted():
    check([Target((1, 2)), Target(np.array([3.0, 4.0]), facing=(0.0, 1.0), speed=1.5),
           Target((5, 6), facing=1.2, arrive=4.0, wait=2.0), Target((7, 8), facing="away", arrive=6.5, stop=True),
           Target((9, 1), facing=((0.0, 1.0), (0.5, 1.0)))])


def test_a_wait_is_a_stop():
    assert Target((0, 0), wait=1.0).stands and Target((0, 0), stop=True).stands and not Target((0, 0)).stands


@pytest.mark.parametrize(("targets", "said"), [
    ([], "no target"),
    ([Target((1, 0)), Target((1, 0, 0))], "target 2 is not a place"),
    ([Target((1, np.inf))], "target 1 is not a place"),
    ([Target((1, 0), facing="backwards")], "target 1: facing must be one of free, along, towards, away"),
    ([Target((1, 0), facing=(1.0, np.nan))], "target 1: facing"),
    ([Target((1, 0), facing=((1.0, 2.0), (np.inf, 0.0)))], "target 1: facing"),
    ([Target((1, 0), facing=())], "target 1: facing"),
    ([Target((1, 0), speed=0.0)], "target 1: speed must be positive, got 0.0"),
    ([Target((1, 0), speed=20.0)], "target 1: speed must be at most 8 m/s"),
    ([Target((1, 0), radius=-1.0)], "target 1: radius must be positive"),
    ([Target((1, 0), wait=-1.0)], "target 1: wait must be at least 0"),
    ([Target((1, 0), arrive=2.0, wait=1.0), Target((2, 0), arrive=2.5)], "target 2: arrive must be later than 3 s"),
])
def test_what_cannot_is_refused_with_its_number(targets, said):
    with pytest.raises(ValueError, match=said):
        check(targets)
