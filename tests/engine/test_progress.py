# SPDX-License-Identifier: Apache-2.0
"""Progress on a clock of the test's own."""

import pytest

from drmm_engine import progress


@pytest.mark.parametrize("seconds, text", [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3725, "1:02:05")])
def test_clock(seconds, text):
    assert progress.clock(seconds) == text


def test_lines_tell_what_is_done_and_left(monkeypatch, capsys):
    now = iter(range(0, 1000, 3))  # each look at the clock is 3 s after the last
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    assert list(progress.progress("abcd", "work")) == list("abcd")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["work: 1 of 4, 0:18 left", "work: 2 of 4, 0:09 left", "work: 3 of 4, 0:04 left"]


def test_quick_work_is_silent(capsys):
    assert list(progress.progress(range(1000), "work")) == list(range(1000))
    assert capsys.readouterr().err == ""
