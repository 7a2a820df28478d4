# SPDX-License-Identifier: Apache-2.0
"""Goals as rows of numbers that are to be zero, or not below zero, and the derivatives of these by the parameters.

A row of a point x is d . x + e with d, e constant; its derivative by a screw (w, m) of `links` is (x × d) . w - d . m.
So all rows of all poses come of one product of matrices, whatever the goals. Lengths are in sizes of the whole rig.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body import rotations
from drmm_engine.body.armature import squared
from drmm_engine.body.goals import Along, Angle, At, Beyond, Facing, Goal, Near, Point, Within
from drmm_engine.body.links import Frames, Indices, Links, apply
from drmm_engine.body.rotations import Array
from drmm_engine.body.turns import to_face, to_point

Mask = NDArray[np.bool_]
OnPoint = At | Near | Beyond | Within


@dataclass(frozen=True)
class State:
    """Rows in n poses: values [n, m], and what their derivatives are made of."""

    values: Array
    frames: Frames
    sites: Array
    turns: list[Array]

    def take(self, poses: Mask) -> State:
        """Some of the poses."""
        frames = Frames(*(part[..., poses] for part in (self.frames.linear, self.frames.heads, self.frames.axes)))
        return State(self.values[poses], frames, self.sites[..., poses], [turn[poses] for turn in self.turns])

    def put(self, poses: Mask, other: State) -> None:
        """Take some poses from another state."""
        for own, new in zip((self.frames.linear, self.frames.heads, self.frames.axes, self.sites),
                            (other.frames.linear, other.frames.heads, other.frames.axes, other.sites), strict=True):
            own[..., poses] = new[..., poses]
        for own, new in zip((self.values, *self.turns), (other.values, *other.turns), strict=True):
            own[poses] = new[poses]


class Rows:
    """Rows of goals, m in all: those of points first, then of turns, then of parameters.

    goal [m]: whose row it is. free [m]: only values below zero count. weight [m]: square roots of the goals' weights.
    spread [m]: standard deviations of what is only wished, else 0. moved [P]: which parameters move any of them.
    reach: how far from the origin they are, in sizes.
    ValueError names a bone or parameter that is not.
    """

    def __init__(self, links: Links, goals: Sequence[Goal]) -> None:
        self.links, self._table, self._lines = links, _Sites(links), _Lines()
        self._turns = [(number, goal) for number, goal in enumerate(goals) if isinstance(goal, Along | Facing)]
        self._angles = [(number, goal) for number, goal in enumerate(goals) if isinstance(goal, Angle)]
        for number, goal in enumerate(goals):
            if isinstance(goal, OnPoint):
                point = self._table.point(goal.point, goal.name)
                for direction, offset, free, spread in _lines_of(goal):
                    self._lines.add(number, point, direction, offset, free, spread)
        self._lines.finish(self._table, links)
        self._held = [_Turned(links, goal) for _, goal in self._turns]
        self._parameter = np.array([_parameter(links, goal) for _, goal in self._angles], int)
        self._unit = np.where(self._parameter < 3 * len(links.driven), 1.0, links.size)
        self._wanted = np.array([goal.value for _, goal in self._angles])
        of_turns = [number for number, goal in self._turns for _ in range(2 if isinstance(goal, Along) else 3)]
        others = of_turns + [number for number, _ in self._angles]
        self.lines = len(self._lines.goal)
        self.goal = np.array([*self._lines.goal, *others], int)
        self.free = np.array(self._lines.free + [False] * len(others), bool)
        angles = np.array([goal.sd for _, goal in self._angles]) / self._unit
        self.spread = np.concatenate([np.array(self._lines.spread) / links.size, [0.0] * len(of_turns), angles])
        self.weight = np.sqrt([goals[number].weight for number in self.goal])
        self.moved = self._lines.moved() | np.any([turned.mask for turned in self._held] or [False], axis=0)
        self.moved[self._parameter] = True
        self.reach = max(np.abs(self._lines.offset).max(initial=0.0), np.abs(links.offset).max() / links.size)

    def state(self, theta: Array) -> State:
        """The rows in poses theta [n, P]."""
        frames = self.links.frames(theta)
        table, lines = self._table, self._lines
        place = table.place.astype(theta.dtype)[..., None]
        sites = apply(frames.linear[:, :, table.link], place[:3]) + frames.heads[:, table.link] * place[3]
        points = np.einsum("ikn,qk->iqn", sites, table.sums) if table.summed else sites[:, table.own]
        x, d = points[:, lines.point], lines.direction
        values = [(d[0] * x[0] + d[1] * x[1] + d[2] * x[2] + lines.offset).T.astype(theta.dtype)]
        turns = []
        for turned in self._held:
            missing, rows = turned.rows(frames)
            values.append(missing)
            turns.append(rows)
        values.append((theta[:, self._parameter] - self._wanted) / self._unit)
        return State(np.concatenate(values, axis=1, dtype=theta.dtype), frames, sites, turns)

    def jacobian(self, state: State, chosen: Mask, columns: Indices, scale: Array) -> Array:
        """Derivatives [n, rows, columns] of chosen [m] rows by parameters in units of scale [columns].

        Rows of turns and of parameters are always chosen.
        """
        screws = self.links.screws(state.frames).take(columns, 1).transpose(2, 0, 1)
        screws = np.multiply(screws, scale, order="C")
        blocks = [self._lines.jacobian(self._table, state.sites, screws, chosen[: self.lines], columns)]
        for turned, rows in zip(self._held, state.turns, strict=True):
            blocks.append((rows.astype(screws.dtype) @ screws[:, :3]) * turned.mask[columns])
        if len(self._parameter):
            one = (self._parameter[:, None] == columns) * scale / self._unit[:, None]
            blocks.append(np.broadcast_to(one, (len(screws), *one.shape)))
        return np.concatenate(blocks, axis=1, dtype=screws.dtype) if len(blocks) > 1 else blocks[0]

    def errors(self, values: Array, goals: Sequence[Goal]) -> Array:
        """How far poses are from their goals [n, goals], of the rows' values [n, m]: armature lengths or radians."""
        missed = np.where(self.free, np.minimum(values, 0.0), values)
        moves = np.concatenate([np.full(self.lines, self.links.size), np.ones(len(self.goal) - self.lines)])
        moves[len(moves) - len(self._unit) :] = self._unit
        squares = np.zeros((len(values), len(goals)))
        np.add.at(squares.T, self.goal, ((missed * moves) ** 2).T)
        return np.sqrt(squares)


def _lines_of(goal: OnPoint) -> list[tuple[Array, Any, bool, float]]:
    """Direction, offset, whether only values below zero count, and spread, of each row of a goal on a point."""
    if isinstance(goal, At | Near):
        spread = goal.sd if isinstance(goal, Near) else 0.0
        return [(axis, -float(axis @ goal.target), False, spread) for axis in np.eye(3)]
    if isinstance(goal, Beyond):
        length = np.linalg.norm(goal.normal)
        return [(goal.normal / length, goal.offset / length, True, 0.0)]
    inverse = np.linalg.inv(goal.matrix)[:3]
    lengths = np.linalg.norm(inverse[:, :3], axis=1)
    return [(sign * row[:3] / length, (sign * row[3] + 1.0) / length, True, 0.0)
            for row, length in zip(inverse, lengths, strict=True) for sign in (1.0, -1.0)]


def _parameter(links: Links, goal: Angle) -> int:
    if goal.parameter not in links.joints.names:
        raise ValueError(f"goal {goal.name!r}: no joint has a parameter {goal.parameter!r}, as BONE.x or BONE.move_x")
    return links.joints.names.index(goal.parameter)


def _bone(links: Links, bone: str, name: str) -> int:
    if bone not in links.joints.armature.names:
        raise ValueError(f"goal {name!r}: the armature has no bone {bone!r}")
    return links.joints.armature.names.index(bone)


class _Sites:
    """Places fixed to links, each counted once: x = M [o, w], a weighted sum of places where w is not 1."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._known: dict[tuple, int] = {}
        self._points: list[list[int]] = []

    def point(self, point: Point, name: str) -> int:
        """The number of a point; its places on one link become one."""
        sums: dict[int, Array] = {}
        for bone, offset, weight in zip(point.bones, point.offsets, point.weights, strict=True):
            row = _bone(self._links, bone, name)
            place = self._links.bone_fixed[row] @ np.array((*offset, 1.0)) * weight
            link = int(self._links.bone_link[row])
            sums[link] = sums.get(link, 0.0) + place
        self._points.append([self.site(link, place) for link, place in sums.items()])
        return len(self._points) - 1

    def site(self, link: int, place: Array) -> int:
        """The number of a place [4] on a link."""
        return self._known.setdefault((link, *place.tolist()), len(self._known))

    def parts(self, point: int) -> list[int]:
        """The sites of a point."""
        return self._points[point]

    def finish(self) -> None:
        """Make arrays: link [K], place [4, K], sums [points, K]; own [points], where every point is one site."""
        self.link = np.array([link for link, *_ in self._known], int)
        self.place = np.array([place for _, *place in self._known], float).reshape(-1, 4).T
        self.summed = any(len(parts) > 1 for parts in self._points)
        self.own = np.array([parts[0] for parts in self._points], int)
        self.sums = np.zeros((len(self._points), len(self._known)))
        for point, parts in enumerate(self._points):
            self.sums[point, parts] = 1.0


class _Lines:
    """Rows d . x + e of points."""

    def __init__(self) -> None:
        self.goal: list[int] = []
        self.free: list[bool] = []
        self.spread: list[float] = []
        self._given: list[tuple[int, Array, float]] = []

    def add(self, goal: int, point: int, direction: Array, offset: float, free: bool, spread: float) -> None:
        """Note one row."""
        self.goal.append(goal)
        self.free.append(free)
        self.spread.append(spread)
        self._given.append((point, direction, offset))

    def finish(self, table: _Sites, links: Links) -> None:
        """Make arrays, lengths in sizes; and the levers: each moves a row by some of the parameters, at one site."""
        self.point = np.array([point for point, _, _ in self._given], int)
        self.direction = np.array([d for _, d, _ in self._given]).reshape(-1, 3).T[..., None] / links.size
        self.offset = np.array([offset for _, _, offset in self._given])[:, None] / links.size
        levers = {point: _levers(table, point) for point in set(self.point.tolist())}
        flat = [(row, *lever) for row, point in enumerate(self.point.tolist()) for lever in levers[point]]
        self._row = np.array([row for row, _, _ in flat], int)
        self._site = np.array([site for _, site, _ in flat], int)
        self._mask = np.array([mask for _, _, mask in flat], bool).reshape(len(flat), links.joints.P)
        self._many = len(flat) > len(self._given)
        table.finish()

    def moved(self) -> Mask:
        """Which parameters [P] move any row."""
        return self._mask.any(axis=0)

    def jacobian(self, table: _Sites, sites: Array, screws: Array, chosen: Mask, columns: Indices) -> Array:
        """Derivatives [n, rows, columns] of the chosen rows."""
        if not chosen.any():
            return np.empty((len(screws), 0, len(columns)), screws.dtype)
        lever = np.flatnonzero(chosen[self._row])
        row, site = self._row[lever], self._site[lever]
        x, d = sites[:, site], self.direction[:, row]
        arms = np.empty((6, *x.shape[1:]), screws.dtype)
        for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            arms[i] = x[j] * d[k] - x[k] * d[j]
        arms[3:] = -d * table.place[3, site, None]
        parts = np.ascontiguousarray(arms.transpose(2, 1, 0)) @ screws
        parts *= self._mask[lever][:, columns]
        return np.add.reduceat(parts, np.flatnonzero(np.diff(row, prepend=-1)), axis=1) if self._many else parts


def _levers(table: _Sites, point: int) -> list[tuple[int, Mask]]:
    """The sites by which parameters [P] move a point, and which of them."""
    found = []
    for site in table.parts(point):
        link, *place = list(table._known)[site]
        for head, mask in table._links.levers(link):
            found.append((table.site(head, np.array([0.0, 0.0, 0.0, place[3]])) if head else site, mask))
    return found


class _Turned:
    """A bone that is to face or to point somewhere."""

    def __init__(self, links: Links, goal: Along | Facing) -> None:
        bone = _bone(links, goal.bone, goal.name)
        self._link = int(links.bone_link[bone])
        self._scale = links.scale[self._link]
        self.mask = links.turned[self._link]
        fixed = links.bone_fixed[bone, :3, :3]
        self._fixed: Array
        self._ask: Callable[[Array, Array], tuple[Array, Array]]
        if isinstance(goal, Along):
            axis = fixed @ goal.axis
            self._fixed, self._ask = axis / np.linalg.norm(axis), to_point
            self._wanted = goal.direction / np.linalg.norm(goal.direction)
        else:
            square = squared(fixed)
            self._fixed, self._ask = square / np.linalg.norm(square, axis=0), to_face
            self._wanted = rotations.to_matrix(rotations.normalize(goal.quaternion))

    def rows(self, frames: Frames) -> tuple[Array, Array]:
        """Values [n, rows], and their derivatives [n, rows, 3] by turns of the bone."""
        turn = (frames.linear[:, :, self._link] / self._scale).transpose(2, 0, 1)
        return self._ask(turn @ self._fixed, self._wanted)
