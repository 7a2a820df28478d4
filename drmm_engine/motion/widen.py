# SPDX-License-Identifier: Apache-2.0
"""A model of the paper's 487 variables that also says when feet stand: learned onto it, while its motion stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array
from drmm_engine.conditions import Known
from drmm_engine.model import Model
from drmm_engine.motion.features import variable_names
from drmm_engine.motion.layout import Layout, schema_of
from drmm_engine.schema import Schema, Variable

BLOCK = 2000  # rows a draw
PRIOR = 1.0  # rows' worth of a mean of zero in each component


def with_contacts(model: Model, values: Array, seed: int = 0) -> Model:
    """A model of the 487 variables, with the contacts of rows `[n, 497]` (`layout.rows`) learned onto it.

    ValueError: as `widened`, and for a model that is not of the 487 variables.
    """
    if model.schema.names != variable_names():
        raise ValueError("contacts can be added to a model of the 487 variables of motion only")
    layout = Layout(contacts=True)
    added = schema_of(values, layout).streams[0].variables[len(variable_names()) :]
    wide = widened(model, values, added, seed)
    return replace(wide, features=(model.features or {}) | layout.said())


def widened(model: Model, values: Array, added: tuple[Variable, ...], seed: int = 0) -> Model:
    """The model with more variables in its only stream: the last columns of rows `[n, variables + added]`.

    One path h of components is drawn for each row given the variables that the model has, as one step of stochastic
    expectation-maximisation does; the means of the new ones in each layer are those of the rows that its components
    draw. The others keep their distribution. ValueError: components that couple variables, or several streams.
    """
    if any(layer.covariance == "full" or layer.residual != "shift" for layer in model.layers):
        raise ValueError("variables can be added to isotropic or diagonal components with shifts only")
    if len(model.schema.streams) != 1:
        raise ValueError("variables can be added to a model of one stream only")
    count = len(added)
    rest = (values[:, -count:] - [v.offset for v in added]) / [v.scale for v in added]
    h, layers = _paths(model, values, seed), []
    for level, layer in enumerate(model.layers):
        mean = _means(rest, h[:, level], layer.components)
        rest = rest - mean[h[:, level]]
        sigma = np.repeat(layer.log_sigma[:, :1], count, axis=1)
        layers.append(replace(layer, mean=np.concatenate([layer.mean, mean], axis=1),
                              log_sigma=np.concatenate([layer.log_sigma, sigma], axis=1)))
    stream = replace(model.schema.streams[0], variables=model.schema.streams[0].variables + added)
    return replace(model, schema=Schema((stream,)), layers=tuple(layers))


def _paths(model: Model, values: Array, seed: int) -> NDArray[np.integer]:
    """Components `[n, L]` drawn for each row, given its motion."""
    names, out = model.schema.names, []
    for first in range(0, len(values), BLOCK):
        rows = values[first : first + BLOCK]
        known = Known({name: rows[:, k].astype(float) for k, name in enumerate(names)})
        out.append(model.sample([known], count=len(rows), seed=seed, rank=False).components)
    return np.concatenate(out)


def _means(rest: Array, h: NDArray[np.integer], components: int) -> Array:
    """Mean `[K, n]` of rows by component, drawn towards zero."""
    total = np.zeros((components, rest.shape[1]))
    np.add.at(total, h, rest)
    return total / (np.bincount(h, minlength=components)[:, None] + PRIOR)
