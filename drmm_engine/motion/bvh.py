# SPDX-License-Identifier: Apache-2.0
"""BVH files: reading what real programs write, and writing what they read."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from drmm_engine.body import rotations
from drmm_engine.body.rotations import Array
from drmm_engine.files import write_whole
from drmm_engine.motion.clip import Clip
from drmm_engine.motion.units import Names, scaled, standing, y_up_from_z_up

_CHANNEL = re.compile(r"([XYZ])(position|rotation)", re.IGNORECASE)


class _Fault(Exception):
    """What is wrong, and in which line (counted from 1)."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line, self.reason = line, reason


@dataclass
class _Node:
    """One block of the hierarchy: a joint, or the end site of its parent."""

    name: str
    parent: int
    is_end: bool = False
    offset: Array = field(default_factory=lambda: np.zeros(0))
    channels: tuple[tuple[str, str], ...] = ()


def read_bvh(
    path_or_file: str | Path | IO, up: str | None = None, scale: float | None = None, names: Names | None = None
) -> Clip:
    """Reads a BVH file into a clip in metres, Z up; a Y-up file's (x, y, z) becomes (x, -z, y).

    `up` "Y" or "Z" is the file's vertical axis, `scale` the metres in its unit. Left out, they are detected from the
    motion of a humanoid whose joints are known, by their names or by `names` (canonical joint -> joint name): head
    above feet, and a plausible body height in metres, decimetres, centimetres, inches or CMU's 0.45 inches. Any other
    skeleton counts as Y up, in centimetres.
    Position channels replace a joint's offset. A frame count that disagrees with the frames that are there only
    warns. ValueError, with file, line and reason, for what cannot be read.
    """
    if up not in (None, "Y", "Z"):
        raise ValueError(f"up axis {up!r} is neither 'Y' nor 'Z'")
    if scale is not None and not 0 < scale < np.inf:
        raise ValueError(f"scale {scale} is not a number of metres above zero")
    name, text = _load(path_or_file)
    try:
        clip = _parse(name, text)
    except _Fault as fault:
        raise ValueError(f"{name}, line {fault.line}: {fault.reason}") from None
    return standing(clip, up, scale, names)


def _load(path_or_file: str | Path | IO) -> tuple[str, str]:
    if isinstance(path_or_file, str | Path):
        name, data = Path(path_or_file).name, Path(path_or_file).read_bytes()
    else:
        name, data = Path(str(getattr(path_or_file, "name", "file.bvh"))).name, path_or_file.read()
    if isinstance(data, str):
        return name, data.removeprefix("\ufeff")
    try:
        return name, data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return name, data.decode("latin-1")


def _parse(name: str, text: str) -> Clip:
    """The clip as the file has it: its own units and axes."""
    lines = re.split(r"\r\n|\r|\n", text)
    nodes, motion = _hierarchy(lines)
    joints = [node for node in nodes if not node.is_end]
    declared, frame_time, first_row = _motion_header(lines, motion)
    rows = _rows(lines, first_row, sum(len(node.channels) for node in joints))
    if len(rows) < declared and lines[-1].strip():
        rows = rows[:-1]  # No line end after the last row: its last number may have lost digits.
    if not len(rows):
        raise _Fault(len(lines), "the file has no whole frame")
    if len(rows) != declared:
        warnings.warn(f"{name}: {declared} frames declared, {len(rows)} whole frames used", stacklevel=3)
    positions, turns = _local_transforms(joints, rows)
    order = {id(node): index for index, node in enumerate(joints)}
    parents = [order[id(nodes[node.parent])] if node.parent >= 0 else -1 for node in nodes]
    return Clip(
        name=Path(name).stem,
        joint_names=tuple(node.name for node in joints),
        parents=np.array([parent for node, parent in zip(nodes, parents, strict=True) if not node.is_end]),
        offsets=np.array([node.offset for node in joints]),
        frame_rate=_frame_rate(frame_time),
        local_positions=positions,
        local_rotations=turns,
        end_sites={parent: node.offset for node, parent in zip(nodes, parents, strict=True) if node.is_end},
    )


def _hierarchy(lines: list[str]) -> tuple[list[_Node], int]:
    """The blocks in file order, and the number of the line that says MOTION."""
    nodes: list[_Node] = []
    open_blocks: list[int] = []
    number, awaiting_brace, begun = 1, False, False
    for number, word, rest in _statements(lines):
        if not begun and word != "HIERARCHY":
            raise _Fault(number, f"not a BVH file: it begins with {word[:20]!r} instead of HIERARCHY")
        begun = True
        if awaiting_brace != (word == "{"):
            raise _Fault(number, f"'{{' expected after {nodes[-1].name!r}" if awaiting_brace else "unexpected '{'")
        awaiting_brace = word in ("ROOT", "JOINT", "END")
        if awaiting_brace:
            nodes.append(_block(number, word, rest, nodes, open_blocks))
        elif word == "{":
            open_blocks.append(len(nodes) - 1)
        elif word == "MOTION" and not open_blocks and nodes:
            return nodes, number
        elif word in ("OFFSET", "CHANNELS", "}") and open_blocks:
            _fill(number, word, rest, nodes[open_blocks[-1]])
            if word == "}":
                open_blocks.pop()
        elif word != "HIERARCHY":
            where = f" in {nodes[open_blocks[-1]].name!r}" if open_blocks else ""
            raise _Fault(number, f"unexpected {word!r}{where}")
    inside = f" inside joint {nodes[open_blocks[-1]].name!r}" if open_blocks else ""
    raise _Fault(number, f"the file ends{inside} before its MOTION section")


def _statements(lines: list[str]) -> Iterator[tuple[int, str, str]]:
    """Line number, first word in capitals and the rest of each statement; a brace is one of its own."""
    for number, line in enumerate(lines, start=1):
        for piece in re.split(r"([{}])", line):
            word, _, rest = piece.strip().replace("\t", " ").partition(" ")
            if word:
                yield number, word.upper(), rest.strip()


def _block(number: int, word: str, rest: str, nodes: list[_Node], open_blocks: list[int]) -> _Node:
    parent = open_blocks[-1] if open_blocks else -1
    if (parent < 0) != (word == "ROOT") or (parent >= 0 and nodes[parent].is_end):
        raise _Fault(number, f"{word} {rest} stands at the wrong level")
    if word == "END":
        return _Node(f"End Site of {nodes[parent].name}", parent, is_end=True)
    if not rest:
        raise _Fault(number, f"{word} without a name")
    return _Node(rest, parent)


def _fill(number: int, word: str, rest: str, node: _Node) -> None:
    if word == "OFFSET":
        node.offset = np.array(_numbers(number, rest))
        if len(node.offset) != 3:
            raise _Fault(number, f"OFFSET of {node.name!r} has {len(node.offset)} numbers instead of 3")
    elif word == "CHANNELS":
        count, *words = rest.split() or [""]
        matches = [_CHANNEL.fullmatch(channel) for channel in words]
        if not all(matches):
            raise _Fault(number, f"channel {words[matches.index(None)]!r} of {node.name!r} is no position or rotation")
        if count != str(len(words)) or (node.is_end and words):
            raise _Fault(number, f"{node.name!r} says {count!r} channels and lists {len(words)}")
        node.channels = tuple((m[2].lower(), m[1].upper()) for m in matches if m)
    elif not len(node.offset):
        raise _Fault(number, f"{node.name!r} has no OFFSET")


def _motion_header(lines: list[str], motion: int) -> tuple[int, float, int]:
    """Declared frames, seconds a frame, and the number of lines before the first row."""
    patterns = (r"frames\s*:?\s*(\d+)", r"frame\s*time\s*:?\s*(\S+)")
    found = []
    number = motion
    for pattern, what in zip(patterns, ("Frames: <count>", "Frame Time: <seconds>"), strict=True):
        number = next((n for n in range(number + 1, len(lines) + 1) if lines[n - 1].strip()), len(lines))
        match = re.fullmatch(pattern, lines[number - 1].strip(), re.IGNORECASE)
        if not match:
            raise _Fault(number, f"'{what}' expected after MOTION")
        found.append(_numbers(number, match[1])[0])
    if not found[1] > 0:
        raise _Fault(number, f"frame time {found[1]} is not above zero")
    return int(found[0]), found[1], number


def _rows(lines: list[str], start: int, channels: int) -> Array:
    """The motion as numbers `[frames, channels]`."""
    rows = []
    for number, line in enumerate(lines[start:], start=start + 1):
        values = _numbers(number, line)
        if values and len(values) != channels:
            cut = "" if any(rest.strip() for rest in lines[number:]) else ": the file is cut off, or"
            raise _Fault(number, f"{len(values)} numbers instead of {channels}{cut} does not fit its hierarchy")
        if values:
            rows.append(values)
    return np.array(rows, float).reshape(len(rows), channels)


def _numbers(number: int, text: str) -> list[float]:
    words = text.split()
    try:
        values = list(map(float, words))
    except ValueError:
        values = []
    if len(values) != len(words) or not math.isfinite(sum(values)):
        raise _Fault(number, f"{_first_odd(words)!r} is not a finite number")
    return values


def _first_odd(words: list[str]) -> str:
    for word in words:
        try:
            if not math.isfinite(float(word)):
                return word
        except ValueError:
            return word[:30]
    return words[0]


def _frame_rate(frame_time: float) -> float:
    """Frames a second; a rate within 0.02 % of a whole one is that one, written with few digits."""
    rate = 1.0 / frame_time
    return float(round(rate)) if abs(rate / max(1, round(rate)) - 1) < 2e-4 else rate


def _local_transforms(joints: list[_Node], rows: Array) -> tuple[Array, Array]:
    """Positions `[F, J, 3]` and rotations `[F, J, 4]` of the joints relative to their parents."""
    positions = np.tile(np.array([joint.offset for joint in joints]), (len(rows), 1, 1))
    turns = np.tile(np.array(rotations.IDENTITY), (len(rows), len(joints), 1))
    column = 0
    for index, joint in enumerate(joints):
        axes = [axis for kind, axis in joint.channels if kind == "rotation"]
        turning = [column + n for n, (kind, _) in enumerate(joint.channels) if kind == "rotation"]
        for n, (kind, axis) in enumerate(joint.channels):
            if kind == "position":
                positions[:, index, "XYZ".index(axis)] = rows[:, column + n]
        if axes:
            turns[:, index] = rotations.from_euler(np.radians(rows[:, turning]), "".join(axes))
        column += len(joint.channels)
    return positions, turns


def write_bvh(clip: Clip, path: str | Path) -> None:
    """Writes a clip as other programs expect it: Y up, centimetres, angles in degrees, rotation order Z X Y.

    Roots, and joints that leave their rest offset, have six channels; the others have three.
    """
    clip = scaled(y_up_from_z_up(clip), 100.0)
    moving = (clip.parents < 0) | (np.abs(clip.local_positions - clip.offsets).max(axis=(0, 2), initial=0.0) > 1e-5)
    lines, columns = ["HIERARCHY"], []
    angles = np.degrees(rotations.to_euler(clip.local_rotations, "ZXY"))
    for root in np.flatnonzero(clip.parents < 0):
        for joint in _write_block(clip, int(root), moving, "", lines):
            columns += [clip.local_positions[:, joint]] * bool(moving[joint]) + [angles[:, joint]]
    lines += ["MOTION", f"Frames: {clip.frames}", f"Frame Time: {1.0 / clip.frame_rate:.8f}"]
    lines += [" ".join([f"{value:.6f}" for value in row]) for row in np.concatenate(columns, axis=1)]
    write_whole(path, "\n".join(lines) + "\n")


def _write_block(clip: Clip, joint: int, moving: Array, indent: str, lines: list[str]) -> Iterator[int]:
    """Appends the block of a joint to the lines and yields the joints in the order of their channels."""
    yield joint
    channels = "6 Xposition Yposition Zposition" if moving[joint] else "3"
    lines += [
        f"{indent}{'ROOT' if clip.parents[joint] < 0 else 'JOINT'} {clip.joint_names[joint]}",
        f"{indent}{{",
        f"{indent}\tOFFSET {_spaced(clip.offsets[joint])}",
        f"{indent}\tCHANNELS {channels} Zrotation Xrotation Yrotation",
    ]
    children = np.flatnonzero(clip.parents == joint)
    for child in children:
        yield from _write_block(clip, int(child), moving, indent + "\t", lines)
    if joint in clip.end_sites or not len(children):
        tip = _spaced(clip.end_sites.get(joint, np.zeros(3)))
        lines += [f"{indent}\tEnd Site", f"{indent}\t{{", f"{indent}\t\tOFFSET {tip}", f"{indent}\t}}"]
    lines.append(f"{indent}}}")


def _spaced(values: Array) -> str:
    return " ".join(f"{value:.6f}" for value in values)
