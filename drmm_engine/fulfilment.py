# SPDX-License-Identifier: Apache-2.0
"""How well the samples of a draw meet each of its conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .clauses import Clause, clauses, of_samples
from .conditions import Condition, Number
from .schema import Schema

EXACT = 1e-3  # a value is met within this share of its variables' scale
ROUNDING = 1e-9  # the same of an inequality
NEAR = 2.0  # a prior is met within so many standard deviations


@dataclass(frozen=True)
class Line:
    """How one clause of a query is met, sample by sample.

    miss [count]: how far it is missed, in `unit`: of a value or a linear equality the distance from it, of a half-space
    or a box the distance outside, along the unit normal in data units (0: met); of a prior the standard deviations from
    its mean; of a class 1 where it is another. met [count]. NaN and False where a sample's weight is 0.
    """

    text: str
    unit: str
    weight: Number
    miss: np.ndarray
    met: np.ndarray

    @property
    def share(self) -> float:
        """Of the samples that are asked for it, the share that meets it."""
        return float(self.met.sum() / np.isfinite(self.miss).sum())

    @property
    def mean(self) -> float:
        """Mean miss."""
        return float(np.nanmean(self.miss))

    @property
    def worst(self) -> float:
        """Largest miss."""
        return float(np.nanmax(self.miss))


@dataclass(frozen=True)
class Fulfilment:
    """One `Line` a clause; as text a table for people.

    Example:
        >>> print(model.sample([drmm.Known({"x": 0.5}), drmm.HalfSpace({"y": 1.0})]).fulfilment())
        condition        weight   met  mean miss  worst miss
        Known x = 0.5         1  100%        0 m         0 m
        HalfSpace y > 0       1   94%    0.012 m      0.31 m
    """

    lines: tuple[Line, ...]

    def __str__(self) -> str:
        """The table."""
        if not self.lines:
            return "no conditions"
        rows: list[tuple[str, ...]] = [("condition", "weight", "met", "mean miss", "worst miss")]
        for x in self.lines:
            weights = dict.fromkeys(f"{w:.3g}" for w in (np.min(x.weight), np.max(x.weight)))
            misses = (f"{miss:.2g} {x.unit}".rstrip() for miss in (x.mean, x.worst))
            rows.append((x.text, "..".join(weights), f"{_percent(x.share)}%", *misses))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join([row[0].ljust(widths[0]), *(
            cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]) for row in rows)

    def to_json(self) -> list[dict]:
        """One object a line: condition, unit, met (share of samples), mean_miss, worst_miss."""
        return [{"condition": x.text, "unit": x.unit, "met": x.share, "mean_miss": x.mean, "worst_miss": x.worst}
                for x in self.lines]


def fulfilment(conditions: Sequence[Condition], schema: Schema, values: np.ndarray, rows: np.ndarray) -> Fulfilment:
    """How samples [B, variables] in data units meet conditions; rows [B]: each sample's place in per-sample numbers."""
    return Fulfilment(tuple(_line(clause, schema, values, rows) for clause in clauses(conditions, schema)))


def _line(clause: Clause, schema: Schema, values: np.ndarray, rows: np.ndarray) -> Line:
    columns = [schema.column(name) for name in clause.normal]
    distance, unit = clause.distance(schema, values, rows), _unit(schema, columns)
    if clause.sd is not None:
        distance, unit, tolerance = distance / of_samples(clause.sd, rows), "sd", NEAR
    elif clause.label is not None:
        distance, unit, tolerance = 1.0 * (distance > 0), "class", 0.0
    else:
        a = np.array(list(clause.normal.values()), dtype=float)
        scale = np.array([schema.variables[i].scale for i in columns])
        share = EXACT if np.all(np.equal(clause.low, clause.high)) else ROUNDING
        tolerance = share * np.linalg.norm(a * scale) / np.linalg.norm(a)
    asked = of_samples(clause.weight, rows) > 0
    return Line(clause.text, unit, clause.weight, np.where(asked, distance, np.nan), asked & (distance <= tolerance))


def _unit(schema: Schema, columns: list[int]) -> str:
    units = {schema.variables[i].unit for i in columns}
    return units.pop() if len(units) == 1 else "in mixed units"


def _percent(share: float) -> int:
    """Whole percents; 0 and 100 are said of none and of all alone."""
    return int(np.clip(round(100 * share), 1 if share > 0 else 0, 99 if share < 1 else 100))
