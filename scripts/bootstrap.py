# SPDX-License-Identifier: Apache-2.0
"""From a bare Python 3.11 into the project's own virtual environment, with the standard library alone.

A command calls `enter("blender", ...)` first and imports what it needs after it.
"""

import ctypes
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / "installed.json"
PINS = (ROOT / "pyproject.toml", ROOT / "constraints.txt")

MODULES = {
    "": ("drmm_engine", "numpy", "safetensors"),
    "blender": ("bpy",),
    "train": ("torch",),
    "figures": ("matplotlib",),
    "benchmark": ("sklearn",),
    "dev": ("pytest", "hypothesis", "scipy", "mypy", "ruff", "importlinter"),
}
"""What each extra of pyproject.toml must bring."""

LIBRARIES = {
    "libX11.so.6": "libx11-6",
    "libXrender.so.1": "libxrender1",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libXxf86vm.so.1": "libxxf86vm1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1",
    "libgomp.so.1": "libgomp1",
}
"""System libraries without which Blender's module cannot start, and Debian's packages of them."""

RENDER_LIBRARIES = {"libEGL.so.1": "libegl1", "libEGL_mesa.so.0": "libegl-mesa0 libgl1-mesa-dri"}
"""What its fast renderers need on a machine without a screen."""


def main() -> None:
    """Print the Debian packages that this machine lacks, for scripts that install them."""
    print(" ".join(missing_packages({**LIBRARIES, **RENDER_LIBRARIES})))


def enter(*extras: str) -> None:
    """Return inside an environment that has these extras; else make it, run this command in it and exit with its code.

    The environment in which the command was started is kept when it has all that is needed.
    """
    if _has(extras):
        sys.path[0] = str(ROOT)
        return
    if Path(sys.prefix) == VENV:
        stop(f"the environment {VENV} is incomplete; delete that folder and run the command again")
    _check_machine(extras)
    _install(extras)
    raise SystemExit(subprocess.call([_python(), *sys.argv], env={**os.environ, "PYTHONPATH": ""}))


def stop(message: str) -> None:
    """End with one line on stderr and exit code 2."""
    print(f"{Path(sys.argv[0]).name}: {message}", file=sys.stderr)
    raise SystemExit(2)


def missing_packages(libraries: dict[str, str], load: Callable[[str], object] = ctypes.CDLL) -> list[str]:
    """Packages of the libraries that cannot be loaded; none outside Linux, where Blender brings its own."""
    return [package for library, package in libraries.items() if sys.platform == "linux" and not _loads(library, load)]


def explain(packages: Iterable[str]) -> str:
    """The one line for a machine without some system libraries."""
    names = " ".join(packages)
    return f"Blender needs system libraries that are missing; on Debian or Ubuntu: sudo apt-get install {names}"


def _loads(library: str, load: Callable[[str], object]) -> bool:
    try:
        load(library)
    except OSError:
        return False
    return True


def _has(extras: Iterable[str]) -> bool:
    needed = [module for extra in ("", *extras) for module in MODULES[extra]]
    return sys.prefix != sys.base_prefix and all(importlib.util.find_spec(module) for module in needed)


def _check_machine(extras: Iterable[str]) -> None:
    if sys.version_info[:2] != (3, 11):
        stop(f"needs Python 3.11, the version inside Blender; this is {sys.version.split()[0]}: run it with python3.11")
    if importlib.util.find_spec("ensurepip") is None:
        stop("this Python cannot make virtual environments; on Debian or Ubuntu: sudo apt-get install python3.11-venv")
    if "blender" in extras and (missing := missing_packages(LIBRARIES)):
        stop(explain(missing))


def _install(extras: Iterable[str]) -> None:
    pins = hashlib.sha256(b"".join(path.read_bytes() for path in PINS)).hexdigest()
    installed = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    wanted = sorted({*installed.get("extras", ()), *extras})
    if installed == {"pins": pins, "extras": wanted}:
        return
    print(f"Installing into {VENV} ({', '.join(wanted)}): some minutes the first time", file=sys.stderr, flush=True)
    if not STAMP.exists():
        venv.create(VENV, with_pip=True)
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    pip = [_python(), "-m", "pip", "--disable-pip-version-check", "install", *quiet]
    if subprocess.call([*pip, "--constraint", str(PINS[1]), "--editable", f"{ROOT}[{','.join(wanted)}]"]):
        stop("the installation failed, pip says why above; run the command again once that is mended")
    STAMP.write_text(json.dumps({"pins": pins, "extras": wanted}))


def _python() -> str:
    return str(VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


if __name__ == "__main__":
    main()
