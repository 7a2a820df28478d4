# SPDX-License-Identifier: Apache-2.0
"""A rigged mannequin, 1.76 m tall: an armature of 21 bones, and one mesh of rigid shells over dark joints.

It stands in an A-pose with its feet on the floor and faces -Y, as characters in Blender do. Its left side has teal
shells, its right side coral ones, and a dark visor shows where the head looks.
"""

from typing import NamedTuple

import bpy
import numpy as np

SPINE = {
    "hips": (None, (0, 0, 0.95), (0, 0, 1.07)),
    "spine": ("hips", (0, 0, 1.07), (0, -0.005, 1.2)),
    "chest": ("spine", (0, -0.005, 1.2), (0, 0.015, 1.46)),
    "neck": ("chest", (0, 0.015, 1.46), (0, 0, 1.555)),
    "head": ("neck", (0, 0, 1.555), (0, 0, 1.76)),
}
LEFT_LIMBS = {
    "shoulder": ("chest", (0.025, 0, 1.42), (0.165, 0.012, 1.415)),
    "upper_arm": ("shoulder", (0.178, 0.012, 1.405), (0.373, 0.022, 1.205)),
    "forearm": ("upper_arm", (0.373, 0.022, 1.205), (0.548, 0, 1.025)),
    "hand": ("forearm", (0.548, 0, 1.025), (0.663, -0.02, 0.905)),
    "thigh": ("hips", (0.09, 0, 0.915), (0.097, -0.008, 0.495)),
    "shin": ("thigh", (0.097, -0.008, 0.495), (0.1, 0.02, 0.085)),
    "foot": ("shin", (0.1, 0.02, 0.085), (0.103, -0.115, 0.028)),
    "toe": ("foot", (0.103, -0.115, 0.028), (0.104, -0.19, 0.025)),
}
"""Bone: its parent, its head and its tail in metres; the right limbs are mirror images."""

MATERIALS = {
    "Shell": ((0.80, 0.77, 0.72), 0.35),
    "Joint": ((0.03, 0.035, 0.045), 0.5),
    "Visor": ((0.01, 0.012, 0.018), 0.1),
    "Left": ((0.01, 0.30, 0.33), 0.35),
    "Right": ((0.85, 0.17, 0.07), 0.35),
}
"""Material: its linear colour and its roughness."""


class Part(NamedTuple):
    """A rounded tube along a bone.

    `stations` are cross-sections: how far along the bone (0 head, 1 tail), half the width, half the depth, and how far
    in front of the bone's axis, in metres. The surface is the polynomial through them, its ends rounded over `round`
    metres; an outline of `power` 2 is an ellipse, of more is boxier.
    """

    bone: str
    material: str
    stations: tuple[tuple[float, float, float, float], ...]
    round: float = 0.02
    power: float = 2.0


def ball(bone: str, material: str, radius: float, length: float) -> Part:
    """A sphere about the head of a bone of this length."""
    reach = radius / length
    return Part(bone, material, ((-reach, radius, radius, 0), (reach, radius, radius, 0)), round=radius)


TRUNK = (
    Part(
        "hips",
        "Shell",
        ((-0.85, 0.08, 0.08, 0), (-0.3, 0.146, 0.106, -0.01), (0.3, 0.146, 0.1, 0), (0.95, 0.112, 0.085, 0)),
        0.03,
        2.3,
    ),
    Part("spine", "Joint", ((-0.6, 0.098, 0.075, 0), (0.4, 0.093, 0.074, 0), (1.4, 0.1, 0.08, 0))),
    Part(
        "chest",
        "Shell",
        ((-0.22, 0.112, 0.088, 0.004), (0.25, 0.142, 0.112, 0.012), (0.65, 0.15, 0.106, 0.008), (1.0, 0.075, 0.062, 0)),
        0.045,
        2.2,
    ),
    Part("neck", "Joint", ((-0.6, 0.056, 0.056, 0), (0.5, 0.046, 0.05, 0), (1.4, 0.048, 0.054, 0))),
    Part(
        "head",
        "Shell",
        ((-0.16, 0.052, 0.07, 0.026), (0.3, 0.074, 0.096, 0.008), (1.06, 0.07, 0.09, -0.004)),
        0.075,
        2.2,
    ),
)
LIMBS = (
    ball("upper_arm", "Shell", 0.058, 0.28),
    Part("upper_arm", "Shell", ((0.1, 0.046, 0.05, 0), (0.45, 0.046, 0.05, 0.002), (0.88, 0.037, 0.039, 0))),
    ball("forearm", "Joint", 0.038, 0.252),
    Part("forearm", "Side", ((0.1, 0.039, 0.041, 0), (0.35, 0.041, 0.043, 0), (0.94, 0.026, 0.03, 0))),
    ball("hand", "Joint", 0.027, 0.167),
    Part("hand", "Shell", ((0.08, 0.018, 0.03, 0), (0.5, 0.021, 0.044, 0.002), (1.05, 0.013, 0.034, 0)), 0.018, 2.4),
    ball("thigh", "Joint", 0.082, 0.42),
    Part("thigh", "Shell", ((0.05, 0.078, 0.084, 0), (0.33, 0.078, 0.086, 0.008), (0.91, 0.05, 0.056, 0)), 0.045),
    ball("shin", "Joint", 0.051, 0.411),
    Part("shin", "Side", ((0.09, 0.05, 0.054, 0.002), (0.32, 0.052, 0.06, -0.012), (0.91, 0.034, 0.039, 0)), 0.03),
    ball("foot", "Joint", 0.036, 0.148),
    Part(
        "foot",
        "Shell",
        ((-0.55, 0.034, 0.05, -0.04), (0.3, 0.042, 0.05, -0.018), (1.02, 0.045, 0.03, 0.002)),
        0.03,
        2.5,
    ),
    Part("toe", "Joint", ((-0.2, 0.04, 0.026, 0), (0.5, 0.042, 0.026, 0), (1.1, 0.03, 0.02, 0)), 0.025, 2.5),
)
SEGMENTS, RINGS = 28, 20
VISOR = np.ix_(range(8, 13), [*range(-7, 7)])


def build(name: str = "Mannequin") -> bpy.types.Object:
    """Make the armature object with its skinned body, in the scene's current collection, and return the armature."""
    bones = all_bones()
    armature = _armature(name, bones)
    parts = [*TRUNK, *(_on_side(part, side) for side in ("L", "R") for part in LIMBS)]
    body = bpy.data.objects.new(f"{name} Body", _mesh(f"{name} Body", parts, bones))
    bpy.context.collection.objects.link(body)
    for i, part in enumerate(parts):
        group = body.vertex_groups.get(part.bone) or body.vertex_groups.new(name=part.bone)
        group.add(range(i * RINGS * SEGMENTS, (i + 1) * RINGS * SEGMENTS), 1.0, "REPLACE")
    body.parent = armature
    body.modifiers.new("Armature", "ARMATURE").object = armature
    return armature


def all_bones() -> dict[str, tuple[str | None, tuple, tuple]]:
    """Every bone's parent, head and tail, parents first."""
    bones = dict(SPINE)
    for side, sign in (("L", 1), ("R", -1)):
        for bone, (parent, head, tail) in LEFT_LIMBS.items():
            parent = f"{parent}.{side}" if parent in LEFT_LIMBS else parent
            bones[f"{bone}.{side}"] = (parent, (sign * head[0], *head[1:]), (sign * tail[0], *tail[1:]))
    return bones


def _on_side(part: Part, side: str) -> Part:
    material = {"L": "Left", "R": "Right"}[side] if part.material == "Side" else part.material
    return part._replace(bone=f"{part.bone}.{side}", material=material)


def _armature(name: str, bones: dict) -> bpy.types.Object:
    data = bpy.data.armatures.new(name)
    data.display_type = "STICK"
    armature = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for bone, (parent, head, tail) in bones.items():
        edit = data.edit_bones.new(bone)
        edit.head, edit.tail = head, tail
        edit.parent = data.edit_bones[parent] if parent else None
        edit.use_connect = parent is not None and (edit.head - edit.parent.tail).length < 1e-6
        edit.align_roll((0, -1, 0.1))
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def _mesh(name: str, parts: list[Part], bones: dict) -> bpy.types.Mesh:
    """One mesh of all parts, the vertices of each in a row."""
    mesh = bpy.data.meshes.new(name)
    tubes = [_tube(part, np.array(bones[part.bone][1]), np.array(bones[part.bone][2])) for part in parts]
    vertices = np.concatenate(tubes)
    vertices[:, 2] = np.maximum(vertices[:, 2], 0.0)  # the floor flattens the soles
    faces = np.concatenate([_faces() + i * RINGS * SEGMENTS for i in range(len(parts))])
    mesh.from_pydata(vertices.tolist(), [], faces.tolist())
    mesh.shade_smooth()
    _paint(mesh, parts)
    return mesh


def _tube(part: Part, head: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """Vertices [RINGS * SEGMENTS, 3] of a part whose bone lies between these points."""
    length = np.linalg.norm(tail - head)
    axis = (tail - head) / length
    side, front = _across(axis)
    t, *radii_and_shift = np.array(part.stations).T
    along = t[0] + (t[-1] - t[0]) * (1 - np.cos(np.linspace(0, np.pi, RINGS))) / 2
    width, depth, shift = (np.polyval(np.polyfit(t, values, len(t) - 1), along) for values in radii_and_shift)
    from_end = np.minimum(along - t[0], t[-1] - along) * length
    end = np.sqrt(1 - np.clip(1 - from_end / part.round, 0, 1) ** 2)
    angle = np.linspace(0, 2 * np.pi, SEGMENTS, endpoint=False)
    x, y = (np.sign(c) * abs(c) ** (2 / part.power) for c in (np.sin(angle), np.cos(angle)))
    centre = head + np.outer(along * length, axis) + np.outer(shift, front)
    outline = np.einsum("r,s,i->rsi", width * end, x, side) + np.einsum("r,s,i->rsi", depth * end, y, front)
    return (centre[:, None] + outline).reshape(-1, 3)


def _across(axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors across a bone, to its side and to its front (up for a bone that points forward)."""
    side = np.array([1.0, 0.0, 0.0]) - axis[0] * axis
    side /= np.linalg.norm(side)
    front = np.cross(side, axis)
    turn = np.sign(front @ (0, -1, 0.5))
    return turn * side, turn * front


def _faces() -> np.ndarray:
    """Quads [(RINGS - 1) * SEGMENTS, 4] of a tube, ring by ring, each ring from its front."""
    ring, segment = np.mgrid[: RINGS - 1, :SEGMENTS]
    this, after = ring * SEGMENTS + segment, ring * SEGMENTS + (segment + 1) % SEGMENTS
    return np.stack([this, after, after + SEGMENTS, this + SEGMENTS], -1).reshape(-1, 4)


def _paint(mesh: bpy.types.Mesh, parts: list[Part]) -> None:
    """Give each part its material, and the head its visor."""
    names = list(MATERIALS)
    for name in names:
        mesh.materials.append(material(name, *MATERIALS[name]))
    slots = np.empty((len(parts), RINGS - 1, SEGMENTS), np.int32)
    slots[:] = np.array([names.index(part.material) for part in parts])[:, None, None]
    head = next(i for i, part in enumerate(parts) if part.bone == "head")
    slots[head][VISOR] = names.index("Visor")
    mesh.polygons.foreach_set("material_index", slots.ravel())


def material(name: str, colour: tuple[float, float, float], roughness: float) -> bpy.types.Material:
    """The material of this name, made when there is none."""
    made = bpy.data.materials.get(name) or bpy.data.materials.new(name)
    made.diffuse_color = (*colour, 1.0)
    made.roughness = roughness
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Specular IOR Level"].default_value = 0.5 * (roughness < 0.9)
    return made
