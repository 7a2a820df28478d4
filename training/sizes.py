# SPDX-License-Identifier: Apache-2.0
"""How many layers and components a table bears: the sizes whose quick fits make held-out rows likeliest."""

from __future__ import annotations

import sys

import numpy as np

from drmm_engine import Schema
from drmm_engine.em import SHARED_ROWS
from drmm_engine.fit import fit

ROWS = 60_000  # rows that a quick fit sees, at most
FILLED = 4000  # the same where missing values are filled in, which takes a matrix for each row and component
VALIDATED = 2000  # rows whose likelihood decides
STEPS = 8  # of expectation-maximisation in a quick fit
COMPONENTS = 64  # where the number of layers alone is told
DEPTH = 2  # most layers: a third gained less in all tables tried than as many components in two
WIDEST = 64  # real variables of which a component's full covariance is worth its numbers
ROWS_A_COMPONENT = 4  # times the variables: fewer rows than that say too little of a covariance
GAIN = 0.01  # nats a row; a size that gains less is not worth its time


def covariance(schema: Schema) -> str:
    """The covariance that suits the number of real variables."""
    return "full" if 0 < len(schema.real_columns) <= WIDEST else "diagonal"


def chosen(
    schema: Schema, data: np.ndarray, covariance: str, residual: str, seed: int, shared: float = SHARED_ROWS
) -> tuple[int, ...]:
    """The components of each layer for rows [R, variables] in model units: twice as many while that helps.

    A line on stderr for each size tried.
    """
    rng = np.random.default_rng(seed)
    filled = covariance == "full" and bool(np.isnan(data[:, schema.real_columns]).any())
    some = data[rng.permutation(len(data))[: (FILLED if filled else ROWS) + VALIDATED]]
    cut = min(VALIDATED, len(some) // 5)
    held, train = some[:cut], some[cut:]
    if not len(held):
        return (1,)
    most = max(1, len(train) // (ROWS_A_COMPONENT * len(schema.names)))
    best, highest, components = (1,), -np.inf, 1
    while components <= most:
        values = _depths(schema, train, held, (components,) * DEPTH, covariance, residual, seed, shared)
        print(f"{components} components: {', '.join(f'{v:.3f}' for v in values)} nats a row with 1 to {DEPTH} layers",
              file=sys.stderr, flush=True)
        # Fewer layers say more of what they hold, so that a deeper model has to gain.
        depth = next(i for i, v in enumerate(values) if v > max(values) - GAIN)
        if max(values) < highest + GAIN:
            break
        best, highest = (components,) * (depth + 1), max(values)
        components *= 2
    return best


def _depths(
    schema: Schema, train: np.ndarray, held: np.ndarray, components: tuple[int, ...], covariance: str, residual: str,
    seed: int, shared: float,
) -> list[float]:
    """Mean log-likelihood of held-out rows, nats in model units, of the first 1 .. L layers."""
    model = fit(schema, train, components, covariance, residual, seed=seed, steps=STEPS, shared=shared)
    x = data_units(schema, held)
    unit = float((~np.isnan(held[:, schema.real_columns]) @ np.log(schema.scale)).mean())
    return [float(model.first(i + 1).log_prob(x, exact=False).mean()) + unit for i in range(len(components))]


def data_units(schema: Schema, x: np.ndarray) -> np.ndarray:
    """Rows [rows, variables] of model units in data units: the inverse of `to_model_units`."""
    x = np.array(x, dtype=float)
    x[:, schema.real_columns] = schema.offset + schema.scale * x[:, schema.real_columns]
    return x
