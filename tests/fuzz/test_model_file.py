# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to the bytes of a model file, reading it gives a model that samples, or one ValueError."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drmm_engine as drmm
from tests.engine.truth import random_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def valid(folder):
    """The bytes of a small file, and where its JSON header ends."""
    random_model(0, (2, 3), classes=(2,)).save(folder / "valid")
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


@settings(max_examples=300)
@given(edits=EDITS, in_header=st.booleans())
def test_changed_bytes(folder, valid, edits, in_header):
    content, header = bytearray(valid[0]), valid[1]
    for where, value in edits:
        content[int(where * (header if in_header else len(content)))] = value
    read(folder / "m", bytes(content))


@settings(max_examples=150)
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


@settings(max_examples=400)
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


@settings(max_examples=200)
@given(data=st.data())
def test_changed_numbers(folder, valid, data):
    """Any bit patterns in the tensors."""
    content, end = valid
    numbers = np.frombuffer(content[end:], np.float32).copy()
    for _ in range(data.draw(st.integers(1, 3))):
        numbers[data.draw(st.integers(0, len(numbers) - 1))] = data.draw(st.floats(width=32))
    read(folder / "m", content[:end] + numbers.tobytes())
