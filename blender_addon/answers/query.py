# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scene asks of a pose, gathered for the engine, and what the engine answered, in an animator's units."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

import drmm_engine as drmm
from drmm_engine.body import posing, solver
from drmm_engine.body.rig import Rig

from .. import rig as rigs
from ..conditions import goals as engine
from ..conditions import read
from ..conditions.space import Space

Array = NDArray[np.float64]
TURNS = (solver.Along, solver.Facing, solver.Angle)
NAMED = 3  # that many conditions that are missed are named
SOFT = (solver.Near,)  # asked to be near, not to be there


@dataclass(frozen=True)
class Query:
    """Goals in the armature's space, the row that each is of, and the pose now.

    `held` `[P]`: parameters of locked bones; `unit` `[goals]`: millimetres, or degrees, of one unit of an error;
    `met` `[goals]`: errors up to which goals are met, infinite for those that only wish.
    """

    rig: Rig
    goals: list
    rows: list[int]
    theta: Array
    held: NDArray[np.bool_]
    unit: Array
    met: Array

    def meets(self, error: Array) -> bool:
        """Whether an answer with errors `[goals]` meets all that is asked."""
        return bool((np.asarray(error) <= self.met).all())


def described(armature: bpy.types.Object) -> Rig:
    """The rig as it stands, with every bone that a condition is on."""
    bones = armature.data.bones
    return rigs.read(armature, also=tuple({row.bone for row in armature.drmm.conditions if row.bone in bones}))


def gather(armature: bpy.types.Object, scene: bpy.types.Scene) -> Query:
    """What an armature's conditions ask now; ValueError says which of them cannot be read."""
    rig = described(armature)
    return ask(armature, scene, rig, rigs.theta(armature, rig.joints))


def ask(armature: bpy.types.Object, scene: bpy.types.Scene, rig: Rig, theta: Array) -> Query:
    """What an armature's conditions ask of a rig that was read, from a pose on."""
    rows = read.rows(armature, scene)
    if not rows:
        raise ValueError(f"{armature.name!r} has no condition in use; add one for a hand, a foot or the head")
    rig = engine.narrowed(rig, rows)
    goals, numbers = engine.goals(rows, rig)
    length = Space.of(armature.matrix_world, armature.name).scale * scene.unit_settings.scale_length * 1000.0
    unit = np.array([np.degrees(1.0) if isinstance(goal, TURNS) else length for goal in goals])
    met = np.array([_met(goal, rig) for goal in goals])
    return Query(rig, goals, numbers, np.asarray(theta, float), _held(armature, rig), unit, met)


def answer(
    model: drmm.Model, query: Query, count: int, seed: int = 0, near: Array | None = None
) -> posing.Answers:
    """Poses that meet a query, best first."""
    return posing.answer(
        model, query.rig, query.goals, query.theta, count=count, seed=seed, held=query.held, near=near
    )


def near(query: Query, rounds: int) -> tuple[Array, Array]:
    """The pose next to the one now that meets a query as well as some rounds get, `[P]`, and its errors `[goals]`."""
    theta, error = solver.solved(query.rig.joints, query.theta[None], query.goals, query.held, rounds)
    return theta[0], error[0]


def worst(query: Query, error: Array) -> tuple[float, float]:
    """The largest miss of an answer's errors `[goals]` in millimetres, in degrees; wishes apart."""
    shown = np.where(np.isfinite(query.met), np.asarray(error, float) * query.unit, 0.0)
    turn = np.array([isinstance(goal, TURNS) for goal in query.goals], bool)
    return float(max(shown[~turn], default=0.0)), float(max(shown[turn], default=0.0))


def missed(query: Query, error: Array) -> str:
    """The goals that an answer does not meet, worst first, with how far; empty where it meets all."""
    wide = _unmet(query, error)
    told = [f"{query.goals[goal].name} {_measure(query, error, goal)}" for goal in wide[:NAMED]]
    return ", ".join(told) + (f" and {len(wide) - NAMED} more" if len(wide) > NAMED else "")


def by_row(query: Query, error: Array) -> dict[int, str]:
    """How far an answer misses each row of the list that it does not meet, at its worst goal."""
    return {query.rows[goal]: _measure(query, error, goal) for goal in reversed(_unmet(query, error))}


def _unmet(query: Query, error: Array) -> list[int]:
    """The goals that errors `[goals]` do not meet, the worst first."""
    parts = np.asarray(error, float) / query.met
    return [int(goal) for goal in np.argsort(-parts, kind="stable") if parts[goal] > 1.0]


def _measure(query: Query, error: Array, goal: int) -> str:
    size = error[goal] * query.unit[goal]
    return f"{size:.1f}°" if isinstance(query.goals[goal], TURNS) else f"{size:.0f} mm"


def _met(goal: object, rig: Rig) -> float:
    if isinstance(goal, SOFT):
        return np.inf
    return posing.MET_ANGLE if isinstance(goal, TURNS) else posing.MET_PLACE * rig.stature


def _held(armature: bpy.types.Object, rig: Rig) -> NDArray[np.bool_]:
    """Which parameters are of bones that are locked."""
    locked = set(read.locked(armature))
    return np.array([name.rpartition(".")[0] in locked for name in rig.joints.names], bool)
