# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to the bytes of a model file, reading it gives a model that samples, or one ValueError."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import drmm_engine as drmm
from tests.engine.truth import random_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module", params=["isotropic", "mixed"])
def valid(folder, request):
    """The bytes of a small file, and where its JSON header ends; mixed: full covariances, whitened residuals."""
    random_model(0, (2, 3), request.param, classes=(2,)).save(folder / "valid")
    content = (folder / "valid").read_bytes()
    return content, 8 + int.from_bytes(content[:8], "little")


def read(path, content):
    """Load and, if that works, sample: a model or one line, and no memory to speak of."""
    path.write_bytes(content)
    tracemalloc.start()
    try:
        model = drmm.load(path)
        values = model.sample([], count=3).values
        assert values.shape == (3, len(model.schema.names))
    except ValueError as error:
        assert "\n" not in str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 20_000_000


EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8)


@settings(max_examples=200)
@given(edits=EDITS, in_header=st.booleans())
def test_changed_bytes(folder, valid, edits, in_header):
    content, header = bytearray(valid[0]), valid[1]
    for where, value in edits:
        content[int(where * (header if in_header else len(content)))] = value
    read(folder / "m", bytes(content))


@settings(max_examples=100)
@given(cut=st.floats(0, 1), added=st.binary(max_size=40))
def test_cut_and_continued(folder, valid, cut, added):
    read(folder / "m", valid[0][: int(cut * len(valid[0]))] + added)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes(folder, content):
    read(folder / "m", content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    | st.sampled_from([10**30, -1, 0, 2, 3, "real", "categorical", "x", "a", "isotropic", "diagonal", "shift"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "kind", "variables", "classes", "components", "offset", "scale", "unit"]), inner),
    max_leaves=8)


def places(value, path=()):
    """The path to every value in a JSON document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


@settings(max_examples=250)
@given(data=st.data())
def test_changed_header(folder, valid, data):
    """Any value of the description replaced by any other JSON, the file around it left sound."""
    content, end = valid
    outer = json.loads(content[8:end])
    inner = json.loads(outer["__metadata__"]["drmm"])
    *path, last = data.draw(st.sampled_from([p for p in places(inner) if p]))
    target = inner
    for key in path:
        target = target[key]
    target[last] = data.draw(JSON)
    outer["__metadata__"]["drmm"] = json.dumps(inner)
    text = json.dumps(outer).encode()
    read(folder / "m", len(text).to_bytes(8, "little") + text + content[end:])


@settings(max_examples=150)
@given(data=st.data())
def test_changed_numbers(folder, valid, data):
    """Any bit patterns in the tensors."""
    content, end = valid
    numbers = np.frombuffer(content[end:], np.float32).copy()
    for _ in range(data.draw(st.integers(1, 3))):
        numbers[data.draw(st.integers(0, len(numbers) - 1))] = data.draw(st.floats(width=32))
    read(folder / "m", content[:end] + numbers.tobytes())


def test_memory_is_a_small_multiple_of_the_file(folder):
    """Of single precision it takes twice the file to hold the numbers, and the blocks of full covariances again."""
    random_model(0, (4000, 4), "whitened", streams=2).save(folder / "large")
    tracemalloc.start()
    drmm.load(folder / "large")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * (folder / "large").stat().st_size


@pytest.mark.parametrize("where, value, message", [
    ((0, 0, 1), 1e-3, "is not lower triangular"),
    ((1, 1, 1), 0.0, "has a diagonal that is not positive"),
    ((1, 0, 0), -1.0, "has a diagonal that is not positive"),
    ((0, 1, 0), np.nan, "holds a value that is not finite"),
    ((0, 0, 0), 1e-30, "holds a log sigma beyond 40"),
])
def test_cholesky_factors_that_are_none_are_refused(folder, where, value, message):
    random_model(0, (2, 3), "whitened").save(folder / "valid")
    tensors = load_file(folder / "valid")
    with safe_open(folder / "valid", "np") as file:
        metadata = file.metadata()
    tensors["layers.1.cholesky.b"][where] = value
    save_file(tensors, folder / "m", metadata)
    with pytest.raises(ValueError, match=f"tensor layers.1.cholesky.b {message}"):
        drmm.load(folder / "m")


def test_the_order_of_tensors_does_not_matter(folder):
    random_model(0, (2, 3), "whitened").save(folder / "valid")
    content = (folder / "valid").read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    text = json.dumps(dict(reversed(header.items()))).encode()
    (folder / "m").write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
    x = np.zeros((1, 4))
    assert drmm.load(folder / "m").log_prob(x) == drmm.load(folder / "valid").log_prob(x)


def test_a_header_longer_than_the_file_is_refused(folder):
    for length in (2**63, 10**9, 101):
        read(folder / "m", length.to_bytes(8, "little") + b" " * 100)
        with pytest.raises(ValueError, match="not a usable model file"):
            drmm.load(folder / "m")
