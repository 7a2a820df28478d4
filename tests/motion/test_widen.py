# SPDX-License-Identifier: Apache-2.0
"""Contacts learned onto a model that walks: its motion stays as it is, and the contacts are those of its steps."""

from dataclasses import replace

import numpy as np
import pytest

from drmm_engine.conditions import Known
from drmm_engine.motion import dataset
from drmm_engine.motion.controller import Target, walk
from drmm_engine.motion.features import variable_names
from drmm_engine.motion.layout import PLAIN, Layout, decode_contacts, rows
from drmm_engine.motion.widen import widened, with_contacts
from drmm_engine.schema import Variable
from tests.motion.locomotion import gait_clips, gait_model

WIDE = Layout(contacts=True)


@pytest.fixture(scope="module")
def model():
    return gait_model()


@pytest.fixture(scope="module")
def values(model):
    standing = dataset.standing_height(np.array(model.skeleton["rest"]))
    parts = dataset.training_parts(gait_clips(), [], standing, 0, np.random.default_rng(0))
    return np.concatenate([rows(part, WIDE) for part in parts])


@pytest.fixture(scope="module")
def wide(model, values):
    return with_contacts(model, values[::2])


def test_walks_stay_as_they_are(model, wide):
    one, two = (np.concatenate([block.positions for block in walk(m, [Target((3.0, 1.0))], 2.0, seed=3, candidates=32)])
                for m in (model, wide))
    np.testing.assert_allclose(one, two, atol=1e-4)
    assert wide.schema.names == WIDE.names and Layout.of(wide.features) == WIDE


def test_contacts_of_rows_not_seen_are_found_from_their_motion(wide, values):
    unseen = values[1::2]
    known = Known({name: unseen[:, k] for k, name in enumerate(variable_names())})
    drawn = wide.sample([known], count=len(unseen), seed=1, rank=False).values
    truth = decode_contacts(unseen, WIDE)
    agreement = (decode_contacts(drawn, WIDE) == truth).mean()
    assert agreement > 0.9 > max(truth.mean(), 1 - truth.mean()) + 0.1


def test_a_variable_that_follows_from_the_motion_is_learned(model, values):
    plain = values[:, : len(PLAIN.names)]
    given = plain[:, PLAIN.names.index("goal.hips.x")]
    rows_of = np.column_stack([plain, 2.0 * given + 1.0])
    variable = Variable("doubled", "m", float(rows_of[:, -1].mean()), 0.2)
    wide = widened(model, rows_of, (variable,))
    drawn = wide.sample([], count=400, seed=0)
    assert np.corrcoef(drawn["doubled"], drawn["goal.hips.x"])[0, 1] > 0.95


def test_what_cannot_be_widened_is_said(model, wide, values):
    with pytest.raises(ValueError, match="487 variables"):
        with_contacts(wide, values)
    full = replace(model, layers=tuple(replace(layer, covariance="full") for layer in model.layers))
    with pytest.raises(ValueError, match="isotropic or diagonal"):
        with_contacts(full, values)
