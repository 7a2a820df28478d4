# SPDX-License-Identifier: Apache-2.0
"""The model: a stack of mixture layers that is sampled in one forward pass under any conditions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from . import posterior, storage
from .arrays import Array, namespace
from .conditions import Condition, Known, compile_conditions
from .evidence import Classes, Evidence, Functionals, Observations, to_arrays
from .layer import Layer, choose
from .posterior import Draw, uniform
from .schema import Schema

ENUMERATE = 1024  # exact likelihood where the layers before the last have at most this many paths
BLOCK = 1 << 22  # numbers in the largest intermediate array of log_prob
JITTER = {8: 1e-10, 4: 1e-7}  # by the bytes of a number: an observation's jitter, a share of the first layer's variance
KNOWN = 1e-5  # the share that an inequality on known variables keeps


@dataclass(frozen=True)
class Model:
    """A Deep Residual Mixture Model: layers over the streams of a schema, and what is known of their training.

    Example:
        >>> model = drmm.load("roll.drmm.safetensors")
        >>> draw = model.sample([drmm.Known({"x": 0.5})], count=64, seed=0)
        >>> draw["y"].shape
        (64,)
    """

    schema: Schema
    layers: tuple[Layer, ...]
    training: dict = field(default_factory=dict)
    data: dict = field(default_factory=dict)
    metrics: dict = field(default_factory=dict)
    skeleton: dict | None = None
    features: dict | None = None

    def save(self, path: str | Path) -> None:
        """Write the model file (temporary file, then rename)."""
        storage.save(self, path)

    def to(self, device: str) -> Model:
        """The same model on torch: "cpu" (double precision, as NumPy) or "cuda" (single precision)."""
        import torch

        dtype = torch.float64 if torch.device(device).type == "cpu" else torch.float32

        def move(x: Array) -> Array:
            if isinstance(x, tuple):
                return tuple(move(y) for y in x)
            if x is None or isinstance(x, str):
                return x
            tensor = torch.as_tensor(x, device=device)
            return tensor.to(dtype) if tensor.is_floating_point() else tensor

        layers = tuple(Layer(**{f.name: move(getattr(x, f.name)) for f in fields(Layer)}) for x in self.layers)
        return replace(self, layers=layers)

    def first(self, layers: int) -> Model:
        """The model of the first layers alone, which training made a model of its own (Sec. 3.4)."""
        if layers not in range(1, len(self.layers) + 1):
            raise ValueError(f"layers must lie between 1 and {len(self.layers)}, got {layers!r}")
        return replace(self, layers=self.layers[:layers])

    @property
    def like(self) -> Array:
        """An array of the kind, type and device that this model computes with."""
        return self.layers[0].mean

    def evidence(self, conditions: Sequence[Condition], count: int) -> Evidence:
        """Conditions in data units, compiled for this model; ValueError names the variable and the value given."""
        if not isinstance(conditions, Sequence):
            raise ValueError(f"conditions must be a list, got {conditions!r}")
        return self._steadied(to_arrays(compile_conditions(conditions, self.schema, count), self.like))

    def _steadied(self, evidence: Evidence) -> Evidence:
        """With the traces of variance that keep repeated hard observations, and inequalities on them, well defined.

        They are shares of the first layer's variances in every layer and component, so that they cancel.
        """
        g, o, i = self.layers[0].gaussians, evidence.observations, evidence.inequalities
        o = o and replace(o, jitter=JITTER[o.z.itemsize] * g.variances(o.rows)[0].mean(0)[None])
        i = i and replace(i, floor=KNOWN * g.variances(i.rows)[0].mean(0)[None])
        return replace(evidence, observations=o, inequalities=i)

    def sample(
        self,
        conditions: Sequence[Condition] = (),
        count: int = 64,
        seed: int = 0,
        sweeps: int = 0,
        truncation: float = 0.05,
        rank: bool = True,
        clamp: bool = True,
        noise: bool = False,
        resample: bool = False,
        temperature: float = 1.0,
    ) -> Draw:
        """Draw samples under conditions in one forward pass (paper, Sec. 3.5).

        count samples; components below truncation times the likeliest are left out (0: none). clamp: each sample is
        the conditional mean of its last component given all conditions, so that known variables come back as given and
        half-spaces and boxes hold (False: the paper's sum of means); of a half-space or box of weight below 1 in that
        share of the samples. noise draws from what the last layer's sigma leaves open instead. resample redraws by
        importance weight, which samples with evidence of their own do not allow; sweeps > 0 resamples (where that is
        allowed), then does Gibbs sweeps over the components with the exact target.
        rank: best first, by importance weight (after resampling or sweeps by joint density). temperature T: below 1
        likelier samples, above 1 more varied ones. The target of weights, resampling and sweeps is
        p(h | conditions)^(1 / T) / sum_h p(h | conditions)^(1 / T) over the components, and x given h is, with noise,
        N(E[x | h, observations], T Cov[x | h, observations]) within the half-spaces and boxes; log_joint stays that of
        T = 1, and the mean of the weights estimates sum_h p(h, conditions)^(1 / T), at T = 1 the evidence. The draw
        tells how well every condition is met (`Draw.fulfilment`) and which contradict each other (`Draw.conflicts`).
        """
        _whole("count", count, least=1)
        _whole("sweeps", sweeps, least=0)
        if not 0 <= truncation < 1:
            raise ValueError(f"truncation must be at least 0 and below 1, got {truncation!r}")
        if not 0 < temperature < np.inf:
            raise ValueError(f"temperature must be a positive number, got {temperature!r}")
        rng = np.random.default_rng(seed)
        evidence = self.evidence(conditions, count)
        if resample and evidence.rows > 1:
            raise ValueError("resample=True needs the same conditions for all samples; here a value, limit or weight "
                             f"differs in {evidence.rows} samples")
        case = np.arange(count) if evidence.rows > 1 else np.zeros(count)
        u = uniform(rng, (count, len(self.layers)))
        h, log_weight, log_joint = self.forward(evidence, case, u, truncation, temperature)
        to_numpy = namespace(h).numpy
        worth = posterior.effective_sample_size(to_numpy(log_weight))
        if (resample or sweeps) and evidence.rows == 1:
            chosen = posterior.resample(log_weight, count, rng)
            h, log_joint = h[chosen], log_joint[chosen]
            log_weight = 0 * log_weight + namespace(h).logsumexp(log_weight) - np.log(count)
        for _ in range(sweeps):
            h = posterior.sweep(self.layers, evidence, h, rng, temperature)
        if sweeps:
            log_joint = posterior.log_joint(self.layers, evidence, h)
        values = self._values(conditions, evidence, h, rng, clamp, temperature if noise else 0.0)
        draw = Draw(values, to_numpy(log_weight), to_numpy(log_joint), to_numpy(h), np.arange(count), worth,
                    tuple(conditions), self.schema)
        return draw.ranked(by="log_joint" if sweeps or resample else "log_weight") if rank else draw

    def forward(
        self, evidence: Evidence, case: np.ndarray, noise: np.ndarray, truncation: float, temperature: float = 1.0
    ) -> tuple[Array, Array, Array]:
        """Components h [B, L] of one forward pass, log importance weights [B] and log p(h, conditions) [B].

        case [B] is each sample's row of the evidence; noise [B, L] is uniform in [0, 1). The weight is the last
        layer's mass over q of the components before it, which equals p(h, conditions)^(1 / temperature) / q(h).

        Samples with the same evidence and the same components so far share all their work.
        """
        xp = namespace(self.like)
        u, case = xp.asarray(noise, self.like), xp.integers(case, self.like)
        paths = xp.integers(np.zeros((evidence.rows, 0)), self.like)
        log_q = 0.0
        for level, layer in enumerate(self.layers):
            logits = layer.logits(evidence, paths, truncation**temperature) / temperature
            h, log_probability, log_mass = choose(logits, case, u[:, level], truncation)
            log_weight = log_mass - log_q
            log_q = log_q + log_probability
            key, fresh = xp.unique(case * layer.components + h)
            before, chosen = key // layer.components, key % layer.components
            if level + 1 < len(self.layers):
                evidence = layer.residual_evidence(evidence, before, chosen)
            paths = xp.concatenate([paths[before], chosen[:, None]])
            case = fresh
        return paths[case], log_weight, temperature * (log_probability + log_mass)

    def log_prob(
        self, x: np.ndarray, samples: int = 32, seed: int = 0, exact: bool | None = None, given: Sequence[str] = ()
    ) -> np.ndarray:
        """log p(x) of rows in data units [rows, variables], nats; NaN means unknown and is marginalised (App. A).

        The importance estimate of Eq. 10 with `samples` untruncated paths a row, the last layer summed exactly; with
        exact=True (the default where the layers before the last have few paths) the sum over all paths, Eq. 9.
        given: variables on which the rest is conditioned, log p(x) - log p(x_given).
        """
        _whole("samples", samples, least=1)
        x = np.atleast_2d(np.asarray(x, dtype=float))
        if x.ndim != 2 or x.shape[1] != len(self.schema.names):
            raise ValueError(f"log_prob needs rows of {len(self.schema.names)} columns, got shape {x.shape}")
        if np.any(np.isinf(x)):
            raise ValueError("log_prob: infinite value in " + self.schema.names[int(np.argwhere(np.isinf(x))[0][1])])
        if len(given):
            margin = np.full_like(x, np.nan)
            columns = [self.schema.column(name) for name in given]
            margin[:, columns] = x[:, columns]
            return self.log_prob(x, samples, seed, exact) - self.log_prob(margin, samples, seed, exact)
        exact = self._paths() <= ENUMERATE if exact is None else exact
        size = max(1, BLOCK // self._numbers(self._paths() if exact else samples, bool(np.isnan(x).any())))
        rng = np.random.default_rng(seed)
        blocks = [x[i : i + size] for i in range(0, len(x), size)]
        each = [self._enumerated(block) if exact else self._estimated(block, samples, rng) for block in blocks]
        known = ~np.isnan(x[:, self.schema.real_columns])
        return np.concatenate([np.zeros(0), *each]) - known @ np.log(self.schema.scale)

    def _paths(self) -> int:
        """Paths through the layers before the last."""
        return math.prod(layer.components for layer in self.layers[:-1])

    def _numbers(self, paths: int, missing: bool) -> int:
        """Numbers in the largest array that a row of data with so many paths needs."""
        n, whitens = len(self.schema.real_columns), any(layer.residual == "whiten" for layer in self.layers[:-1])
        each = [n]
        for layer in self.layers:
            full = layer.covariance == "full"
            each.append(layer.components * (n ** (1 + missing) if full or (missing and whitens) else 1))
        return paths * max(each)

    def _estimated(self, x: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
        """Eq. 10 in model units: the mean importance weight of `samples` forward passes a row."""
        case = np.repeat(np.arange(len(x)), samples)
        _, log_weight, _ = self.forward(self.data_evidence(x), case, uniform(rng, (len(case), len(self.layers))), 0.0)
        each = namespace(self.like).numpy(log_weight).reshape(len(x), samples)
        return np.logaddexp.reduce(each, axis=1) - np.log(samples)

    def _enumerated(self, x: np.ndarray) -> np.ndarray:
        """Eq. 9 in model units: the sum over all paths through the layers before the last."""
        xp, (*before, last) = namespace(self.like), self.layers
        paths = np.array(list(itertools.product(*(range(layer.components) for layer in before))), dtype=int)
        h = xp.integers(np.tile(paths, (len(x), 1)), self.like)
        rest = posterior.residual_path(before, self.data_evidence(np.repeat(x, len(paths), axis=0)), h)
        each = xp.numpy(xp.logsumexp(last.logits(rest, h)))
        return np.logaddexp.reduce(each.reshape(len(x), len(paths)), axis=1)

    def data_evidence(self, x: np.ndarray) -> Evidence:
        """Rows of data as evidence: what is not NaN is known. x [B, variables] in data units."""
        real, codes = self.schema.split(x)
        names = self.schema.names
        known, named = ~np.isnan(real), ~np.isnan(codes)
        for c, stream in enumerate(self.schema.categorical_streams):
            wrong = named[:, c] & ~np.isin(codes[:, c], np.arange(len(stream.classes)))
            if wrong.any():
                raise ValueError(f"variable {names[self.schema.categorical_columns[c]]!r}: no class "
                                 f"{codes[wrong, c][0]:g}; classes are 0 to {len(stream.classes) - 1}")
        observations = None
        if real.shape[1]:
            rows, complete = Functionals(np.arange(real.shape[1]), None, True), bool(known.all())
            z, noise, weight = np.where(known, real, 0.0), np.zeros((1, real.shape[1])), 1.0 * known
            observations = Observations(rows, z, noise, weight[:1] if complete else weight, complete)
        classes = Classes(np.where(named, codes, 0), 1.0 * named) if codes.shape[1] else None
        return to_arrays(Evidence(observations, None, classes, len(x)), self.like)

    def _values(
        self, conditions: Sequence[Condition], evidence: Evidence, h: Array, rng: np.random.Generator, clamp: bool,
        noise: float,
    ) -> np.ndarray:
        """Samples [B, variables] in data units of components [B, L]; noise: the last layer's share of its variance."""
        xp, (*before, last) = namespace(h), self.layers
        rest = posterior.residual_path(before, evidence, h[:, :-1])
        if not clamp:
            rest = replace(rest, observations=None, inequalities=None)
        x = posterior.values(last, rest, h[:, -1], rng, noise)
        for j, layer in reversed(list(enumerate(before))):
            x = layer.reconstruct(h[:, j], x)
        values = self.schema.join(xp.numpy(x), self._classes(evidence, h, rng))
        if clamp:
            self._copy_known(values, conditions)
        return values

    def _classes(self, evidence: Evidence, h: Array, rng: np.random.Generator) -> np.ndarray:
        """Classes [B, C] drawn from the last layer's component; known ones as given."""
        codes = np.zeros((len(h), len(self.schema.categorical_streams)))
        for c, table in enumerate(self.layers[-1].log_prob):
            p = np.exp(namespace(h).numpy(table))[namespace(h).numpy(h[:, -1])].cumsum(-1)
            codes[:, c] = (p <= rng.random(len(h))[:, None] * p[:, -1:]).sum(-1)
            if evidence.classes is not None:
                given, weight = (namespace(h).numpy(a[:, c]) for a in (evidence.classes.codes, evidence.classes.weight))
                codes[:, c] = np.where(weight > 0, given, codes[:, c])
        return codes

    def _copy_known(self, values: np.ndarray, conditions: Sequence[Condition]) -> None:
        """Hard known values to the last digit (the conversion to model units and back rounds)."""
        for condition in conditions:
            if isinstance(condition, Known) and np.all(np.asarray(condition.weight) >= 1):
                for name, value in condition.values.items():
                    if self.schema.column(name) in self.schema.real_columns:
                        values[:, self.schema.column(name)] = value


def _whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
