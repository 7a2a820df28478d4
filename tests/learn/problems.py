# SPDX-License-Identifier: Apache-2.0
"""Small models and tables that the tests of training share."""

import numpy as np
import torch

from drmm_engine.learn import Settings, curriculum
from drmm_engine.learn.graphs import batch_loss
from drmm_engine.learn.parameters import Parameters
from drmm_engine.learn.rows import rows
from drmm_engine.schema import Schema, Stream

MIXED = Schema((Stream.real("a", ["x", "y"]), Stream.categorical("kind", ["p", "q", "r"]), Stream.real("b", ["z"])))
PLAIN = Schema((Stream.real("a", ["x", "y"]),))


def settings(*components, **values):
    return Settings(components, **({"iterations": 30, "batch": 16} | values))


def parameters(schema, s, seed=0, dtype=torch.float64) -> Parameters:
    """Random parameters of every kind, requiring gradients."""
    g = torch.Generator().manual_seed(seed)
    n = len(schema.real_columns)
    out = {}
    for i, k in enumerate(s.components):
        out[f"layers.{i}.weight"] = torch.randn(k, generator=g, dtype=dtype)
        out[f"layers.{i}.mean"] = torch.randn(k, n, generator=g, dtype=dtype) / (i + 1)
        size = n if s.covariance == "diagonal" else len(schema.real_streams)
        out[f"layers.{i}.log_variance"] = 0.3 * torch.randn(size, generator=g, dtype=dtype)
        for c, stream in enumerate(schema.categorical_streams):
            out[f"layers.{i}.classes.{c}"] = torch.randn(k, len(stream.classes), generator=g, dtype=dtype)
        if i:
            out[f"layers.{i}.latent"] = torch.randn(sum(s.components[:i]), k, generator=g, dtype=dtype)
    return {name: p.requires_grad_() for name, p in out.items()}


def table(schema, count=40, seed=0, missing=0.0, weight=None, dtype=torch.float64):
    """Random rows on the CPU, in double precision."""
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(count, len(schema.names)))
    for column, stream in zip(schema.categorical_columns, schema.categorical_streams, strict=True):
        data[:, column] = rng.integers(len(stream.classes), size=count)
    data[rng.random(data.shape) < missing] = np.nan
    made = rows(schema, data, weight, "cpu")
    parts = {name: x.to(dtype) if x is not None and x.is_floating_point() else x for name, x in vars(made).items()}
    return data, type(made)(**parts)


def loss_of(p, schema, t, s, index, noise, i):
    """The loss of iteration i on rows of a table."""
    stage, share = curriculum.stage(i, s.iterations), curriculum.interpolation(i, s.iterations)
    return batch_loss(p, schema, t.take(index), s, noise, stage, share)
