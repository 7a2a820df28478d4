# SPDX-License-Identifier: Apache-2.0
"""The model file `*.drmm.safetensors`: written whole or not at all, read with every name and shape checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import namespace
from .files import write_whole
from .layer import Layer
from .schema import Schema

if TYPE_CHECKING:
    from safetensors import safe_open

    from .model import Model

FORMAT = 1
SECTIONS = ("training", "data", "metrics", "skeleton", "features")
Shape = tuple[int, ...]
COVARIANCES = ("isotropic", "diagonal", "full")
RESIDUALS = ("shift", "whiten")
WASTE = 16  # a layer in memory against the file, at most
WIDEST = 40.0  # |log sigma| beyond it would leave single precision


def save(model: Model, path: str | Path) -> None:
    """Write tensors in float32 and everything else as JSON; a file in place is replaced only by a complete one.

    ValueError where the model could not be read back, or the file not be written.
    """
    from safetensors.numpy import save as to_bytes

    header: dict = {"format": FORMAT, "schema": model.schema.to_json()}
    header["layers"] = [
        {"components": layer.components, "covariance": layer.covariance, "residual": layer.residual}
        for layer in model.layers
    ]
    header |= {name: value for name in SECTIONS if (value := getattr(model, name))}
    try:
        text = json.dumps(header, allow_nan=False)
        tensors = _tensors(model)
        for name, tensor in tensors.items():
            _check(name, tensor)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: not written: {error}") from None
    write_whole(path, to_bytes(tensors, {"drmm": text}))


def load(path: str | Path) -> Model:
    """Read a model file; ValueError says what is wrong with any other file."""
    from safetensors import SafetensorError, safe_open

    from .model import Model

    try:
        with safe_open(str(path), framework="np") as file:
            metadata = file.metadata() or {}
            header = json.loads(metadata.get("drmm", "null"))
            _require(isinstance(header, dict), "it has no `drmm` metadata; is it a model of another program?")
            _require(header.get("format") == FORMAT, f"format {header.get('format')!r}; this version reads {FORMAT}")
            schema = Schema.from_json(header.get("schema"))
            shapes = _expected(schema, header.get("layers"), set(file.keys()))
            tensors = _read(file, shapes)
            for name in SECTIONS:
                _require(isinstance(header.get(name, {}), dict), f"`{name}` must be a JSON object")
            entries = enumerate(header["layers"])
            layers = tuple(_layer(i, entry, schema, header["layers"], tensors) for i, entry in entries)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (ValueError, OSError, SafetensorError, RecursionError) as error:
        raise ValueError(f"{path}: not a usable model file: {error}") from None
    return Model(schema, layers, **{name: header[name] for name in SECTIONS if name in header})


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _tensors(model: Model) -> dict[str, np.ndarray]:
    out = {}
    for i, layer in enumerate(model.layers):
        out[f"layers.{i}.log_weight"] = layer.log_weight
        start = 0
        for stream in model.schema.real_streams:
            part = slice(start, start + len(stream.variables))
            out[f"layers.{i}.mean.{stream.name}"] = layer.mean[:, part]
            if layer.covariance == "full":
                out[f"layers.{i}.cholesky.{stream.name}"] = layer.cholesky[:, part, part]
            else:
                out[f"layers.{i}.log_sigma.{stream.name}"] = _stored_sigma(layer, part)
            start = part.stop
        for stream, table in zip(model.schema.categorical_streams, layer.log_prob, strict=True):
            out[f"layers.{i}.log_prob.{stream.name}"] = table
        for j, first in enumerate([] if layer.latent_start is None else layer.latent_start):
            block = layer.latent_table[int(first) :][: model.layers[j].components]
            out[f"layers.{i}.log_prob.latent.{j}"] = block.T
    return {name: np.array(namespace(x).numpy(x), dtype=np.float32, order="C") for name, x in out.items()}


def _stored_sigma(layer: Layer, part: slice) -> np.ndarray:
    sigma = layer.log_sigma[:, part]
    if layer.covariance == "isotropic":
        return sigma[:1, :1].reshape(())
    return sigma[0] if len(sigma) == 1 else sigma


def _expected(schema: Schema, layers: list, names: set[str]) -> dict[str, list[Shape]]:
    """The tensors `names` of a file as its header describes them, each with the shapes it may have."""
    _require(isinstance(layers, list) and len(layers) > 0, "`layers` must be a list of at least one layer")
    shapes: dict[str, list[Shape]] = {}
    for i in range(len(layers)):
        # Layer by layer, as a header may claim more of them than fit in memory.
        for name, allowed in _layer_shapes(schema, layers, i).items():
            _require(f"layers.{i}.{name}" in names, f"tensor layers.{i}.{name} is missing")
            shapes[f"layers.{i}.{name}"] = allowed
    unknown = sorted(names - set(shapes))
    _require(not unknown, f"tensor {unknown[0] if unknown else ''} does not belong to the model")
    return shapes


def _layer_shapes(schema: Schema, layers: list[Any], i: int) -> dict[str, list[Shape]]:
    entry: dict = layers[i] if isinstance(layers[i], dict) else {}
    k: Any = entry.get("components")
    covariance, residual = entry.get("covariance"), entry.get("residual")
    _require(type(k) is int and k > 0, f"layers.{i}: components is {k!r}")
    _require(covariance in COVARIANCES, f"layers.{i}: covariance {covariance!r} is not known")
    _require(residual in RESIDUALS, f"layers.{i}: residual {residual!r} is not known")
    shapes: dict[str, list[Shape]] = {"log_weight": [(k,)]}
    for stream in schema.real_streams:
        n = len(stream.variables)
        shapes[f"mean.{stream.name}"] = [(k, n)]
        if covariance == "full":
            shapes[f"cholesky.{stream.name}"] = [(k, n, n)]
        else:
            shapes[f"log_sigma.{stream.name}"] = [()] if covariance == "isotropic" else [(n,), (k, n)]
    for stream in schema.categorical_streams:
        shapes[f"log_prob.{stream.name}"] = [(k, len(stream.classes))]
    return shapes | {f"log_prob.latent.{j}": [(k, layers[j]["components"])] for j in range(i)}


def _read(file: safe_open, shapes: dict[str, list[Shape]]) -> dict[str, np.ndarray]:
    tensors = {}
    for name, allowed in shapes.items():
        entry = file.get_slice(name)
        shape, dtype = tuple(entry.get_shape()), entry.get_dtype()
        _require(dtype == "F32", f"tensor {name} is {dtype}, must be F32")
        _require(shape in allowed, f"tensor {name} has shape {list(shape)}, must be {list(allowed[0])}")
        tensors[name] = np.asarray(file.get_tensor(name), dtype=np.float64)
        _check(name, tensors[name])
    return tensors


def _check(name: str, tensor: np.ndarray) -> None:
    """What a tensor must hold, by the part of the layer that its name says it is."""
    _require(bool(np.isfinite(tensor).all()), f"tensor {name} holds a value that is not finite")
    part = name.split(".")[2]
    if part in ("log_weight", "log_prob"):
        total = np.exp(np.minimum(tensor, 1)).sum(-1)
        _require(bool(np.allclose(total, 1, atol=1e-3)), f"tensor {name} is not normalised")
    if part == "log_sigma":
        _require(bool((np.abs(tensor) < WIDEST).all()), f"tensor {name} holds a log sigma beyond {WIDEST:g}")
    if part == "cholesky":
        diagonal = tensor.diagonal(0, -2, -1)
        _require(not np.triu(tensor, 1).any(), f"tensor {name} is not lower triangular")
        _require(bool((diagonal > 0).all()), f"tensor {name} has a diagonal that is not positive")
        log_sigma = np.log(diagonal.astype(float))
        _require(bool((np.abs(log_sigma) < WIDEST).all()), f"tensor {name} holds a log sigma beyond {WIDEST:g}")


def _layer(i: int, entry: dict, schema: Schema, layers: list[dict], tensors: dict[str, np.ndarray]) -> Layer:
    real = schema.real_streams
    k, full = entry["components"], entry["covariance"] == "full"
    log_sigma = None if full else _sigmas([tensors[f"layers.{i}.log_sigma.{s.name}"] for s in real], schema)
    cholesky = _blocks([tensors[f"layers.{i}.cholesky.{s.name}"] for s in real], k) if full else None
    means = [tensors[f"layers.{i}.mean.{s.name}"] for s in real]
    table = start = None
    if i:
        table = np.concatenate([tensors[f"layers.{i}.log_prob.latent.{j}"].T for j in range(i)])
        start = np.cumsum([0] + [layers[j]["components"] for j in range(i - 1)])
    return Layer(
        tensors[f"layers.{i}.log_weight"],
        np.concatenate(means, axis=1) if means else np.zeros((k, 0)),
        log_sigma,
        tuple(tensors[f"layers.{i}.log_prob.{s.name}"] for s in schema.categorical_streams),
        table, start, entry["covariance"], entry["residual"], cholesky,
    )


def _sigmas(tensors: list[np.ndarray], schema: Schema) -> np.ndarray:
    """[1, N] or [K, N] of one tensor a stream."""
    rows = max((s.shape[0] for s in tensors if s.ndim == 2), default=1)
    widths = [len(s.variables) for s in schema.real_streams]
    parts = [np.broadcast_to(s, (rows, n)) for s, n in zip(tensors, widths, strict=True)]
    return np.concatenate(parts, axis=1) if parts else np.zeros((1, 0))


def _blocks(tensors: list[np.ndarray], k: int) -> np.ndarray:
    """[K, N, N], block diagonal, of one tensor a stream; ValueError where that takes much more than the blocks."""
    n = sum(t.shape[1] for t in tensors)
    _require(n * n <= WASTE * sum(t.shape[1] ** 2 for t in tensors), f"full covariances of {len(tensors)} streams")
    out, start = np.zeros((k, n, n)), 0
    for t in tensors:
        part = slice(start, start + t.shape[1])
        out[:, part, part] = t
        start = part.stop
    return out
