# SPDX-License-Identifier: Apache-2.0
"""A studio for pictures of characters: floor, light, camera, marks for targets and goals, onion skins, renders."""

import math
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from scripts.showcase.character import material

FLOOR = (0.30, 0.34, 0.37)
SUN, SUN_TILT = 3.2, math.radians(40)
SKY = np.array([0.62, 0.68, 0.76])
ACCENT = (1.0, 0.52, 0.02)


def new_collection(name: str) -> None:
    """Have everything that is made from now on go into a new collection of the scene."""
    collection = bpy.data.collections.new(name)
    bpy.context.scene.collection.children.link(collection)
    bpy.context.view_layer.active_layer_collection = bpy.context.view_layer.layer_collection.children[name]


def dress(scene: bpy.types.Scene) -> None:
    """Give a scene a floor that runs into the horizon, soft sunlight, a camera, and settings for quick renders."""
    _add("Floor", *_ring(0.0, 500.0), "Floor", FLOOR)
    light = bpy.data.lights.new("Sun", "SUN")
    light.energy, light.angle = SUN, math.radians(10)
    sun = bpy.data.objects.new("Sun", light)
    sun.rotation_euler = (SUN_TILT, 0, math.radians(-40))
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    for made in (sun, scene.camera):
        bpy.context.collection.objects.link(made)
    scene.world = _sky()
    scene.render.engine = "CYCLES"
    scene.render.image_settings.file_format = "PNG"
    scene.view_settings.view_transform = "Khronos PBR Neutral"
    cycles = scene.cycles
    cycles.samples, cycles.max_bounces, cycles.use_adaptive_sampling = 8, 3, False
    cycles.use_denoising, cycles.denoising_prefilter = True, "FAST"


def mark_target(empty: bpy.types.Object, number: int, radius: float, turn: float) -> None:
    """Draw a circle about a target, of this radius, and its number, readable from azimuth `turn` (radians)."""
    x, y, _ = empty.matrix_world.translation
    _add("Target Circle", *_ring(radius - 0.03, radius, (x, y, 0.004)), "Target", ACCENT)
    text = bpy.data.curves.new(f"Number {number}", "FONT")
    text.body, text.align_x, text.align_y, text.size = str(number), "CENTER", "CENTER", 0.55
    text.materials.append(material("Target", ACCENT, 0.9))
    label = bpy.data.objects.new(text.name, text)
    label.location, label.rotation_euler = (x, y, 0.004), (0, 0, turn + math.pi / 2)
    bpy.context.collection.objects.link(label)


def mark_goal(empty: bpy.types.Object) -> None:
    """Draw a goal as a bead on a thin pole that stands on the floor."""
    x, y, z = empty.matrix_world.translation
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.04, location=(x, y, z))
    bpy.ops.object.shade_smooth()
    bead = bpy.context.object
    bead.name = f"{empty.name} Bead"
    bead.data.materials.append(material("Target", ACCENT, 0.9))
    _line(f"{empty.name} Pole", [(x, y, 0.0), (x, y, z)], 0.005)


def mark_route(points: Sequence) -> None:
    """Draw a line on the floor under these points."""
    _line("Route", [(x, y, 0.004) for x, y, *_ in points], 0.012)


def fadeable(body: bpy.types.Object) -> None:
    """Have the body's colours fade into the floor's with the alpha of the object's colour."""
    for paint in body.data.materials:
        nodes, links = paint.node_tree.nodes, paint.node_tree.links
        colour = nodes["Principled BSDF"].inputs["Base Color"]
        mix, info = nodes.new("ShaderNodeMix"), nodes.new("ShaderNodeObjectInfo")
        mix.data_type = "RGBA"
        ends = {socket.identifier: socket for socket in (*mix.inputs, *mix.outputs)}
        ends["A_Color"].default_value, ends["B_Color"].default_value = (*FLOOR, 1.0), colour.default_value
        links.new(info.outputs["Alpha"], ends["Factor_Float"])
        links.new(ends["Result_Color"], colour)


def onion_skin(body: bpy.types.Object, frame: int, strength: float) -> bpy.types.Object:
    """A still copy of a `fadeable` body as it is at a frame; strength 0 is the floor's colour, 1 the body's own."""
    bpy.context.scene.frame_set(frame)
    shown = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    skin = bpy.data.objects.new(f"{body.name} {frame}", bpy.data.meshes.new_from_object(shown))
    skin.matrix_world = shown.matrix_world
    skin.color[3] = strength
    bpy.context.collection.objects.link(skin)
    return skin


def aim(scene: bpy.types.Scene, points: Sequence, azimuth: float, elevation: float, lens: float, size: tuple) -> None:
    """Have the camera look from this side (degrees; azimuth 0: from +x) so that all points `[n, 3]` just fit.

    `lens` is a focal length in millimetres, `size` the picture's width and height in pixels.
    """
    camera = scene.camera
    camera.data.lens, camera.data.sensor_width, camera.data.sensor_fit = lens, 36.0, "HORIZONTAL"
    camera.data.clip_end = 2000.0
    scene.render.resolution_x, scene.render.resolution_y = size
    a, e = math.radians(azimuth), math.radians(elevation)
    back = np.array([math.cos(a) * math.cos(e), math.sin(a) * math.cos(e), math.sin(e)])
    right = np.array([-math.sin(a), math.cos(a), 0.0])
    axes = np.stack([right, np.cross(back, right)])
    tangent = 18.0 / lens * np.array([1.0, size[1] / size[0]])
    # In frame where |axes p - centre| <= tangent (distance - back p).
    across, spread = np.asarray(points) @ axes.T, np.outer(np.asarray(points) @ back, tangent)
    low, high = (across - spread).min(0), (across + spread).max(0)
    distance = ((high - low) / 2 / tangent).max()
    camera.location = (low + high) / 2 @ axes + distance * back
    camera.rotation_euler = Vector(-back).to_track_quat("-Z", "Y").to_euler()


def render(scene: bpy.types.Scene) -> np.ndarray:
    """The camera's picture `[height, width, 3]`, sRGB in 0..255, bottom row first."""
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "picture.png")
        with _silence():
            bpy.ops.render.render(write_still=True)
        return _read(scene.render.filepath)


def _read(path: str) -> np.ndarray:
    image = bpy.data.images.load(path)
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    width, height = image.size
    bpy.data.images.remove(image)
    return np.round(pixels.reshape(height, width, -1)[..., :3] * 255).astype(np.uint8)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep from the terminal what Blender's renderer prints, which Python's own redirection does not catch."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _add(name: str, vertices: np.ndarray, faces: np.ndarray, paint: str, colour: tuple) -> None:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices.tolist(), [], faces.tolist())
    mesh.materials.append(material(paint, colour, 1.0))
    bpy.context.collection.objects.link(bpy.data.objects.new(name, mesh))


def _ring(inner: float, outer: float, centre: tuple = (0, 0, 0), segments: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a flat ring."""
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle), np.zeros(segments)], 1)
    i = np.arange(segments)
    after = (i + 1) % segments
    faces = np.stack([i, i + segments, after + segments, after], 1)
    return np.concatenate([inner * circle, outer * circle]) + centre, faces


def _line(name: str, points: Sequence, radius: float) -> None:
    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions, curve.bevel_depth = "3D", radius
    spline = curve.splines.new("POLY")
    spline.points.add(len(points) - 1)
    spline.points.foreach_set("co", np.pad(np.asarray(points, float), ((0, 0), (0, 1)), constant_values=1).ravel())
    curve.materials.append(material("Target", ACCENT, 0.9))
    bpy.context.collection.objects.link(bpy.data.objects.new(name, curve))


def _sky() -> bpy.types.World:
    """Even light from all around; to the camera it looks as the lit floor does, so that no horizon shows."""
    world = bpy.data.worlds.new("Studio")
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    lit = np.array(FLOOR) * (SUN * math.cos(SUN_TILT) / math.pi + SKY)
    light, backdrop = nodes["Background"], nodes.new("ShaderNodeBackground")
    light.inputs["Color"].default_value = (*SKY, 1.0)
    backdrop.inputs["Color"].default_value = (*lit, 1.0)
    mix, seen = nodes.new("ShaderNodeMixShader"), nodes.new("ShaderNodeLightPath")
    links.new(seen.outputs["Is Camera Ray"], mix.inputs["Fac"])
    links.new(light.outputs["Background"], mix.inputs[1])
    links.new(backdrop.outputs["Background"], mix.inputs[2])
    links.new(mix.outputs["Shader"], nodes["World Output"].inputs["Surface"])
    return world
