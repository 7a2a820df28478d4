# SPDX-License-Identifier: Apache-2.0
"""What may be asked of a model, and its compilation to arrays in model units.

Known variables, Gaussian priors and linear equalities become *observations* z = A x + e, e ~ N(0, R);
half-spaces and boxes become rows a.x + b > 0. Both are affine functionals of a layer's input and stay so
in its residual (paper, Sec. 3.5), which is all that `layer.py` needs to know of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from .arrays import Array, namespace
from .schema import Schema

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


@dataclass(frozen=True)
class Functionals:
    """M linear functionals a_i.x of N variables: either unit rows (`columns` [M]) or a dense `matrix` [M, N]."""

    columns: Array | None
    matrix: Array | None
    disjoint: bool  # no variable occurs in two rows: the functionals are independent under a diagonal covariance

    def apply(self, mean: Array) -> Array:
        """a_i.mu_k, [K, M], of means [K, N]."""
        return mean[:, self.columns] if self.matrix is None else mean @ self.matrix.T

    def variances(self, variance: Array) -> Array:
        """Variances of a_i.x, [k, M], under diagonal covariances [k, N]."""
        return variance[:, self.columns] if self.matrix is None else variance @ (self.matrix * self.matrix).T

    def take(self, rows: Array) -> Functionals:
        """Some of the rows."""
        columns = None if self.columns is None else self.columns[rows]
        return Functionals(columns, None if self.matrix is None else self.matrix[rows], self.disjoint)

    def dense(self, count: int, like: Array) -> Array:
        """The rows as a matrix [M, N] of N = count columns."""
        if self.matrix is not None:
            return self.matrix
        xp = namespace(like)
        return xp.asarray(np.eye(count)[xp.numpy(self.columns)], like)


@dataclass(frozen=True)
class Observations:
    """z = A x + e, e ~ N(0, noise); every row has a weight (paper's multiplier m). z, noise, weight: [1 or B, M]."""

    rows: Functionals
    z: Array
    noise: Array
    weight: Array

    def take(self, rows: Array) -> Observations:
        """Some of the rows."""
        return Observations(self.rows.take(rows), self.z[:, rows], self.noise[:, rows], self.weight[:, rows])


@dataclass(frozen=True)
class Inequalities:
    """a.x + b > 0 with weights. b, weight: [1 or B, H]; shared: the observations that share a variable with a row."""

    rows: Functionals
    b: Array
    weight: Array
    shared: Array | None


@dataclass(frozen=True)
class Classes:
    """Observed classes of the categorical streams; weight 0 where unknown. Both [1 or B, C]."""

    codes: Array
    weight: Array


@dataclass(frozen=True)
class Evidence:
    """All that is known about a layer's input; `rows` is the number of different cases: 1, or one a sample."""

    observations: Observations | None
    inequalities: Inequalities | None
    classes: Classes | None
    rows: int


class _Row:
    """One functional while compiling: coefficients in model units, and a column per sample for the rest."""

    def __init__(self, coefficients: dict[int, float], value: Number, noise: Number, weight: Number) -> None:
        self.coefficients, self.value, self.noise, self.weight = coefficients, value, noise, weight


def compile_conditions(conditions: list[Condition], schema: Schema, count: int) -> Evidence:
    """Conditions in data units as evidence in model units (NumPy, float64); ValueError names what is wrong."""
    observed, unequal = [], []
    codes = np.zeros((1, len(schema.categorical_streams)))
    weights = np.zeros_like(codes)
    for condition in conditions:
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
        elif isinstance(condition, Box):
            unequal += _box(condition, schema, count)
        else:
            raise ValueError(f"a condition must be Known, GaussianPrior, HalfSpace, LinearEquality or Box, "
                             f"got {type(condition).__name__}")
    return _assemble(observed, unequal, Classes(codes, weights), schema)


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
        codes[:, c], weights[:, c] = column, weight
    return codes, weights


def _assemble(observed: list[_Row], unequal: list[_Row], classes: Classes, schema: Schema) -> Evidence:
    observations = inequalities = None
    count = len(schema.real_columns)
    observed = [r for r in observed if np.any(np.asarray(r.weight) > 0)]  # a multiplier of 0 is "unknown"
    unequal = [r for r in unequal if np.any(np.asarray(r.weight) > 0)]
    if observed:
        z, noise, weight = _stack(observed)
        observations = Observations(_functionals(observed, count), z, noise, weight)
    if unequal:
        b, _, weight = _stack(unequal)
        inequalities = Inequalities(_functionals(unequal, count), b, weight, _shared(observed, unequal))
    known = classes if np.any(classes.weight) else None
    parts = [observations and observations.z, inequalities and inequalities.b, known and known.codes]
    sizes = [len(p) for p in parts if p is not None]
    return Evidence(observations, inequalities, known, max(sizes, default=1))


def _stack(rows: list[_Row]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, noises and weights as [1 or B, M] each: all of them have B rows if one differs per sample."""
    table = [np.atleast_1d(np.asarray(v, dtype=float)) for r in rows for v in (r.value, r.noise, r.weight)]
    count = max(len(v) for v in table)
    full = np.stack([np.broadcast_to(v, count) for v in table], axis=1)
    return full[:, 0::3].copy(), full[:, 1::3].copy(), full[:, 2::3].copy()


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


def to_arrays(evidence: Evidence, like: Array) -> Evidence:
    """The same evidence as arrays of like's kind, type and device."""
    xp = namespace(like)

    def convert(value: Array) -> Array:
        return xp.asarray(value, like)

    def rows(f: Functionals) -> Functionals:
        columns = None if f.columns is None else xp.integers(f.columns, like)
        return Functionals(columns, None if f.matrix is None else convert(f.matrix), f.disjoint)

    o, i, c = evidence.observations, evidence.inequalities, evidence.classes
    return Evidence(
        o and Observations(rows(o.rows), convert(o.z), convert(o.noise), convert(o.weight)),
        i and Inequalities(rows(i.rows), convert(i.b), convert(i.weight),
                           None if i.shared is None else xp.integers(i.shared, like)),
        c and Classes(xp.integers(c.codes.astype(np.intp), like), convert(c.weight)),
        evidence.rows,
    )


def shift(evidence: Evidence, case: Array, observed: Array | None, unequal: Array | None) -> Evidence:
    """The evidence about x - mu (paper, Sec. 3.5): z - A mu and b + a.mu, for the cases [U] of the rows given."""
    many = evidence.rows > 1

    def pick(x: Array) -> Array:
        return x[case] if many and len(x) > 1 else x

    o, i, c = evidence.observations, evidence.inequalities, evidence.classes
    return Evidence(
        o and replace(o, z=pick(o.z) - observed, noise=pick(o.noise), weight=pick(o.weight)),
        i and replace(i, b=pick(i.b) + unequal, weight=pick(i.weight)),
        c and Classes(pick(c.codes), pick(c.weight)),
        len(case),
    )


def _weight(condition: Condition, count: int) -> None:
    weight = _number(getattr(condition, "weight", 1.0), count, type(condition).__name__, "weight")
    if np.any(weight < 0):
        raise ValueError(f"{type(condition).__name__}: weight must not be negative, got {condition.weight!r}")


def _number(value: object, count: int, kind: str, name: str, infinite: bool = False) -> np.ndarray:
    try:
        number = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{kind}: {name!r} must be a number, got {value!r}") from None
    if number.shape not in ((), (1,), (count,)):
        raise ValueError(f"{kind}: {name!r} must be one number or {count} of them, got shape {number.shape}")
    if np.any(np.isnan(number)) or (not infinite and not np.all(np.isfinite(number))):
        raise ValueError(f"{kind}: {name!r} must be finite, got {value!r}")
    return number


def _pair(pair: object, count: int, kind: str, name: str, infinite: bool = False) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"{kind}: {name!r} needs a pair of numbers, got {pair!r}")
    first, second = (_number(p, count, kind, name, infinite) for p in pair)
    return first, second
