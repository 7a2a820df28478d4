# SPDX-License-Identifier: Apache-2.0
"""The canonical skeleton: its tree, its mirror, where a body faces, and what is derived when a rig lacks joints."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drmm_engine.body import rotations as rot
from drmm_engine.motion.mapping import propose
from drmm_engine.motion.skeleton import JOINTS, MIRROR, PARENTS, canonical_positions, facing, index
from tests.gait import OFFSETS, walk

IDENTITY = {joint: joint for joint in JOINTS}


def without(clip, *joints):
    """The clip less some last joints; their parents keep them as end sites."""
    keep = [n for n, name in enumerate(clip.joint_names) if name not in joints]
    ends = {keep.index(int(clip.parents[index(joint)])): clip.offsets[index(joint)] for joint in joints}
    return replace(
        clip,
        joint_names=tuple(clip.joint_names[n] for n in keep),
        parents=np.array([keep.index(clip.parents[n]) if n else -1 for n in keep]),
        offsets=clip.offsets[keep],
        local_positions=clip.local_positions[:, keep],
        local_rotations=clip.local_rotations[:, keep],
        end_sites=ends,
    )


def test_the_tree_has_parents_first_and_the_mirror_swaps_sides():
    assert len(JOINTS) == len(set(JOINTS)) == 20 and PARENTS[0] == -1
    assert all(parent < joint for joint, parent in enumerate(PARENTS))
    assert np.array_equal(MIRROR[MIRROR], np.arange(20))
    swapped = [JOINTS[n].replace("Left", "x").replace("Right", "Left").replace("x", "Right") for n in MIRROR]
    assert tuple(swapped) == JOINTS
    assert all(MIRROR[PARENTS[n]] == PARENTS[MIRROR[n]] for n in range(1, 20))


def rest():
    """A T-pose `[20, 3]` that faces +x."""
    positions = OFFSETS.copy()
    for joint in range(1, 20):
        positions[joint] += positions[PARENTS[joint]]
    return positions


@given(st.floats(-3.1, 3.1), st.floats(-1.0, 1.0))
def test_a_body_faces_where_it_is_turned(heading, lean):
    turn = rot.from_euler([heading, lean], "ZY")
    forward = facing(rot.rotate(turn, rest()))
    assert np.allclose(forward, [np.cos(heading), np.sin(heading), 0], atol=1e-9)


def test_facing_falls_back_to_the_hips_when_the_arms_are_above_one_another():
    body = rest()
    body[index("LeftUpperArm")] = body[index("Chest")] + [0, 0, 0.2]
    body[index("RightUpperArm")] = body[index("Chest")] - [0, 0, 0.2]
    assert facing(body) @ [1, 0, 0] > 0.99
    assert np.array_equal(facing(np.zeros((2, 20, 3))), [[1, 0, 0]] * 2)


def test_a_canonical_clip_stays_as_it_is():
    clip = walk(1.0, turn_rate=0.5)
    assert np.array_equal(canonical_positions(clip, IDENTITY), clip.positions())


def test_toes_and_hands_are_derived_from_end_sites():
    clip = walk(1.0)
    lacking = ("LeftToes", "RightToes", "LeftHand", "RightHand")
    less = without(clip, *lacking)
    assert np.allclose(canonical_positions(less, propose(less.joint_names)), clip.positions(), atol=1e-12)


def test_head_and_clavicles_are_derived_on_the_line_of_their_neighbours():
    clip = walk(0.5)
    mapping = {joint: joint for joint in JOINTS if "Shoulder" not in joint}
    out = canonical_positions(clip, mapping)
    chest, shoulder, arm = (out[:, index(joint)] for joint in ("Chest", "LeftShoulder", "LeftUpperArm"))
    assert np.allclose(shoulder, (chest + arm) / 2)
    less = without(clip, "Head")
    out = canonical_positions(less, propose(less.joint_names))
    neck, head, top = out[:, index("Neck")], out[:, index("Head")], clip.positions()[:, index("Head")]
    assert np.allclose(head, (neck + top) / 2)


def test_what_cannot_be_derived_is_named_in_one_line():
    clip = replace(walk(0.2, name="sie-run"), end_sites={})
    mapping = {joint: joint for joint in JOINTS if joint not in ("LeftToes", "RightHand")}
    with pytest.raises(ValueError, match="^sie-run: no joint for RightHand, LeftToes: map it with a table$"):
        canonical_positions(clip, mapping)
    with pytest.raises(ValueError, match="names joints that it does not have: Hips = pelvis"):
        canonical_positions(clip, IDENTITY | {"Hips": "pelvis"})
