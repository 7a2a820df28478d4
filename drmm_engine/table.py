# SPDX-License-Identifier: Apache-2.0
"""Tables on disk: .csv with a header, .npy, or .npz of one array a stream; an empty cell or nan is a missing value."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from .schema import Schema, Stream


@dataclass(frozen=True)
class Table:
    """Columns of one length: numbers (float64, NaN = missing) or class labels (str, "" = missing), by stream.

    `streams` lists the names of each stream's columns. Only a .csv names its columns; the others are known by their
    place, and `named` is False.
    """

    source: str
    columns: dict[str, np.ndarray]
    streams: dict[str, tuple[str, ...]]
    named: bool

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))

    def matrix(self, schema: Schema) -> np.ndarray:
        """Rows [rows, variables] in the schema's column order, data units, classes as numbers; NaN = missing."""
        given = [name for stream in schema.streams for name in self._names(stream, schema)]
        columns = [self._numbers(name, v.name, schema) for name, v in zip(given, schema.variables, strict=True)]
        return np.stack(columns, axis=1)

    def _names(self, stream: Stream, schema: Schema) -> tuple[str, ...]:
        """This table's columns for the variables of a stream: by name, or else by place."""
        if self.named:
            for variable in stream.variables:
                if variable.name not in self.columns:
                    raise ValueError(f"{self.source}: no column {variable.name!r}; it has {', '.join(self.columns)}")
            return tuple(v.name for v in stream.variables)
        if len(self.streams) == 1 and len(self.columns) == len(schema.names):
            first = schema.column(stream.variables[0].name)
            return tuple(self.columns)[first : first + len(stream.variables)]
        names = self.streams.get(stream.name, ())
        if len(names) != len(stream.variables):
            raise ValueError(f"{self.source}: stream {stream.name!r} needs {len(stream.variables)} columns, "
                             f"the file has {len(names)}")
        return names

    def _numbers(self, name: str, variable: str, schema: Schema) -> np.ndarray:
        column = self.columns[name]
        if column.dtype.kind != "f" and schema.column(variable) not in schema.categorical_columns:
            column = _column(column)
        if column.dtype.kind == "f":
            return column
        if schema.column(variable) not in schema.categorical_columns:
            row = next(i for i, cell in enumerate(column) if cell and _number(cell) is None)
            raise ValueError(f"{self.source}: column {name!r}, row {row + 1}: {str(column[row])!r} is not a number")
        codes = {label: schema.class_code(variable, label) for label in np.unique(column) if label}
        return np.array([codes.get(label, np.nan) for label in column], dtype=float)


def read_table(path: str | Path) -> Table:
    """Read a table; ValueError with file, row and column on anything that is not one."""
    path = Path(path)
    readers = {".csv": _read_csv, ".npy": _read_npy, ".npz": _read_npz}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path}: a table must be one of {', '.join(readers)}")
    try:
        table = readers[path.suffix.lower()](path)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (OSError, EOFError, MemoryError, UnicodeDecodeError, csv.Error, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None
    if not table.columns or not table.rows:
        raise ValueError(f"{path}: the table is empty")
    for name, column in table.columns.items():
        if column.dtype.kind == "f" and np.isinf(column).any():
            row = int(np.argmax(np.isinf(column)))
            raise ValueError(f"{path}: column {name!r}, row {row + 1}: the value is infinite")
    return table


def _read_csv(path: Path) -> Table:
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        names = tuple(cell.strip() for cell in next(reader, []))
        if len(set(names)) != len(names) or not all(names):
            raise ValueError(f"{path}: the first line must name every column once, got {', '.join(names)!r}")
        cells: list[list[str]] = [[] for _ in names]
        for row in reader:
            if not row:
                continue
            if len(row) != len(names):
                raise ValueError(f"{path}:{reader.line_num}: {len(row)} cells, the header has {len(names)}")
            for column, cell in zip(cells, row, strict=True):
                column.append(cell.strip())
    columns = {name: _column(column) for name, column in zip(names, cells, strict=True)}
    return Table(str(path), columns, {"data": names}, named=True)


def _column(cells: Sequence[str] | np.ndarray) -> np.ndarray:
    """Numbers where every cell is one or empty, otherwise labels."""
    numbers = [_number(cell) for cell in cells]
    if None in numbers:
        return np.array(cells, dtype=str)
    return np.array(numbers, dtype=float)


def _number(cell: str) -> float | None:
    try:
        return float(cell) if cell else float("nan")
    except ValueError:
        return None


def _read_npy(path: Path) -> Table:
    with open(path, "rb") as file:
        return _from_arrays(path, {"data": _array(path, file)})


def _read_npz(path: Path) -> Table:
    with zipfile.ZipFile(path) as archive:
        arrays = {}
        for name in archive.namelist():
            with archive.open(name) as file:
                arrays[name.removesuffix(".npy")] = _array(path, file)
        return _from_arrays(path, arrays)


def _array(path: Path, file: IO[bytes]) -> np.ndarray:
    try:
        return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{path}: not a file of plain arrays: {error}") from None


def _from_arrays(path: Path, arrays: dict[str, np.ndarray]) -> Table:
    columns: dict[str, np.ndarray] = {}
    streams: dict[str, tuple[str, ...]] = {}
    for stream, array in arrays.items():
        if array.ndim == 1 and array.dtype.kind in "iuU":  # classes: one categorical variable of the stream's name
            columns[stream], streams[stream] = array.astype(str), (stream,)
            continue
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or array.dtype.kind not in "fiubU":
            raise ValueError(f"{path}: array {stream!r} must be numbers or labels [rows, columns], "
                             f"got {array.dtype} {list(array.shape)}")
        array = array if array.dtype.kind == "U" else array.astype(float)
        streams[stream] = tuple(f"{stream}_{i}" for i in range(array.shape[1]))
        columns |= dict(zip(streams[stream], array.T, strict=True))
    if len({len(c) for c in columns.values()}) > 1:
        raise ValueError(f"{path}: its arrays have different numbers of rows")
    return Table(str(path), columns, streams, named=False)
