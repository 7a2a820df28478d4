# SPDX-License-Identifier: Apache-2.0
"""A query read line by line, in data units: each condition as the intervals, points and priors it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .conditions import Box, Condition, GaussianPrior, HalfSpace, Known, Number
from .schema import Schema


@dataclass(frozen=True)
class Clause:
    """low < a.x < high, or a.x = low = high, or of a prior (sd given) a.x ~ N(low, sd^2); a class is its number.

    kind: the condition it is of; normal: a by variable, data units; label: of a class. Numbers may be one a sample.
    """

    kind: str
    normal: Mapping[str, float]
    low: Number
    high: Number
    weight: Number
    sd: Number | None = None
    label: str | None = None

    @property
    def text(self) -> str:
        """The clause as its user wrote it."""
        if self.kind in ("HalfSpace", "LinearEquality"):
            return f"{self.kind} {_sum(self)} {'>' if self.kind == 'HalfSpace' else '='} 0"
        (name,) = self.normal
        if self.kind == "Box":
            return f"Box {_below(self.low)}{name}{_above(self.high)}"
        if self.sd is not None:
            return f"{self.kind} {name} ~ {_span(self.low)} +- {_span(self.sd)}"
        return f"{self.kind} {name} = {_span(self.low) if self.label is None else self.label}"

    def distance(self, schema: Schema, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """How far a.x of samples [B, variables] is outside of [low, high], along the unit normal, [B], data units."""
        a = np.zeros(values.shape[1])
        a[[schema.column(name) for name in self.normal]] = list(self.normal.values())
        at = values @ a
        outside = np.maximum(of_samples(self.low, rows) - at, at - of_samples(self.high, rows))
        return np.maximum(outside, 0.0) / np.linalg.norm(a)


def of_samples(number: Number, rows: np.ndarray) -> np.ndarray:
    """A number for all samples, or each sample's own by its row of the query, [B]."""
    each = np.atleast_1d(np.asarray(number, dtype=float))
    return each[rows] if len(each) > 1 else np.broadcast_to(each, rows.shape)


def clauses(conditions: Sequence[Condition], schema: Schema) -> list[Clause]:
    """The clauses of conditions that passed `compile_conditions`, in their order; none of weight 0."""
    out: list[Clause] = []
    for condition in conditions:
        if np.any(np.asarray(condition.weight) > 0):
            out += _read(condition, schema)
    return out


def _read(c: Condition, schema: Schema) -> list[Clause]:
    kind = type(c).__name__
    if isinstance(c, Known):
        return [_known(name, value, c.weight, schema) for name, value in c.values.items()]
    if isinstance(c, GaussianPrior):
        return [Clause(kind, {name: 1.0}, mean, mean, c.weight, sd) for name, (mean, sd) in c.priors.items()]
    if isinstance(c, Box):
        return [Clause(kind, {name: 1.0}, low, high, c.weight) for name, (low, high) in c.limits.items()]
    at = -np.asarray(c.offset, dtype=float)
    return [Clause(kind, c.normal, at, np.inf if isinstance(c, HalfSpace) else at, c.weight)]


def _known(name: str, value: Any, weight: Number, schema: Schema) -> Clause:
    stream = next((s for s in schema.categorical_streams if s.name == name), None)
    if stream is None:
        return Clause("Known", {name: 1.0}, value, value, weight)
    codes = np.array([schema.class_code(name, v) for v in np.atleast_1d(np.asarray(value, dtype=object))], dtype=float)
    label = stream.classes[int(codes[0])] if np.ptp(codes) == 0 else "each its own"
    return Clause("Known", {name: 1.0}, codes, codes, weight, label=label)


def _sum(c: Clause) -> str:
    """a.x + offset."""
    text = ""
    for name, a in c.normal.items():
        size = "" if abs(a) == 1 else f"{abs(a):.6g} "
        text += f"{_joint(text, a < 0)}{size}{name}"
    offset = -np.atleast_1d(c.low)
    if np.ptp(offset):
        return f"{text} + ({_span(offset)})"
    return f"{text}{_joint(text, offset[0] < 0)}{abs(offset[0]):.6g}" if offset[0] else text


def _joint(before: str, negative: bool) -> str:
    if not before:
        return "-" if negative else ""
    return " - " if negative else " + "


def _span(number: Number) -> str:
    """A number, or the range of what samples have each for themselves."""
    each = np.atleast_1d(np.asarray(number, dtype=float))
    low, high = each.min(), each.max()
    return f"{low:.6g}" if low == high else f"{low:.6g}..{high:.6g}"


def _below(low: Number) -> str:
    return "" if np.all(np.isinf(low)) else f"{_span(low)} < "


def _above(high: Number) -> str:
    return "" if np.all(np.isinf(high)) else f" < {_span(high)}"
