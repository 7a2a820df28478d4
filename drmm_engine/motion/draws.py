# SPDX-License-Identifier: Apache-2.0
"""Draws of a locomotion model under histories and goals, of several characters at once and as fast as they can be.

`Model.sample` with the same conditions gives the same, but for rounding; here variables are columns, evidence is
arrays, and where no component couples variables the layers keep only the columns that anything is said of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.conditions import HalfSpace
from drmm_engine.evidence import Classes, Evidence, Functionals, Inequalities, Observations
from drmm_engine.layer import Layer
from drmm_engine.model import Model
from drmm_engine.motion.features import GOALS, HISTORY_NAMES, NEXT
from drmm_engine.motion.skeleton import JOINTS
from drmm_engine.posterior import uniform
from drmm_engine.schema import Schema, Stream

HISTORY_WEIGHTS = (0.333, 0.333, 0.8)  # of the averaged poses, oldest first (paper, App. C.1)
PLACE, FACING = GOALS[:2], GOALS[3:5]
TRUNCATION = 0.05

_POSE = [f"{joint}.{axis}" for joint in JOINTS for axis in "xyz"]
_KNOWN = [f"{group}.{name}" for group in HISTORY_NAMES for name in _POSE]
_BOUNDED = [GOALS[2], *GOALS[5:]] + [f"step{k}.{name}" for k in range(NEXT) for name in ("Head.z", "Hips.x", "Hips.y")]


@dataclass(frozen=True)
class Goal:
    """What one character is drawn towards in its local frame: place (x, y) of the hips and facing (x, y), with the
    weight of the facing; a class of the style; and half-spaces that goals and poses keep to."""

    place: Array
    facing: Array
    facing_weight: float
    bounds: Sequence[HalfSpace] = ()


PLACE_WEIGHT = 0.5


@dataclass(frozen=True)
class Draws:
    """values `[C, n, variables]` in data units and log importance weights `[C, n]` of n draws for each of C cases."""

    values: Array
    log_weight: Array


class Sampler:
    """A locomotion model prepared for draws: layers in single precision, seen through the columns that are asked."""

    def __init__(self, model: Model) -> None:
        self.schema = model.schema
        self.layers = tuple(_single(layer) for layer in model.layers)
        self.classes = {s.name: s.classes for s in model.schema.categorical_streams}
        names = [*_KNOWN, *PLACE, *FACING, *_BOUNDED]
        columns = np.array([model.schema.real_index(name) for name in names])
        self.offset, self.scale = model.schema.offset[columns], model.schema.scale[columns]
        self.middle, self.spread = (x.astype(np.float32) for x in (model.schema.offset, model.schema.scale))
        self.asked = _margin(model, names, columns, self.layers)
        self.places = np.array([self.asked.schema.real_index(name) for name in names])
        self.history_weights = np.repeat(HISTORY_WEIGHTS, len(_POSE))
        self.usual = float(self.history_weights @ _log_densities(self.layers[-1])[columns[: len(_KNOWN)]])

    def draw(self, histories: Array, goals: Sequence[Goal] | None, style: Sequence[str | None], count: int,
             rng: np.random.Generator) -> Draws:
        """`count` draws for each of C cases under history variables `[C, 180]` and goals (None: of the history alone).

        style: a class of the stream "style" for each case, or None.
        """
        if goals is not None and any(goal.bounds for goal in goals) and len(goals) > 1:
            each = [self.draw(histories[c : c + 1], goals[c : c + 1], style[c : c + 1], count, rng)
                    for c in range(len(goals))]
            return Draws(*(np.concatenate([getattr(d, f.name) for d in each]) for f in fields(Draws)))
        h, log_weight = self._forward(histories, goals, style, count, rng)
        values = self._values(h).reshape(len(histories), count, -1)
        return Draws(values, np.asarray(log_weight, float).reshape(len(histories), count))

    def familiar(self, histories: Array, style: Sequence[str | None], count: int, rng: np.random.Generator) -> Array:
        """`familiarity` of C histories `[C, 180]`, by `count` draws for each."""
        _, log_weight = self._forward(histories, None, style, count, rng)
        return self.familiarity(log_weight.reshape(len(histories), count))

    def familiarity(self, log_weight: Array) -> Array:
        """Log density `[C]` of histories under which draws of these importance weights `[C, n]` were made (paper Eq.
        10), less what is usual of the model, nats."""
        return np.logaddexp.reduce(log_weight, axis=1) - np.log(log_weight.shape[1]) - self.usual

    def _forward(self, histories: Array, goals: Sequence[Goal] | None, style: Sequence[str | None], count: int,
                 rng: np.random.Generator) -> tuple[Array, Array]:
        """Components `[C * n, L]` and log importance weights `[C * n]`."""
        evidence = self._evidence(histories, goals, style)
        case = np.repeat(np.arange(len(histories)), count) if evidence.rows > 1 else np.zeros(count, int)
        u = uniform(rng, (count * len(histories), len(self.layers)))
        h, log_weight, _ = self.asked.forward(evidence, case, u, TRUNCATION)
        return h, log_weight

    def _evidence(self, histories: Array, goals: Sequence[Goal] | None, style: Sequence[str | None]) -> Evidence:
        z, weight = histories, np.broadcast_to(self.history_weights, histories.shape)
        if goals is not None:
            z = np.concatenate([z, [[*goal.place, *goal.facing] for goal in goals]], axis=1)
            own = [[PLACE_WEIGHT] * 2 + [goal.facing_weight] * 2 for goal in goals]
            weight = np.concatenate([weight, own], axis=1)
        m = z.shape[1]
        z = (z - self.offset[:m]) / self.scale[:m]
        weight = weight[:1] if np.all(weight == weight[:1]) else weight
        columns = slice(0, m) if self.asked.schema is not self.schema else self.places[:m]
        like = self.asked.like.dtype
        observations = Observations(Functionals(columns, None, True), z.astype(like), np.zeros((1, m), like),
                                    weight.astype(like))
        bounds = [bound for goal in goals or () for bound in goal.bounds]
        return Evidence(observations, self._inequalities(bounds), self._style(style), len(histories))

    def _inequalities(self, bounds: Sequence[HalfSpace]) -> Inequalities | None:
        return self.asked.evidence(list(bounds), 1).inequalities if bounds else None

    def _style(self, style: Sequence[str | None]) -> Classes | None:
        if "style" not in self.classes or not any(style):
            return None
        place = list(self.classes).index("style")
        codes, weight = (np.zeros((len(style), len(self.classes)), t) for t in (np.intp, self.asked.like.dtype))
        for c, label in enumerate(style):
            if label:
                codes[c, place], weight[c, place] = self.classes["style"].index(label), 1.0
        return Classes(codes, weight)

    def _values(self, h: Array) -> Array:
        """Draws `[n, real variables]` in data units of components `[n, L]`: the paper's sums of means."""
        x = self.layers[-1].mean[h[:, -1]]
        for level in range(len(self.layers) - 2, -1, -1):
            x = self.layers[level].reconstruct(h[:, level], x)
        return x * self.spread + self.middle


def _log_densities(layer: Layer) -> Array:
    """Expected log density `[N]` of each variable under a layer's components: what histories of the model's own have,
    -log sigma - log(2 pi) / 2 - 1 / 2, but for the choice of components."""
    g = layer.gaussians
    log_sigma = 0.5 * np.log(g.variances(Functionals(slice(None), None, True))).mean(axis=(0, 1))
    return -log_sigma - 0.5 * np.log(2 * np.pi) - 0.5


def _single(layer: Layer) -> Layer:
    """The layer in single precision."""
    def convert(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(convert(y) for y in x)
        return x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

    return Layer(**{f.name: convert(getattr(layer, f.name)) for f in fields(Layer)})


def _margin(model: Model, names: list[str], columns: Array, layers: tuple[Layer, ...]) -> Model:
    """The model of some real variables: with diagonal covariances and shifts, the other columns left out.

    Where variables are coupled, the whole model.
    """
    if any(layer.covariance == "full" or layer.residual != "shift" for layer in layers):
        return replace(model, layers=layers)
    by_name = {v.name: v for stream in model.schema.real_streams for v in stream.variables}
    real = Stream("motion", tuple(by_name[name] for name in names))
    schema = Schema((real, *model.schema.categorical_streams))

    def kept(layer: Layer) -> Layer:
        return replace(layer, mean=np.ascontiguousarray(layer.mean[:, columns]),
                       log_sigma=np.ascontiguousarray(layer.log_sigma[:, columns]))

    return replace(model, schema=schema, layers=tuple(kept(layer) for layer in layers))
