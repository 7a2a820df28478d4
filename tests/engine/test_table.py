# SPDX-License-Identifier: Apache-2.0
"""Tables come back as written, whatever the file; what is no table is refused with file, row and column."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import drmm_engine as drmm
from drmm_engine.table import read_table

SCHEMA = drmm.Schema((drmm.Stream.real("p", ["x", "y"]), drmm.Stream.categorical("style", ["walk", "run"])))
CELL = st.one_of(st.floats(-1e12, 1e12), st.just(np.nan))


def test_csv_by_name_with_gaps_and_labels(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\ufeffstyle, y ,x,more\r\nrun,2,1,a\r\n,nan,,b\r\nwalk,4e0,\" 3\",c\r\n\r\n", encoding="utf-8")
    expected = [[1, 2, 1], [np.nan, np.nan, np.nan], [3, 4, 0]]
    table = read_table(path)
    assert table.matrix(SCHEMA) == pytest.approx(np.array(expected), nan_ok=True)
    assert (table.rows, table.named, table.streams) == (3, True, {"data": ("style", "y", "x", "more")})


@given(st.lists(st.tuples(CELL, CELL, st.sampled_from([0.0, 1.0, np.nan])), min_size=1, max_size=6))
def test_every_kind_of_file_gives_the_same_rows(tmp_path_factory, rows):
    folder, x = tmp_path_factory.mktemp("t"), np.array(rows)
    np.save(folder / "t.npy", x)
    np.savez(folder / "t.npz", style=x[:, 2], p=x[:, :2])
    np.savez_compressed(folder / "l.npz", p=x[:, :2], style=np.array(["walk", "run", ""])[np.nan_to_num(x[:, 2], nan=2)
                                                                                       .astype(int)])
    text = io.StringIO()
    np.savetxt(text, x, delimiter=",", header="x,y,style", comments="", fmt="%.17g")
    (folder / "t.csv").write_text(text.getvalue())
    for name in ("t.npy", "t.npz", "l.npz", "t.csv"):
        assert np.array_equal(read_table(folder / name).matrix(SCHEMA), x, equal_nan=True)


@pytest.mark.parametrize("text, message", [
    ("", "the table is empty"),
    ("x,x\n1,2\n", "the first line must name every column once, got 'x, x'"),
    ("x,\n1,2\n", "the first line must name every column once"),
    ("x,y\n", "the table is empty"),
    ("x,y\n1,2\n3\n", "t.csv:3: 1 cells, the header has 2"),
    ("x,y\n1,inf\n", "column 'y', row 1: the value is infinite"),
    ("x,y,style\n1,2,run\n1,two,run\n", "column 'y', row 2: 'two' is not a number"),
    ("x,y,style\n1,2,hop\n", "variable 'style': no class 'hop'; it has walk, run"),
    ("x,style\n1,run\n", "no column 'y'; it has x, style"),
    ("x,y\n1,\x00\n\xff", "t.csv"),
])
def test_csv_refused(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=message):
        read_table(path).matrix(SCHEMA)


@pytest.mark.parametrize("name", ["t.npy", "t.npz"])
def test_damaged_arrays_are_refused(tmp_path, name):
    good, path = tmp_path / name, tmp_path / f"bad{name}"
    if name == "t.npy":
        np.save(good, np.zeros((4, 3)))
    else:
        np.savez(good, p=np.zeros((4, 2)), style=np.zeros(4))
    content = good.read_bytes()
    for damaged in (b"", content[:5], content[:-20], b"x" * 50, content[:20] + b"\xff" * 30 + content[50:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=path.name):
            read_table(path)


@pytest.mark.parametrize("arrays, message", [
    ({"p": np.zeros((3, 2)), "style": np.zeros(4)}, "its arrays have different numbers of rows"),
    ({"p": np.zeros((3, 2, 2))}, "array 'p' must be numbers or labels"),
    ({"p": np.array([{}])}, "Object arrays cannot be loaded"),
    ({"p": np.zeros((0, 2))}, "the table is empty"),
    ({}, "the table is empty"),
    ({"p": np.zeros((2, 2))}, "stream 'style' needs 1 columns, the file has 0"),
])
def test_arrays_that_are_no_table_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / "t.npz").matrix(SCHEMA)


@pytest.mark.parametrize("name, message", [("absent.csv", "no such file"), ("t.txt", "must be one of .csv, .npy, .npz"),
                                           (".", "must be one of"), ("folder.csv", "cannot be read")])
def test_paths_that_are_no_table_are_refused(tmp_path, name, message):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / name)
