# SPDX-License-Identifier: Apache-2.0
"""From data units to model units: each variable's mean and standard deviation, so that units may be mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .schema import Schema, Stream, Variable


def scaled_stream(name: str, names: Sequence[str], values: np.ndarray, units: Sequence[str] | None = None) -> Stream:
    """A real stream whose offsets and scales are the means and standard deviations of values [rows, n], NaN = missing.

    Every variable has a scale of its own, so that one sigma fits them all; a constant column keeps scale 1.
    """
    variables = []
    for i, own in enumerate(names):
        column = np.asarray(values[:, i], dtype=float)
        column = column[~np.isnan(column)]
        offset, spread = (float(column.mean()), float(column.std())) if len(column) else (0.0, 0.0)
        scale = spread if spread > 1e-12 * max(1.0, abs(offset)) else 1.0
        variables.append(Variable(own, units[i] if units else "", offset, scale))
    return Stream(name, tuple(variables))


def rescaled(schema: Schema, data: np.ndarray) -> Schema:
    """The schema with offsets and scales taken from data [rows, variables], data units."""
    streams, first = [], 0
    for stream in schema.streams:
        last = first + len(stream.variables)
        if stream.kind == "real":
            names, units = zip(*((v.name, v.unit) for v in stream.variables), strict=True)
            stream = replace(stream, variables=scaled_stream(stream.name, names, data[:, first:last], units).variables)
        streams.append(stream)
        first = last
    return Schema(tuple(streams))


def to_model_units(schema: Schema, data: np.ndarray) -> np.ndarray:
    """Rows [rows, variables] of data units in model units, float32; classes stay numbers, NaN stays NaN."""
    out = np.array(data, dtype=np.float32, ndmin=2)
    real = schema.real_columns
    out[:, real] = (np.atleast_2d(data)[:, real] - schema.offset) / schema.scale
    return out
