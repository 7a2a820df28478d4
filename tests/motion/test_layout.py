# SPDX-License-Identifier: Apache-2.0
"""Rows that hold contacts and styles besides the 487: what goes in comes out, and what is not known stays open."""

import numpy as np
import pytest

from drmm_engine.motion import dataset
from drmm_engine.motion.contacts import contacts
from drmm_engine.motion.features import encode, variable_names, windows
from drmm_engine.motion.layout import PLAIN, Layout, Part, decode_contacts, layout_for, rows, schema_of
from tests.gait import ramp, walk_clip


@pytest.fixture(scope="module")
def part():
    found = windows(walk_clip(3.0), stride=7)
    down = np.random.default_rng(0).random((len(found), 5, 2)) < 0.5
    return Part(found, down, "calm")


def test_a_plain_layout_is_the_papers_variables(part):
    assert PLAIN.names == variable_names() and PLAIN.said() == {}
    np.testing.assert_array_equal(rows(part, PLAIN), encode(part.windows))
    assert decode_contacts(rows(part, PLAIN), PLAIN) is None


def test_contacts_and_style_follow_the_papers_variables(part):
    layout = layout_for(["calm", "", "angry", "calm"])
    assert layout == Layout(True, ("angry", "calm"))
    x = rows(part, layout)
    assert x.shape == (len(part.windows), len(layout.names)) and layout.names[-1] == "style"
    np.testing.assert_array_equal(x[:, :487], encode(part.windows))
    np.testing.assert_array_equal(decode_contacts(x, layout), part.contacts)
    assert np.all(x[:, -1] == 1.0)
    assert np.isnan(rows(Part(part.windows, part.contacts), layout)[:, -1]).all()


def test_a_model_says_its_layout_and_one_that_says_nothing_is_plain():
    layout = Layout(True, ("a", "b"))
    assert Layout.of({"kind": "locomotion"} | layout.said()) == layout
    assert Layout.of({"kind": "locomotion", "start": []}) == PLAIN


def test_the_schema_has_the_names_of_the_layout_and_is_centred(part):
    layout = layout_for(["calm"])
    x = rows(part, layout)
    schema = schema_of(x, layout)
    assert schema.names == layout.names
    np.testing.assert_allclose(schema.offset, x[:, :-1].mean(0))
    assert schema.categorical_streams[0].classes == ("calm",)


def test_contacts_of_windows_are_those_of_the_clip_at_their_next_poses():
    clip = walk_clip(4.0)
    standing = float(clip[:, dataset.TOES, 2].min())
    (first, *_) = dataset.training_parts([clip], ["calm"], standing, 0, np.random.default_rng(0))
    down = contacts(clip, standing)
    assert first.style == "calm" and down.any() and not down.all()
    for at in (0, 13, len(first.windows) - 1):
        np.testing.assert_array_equal(first.contacts[at], down[at + 10 : at + 15])


def test_copies_of_starts_are_windows_that_stand_and_then_walk():
    clip = walk_clip(6.0, speed=ramp((0.0, 0.0), (2.5, 0.0), (3.0, 1.2), (6.0, 1.2)))
    parts = list(dataset.training_parts([clip], [], 0.0, 0, np.random.default_rng(0), starts=2))
    everything, starts = parts[0].windows, parts[1].windows
    assert len(parts) == 6 and 0 < len(starts) < len(everything)
    speeds = np.linalg.norm(np.diff(starts[:, :, 0, :2], axis=1), axis=-1) * 30
    assert speeds[:, :6].mean() < 0.15 < 0.5 < speeds[:, -6:].mean()
    walking = walk_clip(4.0)
    plain = list(dataset.training_parts([walking], [], 0.0, 0, np.random.default_rng(0), starts=2))
    assert len(plain) == 2
