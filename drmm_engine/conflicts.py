# SPDX-License-Identifier: Apache-2.0
"""Conditions that no point meets together, named.

Every hard clause of a query (weight of at least 1, no prior) is an interval of a functional a.x, so that a query is a
system of linear inequalities. Two clauses conflict where their normals are parallel and their intervals do not meet.
More of them conflict where Farkas' lemma gives multipliers that add their inequalities up to 0 < 0; a basic solution of
non-negative least squares gives those of a smallest set: without any one of its members the rest can be met.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .clauses import clauses
from .conditions import Condition, Number
from .schema import Schema

TOUCH = 1e-5  # model units: a value on a limit, or two values as near as this, are no conflict
ROOM = 1e-7  # model units that inequalities must leave between them
PARALLEL = 1e-12  # of normals: 1 - |cosine|
NOWHERE = 1e-6  # relative distance from the cone of the inequalities below which nothing meets them


def conflicts(conditions: Sequence[Condition], schema: Schema, count: int) -> list[str]:
    """One line for each smallest set of conditions found that contradict each other; of pairs all are found.

    count: samples of the query; a line says in how many of them its conditions conflict, where not in all.
    """
    hard = [c for c in clauses(conditions, schema) if c.sd is None and c.label is None]
    if len(hard) < 2:
        return []
    a = np.zeros((len(hard), len(schema.names)))
    for row, clause in zip(a, hard, strict=True):
        row[[schema.column(name) for name in clause.normal]] = list(clause.normal.values())
    a = a[:, schema.real_columns]
    length = np.sqrt(((a * schema.scale) ** 2).sum(1))
    weight, low, high = (_table([getattr(c, part) for c in hard]) for part in ("weight", "low", "high"))
    low, high = ((x - a @ schema.offset) / length for x in (low, high))
    low, high = np.where(weight >= 1, low, -np.inf), np.where(weight >= 1, high, np.inf)
    found: dict[tuple[int, ...], int] = {}
    for case, times in _cases(np.concatenate([low, high], axis=1), count):
        for members in contradictions(a * schema.scale / length[:, None], *np.split(case, 2)):
            found[members] = found.get(members, 0) + times
    return [_text([hard[i].text for i in members], times, count) for members, times in found.items()]


def _table(columns: list[Number]) -> np.ndarray:
    """Numbers as [1, M], or as [count, M] where one of them differs per sample."""
    arrays = [np.asarray(c, dtype=float).reshape(-1) for c in columns]
    rows = max(map(len, arrays))
    return np.concatenate(arrays)[None] if rows == 1 else np.stack([np.broadcast_to(x, rows) for x in arrays], axis=1)


def _cases(rows: np.ndarray, count: int) -> Iterable[tuple[np.ndarray, int]]:
    """Different rows, each with the number of samples it stands for."""
    if len(rows) == 1:
        return [(rows[0], count)]
    different, times = np.unique(rows, axis=0, return_counts=True)
    return zip(different, times.tolist(), strict=True)


def _text(names: list[str], times: int, count: int) -> str:
    share = "" if times == count else f" (in {times} of {count} samples)"
    return f"{', '.join(names[:-1])} and {names[-1]} cannot {'both' if len(names) == 2 else 'all'} hold{share}"


def contradictions(a: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[tuple[int, ...]]:
    """Sets of rows whose intervals low < a.x < high no x meets; a [M, N] of unit rows, low, high [M], maybe infinite.

    low = high: a value. All pairs, and then one set after the other in what is left without their later members.
    """
    found = [*map(tuple, np.argwhere(_apart(a, low, high)).tolist())]
    left = np.setdiff1d(np.arange(len(a)), [later for _, later in found])
    while len(members := _certificate(a[left], low[left], high[left])) > 1:
        found.append(tuple(left[members].tolist()))
        left = np.delete(left, members[-1])
    return found


def _apart(a: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Which pairs [M, M] (upper triangle) are parallel with intervals that do not meet."""
    cosine, value = a @ a.T, low == high
    others_low, others_high = np.where(cosine > 0, low, -high), np.where(cosine > 0, high, -low)
    overlap = np.minimum(high[:, None], others_high) - np.maximum(low[:, None], others_low)
    room = np.where(value[:, None] | value, -TOUCH, ROOM)
    return np.triu((np.abs(cosine) > 1 - PARALLEL) & (overlap < room), 1)


def _certificate(a: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Rows of a smallest set that cannot be met, increasing; none where all can."""
    room = np.where(low == high, -TOUCH, ROOM)
    above, below = np.flatnonzero(np.isfinite(low)), np.flatnonzero(np.isfinite(high))
    owner = np.concatenate([above, below])
    if not len(owner):
        return owner
    used = np.any(a != 0, axis=0)
    b = np.concatenate([-low[above] - room[above], high[below] - room[below]])
    m = np.concatenate([np.concatenate([a[above], -a[below]])[:, used], b[:, None] / max(1.0, np.abs(b).max())], axis=1)
    target = np.append(np.zeros(used.sum()), -1.0)
    m = m.T / np.linalg.norm(m, axis=1)
    multipliers = nonnegative_least_squares(m, target)
    if np.linalg.norm(m @ multipliers - target) > NOWHERE:
        return owner[:0]
    return np.unique(owner[multipliers > 1e-9 * multipliers.max()])


def nonnegative_least_squares(m: np.ndarray, target: np.ndarray) -> np.ndarray:
    """x [P] >= 0 of least |m x - target|, m [N, P]; the columns in use are independent (Lawson and Hanson 1974)."""
    x, used = np.zeros(m.shape[1]), np.zeros(m.shape[1], dtype=bool)
    for _ in range(3 * m.shape[1]):
        slope = np.where(used, 0.0, (target - m @ x) @ m)
        if slope.max() < 1e-12:
            break
        used[slope.argmax()] = True
        while (best := np.linalg.lstsq(m[:, used], target, rcond=None)[0]).min(initial=1.0) <= 0:
            now = x[used]
            out = best <= 0
            share = now / np.where(out, now - best, 1.0)
            step = share[out].min()
            x[used] = np.where(out & (share <= step), 0.0, now + step * (best - now))
            used = x > 0
        x[used] = best
    return x
