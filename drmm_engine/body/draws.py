# SPDX-License-Identifier: Apache-2.0
"""Poses drawn from a rig's model for goals, before they are solved: under many headings where the root turns freely."""

from __future__ import annotations

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.body.wanted import HEADING_SD, ROUND, Asked, evidence
from drmm_engine.evidence import Evidence
from drmm_engine.model import Model
from drmm_engine.posterior import left_over, residual_path, uniform

HYPOTHESES, TRUNCATION = 2, 0.05
"""Headings tried for each pose that is wanted; share of the likeliest component's probability that others need."""


def draws(asked: Asked, count: int, seed: int, near: Array | None = None) -> Array:
    """Poses [count, P] within the limits, drawn from the model under what the goals say of its variables.

    near [P]: the first of them; the others head as it does.
    """
    joints, heading, model = asked.rig.joints, asked.heading, asked.model
    rng, turn = np.random.default_rng((seed, 1)), None
    if heading is not None:
        turn = _headings(asked, HYPOTHESES * count, rng) if near is None else heading.angle(near[None])
    said, tried = evidence(asked, turn), count if turn is None or near is not None else len(turn)
    case = np.arange(tried) if said.rows > 1 else np.zeros(tried)
    h, log_weight, _ = model.forward(said, case, uniform(rng, (tried, len(model.layers))), TRUNCATION)
    kept = np.arange(count)
    if tried > count:
        kept = np.sort(np.argsort(-log_weight - rng.gumbel(size=tried), kind="stable")[:count])
        said = said.take(kept) if said.rows > 1 else said
    theta = np.tile(np.clip(0.0, joints.low, joints.high), (count, 1))
    theta[:, asked.columns] = _values(model, said, h[kept], rng)[:, : len(asked.columns)]
    if heading is not None and turn is not None:
        theta = heading.within(heading.turned(theta, turn[kept] if near is None else turn[0]))
    theta = np.where(asked.held, asked.now, np.clip(theta, joints.low, joints.high))
    theta[: 0 if near is None else 1] = near
    return theta


def _values(model: Model, evidence: Evidence, h: Array, rng: np.random.Generator) -> Array:
    """Draws [n, variables] of components h [n, L] given the observations, in data units; half-spaces, which have had
    their say in the components, are left to the solver, who must see to them anyway."""
    *before, last = model.layers
    own = h[:, -1]
    rest = residual_path(before, evidence, h[:, :-1])
    x = last.mean[own] + last.scaled(own, rng.standard_normal((len(h), last.mean.shape[1])))
    if rest.observations is not None:
        x = x + last.correct(left_over(last, rest, x, own, rng, 1.0), own)
    for layer, each in zip(reversed(before), reversed(h.T[:-1]), strict=True):
        x = layer.reconstruct(each, x)
    return model.schema.join(x, np.zeros((len(x), 0)))


def _headings(asked: Asked, count: int, rng: np.random.Generator) -> Array:
    """Headings [count] about the one now, and some all round; that one alone where the root's angles are held."""
    turn = HEADING_SD * rng.standard_normal(count)
    every = np.arange(count) % round(1 / ROUND) == 0
    turn[every] = 2 * np.pi * (np.arange(every.sum()) + rng.random()) / every.sum()
    turn[0] = 0.0
    fixed = asked.heading is not None and asked.held[asked.heading.columns].any()
    return asked.heads + (0.0 * turn if fixed else turn)
