# SPDX-License-Identifier: Apache-2.0
"""What may be asked of a model, in data units, and its compilation to evidence in model units.

Known variables, Gaussian priors and linear equalities become *observations*, half-spaces and boxes *inequalities*
(`evidence.py`), which is all that a layer needs to know of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .evidence import Classes, Evidence, Functionals, Inequalities, Observations
from .schema import HUGE, Schema

Number = float | np.ndarray


@dataclass(frozen=True)
class Known:
    """Variables with given values (scalars, or arrays of one value a sample); class labels for categorical ones."""

    values: Mapping[str, Number | str]
    weight: Number = 1.0


@dataclass(frozen=True)
class GaussianPrior:
    """Independent normal priors: name -> (mean, standard deviation), data units."""

    priors: Mapping[str, tuple[Number, Number]]
    weight: Number = 1.0


@dataclass(frozen=True)
class HalfSpace:
    """sum of normal[name] * x[name] + offset > 0, data units."""

    normal: Mapping[str, float]
    offset: Number = 0.0
    weight: Number = 1.0


@dataclass(frozen=True)
class LinearEquality:
    """sum of normal[name] * x[name] + offset = 0, data units."""

    normal: Mapping[str, float]
    offset: Number = 0.0
    weight: Number = 1.0


@dataclass(frozen=True)
class Box:
    """min < x[name] < max, data units; an infinite limit is no limit."""

    limits: Mapping[str, tuple[Number, Number]]
    weight: Number = 1.0


Condition = Known | GaussianPrior | HalfSpace | LinearEquality | Box


class _Row:
    """One functional while compiling: coefficients in model units, and a column per sample for the rest."""

    def __init__(self, coefficients: dict[int, float], value: Number, noise: Number, weight: Number) -> None:
        self.coefficients, self.value, self.noise, self.weight = coefficients, value, noise, weight


def compile_conditions(conditions: Sequence[Condition], schema: Schema, count: int) -> Evidence:
    """Conditions in data units as evidence in model units (NumPy, float64); ValueError names what is wrong."""
    observed, unequal = [], []
    codes = np.zeros((1, len(schema.categorical_streams)))
    weights = np.zeros_like(codes)
    for condition in conditions:
        _check_kind(condition)
        _weight(condition, count)
        if isinstance(condition, Known):
            labels = {n: v for n, v in condition.values.items() if schema.column(n) in schema.categorical_columns}
            codes, weights = _set_classes(codes, weights, labels, condition.weight, schema, count)
            observed += _known(condition, labels, schema, count)
        elif isinstance(condition, GaussianPrior):
            observed += _priors(condition, schema, count)
        elif isinstance(condition, LinearEquality):
            observed.append(_linear(condition, schema, count, "LinearEquality", sign=-1.0))
        elif isinstance(condition, HalfSpace):
            unequal.append(_linear(condition, schema, count, "HalfSpace", sign=1.0))
        else:
            unequal += _box(condition, schema, count)
    _known_once([c for c in conditions if isinstance(c, Known)])
    return _assemble(observed, unequal, Classes(codes, weights), schema)


def _known_once(conditions: list[Known]) -> None:
    given = set()
    for condition in conditions:
        for name, value in condition.values.items() if np.any(np.asarray(condition.weight) > 0) else ():
            if name in given:
                raise ValueError(f"Known: {name!r} is given twice, the second time as {value!r}")
            given.add(name)


def _known(condition: Known, labels: Mapping, schema: Schema, count: int) -> list[_Row]:
    rows = []
    for name, value in condition.values.items():
        if name in labels:
            continue
        i = schema.real_index(name)
        value = _number(value, count, "Known", name)
        rows.append(_Row({i: 1.0}, (value - schema.offset[i]) / schema.scale[i], 0.0, condition.weight))
    return rows


def _priors(condition: GaussianPrior, schema: Schema, count: int) -> list[_Row]:
    rows = []
    for name, pair in condition.priors.items():
        mean, sd = _pair(pair, count, "GaussianPrior", name)
        if np.any(sd <= 0):
            raise ValueError(f"GaussianPrior: standard deviation of {name!r} must be positive, got {pair[1]!r}")
        i = schema.real_index(name)
        noise = (sd / schema.scale[i]) ** 2
        rows.append(_Row({i: 1.0}, (mean - schema.offset[i]) / schema.scale[i], noise, condition.weight))
    return rows


def _linear(condition: HalfSpace | LinearEquality, schema: Schema, count: int, kind: str, sign: float) -> _Row:
    """a.x + b with x = offset + scale * u, divided by the length of its normal in model units."""
    coefficients, b = {}, _number(condition.offset, count, kind, "offset")
    for name, a in condition.normal.items():
        i = schema.real_index(name)
        a = float(_number(a, 1, kind, name))
        coefficients[i] = a * schema.scale[i]
        b = b + a * schema.offset[i]
    length = float(np.sqrt(sum(a * a for a in coefficients.values())))
    if length == 0:
        raise ValueError(f"{kind}: the normal is zero, got {dict(condition.normal)!r}")
    coefficients = {i: a / length for i, a in coefficients.items() if a}
    return _Row(coefficients, sign * b / length, 0.0, condition.weight)


def _box(condition: Box, schema: Schema, count: int) -> list[_Row]:
    rows = []
    for name, pair in condition.limits.items():
        low, high = _pair(pair, count, "Box", name, infinite=True)
        if np.any(low >= high):
            raise ValueError(f"Box: {name!r} needs min < max, got {pair!r}")
        i = schema.real_index(name)
        for limit, sign in ((low, 1.0), (high, -1.0)):
            if np.all(np.isfinite(limit)):
                b = sign * (schema.offset[i] - limit) / schema.scale[i]
                rows.append(_Row({i: sign}, b, 0.0, condition.weight))
            elif np.any(np.isfinite(limit)):
                raise ValueError(f"Box: a limit of {name!r} is infinite for some samples only")
    return rows


def _set_classes(
    codes: np.ndarray, weights: np.ndarray, labels: Mapping, weight: Number, schema: Schema, count: int
) -> tuple[np.ndarray, np.ndarray]:
    for name, label in labels.items():
        c = int(np.searchsorted(schema.categorical_columns, schema.column(name)))
        values = np.atleast_1d(np.asarray(label, dtype=object))
        if values.shape not in ((1,), (count,)):
            raise ValueError(f"Known: {name!r} needs one class or {count}, got {len(values)}")
        column = np.array([schema.class_code(name, v) for v in values], dtype=float)
        rows = max(len(codes), len(column), np.size(weight))
        codes, weights = (np.broadcast_to(a, (rows, a.shape[1])).copy() for a in (codes, weights))
        unknown = np.asarray(weight) == 0  # keeps what another condition says
        codes[:, c], weights[:, c] = np.where(unknown, codes[:, c], column), np.where(unknown, weights[:, c], weight)
    return codes, weights


def _assemble(observed: list[_Row], unequal: list[_Row], classes: Classes, schema: Schema) -> Evidence:
    observations = inequalities = None
    parts: list[np.ndarray] = []
    count = len(schema.real_columns)
    observed = [r for r in observed if np.any(np.asarray(r.weight) > 0)]  # a multiplier of 0 is "unknown"
    unequal = [r for r in unequal if np.any(np.asarray(r.weight) > 0)]
    if observed:
        z, noise, weight = (_stack([getattr(r, part) for r in observed]) for part in ("value", "noise", "weight"))
        observations = Observations(_functionals(observed, count), z, noise, weight)
        parts += [z, noise, weight]
    if unequal:
        b, weight = (_stack([getattr(r, part) for r in unequal]) for part in ("value", "weight"))
        inequalities = Inequalities(_functionals(unequal, count), b, weight, _shared(observed, unequal))
        parts += [b, weight]
    known = classes if np.any(classes.weight) else None
    parts += [classes.codes] if known else []
    return Evidence(observations, inequalities, known, max(map(len, parts), default=1))


def _stack(columns: list[Number]) -> np.ndarray:
    """Columns as [1, M], or as [B, M] where one of them differs per sample."""
    arrays = [np.atleast_1d(np.asarray(c, dtype=float)) for c in columns]
    rows = max(map(len, arrays))
    return np.stack([np.broadcast_to(a, rows) for a in arrays], axis=1)


def _functionals(rows: list[_Row], count: int) -> Functionals:
    used = [i for r in rows for i in r.coefficients]
    disjoint = len(set(used)) == len(used)
    if all(list(r.coefficients.values()) == [1.0] for r in rows):
        return Functionals(np.array(used, dtype=np.intp), None, disjoint)
    matrix = np.zeros((len(rows), count))
    for row, functional in zip(matrix, rows, strict=True):
        row[list(functional.coefficients)] = list(functional.coefficients.values())
    return Functionals(None, matrix, disjoint)


def _shared(observed: list[_Row], unequal: list[_Row]) -> np.ndarray | None:
    used = {i for r in unequal for i in r.coefficients}
    rows = [m for m, r in enumerate(observed) if used & set(r.coefficients)]
    return np.array(rows, dtype=np.intp) if rows else None


def _check_kind(condition: object) -> None:
    if not isinstance(condition, Condition):
        raise ValueError(f"a condition must be Known, GaussianPrior, HalfSpace, LinearEquality or Box, "
                         f"got {condition!r}")
    what, table = next(iter(vars(condition).items()))
    if not isinstance(table, Mapping):
        raise ValueError(f"{type(condition).__name__}: {what} must be a dict by variable, got {table!r}")


def _weight(condition: Condition, count: int) -> None:
    weight = _number(condition.weight, count, type(condition).__name__, "weight")
    if np.any(weight < 0):
        raise ValueError(f"{type(condition).__name__}: weight must not be negative, got {condition.weight!r}")


def _number(value: object, count: int, kind: str, name: str, infinite: bool = False) -> np.ndarray:
    try:
        number = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{kind}: {name!r} must be a number, got {value!r}") from None
    if number.shape not in ((), (1,), (count,)):
        raise ValueError(f"{kind}: {name!r} must be one number or {count} of them, got shape {number.shape}")
    if np.any(np.isnan(number)) or (not infinite and not np.all(np.abs(number) < HUGE)):
        raise ValueError(f"{kind}: {name!r} must be finite, got {value!r}")
    return number


def _pair(pair: object, count: int, kind: str, name: str, infinite: bool = False) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"{kind}: {name!r} needs a pair of numbers, got {pair!r}")
    first, second = (_number(p, count, kind, name, infinite) for p in pair)
    return first, second
