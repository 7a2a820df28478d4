# SPDX-License-Identifier: Apache-2.0
"""Takes are Actions of their own: nothing of the animator's is lost, whatever is shown, accepted or undone."""

import json

import bpy
import numpy as np
import pytest

from blender_addon import takes
from blender_addon.takes import record, store
from tests.addon import rigs, taken


@pytest.fixture
def hero(scene):
    """An armature with an Action of the animator's."""
    made = scene.drmm.armature = rigs.rigify()
    made.pose.bones["hand.L"].keyframe_insert("rotation_quaternion", frame=1)
    made.animation_data.action.name = "Mine"
    made.pose.bones["root"].location = (0.1, 0.2, 0.3)
    bpy.context.view_layer.update()
    return made


def rows(armature):
    return [row.action.name if row.action else None for row in armature.drmm.takes.rows]


def test_each_take_is_an_action_of_its_own_and_the_last_is_played(hero):
    first = taken.take(hero, seed=1)
    second = taken.take(hero, seed=2)
    assert first != second and rows(hero) == [first.name, second.name]
    assert taken.played(hero) == second and "Mine" in bpy.data.actions
    assert [row.seed for row in hero.drmm.takes.rows] == [1, 2]
    assert takes.shown(hero).record["seed"] == 2
    expected = taken.motion(seed=2)
    np.testing.assert_allclose(takes.shown(hero).motion.positions, expected.positions, atol=6e-6)
    np.testing.assert_array_equal(takes.shown(hero).motion.contacts, expected.contacts)


def test_the_armature_plays_the_take_that_is_chosen(hero):
    made = [taken.take(hero, seed=seed) for seed in (0, 1, 2)]
    places = []
    for number in range(3):
        hero.drmm.takes.index = number
        assert taken.played(hero) == made[number]
        places.append(taken.at(hero, 20))
    assert np.abs(places[0] - places[1]).max() > 0.05
    bpy.ops.drmm.step_take(step=1)
    assert taken.played(hero) == made[0]
    bpy.ops.drmm.step_take(step=-1)
    assert taken.played(hero) == made[2]
    np.testing.assert_allclose(taken.at(hero, 20), places[2], atol=1e-6)


@pytest.mark.parametrize("keep", [False, True])
def test_accept_keeps_the_take_and_the_action_from_before(hero, keep):
    made = [taken.take(hero, seed=seed) for seed in (0, 1, 2)]
    hero.drmm.takes.index = 1
    assert bpy.ops.drmm.accept_take(keep=keep) == {"FINISHED"}
    assert taken.played(hero) == made[1] and not store.reviewing(hero)
    assert bpy.data.actions["Mine"].use_fake_user
    assert len(hero.drmm.takes.rows) == (3 if keep else 1)
    assert len(bpy.data.actions) == (4 if keep else 2)
    chosen = hero.drmm.takes.rows[hero.drmm.takes.index].action
    assert chosen == made[1]


@pytest.mark.parametrize("keep", [False, True])
def test_reject_goes_back_to_what_was_before(hero, keep):
    animation = hero.animation_data
    animation.action_blend_type, animation.action_influence = "ADD", 0.5
    mine, before = animation.action, taken.at(hero, 1)
    taken.take(hero, seed=0), taken.take(hero, seed=1)
    assert (animation.action_blend_type, animation.action_influence) == ("REPLACE", 1.0)
    taken.at(hero, 25)
    assert bpy.ops.drmm.reject_takes(keep=keep) == {"FINISHED"}
    assert animation.action == mine
    assert (animation.action_blend_type, animation.action_influence) == ("ADD", 0.5)
    np.testing.assert_allclose(taken.at(hero, 1), before, atol=1e-6)
    assert len(bpy.data.actions) == (3 if keep else 1)
    if hasattr(animation, "action_slot"):
        assert animation.action_slot == mine.slots[0]


def test_reject_without_an_action_before_restores_the_pose(scene):
    hero = scene.drmm.armature = rigs.eulers()
    for number, bone in enumerate(hero.pose.bones):
        bone.location = (0.01 * number, 0.0, 0.0)
    bpy.context.view_layer.update()
    before = [bone.matrix_basis.copy() for bone in hero.pose.bones]
    taken.take(hero)
    taken.at(hero, 20)
    bpy.ops.drmm.reject_takes()
    taken.at(hero, 33)
    assert taken.played(hero) is None and not bpy.data.actions
    for bone, matrix in zip(hero.pose.bones, before, strict=True):
        np.testing.assert_allclose(bone.matrix_basis, matrix, atol=1e-6)


def test_a_later_review_starts_from_the_accepted_take(hero):
    first = taken.take(hero, seed=0)
    bpy.ops.drmm.accept_take()
    taken.take(hero, seed=1)
    assert store.reviewing(hero) and hero.drmm.takes.before == first
    bpy.ops.drmm.reject_takes()
    assert taken.played(hero) == first and rows(hero) == [first.name]
    assert hero.drmm.takes.index == 0


def test_as_before_stands_the_armature_as_it_was(hero):
    before = taken.at(hero, 1)
    taken.take(hero)
    bpy.context.scene.frame_set(20)
    now = taken.at(hero, 20)
    with takes.as_before(bpy.context, hero):
        assert taken.played(hero).name == "Mine"
        np.testing.assert_allclose(taken.at(hero, 20)[0], before[0], atol=1e-6)
    np.testing.assert_allclose(taken.at(hero, 20), now, atol=1e-6)


def test_remove_takes_the_shown_one_and_the_last_one_goes_back(hero):
    made = [taken.take(hero, seed=seed) for seed in (0, 1)]
    bpy.ops.drmm.remove_take()
    assert rows(hero) == [made[0].name] and taken.played(hero) == made[0]
    bpy.ops.drmm.remove_take()
    assert not rows(hero) and taken.played(hero).name == "Mine"
    assert [action.name for action in bpy.data.actions] == ["Mine"]


def test_an_action_that_something_else_uses_stays(hero):
    first = taken.take(hero, seed=0)
    other = rigs.rigify("Other")
    other.animation_data_create().action = first
    bpy.ops.drmm.reject_takes()
    assert taken.played(other) == first and taken.played(hero).name == "Mine"


def test_a_take_survives_saving_and_undo_in_the_middle_of_a_review(hero, tmp_path):
    taken.take(hero, seed=0), taken.take(hero, seed=1)
    motion = takes.shown(hero).motion
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "review.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "review.blend"))
    hero = bpy.data.objects["Rig"]
    assert len(rows(hero)) == 2 and store.reviewing(hero)
    np.testing.assert_array_equal(takes.shown(hero).motion.positions, motion.positions)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.drmm.accept_take()
    bpy.ops.ed.undo_push(message="accepted")
    assert not store.reviewing(hero)
    bpy.ops.ed.undo()
    hero = bpy.data.objects["Rig"]
    assert len(rows(hero)) == 2 and store.reviewing(hero) and taken.played(hero).name == rows(hero)[1]
    assert bpy.ops.drmm.reject_takes() == {"FINISHED"}
    bpy.ops.ed.undo_push(message="rejected")
    bpy.ops.ed.undo()
    hero = bpy.data.objects["Rig"]
    assert len(rows(hero)) == 2 and store.reviewing(hero)
    bpy.ops.drmm.reject_takes()
    assert taken.played(hero).name == "Mine" and [action.name for action in bpy.data.actions] == ["Mine"]


def test_takes_without_a_fake_user_are_not_lost_by_saving(hero, tmp_path):
    taken.take(hero, seed=0), taken.take(hero, seed=1)
    assert not any(action.use_fake_user for action in bpy.data.actions)
    for _ in range(2):
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "kept.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "kept.blend"))
    hero = bpy.data.objects["Rig"]
    assert None not in rows(hero) and len(rows(hero)) == 2 and hero.drmm.takes.before.name == "Mine"


def test_a_renamed_armature_a_deleted_action_and_a_copy_are_no_trouble(hero):
    made = [taken.take(hero, seed=seed) for seed in (0, 1, 2)]
    hero.name = "Hero"
    bpy.data.actions.remove(made[1])
    bpy.ops.drmm.step_take(step=1)
    assert rows(hero) == [made[0].name, made[2].name]
    copy = hero.copy()
    bpy.context.scene.collection.objects.link(copy)
    bpy.ops.drmm.reject_takes(armature=copy.name)
    assert taken.played(copy).name == "Mine" and taken.played(hero) in (made[0], made[2])
    assert rows(hero) == [made[0].name, made[2].name]
    bpy.data.objects.remove(copy)
    assert bpy.ops.drmm.accept_take(armature="Hero") == {"FINISHED"}


def test_appended_armatures_bring_their_takes(hero, tmp_path):
    taken.take(hero, seed=4)
    path = str(tmp_path / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(path) as (_, wanted):
        wanted.objects = ["Rig"]
    appended = bpy.data.objects["Rig"]
    bpy.context.scene.collection.objects.link(appended)
    assert takes.shown(appended).record["seed"] == 4 and store.reviewing(appended)
    assert bpy.ops.drmm.reject_takes(armature="Rig") == {"FINISHED"}
    assert taken.played(appended).name == "Mine"


@pytest.mark.parametrize(
    "damage",
    [
        lambda action: action.__setitem__(record.RECORD, "no JSON"),
        lambda action: action.__setitem__(record.RECORD, json.dumps({"seed": 1})),
        lambda action: action.__setitem__(record.MOTION, bytes(action[record.MOTION])[:-9]),
        lambda action: action.__setitem__(record.MOTION, b""),
        lambda action: action.__setitem__(record.MOTION, b"\xff\xff\xff\x7f" + bytes(action[record.MOTION])[4:]),
        lambda action: action.__delitem__(record.MOTION),
    ],
)
def test_a_damaged_take_is_said_in_one_line_and_can_still_be_rejected(hero, damage):
    made = taken.take(hero)
    damage(made)
    with pytest.raises(ValueError, match="generate it again"):
        record.read(made)
    assert takes.shown(hero) is None
    hero.drmm.takes.index = 0
    assert bpy.ops.drmm.reject_takes() == {"FINISHED"} and taken.played(hero).name == "Mine"


def test_a_take_of_a_later_version_is_refused(hero):
    made = taken.take(hero)
    made[record.RECORD] = json.dumps(json.loads(made[record.RECORD]) | {"version": record.VERSION + 1})
    with pytest.raises(ValueError, match="later version"):
        record.read(made)


def test_nothing_to_work_on_is_said(hero):
    with pytest.raises(ValueError, match="no takes of 'Rig' are on trial"):
        store.reject(hero, keep=False)
    with pytest.raises(ValueError, match="there is no take"):
        store.accept(hero, keep=False)
    for operator in (bpy.ops.drmm.accept_take, bpy.ops.drmm.reject_takes, bpy.ops.drmm.step_take):
        with pytest.raises(RuntimeError, match="take"):
            operator(armature="Rig")


@pytest.mark.parametrize("own", [True, False])
def test_pushed_down_it_plays_over_what_was_before(scene, own):
    hero = scene.drmm.armature = rigs.rigify()
    if own:
        hero.pose.bones["hand.L"].keyframe_insert("rotation_quaternion", frame=1)
        hero.animation_data.action.name = "Mine"
    made = taken.take(hero, seed=3, start=11)
    places = {frame: taken.at(hero, frame) for frame in (11, 30, 50)}
    assert bpy.ops.drmm.push_take() == {"FINISHED"}
    tracks = hero.animation_data.nla_tracks
    assert taken.played(hero) is None and len(tracks) == 1 + own
    strip = tracks[-1].strips[0]
    assert strip.action == made and (strip.frame_start, strip.frame_end) == tuple(made.frame_range)
    assert not tracks[-1].mute and (strip.blend_type, strip.extrapolation) == ("REPLACE", "HOLD_FORWARD")
    for frame, place in places.items():
        np.testing.assert_allclose(taken.at(hero, frame), place, atol=1e-5)
    if own:
        assert tracks[0].strips[0].action.name == "Mine"
    assert not store.reviewing(hero) and rows(hero) == [made.name]


def test_takes_follow_renamed_bones_also_those_that_are_not_played(hero):
    made = [taken.take(hero, seed=seed) for seed in (0, 1)]
    hero.drmm.takes.index = 0
    places = taken.at(hero, 20)
    hero.drmm.takes.index = 1
    hero.data.bones["thigh.L"].name = 'upper "leg" left'
    next(row for row in hero.drmm.mapping if row.bone == "thigh.L").bone = 'upper "leg" left'
    hero.drmm.takes.index = 0
    np.testing.assert_allclose(taken.at(hero, 20), places, atol=1e-6)
    hero.drmm.takes.index = 1
    for action in made:
        assert set(record.read(action).record["bones"]) <= set(hero.data.bones.keys())
        assert not any("thigh.L" in path for path, _ in taken.curves(action))


def test_a_library_override_keeps_its_takes_when_saved(hero, tmp_path):
    library = str(tmp_path / "library.blend")
    hero.animation_data_clear()
    bpy.ops.wm.save_as_mainfile(filepath=library)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(library, link=True) as (_, wanted):
        wanted.objects = ["Rig"]
    linked = bpy.data.objects["Rig"]
    bpy.context.scene.collection.objects.link(linked)
    own = linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    own.override_library.is_system_override = False
    bpy.context.scene.drmm.armature = own
    taken.take(own, seed=0), taken.take(own, seed=1)
    path = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    own = next(obj for obj in bpy.data.objects if obj.override_library)
    assert [row.seed for row in own.drmm.takes.rows] == [0, 1] and None not in rows(own)
    assert store.reviewing(own) and takes.shown(own).record["seed"] == 1
    bpy.ops.drmm.reject_takes()
    assert taken.played(own) is None and not rows(own)
