# SPDX-License-Identifier: Apache-2.0
"""The description of a rig: round trips, places in closed form, and every mistake named."""

import json

import numpy as np
import pytest

from drmm_engine.body.rig import Rig
from tests.body import tiny_rig


def test_a_rig_comes_back_from_its_file_as_it_was(tmp_path):
    rig = tiny_rig.rig()
    rig.save(tmp_path / "tiny.rig.json")
    again = Rig.load(tmp_path / "tiny.rig.json")
    assert again.to_json() == rig.to_json()
    theta = np.random.default_rng(0).uniform(rig.joints.low, rig.joints.high, (5, rig.joints.P))
    assert np.array_equal(again.joints.matrices(theta), rig.joints.matrices(theta))
    assert again.joints.names == rig.joints.names and again.effectors == rig.effectors and again.up == rig.up


def test_effectors_stand_where_heads_and_tails_are():
    rig = tiny_rig.rig()
    theta = np.zeros(rig.joints.P)
    theta[rig.joints.names.index("hips.move_x")] = 0.25
    theta[rig.joints.names.index("forearm.y")] = 0.2
    found = rig.points(rig.joints.matrices(theta))
    assert np.allclose(found, [(0.35, 0.2, 1.0), (0.75, 0.2, 1.5), (1.05, 0.2, 1.5)])
    assert rig.stature == pytest.approx(1.5)


def changed(path, value):
    def change(data):
        *way, last = path
        for key in way:
            data = data[key]
        if value is None:
            del data[last]
        else:
            data[last] = value
    return change


@pytest.mark.parametrize("change, message", [
    (changed(["kind"], "model"), "this is no rig description"),
    (changed(["format"], 2), "format 2; this version reads 1"),
    (changed(["bones"], []), "bones: must be a list of at least one"),
    (changed(["bones", 1, "name"], ""), "bone 2 needs a name"),
    (changed(["bones", 2, "name"], "hips"), "bone 'hips': the name is given twice"),
    (changed(["bones", 1, "parent"], "arm"), "bone 'hips': its parent 'arm' must stand before it"),
    (changed(["bones", 3, "rest", 0, 0], float("nan")), "bone 'arm': rest: must be 4 x 4 finite numbers"),
    (changed(["bones", 3, "rest"], [1, 2]), "bone 'arm': rest: must be 4 x 4 finite numbers"),
    (changed(["bones", 3, "rest", 0], [0, 0, 0, 0]), "bone 'arm': rest: must not be flat"),
    (changed(["bones", 4, "length"], -1.0), "bone 'forearm': its length must be positive"),
    (changed(["bones", 4, "length"], None), "bone 'forearm': length: must be a finite number"),
    (changed(["bones", 4, "scale"], [1, "a", 1]), "bone 'forearm': scale: must be 3 finite numbers"),
    (changed(["bones", 0, "connected"], 3), "bone 'stand': connected must be true or false"),
    (changed(["bones", 0, "inherit_scale"], "SOME"), "bone 'stand'.*SOME"),
    (changed(["joints", 1, "bone"], "tail"), "joints: 'tail' is no bone of the rig"),
    (changed(["joints", 1, "bone"], "hips"), "joint 'hips'.*twice"),
    (changed(["joints", 1, "kind"], "ball"), "joint 'chest'.*ball"),
    (changed(["joints", 1, "low"], [1, 0, 0]), "joint 'chest'"),
    (changed(["joints", 1, "high"], [0.1, 0.2]), "joint 'chest': high: must be 3 finite numbers"),
    (changed(["joints", 0, "move_low"], None), "joint 'hips'.*move_low"),
    (changed(["effectors", 0], ["tail", "head"]), "effector 'tail': the rig has no such bone"),
    (changed(["effectors", 0], ["arm", "middle"]), "effector 'arm': its end must be head or tail"),
    (changed(["effectors", 0], ["forearm", "tail"]), "effector 'forearm': its tail is named twice"),
    (changed(["effectors", 0], "arm"), "effectors: each must be"),
    (changed(["up"], [0, 0, 0]), "up: must be a direction"),
])  # fmt: skip
def test_a_description_that_makes_no_sense_is_refused_by_the_name_of_the_bone(change, message):
    data = json.loads(json.dumps(tiny_rig.rig().to_json()))
    change(data)
    with pytest.raises(ValueError, match=message):
        Rig.from_json(data)


def test_a_rig_that_cannot_move_is_refused():
    still = {"arm": ("swing", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), None, None)}
    with pytest.raises(ValueError, match="no joint of the rig may move"):
        tiny_rig.rig(still)


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", '{"kind": "rig", "format": 1}'])
def test_a_file_that_is_no_rig_is_refused_by_its_name(tmp_path, text):
    path = tmp_path / "broken.rig.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="broken.rig.json: not a usable rig file"):
        Rig.load(path)
    with pytest.raises(ValueError, match="absent.rig.json: no such file"):
        Rig.load(tmp_path / "absent.rig.json")


def test_a_file_in_place_stays_whole_where_numbers_cannot_be_written(tmp_path):
    rig, path = tiny_rig.rig(), tmp_path / "a.rig.json"
    rig.save(path)
    before = path.read_text()
    rig.joints.base.location[0] = np.nan
    with pytest.raises(ValueError):
        rig.save(path)
    assert path.read_text() == before
