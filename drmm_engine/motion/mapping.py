# SPDX-License-Identifier: Apache-2.0
"""Which joint or bone of a rig plays which canonical joint: proposed by name, or read from the user's own table."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drmm_engine.motion.rigs import COLUMNS, RIGS
from drmm_engine.motion.skeleton import JOINTS

Parents = Sequence[int] | NDArray[np.int64]

_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
_LAYER = re.compile(r"(DEF|ORG|MCH|CTRL)[-_]")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def propose(names: Sequence[str], parents: Parents | None = None) -> dict[str, str]:
    """Canonical joint -> name, for those of the 20 canonical joints that the names tell.

    The line of the rig table that fits most joints is used alone; prefixes (`mixamorig:`, `DEF-`, `ORG-`) and the
    spelling of sides do not matter. With `parents` [J] (-1 for a root) the chest is the joint from which both arms
    branch, however many spine joints there are.
    """
    best: dict[str, str] = {}
    for layer in ("", "DEF", "ORG", "CTRL"):
        keys = _keys(names, layer)
        for line in _LINES:
            found = _match(line, keys)
            if len(found) > len(best):
                best = found
    if parents is not None:
        best.update(_chest(best, list(names), parents))
    return {joint: best[joint] for joint in JOINTS if joint in best}


def missing(mapping: dict[str, str]) -> list[str]:
    """The canonical joints that have no name in the mapping, in canonical order."""
    return [joint for joint in JOINTS if not mapping.get(joint)]


def read_table(path: str | Path) -> dict[str, str]:
    """A user's own mapping: a CSV file with the columns canonical and source.

    Empty lines and a first line of headings are skipped. ValueError, with file, line and reason, for an unknown
    or repeated canonical joint or a line without a source name.
    """
    mapping: dict[str, str] = {}
    with open(path, encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            cells = [cell.strip() for cell in row]
            if not any(cells) or (not mapping and [cell.lower() for cell in cells[:2]] == ["canonical", "source"]):
                continue
            place = f"{Path(path).name}, line {number}"
            if cells[0] not in JOINTS:
                raise ValueError(f"{place}: {cells[0]!r} is none of the canonical joints {', '.join(JOINTS)}")
            if cells[0] in mapping or len(cells) != 2 or not cells[1]:
                raise ValueError(f"{place}: one line '{cells[0]},<name of the joint>' expected")
            mapping[cells[0]] = cells[1]
    return mapping


def _match(line: list[tuple[str, str]], keys: dict[str, str]) -> dict[str, str]:
    """Canonical joint -> name, by one line of the rig table."""
    found: dict[str, str] = {}
    for joint, key in line:
        if key in keys:
            found.setdefault(joint, keys[key])
    return found


def _expected(family: tuple[str, ...]) -> list[tuple[str, str]]:
    """Canonical joint and key of each name that a line of the rig table expects, the preferred first."""
    sides, *entries = family
    return [
        (column.replace("*", side), _key(pattern.replace("*", word)))
        for word, side in zip(sides.split(), ("Left", "Right"), strict=True)
        for column, entry in zip(COLUMNS, entries, strict=True)
        for pattern in entry.split()
    ]


def _keys(names: Sequence[str], layer: str) -> dict[str, str]:
    """Key -> name, for the names of one layer of a rig (DEF-, ORG-, or none), without their common prefix."""
    short = {name: re.split(r"[:|]", name)[-1] for name in names}
    shared = _shared_prefix(list(short.values()))
    keys: dict[str, str] = {}
    for name, rest in short.items():
        mark = _LAYER.match(rest)
        if (mark[1] if mark else "") == layer:
            keys.setdefault(_key(rest[mark.end() :] if mark else rest[len(shared) :]), name)
    return keys


def _shared_prefix(names: list[str]) -> str:
    """What all names begin with, up to a mark that is neither letter nor digit, as in `Character1_`."""
    if len(names) < 2:
        return ""
    low, high = min(names), max(names)
    length = next((n for n, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    match = re.match(r".*[^A-Za-z0-9]", low[:length])
    return match[0] if match and not _LAYER.match(low) else ""


@lru_cache(maxsize=4096)
def _key(name: str) -> str:
    """A name without case, marks and spelling of sides: `upper_arm.L` and `LeftUpperArm` give "left upperarm"."""
    words = [word.lower() for word in _WORDS.findall(name)]
    side = next((_SIDES[word] for word in words if word in _SIDES), "")
    rest = "".join(word for word in words if word not in _SIDES)
    if not side:
        match = re.fullmatch(r"(left|right)(.+)", rest) or re.fullmatch(r"(.+?)(left|right)", rest)
        if match:
            side, rest = sorted(match.groups(), key=lambda part: part not in _SIDES)
    return f"{side} {rest}".strip()


def _chest(mapping: dict[str, str], names: list[str], parents: Parents) -> dict[str, str]:
    """The joint from which both arms branch, if it is known and is not the hips."""
    if not {"LeftUpperArm", "RightUpperArm", "Hips"} <= set(mapping):
        return {}
    left, right = (_ancestors(names.index(mapping[f"{side}UpperArm"]), parents) for side in ("Left", "Right"))
    branch = next((joint for joint in left if joint in right), None)
    if branch is None or branch in _ancestors(names.index(mapping["Hips"]), parents):
        return {}
    return {"Chest": names[branch]}


def _ancestors(joint: int, parents: Parents) -> list[int]:
    """The joint itself and all above it, nearest first."""
    path = [joint]
    while parents[path[-1]] >= 0:
        path.append(int(parents[path[-1]]))
    return path


_LINES = [_expected(family) for family in RIGS.values()]
