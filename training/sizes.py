# SPDX-License-Identifier: Apache-2.0
"""What layers a table bears: the kind and the sizes whose quick fits make held-out rows likeliest."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drmm_engine import Schema
from drmm_engine.em import SHARED_ROWS
from drmm_engine.fit import fit

KINDS = (("full", "whiten"), ("diagonal", "whiten"), ("diagonal", "shift"), ("isotropic", "shift"))
KIND_ROWS, KIND_COMPONENTS = 8000, 64  # rows and components that tell kinds apart, at most
ROWS = 60_000  # rows that a quick fit sees, at most
FILLED = 8000  # the same where missing values are filled in, which takes a matrix for each row and component
VALIDATED = 2000  # rows whose likelihood decides
STEPS = 8  # of expectation-maximisation in a quick fit
LARGEST = 1024  # components that are tried
COMPONENTS = 64  # where the number of layers alone is told
DEPTH = 2  # most layers: a third gained less in all tables tried than as many components in two
WIDEST = 64  # real variables of which a component's full covariance is worth its numbers
ROWS_A_COMPONENT = 2  # times the variables: fewer rows than that say too little of a covariance
GAIN = 0.01  # nats a row; what gains less is not worth its time


@dataclass(frozen=True)
class Choice:
    """Components of each layer, their kind, `fit`'s shared rows, and the held-out nats a row, in model units."""

    components: tuple[int, ...]
    covariance: str
    residual: str
    shared: float = SHARED_ROWS
    value: float = -np.inf


@dataclass(frozen=True)
class Trial:
    """Rows in model units that quick fits see, and those that judge them."""

    schema: Schema
    train: np.ndarray
    held: np.ndarray
    seed: int
    largest: int

    def values(self, choice: Choice) -> list[float]:
        """Mean log-likelihood of held-out rows, nats in model units, of the first 1 .. L layers."""
        model = fit(self.schema, self.train, choice.components, choice.covariance, choice.residual, seed=self.seed,
                    steps=STEPS, shared=choice.shared)
        x, known = data_units(self.schema, self.held), ~np.isnan(self.held[:, self.schema.real_columns])
        unit = float((known @ np.log(self.schema.scale)).mean())
        return [float(model.first(i + 1).log_prob(x, exact=False).mean()) + unit for i in range(len(model.layers))]

    def small(self) -> Trial:
        """One that tells kinds apart."""
        return replace(self, train=self.train[:KIND_ROWS], largest=KIND_COMPONENTS)

    def most(self) -> int:
        """Components that the rows can tell apart."""
        return max(1, min(self.largest, len(self.train) // (ROWS_A_COMPONENT * len(self.schema.names))))


def kinds(schema: Schema, covariance: str | None = None, residual: str | None = None) -> list[tuple[str, str]]:
    """Covariance and residual that may suit the schema; one pair where either is told."""
    full = 0 < len(schema.real_columns) <= WIDEST
    if covariance is None and residual is None and len(schema.real_columns):
        return [kind for kind in KINDS if full or kind[0] != "full"]
    covariance = covariance or ("full" if full else "diagonal")
    return [(covariance, residual or ("whiten" if covariance == "full" else "shift"))]


def chosen(
    schema: Schema, data: np.ndarray, allowed: Sequence[tuple[str, str]], seed: int, shared: float = SHARED_ROWS,
    told: tuple[int, ...] | None = None,
) -> Choice:
    """The layers for rows [R, variables] in model units: of the allowed kinds the best, twice as many components while
    that helps; told: the components of each layer.

    A line on stderr for each size tried.
    """
    one = Choice(told or (1,), *allowed[0], shared)
    if told and len(allowed) == 1:
        return one
    trial = _trial(schema, data, seed, any("full" in kind or "whiten" in kind for kind in allowed))
    if not len(trial.held):
        return one
    if len(allowed) > 1:
        some = trial.small()
        tried = [replace(one, covariance=c, residual=r) for c, r in allowed]
        found = [replace(each, value=_said(each, some.values(each))[-1]) if told else _search(some, each)
                 for each in tried]
        best = max(found, key=lambda each: each.value)
        one = replace(one, covariance=best.covariance, residual=best.residual)
    return one if told else _search(trial, one)


def _trial(schema: Schema, data: np.ndarray, seed: int, coupled: bool) -> Trial:
    filled = coupled and bool(np.isnan(data[:, schema.real_columns]).any())
    some = data[np.random.default_rng(seed).permutation(len(data))[: (FILLED if filled else ROWS) + VALIDATED]]
    cut = min(VALIDATED, len(some) // 5)
    return Trial(schema, some[cut:], some[:cut], seed, LARGEST)


def _search(trial: Trial, best: Choice) -> Choice:
    """Twice as many components while that helps, in fewer layers once those say more."""
    components, depth = 1, DEPTH
    while components <= trial.most():
        tried = replace(best, components=(components,) * depth)
        values = _said(tried, trial.values(tried))
        if max(values) < best.value + GAIN:
            break
        # Fewer layers say more of what they hold, so that a deeper model has to gain.
        layers = next(i for i, v in enumerate(values, 1) if v > max(values) - GAIN)
        depth = layers if values[-1] < max(values) - GAIN else depth
        best = replace(tried, components=(components,) * layers, value=max(values))
        components *= 2
    return best


def _said(choice: Choice, values: list[float]) -> list[float]:
    """The values, said on stderr."""
    print(f"{choice.components[0]} components, {choice.covariance}, {choice.residual}: "
          f"{', '.join(f'{v:.3f}' for v in values)} nats a row with 1 to {len(values)} layers",
          file=sys.stderr, flush=True)
    return values


def data_units(schema: Schema, x: np.ndarray) -> np.ndarray:
    """Rows [rows, variables] of model units in data units: the inverse of `to_model_units`."""
    x = np.array(x, dtype=float)
    x[:, schema.real_columns] = schema.offset + schema.scale * x[:, schema.real_columns]
    return x
