# SPDX-License-Identifier: Apache-2.0
"""Targets along a line: even, complete, and what is refused."""

import numpy as np
import pytest

from drmm_engine.motion.route import targets


def test_they_lie_on_the_line_at_even_distances():
    route = targets([(0, 0, 5), (3, 0, 5), (3, 2, 5)], speed=1.1, spacing=1.0, stop=True)
    np.testing.assert_allclose([t.position for t in route], [(1, 0), (2, 0), (3, 0), (3, 1), (3, 2)])
    assert [t.stop for t in route] == [False] * 4 + [True]
    assert {t.speed for t in route} == {1.1} and {t.facing for t in route} == {"along"}


def test_what_is_asked_holds_for_all():
    assert {t.facing for t in targets([(0, 0), (5, 0)], facing="away", spacing=2.0)} == {"away"}
    assert len(targets([(0, 0), (5, 0)], spacing=2.0)) == 3


@pytest.mark.parametrize(("points", "options", "said"), [
    ([(0, 0)], {}, "two points"), ([(0, 0), (np.nan, 1)], {}, "finite"), ([(1, 1), (1, 1)], {}, "one place"),
    ([(0, 0), (1, 1)], {"spacing": 0.0}, "spacing must be positive"),
])
def test_what_is_no_route_is_refused(points, options, said):
    with pytest.raises(ValueError, match=said):
        targets(points, **options)
