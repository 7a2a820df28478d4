# SPDX-License-Identifier: Apache-2.0
"""A table of reals and classes of which a fifth is missing: what methods say of what is there and of what is not."""

from __future__ import annotations

import argparse
import sys

import numpy as np

import drmm_engine as drmm
from drmm_engine.fit import fit
from drmm_engine.reports import parameters
from drmm_engine.scaling import to_model_units
from training import sizes

from . import clip_tables, conditional

MISSING = 0.2
ROWS, HELD = 12_000, 1000
DRAWS = 64
NEIGHBOURS = 5
ALIKE = 10.0  # `fit`'s shared rows for frames of clips, some frames apart


def measure(train_clips: list[clip_tables.Frames], held_clips: list[clip_tables.Frames],
            options: argparse.Namespace) -> dict:
    """Log-likelihood of the known values of held-out rows, and errors of the hidden ones, by method."""
    schema, x = clip_tables.frame_table(train_clips)
    _, held = clip_tables.frame_table(held_clips, schema)
    rng = np.random.default_rng(0)
    x, held = (part[rng.permutation(len(part))[:most]] for part, most in ((x, ROWS), (held, HELD)))
    hidden, asked = (np.where(rng.random(part.shape) < MISSING, np.nan, part) for part in (x, held))
    complete = hidden[~np.isnan(hidden).any(1)]
    print(f"table: {len(x)} rows of {len(schema.real_columns)} reals and {len(schema.categorical_columns)} classes, "
          f"{len(held)} held out by clip, {MISSING:.0%} missing, {len(complete)} rows complete")
    results = {}
    for k in options.mixtures:
        results[f"mixture of {k} on complete rows"] = _mixture(schema, complete, asked, held, k)
    results[f"{NEIGHBOURS} nearest neighbours"] = _neighbours(schema, hidden, asked, held)
    results["whitened, sizes chosen"] = _whitened(schema, hidden, asked, held)
    for name, result in results.items():
        print(f"  {name}: " + ", ".join(f"{key} {value}" for key, value in result.items()), flush=True)
    return results


def _whitened(schema: drmm.Schema, hidden: np.ndarray, asked: np.ndarray, held: np.ndarray) -> dict:
    rows = to_model_units(schema, hidden)
    found = sizes.chosen(schema, rows, sizes.kinds(schema, "full", "whiten"), 0, ALIKE)
    model = fit(schema, rows, found.components, "full", "whiten", shared=ALIKE)
    filled = np.array([_filled(model, row) for row in asked])
    reals_alone = asked.copy()
    reals_alone[:, schema.categorical_columns] = np.nan
    return {"components": str(found.components), "parameters": parameters(model),
            "log_likelihood": _mean(model.log_prob(asked)), "of_reals_alone": _mean(model.log_prob(reals_alone)),
            } | errors(schema, filled, asked, held)


def _filled(model: drmm.Model, row: np.ndarray) -> np.ndarray:
    """The row with the mean of draws where a real is missing, the commonest class where a class is."""
    known = {name: value if i in model.schema.real_columns else int(value)
             for i, (name, value) in enumerate(zip(model.schema.names, row, strict=True)) if not np.isnan(value)}
    draws = model.sample([drmm.Known(known)], DRAWS, truncation=0.0, resample=True).values
    out = np.where(np.isnan(row), draws.mean(0), row)
    for c in model.schema.categorical_columns:
        out[c] = np.bincount(draws[:, c].astype(int)).argmax() if np.isnan(row[c]) else row[c]
    return out


def _mixture(schema: drmm.Schema, complete: np.ndarray, asked: np.ndarray, held: np.ndarray, k: int) -> dict:
    """scikit-learn's mixture of complete rows, a class as so many numbers 0 or 1."""
    wide = _wide_schema(schema)
    rows = conditional.Rows(wide, _one_hot(schema, complete), np.zeros((0, len(wide.names))))
    try:
        model = conditional.mixture(rows, k)
    except ValueError as error:  # fewer rows than components
        print(f"benchmark: mixture of {k}: {error}", file=sys.stderr)
        return {}
    flat, known = _one_hot(schema, asked), len(schema.real_columns)
    margin = np.where(np.arange(flat.shape[1]) < known, flat, np.nan)
    filled = []
    for row in flat:
        given = {name: float(v) for name, v in zip(wide.names, row, strict=True) if not np.isnan(v)}
        mean = model.sample([drmm.Known(given)], DRAWS, truncation=0.0, resample=True).values.mean(0)
        filled.append(np.where(np.isnan(row), mean, row))
    return {"parameters": parameters(model), "of_reals_alone": _mean(model.log_prob(margin)),
            } | errors(schema, _from_one_hot(schema, np.array(filled)), asked, held)


def _neighbours(schema: drmm.Schema, hidden: np.ndarray, asked: np.ndarray, held: np.ndarray) -> dict:
    """scikit-learn's imputation by the mean of nearest rows, reals in standard deviations."""
    from sklearn.impute import KNNImputer

    imputer = KNNImputer(n_neighbors=NEIGHBOURS).fit(_one_hot(schema, hidden, scaled=True)[:15_000])
    filled = imputer.transform(_one_hot(schema, asked, scaled=True))
    n = len(schema.real_columns)
    filled[:, :n] = schema.offset + schema.scale * filled[:, :n]
    return errors(schema, _from_one_hot(schema, filled), asked, held)


def errors(schema: drmm.Schema, filled: np.ndarray, asked: np.ndarray, held: np.ndarray) -> dict:
    """Root mean squared error of hidden reals in standard deviations, and the share of wrong hidden classes."""
    gap, n = np.isnan(asked), schema.real_columns
    difference = (filled[:, n] - held[:, n]) / schema.scale
    result = {"rmse_sd": round(float(np.sqrt(np.mean(difference[gap[:, n]] ** 2))), 3)}
    for c, stream in zip(schema.categorical_columns, schema.categorical_streams, strict=True):
        wrong = filled[gap[:, c], c] != held[gap[:, c], c]
        result[f"wrong_{stream.name}"] = round(float(wrong.mean()), 3)
    return result


def _wide_schema(schema: drmm.Schema) -> drmm.Schema:
    flags = [f"{s.name}={label}" for s in schema.categorical_streams for label in s.classes]
    return drmm.Schema((*schema.real_streams, drmm.Stream.real("classes", flags)))


def _one_hot(schema: drmm.Schema, x: np.ndarray, scaled: bool = False) -> np.ndarray:
    """Reals, then a column for each class; NaN where missing."""
    reals = x[:, schema.real_columns]
    parts = [(reals - schema.offset) / schema.scale if scaled else reals]
    for c, stream in zip(schema.categorical_columns, schema.categorical_streams, strict=True):
        flags = 1.0 * (x[:, c, None] == np.arange(len(stream.classes)))
        parts.append(np.where(np.isnan(x[:, c, None]), np.nan, flags))
    return np.concatenate(parts, axis=1)


def _from_one_hot(schema: drmm.Schema, x: np.ndarray) -> np.ndarray:
    """The inverse of `_one_hot`, the largest of a class's columns being the class."""
    columns, start = [x[:, : len(schema.real_columns)]], len(schema.real_columns)
    for stream in schema.categorical_streams:
        columns.append(x[:, start : start + len(stream.classes)].argmax(1)[:, None])
        start += len(stream.classes)
    return np.concatenate(columns, axis=1)


def _mean(values: np.ndarray) -> float:
    return round(float(values.mean()), 3)
