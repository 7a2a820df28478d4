# SPDX-License-Identifier: Apache-2.0
"""Objects looked at: where they are at each time, as Blender evaluates them, without a frame being set."""

import bpy
import numpy as np
import pytest

from blender_addon.direction import looked, plan


def moving(empty):
    """An object that goes from x = 4 to -2 within a turned parent, from frame 11 to 59."""
    parent, look = empty("Cart", (0.0, 5.0, 0.0)), empty("Look", (4.0, 0.0, 1.0))
    parent.rotation_euler.z = np.pi / 2
    look.parent = parent
    for frame, x in ((11, 4.0), (59, -2.0)):
        look.location.x = x
        look.keyframe_insert("location", frame=frame)
    return look


def test_what_moves_is_where_it_is_at_each_time(stage, empty):
    look = moving(empty)
    stage.frame_set(11)
    look.location.x = 7.0  # not keyed, and none of our business
    bpy.context.view_layer.update()
    found = looked.places(look, 11, 24.0)
    assert stage.frame_current == 11 and look.location.x == 7.0 and len(found) == 13
    world = []
    for block in range(len(found)):
        stage.frame_set(11 + 4 * block)  # five frames of the model's are four of the scene's
        world.append(look.matrix_world.translation[:2])
    np.testing.assert_allclose(found, world, atol=2e-4)


@pytest.mark.parametrize("keyed", [False, True])
def test_what_does_not_move_any_more_is_one_place(stage, empty, keyed):
    look = empty("Look", (4.0, 1.0, 1.0))
    if keyed:
        look.keyframe_insert("location", frame=1)
    stage.frame_set(11)
    np.testing.assert_allclose(looked.places(look, 11, 24.0), (4.0, 1.0), atol=1e-5)


def test_places_reach_the_controller_in_the_model_s_size():
    row = {"position": [0.0, 4.0, 0.0], "facing": [[4.0, 0.0], [2.0, 6.0]]}
    (found,) = plan.targets({"scale": 2.0, "floor": 0.5, "targets": [row]})
    assert found.position == (0.0, 2.0) and found.facing == ((2.0, 0.0), (1.0, 3.0))
