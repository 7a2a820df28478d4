# SPDX-License-Identifier: Apache-2.0
"""Train on any table: python -m training.table DATA --out MODEL."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drmm_engine import Schema, Stream, Variable
from drmm_engine.learn.rows import SAMPLE
from drmm_engine.learn.shards import ShardRows, hold_out, open_shards
from drmm_engine.scaling import rescaled
from drmm_engine.table import Table, read_table

from . import common

MOST_CLASSES = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    p = common.parser("table", "Train a model on the rows of a table, in any units: each real variable is scaled by "
                               "its standard deviation, text columns become categorical variables.")
    p.add_argument("data", metavar="DATA", help=".csv with a header, .npy, or .npz of one array a stream (whole "
                                                "numbers or texts [rows]: classes); empty or nan = missing; or a "
                                                "folder of .npy files that need not fit into memory")
    return common.main(run, p, arguments)


def run(options: argparse.Namespace) -> dict:
    """Read, split, train, score and save."""
    plan, share = common.choose(options, common.recipe("table"))
    if Path(options.data).is_dir():
        return _run_shards(options, plan, share)
    table = read_table(options.data)
    schema = table_schema(table)
    x = table.matrix(schema)
    train, held = common.split(len(x), share, options.seed)
    schema = rescaled(schema, x[train])
    return common.fit_and_save(options, schema, x[train], x[held], plan, {"source": Path(options.data).name})


def _run_shards(options: argparse.Namespace, plan: common.Plan, share: float) -> dict:
    """The same for mapped files: scaled by a random sample of the rows to train on."""
    shards = open_shards(options.data)
    held = hold_out(len(shards), share, options.seed)
    schema = Schema((Stream.real("data", [f"data_{i}" for i in range(shards.columns)]),))
    source = ShardRows(schema, shards, held)
    rng, count = np.random.default_rng(options.seed), len(source)
    some = np.arange(count) if count <= SAMPLE else np.sort(rng.integers(count, size=SAMPLE))
    looked_at = shards.read(source.place(some))
    schema = rescaled(schema, looked_at)
    scored = np.sort(rng.permutation(held)[: common.SCORED])
    return common.fit_and_save(options, schema, ShardRows(schema, shards, held), shards.read(scored), plan,
                               {"source": Path(options.data).name}, seen=looked_at)


def table_schema(table: Table) -> Schema:
    """The streams of a table, unscaled: a real stream of each one's numbers, a categorical one of each text column."""
    streams = []
    for stream, names in table.streams.items():
        reals = [name for name in names if table.columns[name].dtype.kind == "f"]
        if reals:
            streams.append(Stream.real(stream.replace(".", "_"), reals))
        streams += [_categorical(table, name) for name in names if name not in reals]
    return Schema(tuple(streams))


def _categorical(table: Table, name: str) -> Stream:
    column = table.columns[name]
    classes = sorted({str(label) for label in column if label})
    numbers = np.array([_is_number(label) for label in column])
    if table.named and 2 * numbers.sum() > (column != "").sum():
        row = int(np.argmax(~numbers & (column != "")))
        raise ValueError(f"{table.source}: column {name!r}, row {row + 1}: {str(column[row])!r} is not a number")
    if len(classes) > MOST_CLASSES:
        raise ValueError(f"{table.source}: column {name!r} holds {len(classes)} different texts; a class variable may "
                         f"have {MOST_CLASSES}; leave the column out")
    return Stream(name.replace(".", "_"), (Variable(name),), "categorical", tuple(classes))


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
