# SPDX-License-Identifier: Apache-2.0
"""The model file: exact round trips, one clear line for each kind of damage, and no half-written files."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import drmm_engine as drmm
from drmm_engine import storage
from tests.engine.truth import KINDS, random_model


@pytest.fixture
def path(tmp_path):
    """A small valid file."""
    random_model(0, (3, 4), classes=(2,)).save(tmp_path / "m")
    return tmp_path / "m"


def rewrite(path, change=lambda header: None, tensors=None, metadata=None):
    """The file again with its JSON header and its tensors changed."""
    with storage_file(path) as file:
        header = json.loads(file.metadata()["drmm"])
    change(header)
    save_file(load_file(path) | (tensors or {}), path, metadata or {"drmm": json.dumps(header)})


def storage_file(path):
    from safetensors import safe_open
    return safe_open(str(path), framework="np")


def refusal(path):
    with pytest.raises(ValueError) as caught:
        drmm.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("sigma", KINDS)
@pytest.mark.parametrize("streams, classes", [(2, ()), (1, (3, 2)), (0, (4,))])
def test_round_trip_is_exact_in_single_precision(tmp_path, sigma, streams, classes):
    model = random_model(4, (3, 5, 2), sigma, streams, classes)
    model = replace(model, data={"licence": "CC0"}, training={"seed": 1}, skeleton={"joints": ["a"]},
                    features={"kind": "pose"}, metrics={"nats": 0.5})
    model.save(tmp_path / "m")
    again = drmm.load(tmp_path / "m")
    assert again.schema == model.schema
    for part in ("data", "training", "skeleton", "features", "metrics"):
        assert getattr(again, part) == getattr(model, part)
    for a, b in zip(model.layers, again.layers, strict=True):
        assert (a.covariance, a.residual) == (b.covariance, b.residual)
        for name in ("log_weight", "mean", "log_sigma", "latent_table", "cholesky"):
            x, y = getattr(a, name), getattr(b, name)
            assert (x is None and y is None) or x.size == y.size == 0 or np.array_equal(x.astype(np.float32), y)
        assert all(np.array_equal(x.astype(np.float32), y) for x, y in zip(a.log_prob, b.log_prob, strict=True))
        assert a.latent_start is None or np.array_equal(a.latent_start, b.latent_start)
    again.save(tmp_path / "n")
    assert (tmp_path / "m").read_bytes() == (tmp_path / "n").read_bytes()


def test_the_file_holds_what_the_format_says(path):
    """Names and shapes of the contract; latent tables as row: own component, column: the earlier layer's."""
    model, tensors = random_model(0, (3, 4), classes=(2,)), load_file(path)
    shapes = {name: t.shape for name, t in tensors.items()}
    assert shapes == {
        "layers.0.log_weight": (3,), "layers.0.mean.a": (3, 2), "layers.0.mean.b": (3, 2),
        "layers.0.log_sigma.a": (), "layers.0.log_sigma.b": (), "layers.0.log_prob.style0": (3, 2),
        "layers.1.log_weight": (4,), "layers.1.mean.a": (4, 2), "layers.1.mean.b": (4, 2),
        "layers.1.log_sigma.a": (), "layers.1.log_sigma.b": (), "layers.1.log_prob.style0": (4, 2),
        "layers.1.log_prob.latent.0": (4, 3)}
    assert {t.dtype for t in tensors.values()} == {np.dtype(np.float32)}
    assert np.exp(tensors["layers.1.log_prob.latent.0"]).sum(1) == pytest.approx(np.ones(4), abs=1e-6)
    assert tensors["layers.1.log_prob.latent.0"][2, 1] == np.float32(model.layers[1].latent_table[1, 2])


@pytest.mark.parametrize("tensors, message", [
    ({"layers.0.mean.a": np.zeros((3, 3), np.float32)}, "tensor layers.0.mean.a has shape [3, 3], must be [3, 2]"),
    ({"layers.0.mean.a": np.zeros((3, 2))}, "tensor layers.0.mean.a is F64, must be F32"),
    ({"layers.0.mean.a": np.zeros((3, 2), np.float16)}, "tensor layers.0.mean.a is F16, must be F32"),
    ({"layers.0.mean.a": np.full((3, 2), np.nan, np.float32)}, "layers.0.mean.a holds a value that is not finite"),
    ({"layers.0.mean.a": np.full((3, 2), np.inf, np.float32)}, "layers.0.mean.a holds a value that is not finite"),
    ({"layers.0.log_sigma.a": np.float32(99.0)}, "tensor layers.0.log_sigma.a holds a log sigma beyond 40"),
    ({"layers.0.log_sigma.a": np.zeros(2, np.float32)}, "tensor layers.0.log_sigma.a has shape [2], must be []"),
    ({"layers.1.log_weight": np.zeros(4, np.float32)}, "tensor layers.1.log_weight is not normalised"),
    ({"layers.1.log_weight": np.full(4, 3e38, np.float32)}, "tensor layers.1.log_weight is not normalised"),
    ({"layers.1.log_prob.latent.0": np.zeros((4, 3), np.float32)}, "layers.1.log_prob.latent.0 is not normalised"),
    ({"layers.1.log_prob.style0": np.zeros((4, 2), np.float32)}, "layers.1.log_prob.style0 is not normalised"),
    ({"layers.2.log_weight": np.zeros(1, np.float32)}, "tensor layers.2.log_weight does not belong to the model"),
    ({"code": np.zeros(1, np.float32)}, "tensor code does not belong to the model"),
])
def test_wrong_tensor(path, tensors, message):
    rewrite(path, tensors={k: np.asarray(v) for k, v in tensors.items()})
    assert message in refusal(path)


def test_missing_tensor(path):
    tensors = load_file(path)
    with storage_file(path) as file:
        metadata = file.metadata()
    for name in tensors:
        save_file({k: v for k, v in tensors.items() if k != name}, path, metadata)
        assert f"tensor {name} is missing" in refusal(path)



@pytest.mark.parametrize("change, message", [
    (lambda h: h.update(format=2), "format 2; this version reads 1"),
    (lambda h: h.pop("format"), "format None; this version reads 1"),
    (lambda h: h.pop("layers"), "`layers` must be a list of at least one layer"),
    (lambda h: h.update(layers=[]), "`layers` must be a list of at least one layer"),
    (lambda h: h.update(layers={"a": 1}), "`layers` must be a list of at least one layer"),
    (lambda h: h.update(layers=[7, 7]), "layers.0: components is None"),
    (lambda h: h["layers"][1].update(components=-4), "layers.1: components is -4"),
    (lambda h: h["layers"][1].update(components=0), "layers.1: components is 0"),
    (lambda h: h["layers"][1].update(components=True), "layers.1: components is True"),
    (lambda h: h["layers"][1].update(components="4"), "layers.1: components is '4'"),
    (lambda h: h["layers"][1].update(components=4.0), "layers.1: components is 4.0"),
    (lambda h: h["layers"][1].update(components=10**15), "tensor layers.1.log_weight has shape [4]"),
    (lambda h: h["layers"][1].update(components=10**300), "tensor layers.1.log_weight has shape [4]"),
    (lambda h: h.update(layers=h["layers"] * 100_000), "tensor layers.2.log_weight is missing"),
    (lambda h: h["layers"][0].update(covariance="full"), "tensor layers.0.cholesky.a is missing"),
    (lambda h: h["layers"][0].update(residual="turn"), "layers.0: residual 'turn' is not known"),
    (lambda h: h["layers"][0].update(covariance=[]), "layers.0: covariance [] is not known"),
    (lambda h: h.pop("schema"), "schema: TypeError"),
    (lambda h: h.update(schema=[]), "schema: TypeError"),
    (lambda h: h["schema"].update(streams=5), "schema: TypeError"),
    (lambda h: h["schema"]["streams"][0].pop("name"), "schema: KeyError 'name'"),
    (lambda h: h["schema"]["streams"][0].update(name="c"), "tensor layers.0.mean.c is missing"),
    (lambda h: h["schema"]["streams"][0].update(kind="text"), "kind must be one of"),
    (lambda h: h["schema"]["streams"][2].update(classes=[1, 2]), "classes must be names"),
    (lambda h: h["schema"]["streams"][2].update(classes=["a", "b", "c"]), "log_prob.style0 has shape [3, 2], must be"),
    (lambda h: h["schema"]["streams"][0]["variables"][0].update(scale=0), "'x': scale must be positive, got 0"),
    (lambda h: h["schema"]["streams"][0]["variables"][0].update(scale=float("nan")), "scale must be a finite number"),
    (lambda h: h["schema"]["streams"][0]["variables"][0].update(offset=10**400), "offset must be a finite number"),
    (lambda h: h["schema"]["streams"][0]["variables"][0].update(name="y"), "variable 'y' appears twice"),
    (lambda h: h["schema"]["streams"][0]["variables"][0].update(name=["x"]), "a variable needs a name, got ['x']"),
    (lambda h: h.update(data=[1]), "`data` must be a JSON object"),
    (lambda h: h.update(skeleton="Hips"), "`skeleton` must be a JSON object"),
])
def test_wrong_header(path, change, message):
    rewrite(path, change)
    assert message in refusal(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "[" * 100_000, '{"a":' * 20_000, "1" * 5000])
def test_header_that_is_no_object(path, text):
    rewrite(path, metadata={"drmm": text})
    refusal(path)


def test_model_of_another_program(path):
    save_file({"weight": np.zeros(3, np.float32)}, path, {"format": "pt"})
    assert "it has no `drmm` metadata; is it a model of another program?" in refusal(path)
    save_file({"weight": np.zeros(3, np.float32)}, path)
    assert "it has no `drmm` metadata" in refusal(path)


def test_the_same_tensor_twice(path):
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + size].replace(b'"layers.0.mean.b"', b'"layers.0.mean.a"')
    path.write_bytes(content[:8] + header + content[8 + size :])
    refusal(path)


def test_not_a_safetensors_file(path):
    content = path.read_bytes()
    size = (2**62).to_bytes(8, "little")
    cut = (content[:7], content[:100], content[:-1])
    for damaged in (b"", b"{}", *cut, content + b"x", b"PK" + content, size + content):
        path.write_bytes(damaged)
        assert "not a usable model file" in refusal(path)


def test_no_file(tmp_path):
    assert refusal(tmp_path / "absent") == f"{tmp_path / 'absent'}: no such file"
    assert "not a usable model file" in refusal(tmp_path)


@pytest.mark.parametrize("change, message", [
    ({"metrics": {"nats": float("nan")}}, "not written: Out of range float values are not JSON compliant"),
    ({"data": {"rows": {1, 2}}}, "not written: Object of type set is not JSON serializable"),
])
def test_what_could_not_be_read_back_is_not_written(path, change, message):
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        replace(drmm.load(path), **change).save(path)
    assert path.read_bytes() == before


def test_a_model_with_nan_is_not_written(path):
    model, before = drmm.load(path), path.read_bytes()
    model.layers[0].mean[1, 1] = np.nan
    with pytest.raises(ValueError, match="not written: tensor layers.0.mean.a holds a value that is not finite"):
        model.save(path)
    assert path.read_bytes() == before


def test_save_into_a_folder_that_is_not_there(tmp_path):
    target = tmp_path / "no" / "m"
    with pytest.raises(ValueError, match=f"{target}: cannot be written: No such file or directory"):
        random_model().save(target)
    assert list(tmp_path.iterdir()) == []


def test_save_onto_a_folder(tmp_path):
    (tmp_path / "m").mkdir()
    with pytest.raises(ValueError, match="cannot be written: Is a directory"):
        random_model().save(tmp_path / "m")
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_save_where_writing_is_forbidden(path, monkeypatch):
    before = path.read_bytes()

    def forbidden(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", forbidden)
    with pytest.raises(ValueError, match="m: cannot be written: Permission denied"):
        random_model().save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1


def test_a_full_disk_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ValueError, match="m: cannot be written: No space left on device"):
        random_model().save(path)
    assert path.read_bytes() == before and [p.name for p in path.parent.iterdir()] == ["m"]


def test_killed_before_the_rename_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(Path, "replace", lambda *_: os._exit(9))
    child = os.fork()
    if child == 0:
        random_model(8).save(path)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert path.read_bytes() == before
    assert drmm.load(path).schema == random_model(0, (3, 4), classes=(2,)).schema


def test_interrupted_leaves_nothing_behind(path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        random_model().save(path)
    assert [p.name for p in path.parent.iterdir()] == ["m"]


def test_shipped_models_by_kind():
    with pytest.raises(ValueError, match="no shipped model 'dance'; there are locomotion, pose"):
        drmm.load(kind="dance")
    assert storage.FORMAT == 1
