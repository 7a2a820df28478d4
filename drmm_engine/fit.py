# SPDX-License-Identifier: Apache-2.0
"""Greedy fitting, layer by layer: k-means on what the layers before leave of the rows, then expectation-maximisation.

NumPy is enough, so that a model can be learned where there is no torch; torch arrays are fitted where they lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import em
from .arrays import Array, namespace
from .em import LEAST_FLOOR, SIGMA_FLOOR
from .evidence import Classes, Evidence, Functionals, Observations
from .kmeans import ROWS_A_COMPONENT, k_means, nearest
from .layer import Layer, choose
from .model import Model
from .posterior import uniform
from .schema import Schema

STEPS = 20  # of expectation-maximisation a layer, at most
GAIN = 1e-4  # nats a row; a step that gains less is the last
CLASS_WEIGHT = 0.5  # squared distance of two different classes: 1
ROWS = 4096  # a block of rows
FILLED_ROWS = 128  # a block of rows whose missing values are filled in: each has matrices of its own
ALIKE = 8  # rows that miss the same variables, so that they share theirs
COVARIANCES, RESIDUALS = ("isotropic", "diagonal", "full"), ("shift", "whiten")

Report = Callable[[int, int, float], None]


@dataclass(frozen=True)
class _Block(em.Block):
    """Rows with what k-means sees of them: real values [B, N] and indicators of classes [B, F - N], 0 where missing,
    and which of both are known (None: all)."""

    seen: np.ndarray
    known: np.ndarray | None


@dataclass(frozen=True)
class Fitted:
    """A finished layer of a fit, and the state of its random numbers after it."""

    layer: Layer
    state: dict


def fit(
    schema: Schema,
    data: Array,
    components: Sequence[int],
    covariance: str | Sequence[str] = "isotropic",
    residual: str | Sequence[str] = "shift",
    weight: np.ndarray | None = None,
    seed: int = 0,
    steps: int = STEPS,
    shared: float = em.SHARED_ROWS,
    floor: float = SIGMA_FLOOR,
    report: Report | None = None,
    done: Sequence[Fitted] = (),
    keep: Callable[[list[Fitted]], None] | None = None,
) -> Model:
    """A model of len(components) layers; data [rows, variables] in model units, NaN = missing, weight [rows].

    covariance ("isotropic", "diagonal" or "full") and residual ("shift" or "whiten") are one word, or one a layer.
    steps of expectation-maximisation follow k-means in each layer, fewer where they gain nothing (0: k-means alone).
    shared: rows' worth of the mean covariance of the components around each one in its own; more where rows are alike,
    as the frames of a clip are. Rows are taken to carry noise of `floor` (model units), so that no component of any
    layer collapses; those without a value or a weight are left out. report is called after each step with layer, step
    and mean log-likelihood, keep after each layer with those fitted; handed in again as done, the same fit goes on
    behind them. torch data are fitted on their device, and give a torch model. ValueError on infinite values, a floor
    below LEAST_FLOOR, or where no row is left.
    """
    if not LEAST_FLOOR <= floor < np.inf:
        raise ValueError(f"floor must be at least {LEAST_FLOOR} model units, got {floor}")
    kinds = [replace(kind, shared=shared, floor=floor) for kind in _kinds(schema, components, covariance, residual)]
    blocks = list(_blocks(schema, data, weight, any(k.covariance == "full" or k.residual == "whiten" for k in kinds)))
    rng, fitted = np.random.default_rng(seed), list(done if steps else ())
    for level, (k, kind) in enumerate(zip(components, kinds, strict=True)):
        means = None
        if level < len(fitted):
            rng.bit_generator.state = fitted[level].state
        else:
            layer, means = _start(blocks, k, kind, rng, steps > 0)
            layer = _maximised(blocks, layer, kind, steps, lambda *said, level=level: report and report(level, *said))
            fitted.append(Fitted(layer, dict(rng.bit_generator.state)))
            if keep:
                keep(fitted)
        if level + 1 < len(kinds):
            noisy = kind.residual == "whiten" and all(other.residual == "shift" for other in kinds[:level])
            blocks = [_passed_on(block, fitted[level].layer, rng, floor * noisy, None if steps else means)
                      for block in blocks]
    return Model(schema, tuple(_double(each.layer) for each in fitted))


def _maximised(
    blocks: list[_Block], layer: Layer, kind: em.Kind, steps: int, report: Callable[[int, float], object]
) -> Layer:
    """The layer after steps of expectation-maximisation; components left without rows start anew in the first half."""
    before = -np.inf
    for step in range(steps):
        statistics, log_likelihood, places = em.expectation(blocks, layer, kind)
        layer = em.maximisation(statistics, layer, kind, places if step < steps // 2 else None)
        report(step, log_likelihood)
        if log_likelihood - before < GAIN:
            break
        before = log_likelihood
    return layer


def _kinds(
    schema: Schema, components: Sequence[int], covariance: str | Sequence[str], residual: str | Sequence[str]
) -> list[em.Kind]:
    if not components:
        raise ValueError("components must name one number a layer, got none")
    for name, given, allowed in (("covariance", covariance, COVARIANCES), ("residual", residual, RESIDUALS)):
        words = [given] if isinstance(given, str) else given
        if not set(words) <= set(allowed) or (not isinstance(given, str) and len(given) != len(components)):
            raise ValueError(f"{name} must be {' or '.join(allowed)}, or one of them a layer, got {given!r}")
    each = [[word] * len(components) if isinstance(word, str) else list(word) for word in (covariance, residual)]
    return [em.Kind(schema, c, r, tuple(components[:i])) for i, (c, r) in enumerate(zip(*each, strict=True))]


def _blocks(schema: Schema, data: Array, weight: np.ndarray | None, coupled: bool) -> Iterator[_Block]:
    """The rows in blocks, those without a missing number apart; coupled: whether missing values are to be filled in."""
    if data.ndim != 2 or data.shape[1] != len(schema.names):
        raise ValueError(f"the data need {len(schema.names)} columns, got shape {tuple(data.shape)}")
    xp = namespace(data)
    plain = np.asarray(xp.numpy(data), dtype=np.float32)
    if np.isinf(plain).any():
        raise ValueError("the data hold an infinite value")
    weight = np.ones(len(plain)) if weight is None else np.asarray(weight, dtype=float)
    keep = ~np.isnan(plain).all(axis=1) & (weight > 0)
    if not keep.any():
        raise ValueError("there is no row with a value to fit")
    missing = np.isnan(plain[:, schema.real_columns]).any(axis=1)
    # Filling in inverts matrices of rows, which single precision does not bear.
    like = xp.double(data[:0]) if coupled and (missing & keep).any() else xp.single(data[:0])
    groups = [(np.flatnonzero(keep & ~missing), ROWS)]
    gaps = np.flatnonzero(keep & missing)
    groups += _alike(np.isnan(plain[:, schema.real_columns]), gaps) if coupled else [(gaps, ROWS)]
    for chosen, size in groups:
        for i in range(0, len(chosen), size):
            part = chosen[i : i + size]
            yield _block(schema, plain[part], weight[part], bool(missing[part[0]]), like)


def _alike(gaps: np.ndarray, chosen: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Of rows `chosen` those that miss the same variables, [R, N], with the size of their blocks; the others last."""
    _, pattern, count = np.unique(gaps[chosen], axis=0, return_inverse=True, return_counts=True)
    pattern = pattern.ravel()
    order = np.argsort(pattern, kind="stable")
    parts = np.split(chosen[order], np.cumsum(count)[:-1])
    yield from ((part, ROWS) for part in parts if len(part) >= ALIKE)
    yield chosen[(count < ALIKE)[pattern]], FILLED_ROWS


def _block(schema: Schema, x: np.ndarray, weight: np.ndarray, missing: bool, like: Array) -> _Block:
    xp = namespace(like)
    real, codes = x[:, schema.real_columns], x[:, schema.categorical_columns]
    known, named = ~np.isnan(real), ~np.isnan(codes)
    observations = classes = None
    real = np.where(known, real, 0)
    if real.shape[1]:
        one = known[:1] if (known == known[:1]).all() else known
        m = xp.asarray(1.0 * one, like)
        rows = Functionals(xp.integers(np.arange(real.shape[1]), like), None, True)
        observations = Observations(rows, xp.asarray(real, like), 0 * m[:1], m, not missing)
    if codes.shape[1]:
        classes = Classes(xp.integers(np.where(named, codes, 0).astype(np.intp), like), xp.asarray(1.0 * named, like))
    latents = xp.integers(np.zeros((len(x), 0), dtype=np.intp), like)
    flags = [np.sqrt(CLASS_WEIGHT) * (codes[:, c, None] == np.arange(len(stream.classes)))
             for c, stream in enumerate(schema.categorical_streams)]
    marks = [np.repeat(named[:, c, None], flag.shape[1], axis=1) for c, flag in enumerate(flags)]
    seen, marked = (np.concatenate(a, axis=1, dtype=np.float32) for a in ([real, *flags], [known, *marks]))
    weights = xp.asarray(weight, like)
    evidence = Evidence(observations, None, classes, len(x))
    return _Block(evidence, latents, weights, seen, None if marked.all() else marked)


def _start(
    blocks: list[_Block], k: int, kind: em.Kind, rng: np.random.Generator, moved: bool
) -> tuple[Layer, np.ndarray]:
    """The layer whose components are the clusters that k-means finds, and their means [K, F].

    moved: whether its means are those of all rows, or stay k-means' own.
    """
    like = blocks[0].weight
    xp, n = namespace(like), len(kind.schema.real_columns)
    means = k_means(*_sample(blocks, k * ROWS_A_COMPONENT, rng), k, rng)
    layer = _bare(xp.asarray(means[:, :n], like), kind)
    statistics = em.nothing(layer, kind)
    for block in blocks:
        h = nearest(block.seen, block.known, means)
        order = np.argsort(h, kind="stable")
        case, h = (xp.integers(a, like) for a in (order, h[order]))
        em.add(statistics, block, layer, case, h, block.weight[case])
    statistics.total *= moved
    return em.maximisation(statistics, layer, kind), means


def _sample(
    blocks: list[_Block], most: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """What is seen of some rows at random, what of it is known, and their weights."""
    ends = np.cumsum([len(b.seen) for b in blocks])
    order = np.arange(ends[-1]) if ends[-1] <= most else rng.choice(ends[-1], most, replace=False)
    chosen, back = np.sort(order), np.argsort(np.argsort(order))
    parts = [(b, chosen[(chosen >= end - len(b.seen)) & (chosen < end)] - (end - len(b.seen)))
             for b, end in zip(blocks, ends, strict=True)]
    seen = np.concatenate([b.seen[rows] for b, rows in parts])[back]
    weight = np.concatenate([namespace(b.weight).numpy(b.weight)[rows] for b, rows in parts])[back]
    if all(b.known is None for b in blocks):
        return seen, None, weight
    known = [np.ones_like(b.seen[rows]) if b.known is None else b.known[rows] for b, rows in parts]
    return seen, np.concatenate(known)[back], weight


def _bare(mean: Array, kind: em.Kind) -> Layer:
    """A layer of these means whose covariances are 1."""
    xp, (k, n) = namespace(mean), mean.shape
    full = kind.covariance == "full"
    start = xp.integers(np.cumsum([0, *kind.before[:-1]]), mean) if kind.before else None
    cholesky = xp.asarray(np.repeat(np.eye(n)[None], k, axis=0), mean) if full else None
    return Layer(0 * mean[:, 0] if n else xp.asarray(np.zeros(k), mean), mean, None if full else 0 * mean[:1], (), None,
                 start, kind.covariance, kind.residual, cholesky)


def _passed_on(
    block: _Block, layer: Layer, rng: np.random.Generator, blur: float, means: np.ndarray | None
) -> _Block:
    """What the layer leaves of the rows, which get noise of sd `blur`, for components drawn from what they say (means:
    the nearest of these)."""
    xp, evidence, o = namespace(layer.mean), block.evidence, block.evidence.observations
    if means is None:
        logits = layer.logits(evidence, block.latents)
        h = choose(logits, None, xp.asarray(uniform(rng, len(logits)), logits), 0.0)[0]
    else:
        h = xp.integers(nearest(block.seen, block.known, means), layer.mean)
    if o is not None and blur:
        noise = blur * xp.asarray(rng.standard_normal(o.z.shape), o.z)
        evidence = replace(evidence, observations=replace(o, z=o.z + noise * o.weight))
    block = replace(block, evidence=evidence)
    latents = xp.concatenate([block.latents, h[:, None]])
    return _Block(layer.residual_evidence(evidence, None, h), latents, block.weight, *_seen_of_rest(block, layer, h))


def _seen_of_rest(block: _Block, layer: Layer, h: Array) -> tuple[np.ndarray, np.ndarray | None]:
    """What k-means sees of the residual, and which of it is known: all of what whitening mixes, filled in."""
    xp, o = namespace(layer.mean), block.evidence.observations
    if o is None:
        return block.seen, block.known
    d, _, _ = em.moments(block, layer, xp.integers(np.arange(len(h)), h), h)
    if layer.residual == "whiten":
        d = layer.unscaled(h, d)
    n, known = d.shape[1], block.known
    if known is not None and (layer.residual == "whiten" or o.rows.matrix is not None):
        known = np.concatenate([np.ones_like(known[:, :n]), known[:, n:]], axis=1)
    return np.concatenate([xp.numpy(d).astype(np.float32), block.seen[:, n:]], axis=1), known


def _double(layer: Layer) -> Layer:
    """The layer in double precision, its log-probabilities normalised in it."""
    xp = namespace(layer.mean)

    def logs(x: Array, axis: int) -> Array:
        x = xp.double(x)
        total = xp.logsumexp(x, axis)
        return x - (total[None] if axis == 0 else total[..., None])

    table = layer.latent_table
    if table is not None:
        first = [int(i) for i in xp.numpy(layer.latent_start)]
        table = xp.concatenate([logs(table[i:j], 0) for i, j in zip(first, [*first[1:], len(table)], strict=True)],
                               axis=0)
    return replace(
        layer, log_weight=logs(layer.log_weight, -1), mean=xp.double(layer.mean), latent_table=table,
        log_sigma=None if layer.log_sigma is None else xp.double(layer.log_sigma),
        cholesky=None if layer.cholesky is None else xp.double(layer.cholesky),
        log_prob=tuple(logs(t, -1) for t in layer.log_prob))
