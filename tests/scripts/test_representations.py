# SPDX-License-Identifier: Apache-2.0
"""Turns told by positions against turns that are known."""

import numpy as np

from drmm_engine.body import rotations as rot
from scripts import representations
from tests.gait import write_gait_bvh


def test_the_mean_of_rotations_is_what_they_scatter_around_whatever_their_signs():
    rng = np.random.default_rng(0)
    middle = rot.normalize(np.array([0.2, -0.5, 0.7, 0.4]))
    noise = rng.normal(scale=0.1, size=(400, 3))
    around = rot.multiply(middle, rot.from_rotation_vector(np.concatenate([noise, -noise])))
    mean = representations._mean(around * rng.choice([-1.0, 1.0], (len(around), 1)))
    assert abs(mean @ middle) > 1 - 1e-9


def test_clips_without_twist_are_told_well_by_positions(tmp_path, monkeypatch, capsys):
    paths = [tmp_path / f"{k}.bvh" for k in range(2)]
    for path in paths:
        write_gait_bvh(path, 3.0)
    monkeypatch.setattr("sys.argv", ["representations", *map(str, paths)])
    representations.main()
    (line,) = capsys.readouterr().out.splitlines()
    medians = [float(word.split("/")[0]) for word in line.split() if "/" in word and word[0].isdigit()]
    assert line.startswith("positions alone") and len(medians) == len(representations.PARTS)
    assert max(medians) < 15.0
