# SPDX-License-Identifier: Apache-2.0
"""The extension's zip: Blender accepts it, the engine in it is whole and needs nothing of learn/."""

import base64
import csv
import hashlib
import importlib.util
import io
import subprocess
import sys
import tomllib
import zipfile

import pytest

from scripts import build_extension as script

pytestmark = pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="needs the bpy module")


@pytest.fixture
def cache(tmp_path):
    """As after a download: one file for each platform."""
    pins = (script.ROOT / "constraints.txt").read_text().split()
    version = next(pin for pin in pins if pin.startswith("safetensors==")).partition("==")[2]
    for platform, tag in script.PLATFORMS.items():
        folder = tmp_path / "cache" / f"safetensors-{version}" / platform
        folder.mkdir(parents=True)
        (folder / f"safetensors-{version}-cp310-abi3-{tag}.whl").write_bytes(b"wheel")
    return tmp_path / "cache"


def test_the_zip_is_what_blender_accepts(cache, tmp_path):
    result = script.build(tmp_path / "dist", cache)
    with zipfile.ZipFile(result["file"]) as archive:
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
        assert set(manifest["wheels"]) == {f"./wheels/{name}" for name in result["wheels"]}
        assert {wheel.removeprefix("./") for wheel in manifest["wheels"]} <= set(archive.namelist())
        assert not [name for name in archive.namelist() if "__pycache__" in name or name.endswith(".pyc")]
    assert sorted(manifest["platforms"]) == sorted(script.PLATFORMS) and len(result["wheels"]) == 5
    assert manifest["blender_version_min"] == "4.2.0" and "network" not in manifest["permissions"]
    script.run(script.extension_tool(), "validate", result["file"])


def test_the_engine_s_wheel_keeps_its_record(tmp_path):
    wheel = script.engine_wheel(tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        record = next(name for name in names if name.endswith(".dist-info/RECORD"))
        rows = list(csv.reader(io.StringIO(archive.read(record).decode())))
        assert sorted(row[0] for row in rows) == sorted(names)
        for name, digest, size in rows:
            if name != record:
                content = archive.read(name)
                hashed = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
                assert (digest, int(size)) == (f"sha256={hashed}", len(content))
    assert not [name for name in names if name.startswith("drmm_engine/learn")]
    assert wheel.read_bytes() == script.engine_wheel(tmp_path).read_bytes()


def test_the_engine_s_wheel_works_alone(tmp_path):
    wheel = script.engine_wheel(tmp_path)
    code = "import sys, drmm_engine.motion.retarget as r; print(r.__file__); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(wheel)!r}); {code}"],
                          capture_output=True, text=True, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(wheel))


def test_offline_without_a_cache_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(sys, "argv", ["build_extension", "--out", str(tmp_path / "dist"), "--cache", str(tmp_path)])
    assert script.main() == 2
    said = capsys.readouterr().err.strip()
    assert "no wheel of safetensors" in said and "\n" not in said
    assert not (tmp_path / "dist").exists()


def test_what_blender_refuses_is_told(tmp_path):
    (tmp_path / "blender_manifest.toml").write_text('schema_version = "1.0.0"\n')
    with pytest.raises(ValueError, match="refuses to validate"):
        script.run(script.extension_tool(), "validate", tmp_path)
