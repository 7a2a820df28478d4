# SPDX-License-Identifier: Apache-2.0
"""Data on disk: what is drawn, what is read, and that it makes no difference to the model."""

import os
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from drmm_engine.learn import Settings, shards, train
from drmm_engine.learn import rows as rows_module
from drmm_engine.learn.shards import ShardRows, Shards, hold_out, open_shards
from drmm_engine.scaling import rescaled, to_model_units
from drmm_engine.schema import Schema, Stream
from tests.learn.test_train import same

ROOT = Path(__file__).parents[2]
NONE = np.zeros(0, dtype=np.int64)


def plain(columns):
    return Schema((Stream.real("a", [f"v{i}" for i in range(columns)]),))


def written(folder, x, parts=3):
    folder.mkdir(exist_ok=True)
    for i, part in enumerate(np.array_split(x, parts)):
        np.save(folder / f"part{i}.npy", part)
    return open_shards(folder)


def made(count=900, columns=4, missing=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x = (5 * rng.normal(size=(count, columns)) + 30).astype(np.float32)
    x[rng.random(x.shape) < missing] = np.nan
    x[np.isnan(x).all(1)] = 1.0
    return x


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("start", ["random", "greedy"])
def test_the_model_is_the_one_that_the_same_rows_in_memory_give(tmp_path, missing, start):
    x = made(missing=missing)
    schema = rescaled(plain(4), x)
    s = Settings((4, 3), 60, batch=32, learning_rate=0.02, start=start)
    mapped = train(schema, ShardRows(schema, written(tmp_path / "d", x), NONE), s)
    assert same(mapped, train(schema, to_model_units(schema, x), s))


def test_one_batch_with_a_gap_among_batches_without_is_learned_alike(tmp_path, monkeypatch):
    x = made()
    x[450, 1] = np.nan
    monkeypatch.setattr(shards, "LOOKED_AT", 10)
    source = ShardRows(plain(4), written(tmp_path / "d", x), NONE)
    assert not source.masked
    batch = source.take(torch.tensor([3, 450]))
    assert batch.known is not None and batch.known.tolist() == [[1, 1, 1, 1], [1, 0, 1, 1]]
    assert source.take(torch.tensor([3, 449])).known is None
    schema = rescaled(plain(4), x)
    s = Settings((4, 3), 60, batch=32, learning_rate=0.02, start="greedy")
    a = train(schema, ShardRows(schema, source.shards, NONE), s)
    b = train(schema, to_model_units(schema, x), s)
    for one, other in zip(a.layers, b.layers, strict=True):
        assert np.allclose(one.mean, other.mean, atol=1e-4)


def test_rows_without_a_value_teach_nothing(tmp_path):
    x = made(40)
    x[7] = np.nan
    source = ShardRows(plain(4), written(tmp_path / "d", x), NONE)
    assert source.take(torch.tensor([6, 7])).weight.tolist() == [1, 0]
    assert source.take(torch.tensor([6, 8])).weight is None


def test_held_out_rows_are_never_drawn_and_all_others_are(tmp_path):
    x = np.arange(60, dtype=float)[:, None]
    held = hold_out(60, 0.3, seed=1)
    source = ShardRows(plain(1), written(tmp_path / "d", x), held)
    drawn = source.take(torch.arange(len(source))).real[:, 0].numpy()
    assert len(held) == 18 and sorted([*drawn, *held]) == list(range(60))
    with pytest.raises(ValueError, match="leaves none"):
        hold_out(3, 0.9, 0)


def test_a_tenth_of_the_data_is_in_memory_and_few_rows_are_read(tmp_path, monkeypatch):
    x = made(200_000, 16)  # 12.8 MB
    schema, size = rescaled(plain(16), x[:1000]), x.nbytes
    files = written(tmp_path / "d", x)
    del x
    read, drawn = Shards.read, []
    monkeypatch.setattr(Shards, "read", lambda self, index: drawn.append(len(index)) or read(self, index))
    monkeypatch.setattr(rows_module, "SAMPLE", 2000)
    tracemalloc.start()
    train(schema, ShardRows(schema, files, hold_out(200_000, 0.01, 0)), Settings((4, 3), 50, batch=64, start="greedy"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 10
    assert sum(drawn) == 2000 + 50 * 64 + 2 * shards.LOOKED_AT


def test_the_fingerprint_knows_files_values_and_what_is_held_out(tmp_path):
    x = made(90)
    first = ShardRows(plain(4), written(tmp_path / "a", x), NONE).fingerprint()
    assert first == ShardRows(plain(4), written(tmp_path / "b", x), NONE).fingerprint()
    others = [ShardRows(plain(4), written(tmp_path / "c", x + 1), NONE),
              ShardRows(plain(4), written(tmp_path / "e", x, parts=2), NONE),
              ShardRows(plain(4), written(tmp_path / "f", x), np.array([5]))]
    assert len({first, *(source.fingerprint() for source in others)}) == 4


def spoil(folder, what):
    if what == "empty":
        for file in folder.iterdir():
            file.unlink()
    elif what == "npz":
        np.savez(folder / "part9.npz", x=np.zeros((3, 4)))
    elif what == "columns":
        np.save(folder / "part9.npy", np.zeros((3, 5)))
    elif what == "texts":
        np.save(folder / "part9.npy", np.array([["a"]]))
    elif what == "rubbish":
        (folder / "part9.npy").write_bytes(b"rubbish")


@pytest.mark.parametrize("what, said", [("empty", "no .npy file"), ("npz", "part9.npz: an .npz cannot be mapped"),
                                        ("columns", "part9.npy: 5 columns, but part0.npy has 4"),
                                        ("texts", "part9.npy: a shard must be numbers"), ("rubbish", "part9.npy")])
def test_folders_that_cannot_be_mapped_are_refused(tmp_path, what, said):
    written(tmp_path / "d", made(30))
    spoil(tmp_path / "d", what)
    with pytest.raises(ValueError, match=said):
        open_shards(tmp_path / "d")


def test_an_infinite_value_is_found_when_it_is_read(tmp_path):
    x = made(30)
    x[14, 2] = np.inf
    source = ShardRows(plain(4), written(tmp_path / "d", x), NONE)
    with pytest.raises(ValueError, match="part1.npy: row 5, column 3: the value is infinite"):
        source.take(torch.tensor([1, 14]))


KILLED = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    from drmm_engine.learn import checkpoint
    from tests.learn.test_shards import resumable
    write, count = checkpoint.write, 0
    def writing(*arguments):
        global count
        write(*arguments)
        count += 1
        if count == 17: os.kill(os.getpid(), signal.SIGKILL)
    checkpoint.write = writing
    resumable(Path(sys.argv[1]), Path(sys.argv[2]))
""")


def resumable(data, save_at):
    schema, files = plain(4), open_shards(data)
    source = ShardRows(schema, files, hold_out(len(files), 0.1, 0))
    return train(schema, source, Settings((4, 3), 40, batch=16, start="greedy"), save_at=save_at, save_seconds=0)


def test_a_run_on_shards_that_is_killed_goes_on_bit_for_bit(tmp_path):
    written(tmp_path / "d", made(300, missing=0.1))
    whole = resumable(tmp_path / "d", tmp_path / "whole.checkpoint")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "d"), str(tmp_path / "c.checkpoint")],
                          env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert same(resumable(tmp_path / "d", tmp_path / "c.checkpoint"), whole)
