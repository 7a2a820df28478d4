# SPDX-License-Identifier: Apache-2.0
"""Direction: what is asked in the panel reaches the controller, and the walk becomes keys as it is asked."""

import json
from dataclasses import replace

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector

from blender_addon import armature as rigs_of
from blender_addon import takes, walk
from blender_addon.direction import curves, gather
from drmm_engine.body import rotations as rot
from drmm_engine.motion import room
from drmm_engine.motion.skeleton import JOINTS
from tests.addon import gait, rigs

SCALE = 1 / 1.1  # of the tests' rigs to the body of `gait`


@pytest.fixture
def asked(stage, monkeypatch):
    """What the controller was asked: targets and options of every walk."""
    heard = []

    def listen(model, targets, **options):
        heard.append((list(targets), options))
        return gait.walk(model, targets, **options)

    monkeypatch.setattr("blender_addon.walk.controller.walk", listen)
    return heard


@pytest.fixture
def rig(stage):
    stage.drmm.armature = rigs.rigify()
    return stage.drmm.armature


def target(scene, lead, **details):
    row = scene.drmm.targets.add()
    row.empty = lead
    for name, value in details.items():
        setattr(row, name, value)
    return row


def curve(scene, kind="BEZIER", cyclic=False, order=4, clamped=True):
    data = bpy.data.curves.new("Way", "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new(kind)
    places = [(0, -1, 0), (1, -2, 0), (1, -4, 0.2), (-1, -5, 0), (-2, -3, 0)]
    points = spline.bezier_points if kind == "BEZIER" else spline.points
    points.add(len(places) - 1)
    for point, place in zip(points, places, strict=True):
        point.co = place if kind == "BEZIER" else (*place, 1.0 + 0.3 * place[0])
        if kind == "BEZIER":
            point.handle_left_type = point.handle_right_type = "AUTO"
    spline.use_cyclic_u = cyclic
    if kind == "NURBS":
        spline.order_u, spline.use_endpoint_u = order, clamped
    made = bpy.data.objects.new("Way", data)
    scene.collection.objects.link(made)
    bpy.context.view_layer.update()
    return made


def off(place, line):
    """How far a place is from a line of points."""
    along = np.diff(line, axis=0)
    part = np.sum((place - line[:-1]) * along, axis=1) / np.maximum(np.sum(along**2, axis=1), 1e-12)
    nearest = line[:-1] + np.clip(part, 0, 1)[:, None] * along
    return np.linalg.norm(nearest - place, axis=1).min()


def walked(rig, frames):
    """Joints of the armature as Blender evaluates them, world space `[F, 20, 3]`."""
    mapping, made = rigs_of.mapping_of(rig), []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        made.append(rigs_of.joint_positions(rig, mapping))
    bpy.context.scene.frame_set(1)
    return np.array(made)


def test_details_of_targets_reach_the_controller_in_the_model_s_size(stage, rig, empty, asked):
    stage.render.fps = 24
    stage.frame_set(11)
    turned = empty("B", (1.0, -3.0, 0.0))
    turned.rotation_euler.z = np.pi / 2
    target(stage, empty("A", (0.0, -2.0, 0.0)), arrive="SPEED", speed=1.8, facing="AWAY")
    target(stage, turned, arrive="FRAME", frame=83, facing="ROTATION", stop=True)
    target(stage, empty("C", (0.0, -5.0, 0.0)), facing="OBJECT", look=empty("Look", (4.0, 4.0, 1.0)), wait=48)
    target(stage, empty("D", (0.0, -6.0, 0.0)), facing="ALONG")
    bpy.ops.drmm.generate(seconds=1.0)
    first, second, third, last = asked[0][0]
    assert first.speed == pytest.approx(1.8 / SCALE)
    assert (first.facing, first.stop, first.arrive) == ("away", False, None)
    assert second.arrive == pytest.approx(3.0) and second.stop and second.wait == 0 and second.speed is None
    assert second.facing == pytest.approx(0.0, abs=1e-6)  # -Y turned by a quarter to the left is +X
    np.testing.assert_allclose(third.facing, np.array((4.0, 4.0)) / SCALE, rtol=1e-5)
    assert third.wait == pytest.approx(2.0) and third.stop and last.facing == "along"
    np.testing.assert_allclose(last.position, np.array((0.0, -6.0)) / SCALE, rtol=1e-5)


def test_facing_and_its_older_word_agree(stage, empty):
    row = target(stage, empty("A", (0.0, -2.0, 0.0)), face=True)
    assert row.facing == "TOWARDS"
    row.facing = "AWAY"
    assert not row.face
    row.facing = "TOWARDS"
    assert row.face
    row.face = False
    assert row.facing == "FREE"


@pytest.mark.parametrize("reverse", [False, True])
def test_a_curve_is_a_route_along_it(stage, rig, asked, reverse):
    way = curve(stage)
    way.location.y = -1.0
    target(stage, way, reverse=reverse, stop=True, arrive="SPEED", speed=1.0)
    bpy.ops.drmm.generate(seconds=1.0)
    places = SCALE * np.array([one.position for one in asked[0][0]])
    ends = np.array([(0.0, -2.0), (-2.0, -4.0)])
    np.testing.assert_allclose(places[-1], ends[0] if reverse else ends[1], atol=1e-5)
    assert [one.stop for one in asked[0][0]] == [False] * (len(places) - 1) + [True]
    assert all(one.speed == pytest.approx(1.0 / SCALE) for one in asked[0][0])
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps.max() < 1.1 and steps.min() > 0.4


@pytest.mark.parametrize("kind, cyclic, order, clamped", [
    ("BEZIER", False, 0, False), ("BEZIER", True, 0, False), ("POLY", False, 0, False), ("POLY", True, 0, False),
    ("NURBS", False, 4, True), ("NURBS", False, 3, False), ("NURBS", True, 4, False)])  # fmt: skip
def test_lines_of_curves_are_blender_s_own(stage, kind, cyclic, order, clamped):
    way = curve(stage, kind, cyclic, order, clamped)
    way.data.resolution_u = 12
    line = gather.route(way)
    mesh = way.to_mesh()
    corners = np.array([vertex.co for vertex in mesh.vertices])
    assert max(off(corner, line) for corner in corners) < 0.02 and max(off(place, corners) for place in line) < 0.3
    way.to_mesh_clear()


def test_points_along_a_line_are_even_and_keep_its_ends():
    line = np.array([(0, 0, 0), (1, 0, 0), (1, 2.5, 1)], float)
    spaced = curves.spaced(line, 1.0)
    np.testing.assert_allclose(spaced[[0, -1]], line[[0, -1]])
    np.testing.assert_allclose(curves.lengths(line), [0, 1, 3.5])
    assert len(spaced) == 5


def test_rooms_reach_the_controller(stage, rig, empty, asked):
    target(stage, empty("A", (0.0, -3.0, 0.0)))
    for kind in ("OUT", "IN", "WALL", "CEILING"):
        stage.cursor.location = (1.0, -1.0, 0.0)
        bpy.ops.object.select_all(action="DESELECT")
        bpy.ops.drmm.add_room(kind=kind)
    stage.drmm.rooms[1].use = False
    stage.drmm.rooms[3].empty.location.z = 1.5
    bpy.ops.drmm.generate(seconds=1.0)
    box, wall, ceiling = asked[0][1]["keep"]
    assert isinstance(box, room.Box) and not box.inside
    inside, beyond = np.array([(1.2, -1.2, 0.4), (1.6, -1.0, 0.4)]) / SCALE
    assert box.clearance(inside) < 0 < box.clearance(beyond)
    assert isinstance(wall, room.Wall)
    assert wall.clearance(np.array((0.5, -1.0, 0.0)) / SCALE) == pytest.approx(0.5 / SCALE, rel=1e-5)
    assert ceiling == room.Ceiling(pytest.approx(1.5 / SCALE, abs=0.1))


def test_the_height_of_rooms_counts_from_the_character_s_floor(stage, rig, empty, asked):
    rig.location.z = 10.0
    target(stage, empty("A", (0.0, -3.0, 10.0)))
    bpy.ops.drmm.add_room(kind="CEILING")
    stage.drmm.rooms[0].empty.location.z = 11.2
    bpy.ops.drmm.generate(seconds=1.0)
    assert asked[0][1]["keep"][0].height == pytest.approx(1.2 / SCALE, abs=0.1)


def test_a_character_may_have_targets_of_its_own(stage, rig, empty, asked):
    target(stage, empty("A", (0.0, -3.0, 0.0)))
    rig.drmm.walk.own = True
    empty("B", (3.0, 0.0, 0.0)).select_set(True)
    bpy.ops.drmm.add_targets()
    assert [row.empty.name for row in rig.drmm.walk.targets] == ["B"] and len(stage.drmm.targets) == 1
    bpy.ops.drmm.generate(seconds=1.0)
    rig.drmm.walk.own = False
    bpy.ops.drmm.generate(seconds=1.0)
    places = [SCALE * np.array(heard[0][0].position) for heard in asked]
    np.testing.assert_allclose(places, [(3, 0), (0, -3)], atol=1e-5)


def test_the_operator_s_words_override_the_panel(stage, rig, empty, asked):
    empty("A", (0.0, -3.0, 0.0)), empty("B", (2.0, -3.0, 0.0))
    bpy.ops.drmm.generate(targets="A,B", face="B", stop="A", speed=1.1, arrive=90, seconds=1.0, lock_feet=False)
    first, second = asked[0][0]
    assert first.stop and first.speed == pytest.approx(1.1 / SCALE) and not first.face
    assert second.face and second.arrive == pytest.approx(89 / 30)
    assert not takes.shown(rig).record["feet"]["lock"]


def test_the_record_is_plain_and_makes_the_same_walk_again(stage, rig, empty):
    target(stage, empty("A", (1.0, -3.0, 0.0)))
    bpy.ops.drmm.generate()
    take = takes.shown(rig)
    record = json.loads(json.dumps(take.record))
    again = walk.resume(bpy.context, rig, record)
    while again.step():
        pass
    np.testing.assert_allclose(again.motion.positions, take.motion.positions, atol=2e-5)
    assert walk.now(stage, record) == record["targets"]
    stage.objects["A"].location.x = 2.0
    bpy.context.view_layer.update()
    assert walk.now(stage, record)[0]["position"][0] == 2.0


def hips_way(rig, frames):
    return walked(rig, frames)[:, 0]


@pytest.mark.parametrize("policy", ["ROOT", "OBJECT"])
def test_whatever_carries_the_way_the_joints_go_the_same(stage, rig, empty, policy):
    rig.matrix_world = Matrix.Translation((1, 2, 0)) @ Matrix.Rotation(0.7, 4, "Z") @ Matrix.Scale(1.3, 4)
    rig.pose.bones["root"].location = (0.2, 0.1, 0.0)
    rig.rotation_mode = "XYZ"
    bpy.context.view_layer.update()
    empty("A", (4.0, -1.0, 0.0)), empty("B", (4.0, 3.0, 0.0))
    bpy.ops.drmm.generate(targets="A,B", seconds=4.0)
    plain = walked(rig, range(1, 100, 9))
    bpy.ops.drmm.generate(targets="A,B", seconds=4.0, root=policy)
    carried = walked(rig, range(1, 100, 9))
    np.testing.assert_allclose(carried, plain, atol=2e-3)
    hips = np.array([rig.pose.bones["spine"].location for frame in range(1, 100, 9) if stage.frame_set(frame) is None])
    assert np.abs(hips).max() < 0.25
    moved = rig.location if policy == "OBJECT" else rig.pose.bones["root"].location
    assert (moved - Vector((1, 2, 0) if policy == "OBJECT" else (0.2, 0.1, 0.0))).length > 1.0


def test_in_place_the_character_stays(stage, rig, empty):
    empty("A", (0.0, -4.0, 0.0))
    bpy.ops.drmm.generate(armature="Rig", targets="A", root="IN_PLACE")
    way = hips_way(rig, range(1, 90, 4))
    assert np.ptp(way[:, :2], axis=0).max() < 0.1


def test_without_a_bone_above_the_hips_there_is_no_root(stage, empty):
    rigs.mixamo()
    empty("A", (0.0, -4.0, 0.0))
    with pytest.raises(RuntimeError, match="no bone above the hips"):
        bpy.ops.drmm.generate(armature="Rig", targets="A", root="ROOT")


@pytest.mark.parametrize("kind", ["rigify", "eulers"])
def test_few_keys_keep_within_their_bound(stage, empty, kind):
    rig = rigs.KINDS[kind]()
    empty("A", (0.0, -3.0, 0.0))
    bpy.ops.drmm.generate(armature="Rig", targets="A")
    whole = walked(rig, range(1, 70))
    bpy.ops.drmm.generate(armature="Rig", targets="A", bound=0.005)
    few = walked(rig, range(1, 70))
    assert np.linalg.norm(few - whole, axis=-1).max() < 0.0051
    curves = walk_curves(rig)
    counts = {len(curve.keyframe_points) for curve in curves}
    assert len(counts) == 1 and counts.pop() < 45


def walk_curves(rig):
    from blender_addon import compat

    return compat.curves(rig).fcurves


def test_a_pose_goes_over_into_the_walk(stage, rig, empty):
    arm, hips = rig.pose.bones["upper_arm.L"], rig.pose.bones["spine"]
    arm.rotation_quaternion = rot.from_axis_angle((1.0, 0.0, 0.0), 0.9)
    hips.location.y = -0.05
    bpy.context.view_layer.update()
    stood = rigs_of.joint_positions(rig, rigs_of.mapping_of(rig))
    empty("A", (0.0, -4.0, 0.0))
    bpy.ops.drmm.generate(targets="A", lock_feet=False)
    begun = walked(rig, range(1, 60))
    np.testing.assert_allclose(begun[0], stood, atol=1e-3)
    assert np.linalg.norm(np.diff(begun, axis=0), axis=-1).max() < 0.15
    bpy.ops.drmm.generate(targets="A", lock_feet=False, blend=0)
    plain = walked(rig, range(1, 60))
    above = [joint for joint, name in enumerate(JOINTS) if not name.endswith(("LowerLeg", "Foot", "Toes"))]
    np.testing.assert_allclose(begun[10:, above], plain[10:, above], atol=0.03)
    np.testing.assert_allclose(begun[50:], plain[50:], atol=1e-3)


@pytest.mark.parametrize("ask, said", [
    ({"arrive": "FRAME", "frame": 1}, "later frame"),
    ({"facing": "OBJECT"}, "looks at")])  # fmt: skip
def test_details_that_cannot_be_are_refused(stage, rig, empty, ask, said):
    target(stage, empty("A", (0.0, -3.0, 0.0)), **ask)
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.drmm.generate()


def test_rooms_and_curves_that_cannot_be_are_refused(stage, rig, empty):
    target(stage, empty("A", (0.0, -3.0, 0.0)))
    bpy.ops.drmm.add_room(kind="OUT")
    stage.drmm.rooms[0].empty.scale.z = 0.0
    with pytest.raises(RuntimeError, match="no size"):
        bpy.ops.drmm.generate()
    bpy.ops.drmm.remove_room()
    assert not stage.drmm.rooms
    bare = bpy.data.objects.new("Bare", bpy.data.curves.new("Bare", "CURVE"))
    stage.collection.objects.link(bare)
    with pytest.raises(RuntimeError, match="no line of two points"):
        bpy.ops.drmm.generate(targets="Bare")


def test_a_target_underfoot_may_be_stood_at(stage, rig, empty):
    empty("Here", (0.1, 0.1, 0.0))
    with pytest.raises(RuntimeError, match="where 'Rig' stands"):
        bpy.ops.drmm.generate(targets="Here", seconds=1.0)
    assert bpy.ops.drmm.generate(targets="Here", stop="Here", seconds=1.0) == {"FINISHED"}




@pytest.fixture
def two(stage, empty):
    """Two rigs, each with a target of its own."""
    made = [rigs.rigify("One"), rigs.rigify("Two")]
    for x, one in enumerate(made):
        one.location.x = 2.0 * x
        one.drmm.walk.own = True
        one.drmm.walk.targets.add().empty = empty(f"For {one.name}", (2.0 * x, -4.0 - x, 0.0))
        one.select_set(True)
    bpy.context.view_layer.update()
    return made


@pytest.mark.parametrize("scale", [1.0, 1.6])
def test_all_selected_walk_each_to_its_own_targets(stage, two, monkeypatch, scale):
    crowds = []

    def listen(model, errands, seconds, seed, keep=()):
        crowds.append(len(errands))
        paths = [list(gait.walk(model, one.targets, seconds, one.start, one.heading, seed)) for one in errands]
        for number in range(max(map(len, paths))):
            yield [path[number] if number < len(path) else None for path in paths]

    monkeypatch.setattr("blender_addon.walk.controller.walk_together", listen)
    two[1].scale = (scale,) * 3
    bpy.context.view_layer.update()
    assert bpy.ops.drmm.generate(selected=True, seed=4) == {"FINISHED"}
    assert crowds == ([2] if scale == 1.0 else [])  # bodies of two sizes do not fit into one space
    for one, end in zip(two, ((0.0, -4.0), (2.0, -5.0)), strict=True):
        last = walked(one, [takes.shown(one).end])[0, 0, :2]
        assert np.linalg.norm(last - end) < 0.5 * scale
    assert [takes.shown(one).record["seed"] for one in two] == [4, 5]


def test_nothing_selected_is_refused(stage, two):
    bpy.ops.object.select_all(action="DESELECT")
    with pytest.raises(RuntimeError, match="No armature is selected"):
        bpy.ops.drmm.generate(selected=True)


def test_targets_that_are_reached_late_are_told(stage, rig, empty, monkeypatch):
    def late(model, targets, **options):
        for block in gait.walk(model, targets, **options):
            yield replace(block, late=0.5 if block.reached else None)

    monkeypatch.setattr("blender_addon.walk.controller.walk", late)
    empty("A", (0.0, -3.0, 0.0))
    bpy.ops.drmm.generate(targets="A", arrive=40)
    made = walk.resume(bpy.context, rig, takes.shown(rig).record)
    while made.step():
        pass
    assert made.late == [("A", 15)]


def test_a_target_in_a_room_to_keep_out_of_is_named(scene, model_files, empty):
    scene.drmm.armature = rigs.rigify()
    empty("Near", (0.0, -1.5, 0.0)), empty("Inside", (0.0, -4.0, 0.0))
    scene.cursor.location = (0.0, -4.0, 0.0)
    bpy.ops.drmm.add_room(kind="OUT")
    with pytest.raises(RuntimeError, match="'Inside'"):
        bpy.ops.drmm.generate(targets="Near,Inside", model=model_files["locomotion"], seconds=1.0)


def test_a_curve_counts_as_one_target(stage, rig, empty):
    target(stage, curve(stage))
    target(stage, empty("A", (-2.0, -6.0, 0.0)))
    bpy.ops.drmm.generate()
    record = takes.shown(rig).record
    made = walk.resume(bpy.context, rig, record)
    last = sum(row["row"] == 0 for row in record["targets"])
    for made.reached, done in ((0, 0), (last - 1, 0), (last, 1), (last + 1, 2)):
        assert made.rows == (done, 2)
