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
    """M linear functionals a_i.x of N variables: unit rows (`columns` [M], or a slice), or a `matrix` [M, N] or one a
    case, [U, M, N]."""

    columns: Array  # or a slice, or None
    matrix: Array  # or None
    disjoint: bool  # no variable occurs in two rows: the functionals are independent under a diagonal covariance

    @property
    def shared(self) -> bool:
        """Whether they are the same in all cases."""
        return self.matrix is None or self.matrix.ndim == 2

    def apply(self, x: Array) -> Array:
        """a_i.x_k, [..., K, M], of points [..., K, N]."""
        return x[..., self.columns] if self.matrix is None else x @ self.matrix.swapaxes(-1, -2)

    def apply_each(self, points: Array, h: Array) -> Array:
        """a_i.x_h, [U, M], of one point of [K, N] a case, h [U]."""
        take = namespace(points).take
        return take(self.apply(points), h) if self.shared else self.apply(take(points, h)[:, None])[:, 0]

    def take(self, rows: Array) -> Functionals:
        """Some of the rows."""
        columns = None if self.columns is None else self.columns[rows]
        return Functionals(columns, None if self.matrix is None else self.matrix[..., rows, :], self.disjoint)

    def cases(self, case: Array) -> Functionals:
        """The functionals of some of the cases."""
        return self if self.shared else replace(self, matrix=self.matrix[case])

    def dense(self, like: Array) -> Array:
        """The rows as a matrix, [M, N] or [U, M, N]; like [..., N]."""
        if self.matrix is not None:
            return self.matrix
        xp = namespace(like)
        columns = self.columns if isinstance(self.columns, slice) else xp.numpy(self.columns)
        return xp.asarray(np.eye(like.shape[-1])[columns], like)


@dataclass(frozen=True)
class Observations:
    """z = A x + e, e ~ N(0, noise); every row has a weight (paper's multiplier m). z, noise, weight: [1 or B, M].

    complete: every variable is known, hard and with weight 1, in its order. log_volume [U] (None: 0): log density of z
    as given less that of z as it stands here, which whitening has scaled. jitter, as noise (None: 0), keeps repeated
    observations apart where a matrix is inverted; it is no noise otherwise.
    """

    rows: Functionals
    z: Array
    noise: Array
    weight: Array
    complete: bool = False
    log_volume: Array = None
    jitter: Array = None

    def take(self, rows: Array) -> Observations:
        """Some of the rows."""
        jitter = None if self.jitter is None else self.jitter[:, rows]
        return Observations(self.rows.take(rows), self.z[:, rows], self.noise[:, rows], self.weight[:, rows],
                            jitter=jitter)


@dataclass(frozen=True)
class Inequalities:
    """a.x + b > 0 with weights. b, weight: [1 or B, H]; shared: the observations that share a variable with a row.

    floor [1, H]: the variance that a.x keeps where observations say it all, the same for every component, so that its
    truth is too, and cancels.
    """

    rows: Functionals
    b: Array
    weight: Array
    shared: Array | None
    floor: Array = None


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

    def take(self, case: Array) -> Evidence:
        """Of the cases [U]; what is the same in all cases stays one row."""
        def pick(x: Array) -> Array:
            return x if x is None or len(x) == 1 else x[case]

        o, i, c = self.observations, self.inequalities, self.classes
        return Evidence(
            o and replace(o, rows=o.rows.cases(case), z=pick(o.z), noise=pick(o.noise), weight=pick(o.weight),
                          log_volume=pick(o.log_volume), jitter=pick(o.jitter)),
            i and replace(i, rows=i.rows.cases(case), b=pick(i.b), weight=pick(i.weight)),
            c and Classes(pick(c.codes), pick(c.weight)),
            len(case),
        )


def to_arrays(evidence: Evidence, like: Array) -> Evidence:
    """The same evidence as arrays of like's kind, type and device."""
    xp = namespace(like)

    def convert(value: Array) -> Array:
        return xp.asarray(value, like)

    def optional(value: Array | None) -> Array | None:
        return None if value is None else convert(value)

    def rows(f: Functionals) -> Functionals:
        columns = None if f.columns is None else xp.integers(f.columns, like)
        return Functionals(columns, None if f.matrix is None else convert(f.matrix), f.disjoint)

    o, i, c = evidence.observations, evidence.inequalities, evidence.classes
    return Evidence(
        o and Observations(rows(o.rows), convert(o.z), convert(o.noise), convert(o.weight), o.complete,
                           optional(o.log_volume), optional(o.jitter)),
        i and Inequalities(rows(i.rows), convert(i.b), convert(i.weight),
                           None if i.shared is None else xp.integers(i.shared, like), optional(i.floor)),
        c and Classes(xp.integers(c.codes.astype(np.intp), like), convert(c.weight)),
        evidence.rows,
    )
