# SPDX-License-Identifier: Apache-2.0
"""The few array operations in which NumPy and torch differ; everything else is written with operators."""

from __future__ import annotations

import math
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or torch.Tensor

_LOW, _HIGH, _STEPS = -12.0, 6.0, 1024  # log Phi is tabulated on [_LOW, _HIGH], _STEPS cells a unit
_CHUNK = 1 << 14  # numbers that stay in the processor's cache while log Phi is looked up


def namespace(x: Array) -> SimpleNamespace:
    """The operations for arrays of x's kind."""
    return NUMPY if isinstance(x, np.ndarray) else torch_namespace()


@lru_cache(maxsize=1)
def has_blas() -> bool:
    """Whether this NumPy was built with a library for matrix products: Blender's own builds are not."""
    numpy: Any = np  # its stubs say that neither gives anything
    try:
        return bool(numpy.show_config(mode="dicts")["Build Dependencies"]["blas"].get("found"))
    except (TypeError, KeyError):  # before NumPy 1.26
        return bool(numpy.__config__.get_info("blas_opt"))


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b of large matrices [..., n, m], [..., m, k]; without a library three to six times as fast as NumPy's own."""
    return a @ b if has_blas() else np.einsum("...nm,...mk->...nk", a, b)


@lru_cache(maxsize=1)
def _log_ndtr_table() -> tuple[np.ndarray, np.ndarray]:
    """Values of log Phi on the grid, and their differences; relative error of the interpolation below 2e-7."""
    grid = _LOW + np.arange(int((_HIGH - _LOW) * _STEPS) + 2) / _STEPS
    values = np.array([math.log(0.5 * math.erfc(-z / math.sqrt(2))) for z in grid])
    return values, np.diff(values, append=values[-1])


def _log_ndtr_tail(z: np.ndarray) -> np.ndarray:
    """log Phi(z) for z < -12 by the asymptotic series of Mills' ratio."""
    s = 1 / (z * z)
    return -0.5 * z * z - np.log(-z) - 0.5 * math.log(2 * math.pi) + np.log1p(-s * (1 - s * (3 - 15 * s)))


def log_ndtr(z: np.ndarray) -> np.ndarray:
    """log of the normal distribution function, stable in both tails; absolute error below 1e-6."""
    out = np.empty(z.shape)
    flat, filled = z.reshape(-1), out.reshape(-1)
    for i in range(0, len(flat), _CHUNK):
        filled[i : i + _CHUNK] = _log_ndtr_chunk(flat[i : i + _CHUNK])
    return out


def _log_ndtr_chunk(z: np.ndarray) -> np.ndarray:
    values, steps = _log_ndtr_table()
    t = (z - _LOW) * _STEPS
    np.clip(t, 0.0, len(values) - 2.0, out=t)  # beyond _HIGH log Phi is 0 to 1e-9
    cell = t.astype(np.intp)
    t -= cell
    t *= steps.take(cell, mode="clip")
    t += values.take(cell, mode="clip")
    if z.min() < _LOW:
        far = z < _LOW
        t[far] = _log_ndtr_tail(z[far])
    return t


def _logsumexp(x: np.ndarray, axis: int = -1) -> np.ndarray:
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.squeeze(top, axis) + np.log(np.exp(x - top).sum(axis))


def _bag(table: np.ndarray, index: np.ndarray) -> np.ndarray:
    out = table[index[:, 0]]
    for j in range(1, index.shape[1]):
        out += table[index[:, j]]
    return out


def _unique_numpy(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    unique, inverse = np.unique(key, return_inverse=True)
    return unique, inverse.reshape(-1)


NUMPY = SimpleNamespace(
    name="numpy",
    asarray=lambda x, like: np.asarray(x, dtype=like.dtype),
    integers=lambda x, like: np.asarray(x, dtype=np.intp),
    numpy=np.asarray,
    single=lambda x: x.astype(np.float32),
    double=lambda x: x.astype(np.float64),
    exp=np.exp,
    log=np.log,
    sqrt=np.sqrt,
    where=np.where,
    einsum=np.einsum,
    concatenate=lambda xs, axis=-1: np.concatenate(xs, axis=axis),
    amax=lambda x: np.max(x, axis=-1, keepdims=True),
    nonzero=np.nonzero,
    logsumexp=_logsumexp,
    log_ndtr=log_ndtr,
    cholesky=np.linalg.cholesky,
    inverse=np.linalg.inv,
    product=product,
    bag=_bag,
    take=lambda table, index: table[index],
    along=lambda x, index: np.take_along_axis(x, index[:, None], 1)[:, 0],
    at_least=lambda least, x: np.where(x >= least, x, 0.0),
    count=lambda rising, bound: (rising <= bound[:, None]).sum(-1),
    constant=lambda x: x,
    unique=_unique_numpy,
    bincount=lambda index, weight, size: np.bincount(index, weight, size),
    squares=lambda x: np.einsum("...n,...n->...", x, x),
)
"""`bag(table [R, K], index [B, J]) -> [B, K]` sums rows, `take(table, index [B])` reads them, both with fast gradients;
`along(x [B, K], index [B])` one of each row; `at_least(c, x)` is 0 where x < c; `count(rising [B, K], bound [B])` how
many are <= bound in each row; `constant(x)` is x without gradient; `unique(key) -> (values, inverse)`;
`bincount(index, weight or None, size)` sums weights by index; `squares(x)` sums x^2 over the last axis."""


@lru_cache(maxsize=1)
def torch_namespace() -> SimpleNamespace:
    """The same operations on torch tensors (torch is imported here and only here)."""
    import torch

    class Exp(torch.autograd.Function):
        """exp that never underflows: in single precision torch takes a hundred times as long where it would."""

        @staticmethod
        def forward(context: Any, x: Array) -> Array:
            out = x.clamp(min=-80 if x.element_size() < 8 else -700).exp_()
            context.save_for_backward(out)
            return out

        @staticmethod
        def backward(context: Any, gradient: Array) -> Array:
            return gradient * context.saved_tensors[0]

    def exp(x: Array) -> Array:
        return Exp.apply(x)

    def logsumexp(x: Array, axis: int = -1) -> Array:
        top = x.detach().amax(axis, keepdim=True)  # a constant: its gradients cancel
        return top.squeeze(axis) + exp(x - top).sum(axis).log()

    return SimpleNamespace(
        name="torch",
        asarray=lambda x, like: torch.as_tensor(x, dtype=like.dtype, device=like.device),
        integers=lambda x, like: torch.as_tensor(x, dtype=torch.long, device=like.device),
        numpy=lambda x: x.detach().cpu().numpy(),
        single=lambda x: x.float(),
        double=lambda x: x.double(),
        exp=exp,
        log=torch.log,
        sqrt=torch.sqrt,
        where=torch.where,
        einsum=torch.einsum,
        concatenate=lambda xs, axis=-1: torch.cat(list(xs), dim=axis),
        amax=lambda x: x.amax(-1, keepdim=True),
        nonzero=lambda x: torch.nonzero(x, as_tuple=True),
        logsumexp=logsumexp,
        log_ndtr=torch.special.log_ndtr,
        cholesky=torch.linalg.cholesky,
        inverse=torch.linalg.inv,
        product=torch.matmul,
        bag=lambda table, index: torch.nn.functional.embedding_bag(index, table, mode="sum"),
        take=lambda table, index: torch.nn.functional.embedding(index, table),
        along=lambda x, index: x.gather(1, index[:, None])[:, 0],
        at_least=lambda least, x: torch.nn.functional.threshold(x, math.nextafter(least, 0.0), 0.0),
        count=lambda rising, bound: torch.searchsorted(rising, bound[:, None], right=True)[:, 0],
        constant=lambda x: x.detach(),
        unique=lambda key: torch.unique(key, return_inverse=True),
        bincount=lambda index, weight, size: torch.bincount(index, weight, size),
        squares=lambda x: (x * x).sum(-1),
    )
