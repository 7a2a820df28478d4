# SPDX-License-Identifier: Apache-2.0
"""Names, units and scaling of the variables that a model is over."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

KINDS = ("real", "categorical")
HUGE = 1e100  # numbers from here on count as infinite: their squares would overflow


@dataclass(frozen=True)
class Variable:
    """One variable: data value = offset + scale * model value."""

    name: str
    unit: str = ""
    offset: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"a variable needs a name, got {self.name!r}")
        if not isinstance(self.unit, str):
            raise ValueError(f"variable {self.name!r}: unit must be text, got {self.unit!r}")
        for what in ("offset", "scale"):
            value = getattr(self, what)
            if not isinstance(value, (int, float)) or not abs(value) < HUGE:
                raise ValueError(f"variable {self.name!r}: {what} must be a finite number, got {value!r}")
        if not self.scale > 1 / HUGE:
            raise ValueError(f"variable {self.name!r}: scale must be positive, got {self.scale!r}")


@dataclass(frozen=True)
class Stream:
    """A data stream X_s (paper, Sec. 3): real variables that share a sigma, or one categorical variable."""

    name: str
    variables: tuple[Variable, ...]
    kind: str = "real"
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or "." in self.name:
            raise ValueError(f"a stream needs a name without dots, got {self.name!r}")
        if self.kind not in KINDS:
            raise ValueError(f"stream {self.name!r}: kind must be one of {KINDS}, got {self.kind!r}")
        if not self.variables:
            raise ValueError(f"stream {self.name!r} has no variables")
        if self.kind == "categorical" and (len(self.variables) != 1 or not self.classes):
            raise ValueError(f"categorical stream {self.name!r} must have one variable and at least one class")
        if not all(isinstance(label, str) for label in self.classes):
            raise ValueError(f"categorical stream {self.name!r}: classes must be names, got {self.classes!r}")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"categorical stream {self.name!r} names a class twice")

    @classmethod
    def real(cls, name: str, names: list[str] | tuple[str, ...], unit: str = "") -> Stream:
        """A real stream of unscaled variables."""
        return cls(name, tuple(Variable(n, unit) for n in names))

    @classmethod
    def categorical(cls, name: str, classes: list[str] | tuple[str, ...]) -> Stream:
        """A categorical stream: one variable of the same name; data values are class numbers from 0."""
        return cls(name, (Variable(name),), "categorical", tuple(classes))


@dataclass(frozen=True)
class Schema:
    """The streams of a model, in column order."""

    streams: tuple[Stream, ...]
    _columns: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.streams:
            raise ValueError("a schema needs at least one stream")
        if len({s.name for s in self.streams}) != len(self.streams):
            raise ValueError("two streams have the same name")
        columns = {name: i for i, name in enumerate(self.names)}
        if len(columns) != len(self.names):
            twice = next(n for n in self.names if self.names.count(n) > 1)
            raise ValueError(f"variable {twice!r} appears twice")
        object.__setattr__(self, "_columns", columns)

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """All variables in column order."""
        return tuple(v for s in self.streams for v in s.variables)

    @cached_property
    def names(self) -> list[str]:
        """Names of all variables in column order."""
        return [v.name for v in self.variables]

    @cached_property
    def real_streams(self) -> tuple[Stream, ...]:
        """The real streams, in order."""
        return tuple(s for s in self.streams if s.kind == "real")

    @cached_property
    def categorical_streams(self) -> tuple[Stream, ...]:
        """The categorical streams, in order."""
        return tuple(s for s in self.streams if s.kind == "categorical")

    @cached_property
    def real_columns(self) -> np.ndarray:
        """Columns of the real variables, [N]."""
        kinds = [s.kind for s in self.streams for _ in s.variables]
        return np.array([i for i, kind in enumerate(kinds) if kind == "real"], dtype=np.intp)

    @cached_property
    def categorical_columns(self) -> np.ndarray:
        """Columns of the categorical variables, [C]."""
        return np.setdiff1d(np.arange(len(self.names)), self.real_columns)

    @cached_property
    def offset(self) -> np.ndarray:
        """Offsets of the real variables, [N], data units."""
        return np.array([self.variables[i].offset for i in self.real_columns])

    @cached_property
    def scale(self) -> np.ndarray:
        """Scales of the real variables, [N], data units per model unit."""
        return np.array([self.variables[i].scale for i in self.real_columns])

    def column(self, name: str) -> int:
        """The column of a variable; ValueError names near misses."""
        if name in self._columns:
            return self._columns[name]
        near = difflib.get_close_matches(str(name), self.names, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"it has {_listing(self.names)}"
        raise ValueError(f"no variable {name!r} in this model; {hint}")

    def real_index(self, name: str) -> int:
        """The place of a real variable among the real variables."""
        column = self.column(name)
        if column in self.categorical_columns:
            raise ValueError(f"variable {name!r} is categorical; only Known takes it")
        return int(np.searchsorted(self.real_columns, column))

    def class_code(self, name: str, label: object) -> int:
        """The number of a class given by its label or its number."""
        stream = next(s for s in self.categorical_streams if s.variables[0].name == name)
        if isinstance(label, str) and label in stream.classes:
            return stream.classes.index(label)
        number = float(label) if isinstance(label, (int, float, np.number)) else -1.0
        if number in range(len(stream.classes)):
            return int(number)
        given = label.item() if isinstance(label, np.generic) else label  # NumPy 2 shows its own types
        raise ValueError(f"variable {name!r}: no class {given!r}; it has {_listing(list(stream.classes))}")

    def split(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows in data units [B, V] as real values in model units [B, N] and class numbers [B, C]; NaN stays NaN."""
        return (x[:, self.real_columns] - self.offset) / self.scale, x[:, self.categorical_columns]

    def join(self, real: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """The inverse of `split`."""
        x = np.empty((len(real), len(self.names)))
        x[:, self.real_columns] = self.offset + self.scale * real
        x[:, self.categorical_columns] = codes
        return x

    def to_json(self) -> dict:
        """As the model file stores it."""
        return {"streams": [_stream_to_json(s) for s in self.streams]}

    @classmethod
    def from_json(cls, data: dict) -> Schema:
        """From the model file's `schema`; ValueError on anything else."""
        try:
            return cls(tuple(_stream_from_json(s) for s in data["streams"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"schema: {type(error).__name__} {error}") from None


def _stream_to_json(stream: Stream) -> dict:
    variables = [{"name": v.name, "unit": v.unit, "offset": v.offset, "scale": v.scale} for v in stream.variables]
    out = {"name": stream.name, "kind": stream.kind, "variables": variables}
    return out | {"classes": list(stream.classes)} if stream.kind == "categorical" else out


def _stream_from_json(data: dict) -> Stream:
    variables = tuple(Variable(v["name"], v.get("unit", ""), v["offset"], v["scale"]) for v in data["variables"])
    return Stream(data["name"], variables, data["kind"], tuple(data.get("classes", ())))


def _listing(names: list[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"
