# SPDX-License-Identifier: Apache-2.0
"""Build the Blender extension: the add-on, the engine and safetensors in one zip that needs nothing else.

    python scripts/build_extension.py                # writes dist/drmm-VERSION.zip

The engine goes in as one pure-Python wheel without `learn/` and with the shipped models, safetensors as published for
each platform. Blender's own tool (of the `bpy` module) builds and validates the zip. Downloads are kept in `build/`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = ("learn", "__pycache__")
# Blender's name of a platform: the tag of the oldest system for which safetensors is published there.
PLATFORMS = {
    "linux-x64": "manylinux2014_x86_64",
    "windows-x64": "win_amd64",
    "macos-x64": "macosx_10_12_x86_64",
    "macos-arm64": "macosx_11_0_arm64",
}


def main() -> int:
    """Run the command; 2 with one line where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the zip (dist)")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "wheels", help="folder for downloaded wheels")
    parser.add_argument("--json", action="store_true", help="print one JSON line of results last")
    arguments = parser.parse_args()
    try:
        result = build(arguments.out, arguments.cache)
    except ValueError as problem:
        print(f"build_extension: {problem}", file=sys.stderr)
        return 2
    print(json.dumps(result) if arguments.json else f"{result['file']}: {result['bytes'] / 1e6:.1f} MB, valid")
    return 0


def build(out: Path, cache: Path) -> dict:
    """Build and validate the zip; ValueError says what is missing."""
    tool = extension_tool()
    manifest = (ROOT / "blender_addon" / "blender_manifest.toml").read_text()
    version = tomllib.loads(manifest)["version"]
    with tempfile.TemporaryDirectory() as temporary:
        stage = Path(temporary) / "drmm"
        shutil.copytree(ROOT / "blender_addon", stage, ignore=shutil.ignore_patterns("__pycache__"))
        wheels = stage / "wheels"
        wheels.mkdir()
        engine_wheel(wheels)
        for platform in PLATFORMS:
            shutil.copy(safetensors_wheel(platform, cache), wheels)
        names = sorted(f"./wheels/{file.name}" for file in wheels.iterdir())
        (stage / "blender_manifest.toml").write_text(with_wheels(manifest, names))
        built = Path(temporary) / f"drmm-{version}.zip"
        run(tool, "build", "--source-dir", stage, "--output-filepath", built)
        run(tool, "validate", built)
        out.mkdir(parents=True, exist_ok=True)
        file = out / built.name
        partial = file.with_suffix(".part")
        shutil.copy(built, partial)
        partial.replace(file)
    return {"file": str(file), "bytes": file.stat().st_size, "wheels": [Path(name).name for name in names]}


def with_wheels(manifest: str, wheels: list[str]) -> str:
    """The manifest with its platforms and wheels, which must stand before the first table."""
    lines = [f"platforms = {json.dumps(list(PLATFORMS))}", "wheels = [", *(f'  "{name}",' for name in wheels), "]", ""]
    return manifest.replace("\n[", "\n" + "\n".join(lines) + "\n[", 1)


def engine_wheel(folder: Path) -> Path:
    """Write the engine as a wheel (binary distribution format 1.0), the same bytes for the same sources."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    metadata = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {dependency}" for dependency in project["dependencies"]),
    ]
    wheel = ["Wheel-Version: 1.0", "Generator: build_extension", "Root-Is-Purelib: true", "Tag: py3-none-any"]
    information = f"{name}-{version}.dist-info"
    contents = {str(file.relative_to(ROOT)): file.read_bytes() for file in engine_files()}
    contents[f"{information}/METADATA"] = "\n".join([*metadata, ""]).encode()
    contents[f"{information}/WHEEL"] = "\n".join([*wheel, ""]).encode()
    contents[f"{information}/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    record = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in contents.items()]
    contents[f"{information}/RECORD"] = "\n".join([*record, f"{information}/RECORD,,", ""]).encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in contents.items():
            entry = zipfile.ZipInfo(member)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return path


def engine_files() -> Iterator[Path]:
    """The engine's sources, and its models with their attribution, that Blender needs."""
    for file in sorted((ROOT / "drmm_engine").rglob("*")):
        if file.is_file() and file.suffix in (".py", ".safetensors", ".md") and not set(LEFT_OUT) & set(file.parts):
            yield file


def safetensors_wheel(platform: str, cache: Path) -> Path:
    """The published wheel for a platform, of the version in constraints.txt, from the cache or downloaded into it."""
    pin = next(line for line in (ROOT / "constraints.txt").read_text().split() if line.startswith("safetensors=="))
    folder = cache / pin.replace("==", "-") / platform
    if not any(folder.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--platform", PLATFORMS[platform], "--python-version", "3.11", "--implementation", "cp"]
        command += ["--abi", "abi3", "--dest", str(folder), pin]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            raise ValueError(f"no wheel of {pin} for {platform} in {cache}, and no download: {reason}")
    return next(folder.glob("*.whl"))


def extension_tool() -> Path:
    """Blender's own builder and validator of extensions, which comes with the `bpy` module."""
    found = importlib.util.find_spec("bpy")
    folders = [Path(folder) for folder in found.submodule_search_locations or []] if found else []
    tools = [tool for folder in folders for tool in folder.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")]
    if not tools:
        raise ValueError("the bpy module is not installed in this Python; pip install 'drmm-engine[blender]'")
    return tools[0]


def run(tool: Path, *arguments: str | Path) -> None:
    """Call Blender's tool; ValueError with what it said where it fails."""
    command = [sys.executable, str(tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())
        raise ValueError(f"Blender's extension tool refuses to {arguments[0]} the extension: {said}")


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


if __name__ == "__main__":
    sys.exit(main())
