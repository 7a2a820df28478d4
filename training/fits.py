# SPDX-License-Identifier: Apache-2.0
"""Layers of a fit that is not finished: a file from which the same fit goes on after a kill, bit for bit."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from drmm_engine.files import write_whole
from drmm_engine.fit import Fitted
from drmm_engine.layer import Layer
from drmm_engine.learn import checkpoint


def write(path: Path, run: dict, fitted: list[Fitted]) -> None:
    """The layers as they are and the states of random numbers; `run` says which fit this is, in JSON."""
    arrays: dict[str, np.ndarray] = {}
    words = []
    for i, each in enumerate(fitted):
        values = {field.name: getattr(each.layer, field.name) for field in fields(Layer)}
        tables = values.pop("log_prob")
        arrays |= {f"{i}.log_prob.{c}": table for c, table in enumerate(tables)}
        arrays |= {f"{i}.{name}": value for name, value in values.items() if isinstance(value, np.ndarray)}
        words.append({"covariance": each.layer.covariance, "residual": each.layer.residual, "state": each.state,
                      "tables": len(tables)})
    file = io.BytesIO()
    np.savez(file, header=np.array(json.dumps({"run": run, "layers": words})), **arrays)
    write_whole(path, file.getvalue())


def read(path: Path, run: dict) -> list[Fitted]:
    """The layers that `write` has kept, none where there is no file; ValueError where it is damaged or of another run.
    """
    if not path.exists():
        return []
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop("header")))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a usable checkpoint ({error}); delete it to start anew") from None
    checkpoint.same(path, header["run"], run)
    return [_fitted(i, words, arrays) for i, words in enumerate(header["layers"])]


def _fitted(i: int, words: dict, arrays: dict[str, np.ndarray]) -> Fitted:
    values: dict[str, Any] = {field.name: arrays.get(f"{i}.{field.name}") for field in fields(Layer)}
    values |= {"log_prob": tuple(arrays[f"{i}.log_prob.{c}"] for c in range(words["tables"])),
               "covariance": words["covariance"], "residual": words["residual"]}
    return Fitted(Layer(**values), words["state"])
