# SPDX-License-Identifier: Apache-2.0
"""Expectation-maximisation of one layer: what rows say of its components, and the components that this makes likeliest.

Rows come in blocks of evidence about the layer's input, complete or not, so that the same steps fit a first layer to
data and a later one to the residuals of the layers before it. NumPy or torch arrays; no gradients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .arrays import Array, namespace
from .evidence import Evidence
from .gaussians import correction, remainder
from .layer import Layer
from .schema import Schema

SIGMA_FLOOR = 1e-3  # model units: duplicates and constant columns must not make a density infinite
LEAST_FLOOR = 3e-4  # a smaller one leaves single precision no room
LEAST = 1e-3  # responsibilities below this share of a row's largest are left out
SHARED_ROWS = 0.1  # rows' worth of the mean covariance around a component in its own, where rows are independent
AROUND = 8  # components around one, itself among them
STARVED = 1.0  # a component with fewer rows than this is seeded anew


@dataclass(frozen=True)
class Block:
    """Some rows: evidence about a layer's input, components of the layers before [B, l], weights [B]."""

    evidence: Evidence
    latents: Array
    weight: Array


@dataclass(frozen=True)
class Kind:
    """What a layer is to be: schema, covariance and residual, components of the layers before it, how many rows' worth
    of the mean covariance around each component is in its own, and the least standard deviation, model units."""

    schema: Schema
    covariance: str
    residual: str
    before: tuple[int, ...] = ()
    shared: float = SHARED_ROWS
    floor: float = SIGMA_FLOOR


@dataclass
class Statistics:
    """Sums over rows by component, float64, of deviations d = x - mu from the means mu before the step.

    count [K, N] rows that say something of a variable; total [K, N] of d; square [K, N] of d^2, or [K, N, N] of d d';
    weight [K] rows; classes: [K, C] a categorical stream; latents: [K, K_j] a layer before.
    """

    count: Array
    total: Array
    square: Array
    weight: Array
    classes: list[Array]
    latents: list[Array]


def moments(block: Block, layer: Layer, case: Array, h: Array) -> tuple[Array, Array | None, Array | None]:
    """Of rows `case` [P] under components h [P]: E[x] - mu_h [P, N], the covariance [P, N, N] of what the row leaves
    open (None: nothing), and the variables that it says anything about [P, N] (None: all).

    Under a diagonal covariance a missing value says nothing; under any other it is filled in by the rest of its row.
    """
    o = block.evidence.observations
    assert o is not None
    if o.complete:
        return o.z[case] - namespace(o.z).take(layer.mean, h), None, None
    if layer.covariance != "full" and o.rows.matrix is None:
        known = o.weight[case * (len(o.weight) > 1)]
        return known * (o.z[case] - namespace(o.z).take(layer.mean, h)), None, known
    one = block.evidence.take(case).observations
    assert one is not None
    one = replace(one, z=one.z - one.rows.apply_each(layer.mean, h))
    own = layer.own(h)
    return correction(one, own), remainder(one, own), None


def expectation(blocks: Sequence[Block], layer: Layer, kind: Kind) -> tuple[Statistics, float, Array]:
    """The statistics of soft memberships, the mean log-likelihood of a row, and the row [N] of each block that fits
    worst, the worst first [W, N]."""
    xp, total, weight, worst, places = namespace(layer.mean), 0.0, 0.0, [], []
    statistics = nothing(layer, kind)
    for block in blocks:
        logits = layer.logits(block.evidence, block.latents)
        each = xp.logsumexp(logits)
        total, weight = total + float((block.weight * each).sum()), weight + float(block.weight.sum())
        p = xp.at_least(LEAST, xp.exp(logits - xp.amax(logits)))
        p = p * (block.weight / p.sum(-1))[:, None]
        h, case = xp.nonzero(p.swapaxes(0, 1))
        add(statistics, block, layer, case, h, p[case, h])
        row = each.argmin(-1)
        worst.append(float(each[row]))
        places.append(_place(block, layer, row, p[row].argmax(-1)))
    order = np.argsort(worst, kind="stable")
    return statistics, total / weight, xp.concatenate([places[i] for i in order], axis=0)


def _place(block: Block, layer: Layer, row: Array, h: Array) -> Array:
    """E[x | row, h], [1, N]."""
    if block.evidence.observations is None:
        return layer.mean[h][None]
    d, _, _ = moments(block, layer, row[None], h[None])
    return d + layer.mean[h]


def add(s: Statistics, block: Block, layer: Layer, case: Array, h: Array, share: Array) -> None:
    """Rows `case` [P] of a block as members of components h [P], in ascending order, by `share` [P]."""
    xp, k = namespace(share), layer.components
    double = xp.double(share)
    s.weight += xp.bincount(h, double, k)
    if block.evidence.classes is not None:
        codes, named = block.evidence.classes.codes, block.evidence.classes.weight
        for c, table in enumerate(s.classes):
            size = table.shape[1]
            counts = xp.bincount(h * size + codes[case, c], double * named[case, c], k * size)
            table += counts.reshape(k, size)
    for j, table in enumerate(s.latents):
        size = table.shape[1]
        table += xp.bincount(h * size + block.latents[case, j], double, k * size).reshape(k, size)
    if block.evidence.observations is not None:
        d, spread, known = moments(block, layer, case, h)
        for i, part in _slices(xp.numpy(xp.bincount(h, None, k))):
            _add_component(s, i, d[part], share[part, None], None if spread is None else spread[part],
                           None if known is None else known[part])


def _add_component(s: Statistics, i: int, d: Array, share: Array, spread: Array | None, known: Array | None) -> None:
    own = share * d
    s.count[i] += share.sum() if known is None else (share * known).sum(0)
    s.total[i] += own.sum(0)
    if s.square.ndim == 3:
        s.square[i] += own.swapaxes(0, 1) @ d
        if spread is not None:
            s.square[i] += (share[..., None] * spread).sum(0)
        return
    s.square[i] += (own * d).sum(0)
    if spread is not None:
        s.square[i] += (share * spread.diagonal(0, -2, -1)).sum(0)


def _slices(counts: np.ndarray) -> Iterator[tuple[int, slice]]:
    """Where each component's members lie among members in ascending order."""
    ends = counts.astype(int).cumsum()
    for i in np.flatnonzero(counts):
        yield int(i), slice(int(ends[i] - counts[i]), int(ends[i]))


def nothing(layer: Layer, kind: Kind) -> Statistics:
    """Statistics of no rows."""
    xp, (k, n) = namespace(layer.mean), layer.mean.shape

    def zeros(*shape: int) -> Array:
        return xp.double(xp.asarray(np.zeros(shape), layer.mean))

    square = zeros(k, n, n) if kind.covariance == "full" else zeros(k, n)
    return Statistics(zeros(k, n), zeros(k, n), square, zeros(k),
                      [zeros(k, len(stream.classes)) for stream in kind.schema.categorical_streams],
                      [zeros(k, size) for size in kind.before])


def maximisation(s: Statistics, layer: Layer, kind: Kind, spare: Array | None = None) -> Layer:
    """The layer that the statistics make likeliest (full and diagonal covariances drawn a little to those around).

    spare [W, N]: places where components that lost their rows start anew.
    """
    xp = namespace(layer.mean)
    shift = s.total / (s.count + 1e-12)
    mean = layer.mean + xp.asarray(shift, layer.mean)
    parts = dict(_covariances(s, shift, kind, _around(mean)))
    if spare is not None:
        starved = np.flatnonzero(xp.numpy(s.weight) < STARVED)
        for i, place in zip(starved.tolist(), spare, strict=False):
            mean[i] = place
    for name in ("log_sigma", "cholesky"):
        parts[name] = None if parts.get(name) is None else xp.asarray(parts[name], layer.mean)
    tables = tuple(xp.asarray(log_shares(counts), layer.mean) for counts in s.classes)
    blocks = [xp.asarray(log_shares(counts), layer.mean).swapaxes(0, 1) for counts in s.latents]
    weight = xp.log(s.weight + 1) - xp.log(s.weight.sum() + len(mean))
    return Layer(
        xp.asarray(weight, layer.mean), mean, parts["log_sigma"], tables, xp.concatenate(blocks, axis=0) if blocks
        else None, layer.latent_start, kind.covariance, kind.residual, parts["cholesky"])


def _around(mean: Array) -> np.ndarray:
    """1 where a component [K] is among the AROUND whose means are nearest to another's, [K, K]."""
    mean = np.asarray(namespace(mean).numpy(mean), dtype=float)
    squares = (mean * mean).sum(1)
    nearest = np.argsort(squares[:, None] + squares - 2 * mean @ mean.T, axis=1, kind="stable")[:, :AROUND]
    around = np.zeros((len(mean), len(mean)))
    np.put_along_axis(around, nearest, 1, axis=1)
    return around


def _drawn(scatter: Array, count: Array, shared: float, around: np.ndarray) -> Array:
    """Covariances scatter / count, [K, ...], each with `shared` rows' worth of those around, which have it of all."""
    xp, k = namespace(scatter), len(scatter)
    everyone = scatter.sum(0) / (count.sum(0) + 1e-12)
    near = xp.asarray(around, scatter)
    target, rows = ((near @ x.reshape(k, -1)).reshape(x.shape) for x in (scatter, count))
    target = (target + shared * everyone) / (rows + shared + 1e-12)
    return (scatter + shared * target) / (count + shared + 1e-12)


def _covariances(s: Statistics, shift: Array, kind: Kind, around: np.ndarray) -> Iterator[tuple[str, Array]]:
    """log_sigma or cholesky, float64."""
    xp = namespace(shift)
    if kind.covariance == "full":
        scatter = s.square - s.count[:, :, None] * shift[:, :, None] * shift[:, None, :]
        c = _drawn(scatter, s.weight[:, None, None], kind.shared, around)
        yield "cholesky", xp.cholesky(c * xp.asarray(same_stream(kind.schema), c) + kind.floor**2 * xp.asarray(
            np.eye(c.shape[-1]), c))
        return
    scatter, count = s.square - s.count * shift * shift, s.count
    if kind.covariance == "isotropic":
        scatter, count = (x.sum(0) @ xp.asarray(same_stream(kind.schema), x) for x in (scatter, count))
        variance = (scatter / (count + 1e-12))[None]
    else:
        variance = _drawn(scatter, count, kind.shared, around)
    yield "log_sigma", 0.5 * xp.log(xp.where(variance > kind.floor**2, variance, kind.floor**2 + 0 * variance))


def same_stream(schema: Schema) -> np.ndarray:
    """1 where two real variables are of one stream, [N, N]."""
    stream = np.repeat(np.arange(len(schema.real_streams)), [len(s.variables) for s in schema.real_streams])
    return 1.0 * (stream[:, None] == stream)


def log_shares(count: Array) -> Array:
    """log p(column | row) [rows, columns] from counts; one count a row is spread as the columns are in all."""
    prior = (count.sum(0) + 1) / (count.sum() + count.shape[1])
    return namespace(count).log((count + prior) / (count.sum(-1) + 1)[:, None])
