# SPDX-License-Identifier: Apache-2.0
"""What is known about a layer's input, as arrays in model units: all that `layer.py` needs to know of conditions.

*Observations* z = A x + e, e ~ N(0, R), and *inequalities* a.x + b > 0 are affine functionals of a layer's input and
stay so in its residual (paper, Sec. 3.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .arrays import Array, namespace


@dataclass(frozen=True)
class Functionals:
    """M linear functionals a_i.x of N variables: unit rows (`columns` [M], or a slice) or a dense `matrix` [M, N]."""

    columns: Array  # or a slice, or None
    matrix: Array  # or None
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


def shift(evidence: Evidence, case: Array | None, observed: Array | None, unequal: Array | None) -> Evidence:
    """The evidence about x - mu (paper, Sec. 3.5): z - A mu and b + a.mu, for the cases [U] of the rows (None: all)."""
    many = evidence.rows > 1 and case is not None

    def pick(x: Array) -> Array:
        return x[case] if many and len(x) > 1 else x

    o, i, c = evidence.observations, evidence.inequalities, evidence.classes
    return Evidence(
        o and replace(o, z=pick(o.z) - observed, noise=pick(o.noise), weight=pick(o.weight)),
        i and replace(i, b=pick(i.b) + unequal, weight=pick(i.weight)),
        c and Classes(pick(c.codes), pick(c.weight)),
        evidence.rows if case is None else len(case),
    )
