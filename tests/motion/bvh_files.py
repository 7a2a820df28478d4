# SPDX-License-Identifier: Apache-2.0
"""Small BVH files made up by tests, and a second, naive reader as a judge: tokens and 4 x 4 matrices."""

import math
from dataclasses import dataclass, field

import numpy as np

SMALL = """HIERARCHY
ROOT Hips
{
  OFFSET 0 90 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Spine
  {
    OFFSET 0 10 1.5
    CHANNELS 3 Yrotation Zrotation Xrotation
    JOINT Head
    {
      OFFSET 1 30 0
      CHANNELS 3 Zrotation Yrotation Xrotation
      End Site
      {
        OFFSET 0 15 0
      }
    }
  }
  JOINT Tail
  {
    OFFSET 0 -5 -8
    CHANNELS 3 Xrotation Yrotation Zrotation
    End Site
    {
      OFFSET 0 0 -20
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.04
1.5 91.25 -3.75 10 20 30 -40 50 60 70 -80 90 5 15 25
1.6 91.5 -3.5 11 21 31 -41 51 61 71 -81 91 6 16 26
1.75 92 -3.25 12.5 22.5 32.5 -42.5 52.5 62.5 72.5 -82.5 92.5 7.5 17.5 27.25
"""


@dataclass
class Joint:
    name: str
    parent: int
    offset: list[float]
    channels: list[str] = field(default_factory=list)


def naive_positions(text: str) -> np.ndarray:
    """World positions `[F, J, 3]` in the file's own axes and unit, of a well-formed file whose names have no blanks."""
    joints, tokens = [], text.split()
    place = tokens.index("MOTION")
    stack, at = [], 0
    while at < place:
        if tokens[at] in ("ROOT", "JOINT"):
            joints.append(Joint(tokens[at + 1], stack[-1] if stack else -1, []))
        elif tokens[at] == "{":
            stack.append(-2 if tokens[at - 1] == "Site" else len(joints) - 1)
        elif tokens[at] == "}":
            stack.pop()
        elif tokens[at] == "OFFSET" and stack[-1] >= 0:
            joints[stack[-1]].offset = [float(token) for token in tokens[at + 1 : at + 4]]
        elif tokens[at] == "CHANNELS":
            joints[stack[-1]].channels = tokens[at + 2 : at + 2 + int(tokens[at + 1])]
        at += 1
    values = [float(token) for token in tokens[tokens.index("Time:") + 2 :]]
    width = sum(len(joint.channels) for joint in joints)
    rows = [values[n : n + width] for n in range(0, len(values), width)]
    return np.array([place_joints(joints, row) for row in rows])


def place_joints(joints: list[Joint], row: list[float]) -> list[np.ndarray]:
    """World positions of the joints in one frame, by products of matrices."""
    world, row = [], list(row)
    for joint in joints:
        move, turn = np.array(joint.offset, float), np.eye(4)
        for channel in joint.channels:
            value = row.pop(0)
            if channel.endswith("position"):
                move["XYZ".index(channel[0])] = value
            else:
                turn = turn @ elementary(channel[0], math.radians(value))
        local = np.eye(4)
        local[:3, 3] = move
        world.append((world[joint.parent] if joint.parent >= 0 else np.eye(4)) @ local @ turn)
    return [matrix[:3, 3] for matrix in world]


def elementary(axis: str, angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    i, j = {"X": (1, 2), "Y": (2, 0), "Z": (0, 1)}[axis]
    matrix = np.eye(4)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix
