# SPDX-License-Identifier: Apache-2.0
"""Bodies and rigs of known shape for the tests: any proportions, T-pose or A-pose, any roll."""

import numpy as np

from drmm_engine.body import rotations as rot
from drmm_engine.motion.rig import Rig
from drmm_engine.motion.skeleton import JOINTS, PARENTS

_LEFT = {
    "Hips": (0.0, 0.0, 0.95),
    "Chest": (-0.01, 0.0, 0.28),
    "Neck": (0.01, 0.0, 0.19),
    "Head": (0.03, 0.0, 0.09),
    "Shoulder": (0.01, 0.04, 0.14),
    "UpperArm": (-0.01, 0.12, -0.01),
    "LowerArm": (0.0, 0.28, 0.0),
    "Hand": (0.0, 0.25, 0.0),
    "UpperLeg": (0.0, 0.09, -0.05),
    "LowerLeg": (0.0, 0.0, -0.41),
    "Foot": (0.0, 0.0, -0.40),
    "Toes": (0.13, 0.01, -0.06),
}
LIMBS = [n for n, joint in enumerate(JOINTS) if joint.endswith(("LowerArm", "Hand", "LowerLeg", "Foot", "Toes"))]


def offsets() -> np.ndarray:
    """Offsets [20, 3] of the canonical joints from their parents, T-pose, facing +x, metres."""
    out = []
    for joint in JOINTS:
        x, y, z = _LEFT[joint.removeprefix("Left").removeprefix("Right")]
        out.append((x, -y if joint.startswith("Right") else y, z))
    return np.array(out)


def rest(lengths=None, arms_down: float = 0.0, heading: float = 0.0) -> np.ndarray:
    """Rest positions [20, 3]; `lengths` [20] scales the limbs' bones, `arms_down` (radians) makes an A-pose."""
    parts = offsets()
    if lengths is not None:
        parts[LIMBS] *= np.asarray(lengths)[LIMBS, None]
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        for part in ("LowerArm", "Hand"):
            joint = JOINTS.index(side + part)
            parts[joint] = rot.rotate(rot.from_axis_angle((1.0, 0.0, 0.0), -sign * arms_down), parts[joint])
    positions = np.zeros_like(parts)
    for joint, parent in enumerate(PARENTS):
        positions[joint] = parts[joint] + (positions[parent] if parent >= 0 else 0.0)
    positions[:, 2] += 0.03 - positions[JOINTS.index("LeftToes"), 2]
    return rot.rotate(rot.from_axis_angle((0.0, 0.0, 1.0), heading), positions)


def poses(seed: int = 0, count: int = 48) -> np.ndarray:
    """Whole bodies [count, 20, 3] that stand, bend their limbs and lean a little: arms down, knees forward."""
    rng = np.random.default_rng(seed)
    turns = rot.from_rotation_vector(rng.uniform(-0.2, 0.2, (count, 20, 3)))
    for joint, name in enumerate(JOINTS):
        sign = 1.0 if name.startswith("Left") else -1.0
        if name.endswith("UpperArm"):
            lowered = rot.from_axis_angle((1.0, 0.0, 0.0), -sign * rng.uniform(0.3, 1.5, count))
            turns[:, joint] = rot.multiply(lowered, turns[:, joint])
        elif name.endswith("LowerArm"):
            turns[:, joint] = rot.from_axis_angle((0.0, 0.0, -sign), rng.uniform(0.4, 1.5, count))
        elif name.endswith("UpperLeg"):
            turns[:, joint] = rot.from_axis_angle((0.0, 1.0, 0.0), -rng.uniform(0.0, 0.8, count))
        elif name.endswith("LowerLeg"):
            turns[:, joint] = rot.from_axis_angle((0.0, 1.0, 0.0), rng.uniform(0.4, 1.1, count))
    parts, positions = offsets(), np.zeros((count, 20, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            turns[:, joint] = rot.multiply(turns[:, parent], turns[:, joint])
            positions[:, joint] = positions[:, parent] + rot.rotate(turns[:, parent], parts[joint])
    toes = [JOINTS.index("LeftToes"), JOINTS.index("RightToes")]
    positions[..., 2] += 0.03 - positions[:, toes, 2].min(axis=1)[:, None]
    return positions


def rig(positions: np.ndarray, rng: np.random.Generator, spine: int = 1) -> tuple[Rig, dict[str, str]]:
    """A rig with these canonical rest positions and bones of random roll, and its mapping.

    It has a root bone above the hips, `spine` bones between hips and chest, twist bones in the upper arms that carry
    the forearms, and a tail.
    """
    names, parents, heads, tails = ["root"], [-1], [np.zeros(3)], [np.array([0.0, 1.0, 0.0])]
    mapping, places = {}, {}

    def add(name, parent, head, tail):
        names.append(name)
        parents.append(parent)
        heads.append(head)
        tails.append(tail)
        return len(names) - 1

    for joint, parent in enumerate(PARENTS):
        name, head = JOINTS[joint], positions[joint]
        above = places[parent] if parent >= 0 else 0
        children = [c for c, p in enumerate(PARENTS) if p == joint]
        tail = positions[children[0]] if children else 2 * head - positions[parent]
        if name == "Chest":
            steps = np.linspace(positions[0], head, spine + 2)[1:-1]
            bow = np.sin(np.linspace(0, np.pi, spine + 2))[1:-1, None] * np.array([0.02, 0.0, 0.0])
            for n, step in enumerate(steps + bow):
                above = add(f"spine.{n}", above, step, head)
        if name.endswith("LowerArm"):
            above = add(f"twist.{name}", above, 0.5 * (head + positions[parent]), head)
        places[joint] = add(f"bone {name}", above, head, tail)
        mapping[name] = f"bone {name}"
    add("tail", places[0], positions[0], positions[0] - (0.2, 0.0, 0.0))
    return Rig(tuple(names), np.array(parents), _matrices(np.array(heads), np.array(tails), rng)), mapping


def _matrices(heads: np.ndarray, tails: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    turns = rot.between((0.0, 1.0, 0.0), tails - heads)
    rolls = rot.from_axis_angle((0.0, 1.0, 0.0), rng.uniform(-np.pi, np.pi, len(heads)))
    matrices = np.tile(np.eye(4), (len(heads), 1, 1))
    matrices[:, :3, :3] = rot.to_matrix(rot.multiply(turns, rolls))
    matrices[:, :3, 3] = heads
    return matrices
