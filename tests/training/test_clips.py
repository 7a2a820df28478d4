# SPDX-License-Identifier: Apache-2.0
"""How poses of clips are parted into those learned and those held out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.pose import split_by_clip


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.sampled_from([0.02, 0.1, 0.4]), st.integers(0, 99))
def test_every_row_is_learned_or_held_out_and_clips_stay_whole(lengths, share, seed):
    train, held = split_by_clip(lengths, share, seed)
    assert np.array_equal(np.sort(np.r_[train, held]), np.arange(sum(lengths)))
    some = max(round(share * len(lengths)), 1)
    if some < len(lengths) and np.sort(lengths)[-some:].sum() <= 0.5 * sum(lengths):
        clips = np.repeat(np.arange(len(lengths)), lengths)
        assert not set(clips[train]) & set(clips[held]) and len(set(clips[held])) == some


def test_nothing_is_held_out_where_nothing_is_to_be():
    train, held = split_by_clip([5, 7], 0.0, 0)
    assert len(train) == 12 and len(held) == 0


def test_a_single_clip_is_parted_by_rows():
    train, held = split_by_clip([100], 0.1, 0)
    assert len(train) == 90 and len(held) == 10


def test_all_held_out_is_refused():
    with pytest.raises(ValueError, match="leaves none to train on"):
        split_by_clip([10, 10], 1.0, 0)
